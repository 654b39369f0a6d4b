//! The edge of the simulated node: what the server does with a request, cut into steps.
//!
//! A mirror of `stator-server`'s `node/request.rs` without threads: wherever that one waits, or wherever
//! another thread could get in between, a step ends here and the scheduler chooses who goes on. What
//! is decided is decided by the real router, catalog and core.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stator_catalog::{Command, Outcome};
use stator_model::{Location, LogIndex, PartitionId, SharedItem, TableDescription, TableId};
use stator_operation::get_item::GetItem;
use stator_operation::{
    DescribedTable, ItemCommand, Reply, Request, ServiceInfo, TableStatistics, create_table,
    delete_table, put_item, serving,
};
use stator_protocol::ApiError;
use stator_replica::{
    Answer, CatalogAnswer, CatalogRequest, Event, NotDone, Prefetched, Published, ReadPoint,
    ReplicaHandle, WriteRequest,
};
use stator_route::{Attempt, WriteRoute, WriteStep, partition_of};
use stator_store::{Engine, StoredItem, keys};

/// As the server's.
const DEADLINE_MILLIS: u64 = 10_000;
const RETRY_AFTER_MILLIS: u64 = 20;

/// A request under way; unique in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlightId(pub u64);

/// What a step may look at.
pub struct Shore<'a> {
    /// The picture as of now, and how many there were.
    pub picture: &'a Published,
    /// Counts pictures.
    pub version: u64,
    /// The store.
    pub engine: &'a dyn Engine,
    /// What ARNs say.
    pub service: &'a ServiceInfo,
    /// The core's queue.
    pub events: &'a mut VecDeque<Event>,
    /// Where answers arrive.
    pub mail: &'a Mailbox,
    /// Milliseconds since the run began.
    pub uptime: u64,
    /// Whether reads skip their proof: a planted defect.
    pub served_too_early: bool,
}

/// What the history must know of a request beyond its answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct About {
    /// The life of the table that an operation on items means.
    pub table: Option<TableId>,
    /// The life of the table that CreateTable makes.
    pub created: Option<TableId>,
    /// Whether something of it may have been carried out.
    pub begun: bool,
}

/// A request under way.
pub struct Flight {
    id: FlightId,
    stage: Stage,
    about: About,
}

/// Where a request is.
enum Stage {
    Arrived(Box<Request>, Draw),
    Write(Box<WriteRoute>),
    Prefetch(Box<WriteRoute>, PartitionId, Box<ItemCommand>, Arc<ReplicaHandle>),
    Submit(Box<WriteRoute>, PartitionId, Box<ItemCommand>, Prefetched),
    AwaitAnswer(Box<WriteRoute>),
    Get(Box<Reading>),
    AwaitApplied(Box<Reading>, Arc<ReplicaHandle>),
    Read(Box<Reading>, Arc<ReplicaHandle>),
    Check(Box<Reading>, Arc<ReplicaHandle>, Option<SharedItem>),
    AwaitPicture { version: u64, until: u64, then: Box<Stage> },
    AwaitDecision(Decision),
}

/// What CreateTable draws.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// Random bits for id and secret.
    pub random: [u8; 32],
    /// With how many partitions the table begins.
    pub partitions: NonZeroU32,
}

struct Reading {
    command: GetItem,
    until: Duration,
}

#[derive(Clone, Copy)]
enum Decision {
    Create,
    Delete,
}

/// What a step of a request comes to.
pub enum Stepped {
    /// It is under way still.
    GoesOn(Box<Flight>),
    /// It is answered.
    Answered(About, Result<Reply, ApiError>),
}

/// What a step comes to.
enum Next {
    Go(Stage),
    Done(Result<Reply, ApiError>),
}

impl Flight {
    /// A request that has just arrived.
    pub fn new(id: FlightId, request: Request, draw: Draw) -> Self {
        let stage = Stage::Arrived(Box::new(request), draw);
        Self { id, stage, about: About::default() }
    }

    /// What the history must know of it.
    pub fn about(&self) -> About {
        self.about
    }

