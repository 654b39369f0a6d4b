//! The core: all groups of a node, driven by events.
//!
//! One thread owns it. [`Core::step`] takes an event in, [`Core::flush`] hands out all that follows
//! from the events since: one log task with the records of every group, apply tasks, answers. A flush
//! is withheld while two log tasks are under way: what arrives meanwhile becomes one larger batch, so
//! that the disk's pace sets the size of a group commit.
//!
//! The catalog is one of the groups. What it says about this node's partitions is carried out here
//! level by level ([`Core::reconcile`]): whatever a crash interrupted is found again by comparing.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use stator_catalog::{Catalog, Command, Outcome, PartitionDescription, Refusal};
use stator_log::{Checkpoint, Record};
use stator_model::{
    DescriptionVersion, LogIndex, NodeId, PartitionId, ReplicaId, SharedItem, StartNumber,
    TableStatus, TabletId, UnixMillis,
};
use stator_operation::{ItemCommand, Written};
use stator_protocol::ApiError;
use stator_store::KEYSPACES;
use stator_store::state::PartitionState;

use crate::apply::{Applied, ApplyTask};
use crate::group::{Advance, Error, Group, GroupStart, Installed};
use crate::handle::ReplicaHandle;
use crate::machine::{CatalogMachine, Deferred, Fate, Machine};

/// Log tasks under way at most: one on the disk, one that waits for it.
const LOG_TASKS: usize = 2;

/// Gives a write its answer.
pub type Responder = Box<dyn FnOnce(Answer) + Send>;
/// Gives a catalog command its answer.
pub type CatalogResponder = Box<dyn FnOnce(CatalogAnswer) + Send>;

/// The answer to a command on an item.
#[derive(Debug)]
pub enum Answer {
    /// It was evaluated, and what it did is durable and visible. A refusal that depends on the item
    /// is such an answer too.
    Done(Result<Written, ApiError>),
    /// It was not carried out, or nobody knows; the command comes back where it was not begun.
    NotDone(NotDone, Option<Box<ItemCommand>>),
}

/// The answer to a command on the catalog.
#[derive(Debug)]
pub enum CatalogAnswer {
    /// It was decided, and the decision is durable and visible.
    Done(Result<Outcome, Refusal>),
    /// It was not carried out, or nobody knows.
    NotDone(NotDone),
}

/// Why the node could not do its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// Validated against a description or range that changed since: validate again. Nothing was done.
    Stale,
    /// The item was read too long ago: read it again. Nothing was done.
    PrefetchTooOld,
    /// No replica of that partition is here. Nothing was done.
    NotHere,
    /// The replica here does not lead (yet). Nothing was done.
    NotLeader,
    /// Too much is under way. Nothing was done.
    Busy,
    /// The store cannot keep up with the writes to this partition, and has not for a while. Nothing was
    /// done.
    Throttled,
    /// Leadership was lost on the way: perhaps done, perhaps not.
    Unknown,
}

/// A command on an item, for the partition that holds it.
pub struct WriteRequest {
    /// The partition that the router found.
    pub partition: PartitionId,
    /// The validated command.
    pub command: Box<ItemCommand>,
    /// The item as read on the way here.
    pub prefetched: Prefetched,
    /// Where the answer goes.
    pub responder: Responder,
}

impl WriteRequest {
    /// Gives the command back: it was not begun.
    pub(crate) fn refuse(self, reason: NotDone) {
        (self.responder)(Answer::NotDone(reason, Some(self.command)));
    }
}

/// An item read ahead of its command.
#[derive(Clone)]
pub struct Prefetched {
    /// What the partition's applied index was before the item was read.
    pub applied: LogIndex,
    /// The item.
    pub item: Option<SharedItem>,
    /// Bytes of the item's collection; 0 where nobody asks for them.
    pub collection_bytes: u64,
}

/// A command on the catalog.
pub struct CatalogRequest {
    /// The command.
    pub command: Command,
    /// Where the answer goes.
    pub responder: CatalogResponder,
}

