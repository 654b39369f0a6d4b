//! The applier: committed entries become batches in the store, and their commands get their answers.
//!
//! It owns the applied state of every replica here and writes it in the same batch as an entry's
//! effects, in the same tablet, so that data and applied index can never disagree whatever the store
//! loses in a crash. It never reads user data, so replaying an entry is exact.
//!
//! What is committed waits in a queue for each keyspace (`lanes`): one whose flushes are behind is skipped
//! and does not hold up the others.
//!
//! IMPORTANT: an entry evaluated under another epoch or description version than the partition's
//! applies as nothing, on every replica alike.

mod lanes;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use stator_model::{LocalIndexId, LogIndex, PartitionId, TabletId, Term};
use stator_store::state::{IndexTotals, PartitionState};
use stator_store::{Batch, Engine, keys};

use crate::entry::{IndexCount, WriteSet};
use crate::handle::ReplicaHandle;
use crate::machine::{Deferred, Fate};

use self::lanes::Lanes;
pub use self::lanes::Limits;

/// Work for the applier, in the order in which the core handed it out.
pub enum ApplyTask {
    /// A replica begins with this state.
    Open {
        /// What readers see of it.
        handle: Arc<ReplicaHandle>,
        /// What its tablet holds.
        state: Box<PartitionState>,
    },
    /// Committed entries of one replica, contiguous.
    Entries {
        /// What readers see of it.
        handle: Arc<ReplicaHandle>,
        /// The entries.
        entries: VecDeque<CommittedEntry>,
    },
    /// A replica is destroyed: nothing more will come for it.
    Close {
        /// The partition.
        partition: PartitionId,
        /// Where its data lay.
        tablet: TabletId,
    },
}

/// A committed entry and the answers that wait for it.
pub struct CommittedEntry {
    pub(crate) index: LogIndex,
    pub(crate) term: Term,
    /// `None` is the empty entry with which a leader begins its term.
    pub(crate) writes: Option<WriteSet>,
    pub(crate) deferred: Vec<Deferred>,
}

impl CommittedEntry {
    /// Its index.
    pub fn index(&self) -> LogIndex {
        self.index
    }

    /// The term of the leader that proposed it.
    pub fn term(&self) -> Term {
        self.term
    }

    /// What it carries; nothing in the entry with which a leader begins its term.
    pub fn writes(&self) -> Option<&WriteSet> {
        self.writes.as_ref()
    }
}

/// What the applier did, for the core.
#[derive(Debug)]
pub enum Applied {
    /// Everything of this partition up to this index is in the store and visible.
    UpTo {
        /// The partition.
        partition: PartitionId,
        /// The last index applied.
        index: LogIndex,
        /// The partition's state then, if a leader's first entry was among them.
        state: Option<Box<PartitionState>>,
    },
    /// The replica takes no more entries; its tablet may go.
    Closed {
        /// The partition.
        partition: PartitionId,
        /// Where its data lay.
        tablet: TabletId,
    },
    /// What waits for this keyspace has waited too long, or is too much: leaders refuse writes to it.
    Behind {
        /// The keyspace.
        keyspace: u8,
    },
    /// That is over.
    CaughtUp {
        /// The keyspace.
        keyspace: u8,
    },
}

/// Whether a round respects the store's back-pressure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Keyspaces whose flushes are behind are skipped.
    Considerate,
    /// None is skipped, the store may hold up the caller: for the end, when nobody waits any more.
    Regardless,
}

/// What a round came to.
#[derive(Debug, Default)]
pub struct Round {
    /// For the core.
    pub applied: Vec<Applied>,
    /// Whether a batch was committed.
    pub committed: bool,
    /// Keyspaces that were skipped although something waits for them.
    pub skipped: u64,
}

/// The node cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store refused a batch: from here on its content is not known.
    #[error("committed entries could not be applied")]
    Store(#[from] stator_store::Error),
    /// Entries of a group do not follow each other: a defect in this program.
    #[error("{partition} is at {applied} and was handed {index}")]
    OutOfOrder {
        /// The partition.
        partition: PartitionId,
        /// Where it is.
        applied: LogIndex,
        /// What came.
        index: LogIndex,
    },
}

/// Turns committed entries into store batches. One per node; owned by the apply thread.
pub struct Applier {
    engine: Arc<dyn Engine>,
    states: HashMap<PartitionId, PartitionState>,
    lanes: Lanes,
}

/// What one round will make visible once its batch is in the store.
#[derive(Default)]
struct Staged {
    batch: Batch,
    /// One for each task with entries, with the index and, if it brought a term's first entry, the state
    /// as of the end of that task: a later task of the round may have gone further.
    moved: Vec<(Arc<ReplicaHandle>, LogIndex, Option<Box<PartitionState>>)>,
    settled: Vec<(Deferred, Fate)>,
    closed: Vec<Applied>,
}

impl Applier {
    /// An applier that knows no replica yet.
    pub fn new(engine: Arc<dyn Engine>) -> Self {
        Self::with_limits(engine, Limits::default())
    }