    /// Whether a step would get anywhere.
    pub fn is_runnable(&self, version: u64, uptime: u64, mail: &Mailbox) -> bool {
        match &self.stage {
            Stage::AwaitAnswer(_) | Stage::AwaitApplied(..) | Stage::AwaitDecision(_) => {
                mail.has(self.id)
            }
            Stage::AwaitPicture { version: seen, until, .. } => {
                version != *seen || uptime >= *until
            }
            Stage::Arrived(..)
            | Stage::Write(_)
            | Stage::Prefetch(..)
            | Stage::Submit(..)
            | Stage::Get(_)
            | Stage::Read(..)
            | Stage::Check(..) => true,
        }
    }

    /// When it goes on by itself; `None` if it waits for an answer.
    pub fn wakes_at(&self) -> Option<u64> {
        match &self.stage {
            Stage::AwaitPicture { until, .. } => Some(*until),
            Stage::AwaitAnswer(_)
            | Stage::AwaitApplied(..)
            | Stage::AwaitDecision(_)
            | Stage::Arrived(..)
            | Stage::Write(_)
            | Stage::Prefetch(..)
            | Stage::Submit(..)
            | Stage::Get(_)
            | Stage::Read(..)
            | Stage::Check(..) => None,
        }
    }

    /// Goes on by one step.
    ///
    /// # Errors
    /// If the store failed: the process ends.
    pub fn step(mut self, shore: &mut Shore<'_>) -> Result<Stepped, stator_store::Error> {
        let next = match self.stage {
            Stage::Arrived(request, draw) => {
                match arrive(*request, draw, self.id, &mut self.about, shore) {
                    Ok(next) => next,
                    Err(error) => Next::Done(Err(error)),
                }
            }
            Stage::Write(route) => write(route, shore),
            Stage::Prefetch(route, partition, command, handle) => {
                // The applied index is read first: the item is at least as new.
                let applied = handle.applied();
                let item = read(shore.engine, &handle, command.location())?;
                let prefetched = Prefetched { applied, item };
                Next::Go(Stage::Submit(route, partition, command, prefetched))
            }
            Stage::Submit(route, partition, command, prefetched) => {
                self.about.begun = true;
                let ticket = shore.mail.ticket(self.id);
                let responder = Box::new(move |answer| ticket.send(Mail::Answer(answer)));
                let request = WriteRequest { partition, command: *command, prefetched, responder };
                shore.events.push_back(Event::Write(request));
                Next::Go(Stage::AwaitAnswer(route))
            }
            Stage::AwaitAnswer(mut route) => {
                let mail = shore.mail.take(self.id);
                route.answered(attempt(mail));
                Next::Go(Stage::Write(route))
            }
            Stage::Get(reading) => get(reading, self.id, shore),
            Stage::AwaitApplied(reading, handle) => {
                shore.mail.take(self.id);
                if handle.is_serving() {
                    Next::Go(Stage::Read(reading, handle))
                } else {
                    Next::Go(await_picture(Stage::Get(reading), shore))
                }
            }
            Stage::Read(reading, handle) => {
                let item = read(shore.engine, &handle, reading.command.location())?;
                Next::Go(Stage::Check(reading, handle, item))
            }
            Stage::Check(reading, handle, item) => {
                // A replica that stopped serving meanwhile may have lost its tablet meanwhile.
                if handle.is_serving() {
                    Next::Done(Ok(Reply::GetItem(reading.command.reply(item))))
                } else {
                    Next::Go(await_picture(Stage::Get(reading), shore))
                }
            }
            Stage::AwaitPicture { then, .. } => Next::Go(*then),
            Stage::AwaitDecision(decision) => {
                Next::Done(decided(decision, shore.mail.take(self.id), shore))
            }
        };
        Ok(match next {
            Next::Done(result) => Stepped::Answered(self.about, result),
            Next::Go(stage) => Stepped::GoesOn(Box::new(Self { stage, ..self })),
        })
    }
}

