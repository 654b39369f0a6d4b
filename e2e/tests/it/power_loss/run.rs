//! A recorded run: a trace and the history of what clients saw meanwhile.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use stator_e2e::power_loss::{Disk, Faults, Interposer, Trace, Tracing};
use stator_e2e::random::Random;
use stator_e2e::wait::eventually;
use tempfile::TempDir;

use crate::traffic::{History, Load, Process};

/// How much a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// Enough for files to be rotated, flushed, compacted and removed.
    Full,
    /// A moment.
    Small,
}

impl Size {
    /// After how many records each process is killed; the last one is stopped properly, once clients
    /// have written so many bytes.
    fn lives(self, random: &mut Random) -> Vec<Life> {
        let killed = |records| Life { kill_after: Some(records), bytes: u64::MAX };
        let mut first_start = || killed(2 + random.below(250));
        let mut lives = match self {
            Self::Full => vec![first_start(), first_start()],
            Self::Small => Vec::new(),
        };
        if self == Self::Full {
            lives.push(killed(400 + random.below(3_000)));
            lives.push(killed(10 + random.below(400)));
            lives.push(killed(1_000 + random.below(9_000)));
        }
        let bytes = if self == Self::Full { 80 << 20 } else { 2 << 20 };
        lives.push(Life { kill_after: None, bytes });
        lives
    }
}

/// One process of a run.
struct Life {
    kill_after: Option<u64>,
    bytes: u64,
}

/// A run.
pub(crate) struct Run {
    path: PathBuf,
    /// Removed with the run, unless it is kept.
    folder: Mutex<Option<TempDir>>,
    pub(crate) interposer: Interposer,
    pub(crate) trace: Trace,
    pub(crate) history: History,
}

impl Run {
    /// Runs the load over several processes and records it.
    pub(crate) async fn record(seed: u64, size: Size) -> Self {
        // On a real disk: there a sync takes long enough for other things to happen meanwhile.
        let folder =
            tempfile::Builder::new().prefix("stator-power-").tempdir().expect("there is room");
        let path = folder.path().canonicalize().expect("it is there");
        let mut random = Random::new(seed);
        let interposer = Interposer::build(&path);
        let (data, trace) = (path.join("data"), path.join("trace"));
        let mut load = Load::new(random.fork(), trace.clone());
        for life in size.lives(&mut random) {
            let kill_after = life.kill_after;
            let tracing = Tracing { directory: data.clone(), trace: trace.clone(), kill_after };
            live(&path, &interposer.environment(&tracing), life, &mut load).await;
        }
        let history = load.history();
        fs::write(path.join("history"), history.to_text()).expect("there is room");
        let trace = Trace::new(fs::read(trace).expect("it can be read"));
        check_trace(&trace, &data);
        Self { path, folder: Mutex::new(Some(folder)), interposer, trace, history }
    }

    /// A run that was kept in this folder.
    pub(crate) fn open(path: PathBuf) -> Self {
        let text = fs::read_to_string(path.join("history")).expect("a kept run has a history");
        let trace = Trace::new(fs::read(path.join("trace")).expect("a kept run has a trace"));
        let interposer = Interposer::build(&path);
        let history = History::from_text(&text);
        Self { path, folder: Mutex::new(None), interposer, trace, history }
    }

    /// Keeps its files and says where.
    pub(crate) fn keep(&self) -> PathBuf {
        if let Some(folder) = self.folder.lock().expect("nobody panicked").take() {
            let _kept = folder.keep();
        }
        self.path.clone()
    }
}

/// Runs one process until it dies or has done enough.
async fn live(path: &Path, environment: &[(&'static str, PathBuf)], life: Life, load: &mut Load) {
    let log = path.join("stderr.log");
    match Process::start(&path.join("data"), &log, environment).await {
        Ok(process) => {
            load.run(process.address, life.bytes).await;
            if load.died() {
                let mut process = process;
                process.ended().await;
                assert!(life.kill_after.is_some(), "the node died:\n{}", process.log_tail());
            } else {
                if life.kill_after.is_none() {
                    one_segment(&path.join("data/log")).await;
                }
                let status = process.stop().await;
                assert!(life.kill_after.is_some() || status.success(), "it ends with {status}");
            }
        }
        Err(refusal) => {
            let killed = refusal.status.and_then(|status| status.signal()) == Some(9);
            assert!(killed && life.kill_after.is_some(), "traced, {refusal}");
        }
    }
}

/// Waits until the log has let go of what the store has synced: a second after the last write.
async fn one_segment(log: &Path) {
    let segments = || {
        let entries = fs::read_dir(log).expect("it can be listed");
        entries.filter(|entry| {
            let entry = entry.as_ref().expect("it can be listed");
            entry.path().extension().is_some_and(|extension| extension == "log")
        })
    };
    let limit = Duration::from_secs(30);
    eventually("the log to let segments go", limit, async || {
        (segments().count() == 1).then_some(())
    })
    .await;
}

/// The trace is worth nothing if it does not lead to the files that are really there.
fn check_trace(trace: &Trace, data: &Path) {
    let mut disk = Disk::new(Faults::default());
    trace.records().iter().for_each(|record| disk.step(&record.operation));
    let differences = disk.view().differences(data);
    assert!(differences.is_empty(), "the trace missed what happened to {differences:?}");
}
