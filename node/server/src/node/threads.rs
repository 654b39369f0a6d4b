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

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use stator_log::{Log, Record, SegmentPreparer};
use stator_model::{LogIndex, PartitionId, TabletId};
use stator_replica::{Applier, ApplyTask, Core, Event, LogTask, Output, Published};
use stator_store::{Engine, Persister};
use tokio::sync::Notify;

use crate::clock;

/// Events that the core takes in before it flushes, at most.
const EVENTS_A_FLUSH: usize = 4096;
/// Tasks that become one store batch, at most.
const TASKS_A_BATCH: usize = 256;
/// After this long without a batch the log says how far it is synced.
const IDLE_MARK: Duration = Duration::from_millis(100);
/// How often the store's dirty pages are written out while it is written to.
const WRITE_OUT_EVERY: Duration = Duration::from_millis(50);
/// Every so many of these rounds the store is synced: once a second.
const ROUNDS_A_PERSIST: u32 = 20;
/// How often what is left of dropped tablets is looked at.
const RECLAIM_EVERY: Duration = Duration::from_secs(60);

/// The newest picture of catalog and replicas, and news of newer ones.
pub(super) struct Picture {
    current: ArcSwap<Published>,
    changed: Notify,
}

impl Picture {
    /// The picture as of now.
    pub(super) fn load(&self) -> arc_swap::Guard<Arc<Published>> {
        self.current.load()
    }

