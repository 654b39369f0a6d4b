//! The core: all groups of a node, driven by events.
//!
//! One thread owns it. [`Core::step`] takes an event in, [`Core::flush`] hands out all that follows
//! from the events since: one log task with the records of every group, apply tasks, answers, messages to
//! peers. A flush is withheld while two log tasks are under way: what arrives meanwhile becomes one larger
//! batch, so that the disk's pace sets the size of a group commit.
//!
//! The catalog is one of the groups. What it says about this node's partitions is carried out here
//! level by level (`reconcile`): whatever a crash interrupted is found again by comparing.

mod peers;
mod reconcile;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use stator_log::{Checkpoint, Record};
use stator_model::{LogIndex, NodeId, PartitionId, ReplicaId, StartNumber, TabletId};

use crate::apply::{Applied, ApplyTask};
use crate::event::{
    CatalogAnswer, CatalogRequest, Event, LogTask, LogTaskId, NotDone, Now, Output, ProofRequest,
    Published, Release, Settled, WriteRequest,
};
use crate::group::{Advance, Error, Group, Outbox, Refused};
use crate::machine::{CatalogMachine, Deferred, Fate, Machine};
use crate::message::Post;

/// Log tasks under way at most: one on the disk, one that waits for it.
const LOG_TASKS: usize = 2;

/// A replica and the state machine above it.
pub(crate) struct Replica {
    pub(crate) group: Group,
    pub(crate) machine: Machine,
}

/// A node's groups. See the module.
pub struct Core {
    pub(crate) node: NodeId,
    pub(crate) start: StartNumber,
    pub(crate) next_tablet: u32,
    pub(crate) replicas: BTreeMap<PartitionId, Replica>,
    pub(crate) destroyed: Vec<(PartitionId, ReplicaId)>,
    /// Records that no Ready brought: installs and destructions.
    pub(crate) records: Vec<Record>,
    pub(crate) apply: Vec<ApplyTask>,
    pub(crate) drop: Vec<TabletId>,
    pub(crate) next_task: u64,
    pub(crate) wants_checkpoint: bool,
    /// The newest task that carries a checkpoint.
    pub(crate) last_checkpoint: LogTaskId,
    pub(crate) release: Option<Release>,
    /// Groups that may have something to propose or to hand out.
    pub(crate) active: BTreeSet<PartitionId>,
    /// Log tasks under way, and the groups that have a Ready in them.
    pub(crate) in_log: VecDeque<(LogTaskId, Vec<PartitionId>)>,
    /// Replicas destroyed in a log task that is under way.
    pub(crate) closing: Vec<Closing>,
    /// Keyspaces that the applier cannot get into the store fast enough.
    pub(crate) behind: BTreeSet<u8>,
    /// The catalog or a replica's standing changed: edges want a new picture.
    pub(crate) changed: bool,
    /// What the catalog says of this node is to be compared with what is here.
    pub(crate) compare: bool,
    /// Answers to catalog commands, due once the new picture is published.
    pub(crate) settled: Vec<Deferred>,
    /// Of this core's chance: when replicas stand for election.
    pub(crate) seed: u64,
    /// When the last tick was.
    pub(crate) ticked: Duration,
    /// What goes to peers at once.
    pub(crate) post: Post,
    pub(crate) refused: Vec<Refused>,
    /// Bytes of entries that are kept for slow followers only.
    pub(crate) kept_bytes: u64,
}

/// A replica whose end is on its way into the log.
pub(crate) struct Closing {
    task: LogTaskId,
    partition: PartitionId,
    tablet: TabletId,
}

impl Core {
    /// Takes an event in.
    pub fn step(&mut self, event: Event) {
        match event {
            Event::Write(request) => self.queue_write(request),
            Event::Catalog(request) => self.queue_catalog(request),
            Event::Prove(request) => self.queue_proof(request),
            Event::Peer { from, at, message } => self.peer(from, at, *message),
            Event::Tick { now } => self.tick(now),
            Event::Transfer { partition, to } => self.transfer(partition, to),
            Event::Logged { task, wants_checkpoint } => self.logged(task, wants_checkpoint),
            Event::Applied(applied) => self.applied(applied),
            Event::Durable(durable) => self.durable(durable),
            Event::Stop => {}
        }
    }

