//! What a replica shows to readers: how far it is, and whether it may answer.
//!
//! One [`ReplicaHandle`] per replica, shared by the core (which says what is committed, who leads and until
//! when that is certain), the applier (which says what is applied) and edge threads (which read the store
//! once all agree). Readers never queue behind writers: they look at atomics.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use stator_model::{LogIndex, NodeId, PartitionId, TabletId};
use stator_store::state::{IndexTotals, PartitionState};

/// A replica as readers see it.
pub struct ReplicaHandle {
    partition: PartitionId,
    tablet: TabletId,
    /// Whether this replica leads, as far as it knows, and its term's first entry is applied.
    serving: AtomicBool,
    /// Until when nobody else can lead, in microseconds; [`FOR_EVER`] if nobody else ever can.
    lease: AtomicU64,
    /// The node whose replica leads; [`NOBODY`] if that is not known.
    leader: AtomicU64,
    committed: AtomicU64,
    applied: AtomicU64,
    items: AtomicU64,
    bytes: AtomicU64,
    local_indexes: Mutex<Vec<IndexTotals>>,
    waiting: Mutex<Vec<(LogIndex, Wake)>>,
}

/// The lease of a single voter.
const FOR_EVER: u64 = u64::MAX;
/// No node has this id.
const NOBODY: u64 = u64::MAX;

type Wake = Box<dyn FnOnce() + Send>;

/// Whether a strongly consistent read may go to the store now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadPoint {
    /// Yes: everything acknowledged is applied.
    Now,
    /// Once this index is applied; see [`ReplicaHandle::when_applied`].
    At(LogIndex),
    /// Once the core has proven that this replica still leads: see
    /// [`ProofRequest`](crate::ProofRequest).
    Unproven,
    /// No: this replica does not lead, or is gone.
    NotServing,
}

impl ReplicaHandle {
    pub(crate) fn new(partition: PartitionId, tablet: TabletId, applied: LogIndex) -> Self {
        Self {
            partition,
            tablet,
            serving: AtomicBool::new(false),
            lease: AtomicU64::new(0),
            leader: AtomicU64::new(NOBODY),
            committed: AtomicU64::new(applied.get()),
            applied: AtomicU64::new(applied.get()),
            items: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            local_indexes: Mutex::new(Vec::new()),
            waiting: Mutex::new(Vec::new()),
        }
    }

    /// The partition.
    pub fn partition(&self) -> PartitionId {
        self.partition
    }

    /// Where its data lies.
    pub fn tablet(&self) -> TabletId {
        self.tablet
    }

    /// The index up to which the store holds this partition.
    pub fn applied(&self) -> LogIndex {
        LogIndex::new(self.applied.load(Ordering::Acquire))
    }

    /// The index up to which entries are committed, as far as the core has said.
    pub fn committed(&self) -> LogIndex {
        LogIndex::new(self.committed.load(Ordering::Acquire))
    }

    /// Items here and their bytes by the service's rule, as of what is applied.
    pub fn statistics(&self) -> (u64, u64) {
        (self.items.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// What is here of local indexes, as of what is applied.
    pub fn local_indexes(&self) -> Vec<IndexTotals> {
        self.local_indexes.lock().unwrap_or_else(|poison| poison.into_inner()).clone()
    }

    /// Whether this replica answers reads and writes, as far as it knows.
    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Acquire)
    }

    /// The node whose replica leads, as far as this one knows.
    pub fn leader(&self) -> Option<NodeId> {
        let leader = self.leader.load(Ordering::Acquire);
        (leader != NOBODY).then(|| NodeId::new(leader))
    }

    /// Until when nobody else can lead, on the clock of [`Now::running`](crate::Now::running); `None` if
    /// nobody else ever can.
    pub fn lease(&self) -> Option<Duration> {
        let lease = self.lease.load(Ordering::Acquire);
        (lease != FOR_EVER).then(|| Duration::from_micros(lease))
    }

    /// Where a strongly consistent read may begin: after proof of leadership, at the commit index. `now` is
    /// asked for the time on the clock of [`Now::running`](crate::Now::running) if that matters; it must
    /// not be a time from before the request.
    pub fn read_point(&self, now: impl FnOnce() -> Duration) -> ReadPoint {
        if !self.is_serving() {
            return ReadPoint::NotServing;
        }
        if self.lease().is_some_and(|lease| now() >= lease) {
            return ReadPoint::Unproven;
        }
        // IMPORTANT: after the lease. What was committed when it was looked at is in this.
        let committed = LogIndex::new(self.committed.load(Ordering::Acquire));
        if self.applied() >= committed { ReadPoint::Now } else { ReadPoint::At(committed) }
    }

    /// Calls `wake` once `index` is applied or the replica stops serving; at once if either is so.
    pub fn when_applied(&self, index: LogIndex, wake: Box<dyn FnOnce() + Send>) {
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(|poison| poison.into_inner());
            // Looked at under the lock that `wake_up_to` takes after it stored the new index: either
            // this sees the index, or `wake_up_to` sees this.
            if self.applied() < index && self.is_serving() {
                waiting.push((index, wake));
                return;
            }
        }
        wake();
    }

    pub(crate) fn set_committed(&self, index: LogIndex) {
        self.committed.store(index.get(), Ordering::Release);
    }

    pub(crate) fn set_leader(&self, leader: Option<NodeId>) {
        self.leader.store(leader.map_or(NOBODY, NodeId::get), Ordering::Release);
    }

    /// Notes until when nobody else can lead.
    pub(crate) fn set_lease(&self, until: Duration) {
        // A lease that a single voter has is as long as can be told.
        let micros = u64::try_from(until.as_micros()).unwrap_or(FOR_EVER);
        self.lease.store(micros, Ordering::Release);
    }

    /// The replica serves; nobody else can lead until then.
    pub(crate) fn serve(&self, until: Duration) {
        self.set_lease(until);
        self.serving.store(true, Ordering::Release);
    }

    /// The replica does not serve any more.
    pub(crate) fn retire(&self) {
        self.serving.store(false, Ordering::Release);
        self.set_lease(Duration::ZERO);
        self.wake_up_to(LogIndex::new(u64::MAX));
    }

    pub(crate) fn set_statistics(&self, state: &PartitionState) {
        self.items.store(state.items, Ordering::Relaxed);
        self.bytes.store(state.bytes, Ordering::Relaxed);
        if !state.local_indexes.is_empty() {
            let mut held = self.local_indexes.lock().unwrap_or_else(|poison| poison.into_inner());
            held.clone_from(&state.local_indexes);
        }
    }

    pub(crate) fn set_applied(&self, index: LogIndex) {
        let before = self.applied.swap(index.get(), Ordering::AcqRel);
        assert!(before <= index.get(), "the applied index never goes backwards");
        self.wake_up_to(index);
    }

    fn wake_up_to(&self, index: LogIndex) {
        let due: Vec<Wake> = {
            let mut waiting = self.waiting.lock().unwrap_or_else(|poison| poison.into_inner());
            if waiting.is_empty() {
                return;
            }
            waiting.extract_if(.., |(at, _)| *at <= index).map(|(_, wake)| wake).collect()
        };
        due.into_iter().for_each(|wake| wake());
    }
}
