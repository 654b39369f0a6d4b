//! What a node does with a request that passed the edge.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use futures_util::future::join_all;
use stator_catalog::{Command, Outcome, Refusal};
use stator_model::{LogIndex, PartitionId, TableDescription};
use stator_operation::read::{Found, Part};
use stator_operation::{
    Alteration, DescribedTable, ItemCommand, ItemRequest, ItemWork, Operation, ReadCommand, Reply,
    Request, TableReference, TableStatistics, Written, create_table, delete_table, describe_table,
    list_tables,
};
use stator_protocol::ApiError;
use stator_replica::{
    Answer, CatalogAnswer, CatalogRequest, Event, NotDone, ProofRequest, ReadPoint, ReplicaHandle,
    WriteRequest, prefetch, read,
};
use stator_route::{Alone, Attempt, ReadRoute, ReadStep, WriteRoute, WriteStep};
use tokio::sync::oneshot;

use super::Node;
use super::threads::{describe, fail_stop};
use crate::clock;
use crate::edge::Service;
use crate::random;

/// A request is given up after this long; SDKs wait longer.
const DEADLINE: Duration = Duration::from_secs(10);
/// With how many partitions a table begins: one serves a node on its own, and more follow by splits.
pub(crate) const PARTITIONS: NonZeroU32 = NonZeroU32::MIN;
/// How long to wait for a newer picture before looking again anyway.
const RETRY_AFTER: Duration = Duration::from_millis(20);

impl Service for Node {
    async fn call(&self, request: Request) -> Result<Reply, ApiError> {
        match request {
            Request::Items(request) => self.items(request).await,
            Request::CreateTable(input) => self.create_table(input).await,
            Request::DescribeTable(input) => self.describe_table(&input),
            Request::ListTables(input) => Ok(self.list_tables(&input)),
            Request::DeleteTable(input) => self.delete_table(input).await,
            Request::Alter(alteration) => self.alter(&alteration).await,
            Request::Look(look) => look.reply(&self.picture.load().catalog, &self.service),
        }
    }
}

impl Node {
    async fn items(&self, request: ItemRequest) -> Result<Reply, ApiError> {
        let work = request.validate(&self.picture.load().catalog, &self.service)?;
        match work {
            ItemWork::Write(command) => self.write(command).await.map(Reply::Written),
            ItemWork::Batch(batch) => {
                // All at once: those of one partition then share an entry of its log.
                let results =
                    join_all(batch.commands().map(|command| self.write(command.into()))).await;
                batch.reply(results)
            }
            ItemWork::Read(command) => self.read(command).await,
        }
    }

    async fn write(&self, command: Box<ItemCommand>) -> Result<Written, ApiError> {
        if command.adds_data() {
            self.space.check(clock::running())?;
        }
        let deadline = clock::running() + DEADLINE;
        let mut route = WriteRoute::new(command, deadline);
        loop {
            let step = {
                let picture = self.picture.load();
                route.next(&picture.catalog, &Alone::of(&picture.catalog), clock::running())
            };
            match step {
                WriteStep::Done(result) => return result,
                WriteStep::Wait => self.picture.changed(RETRY_AFTER).await,
                // This node has no peers.
                WriteStep::Forward { command, .. } => route.answered(Attempt::Unreachable(command)),
                WriteStep::Submit(partition, command) => {
                    let attempt = self.submit(partition, command, deadline).await?;
                    route.answered(attempt);
                }
            }
        }
    }

    async fn submit(
        &self,
        partition: PartitionId,
        command: Box<ItemCommand>,
        deadline: Duration,
    ) -> Result<Attempt, ApiError> {
        let Some(handle) = self.replica(partition) else {
            return Ok(Attempt::NotLeader(command, None));
        };
        let prefetched = prefetch(self.engine.as_ref(), &handle, &command);
        let prefetched = prefetched.map_err(|error| unreadable(partition, &error))?;
        let (answer, answered) = oneshot::channel();
        let request = WriteRequest {
            partition,
            command,
            prefetched,
            // Whoever asked may be gone; the write goes on without.
            responder: Box::new(move |outcome| drop(answer.send(outcome))),
        };
        if self.events.send(Event::Write(request)).is_err() {
            return Ok(Attempt::Unknown);
        }
        Ok(match before(deadline, answered).await {
            Some(Answer::Done(reply)) => Attempt::Done(reply),
            Some(Answer::NotDone(reason, Some(command))) => match reason {
                NotDone::PrefetchTooOld => Attempt::ReadAgain(command),
                NotDone::Stale => Attempt::TableChanged(command),
                NotDone::Throttled => Attempt::Throttled(command),
                NotDone::NotHere => Attempt::NotLeader(command, None),
                NotDone::NotLeader(hint) => Attempt::NotLeader(command, hint),
                NotDone::Busy => Attempt::WaitAndRetry(command),
                NotDone::Unknown => Attempt::Unknown,
            },
            Some(Answer::NotDone(_, None)) | None => Attempt::Unknown,
        })
    }

