//! The life of a write on one item.
//!
//! ```text
//!            ┌──────────── wait for a newer picture, or a moment ◄───┐
//!            ▼                                                       │ not done: not here, not leading, busy
//!   start ─► Submit (prefetch, then the partition's leader) ─► answered ─► Done
//!            ▲                                                       │ not done: prefetch too old
//!            └───────────────────────────────────────────────────────┘
//! ```

use stator_catalog::Catalog;
use stator_model::{PartitionId, TableStatus, UnixMillis};
use stator_operation::{ItemCommand, Reply};
use stator_protocol::ApiError;

use crate::resolve::partition_of;

/// What to do next for a write.
pub enum WriteStep {
    /// Read the item ahead, then hand the command to the leader of this partition.
    Submit(PartitionId, Box<ItemCommand>),
    /// Wait until the catalog or the replicas here have changed, or a moment has passed.
    Wait,
    /// Answer the client.
    Done(Result<Reply, ApiError>),
}

/// What came of a submission.
pub enum Attempt {
    /// It was carried out; a refusal that depends on the item is an answer too.
    Done(Result<Reply, ApiError>),
    /// Nothing was done: the item was read too early.
    ReadAgain(Box<ItemCommand>),
    /// Nothing was done: the partition is not here, does not lead, or has too much to do.
    WaitAndRetry(Box<ItemCommand>),
    /// Nothing was done: the table changed under the command.
    TableChanged(Box<ItemCommand>),
    /// Perhaps done, perhaps not.
    Unknown,
}

/// A write on its way.
pub struct WriteRoute {
    state: State,
    deadline: UnixMillis,
}

enum State {
    Ready(Box<ItemCommand>),
    Waiting(Box<ItemCommand>),
    Submitted,
    Done(Result<Reply, ApiError>),
}

impl WriteRoute {
    /// A write that is given up at `deadline`.
    pub fn new(command: ItemCommand, deadline: UnixMillis) -> Self {
        Self { state: State::Ready(Box::new(command)), deadline }
    }

    /// What to do now. After [`WriteStep::Submit`] comes [`answered`](Self::answered).
    pub fn next(&mut self, catalog: &Catalog, now: UnixMillis) -> WriteStep {
        let state = std::mem::replace(&mut self.state, State::Submitted);
        match state {
            State::Ready(command) => self.submit(command, catalog, now),
            State::Waiting(command) => {
                self.state = State::Ready(command);
                WriteStep::Wait
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
        now: UnixMillis,
    ) -> WriteStep {
        if now >= self.deadline {
            return WriteStep::Done(Err(ApiError::unavailable()));
        }
        let table = catalog.table(&command.table());
        if table.is_none_or(|table| table.status == TableStatus::Deleting) {
            return WriteStep::Done(Err(ApiError::table_not_found()));
        }
        match partition_of(catalog, command.table(), command.location()) {
            Some(partition) => WriteStep::Submit(partition, command),
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
            Attempt::WaitAndRetry(command) | Attempt::TableChanged(command) => {
                State::Waiting(command)
            }
            Attempt::Unknown => State::Done(Err(ApiError::internal())),
        };
    }
}
