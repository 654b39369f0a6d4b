//! Tables from manifests (`--manifests`): what the files say is read, compared with the catalog, and
//! made so.
//!
//! ```text
//! files ──read──► manifests ──plan──► actions ──carry out──► the catalog, as the API would
//!   ▲                                                          │
//!   └────────── watch: events, and a look now and then ◄───────┘
//! ```
//!
//! What is to be done is decided as data by pure functions (`plan`); this module carries it out and
//! says in the log, one line an action, what it did. All files are good or none counts: while one
//! cannot be read, what was read last stays in force. A table that cannot be as its manifest says is
//! refused alone, the others go on. Nothing is ever deleted here: a document that goes away leaves its
//! table to the API.
//!
//! A table belongs to its manifest ([`Owners`]): the API may not create or delete it, or the two would
//! undo each other's work. With `--manifests-seed-only` nobody owns anything, and a manifest makes its
//! table once. Nothing here survives a restart; the next start compares again.

mod files;
mod owners;
mod plan;
#[cfg(test)]
mod verdicts;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use stator_admin::{Manifest, TableDefinition};
use stator_catalog::{Command, NewTable};
use stator_model::{HashSecret, TableId};
use stator_operation::{create_table, update_table};

pub use files::Error;
pub use owners::Owners;

use self::files::Files;
use self::plan::{Action, Mode, Reason, Succession, Update, plan, succeed};
use self::watch::Watch;
use crate::node::{Node, PARTITIONS};
use crate::process::Chain;
use crate::{clock, random};

/// After this long without any progress, what is left is put off.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often to look for news of tables that are on their way.
const NEWS_EVERY: Duration = Duration::from_millis(50);

/// The manifests of a node, and what came of them.
#[derive(Debug)]
pub struct Manifests {
    paths: Vec<PathBuf>,
    mode: Mode,
    /// The files as they were last read and understood.
    files: Files,
    /// What they say.
    current: Vec<Manifest>,
    /// Those whose tables are to be made so: all, or with [`Mode::Seed`] the new ones.
    wanted: Vec<Manifest>,
    /// Whether that came to its end, each table being as it should be or refused.
    settled: bool,
    /// What is wrong with the files now, so that it is logged once.
    problem: Option<String>,
}

impl Manifests {
    /// Reads the manifests that a node starts with.
    ///
    /// # Errors
    /// The first thing that is wrong with a file: a node does not start on half of what it should have.
    pub fn read(paths: Vec<PathBuf>, seed_only: bool) -> Result<Self, Error> {
        let mode = if seed_only { Mode::Seed } else { Mode::Own };
        let files = Files::read(&paths)?;
        let current = files.manifests()?;
        let wanted = current.clone();
        Ok(Self { paths, mode, files, current, wanted, settled: false, problem: None })
    }

    /// The tables, in the order of the files.
    pub fn tables(&self) -> impl Iterator<Item = &TableDefinition> {
        self.current.iter().map(|manifest| &manifest.table)
    }

    /// Makes the tables what the manifests say; returns when they are ACTIVE. What cannot be is logged.
    pub async fn apply(&mut self, node: &Node) {
        if !self.paths.is_empty() {
            self.carry_out(node).await;
        }
    }

    /// Follows the files for as long as the node runs.
    pub async fn follow(mut self, node: &Node) {
        if self.paths.is_empty() {
            return;
        }
        let mut watch = Watch::start(&self.paths);
        // Looked at first: what changed since the start changed unwatched.
        loop {
            if self.look(node).await {
                // A folder may have been replaced by another of the same name.
                watch.renew(&self.paths);
            }
            watch.news().await;
        }
    }

    /// Reads the files again and does what follows; whether they changed.
    async fn look(&mut self, node: &Node) -> bool {
        match self.read_again() {
            Ok(None) => {
                if !self.settled {
                    self.carry_out(node).await;
                }
                false
            }
            Ok(Some((files, manifests))) => {
                (self.files, self.problem) = (files, None);
                self.succeed(manifests);
                self.carry_out(node).await;
                true
            }
            Err(error) => {
                let problem = Chain(&error).to_string();
                if self.problem.as_ref() != Some(&problem) {
                    tracing::error!(problem, "manifests cannot be read; what was read last stays");
                    self.problem = Some(problem);
                }
                false
            }
        }
    }

