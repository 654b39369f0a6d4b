//! The edge of the simulated node: what the server does with a request, cut into steps.
//!
//! A mirror of `stator-server`'s `node/request.rs` without threads: wherever that one waits, or wherever
//! another thread could get in between, a step ends here and the scheduler chooses who goes on. What
//! is decided is decided by the real router, catalog and core.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use stator_catalog::{Command, Outcome};
use stator_model::{PartitionId, SharedItem, TableDescription, TableId, UnixMillis};
use stator_operation::batch_write_item::BatchWriteItem;
use stator_operation::read::{Found, Part};
use stator_operation::{
    Alteration, DescribedTable, ItemCommand, ItemWork, Reply, Request, ServiceInfo,
    TableStatistics, Written, create_table, delete_table,
};
use stator_protocol::ApiError;
use stator_replica::{
    Answer, CatalogAnswer, CatalogRequest, Event, NotDone, Prefetched, Published, ReadPoint,
    ReplicaHandle, WriteRequest, prefetch, read,
};
use stator_route::{Alone, Attempt, ReadRoute, ReadStep, WriteRoute, WriteStep};
use stator_store::Engine;

use self::early::Early;
use crate::plan::Planted;

mod early;
mod mail;

pub use self::mail::{Mail, Mailbox};

/// As the server's.
const DEADLINE_MILLIS: u64 = 10_000;
const RETRY_AFTER_MILLIS: u64 = 20;

/// A request under way, or one write of a batch; unique in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlightId {
    request: u64,
    /// Which write of a batch, counted from 1; 0 for the request itself.
    lane: usize,
}

impl FlightId {
    /// The id of this request.
    pub const fn new(request: u64) -> Self {
        Self { request, lane: 0 }
    }
}

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
    /// Defects made on purpose.
    pub planted: Planted,
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
    /// When waiting for an answer ends; known once the request has arrived.
    until: u64,
    /// By planted defects: what an update finds where nothing is, and what is answered in the end.
    ghost: Option<SharedItem>,
    early: Option<Written>,
}

/// Where a request is.
enum Stage {
    Arrived(Box<Request>, Draw),
    Write(Box<WriteRoute>),
    Prefetch(Box<WriteRoute>, PartitionId, Box<ItemCommand>, Arc<ReplicaHandle>),
    Submit(Box<WriteRoute>, PartitionId, Box<ItemCommand>, Prefetched),
    AwaitAnswer(Box<WriteRoute>),
    Batch(Box<Lanes>),
    Read(Box<ReadRoute>),
    AwaitApplied(Box<ReadRoute>, Box<Part>, Arc<ReplicaHandle>),
    LookUp(Box<ReadRoute>, Box<Part>, Arc<ReplicaHandle>),
    Check(Box<ReadRoute>, Box<Part>, Arc<ReplicaHandle>, Found),
    AwaitPicture { version: u64, until: u64, then: Box<Stage> },
    AwaitDecision(Decision),
}

/// The writes of a batch, which go their ways side by side.
struct Lanes {
    batch: BatchWriteItem,
    lanes: Vec<Lane>,
    /// Whose turn it is, about.
    turn: usize,
}

enum Lane {
    Going(Box<Flight>),
    Done(Result<Written, ApiError>),
}

/// What CreateTable draws.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// Random bits for id and secret.
    pub random: [u8; 32],
    /// With how many partitions the table begins.
    pub partitions: NonZeroU32,
}

