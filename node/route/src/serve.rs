//! Work that another node forwarded: done here or not at all.
//!
//! What arrives here is never sent on, so that no request goes in circles. A node that cannot do it says
//! why and, if it knows, who can; the sender decides what to do about it. What is only a matter of here,
//! an item that was read too early, is settled here.

use std::time::Duration;

use stator_catalog::Catalog;
use stator_model::{KeyRange, NodeId, PartitionId};
use stator_operation::ItemCommand;
use stator_operation::read::{Found, Order, Part, Place, Walk};
use stator_operation::wire::{NotDone, ReadAnswer, WriteAnswer};
use stator_protocol::ApiError;

use crate::Attempt;
use crate::leaders::Leaders;
use crate::resolve::partition_of;

/// What to do next for a write of another node.
pub enum ServedWriteStep {
    /// Read the item ahead, then hand the command to the replica of this partition here.
    Submit(PartitionId, Box<ItemCommand>),
    /// Answer the node.
    Done(WriteAnswer),
}

/// A write of another node.
pub struct ServedWrite {
    state: State,
    deadline: Duration,
}

enum State {
    Ready(Box<ItemCommand>),
    Submitted(PartitionId),
    NotLeader(PartitionId, Option<NodeId>),
    Done(WriteAnswer),
}

impl ServedWrite {
    /// A write whose answer is of use until `deadline`, on a clock that never goes back.
    pub fn new(command: Box<ItemCommand>, deadline: Duration) -> Self {
        Self { state: State::Ready(command), deadline }
    }

    /// What to do now. After [`ServedWriteStep::Submit`] comes [`answered`](Self::answered).
    pub fn next(
        &mut self,
        catalog: &Catalog,
        leaders: &dyn Leaders,
        now: Duration,
    ) -> ServedWriteStep {
        // Asked again after the answer, or the submission was dropped without one.
        let unknown = State::Done(WriteAnswer::NotDone(NotDone::Unknown));
        match std::mem::replace(&mut self.state, unknown) {
            State::Ready(_) if now >= self.deadline => not_done(NotDone::Busy),
            State::Ready(command) => {
                match partition_of(catalog, command.table(), command.location()) {
                    None => not_done(NotDone::NotLeader(None)),
                    Some(partition) => {
                        self.state = State::Submitted(partition.id);
                        ServedWriteStep::Submit(partition.id, command)
                    }
                }
            }
            State::Submitted(_) => not_done(NotDone::Unknown),
            State::NotLeader(partition, known) => {
                not_done(NotDone::NotLeader(elsewhere(known, partition, leaders)))
            }
            State::Done(answer) => ServedWriteStep::Done(answer),
        }
    }

    /// Notes what came of the submission.
    pub fn answered(&mut self, attempt: Attempt) {
        let State::Submitted(partition) = self.state else { return };
        let not_done = |reason| State::Done(WriteAnswer::NotDone(reason));
        self.state = match attempt {
            Attempt::Done(result) => State::Done(WriteAnswer::Done(result)),
            Attempt::ReadAgain(command) => State::Ready(command),
            Attempt::NotLeader(_, leader) => State::NotLeader(partition, leader),
            Attempt::Unreachable(_) => State::NotLeader(partition, None),
            Attempt::WaitAndRetry(_) => not_done(NotDone::Busy),
            Attempt::Throttled(_) => not_done(NotDone::Throttled),
            Attempt::TableChanged(_) => not_done(NotDone::Stale),
            Attempt::Unknown => not_done(NotDone::Unknown),
        };
    }
}

const fn not_done(reason: NotDone) -> ServedWriteStep {
    ServedWriteStep::Done(WriteAnswer::NotDone(reason))
}

/// Who leads, by what the replica said or else by what is known here; not this node, which has just said
/// that it does not.
fn elsewhere(
    known: Option<NodeId>,
    partition: PartitionId,
    leaders: &dyn Leaders,
) -> Option<NodeId> {
    known.or_else(|| leaders.leader(partition)).filter(|node| *node != leaders.here())
}