fn arrive(
    request: Request,
    draw: Draw,
    id: FlightId,
    about: &mut About,
    shore: &mut Shore<'_>,
) -> Result<Next, ApiError> {
    let catalog = &shore.picture.catalog;
    match request {
        Request::PutItem(input) => {
            let name = input.table().local_name(shore.service);
            let table = serving(name.and_then(|name| catalog.table_by_name(name)))?;
            about.table = Some(table.id);
            let put: put_item::PutItem = input.validate(table)?;
            let route = WriteRoute::new(ItemCommand::Put(put), deadline(shore.uptime));
            Ok(Next::Go(Stage::Write(Box::new(route))))
        }
        Request::GetItem(input) => {
            let name = input.table().local_name(shore.service);
            let table = serving(name.and_then(|name| catalog.table_by_name(name)))?;
            about.table = Some(table.id);
            let reading =
                Reading { command: input.validate(table)?, until: deadline(shore.uptime) };
            Ok(Next::Go(Stage::Get(Box::new(reading))))
        }
        Request::CreateTable(input) => {
            let command = input.validate(shore.service, draw.random, draw.partitions)?;
            if let Command::CreateTable(new) = &command {
                about.created = Some(new.id);
            }
            about.begun = true;
            Ok(decide(command, Decision::Create, id, shore))
        }
        Request::DeleteTable(input) => {
            let command = input.validate(shore.service)?;
            about.begun = true;
            Ok(decide(command, Decision::Delete, id, shore))
        }
        Request::DescribeTable(input) => {
            let name = input.table().local_name(shore.service);
            let found = name.and_then(|name| catalog.table_by_name(name));
            let found = found.map(|table| described(table, shore));
            Ok(Next::Done(input.reply(found).map(Reply::DescribeTable)))
        }
        Request::ListTables(input) => {
            let after = catalog.tables_after(input.start());
            let names = after.map(|table| table.name.as_str());
            Ok(Next::Done(Ok(Reply::ListTables(input.reply(names)))))
        }
    }
}

fn write(mut route: Box<WriteRoute>, shore: &Shore<'_>) -> Next {
    match route.next(&shore.picture.catalog, Duration::from_millis(shore.uptime)) {
        WriteStep::Done(result) => Next::Done(result),
        WriteStep::Wait => Next::Go(await_picture(Stage::Write(route), shore)),
        WriteStep::Submit(partition, command) => match shore.picture.replicas.get(&partition) {
            Some(handle) => {
                let handle = Arc::clone(handle);
                Next::Go(Stage::Prefetch(route, partition, command, handle))
            }
            None => {
                route.answered(Attempt::WaitAndRetry(command));
                Next::Go(Stage::Write(route))
            }
        },
    }
}

fn get(reading: Box<Reading>, id: FlightId, shore: &Shore<'_>) -> Next {
    if Duration::from_millis(shore.uptime) >= reading.until {
        return Next::Done(Err(ApiError::unavailable()));
    }
    let (picture, command) = (shore.picture, &reading.command);
    if picture.catalog.table(&command.table()).is_none() {
        return Next::Done(Err(ApiError::table_not_found()));
    }
    let handle = partition_of(&picture.catalog, command.table(), command.location())
        .and_then(|partition| picture.replicas.get(&partition).cloned());
    let Some(handle) = handle else {
        return Next::Go(await_picture(Stage::Get(reading), shore));
    };
    match handle.read_point() {
        _ if shore.served_too_early => Next::Go(Stage::Read(reading, handle)),
        ReadPoint::NotServing => Next::Go(await_picture(Stage::Get(reading), shore)),
        ReadPoint::Now => Next::Go(Stage::Read(reading, handle)),
        ReadPoint::At(_) if !command.is_consistent() => Next::Go(Stage::Read(reading, handle)),
        ReadPoint::At(index) => {
            let ticket = shore.mail.ticket(id);
            handle.when_applied(index, Box::new(move || ticket.send(Mail::Reached(index))));
            Next::Go(Stage::AwaitApplied(reading, handle))
        }
    }
}

fn await_picture(then: Stage, shore: &Shore<'_>) -> Stage {
    let until = shore.uptime + RETRY_AFTER_MILLIS;
    Stage::AwaitPicture { version: shore.version, until, then: Box::new(then) }
}

/// Reads an item from the store.
///
/// # Errors
/// If the store fails, or holds what is not an item.
pub fn read(
    engine: &dyn Engine,
    handle: &ReplicaHandle,
    location: &Location,
) -> Result<Option<SharedItem>, stator_store::Error> {
    let value = engine.get(handle.tablet(), &keys::item_key(location))?;
    let stored = value.map(StoredItem::parse).transpose()?;
    Ok(stored.map(|item| Arc::new(item) as SharedItem))
}