    async fn read(&self, command: ReadCommand) -> Result<Reply, ApiError> {
        let deadline = clock::running() + DEADLINE;
        let mut route = ReadRoute::new(command, deadline);
        loop {
            let step = {
                let picture = self.picture.load();
                route.next(&picture.catalog, &Alone::of(&picture.catalog), clock::running())
            };
            match step {
                ReadStep::Done(result) => return result,
                ReadStep::Wait => self.picture.changed(RETRY_AFTER).await,
                // This node has no peers.
                ReadStep::Forward { .. } => route.lost(),
                ReadStep::Read(partition, part) => {
                    match self.look_up(partition, &part, deadline).await? {
                        Some(found) => route.found(&part, found),
                        None => route.not_here(),
                    }
                }
            }
        }
    }

    /// Reads from the store, on this thread; `None` if the replica here may not answer.
    async fn look_up(
        &self,
        partition: PartitionId,
        part: &Part,
        deadline: Duration,
    ) -> Result<Option<Found>, ApiError> {
        let Some(handle) = self.replica(partition) else { return Ok(None) };
        if !may_read(&self.events, &handle, part.consistent, deadline).await {
            return Ok(None);
        }
        let found = read(self.engine.as_ref(), &handle, &part.place);
        let found = found.map_err(|error| unreadable(partition, &error))?;
        Ok(handle.is_serving().then_some(found))
    }

    fn replica(&self, partition: PartitionId) -> Option<Arc<ReplicaHandle>> {
        self.picture.load().replicas.get(&partition).cloned()
    }

    async fn create_table(&self, input: create_table::Input) -> Result<Reply, ApiError> {
        self.allow(Operation::CreateTable, input.table())?;
        self.space.check(clock::running())?;
        let command = input.validate(&self.service, random::secret(), PARTITIONS)?;
        let table = self.decide(command, create_table::refused).await?;
        Ok(Reply::CreateTable(create_table::Output::new(self.described(&table))))
    }

    async fn delete_table(&self, input: delete_table::Input) -> Result<Reply, ApiError> {
        self.allow(Operation::DeleteTable, input.table())?;
        // Counted first: once the deletion is decided, the replicas that could say are on their way out.
        let held = self.find(input.table()).map(|table| self.statistics(&table));
        let command = input.validate(&self.service)?;
        let table = self.decide(command, delete_table::refused).await?;
        let held = held.unwrap_or_default();
        let described = DescribedTable::new(table, held, &self.service, clock::wall());
        Ok(Reply::DeleteTable(delete_table::Output::new(described)))
    }

    async fn alter(&self, alteration: &Alteration) -> Result<Reply, ApiError> {
        self.allow(alteration.operation(), alteration.table())?;
        let command = alteration.validate(&self.service)?;
        let table = self.decide(command, |refusal| alteration.refused(refusal)).await?;
        Ok(alteration.reply(self.described(&table)))
    }

    /// Whether a table may be changed through the API: not if it belongs to a manifest.
    fn allow(&self, operation: Operation, reference: &TableReference) -> Result<(), ApiError> {
        let name = reference.local_name(&self.service);
        name.map_or(Ok(()), |name| self.owners.allow(operation, name))
    }

