//! The process of a node: the real core, log, applier and store, and in place of the server's threads
//! one function each, called in whatever order the scheduler draws.
//!
//! A mirror of `stator-server`'s `node/threads.rs`: each function does what one thread does between two
//! points at which it may be overtaken. Nothing of it survives a crash but the disk and the store.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use stator_log::{Log, LogId, Options, Record, SegmentPreparer};
use stator_model::{LogIndex, NodeId, PartitionId, ReplicaId, TabletId, UnixMillis};
use stator_replica::{
    Applied, Applier, ApplyTask, Core, Event, Forming, Limits, LogTask, Now, Output, Pace,
    Published, Start,
};
use stator_store::{Engine, MemoryEngine};

use self::hasty::Hasty;
use crate::disk::{Disk, Phase};
use crate::invariants::Watch;
use crate::keeping::KeepsEntries;
use crate::plan::{Moment, Planted};
use crate::random::Random;
use crate::violation::Violation;

mod hasty;

/// After this long without a batch the log says how far it is synced, in milliseconds.
const IDLE_MARK: u64 = 100;
/// A log with more segments than these at its start keeps clients out until some are released.
const LONG_LOG: usize = 4;
/// How often what is left of dropped tablets is looked at.
const RECLAIM_EVERY: u64 = 60_000;

/// Why a process is no more.
#[derive(Debug)]
pub enum Death {
    /// Something failed, and the process ended itself.
    Failed {
        /// What it was doing.
        doing: &'static str,
        /// The error with its causes.
        causes: String,
    },
    /// It reached the moment at which it was to die.
    Moment(Moment),
    /// It did what must not be.
    Violation(Violation),
}

impl From<Violation> for Death {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

fn failed(doing: &'static str, error: &dyn Error) -> Death {
    let mut causes = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push_str(": ");
        causes.push_str(&error.to_string());
        cause = error.source();
    }
    Death::Failed { doing, causes }
}

/// What a process is started on.
pub struct Machine {
    /// The disk of the log.
    pub disk: Disk,
    /// The store.
    pub engine: MemoryEngine,
    /// The log that must be there; `None` until the node was formed.
    pub expect: Option<LogId>,
    /// The id of the log if one is created.
    pub new_id: [u8; 16],
    /// Bytes of a segment and of the first.
    pub segments: (u64, u64),
    /// Milliseconds between syncs of the store.
    pub persist_every: u64,
    /// How far a keyspace may be behind.
    pub limits: Limits,
    /// The moment at which the process dies, and after how many of them.
    pub dies_at: Option<(Moment, u64)>,
    /// Defects made on purpose.
    pub planted: Planted,
}

/// A process. See the module.
pub struct Process {
    core: Core,
    log: Log,
    preparer: SegmentPreparer,
    applier: Applier,
    /// By planted defects.
    put_aside: Vec<ApplyTask>,
    hasty: Option<Hasty>,
    /// How often a keyspace was skipped.
    pub skipped: u64,
    /// How often a keyspace fell behind so far that writes were refused.
    pub fell_behind: u64,
    disk: Disk,
    engine: MemoryEngine,
    /// The core's queue.
    pub events: VecDeque<Event>,
    log_tasks: VecDeque<LogTask>,
    apply_tasks: VecDeque<Vec<ApplyTask>>,
    sweeps: VecDeque<Vec<TabletId>>,
    /// What edges look at.
    pub picture: Published,
    /// Counts pictures.
    pub version: u64,
    open: bool,
    log_is_long: bool,
    /// The log is replayed, and the persist thread was told.
    recovered: bool,
    flushed: bool,
    unmarked: bool,
    logged_at: u64,
    wants_segment: bool,
    persist: Persist,
    persist_at: u64,
    persist_every: u64,
    /// The store should be synced now.
    persist_due: bool,
    durable: HashMap<PartitionId, LogIndex>,
    reclaim_at: u64,
    dies_at: Option<(Moment, u64)>,
    planted: Planted,
}

