//! The life of a write on one item.
//!
//! ```text
//!            ┌──────────── wait for a newer picture, or a moment ◄───┐
//!            ▼                                                       │ not done: no leader, busy, out of reach
//!   start ─► Submit (prefetch, then the core here) ─────► answered ──┼► Done
//!        └─► Forward (to the node that leads) ──────────────┘        │ not done: prefetch too old,
//!            ▲                                                       │ or another node leads
//!            └───────────────────────────────────────────────────────┘
//! ```
//!
//! A write goes to one node at a time, and is sent again only when it is known that nothing was done. When
//! a connection breaks behind a command, that is not known: the client is told so, and decides.
//!
//! A partition whose store cannot keep up is not waited for: it has made its clients wait for a second
//! already, and what waits here takes up memory. DynamoDB's clients know what to do when they are
//! throttled: they back off and try again.

use std::time::Duration;

use stator_catalog::Catalog;
use stator_model::{NodeId, PartitionId};
use stator_operation::wire::{NotDone, WriteAnswer};
use stator_operation::{ItemCommand, Written};
use stator_protocol::ApiError;

use crate::leaders::{Leaders, Search};
use crate::resolve::{partition_of, serving};

/// What to do next for a write.
pub enum WriteStep {
    /// Read the item ahead, then hand the command to the replica of this partition here.
    Submit(PartitionId, Box<ItemCommand>),
    /// Send the command to this node. It does not send it on.
    Forward {
        /// The node.
        node: NodeId,
        /// The command, which is kept until its answer is here.
        command: Box<ItemCommand>,
        /// How long an answer is of use.
        remaining: Duration,
    },
    /// Wait until the catalog or the replicas have changed, or a moment has passed.
    Wait,
    /// Answer the client.
    Done(Result<Written, ApiError>),
}

/// What came of a submission, here or at another node.
pub enum Attempt {
    /// It was carried out; a refusal that depends on the item is an answer too.
    Done(Result<Written, ApiError>),
    /// Nothing was done: the item was read too early.
    ReadAgain(Box<ItemCommand>),
    /// Nothing was done: the partition is not there or does not lead. Who does, if that is known.
    NotLeader(Box<ItemCommand>, Option<NodeId>),
    /// Nothing was done: the partition has too much to do.
    WaitAndRetry(Box<ItemCommand>),
    /// Nothing was sent: the node cannot be reached.
    Unreachable(Box<ItemCommand>),
    /// Nothing was done: the store cannot keep up with the writes to the partition.
    Throttled(Box<ItemCommand>),
    /// Nothing was done: the table changed under the command.
    TableChanged(Box<ItemCommand>),
    /// Perhaps done, perhaps not. So it is of a command that was sent and has no answer.
    Unknown,
}

impl Attempt {
    /// What another node answered to this command.
    pub fn answered(answer: WriteAnswer, command: Box<ItemCommand>) -> Self {
        match answer {
            WriteAnswer::Done(result) => Self::Done(result),
            WriteAnswer::NotDone(NotDone::Stale) => Self::TableChanged(command),
            WriteAnswer::NotDone(NotDone::NotLeader(leader)) => Self::NotLeader(command, leader),
            WriteAnswer::NotDone(NotDone::Busy) => Self::WaitAndRetry(command),
            WriteAnswer::NotDone(NotDone::Throttled) => Self::Throttled(command),
            WriteAnswer::NotDone(NotDone::Unknown) => Self::Unknown,
        }
    }
}

/// A write on its way.
pub struct WriteRoute {
    state: State,
    search: Search,
    deadline: Duration,
}

enum State {
    Ready(Box<ItemCommand>),
    Waiting(Box<ItemCommand>),
    Throttled(Box<ItemCommand>),
    Submitted,
    Done(Result<Written, ApiError>),
}