    /// Hands out all that follows from the events since the last flush. The time must have been read after
    /// the last event was taken in.
    ///
    /// # Errors
    /// If a group cannot go on: the process must end.
    pub fn flush(&mut self, now: Now) -> Result<Output, Error> {
        let mut output = Output::default();
        // Compared in the same flush: no other event may ever come that would ask for it.
        self.compare |= self.changed;
        if self.in_log.len() < LOG_TASKS {
            if std::mem::take(&mut self.compare) {
                self.reconcile(now.running)?;
            }
            output.log = self.collect(now)?;
            output.send = std::mem::take(&mut self.post).close();
        }
        if std::mem::take(&mut self.changed) {
            output.publish = Some(self.published());
        }
        output.settled = std::mem::take(&mut self.settled).into_iter().map(Settled).collect();
        output.apply = std::mem::take(&mut self.apply);
        output.drop = std::mem::take(&mut self.drop);
        output.refused = std::mem::take(&mut self.refused);
        Ok(output)
    }

    /// Whether any group here has several members, so that it needs ticks.
    pub fn wants_ticks(&self) -> bool {
        self.replicas.values().any(|replica| !replica.group.is_alone())
    }

    /// The picture for edge threads as of now.
    fn published(&self) -> Published {
        let replicas = self
            .replicas
            .iter()
            .map(|(id, replica)| (*id, Arc::clone(replica.group.handle())))
            .collect();
        let catalog = self.catalog_machine().map(|machine| machine.catalog().clone());
        Published {
            catalog: Arc::new(catalog.unwrap_or_default()),
            replicas: Arc::new(replicas),
            ready: self.is_ready(),
        }
    }

    fn queue_write(&mut self, request: WriteRequest) {
        let behind = &self.behind;
        let is_behind = |group: &Group| behind.contains(&group.installed().tablet.keyspace);
        let refusal = match self.replicas.get_mut(&request.partition) {
            None => NotDone::NotHere,
            Some(Replica { group, .. }) if !group.may_evaluate() => {
                NotDone::NotLeader(group.leader())
            }
            Some(Replica { group, .. }) if is_behind(group) => NotDone::Throttled,
            Some(Replica { group, .. }) if group.is_full() => NotDone::Busy,
            Some(Replica { machine: Machine::Table(machine), .. }) => {
                self.active.insert(request.partition);
                return machine.push(request);
            }
            Some(Replica { machine: Machine::Catalog(_), .. }) => NotDone::NotHere,
        };
        request.refuse(refusal);
    }

    fn queue_catalog(&mut self, request: CatalogRequest) {
        let leader = match self.replicas.get_mut(&PartitionId::CATALOG) {
            Some(Replica { group, machine: Machine::Catalog(machine) }) if group.may_evaluate() => {
                self.active.insert(PartitionId::CATALOG);
                return machine.push(request);
            }
            Some(Replica { group, .. }) => group.leader(),
            None => None,
        };
        (request.responder)(CatalogAnswer::NotDone(NotDone::NotLeader(leader)));
    }

    fn queue_proof(&mut self, request: ProofRequest) {
        let ProofRequest { partition, responder } = request;
        match self.replicas.get_mut(&partition) {
            None => responder(Err(NotDone::NotHere)),
            Some(Replica { group, .. }) => {
                self.active.insert(partition);
                group.prove(responder);
            }
        }
    }

    fn logged(&mut self, task: LogTaskId, wants_checkpoint: bool) {
        // Tasks that were under way when a checkpoint was taken still speak of the segment before.
        self.wants_checkpoint |= wants_checkpoint && task >= self.last_checkpoint;
        while let Some((_, groups)) = self.in_log.pop_front_if(|(id, _)| *id <= task) {
            for partition in groups {
                if let Some(replica) = self.replicas.get_mut(&partition)
                    && replica.group.logged(task)
                {
                    self.active.insert(partition);
                }
            }
        }
        for closed in self.closing.extract_if(.., |closing| closing.task <= task) {
            let Closing { partition, tablet, .. } = closed;
            self.apply.push(ApplyTask::Close { partition, tablet });
            self.changed = true;
        }
    }