#[derive(Clone)]
enum Decision {
    Create,
    Delete,
    Alter(Alteration),
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
        Self { id, stage, about: About::default(), until: u64::MAX, ghost: None, early: None }
    }

    /// The planted defect: where there is no item, an update finds this.
    pub fn haunt(&mut self, ghost: SharedItem) {
        self.ghost = Some(ghost);
    }

    /// What the history must know of it.
    pub fn about(&self) -> About {
        self.about
    }

    /// Whether a step would get anywhere.
    pub fn is_runnable(&self, version: u64, uptime: u64, mail: &Mailbox) -> bool {
        match &self.stage {
            Stage::AwaitAnswer(_) | Stage::AwaitApplied(..) => {
                mail.has(self.id) || uptime >= self.until
            }
            Stage::AwaitDecision(_) => mail.has(self.id),
            Stage::AwaitPicture { version: seen, until, .. } => {
                version != *seen || uptime >= *until
            }
            Stage::Batch(lanes) => {
                lanes.is_done() || lanes.runnable(version, uptime, mail).is_some()
            }
            Stage::Arrived(..)
            | Stage::Write(_)
            | Stage::Prefetch(..)
            | Stage::Submit(..)
            | Stage::Read(_)
            | Stage::LookUp(..)
            | Stage::Check(..) => true,
        }
    }

    /// When it goes on by itself; `None` if it waits for the catalog.
    pub fn wakes_at(&self) -> Option<u64> {
        match &self.stage {
            Stage::AwaitPicture { until, .. } => Some(*until),
            Stage::Batch(lanes) => lanes.going().filter_map(|flight| flight.wakes_at()).min(),
            Stage::AwaitAnswer(_) | Stage::AwaitApplied(..) => Some(self.until),
            Stage::AwaitDecision(_)
            | Stage::Arrived(..)
            | Stage::Write(_)
            | Stage::Prefetch(..)
            | Stage::Submit(..)
            | Stage::Read(_)
            | Stage::LookUp(..)
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
                self.until = shore.uptime.saturating_add(DEADLINE_MILLIS);
                match arrive(*request, draw, self.id, &mut self.about, shore) {
                    Ok(next) => next,
                    Err(error) => Next::Done(Err(error)),
                }
            }
            Stage::Write(route) => write(route, shore),
            Stage::Prefetch(route, partition, command, handle) => {
                let prefetched = prefetch(shore.engine, &handle, &command)?;
                let ghost = self.ghost.clone();
                match early::evaluate(&command, &prefetched, ghost, &handle, shore) {
                    Early::Not => Next::Go(Stage::Submit(route, partition, command, prefetched)),
                    Early::Answered(reply) => Next::Done(reply),
                    Early::Put(command, written) => {
                        self.early = Some(written);
                        Next::Go(Stage::Submit(route, partition, command, prefetched))
                    }
                }
            }
            Stage::Submit(route, partition, command, prefetched) => {
                self.about.begun = true;
                let ticket = shore.mail.ticket(self.id);
                let responder = Box::new(move |answer| ticket.send(Mail::Answer(answer)));
                let request = WriteRequest { partition, command, prefetched, responder };
                shore.events.push_back(Event::Write(request));
                Next::Go(Stage::AwaitAnswer(route))
            }
            Stage::AwaitAnswer(mut route) => {
                let mail = shore.mail.take(self.id);
                route.answered(attempt(mail));
                Next::Go(Stage::Write(route))
            }
            Stage::Batch(mut lanes) => {
                lanes.step(&mut self.about, shore)?;
                if lanes.is_done() {
                    Next::Done(lanes.reply())
                } else {
                    Next::Go(Stage::Batch(lanes))
                }
            }
            Stage::Read(route) => begin_read(route, self.id, shore),
            Stage::AwaitApplied(route, part, handle) => {
                let reached = shore.mail.take(self.id).is_some();
                if reached && handle.is_serving() {
                    Next::Go(Stage::LookUp(route, part, handle))
                } else {
                    Next::Go(not_here(route))
                }
            }
            Stage::LookUp(route, part, handle) => {
                let found = read(shore.engine, &handle, &part.place)?;
                Next::Go(Stage::Check(route, part, handle, found))
            }
            Stage::Check(mut route, part, handle, found) => {
                // A replica that stopped serving meanwhile may have lost its tablet meanwhile.
                if handle.is_serving() {
                    route.found(&part, found);
                    Next::Go(Stage::Read(route))
                } else {
                    Next::Go(not_here(route))
                }
            }
            Stage::AwaitPicture { then, .. } => Next::Go(*then),
            Stage::AwaitDecision(decision) => {
                Next::Done(decided(decision, shore.mail.take(self.id), shore))
            }
        };
        Ok(match next {
            Next::Done(Ok(Reply::Written(written))) => {
                let written = self.early.unwrap_or(written);
                Stepped::Answered(self.about, Ok(Reply::Written(written)))
            }
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
        Request::Items(request) => {
            let until = shore.uptime.saturating_add(DEADLINE_MILLIS);
            // On the clock that never jumps.
            let deadline = Duration::from_millis(until);
            Ok(match request.validate(catalog, shore.service)? {
                ItemWork::Write(command) => {
                    about.table = Some(command.table());
                    Next::Go(Stage::Write(Box::new(WriteRoute::new(command, deadline))))
                }
                ItemWork::Batch(batch) => {
                    about.table = batch.commands().next().map(|command| command.table());
                    Next::Go(Stage::Batch(Box::new(Lanes::new(batch, id, until))))
                }
                ItemWork::Read(command) => {
                    about.table = command.next().map(|part| part.table);
                    Next::Go(Stage::Read(Box::new(ReadRoute::new(command, deadline))))
                }
            })
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
        Request::Alter(alteration) => {
            let command = alteration.validate(shore.service)?;
            about.begun = true;
            Ok(decide(command, Decision::Alter(alteration), id, shore))
        }
        Request::Look(look) => Ok(Next::Done(look.reply(catalog, shore.service))),
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
    let catalog = &shore.picture.catalog;
    match route.next(catalog, &Alone::of(catalog), Duration::from_millis(shore.uptime)) {
        WriteStep::Done(result) => Next::Done(result.map(Reply::Written)),
        WriteStep::Wait => Next::Go(await_picture(Stage::Write(route), shore)),
        // This node has no peers.
        WriteStep::Forward { command, .. } => {
            route.answered(Attempt::Unreachable(command));
            Next::Go(Stage::Write(route))
        }
        WriteStep::Submit(partition, command) => match shore.picture.replicas.get(&partition) {
            Some(handle) => {
                let handle = Arc::clone(handle);
                Next::Go(Stage::Prefetch(route, partition, command, handle))
            }
            None => {
                route.answered(Attempt::NotLeader(command, None));
                Next::Go(Stage::Write(route))
            }
        },
    }
}

fn begin_read(mut route: Box<ReadRoute>, id: FlightId, shore: &Shore<'_>) -> Next {
    let catalog = &shore.picture.catalog;
    let step = route.next(catalog, &Alone::of(catalog), Duration::from_millis(shore.uptime));
    let (partition, part) = match step {
        ReadStep::Done(result) => return Next::Done(result),
        ReadStep::Wait => return Next::Go(await_picture(Stage::Read(route), shore)),
        // This node has no peers.
        ReadStep::Forward { .. } => {
            route.lost();
            return Next::Go(Stage::Read(route));
        }
        ReadStep::Read(partition, part) => (partition, Box::new(part)),
    };
    let Some(handle) = shore.picture.replicas.get(&partition).cloned() else {
        return Next::Go(not_here(route));
    };
    match handle.read_point(|| Duration::from_millis(shore.uptime)) {
        _ if shore.planted.served_too_early => Next::Go(Stage::LookUp(route, part, handle)),
        ReadPoint::NotServing | ReadPoint::Unproven => Next::Go(not_here(route)),
        ReadPoint::Now => Next::Go(Stage::LookUp(route, part, handle)),
        ReadPoint::At(_) if !part.consistent => Next::Go(Stage::LookUp(route, part, handle)),
        ReadPoint::At(index) => {
            let ticket = shore.mail.ticket(id);
            handle.when_applied(index, Box::new(move || ticket.send(Mail::Reached(index))));
            Next::Go(Stage::AwaitApplied(route, part, handle))
        }
    }
}

fn not_here(mut route: Box<ReadRoute>) -> Stage {
    route.not_here();
    Stage::Read(route)
}

impl Lanes {
    fn new(batch: BatchWriteItem, id: FlightId, until: u64) -> Self {
        let lane = |(lane, command)| {
            let deadline = Duration::from_millis(until);
            let stage = Stage::Write(Box::new(WriteRoute::new(Box::new(command), deadline)));
            let id = FlightId { lane, ..id };
            let about = About::default();
            Lane::Going(Box::new(Flight { id, stage, about, until, ghost: None, early: None }))
        };
        let lanes = (1..).zip(batch.commands()).map(lane).collect();
        Self { batch, lanes, turn: 0 }
    }

    fn going(&self) -> impl Iterator<Item = &Flight> {
        self.lanes.iter().filter_map(|lane| match lane {
            Lane::Going(flight) => Some(flight.as_ref()),
            Lane::Done(_) => None,
        })
    }

    fn is_done(&self) -> bool {
        self.going().next().is_none()
    }

    /// The next lane that would get anywhere.
    fn runnable(&self, version: u64, uptime: u64, mail: &Mailbox) -> Option<usize> {
        let count = self.lanes.len();
        (0..count).map(|step| (self.turn + step) % count).find(|at| match self.lanes.get(*at) {
            Some(Lane::Going(flight)) => flight.is_runnable(version, uptime, mail),
            Some(Lane::Done(_)) | None => false,
        })
    }

    fn step(
        &mut self,
        about: &mut About,
        shore: &mut Shore<'_>,
    ) -> Result<(), stator_store::Error> {
        let Some(at) = self.runnable(shore.version, shore.uptime, shore.mail) else {
            return Ok(());
        };
        // Neither one lane to its end nor strictly in turn.
        self.turn = at + usize::from(shore.uptime.is_multiple_of(3));
        let Some(lane) = self.lanes.get_mut(at) else { return Ok(()) };
        let gone = Lane::Done(Err(ApiError::internal()));
        let Lane::Going(flight) = std::mem::replace(lane, gone) else { return Ok(()) };
        *lane = match flight.step(shore)? {
            Stepped::GoesOn(flight) => {
                about.begun |= flight.about.begun;
                Lane::Going(flight)
            }
            Stepped::Answered(_, Ok(Reply::Written(written))) => Lane::Done(Ok(written)),
            Stepped::Answered(_, Ok(_)) => Lane::Done(Err(ApiError::internal())),
            Stepped::Answered(_, Err(error)) => Lane::Done(Err(error)),
        };
        Ok(())
    }

    fn reply(self) -> Result<Reply, ApiError> {
        let result = |lane| match lane {
            Lane::Done(result) => result,
            Lane::Going(_) => Err(ApiError::internal()),
        };
        self.batch.reply(self.lanes.into_iter().map(result).collect())
    }
}

fn await_picture(then: Stage, shore: &Shore<'_>) -> Stage {
    let until = shore.uptime + RETRY_AFTER_MILLIS;
    Stage::AwaitPicture { version: shore.version, until, then: Box::new(then) }
}

fn attempt(mail: Option<Mail>) -> Attempt {
    match mail {
        Some(Mail::Answer(Answer::Done(reply))) => Attempt::Done(reply),
        Some(Mail::Answer(Answer::NotDone(reason, Some(command)))) => match reason {
            NotDone::PrefetchTooOld => Attempt::ReadAgain(command),
            NotDone::Stale => Attempt::TableChanged(command),
            NotDone::Throttled => Attempt::Throttled(command),
            NotDone::NotHere => Attempt::NotLeader(command, None),
            NotDone::NotLeader(hint) => Attempt::NotLeader(command, hint),
            NotDone::Busy => Attempt::WaitAndRetry(command),
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
    let outcome = match (answer, &decision) {
        (CatalogAnswer::Done(Ok(outcome)), _) => outcome,
        (CatalogAnswer::Done(Err(refusal)), Decision::Create) => {
            return Err(create_table::refused(&refusal));
        }
        (CatalogAnswer::Done(Err(refusal)), Decision::Delete) => {
            return Err(delete_table::refused(&refusal));
        }
        (CatalogAnswer::Done(Err(refusal)), Decision::Alter(alteration)) => {
            return Err(alteration.refused(&refusal));
        }
        (CatalogAnswer::NotDone(NotDone::Unknown), _) => return Err(ApiError::internal()),
        (CatalogAnswer::NotDone(_), _) => return Err(ApiError::unavailable()),
    };
    let table = match outcome {
        Outcome::Creating(table)
        | Outcome::Updated(table)
        | Outcome::Deleting(table)
        | Outcome::Ready(table) => table,
        Outcome::Destroyed { .. } | Outcome::Node(_) => return Err(ApiError::internal()),
    };
    let table = described(&table, shore);
    Ok(match decision {
        Decision::Create => Reply::CreateTable(create_table::Output::new(table)),
        Decision::Delete => Reply::DeleteTable(delete_table::Output::new(table)),
        Decision::Alter(alteration) => alteration.reply(table),
    })
}

fn described(table: &Arc<TableDescription>, shore: &Shore<'_>) -> DescribedTable {
    let now = UnixMillis(shore.uptime);
    DescribedTable::new(Arc::clone(table), statistics(table, shore), shore.service, now)
}

fn statistics(table: &TableDescription, shore: &Shore<'_>) -> TableStatistics {
    let mut sum = TableStatistics::default();
    for partition in shore.picture.catalog.partitions_of(table.id) {
        if let Some(handle) = shore.picture.replicas.get(&partition.id) {
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