impl WriteRoute {
    /// A write that is given up at `deadline`, on a clock that never goes back: time since an origin of
    /// the caller's choice.
    pub fn new(command: Box<ItemCommand>, deadline: Duration) -> Self {
        Self { state: State::Ready(command), search: Search::default(), deadline }
    }

    /// What to do now. After [`WriteStep::Submit`] and [`WriteStep::Forward`] comes
    /// [`answered`](Self::answered).
    pub fn next(&mut self, catalog: &Catalog, leaders: &dyn Leaders, now: Duration) -> WriteStep {
        let state = std::mem::replace(&mut self.state, State::Submitted);
        match state {
            State::Ready(command) => self.submit(command, catalog, leaders, now),
            State::Waiting(command) => {
                self.search.waited();
                self.state = State::Ready(command);
                WriteStep::Wait
            }
            State::Throttled(command) => {
                let table = catalog.table(&command.table());
                WriteStep::Done(Err(table.map_or_else(ApiError::table_not_found, |table| {
                    ApiError::throttled(&table.billing)
                })))
            }
            State::Done(result) => WriteStep::Done(result),
            // The submission was dropped without an answer: whoever held it is gone.
            State::Submitted => WriteStep::Done(Err(ApiError::internal())),
        }
    }

    fn submit(
        &mut self,
        command: Box<ItemCommand>,
        catalog: &Catalog,
        leaders: &dyn Leaders,
        now: Duration,
    ) -> WriteStep {
        if now >= self.deadline {
            return WriteStep::Done(Err(ApiError::unavailable()));
        }
        let command = match up_to_date(command, catalog) {
            Ok(command) => command,
            Err(error) => return WriteStep::Done(Err(error)),
        };
        let Some(partition) = partition_of(catalog, command.table(), command.location()) else {
            self.state = State::Ready(command);
            return WriteStep::Wait;
        };
        let node = self.search.leader(partition, leaders);
        if node == leaders.here() {
            return WriteStep::Submit(partition.id, command);
        }
        WriteStep::Forward { node, command, remaining: self.deadline.saturating_sub(now) }
    }

    /// Notes what came of the submission.
    pub fn answered(&mut self, attempt: Attempt) {
        self.state = match attempt {
            Attempt::Done(result) => State::Done(result),
            Attempt::ReadAgain(command) => {
                self.search.put_off();
                State::Ready(command)
            }
            Attempt::NotLeader(command, leader) => {
                if self.search.sent_on(leader) {
                    State::Waiting(command)
                } else {
                    State::Ready(command)
                }
            }
            Attempt::WaitAndRetry(command) | Attempt::TableChanged(command) => {
                self.search.put_off();
                State::Waiting(command)
            }
            Attempt::Unreachable(command) => State::Waiting(command),
            Attempt::Throttled(command) => State::Throttled(command),
            Attempt::Unknown => State::Done(Err(ApiError::internal())),
        };
    }
}

/// The command, validated against the description of its table as it is now.
fn up_to_date(command: Box<ItemCommand>, catalog: &Catalog) -> Result<Box<ItemCommand>, ApiError> {
    let table = serving(catalog, command.table())?;
    if table.version == command.version() {
        return Ok(command);
    }
    command.validated_again(table).map(Box::new)
}

#[cfg(test)]
mod tests {
    use stator_catalog::Command;
    use stator_model::Billing;
    use stator_operation::{ItemRequest, Operation, Request};

    use super::*;
    use crate::testing::{DEADLINE, HERE, NOW, catalog, decide};