/// The persist thread, between two steps.
enum Persist {
    Idle,
    Taken(HashMap<PartitionId, LogIndex>),
    Synced(HashMap<PartitionId, LogIndex>),
}

/// What may go on next in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The core takes events in and flushes.
    Core,
    /// The log thread writes what waits.
    Log,
    /// The log thread is idle.
    Mark,
    /// The thread that makes segments ready.
    Prepare,
    /// The applier.
    Apply,
    /// The persist thread.
    Persist,
    /// The thread that drops tablets.
    Sweep,
    /// The same, a minute later.
    Reclaim,
}

impl Process {
    /// Starts a process on what the last one left.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(machine: Machine, uptime: u64, watch: &mut Watch) -> Result<(Self, LogId), Death> {
        let Machine { disk, engine, expect, new_id, segments, persist_every, .. } = machine;
        let Machine { limits, dies_at, planted, .. } = machine;
        disk.enter(Phase::Open);
        let (segment_bytes, first_segment_bytes) = segments;
        let options = Options { segment_bytes, first_segment_bytes, expect, new_id };
        let (log, recovered) =
            Log::open(disk.clone(), options).map_err(|error| failed("open the log", &error))?;
        watch.recovered(&recovered)?;
        let id = recovered.id;
        let log_is_long = log.kept_segments() > LONG_LOG;
        let forming = Forming { cluster: new_id, node: NodeId::new(1), replica: ReplicaId::new(1) };
        let (nodes, now) = (Vec::new(), Duration::from_millis(uptime));
        let start = Start { recovered, engine: &engine, forming, nodes, now, seed: 1 };
        let core = Core::start(start).map_err(|error| failed("start the core", &error))?;
        let shared: Arc<dyn Engine> = match planted.entries_kept {
            true => Arc::new(KeepsEntries(engine.clone())),
            false => Arc::new(engine.clone()),
        };
        let process = Self {
            core,
            preparer: log.preparer(),
            log,
            applier: Applier::with_limits(shared, limits),
            put_aside: Vec::new(),
            hasty: planted.unchanged_answered_early.then(Hasty::default),
            skipped: 0,
            fell_behind: 0,
            disk,
            engine,
            events: VecDeque::new(),
            log_tasks: VecDeque::new(),
            apply_tasks: VecDeque::new(),
            sweeps: VecDeque::new(),
            picture: Published { catalog: Arc::default(), replicas: Arc::default(), ready: false },
            version: 0,
            open: false,
            log_is_long,
            recovered: false,
            flushed: false,
            unmarked: false,
            logged_at: uptime,
            wants_segment: true,
            persist: Persist::Idle,
            persist_at: uptime + persist_every,
            persist_every,
            persist_due: false,
            durable: HashMap::new(),
            reclaim_at: uptime + RECLAIM_EVERY,
            dies_at,
            planted,
        };
        Ok((process, id))
    }

    /// The store.
    pub fn engine(&self) -> &MemoryEngine {
        &self.engine
    }

    /// The disk of the log.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Bytes of the segments that the log keeps.
    pub fn kept_bytes(&self) -> u64 {
        self.log.kept_bytes()
    }

    /// Whether requests are let in: the node was ready once, and its log short.
    pub fn is_open(&self) -> bool {
        self.open && !self.log_is_long
    }

    /// Whether `actor` has something to do.
    pub fn is_enabled(&self, actor: Actor, uptime: u64) -> bool {
        match actor {
            Actor::Core => !self.flushed || !self.events.is_empty(),
            Actor::Log => !self.log_tasks.is_empty(),
            Actor::Mark => {
                self.unmarked && self.log_tasks.is_empty() && uptime >= self.logged_at + IDLE_MARK
            }
            Actor::Prepare => self.wants_segment,
            Actor::Apply => !self.apply_tasks.is_empty() || !self.applier.is_idle(),
            Actor::Persist => match self.persist {
                Persist::Idle => self.persist_due || uptime >= self.persist_at,
                Persist::Taken(_) | Persist::Synced(_) => true,
            },
            Actor::Sweep => !self.sweeps.is_empty(),
            Actor::Reclaim => uptime >= self.reclaim_at,
        }
    }

    /// When the next thing happens by itself.
    pub fn wakes_at(&self) -> u64 {
        let mark = if self.unmarked { self.logged_at + IDLE_MARK } else { u64::MAX };
        self.persist_at.min(self.reclaim_at).min(mark)
    }

    /// Whether nothing is under way and the store has synced all there is.
    pub fn is_settled(&self) -> bool {
        self.flushed
            && self.events.is_empty()
            && self.log_tasks.is_empty()
            && self.apply_tasks.is_empty()
            && self.applier.is_idle()
            && self.sweeps.is_empty()
            && matches!(self.persist, Persist::Idle)
            && self.durable == self.applied_indexes()
    }

    /// Whether only time, or a client, can make anything happen.
    pub fn is_waiting(&self) -> bool {
        self.flushed
            && self.events.is_empty()
            && self.log_tasks.is_empty()
            && self.apply_tasks.is_empty()
            && self.applier.is_idle()
            && self.sweeps.is_empty()
    }

    /// Lets `actor` go on by one step.
    ///
    /// # Errors
    /// If the process dies of it.
    pub fn run(
        &mut self,
        actor: Actor,
        wall: UnixMillis,
        uptime: u64,
        random: &mut Random,
        watch: &mut Watch,
    ) -> Result<(), Death> {
        match actor {
            Actor::Core => self.run_core(wall, random, watch),
            Actor::Log => self.run_log(uptime, random, watch),
            Actor::Mark => {
                self.unmarked = false;
                self.disk.enter(Phase::Mark);
                self.log.mark().map_err(|error| failed("mark the log", &error))
            }
            Actor::Prepare => {
                self.wants_segment = false;
                self.disk.enter(Phase::Prepare);
                self.preparer.prepare().map_err(|error| failed("prepare a segment", &error))
            }
            Actor::Apply => self.run_apply(uptime, random, watch),
            Actor::Persist => self.run_persist(uptime, watch),
            Actor::Sweep => self.run_sweep(),
            Actor::Reclaim => {
                self.reclaim_at = uptime + RECLAIM_EVERY;
                let reclaimed = self.engine.reclaim();
                reclaimed.map(|_| ()).map_err(|error| failed("reclaim tablets", &error))
            }
        }
    }

    /// Flushes once more, though nothing happened: what comes out was forgotten before.
    ///
    /// # Errors
    /// If the process dies of it.
    pub fn flush_idle(&mut self, wall: UnixMillis) -> Result<Option<String>, Death> {
        let now = Now { wall, running: Duration::ZERO };
        let output = self.core.flush(now).map_err(|error| failed("flush the core", &error))?;
        let forgotten = format!(
            "log task: {}, apply tasks: {}, picture: {}, answers: {}, tablets to drop: {}",
            output.log.is_some(),
            output.apply.len(),
            output.publish.is_some(),
            output.settled.len(),
            output.drop.len()
        );
        let is_empty = output.log.is_none()
            && output.apply.is_empty()
            && output.publish.is_none()
            && output.settled.is_empty()
            && output.drop.is_empty();
        Ok((!is_empty).then_some(forgotten))
    }

    fn reach(&mut self, moment: Moment) -> Result<(), Death> {
        match &mut self.dies_at {
            Some((at, 0)) if *at == moment => Err(Death::Moment(moment)),
            Some((at, left)) if *at == moment => {
                *left -= 1;
                Ok(())
            }
            Some(_) | None => Ok(()),
        }
    }

    fn run_core(
        &mut self,
        wall: UnixMillis,
        random: &mut Random,
        watch: &mut Watch,
    ) -> Result<(), Death> {
        // At the start the core flushes before it takes anything in.
        let taken = if self.flushed { 1 + random.place(self.events.len()) } else { 0 };
        for event in self.events.drain(..taken.min(self.events.len())) {
            let event = match &self.hasty {
                Some(hasty) => hasty.take(event, &self.picture),
                None => Some(event),
            };
            event.into_iter().for_each(|event| self.core.step(event));
        }
        self.flushed = true;
        let now = Now { wall, running: Duration::ZERO };
        let output = self.core.flush(now).map_err(|error| failed("flush the core", &error))?;
        self.hand_out(output, watch)
    }

    fn hand_out(&mut self, output: Output, watch: &mut Watch) -> Result<(), Death> {
        if let Some(task) = output.log {
            watch.handed_to_log(&task.records)?;
            if self.planted.dropped_too_early {
                self.drop_too_early(&task.records)?;
            }
            if self.planted.synced_too_early {
                self.events.push_back(Event::Logged { task: task.id, wants_checkpoint: false });
            }
            self.log_tasks.push_back(task);
        }
        if !output.apply.is_empty() {
            self.apply_tasks.push_back(output.apply);
        }
        if !output.drop.is_empty() {
            self.sweeps.push_back(output.drop);
        }
        if let Some(published) = output.publish {
            watch.published(&published)?;
            self.open |= published.ready;
            self.persist_due |= published.ready && !self.recovered;
            self.recovered |= published.ready;
            self.picture = published;
            self.version += 1;
        }
        output.settled.into_iter().for_each(|settled| settled.send());
        Ok(())
    }

    /// The planted defect: a tablet goes before the log says that its replica is gone.
    fn drop_too_early(&self, records: &[Record]) -> Result<(), Death> {
        let tablets: Vec<TabletId> = records
            .iter()
            .filter_map(|record| match record {
                Record::Destroyed { group, .. } => self.picture.replicas.get(group),
                Record::Entry { .. } | Record::HardState { .. } | Record::Installed { .. } => None,
            })
            .map(|handle| handle.tablet())
            .collect();
        self.engine.drop_tablets(&tablets).map_err(|error| failed("drop tablets", &error))
    }

    fn run_log(
        &mut self,
        uptime: u64,
        random: &mut Random,
        watch: &mut Watch,
    ) -> Result<(), Death> {
        let taken = 1 + random.place(self.log_tasks.len());
        let tasks: Vec<LogTask> = self.log_tasks.drain(..taken).collect();
        let Some(last) = tasks.last().map(|task| task.id) else { return Ok(()) };
        let mut records: Vec<Record> = Vec::new();
        let mut release = None;
        for task in tasks {
            if let Some(checkpoint) = &task.checkpoint {
                self.append(&mut records, watch)?;
                self.disk.enter(Phase::Rotate);
                watch.log_begins_checkpoint(checkpoint);
                self.log.rotate(checkpoint).map_err(|error| failed("rotate the log", &error))?;
                watch.log_synced();
                self.wants_segment = true;
                self.persist_due = true;
            }
            records.extend(task.records);
            release = task.release.or(release);
        }
        self.append(&mut records, watch)?;
        let wants_checkpoint = self.log.wants_checkpoint();
        if !self.planted.synced_too_early || wants_checkpoint {
            self.events.push_back(Event::Logged { task: last, wants_checkpoint });
        }
        if let Some(durable) = release {
            self.disk.enter(Phase::Release);
            watch.log_released(&durable);
            self.log.release(&durable).map_err(|error| failed("release segments", &error))?;
            self.log_is_long = false;
        }
        self.unmarked = true;
        self.logged_at = uptime;
        Ok(())
    }

    fn append(&mut self, records: &mut Vec<Record>, watch: &mut Watch) -> Result<(), Death> {
        if records.is_empty() {
            return Ok(());
        }
        let installs = records.iter().any(|record| matches!(record, Record::Installed { .. }));
        let destroys = records.iter().any(|record| matches!(record, Record::Destroyed { .. }));
        self.disk.enter(match (installs, destroys) {
            (_, true) => Phase::Destroy,
            (true, false) => Phase::Install,
            (false, false) => Phase::Append,
        });
        watch.log_begins(records);
        if self.planted.votes_dropped {
            records.retain(|record| !matches!(record, Record::HardState { .. }));
        }
        self.log.append(records).map_err(|error| failed("append to the log", &error))?;
        watch.log_synced();
        records.clear();
        self.reach(Moment::LogSynced)?;
        if installs {
            self.reach(Moment::InstalledSynced)?;
        }
        if destroys {
            self.reach(Moment::DestroyedSynced)?;
        }
        Ok(())
    }

    fn run_apply(
        &mut self,
        uptime: u64,
        random: &mut Random,
        watch: &mut Watch,
    ) -> Result<(), Death> {
        let taken = (1 + random.place(self.apply_tasks.len())).min(self.apply_tasks.len());
        let now = Duration::from_millis(uptime);
        let tasks: Vec<ApplyTask> = self.apply_tasks.drain(..taken).flatten().collect();
        self.take_in(tasks, now);
        self.reach(Moment::BeforeApply)?;
        let round = self.applier.apply(now, Pace::Considerate);
        let round = round.map_err(|error| failed("apply entries", &error))?;
        self.skipped += round.skipped;
        for applied in &round.applied {
            match applied {
                Applied::UpTo { partition, index, .. } => watch.applied(*partition, *index)?,
                Applied::Behind { .. } => self.fell_behind += 1,
                Applied::Closed { .. } | Applied::CaughtUp { .. } => {}
            }
        }
        self.reach(Moment::AfterApply)?;
        self.events.extend(round.applied.into_iter().map(Event::Applied));
        Ok(())
    }

    fn take_in(&mut self, tasks: Vec<ApplyTask>, now: Duration) {
        if !self.planted.skipped_reordered {
            return self.applier.push(tasks, now);
        }
        // The planted defect: what is for a keyspace that is to be skipped is put aside, and comes back
        // behind what arrived meanwhile.
        let (skipped, rest): (Vec<_>, Vec<_>) =
            tasks.into_iter().partition(|task| self.is_skipped(task));
        self.applier.push(rest, now);
        if skipped.is_empty() {
            self.applier.push(self.put_aside.drain(..), now);
        }
        self.put_aside.extend(skipped);
    }

    fn is_skipped(&self, task: &ApplyTask) -> bool {
        match task {
            ApplyTask::Entries { handle, .. } => {
                self.engine.pressure(handle.tablet().keyspace).should_skip()
            }
            ApplyTask::Open { .. } | ApplyTask::Close { .. } => false,
        }
    }

    fn run_persist(&mut self, uptime: u64, watch: &mut Watch) -> Result<(), Death> {
        match std::mem::replace(&mut self.persist, Persist::Idle) {
            Persist::Idle => {
                self.persist_at = uptime + self.persist_every;
                self.persist_due = false;
                let applied = self.applied_indexes();
                if applied != self.durable {
                    self.persist = Persist::Taken(applied);
                }
            }
            Persist::Taken(applied) => {
                self.reach(Moment::BeforePersist)?;
                if !self.planted.persist_ignored {
                    self.engine.persist().map_err(|error| failed("sync the store", &error))?;
                }
                self.reach(Moment::AfterPersist)?;
                self.persist = Persist::Synced(applied);
            }
            Persist::Synced(applied) => {
                watch.persisted(&applied);
                self.durable.clone_from(&applied);
                self.events.push_back(Event::Durable(applied));
            }
        }
        Ok(())
    }

    fn run_sweep(&mut self) -> Result<(), Death> {
        let Some(tablets) = self.sweeps.pop_front() else { return Ok(()) };
        self.reach(Moment::BeforeDrop)?;
        self.engine.drop_tablets(&tablets).map_err(|error| failed("drop tablets", &error))?;
        self.reach(Moment::AfterDrop)
    }

    fn applied_indexes(&self) -> HashMap<PartitionId, LogIndex> {
        self.picture.replicas.iter().map(|(id, handle)| (*id, handle.applied())).collect()
    }
}