    /// An applier with other limits.
    pub fn with_limits(engine: Arc<dyn Engine>, limits: Limits) -> Self {
        Self { engine, states: HashMap::new(), lanes: Lanes::new(limits) }
    }

    /// Takes tasks in; `now` is on a clock that never goes back.
    pub fn push(&mut self, tasks: impl IntoIterator<Item = ApplyTask>, now: Duration) {
        tasks.into_iter().for_each(|task| self.lanes.push(task, now));
    }

    /// Whether nothing waits.
    pub fn is_idle(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Bytes of the entries that wait.
    pub fn waiting_bytes(&self) -> u64 {
        self.lanes.bytes()
    }

    /// Applies some of what waits as one batch, makes it visible to readers, then answers its commands.
    ///
    /// # Errors
    /// If the store fails or entries are out of order: the process must end.
    pub fn apply(&mut self, now: Duration, pace: Pace) -> Result<Round, Error> {
        let mut round = Round::default();
        let tasks = self.lanes.take(|keyspace| {
            let skips = pace == Pace::Considerate && self.engine.pressure(keyspace).should_skip();
            round.skipped += u64::from(skips);
            skips
        });
        round.committed = !tasks.is_empty();
        if round.committed {
            round.applied = self.carry_out(tasks)?;
        }
        round.applied.extend(self.lanes.changes(now));
        Ok(round)
    }

    fn carry_out(&mut self, tasks: Vec<ApplyTask>) -> Result<Vec<Applied>, Error> {
        let mut staged = Staged::default();
        for task in tasks {
            self.stage(task, &mut staged)?;
        }
        self.engine.commit(staged.batch)?;
        let mut done = Vec::with_capacity(staged.moved.len() + staged.closed.len());
        for (handle, index, first_of_term) in staged.moved {
            let partition = handle.partition();
            let Some(state) = self.states.get(&partition) else { continue };
            handle.set_statistics(state);
            handle.set_applied(state.applied);
            done.push(Applied::UpTo { partition, index, state: first_of_term });
        }
        done.extend(staged.closed);
        // Answers last: whoever reads after an answer finds what it speaks of.
        for (deferred, fate) in staged.settled {
            deferred.settle(fate);
        }
        Ok(done)
    }

    fn stage(&mut self, task: ApplyTask, staged: &mut Staged) -> Result<(), Error> {
        match task {
            ApplyTask::Open { handle, state } => {
                handle.set_statistics(&state);
                self.states.insert(handle.partition(), *state);
            }
            ApplyTask::Close { partition, tablet } => {
                self.states.remove(&partition);
                staged.closed.push(Applied::Closed { partition, tablet });
            }
            ApplyTask::Entries { handle, entries } => {
                self.stage_entries(handle, entries, staged)?
            }
        }
        Ok(())
    }

    fn stage_entries(
        &mut self,
        handle: Arc<ReplicaHandle>,
        entries: VecDeque<CommittedEntry>,
        staged: &mut Staged,
    ) -> Result<(), Error> {
        let partition = handle.partition();
        let Some(state) = self.states.get_mut(&partition) else { return Ok(()) };
        let mut first_of_term = false;
        for entry in entries {
            if entry.index != state.applied.next() {
                return Err(Error::OutOfOrder {
                    partition,
                    applied: state.applied,
                    index: entry.index,
                });
            }
            let fate = match entry.writes {
                None => {
                    first_of_term = true;
                    Fate::Applied
                }
                Some(writes) => stage_writes(state, handle.tablet(), writes, &mut staged.batch),
            };
            state.applied = entry.index;
            state.applied_term = entry.term;
            staged.settled.extend(entry.deferred.into_iter().map(|deferred| (deferred, fate)));
        }
        staged.batch.put(handle.tablet(), &keys::state_key(partition), state.encode());
        let index = state.applied;
        let state = first_of_term.then(|| Box::new(state.clone()));
        staged.moved.push((handle, index, state));
        Ok(())
    }
}

/// `None` for an id that no local index has: one of a later program.
fn index_totals(count: &IndexCount) -> Option<IndexTotals> {
    let index = LocalIndexId(u8::try_from(count.index).ok()?);
    Some(IndexTotals { index, entries: count.entries, bytes: count.bytes })
}

fn stage_writes(
    state: &mut PartitionState,
    tablet: TabletId,
    writes: WriteSet,
    batch: &mut Batch,
) -> Fate {
    if writes.epoch() != state.epoch || writes.version() != state.description_version {
        return Fate::Void;
    }
    state.highest = state.highest.max(writes.highest());
    state.items = writes.items;
    state.bytes = writes.bytes;
    state.local_indexes = writes.local_indexes.iter().filter_map(index_totals).collect();
    for effect in writes.effects {
        match effect.value {
            Some(value) => batch.put(tablet, &effect.key, value),
            None => batch.delete(tablet, &effect.key),
        }
    }
    Fate::Applied
}