/// What happens to a core.
pub enum Event {
    /// A command on an item arrived.
    Write(WriteRequest),
    /// A command on the catalog arrived.
    Catalog(CatalogRequest),
    /// A log task, and all before it, are synced.
    Logged {
        /// The task.
        task: LogTaskId,
        /// The log's segment is full: the next task should carry a checkpoint.
        wants_checkpoint: bool,
    },
    /// The applier did this.
    Applied(Applied),
    /// The store has synced these partitions up to these indexes.
    Durable(HashMap<PartitionId, LogIndex>),
    /// The node stops: whoever drives the core ends with this event.
    Stop,
}

/// Numbers log tasks in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogTaskId(u64);

/// Records for the Raft log, to be synced as one batch (or together with others).
pub struct LogTask {
    /// Comes back in [`Event::Logged`].
    pub id: LogTaskId,
    /// If present, begins a new segment, before the records.
    pub checkpoint: Option<Checkpoint>,
    /// The records.
    pub records: Vec<Record>,
    /// If present, what the store has synced, for the release of segments.
    pub release: Option<Release>,
}

/// What the store has synced: partitions and indexes.
pub type Release = HashMap<PartitionId, LogIndex>;

/// What edge threads look at, replaced as a whole when it changes.
#[derive(Clone)]
pub struct Published {
    /// The catalog as applied.
    pub catalog: Arc<Catalog>,
    /// Replicas here.
    pub replicas: Arc<HashMap<PartitionId, Arc<ReplicaHandle>>>,
    /// Whether the catalog is formed and every partition of an active table here serves.
    pub ready: bool,
}

/// What follows from events.
#[derive(Default)]
pub struct Output {
    /// For the log thread.
    pub log: Option<LogTask>,
    /// For the apply thread, in order.
    pub apply: Vec<ApplyTask>,
    /// The new picture for edge threads.
    pub publish: Option<Published>,
    /// Answers that may go out once the new picture is there: who asks after them finds what they say.
    pub settled: Vec<Settled>,
    /// Tablets that nobody needs any more.
    pub drop: Vec<TabletId>,
}

/// An answer that is due.
pub struct Settled(Deferred);

impl Settled {
    /// Sends it.
    pub fn send(self) {
        self.0.settle(Fate::Applied);
    }
}

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
}

/// A replica whose end is on its way into the log.
pub(crate) struct Closing {
    task: LogTaskId,
    partition: PartitionId,
    tablet: TabletId,
}

/// What the catalog asks of this node.
enum Todo {
    Create(Arc<PartitionDescription>, ReplicaId),
    Destroy(PartitionId),
    Report(Command),
}

impl Core {
    /// Takes an event in.
    pub fn step(&mut self, event: Event) {
        match event {
            Event::Write(request) => self.queue_write(request),
            Event::Catalog(request) => self.queue_catalog(request),
            Event::Logged { task, wants_checkpoint } => self.logged(task, wants_checkpoint),
            Event::Applied(applied) => self.applied(applied),
            Event::Durable(durable) => self.durable(durable),
            Event::Stop => {}
        }
    }