/// What to do next for a part of a read of another node.
pub enum ServedReadStep {
    /// Read this part at the replica of this partition here, then say what was found.
    Read(PartitionId, Part),
    /// Answer the node.
    Done(ReadAnswer),
}

/// A part of a read of another node.
pub struct ServedRead {
    part: Part,
    partition: Option<PartitionId>,
    outcome: Option<Outcome>,
    deadline: Duration,
}

enum Outcome {
    Found(Found),
    NotHere(Option<NodeId>),
    Failed(ApiError),
}

impl ServedRead {
    /// A part whose answer is of use until `deadline`, on a clock that never goes back.
    pub fn new(part: Part, deadline: Duration) -> Self {
        Self { part, partition: None, outcome: None, deadline }
    }

    /// What to do now. After [`ServedReadStep::Read`] comes [`found`](Self::found),
    /// [`not_here`](Self::not_here) or [`failed`](Self::failed).
    pub fn next(
        &mut self,
        catalog: &Catalog,
        leaders: &dyn Leaders,
        now: Duration,
    ) -> ServedReadStep {
        ServedReadStep::Done(match (self.outcome.take(), self.partition) {
            (Some(Outcome::Found(found)), _) => ReadAnswer::Found(found),
            (Some(Outcome::Failed(error)), _) => ReadAnswer::Failed(error),
            (Some(Outcome::NotHere(known)), Some(partition)) => {
                ReadAnswer::NotServing(elsewhere(known, partition, leaders))
            }
            (Some(Outcome::NotHere(_)), None) => ReadAnswer::NotServing(None),
            (None, _) if now >= self.deadline => ReadAnswer::NotServing(None),
            (None, _) => match self.part.partition(catalog) {
                None => ReadAnswer::NotServing(None),
                Some(partition) if !self.part.consistent && !leaders.is_fresh(partition.id) => {
                    ReadAnswer::NotServing(elsewhere(None, partition.id, leaders))
                }
                Some(partition) => {
                    self.partition = Some(partition.id);
                    let part = self.part.clone().within(&partition.range);
                    return ServedReadStep::Read(partition.id, part);
                }
            },
        })
    }

    /// Takes in what was found of the part, as it was to be read. What lies in other partitions is known to
    /// the sender as not seen: its map is older than this one's.
    pub fn found(&mut self, part: &Part, mut found: Found) {
        if let (Found::Rows(rows), Place::Range(all), Place::Range(seen)) =
            (&mut found, &self.part.place, &part.place)
        {
            rows.unseen = unseen(all, seen, rows.unseen.take());
        }
        self.outcome = Some(Outcome::Found(found));
    }

    /// The replica here may not answer; who leads, if it knows.
    pub fn not_here(&mut self, leader: Option<NodeId>) {
        self.outcome = Some(Outcome::NotHere(leader));
    }

    /// The replica here cannot be read.
    pub fn failed(&mut self, error: ApiError) {
        self.outcome = Some(Outcome::Failed(error));
    }
}

/// What of `all` was not seen, if of the part of it in `seen` this was not.
fn unseen(all: &Walk, seen: &Walk, unseen: Option<KeyRange>) -> Option<KeyRange> {
    let (start, end) = (all.range.start.clone(), all.range.end.clone());
    match (all.order, unseen) {
        (Order::Ascending, Some(unseen)) => Some(KeyRange { start: unseen.start, end }),
        (Order::Descending, Some(unseen)) => Some(KeyRange { start, end: unseen.end }),
        (_, None) if all.range == seen.range => None,
        (Order::Ascending, None) => Some(KeyRange { start: seen.range.end.clone()?, end }),
        (Order::Descending, None) => Some(KeyRange { start, end: Some(seen.range.start.clone()) }),
    }
}
