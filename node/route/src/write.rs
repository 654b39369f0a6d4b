//! The life of a write on one item.
//!
//! ```text
//!            ┌──────────── wait for a newer picture, or a moment ◄───┐
//!            ▼                                                       │ not done: not here, not leading, busy
//!   start ─► Submit (prefetch, then the partition's leader) ─► answered ─► Done
//!            ▲                                                       │ not done: prefetch too old
//!            └───────────────────────────────────────────────────────┘
//! ```
//!
//! A partition whose store cannot keep up is not waited for: it has made its clients wait for a second
//! already, and what waits here takes up memory. DynamoDB's clients know what to do when they are
//! throttled: they back off and try again.

use std::time::Duration;

use stator_catalog::Catalog;
use stator_model::PartitionId;
use stator_operation::{ItemCommand, Written};
use stator_protocol::ApiError;

use crate::resolve::{partition_of, serving};

/// What to do next for a write.
pub enum WriteStep {
    /// Read the item ahead, then hand the command to the leader of this partition.
    Submit(PartitionId, Box<ItemCommand>),
    /// Wait until the catalog or the replicas here have changed, or a moment has passed.
    Wait,
    /// Answer the client.
    Done(Result<Written, ApiError>),
}

/// What came of a submission.
pub enum Attempt {
    /// It was carried out; a refusal that depends on the item is an answer too.
    Done(Result<Written, ApiError>),
    /// Nothing was done: the item was read too early.
    ReadAgain(Box<ItemCommand>),
    /// Nothing was done: the partition is not here, does not lead, or has too much to do.
    WaitAndRetry(Box<ItemCommand>),
    /// Nothing was done: the store cannot keep up with the writes to the partition.
    Throttled(Box<ItemCommand>),
    /// Nothing was done: the table changed under the command.
    TableChanged(Box<ItemCommand>),
    /// Perhaps done, perhaps not.
    Unknown,
}

/// A write on its way.
pub struct WriteRoute {
    state: State,
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
        Self { state: State::Ready(command), deadline }
    }

    /// What to do now. After [`WriteStep::Submit`] comes [`answered`](Self::answered).
    pub fn next(&mut self, catalog: &Catalog, now: Duration) -> WriteStep {
        let state = std::mem::replace(&mut self.state, State::Submitted);
        match state {
            State::Ready(command) => self.submit(command, catalog, now),
            State::Waiting(command) => {
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

    fn submit(&mut self, command: Box<ItemCommand>, catalog: &Catalog, now: Duration) -> WriteStep {
        if now >= self.deadline {
            return WriteStep::Done(Err(ApiError::unavailable()));
        }
        if let Err(error) = serving(catalog, command.table()) {
            return WriteStep::Done(Err(error));
        }
        match partition_of(catalog, command.table(), command.location()) {
            Some(partition) => WriteStep::Submit(partition.id, command),
            None => {
                self.state = State::Ready(command);
                WriteStep::Wait
            }
        }
    }

    /// Notes what came of the submission.
    pub fn answered(&mut self, attempt: Attempt) {
        self.state = match attempt {
            Attempt::Done(result) => State::Done(result),
            Attempt::ReadAgain(command) => State::Ready(command),
            Attempt::Throttled(command) => State::Throttled(command),
            Attempt::WaitAndRetry(command) | Attempt::TableChanged(command) => {
                State::Waiting(command)
            }
            Attempt::Unknown => State::Done(Err(ApiError::internal())),
        };
    }
}

#[cfg(test)]
mod tests {
    use stator_catalog::Command;
    use stator_model::Billing;
    use stator_operation::{ItemRequest, Operation, Request};

    use super::*;
    use crate::testing::{DEADLINE, NOW, catalog, decide};

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
            WriteStep::Wait => panic!("waits"),
            WriteStep::Done(result) => panic!("{result:?}"),
        }
    }

    #[track_caller]
    fn refused(step: WriteStep, expected: &ApiError) {
        match step {
            WriteStep::Done(Err(error)) => assert_eq!(&error, expected),
            WriteStep::Done(Ok(reply)) => panic!("{reply:?}"),
            WriteStep::Wait | WriteStep::Submit(..) => panic!("goes on"),
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
            let (partition, _) = submitted(route.next(&catalog, NOW));
            assert!(catalog.partition(partition).unwrap().range.contains(&location));
            seen.insert(partition);
        }
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn what_was_not_done_is_tried_again_until_the_deadline() {
        let catalog = catalog();
        let mut route = WriteRoute::new(put(&catalog, "k").into(), DEADLINE);
        let (_, command) = submitted(route.next(&catalog, NOW));
        route.answered(Attempt::ReadAgain(command));
        let (_, command) = submitted(route.next(&catalog, NOW));
        route.answered(Attempt::WaitAndRetry(command));
        assert!(matches!(route.next(&catalog, NOW), WriteStep::Wait));
        let (_, command) = submitted(route.next(&catalog, NOW));
        route.answered(Attempt::WaitAndRetry(command));
        assert!(matches!(route.next(&catalog, NOW), WriteStep::Wait));
        refused(route.next(&catalog, DEADLINE), &ApiError::unavailable());
    }

    #[test]
    fn a_throttled_write_is_answered_at_once_by_the_tables_billing_mode() {
        let catalog = catalog();
        let mut route = WriteRoute::new(put(&catalog, "k").into(), DEADLINE);
        let (_, command) = submitted(route.next(&catalog, NOW));
        route.answered(Attempt::Throttled(command));
        refused(route.next(&catalog, NOW), &ApiError::throttled(&Billing::PayPerRequest));
    }

    #[test]
    fn what_was_perhaps_done_is_never_tried_again() {
        let catalog = catalog();
        let mut unknown = WriteRoute::new(put(&catalog, "k").into(), DEADLINE);
        submitted(unknown.next(&catalog, NOW));
        unknown.answered(Attempt::Unknown);
        refused(unknown.next(&catalog, NOW), &ApiError::internal());

        let mut unanswered = WriteRoute::new(put(&catalog, "k").into(), DEADLINE);
        submitted(unanswered.next(&catalog, NOW));
        refused(unanswered.next(&catalog, NOW), &ApiError::internal());
    }

    #[test]
    fn a_table_that_is_deleted_on_the_way_is_not_found() {
        let mut catalog = catalog();
        let mut route = WriteRoute::new(put(&catalog, "k").into(), DEADLINE);
        let (_, command) = submitted(route.next(&catalog, NOW));
        route.answered(Attempt::TableChanged(command));
        assert!(matches!(route.next(&catalog, NOW), WriteStep::Wait));
        decide(&mut catalog, &Command::DeleteTable { name: "music".to_owned() });
        refused(route.next(&catalog, NOW), &ApiError::table_not_found());
    }
}
