//! What goes into the core and what comes out of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use stator_catalog::{Catalog, Command, Outcome, Refusal};
use stator_log::{Checkpoint, Record};
use stator_model::{LogIndex, NodeId, PartitionId, SharedItem, TabletId, UnixMillis};
use stator_operation::{ItemCommand, Written};
use stator_protocol::ApiError;

use crate::apply::{Applied, ApplyTask};
use crate::group::Refused;
use crate::handle::ReplicaHandle;
use crate::machine::{Deferred, Fate};
use crate::message::{Envelope, PeerMessage};
use crate::proof::ProofResponder;

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
    /// The replica here does not lead (yet). Nothing was done. The node that does, as far as is known.
    NotLeader(Option<NodeId>),
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

/// A read that needs a proof of leadership: see [`ReadPoint::Unproven`](crate::ReadPoint::Unproven).
pub struct ProofRequest {
    /// The partition.
    pub partition: PartitionId,
    /// Told the index from which on the read may be answered.
    pub responder: ProofResponder,
}

/// The time of a flush, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// What the world calls now; it may jump either way.
    pub wall: UnixMillis,
    /// On a clock that never goes back and goes on while the machine sleeps (`CLOCK_BOOTTIME`): what
    /// promises and leases are told in.
    pub running: Duration,
}

/// What happens to a core.
pub enum Event {
    /// A command on an item arrived.
    Write(WriteRequest),
    /// A command on the catalog arrived.
    Catalog(CatalogRequest),
    /// A read wants a proof of leadership.
    Prove(ProofRequest),
    /// A message of a peer arrived.
    Peer {
        /// The node that sent it, as the transport knows it.
        from: NodeId,
        /// When it arrived, on the clock of [`Now::running`]. Read after the message was received, never
        /// before: promises count from here.
        at: Duration,
        /// What it says.
        message: Box<PeerMessage>,
    },
    /// Time goes by. To be sent about every [`TICK`](crate::TICK) where groups have several members; one
    /// that comes sooner after another does nothing.
    Tick {
        /// The time on the clock of [`Now::running`].
        now: Duration,
    },
    /// Another replica is to lead: the caller wants this node relieved. Does nothing where it cannot be.
    Transfer {
        /// The partition.
        partition: PartitionId,
        /// The node whose replica is to lead.
        to: NodeId,
    },
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
pub struct LogTaskId(pub(crate) u64);

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
    /// What peers may be told once the records are synced, and after [`Event::Logged`] was queued: an
    /// answer must not overtake it.
    pub send: Vec<Envelope>,
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
    /// What peers may be told at once. Messages may be lost, and come late, twice and out of order.
    pub send: Vec<Envelope>,
    /// Messages of peers that no honest peer sends; some of them, if there are many.
    pub refused: Vec<Refused>,
}

/// An answer that is due.
pub struct Settled(pub(crate) Deferred);

impl Settled {
    /// Sends it.
    pub fn send(self) {
        self.0.settle(Fate::Applied);
    }
}