    /// Hands out all that follows from the events since the last flush.
    ///
    /// # Errors
    /// If a group cannot go on: the process must end.
    pub fn flush(&mut self, now: UnixMillis) -> Result<Output, Error> {
        let mut output = Output::default();
        // Compared in the same flush: no other event may ever come that would ask for it.
        self.compare |= self.changed;
        if self.in_log.len() < LOG_TASKS {
            if std::mem::take(&mut self.compare) {
                self.reconcile()?;
            }
            output.log = self.collect(now)?;
        }
        if std::mem::take(&mut self.changed) {
            output.publish = Some(self.published());
        }
        output.settled = std::mem::take(&mut self.settled).into_iter().map(Settled).collect();
        output.apply = std::mem::take(&mut self.apply);
        output.drop = std::mem::take(&mut self.drop);
        Ok(output)
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
            Some(Replica { group, .. }) if !group.is_leading() => NotDone::NotLeader,
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
        match self.replicas.get_mut(&PartitionId::CATALOG) {
            Some(Replica { group, machine: Machine::Catalog(machine) }) if group.is_leading() => {
                self.active.insert(PartitionId::CATALOG);
                machine.push(request);
            }
            _ => (request.responder)(CatalogAnswer::NotDone(NotDone::NotLeader)),
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
                let Advance { leads, settled } = replica.group.applied(index);
                replica.machine.settle(settled);
                self.settled.extend(replica.machine.applied(index));
                self.changed |= partition == PartitionId::CATALOG;
                if leads && let Some(state) = state {
                    replica.machine.lead(&state);
                    replica.group.handle().set_serving(true);
                    self.active.insert(partition);
                    self.changed = true;
                }
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
    fn collect(&mut self, now: UnixMillis) -> Result<Option<LogTask>, Error> {
        let id = LogTaskId(self.next_task);
        // Taken before anything of this task: it stands for all that was handed to the log so far.
        let checkpoint = std::mem::take(&mut self.wants_checkpoint).then(|| self.checkpoint());
        let mut records = std::mem::take(&mut self.records);
        let active = std::mem::take(&mut self.active);
        for partition in &active {
            let Some(replica) = self.replicas.get_mut(partition) else { continue };
            replica.propose(now);
            let mut progress = replica.group.collect(id, &mut records)?;
            if progress.retired {
                replica.machine.retire();
                self.changed = true;
            }
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
        let release = self.release.take();
        if records.is_empty() && checkpoint.is_none() && release.is_none() {
            return Ok(None);
        }
        self.next_task += 1;
        self.in_log.push_back((id, active.into_iter().collect()));
        Ok(Some(LogTask { id, checkpoint, records, release }))
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

    fn is_ready(&self) -> bool {
        self.catalog_machine().is_some_and(|machine| machine.deciding().is_some())
            && self.replicas.values().all(|replica| replica.group.handle().is_serving())
    }

    /// Carries out what the catalog says about this node: creates and destroys replicas, and reports
    /// what was done. Compares levels, so that it may be called at any time.
    fn reconcile(&mut self) -> Result<(), Error> {
        for todo in self.todo() {
            match todo {
                Todo::Create(partition, replica) => self.create(&partition, replica)?,
                Todo::Destroy(partition) => self.destroy(partition),
                Todo::Report(command) => self.queue_catalog(CatalogRequest {
                    command,
                    // A report that fails is found missing by the next comparison.
                    responder: Box::new(|_| ()),
                }),
            }
        }
        Ok(())
    }

    fn todo(&self) -> Vec<Todo> {
        let Some(machine) = self.catalog_machine() else { return Vec::new() };
        let Some(deciding) = machine.deciding() else { return Vec::new() };
        let catalog = machine.catalog();
        let mut todo = Vec::new();
        for partition in catalog.partitions() {
            let here = partition.replicas.iter().find(|(node, _)| *node == self.node);
            let Some(&(_, replica)) = here else { continue };
            let id = partition.id;
            let doomed = catalog
                .table(&partition.table)
                .is_none_or(|table| table.status == TableStatus::Deleting);
            let unreported = deciding.partition(id).map(|partition| !partition.ready);
            match (doomed, self.replicas.get(&id)) {
                (false, None) => todo.push(Todo::Create(Arc::clone(partition), replica)),
                (false, Some(here)) if here.group.is_leading() && unreported == Some(true) => {
                    todo.push(Todo::Report(Command::PartitionReady { partition: id }));
                }
                (false, Some(_)) => {}
                (true, Some(_)) => todo.push(Todo::Destroy(id)),
                (true, None) if unreported.is_some() && !self.is_closing(id) => {
                    todo.push(Todo::Report(Command::PartitionDestroyed { partition: id }));
                }
                (true, None) => {}
            }
        }
        todo
    }

    fn is_closing(&self, partition: PartitionId) -> bool {
        self.closing.iter().any(|closing| closing.partition == partition)
    }

    /// Creates this node's replica of a new partition.
    fn create(
        &mut self,
        partition: &PartitionDescription,
        replica: ReplicaId,
    ) -> Result<(), Error> {
        let version = self
            .catalog_machine()
            .and_then(|machine| machine.catalog().table(&partition.table))
            .map_or_else(DescriptionVersion::default, |table| table.version);
        let state = PartitionState {
            epoch: partition.epoch,
            range: partition.range.clone(),
            table: Some(partition.table),
            description_version: version,
            ..PartitionState::blank(vec![replica])
        };
        self.install(partition.id, replica, state, Machine::Table(Box::default()))
    }

    /// Installs a blank replica under a fresh tablet and stands for election.
    pub(crate) fn install(
        &mut self,
        partition: PartitionId,
        replica: ReplicaId,
        state: PartitionState,
        machine: Machine,
    ) -> Result<(), Error> {
        let tablet = self.mint_tablet();
        let encoded = Bytes::from(state.encode());
        let (index, term) = (state.applied, state.applied_term);
        self.records.push(Record::Installed {
            group: partition,
            replica,
            tablet,
            index,
            term,
            state: encoded.clone(),
        });
        let start = GroupStart {
            partition,
            replica,
            installed: Installed { tablet, index, term, state: encoded },
            hard_state: stator_log::HardState::default(),
            applied: (index, term),
            durable: index,
            entries: Vec::new(),
        };
        self.open(start, state, machine)
    }

    /// Takes a replica in and stands for election: the only voter wins at once.
    pub(crate) fn open(
        &mut self,
        start: GroupStart,
        state: PartitionState,
        machine: Machine,
    ) -> Result<(), Error> {
        let partition = start.partition;
        let tablet = start.installed.tablet;
        let handle = Arc::new(ReplicaHandle::new(partition, tablet, state.applied));
        let mut group = Group::new(start, &state.conf_state, Arc::clone(&handle))?;
        group.campaign()?;
        self.apply.push(ApplyTask::Open { handle, state: Box::new(state) });
        self.replicas.insert(partition, Replica { group, machine });
        self.active.insert(partition);
        self.changed = true;
        Ok(())
    }

    /// Ends this node's replica of a partition whose table is being deleted.
    fn destroy(&mut self, partition: PartitionId) {
        let Some(Replica { group, mut machine }) = self.replicas.remove(&partition) else { return };
        let (replica, tablet) = (group.replica(), group.installed().tablet);
        machine.retire();
        group.destroy();
        self.records.push(Record::Destroyed { group: partition, replica });
        self.destroyed.push((partition, replica));
        // The tablet goes only once the log says so: a replica that the log still names must find it.
        self.closing.push(Closing { task: LogTaskId(self.next_task), partition, tablet });
        self.changed = true;
    }

    fn mint_tablet(&mut self) -> TabletId {
        let counter = self.next_tablet;
        self.next_tablet = counter.checked_add(1).expect("no process makes 2^32 tablets");
        // Lives begin at different keyspaces: else the first table of each would share the catalog's.
        let [.., low] = counter.wrapping_add(self.start.0).to_be_bytes();
        TabletId {
            keyspace: low % KEYSPACES,
            prefix: u64::from(self.start.0) << 32 | u64::from(counter),
        }
    }
}

impl Replica {
    /// Evaluates what is queued and proposes it.
    fn propose(&mut self, now: UnixMillis) {
        while self.group.is_leading()
            && !self.group.is_full()
            && let Some(mut draft) = self.machine.draft(now)
        {
            if draft.writes.effects.is_empty() {
                let settled = self.group.attach(draft.deferred);
                self.machine.settle(settled);
                continue;
            }
            match self.group.propose(std::mem::take(&mut draft.writes)) {
                Ok(index) => {
                    let deferred = self.machine.proposed(index, draft);
                    let settled = self.group.attach(deferred);
                    self.machine.settle(settled);
                }
                Err(_refusal) => {
                    draft.deferred.into_iter().for_each(|answer| answer.settle(Fate::Unknown));
                }
            }
        }
    }
}
