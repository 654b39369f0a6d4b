//! The threads under the edge, and the queues between them.
//!
//! ```text
//!  edge ──► core ──► log ──► core          one synced batch of every group's records
//!            │                             (two under way at most: the core withholds a third)
//!            └─────► apply ──► core        committed entries into the store, then answers
//!                      persist ──► core    the store synced once a second, for the log's sake
//!                      sweep               tablets that nobody needs any more
//! ```
//!
//! Each thread owns its part and says what it did as an event of the core. Queues are unbounded in
//! type and bounded in fact: the edge admits a bounded number of requests, the core a bounded number
//! of bytes a group, and everything else follows from those. Any failure to write or sync ends the
//! process: what the disk holds is known again only after a start.

mod apply;
mod log;
mod persist;
mod sweep;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use stator_log::Log;
use stator_model::TabletId;
use stator_replica::{Applier, ApplyTask, Core, Event, LogTask, Now, Output, Published};
use stator_store::Engine;
use tokio::sync::Notify;

use self::apply::ApplyLoop;
use self::log::{LogLoop, prepare_segments};
pub(super) use self::persist::Durability;
use self::persist::PersistLoop;
use self::sweep::run_sweep;
use crate::clock;
use crate::metrics::NodeMetrics;

/// Events that the core takes in before it flushes, at most.
const EVENTS_A_FLUSH: usize = 4096;

/// The newest picture of catalog and replicas, and news of newer ones.
pub(super) struct Picture {
    current: ArcSwap<Published>,
    changed: Notify,
    /// The log keeps more segments than it should: see [`log::LONG_LOG`].
    log_is_long: AtomicBool,
}

impl Picture {
    fn new(log_is_long: bool) -> Self {
        let first = Published { catalog: Arc::default(), replicas: Arc::default(), ready: false };
        Self {
            current: ArcSwap::from_pointee(first),
            changed: Notify::new(),
            log_is_long: AtomicBool::new(log_is_long),
        }
    }

    /// Whether clients may be let in.
    pub(super) fn is_ready(&self) -> bool {
        self.load().ready && !self.log_is_long.load(Ordering::Relaxed)
    }

    /// The picture as of now.
    pub(super) fn load(&self) -> arc_swap::Guard<Arc<Published>> {
        self.current.load()
    }

    /// Waits for the next picture after this call, or for `limit`.
    pub(super) async fn changed(&self, limit: Duration) {
        let _ = tokio::time::timeout(limit, self.changed.notified()).await;
    }

