//! A data directory with a file of every kind, an older copy of it, and what was acknowledged.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stator_e2e::random::Random;
use stator_e2e::wait::eventually;
use tempfile::TempDir;

use super::directory::{Kind, copy, files, kind};
use super::harm::{Case, Harm};
use crate::traffic::{Comparison, Connection, History, Load, Process, compare};

/// When the older copy is made: with one segment of the Raft log and one journal full, and another of
/// each begun. Both hold 64 MiB.
const OLDER_AFTER: u64 = 100 << 20;

/// A moment at which two segments and two journals are there comes with each new segment, and lasts until
/// the store is synced: a second at most.
const TRIES: u64 = 4;

/// How long the load may take until both are there.
const LIMIT: Duration = Duration::from_secs(120);

/// What bears the mark of a directory that never served.
const FORMING: &str = "stator-node data directory";

/// A filled directory.
pub(crate) struct Specimen {
    path: PathBuf,
    /// Removed with the specimen, unless it is kept.
    folder: Mutex<Option<TempDir>>,
    pub(crate) history: Arc<History>,
}

impl Specimen {
    /// Fills one.
    ///
    /// # Panics
    /// If the node does not hold what it acknowledged even without damage.
    pub(crate) async fn make(seed: u64) -> Self {
        let folder = tempfile::Builder::new().prefix("stator-damage-").tempdir();
        let folder = folder.expect("there is room");
        let path = folder.path().canonicalize().expect("it is there");
        let mut load = Load::new(Random::new(seed), path.join("no-trace"));
        let node = start(&path).await;
        load.run(node.address, OLDER_AFTER).await;
        assert!(node.stop().await.success(), "it ends with success");
        copy(&path.join("data"), &path.join("older"));
        fs::write(path.join("older/FORMING"), FORMING).expect("there is room");
        for _ in 0..TRIES {
            fill(&path, &mut load).await;
            let specimen = Self {
                path: path.clone(),
                folder: Mutex::default(),
                history: Arc::new(load.history()),
            };
            specimen.check().await;
            if specimen.missing().is_empty() {
                fs::write(path.join("history"), specimen.history.to_text()).expect("room");
                return Self { folder: Mutex::new(Some(folder)), ..specimen };
            }
        }
        panic!("after {TRIES} tries there is still no file of some kind");
    }

    /// One that was kept in this folder.
    pub(crate) fn open(path: &Path) -> Self {
        let text = fs::read_to_string(path.join("history")).expect("a kept one has a history");
        let history = Arc::new(History::from_text(&text));
        Self { path: path.to_path_buf(), folder: Mutex::default(), history }
    }

    /// Keeps its files and says where.
    pub(crate) fn keep(&self) -> PathBuf {
        if let Some(folder) = self.folder.lock().expect("nobody panicked").take() {
            let _kept = folder.keep();
        }
        self.path.clone()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path.join("whole")
    }

    pub(crate) fn older(&self) -> PathBuf {
        self.path.join("older")
    }

    /// Everything that can be done to its files.
    pub(crate) fn cases(&self, seed: u64) -> Vec<Case> {
        let (data, older) = (self.data(), self.older());
        let here = files(&data);
        let all: BTreeSet<String> = here.iter().cloned().chain(files(&older)).collect();
        let mut cases = Vec::new();
        for path in all {
            let bytes = fs::read(data.join(&path)).ok();
            let before = fs::read(older.join(&path)).ok();
            let kind = kind(&data, &path, &here);
            for harm in Harm::ALL {
                let shows = match harm {
                    Harm::Flip | Harm::Hole | Harm::Truncate | Harm::Zero => {
                        bytes.as_ref().is_some_and(|bytes| !bytes.is_empty())
                    }
                    Harm::Remove => bytes.is_some(),
                    Harm::Older => before.is_some() && before != bytes,
                };
                if shows {
                    let random = Random::new(seed ^ hash(&path));
                    cases.push(Case { path: path.clone(), kind, harm, random });
                }
            }
        }
        cases
    }

    /// The kinds of which there is no file.
    fn missing(&self) -> Vec<Kind> {
        let cases = self.cases(0);
        let found: BTreeSet<Kind> = cases.iter().map(|case| case.kind).collect();
        Kind::ALL.into_iter().filter(|kind| !found.contains(kind)).collect()
    }

    /// Undamaged it is served in full.
    async fn check(&self) {
        let whole = self.path.join("check");
        copy(&self.data(), &whole);
        let log = self.path.join("check.log");
        let node = Process::start(&whole, &log, &[]).await.expect("it starts");
        let mut connection = Connection::open(node.address).await.expect("it serves");
        let found = compare(&mut connection, &self.history, u64::MAX).await.expect("it serves");
        node.kill().await;
        let Comparison { keys, errors, defects, .. } = found;
        assert!(keys > 0 && errors == 0 && defects.is_empty(), "undamaged: {errors} {defects:?}");
        fs::remove_dir_all(whole).expect("our own files can be removed");
    }
}

/// Writes until two segments and two journals are there, and keeps what the kill leaves.
async fn fill(path: &Path, load: &mut Load) {
    let node = start(path).await;
    let address = node.address;
    let watch = async {
        let data = path.join("data");
        eventually("two segments and two journals", LIMIT, async || both(&data).then_some(()))
            .await;
        node.kill().await;
    };
    tokio::join!(load.run(address, u64::MAX), watch);
    // The batch that was written last is the one that nothing vouches for yet: a start does.
    let node = start(path).await;
    node.kill().await;
    let whole = path.join("whole");
    if whole.exists() {
        fs::remove_dir_all(&whole).expect("our own files can be removed");
    }
    copy(&path.join("data"), &whole);
}

async fn start(path: &Path) -> Process {
    let started = Process::start(&path.join("data"), &path.join("stderr.log"), &[]).await;
    started.unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// Whether a segment and a journal each have another one behind them.
fn both(data: &Path) -> bool {
    let count = |folder: &str, ending: &str| {
        let entries = fs::read_dir(data.join(folder)).expect("it can be listed");
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter(|name| name.ends_with(ending)).count()
    };
    count("log", ".log") >= 2 && count("store", ".jnl") >= 2
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}
