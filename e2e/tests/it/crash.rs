//! Kill -9 at random moments, under load: whatever was acknowledged is there afterwards, whatever was
//! not sent is not, and nothing is half there.
//!
//! Each round starts the node, lets writers and a task that makes and drops tables run until a random
//! number of writes is acknowledged, and kills the process. Every third round kills it again while it
//! recovers. Then every key of every round so far is read and compared:
//!
//! - *lost*: an acknowledged write is neither there nor replaced by one that may have come later;
//! - *invented*: an item is there that nobody sent, or one from before an acknowledged write;
//! - *torn*: an item is there with the number of one write and the attributes of another.
//!
//! Items are put, updated and deleted, mostly under a condition that must hold of what was acknowledged, now
//! and then under one that cannot; updates add to the number that is there, so that one that is applied twice
//! shows. A local index sorts each writer's items by the number of their last write: it is read as well, and
//! must hold an entry of each item that was found, of the same write, and no other.
//!
//! A write that was under way at the kill is unknown: it may be there or not, and from the first read
//! after the restart on it is one of the two for good. The seed decides what is written and about when
//! the process dies, not how the system schedules it: a seed that failed is worth many runs.

mod churn;
mod content;
mod hot;
mod own;
mod trigger;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use stator_e2e::client::{client, make_indexed_table};
use stator_e2e::random::{Random, seed};
use stator_e2e::run::{evidence, kills};
use stator_e2e::site::{Node, Site};
use tokio::task::JoinSet;

use churn::Churn;
use hot::Hot;
use trigger::Trigger;
use writer::Writer;

/// How often the process is killed by default.
const KILLS: u64 = 100;

/// Writers, and the tables they share: several partitions wait for the same sync.
const WRITERS: u32 = 8;
const TABLES: u32 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_nine_loses_invents_and_tears_nothing() {
    let seed = seed();
    println!("STATOR_SEED={seed}");
    let site = Site::new();
    let mut run = Run::new(seed);
    run.make_tables(&site).await;
    for _ in 0..kills(KILLS) {
        run.round(&site).await;
    }
    site.assert_quiet();
    run.report(seed);
}

fn table_name(number: u32) -> String {
    format!("crash-{number}")
}

/// Everything that lives from one round to the next.
struct Run {
    random: Random,
    writers: Vec<Writer>,
    hot: Vec<Hot>,
    churn: Churn,
    kills: u64,
    recoveries_killed: u64,
    compared: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let writers = (0..WRITERS).map(|id| Writer::new(id, id % TABLES, random.fork())).collect();
        let hot = (0..TABLES).map(Hot::new).collect();
        let churn = Churn::new(random.fork());
        Self { random, writers, hot, churn, kills: 0, recoveries_killed: 0, compared: 0 }
    }

    async fn make_tables(&self, site: &Site) {
        let node = site.start().await;
        let client = client(&node);
        for number in 0..TABLES {
            make_indexed_table(&client, &table_name(number), &content::schema()).await;
        }
        node.kill().await;
    }

    async fn round(&mut self, site: &Site) {
        let node = site.start().await;
        self.load_and_kill(node).await;
        self.kills += 1;
        if self.kills.is_multiple_of(3) {
            let starting = site.launch();
            tokio::time::sleep(Duration::from_millis(self.random.below(60))).await;
            starting.kill().await;
            self.recoveries_killed += 1;
        }
        let node = site.start().await;
        self.compare(&node).await;
        node.kill().await;
    }

    /// Runs the load until it is time, kills the node, and takes back what the tasks know.
    async fn load_and_kill(&mut self, node: Node) {
        let trigger = Arc::new(Trigger::new(20 + self.random.below(400)));
        let mut tasks = JoinSet::new();
        for mut writer in self.writers.drain(..) {
            let (client, trigger) = (client(&node), Arc::clone(&trigger));
            tasks.spawn(async move {
                writer.write_until_dead(&client, &trigger).await;
                writer
            });
        }
        let client = client(&node);
        let Self { random, churn, .. } = self;
        let kill = async {
            trigger.reached().await;
            // Not always just after an acknowledgement.
            tokio::time::sleep(Duration::from_millis(random.below(4))).await;
            trigger.announce_kill();
            node.kill().await;
        };
        tokio::join!(churn.run_until_dead(&client, &trigger), kill);
        while let Some(writer) = tasks.join_next().await {
            self.writers.push(writer.expect("a writer found a defect"));
        }
        self.writers.sort_by_key(Writer::id);
    }

    async fn compare(&mut self, node: &Node) {
        let client = client(node);
        let mut defects = Vec::new();
        let mut tasks = JoinSet::new();
        for mut writer in self.writers.drain(..) {
            let client = client.clone();
            tasks.spawn(async move {
                let mut defects = Vec::new();
                let compared = writer.compare(&client, &mut defects).await;
                (writer, compared, defects)
            });
        }
        while let Some(done) = tasks.join_next().await {
            let (writer, compared, found) = done.expect("every key can be read");
            self.compared += compared;
            defects.extend(found);
            self.writers.push(writer);
        }
        self.writers.sort_by_key(Writer::id);
        for hot in &mut self.hot {
            hot.compare(&client, &mut self.writers, &mut defects).await;
            self.compared += 1;
        }
        self.compared += self.churn.compare(&client, &mut defects).await;
        assert!(defects.is_empty(), "after kill {}:\n{}", self.kills, defects.join("\n"));
    }

    fn report(&self, seed: u64) {
        let sum = |figure: fn(&Writer) -> u64| self.writers.iter().map(figure).sum::<u64>();
        let (acknowledged, unknown, kept) =
            (sum(Writer::acknowledged), sum(Writer::unknown), sum(Writer::unknown_kept));
        let (updates, deletes, refused, entries) = (
            sum(Writer::updates),
            sum(Writer::deletes),
            sum(Writer::conditions_failed),
            sum(Writer::entries),
        );
        assert!(acknowledged > 0, "a run that wrote nothing shows nothing");
        evidence(
            "crash",
            &[
                ("seed", &seed),
                ("kills", &self.kills),
                ("kills_during_recovery", &self.recoveries_killed),
                ("acknowledged_writes", &acknowledged),
                ("of_them_updates", &updates),
                ("of_them_deletes", &deletes),
                ("conditions_failed", &refused),
                ("unknown_writes", &unknown),
                ("unknown_found", &kept),
                ("table_changes", &self.churn.changes()),
                ("keys_compared", &self.compared),
                ("index_entries_compared", &entries),
                ("lost", &0),
                ("invented", &0),
                ("torn", &0),
            ],
        );
    }
}