    fn applied(&mut self, applied: Applied) {
        match applied {
            Applied::UpTo { partition, index, state } => {
                let Some(replica) = self.replicas.get_mut(&partition) else { return };
                let kept = replica.group.kept_bytes();
                let Advance { leads, settled } = replica.group.applied(index);
                self.kept_bytes = self.kept_bytes + replica.group.kept_bytes() - kept;
                replica.machine.settle(settled);
                self.settled.extend(replica.machine.applied(index));
                self.changed |= partition == PartitionId::CATALOG;
                if leads && let Some(state) = state {
                    replica.machine.lead(&state);
                    replica.group.serve();
                    self.active.insert(partition);
                    self.changed = true;
                }
                self.bound_kept();
            }
            Applied::Closed { partition: _, tablet } => self.drop.push(tablet),
            Applied::Behind { keyspace } => _ = self.behind.insert(keyspace),
            Applied::CaughtUp { keyspace } => _ = self.behind.remove(&keyspace),
        }
    }

    fn durable(&mut self, durable: HashMap<PartitionId, LogIndex>) {
        for (partition, index) in &durable {
            if let Some(replica) = self.replicas.get_mut(partition) {
                replica.group.durable(*index);
            }
        }
        self.release = Some(durable);
    }

    /// Evaluates, proposes and collects the Readys of every active group into one log task.
    fn collect(&mut self, now: Now) -> Result<Option<LogTask>, Error> {
        let id = LogTaskId(self.next_task);
        // Taken before anything of this task: it stands for all that was handed to the log so far.
        let checkpoint = std::mem::take(&mut self.wants_checkpoint).then(|| self.checkpoint());
        let mut after_sync = Post::default();
        let mut outbox = Outbox {
            task: id,
            now: now.running,
            records: std::mem::take(&mut self.records),
            at_once: &mut self.post,
            after_sync: &mut after_sync,
        };
        let active = std::mem::take(&mut self.active);
        for partition in &active {
            let Some(replica) = self.replicas.get_mut(partition) else { continue };
            replica.propose(now);
            let mut progress = replica.group.collect(&mut outbox)?;
            if progress.retired {
                replica.machine.retire(replica.group.leader());
            }
            self.changed |= progress.changed;
            if replica.machine.has_queued() {
                // The group is full: what is left waits for commits.
                self.active.insert(*partition);
            }
            if !progress.committed.is_empty() {
                replica.machine.committed(&mut progress.committed)?;
                let handle = Arc::clone(replica.group.handle());
                self.apply.push(ApplyTask::Entries { handle, entries: progress.committed.into() });
            }
        }
        if checkpoint.is_some() {
            self.last_checkpoint = id;
        }
        let records = outbox.records;
        let (release, send) = (self.release.take(), after_sync.close());
        if records.is_empty() && checkpoint.is_none() && release.is_none() && send.is_empty() {
            return Ok(None);
        }
        self.next_task += 1;
        self.in_log.push_back((id, active.into_iter().collect()));
        Ok(Some(LogTask { id, checkpoint, records, release, send }))
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            groups: self.replicas.values().map(|replica| replica.group.checkpoint()).collect(),
            destroyed: self.destroyed.clone(),
        }
    }

    pub(crate) fn catalog_machine(&self) -> Option<&CatalogMachine> {
        match self.replicas.get(&PartitionId::CATALOG).map(|replica| &replica.machine) {
            Some(Machine::Catalog(machine)) => Some(machine),
            Some(Machine::Table(_)) | None => None,
        }
    }

    /// Whether the catalog is there and every group has a leader: where that is this replica, one that may
    /// answer.
    fn is_ready(&self) -> bool {
        self.catalog_machine().is_some_and(|machine| machine.catalog().meta().is_some())
            && self.replicas.values().all(|replica| replica.group.is_led())
    }
}

impl Replica {
    /// Evaluates what is queued and proposes it.
    fn propose(&mut self, now: Now) {
        while self.group.may_evaluate()
            && !self.group.is_full()
            && let Some(mut draft) = self.machine.draft(now.wall)
        {
            if draft.writes.effects.is_empty() {
                let settled = self.group.attach(draft.deferred, now.running);
                self.machine.settle(settled);
                continue;
            }
            match self.group.propose(std::mem::take(&mut draft.writes)) {
                Ok(index) => {
                    let deferred = self.machine.proposed(index, draft);
                    let settled = self.group.hold(deferred);
                    self.machine.settle(settled);
                }
                Err(_refusal) => {
                    draft.deferred.into_iter().for_each(|answer| answer.settle(Fate::Unknown));
                }
            }
        }
    }
}