    fn log_is_released(&self) {
        self.log_is_long.store(false, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    fn publish(&self, picture: Published) {
        self.current.store(Arc::new(picture));
        self.changed.notify_waiters();
    }
}

/// The running threads. Dropping the core's queue ends them in order.
pub(super) struct Threads {
    handles: Vec<JoinHandle<()>>,
}

/// What the threads run.
pub(super) struct Parts {
    /// The core, not yet flushed.
    pub(super) core: Core,
    /// The log that it was rebuilt from.
    pub(super) log: Log,
    /// The store.
    pub(super) engine: Arc<dyn Engine>,
    /// What makes the store durable.
    pub(super) durability: Durability,
}

/// Says why, and ends the process: see the module.
pub(super) fn fail_stop(what: &'static str, error: &dyn Error) -> ! {
    let causes = describe(error);
    tracing::error!(causes, "{what}; the process ends, what was acknowledged is safe");
    std::process::exit(1)
}

/// An error with its causes, for the log.
pub(super) fn describe(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Starts the threads; returns the core's queue and the picture that it publishes.
///
/// # Errors
/// If the system has no thread to give.
pub(super) fn start(
    parts: Parts,
    metrics: &NodeMetrics,
) -> std::io::Result<(Sender<Event>, Arc<Picture>, Threads)> {
    let Parts { mut core, log, engine, durability } = parts;
    let (events, inbox) = mpsc::channel();
    let (log_tasks, log_inbox) = mpsc::channel();
    let (apply_tasks, apply_inbox) = mpsc::channel();
    let (sweeps, sweep_inbox) = mpsc::channel();
    let picture = Arc::new(Picture::new(log::is_long(&log)));
    // Told when the store should be synced now; ends when nobody is left who would.
    let (persist, persist_inbox) = mpsc::channel();

    let mut handles = Vec::new();
    let mut spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
        handles.push(std::thread::Builder::new().name(name.to_owned()).spawn(run)?);
        std::io::Result::Ok(())
    };
    let (prepare, prepare_inbox) = mpsc::sync_channel(1);
    let preparer = log.preparer();
    spawn("log-prepare", Box::new(move || prepare_segments(&preparer, &prepare_inbox)))?;
    let core_events = events.clone();
    let log_loop = LogLoop {
        log,
        inbox: log_inbox,
        core: core_events,
        prepare,
        persist: persist.clone(),
        picture: Arc::clone(&picture),
        metrics: Arc::clone(&metrics.log),
    };
    spawn("log", Box::new(move || log_loop.run()))?;
    let apply_loop = ApplyLoop {
        applier: Applier::new(Arc::clone(&engine)),
        inbox: apply_inbox,
        core: events.clone(),
        persist: persist.clone(),
        store: metrics.store.clone(),
        replica: metrics.replica.clone(),
    };
    spawn("apply", Box::new(move || apply_loop.run()))?;
    let (seen, sweep_engine) = (Arc::clone(&picture), Arc::clone(&engine));
    spawn("sweep", Box::new(move || run_sweep(&*sweep_engine, &sweep_inbox)))?;
    let core_events = events.clone();
    let persist_loop = PersistLoop {
        durability,
        picture: seen,
        due: persist_inbox,
        core: core_events,
        metrics: metrics.store.clone(),
    };
    spawn("persist", Box::new(move || persist_loop.run()))?;
    let shown = Arc::clone(&picture);
    let queues =
        Queues { log: log_tasks, apply: apply_tasks, sweep: sweeps, recovered: Some(persist) };
    spawn("core", Box::new(move || run_core(&mut core, &inbox, queues, &shown)))?;
    Ok((events, picture, Threads { handles }))
}

impl Threads {
    /// Waits for all threads; they end once the core was told to.
    pub(super) fn join(self) {
        for handle in self.handles {
            // A thread that panicked has ended the process already.
            let _ = handle.join();
        }
    }
}

/// Where the core's output goes.
struct Queues {
    log: Sender<LogTask>,
    apply: Sender<Vec<ApplyTask>>,
    sweep: Sender<Vec<TabletId>>,
    /// Told once that the log is replayed, then gone.
    recovered: Option<Sender<()>>,
}

fn run_core(core: &mut Core, inbox: &Receiver<Event>, mut queues: Queues, picture: &Picture) {
    loop {
        match core.flush(Now { wall: clock::wall(), running: clock::running() }) {
            Ok(output) => queues.hand_out(output, picture),
            Err(error) => fail_stop("a partition cannot go on", &error),
        }
        let Ok(event) = inbox.recv() else { return };
        if matches!(event, Event::Stop) {
            return;
        }
        core.step(event);
        for event in inbox.try_iter().take(EVENTS_A_FLUSH) {
            if matches!(event, Event::Stop) {
                return;
            }
            core.step(event);
        }
    }
}

impl Queues {
    fn hand_out(&mut self, output: Output, picture: &Picture) {
        // Log before apply: an entry must never be applied that the log does not get. A closed queue
        // means that its thread failed, which has ended the process.
        if let Some(task) = output.log {
            let _ = self.log.send(task);
        }
        if !output.apply.is_empty() {
            let _ = self.apply.send(output.apply);
        }
        if !output.drop.is_empty() {
            let _ = self.sweep.send(output.drop);
        }
        if let Some(published) = output.publish {
            let recovered = published.ready;
            picture.publish(published);
            // The store holds the whole log for the first time. A node that never lived for a second
            // would else never sync it, and its log would keep every segment.
            if let Some(persist) = self.recovered.take_if(|_| recovered) {
                let _ = persist.send(());
            }
        }
        output.settled.into_iter().for_each(|settled| settled.send());
    }
}