    /// Waits for the next picture after this call, or for `limit`.
    pub(super) async fn changed(&self, limit: Duration) {
        let _ = tokio::time::timeout(limit, self.changed.notified()).await;
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
    /// What makes fjall's store durable; `None` for the simulated one.
    pub(super) persister: Option<Persister>,
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
pub(super) fn start(parts: Parts) -> std::io::Result<(Sender<Event>, Arc<Picture>, Threads)> {
    let Parts { mut core, log, engine, persister } = parts;
    let (events, inbox) = mpsc::channel();
    let (log_tasks, log_inbox) = mpsc::channel();
    let (apply_tasks, apply_inbox) = mpsc::channel();
    let (sweeps, sweep_inbox) = mpsc::channel();
    let first = Published { catalog: Arc::default(), replicas: Arc::default(), ready: false };
    let picture =
        Arc::new(Picture { current: ArcSwap::from_pointee(first), changed: Notify::new() });

    let mut handles = Vec::new();
    let mut spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
        handles.push(std::thread::Builder::new().name(name.to_owned()).spawn(run)?);
        std::io::Result::Ok(())
    };
    let (prepare, prepare_inbox) = mpsc::sync_channel(1);
    let preparer = log.preparer();
    spawn("log-prepare", Box::new(move || prepare_segments(&preparer, &prepare_inbox)))?;
    let core_events = events.clone();
    let log_loop = LogLoop { log, inbox: log_inbox, core: core_events, prepare };
    spawn("log", Box::new(move || log_loop.run()))?;
    let applier = Applier::new(Arc::clone(&engine));
    let core_events = events.clone();
    spawn("apply", Box::new(move || run_apply(applier, &apply_inbox, &core_events)))?;
    let (seen, sweep_engine) = (Arc::clone(&picture), Arc::clone(&engine));
    spawn("sweep", Box::new(move || run_sweep(&*sweep_engine, &sweep_inbox)))?;
    let (stop_persist, persist_inbox) = mpsc::channel();
    let core_events = events.clone();
    let persist_loop =
        PersistLoop { engine, persister, picture: seen, stop: persist_inbox, core: core_events };
    spawn("persist", Box::new(move || persist_loop.run()))?;
    let shown = Arc::clone(&picture);
    let queues = Queues { log: log_tasks, apply: apply_tasks, sweep: sweeps };
    spawn(
        "core",
        Box::new(move || {
            run_core(&mut core, &inbox, &queues, &shown);
            drop(stop_persist);
        }),
    )?;
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
}

fn run_core(core: &mut Core, inbox: &Receiver<Event>, queues: &Queues, picture: &Picture) {
    loop {
        match core.flush(clock::wall()) {
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
    fn hand_out(&self, output: Output, picture: &Picture) {
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
            picture.publish(published);
        }
        output.settled.into_iter().for_each(|settled| settled.send());
    }
}

fn prepare_segments(preparer: &SegmentPreparer, inbox: &Receiver<()>) {
    // Failing here costs time, not data: the log makes its segment itself when it needs one.
    loop {
        if let Err(error) = preparer.prepare() {
            tracing::warn!(%error, "a segment of the Raft log could not be prepared ahead of need");
        }
        if inbox.recv().is_err() {
            return;
        }
    }
}

/// The thread that owns the Raft log.
struct LogLoop {
    log: Log,
    inbox: Receiver<LogTask>,
    core: Sender<Event>,
    prepare: mpsc::SyncSender<()>,
}

impl LogLoop {
    fn run(mut self) {
        let mut unmarked = false;
        loop {
            let first = match self.inbox.recv_timeout(IDLE_MARK) {
                Ok(task) => task,
                Err(RecvTimeoutError::Timeout) => {
                    if std::mem::take(&mut unmarked)
                        && let Err(error) = self.log.mark()
                    {
                        fail_stop("the Raft log could not be written", &error);
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let Err(error) = self.write(first) {
                fail_stop("the Raft log could not be written", &error);
            }
            unmarked = true;
        }
        if let Err(error) = self.log.mark() {
            fail_stop("the Raft log could not be written", &error);
        }
    }

    /// Writes a task and those that wait behind it as one batch.
    fn write(&mut self, first: LogTask) -> Result<(), stator_log::Error> {
        let mut last = first.id;
        let mut records: Vec<Record> = Vec::new();
        let mut release = None;
        let mut next = Some(first);
        while let Some(task) = next {
            if let Some(checkpoint) = &task.checkpoint {
                self.append(&mut records)?;
                self.log.rotate(checkpoint)?;
                let _ = self.prepare.try_send(());
            }
            records.extend(task.records);
            release = task.release.or(release);
            last = task.id;
            next = self.inbox.try_recv().ok();
        }
        self.append(&mut records)?;
        let wants_checkpoint = self.log.wants_checkpoint();
        let _ = self.core.send(Event::Logged { task: last, wants_checkpoint });
        if let Some(durable) = release {
            self.log.release(&durable)?;
        }
        Ok(())
    }

    fn append(&mut self, records: &mut Vec<Record>) -> Result<(), stator_log::Error> {
        if !records.is_empty() {
            self.log.append(records)?;
            records.clear();
        }
        Ok(())
    }
}

fn run_apply(mut applier: Applier, inbox: &Receiver<Vec<ApplyTask>>, core: &Sender<Event>) {
    while let Ok(mut tasks) = inbox.recv() {
        while tasks.len() < TASKS_A_BATCH
            && let Ok(more) = inbox.try_recv()
        {
            tasks.extend(more);
        }
        match applier.apply(tasks) {
            Ok(done) => {
                for applied in done {
                    let _ = core.send(Event::Applied(applied));
                }
            }
            Err(error) => fail_stop("committed entries could not be applied", &error),
        }
    }
}

/// Writes the store's dirty pages out often and syncs it once a second, while it is written to, so
/// that the log may let segments go and a restart has little to replay.
struct PersistLoop {
    engine: Arc<dyn Engine>,
    /// fjall's, which spares commits most of a sync; the simulated store has none.
    persister: Option<Persister>,
    picture: Arc<Picture>,
    stop: Receiver<()>,
    core: Sender<Event>,
}

impl PersistLoop {
    fn run(mut self) {
        let (mut written_out, mut durable) = (HashMap::new(), HashMap::new());
        let mut rounds = 0;
        loop {
            let stop = self.stop.recv_timeout(WRITE_OUT_EVERY);
            let last = matches!(stop, Err(RecvTimeoutError::Disconnected));
            // Taken before the sync: it covers what was applied then, perhaps more.
            let applied = applied_indexes(&self.picture);
            rounds += 1;
            let done = if (last || rounds >= ROUNDS_A_PERSIST) && applied != durable {
                rounds = 0;
                durable.clone_from(&applied);
                self.persist().inspect(|()| drop(self.core.send(Event::Durable(applied))))
            } else if applied != written_out {
                written_out = applied;
                self.persister.as_mut().map_or(Ok(()), Persister::write_out)
            } else {
                Ok(())
            };
            if let Err(error) = done {
                fail_stop("the store could not be synced", &error);
            }
            if last {
                return;
            }
        }
    }

    fn persist(&mut self) -> Result<(), stator_store::Error> {
        match &mut self.persister {
            Some(persister) => persister.persist_step(),
            None => self.engine.persist(),
        }
    }
}

fn applied_indexes(picture: &Picture) -> HashMap<PartitionId, LogIndex> {
    let picture = picture.load();
    picture.replicas.iter().map(|(id, handle)| (*id, handle.applied())).collect()
}

fn run_sweep(engine: &dyn Engine, inbox: &Receiver<Vec<TabletId>>) {
    let mut left = 0;
    loop {
        let swept = match inbox.recv_timeout(RECLAIM_EVERY) {
            Ok(tablets) => engine.drop_tablets(&tablets).map(|()| tablets.len()),
            Err(RecvTimeoutError::Timeout) if left > 0 => engine.reclaim(),
            Err(RecvTimeoutError::Timeout) => Ok(0),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        match swept {
            Ok(count) => left = count,
            Err(error) if error.is_fatal() => fail_stop("a tablet could not be dropped", &error),
            Err(error) => tracing::warn!(%error, "a tablet could not be dropped yet"),
        }
    }
}