    /// The files and what they say; `None` if that is what they said before.
    fn read_again(&self) -> Result<Option<(Files, Vec<Manifest>)>, Error> {
        let files = Files::read(&self.paths)?;
        if self.problem.is_none() && files == self.files {
            return Ok(None);
        }
        let manifests = files.manifests()?;
        Ok(Some((files, manifests)))
    }

    /// Puts other manifests in force.
    fn succeed(&mut self, manifests: Vec<Manifest>) {
        let Succession { accepted, new, renamed, released } = succeed(&self.current, manifests);
        for manifest in &released {
            let (table, was_at) = (&manifest.table.name, &manifest.place);
            tracing::info!(table, %was_at, "a manifest is gone; its table stays, and is the API's now");
        }
        for (manifest, reason) in &renamed {
            refuse(manifest, reason);
        }
        self.wanted = match self.mode {
            Mode::Own => accepted.clone(),
            Mode::Seed => new,
        };
        self.current = accepted;
    }

    /// Plans and acts until nothing is left to do.
    async fn carry_out(&mut self, node: &Node) {
        if self.mode == Mode::Own {
            node.owners().set(&self.current);
        }
        let (mut created, mut updated, mut refused) = (0, 0, Vec::new());
        let mut until = clock::running() + PATIENCE;
        self.settled = loop {
            let mut waiting = None;
            refused.clear();
            for action in node.look(|catalog| plan(catalog, self.mode, &self.wanted)) {
                let done = match action {
                    Action::Keep => continue,
                    Action::Wait(why) => Err(why.to_owned()),
                    Action::Refuse(manifest, reason) => {
                        refused.push((manifest, reason));
                        continue;
                    }
                    Action::Create(manifest) => create(node, manifest).await.map(|()| created += 1),
                    Action::Update(manifest, update) => {
                        change(node, manifest, update).await.map(|()| updated += 1)
                    }
                };
                if done.is_ok() {
                    until = clock::running() + PATIENCE;
                }
                waiting = Some(done.err().unwrap_or_default());
            }
            let Some(why) = waiting else { break true };
            if clock::running() > until {
                tracing::error!(why, "tables are not as their manifests say; trying again later");
                break false;
            }
            node.changed(NEWS_EVERY).await;
        };
        refused.iter().for_each(|(manifest, reason)| refuse(manifest, reason));
        let (tables, refused) = (self.wanted.len(), refused.len());
        tracing::info!(tables, created, updated, refused, "manifests are carried out");
    }
}

/// Makes the table of a manifest; says why that is not possible now.
async fn create(node: &Node, manifest: &Manifest) -> Result<(), String> {
    let TableDefinition {
        name,
        key_schema,
        local_indexes,
        billing,
        deletion_protection,
        settings,
        min_partitions,
    } = manifest.table.clone();
    let command = Command::CreateTable(Box::new(NewTable {
        id: TableId::from_random(random::secret()),
        name,
        key_schema,
        local_indexes,
        billing,
        deletion_protection,
        settings,
        warm: None,
        hash_secret: HashSecret::from_bytes(random::secret()),
        partitions: min_partitions.unwrap_or(PARTITIONS),
    }));
    let made = node.decide(command, create_table::refused).await;
    made.map_err(|error| error.to_string())?;
    let (table, at) = (&manifest.table.name, &manifest.place);
    tracing::info!(table, %at, "a table is created as its manifest says");
    Ok(())
}

/// Changes the table of a manifest; says why that is not possible now.
async fn change(node: &Node, manifest: &Manifest, update: Update) -> Result<(), String> {
    let changes = update.to_string();
    let made = node.decide(Command::UpdateTable(update.into()), update_table::refused).await;
    made.map_err(|error| error.to_string())?;
    let (table, at) = (&manifest.table.name, &manifest.place);
    tracing::info!(table, %at, changes, "a table is changed as its manifest says");
    Ok(())
}

fn refuse(manifest: &Manifest, reason: &Reason) {
    let (table, at) = (&manifest.table.name, &manifest.place);
    tracing::error!(table, %at, %reason, "a table cannot be as its manifest says; it stays as it is");
}