    /// Has the catalog decide `command`; returns the table that it is about, as it is now.
    pub(crate) async fn decide(
        &self,
        command: Command,
        refused: impl Fn(&Refusal) -> ApiError,
    ) -> Result<Arc<TableDescription>, ApiError> {
        let (answer, answered) = oneshot::channel();
        let responder = Box::new(move |outcome| drop(answer.send(outcome)));
        let event = Event::Catalog(CatalogRequest { command, responder });
        if self.events.send(event).is_err() {
            return Err(ApiError::unavailable());
        }
        match answered.await {
            Ok(CatalogAnswer::Done(Ok(
                Outcome::Creating(table)
                | Outcome::Updated(table)
                | Outcome::Deleting(table)
                | Outcome::Ready(table),
            ))) => Ok(table),
            Ok(CatalogAnswer::Done(Ok(Outcome::Destroyed { .. } | Outcome::Node(_)))) => {
                Err(ApiError::internal())
            }
            Ok(CatalogAnswer::Done(Err(refusal))) => Err(refused(&refusal)),
            Ok(CatalogAnswer::NotDone(NotDone::Unknown)) | Err(_) => Err(ApiError::internal()),
            Ok(CatalogAnswer::NotDone(_)) => Err(ApiError::unavailable()),
        }
    }

    fn describe_table(&self, input: &describe_table::Input) -> Result<Reply, ApiError> {
        let described = self.find(input.table()).map(|table| self.described(&table));
        Ok(Reply::DescribeTable(input.reply(described)?))
    }

    /// The table that an operation on tables means, whatever its status.
    fn find(&self, reference: &TableReference) -> Option<Arc<TableDescription>> {
        let name = reference.local_name(&self.service)?;
        self.picture.load().catalog.table_by_name(name).cloned()
    }

    fn list_tables(&self, input: &list_tables::Input) -> Reply {
        let picture = self.picture.load();
        let after = picture.catalog.tables_after(input.start());
        Reply::ListTables(input.reply(after.map(|table| table.name.as_str())))
    }

    fn described(&self, table: &Arc<TableDescription>) -> DescribedTable {
        let statistics = self.statistics(table);
        DescribedTable::new(Arc::clone(table), statistics, &self.service, clock::wall())
    }

    /// What the replicas here hold of a table, as of what they have applied.
    fn statistics(&self, table: &TableDescription) -> TableStatistics {
        let picture = self.picture.load();
        let mut sum = TableStatistics::default();
        for partition in picture.catalog.partitions_of(table.id) {
            if let Some(handle) = picture.replicas.get(&partition.id) {
                let (items, bytes) = handle.statistics();
                sum.items += items;
                sum.bytes += bytes;
                for held in handle.local_indexes() {
                    sum.add_local_index(held.index, held.entries, held.bytes);
                }
            }
        }
        sum
    }
}

/// What a client is told when the store cannot be read.
fn unreadable(partition: PartitionId, error: &stator_store::Error) -> ApiError {
    if error.is_fatal() {
        fail_stop("the store cannot be read", error);
    }
    tracing::error!(%partition, error = %describe(error), "an item cannot be read");
    ApiError::internal()
}

/// What is sent before the deadline; `None` if nothing is.
async fn before<T>(deadline: Duration, receiver: oneshot::Receiver<T>) -> Option<T> {
    let left = deadline.saturating_sub(clock::running());
    tokio::time::timeout(left, receiver).await.ok()?.ok()
}

/// Waits until the store may be read; `false` if this replica may not answer, or not in time.
async fn may_read(
    events: &Sender<Event>,
    handle: &Arc<ReplicaHandle>,
    consistent: bool,
    deadline: Duration,
) -> bool {
    let index = match handle.read_point(clock::running) {
        ReadPoint::NotServing => return false,
        ReadPoint::Now => return true,
        ReadPoint::At(_) if !consistent => return true,
        ReadPoint::At(index) => index,
        ReadPoint::Unproven => match prove(events, handle.partition(), deadline).await {
            Some(_) if !consistent => return true,
            Some(index) => index,
            None => return false,
        },
    };
    let (reached, wait) = oneshot::channel();
    // Whoever waited may be gone.
    handle.when_applied(index, Box::new(move || _ = reached.send(())));
    before(deadline, wait).await.is_some() && handle.is_serving()
}

/// The index from which on a read may be answered; `None` if this replica does not lead, or cannot say so
/// in time.
async fn prove(
    events: &Sender<Event>,
    partition: PartitionId,
    deadline: Duration,
) -> Option<LogIndex> {
    let (proven, wait) = oneshot::channel();
    let responder = Box::new(move |result| _ = proven.send(result));
    events.send(Event::Prove(ProofRequest { partition, responder })).ok()?;
    before(deadline, wait).await?.ok()
}