fn attempt(mail: Option<Mail>) -> Attempt {
    match mail {
        Some(Mail::Answer(Answer::Done(reply))) => Attempt::Done(reply),
        Some(Mail::Answer(Answer::NotDone(reason, Some(command)))) => match reason {
            NotDone::PrefetchTooOld => Attempt::ReadAgain(command),
            NotDone::Stale => Attempt::TableChanged(command),
            NotDone::NotHere | NotDone::NotLeader | NotDone::Busy => Attempt::WaitAndRetry(command),
            NotDone::Unknown => Attempt::Unknown,
        },
        Some(
            Mail::Answer(Answer::NotDone(_, None))
            | Mail::Catalog(_)
            | Mail::Reached(_)
            | Mail::Dropped,
        )
        | None => Attempt::Unknown,
    }
}

fn decide(command: Command, decision: Decision, id: FlightId, shore: &mut Shore<'_>) -> Next {
    let ticket = shore.mail.ticket(id);
    let responder = Box::new(move |answer| ticket.send(Mail::Catalog(answer)));
    shore.events.push_back(Event::Catalog(CatalogRequest { command, responder }));
    Next::Go(Stage::AwaitDecision(decision))
}

fn decided(decision: Decision, mail: Option<Mail>, shore: &Shore<'_>) -> Result<Reply, ApiError> {
    let Some(Mail::Catalog(answer)) = mail else { return Err(ApiError::internal()) };
    let outcome = match (answer, decision) {
        (CatalogAnswer::Done(Ok(outcome)), _) => outcome,
        (CatalogAnswer::Done(Err(refusal)), Decision::Create) => {
            return Err(create_table::refused(&refusal));
        }
        (CatalogAnswer::Done(Err(refusal)), Decision::Delete) => {
            return Err(delete_table::refused(&refusal));
        }
        (CatalogAnswer::NotDone(NotDone::Unknown), _) => return Err(ApiError::internal()),
        (CatalogAnswer::NotDone(_), _) => return Err(ApiError::unavailable()),
    };
    let table = match outcome {
        Outcome::Creating(table) | Outcome::Deleting(table) | Outcome::Ready(table) => table,
        Outcome::Destroyed { .. } => return Err(ApiError::internal()),
    };
    let table = described(&table, shore);
    Ok(match decision {
        Decision::Create => Reply::CreateTable(create_table::Output::new(table)),
        Decision::Delete => Reply::DeleteTable(delete_table::Output::new(table)),
    })
}

fn described(table: &Arc<TableDescription>, shore: &Shore<'_>) -> DescribedTable {
    DescribedTable::new(Arc::clone(table), statistics(table, shore), shore.service)
}

fn statistics(table: &TableDescription, shore: &Shore<'_>) -> TableStatistics {
    let mut sum = TableStatistics::default();
    for partition in shore.picture.catalog.partitions_of(table.id) {
        if let Some(handle) = shore.picture.replicas.get(&partition.id) {
            let (items, bytes) = handle.statistics();
            sum.items += items;
            sum.bytes += bytes;
        }
    }
    sum
}

/// On the clock that never jumps.
fn deadline(uptime: u64) -> Duration {
    Duration::from_millis(uptime.saturating_add(DEADLINE_MILLIS))
}

/// What arrives for a request.
#[derive(Debug)]
pub enum Mail {
    /// The answer to a write.
    Answer(Answer),
    /// The answer to a command on the catalog.
    Catalog(CatalogAnswer),
    /// The index that a read waited for is applied.
    Reached(LogIndex),
    /// Whoever owed an answer let it go.
    Dropped,
}

/// Where answers arrive, by request.
#[derive(Clone, Default)]
pub struct Mailbox {
    mail: Arc<Mutex<BTreeMap<FlightId, Mail>>>,
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<FlightId, Mail>> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, id: FlightId) -> bool {
        self.lock().contains_key(&id)
    }

    fn take(&self, id: FlightId) -> Option<Mail> {
        self.lock().remove(&id)
    }

    fn ticket(&self, id: FlightId) -> Ticket {
        Ticket { mailbox: self.clone(), id, used: false }
    }
}

/// The right to answer once.
struct Ticket {
    mailbox: Mailbox,
    id: FlightId,
    used: bool,
}

impl Ticket {
    fn send(mut self, mail: Mail) {
        self.used = true;
        self.mailbox.lock().insert(self.id, mail);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.used {
            self.mailbox.lock().insert(self.id, Mail::Dropped);
        }
    }
}