    fn put(catalog: &Catalog, key: &str) -> ItemCommand {
        let body = format!(r#"{{"TableName":"music","Item":{{"pk":{{"S":"{key}"}}}}}}"#);
        match Request::parse(Operation::PutItem, body.as_bytes()) {
            Ok(Request::Items(ItemRequest::PutItem(input))) => {
                let table = catalog.table_by_name("music").unwrap();
                ItemCommand::Put(input.validate(table).unwrap())
            }
            other => panic!("{other:?}"),
        }
    }

    fn submitted(step: WriteStep) -> (PartitionId, Box<ItemCommand>) {
        match step {
            WriteStep::Submit(partition, command) => (partition, command),
            WriteStep::Wait | WriteStep::Forward { .. } => panic!("waits, or goes elsewhere"),
            WriteStep::Done(result) => panic!("{result:?}"),
        }
    }

    #[track_caller]
    fn refused(step: WriteStep, expected: &ApiError) {
        match step {
            WriteStep::Done(Err(error)) => assert_eq!(&error, expected),
            WriteStep::Done(Ok(reply)) => panic!("{reply:?}"),
            WriteStep::Wait | WriteStep::Submit(..) | WriteStep::Forward { .. } => {
                panic!("goes on")
            }
        }
    }

    #[test]
    fn a_write_goes_to_the_partition_whose_range_holds_its_key() {
        let catalog = catalog();
        let mut seen = std::collections::BTreeSet::new();
        for n in 0..200 {
            let command = put(&catalog, &format!("k{n}"));
            let location = command.location().clone();
            let mut route = WriteRoute::new(command.into(), DEADLINE);
            let (partition, _) = submitted(route.next(&catalog, &HERE, NOW));
            assert!(catalog.partition(partition).unwrap().range.contains(&location));
            seen.insert(partition);
        }
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn what_was_not_done_is_tried_again_until_the_deadline() {
        let catalog = catalog();
        let mut route = WriteRoute::new(put(&catalog, "k").into(), DEADLINE);
        let (_, command) = submitted(route.next(&catalog, &HERE, NOW));
        route.answered(Attempt::ReadAgain(command));
        let (_, command) = submitted(route.next(&catalog, &HERE, NOW));
        route.answered(Attempt::WaitAndRetry(command));
        assert!(matches!(route.next(&catalog, &HERE, NOW), WriteStep::Wait));
        let (_, command) = submitted(route.next(&catalog, &HERE, NOW));
        route.answered(Attempt::WaitAndRetry(command));
        assert!(matches!(route.next(&catalog, &HERE, NOW), WriteStep::Wait));
        refused(route.next(&catalog, &HERE, DEADLINE), &ApiError::unavailable());
    }

    #[test]
    fn a_throttled_write_is_answered_at_once_by_the_tables_billing_mode() {
        let catalog = catalog();
        let mut route = WriteRoute::new(put(&catalog, "k").into(), DEADLINE);
        let (_, command) = submitted(route.next(&catalog, &HERE, NOW));
        route.answered(Attempt::Throttled(command));
        refused(route.next(&catalog, &HERE, NOW), &ApiError::throttled(&Billing::PayPerRequest));
    }

    #[test]
    fn what_was_perhaps_done_is_never_tried_again() {
        let catalog = catalog();
        let mut unknown = WriteRoute::new(put(&catalog, "k").into(), DEADLINE);
        submitted(unknown.next(&catalog, &HERE, NOW));
        unknown.answered(Attempt::Unknown);
        refused(unknown.next(&catalog, &HERE, NOW), &ApiError::internal());

        let mut unanswered = WriteRoute::new(put(&catalog, "k").into(), DEADLINE);
        submitted(unanswered.next(&catalog, &HERE, NOW));
        refused(unanswered.next(&catalog, &HERE, NOW), &ApiError::internal());
    }

    #[test]
    fn a_table_that_is_deleted_on_the_way_is_not_found() {
        let mut catalog = catalog();
        let mut route = WriteRoute::new(put(&catalog, "k").into(), DEADLINE);
        let (_, command) = submitted(route.next(&catalog, &HERE, NOW));
        route.answered(Attempt::TableChanged(command));
        assert!(matches!(route.next(&catalog, &HERE, NOW), WriteStep::Wait));
        decide(&mut catalog, &Command::DeleteTable { name: "music".to_owned() });
        refused(route.next(&catalog, &HERE, NOW), &ApiError::table_not_found());
    }
}
