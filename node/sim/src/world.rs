//! The world: one node, its clients, its clock and its deaths, in one thread.
//!
//! ```text
//!            ┌──────────── dies, loses what a crash takes ◄──────────┐
//!            ▼                                                       │
//!   start ─► live: one actor or client at a time, as drawn ──────────┘
//!                 │ after the last life
//!                 ▼
//!            settle ─► read everything ─► power loss ─► settle ─► read everything ─► check
//! ```

mod summary;
mod weights;

use std::time::Duration;

use stator_log::{LogDir, LogId, MemoryDir};
use stator_model::UnixMillis;
use stator_operation::ServiceInfo;
use stator_protocol::{ApiError, ErrorCode};
use stator_replica::Limits;
use stator_store::{KEYSPACES, MemoryEngine, Pressure};

pub use self::summary::Summary;
use self::weights::Weights;
use crate::client::{self, Ask, Call};
use crate::content::KeyNumber;
use crate::disk::Disk;
use crate::edge::{FlightId, Mailbox, Shore, Stepped};
use crate::history::History;
use crate::invariants::{
    Watch, garbage, local_indexes, log_size, names, progress, registers, statistics,
};
use crate::linear::Moment;
use crate::plan::{Doom, Loss, Plan};
use crate::process::{Actor, Death, Machine, Process};
use crate::random::Random;
use crate::trace::Trace;
use crate::violation::{Verdict, Violation};

const ACTORS: [Actor; 8] = [
    Actor::Core,
    Actor::Log,
    Actor::Mark,
    Actor::Prepare,
    Actor::Apply,
    Actor::Persist,
    Actor::Sweep,
    Actor::Reclaim,
];

/// See the module.
pub struct World<'a> {
    plan: &'a Plan,
    random: Random,
    trace: &'a mut Trace,
    moment: Moment,
    uptime: u64,
    wall: u64,
    disk: Disk,
    engine: MemoryEngine,
    store_failed: bool,
    identity: Option<LogId>,
    new_id: [u8; 16],
    process: Option<Process>,
    mail: Mailbox,
    clients: Vec<Client>,
    service: ServiceInfo,
    history: History,
    watch: Watch,
    writes: u64,
    flights: u64,
    /// What the last answer was, if it was an error.
    last_error: Option<ErrorCode>,
    summary: Summary,
}

#[derive(Default)]
struct Client {
    call: Option<Call>,
    asks_at: u64,
    /// A name that it found to be no table: it makes one, as often as not.
    missed: Option<u64>,
}

/// Who goes on.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Actor(Actor),
    Client(usize),
    Time,
    Jump,
    /// The store falls behind, or catches up.
    Pressure,
}

impl<'a> World<'a> {
    /// The world of this plan, before anything happened.
    pub fn new(plan: &'a Plan, trace: &'a mut Trace) -> Self {
        let mut random = Random::new(plan.seed);
        let new_id = random.secret();
        Self {
            plan,
            trace,
            moment: 0,
            uptime: 0,
            wall: 1_700_000_000_000,
            disk: Disk::new(MemoryDir::new(), plan.planted.lies, None),
            engine: MemoryEngine::new(),
            store_failed: false,
            identity: None,
            new_id,
            process: None,
            mail: Mailbox::default(),
            clients: (0..plan.clients).map(|_| Client::default()).collect(),
            service: ServiceInfo { region: "local".to_owned(), account: "000000000000".to_owned() },
            history: History::default(),
            watch: Watch::default(),
            writes: 0,
            flights: 0,
            last_error: None,
            summary: Summary::default(),
            random,
        }
    }

    /// Lives and dies as planned, then checks everything.
    ///
    /// # Errors
    /// The first violation.
    pub fn run(mut self) -> Result<Summary, Violation> {
        for _ in 0..self.plan.lives {
            let (doom, loss) = self.plan.doom(&mut self.random);
            self.trace.note(format_args!("--- a life that ends with {doom:?}, {loss:?}"));
            self.life(doom, loss)?;
        }
        for loss in [Some(Loss::Power), None] {
            self.start(None).map_err(|death| self.unexpected(death))?;
            self.settle()?;
            self.read_everything()?;
            self.check_at_rest()?;
            if let Some(loss) = loss {
                self.crash(loss);
            }
        }
        names::hold(&self.history)?;
        self.summary.undecided = registers::hold(&self.history)?;
        self.summary.steps = self.moment;
        self.summary.millis = self.uptime;
        self.summary.answered = self.history.answered;
        self.summary.unknown = self.history.unknown;
        self.summary.updated = self.history.updated;
        self.summary.refused = self.history.refused;
        Ok(self.summary)
    }

    fn life(&mut self, doom: Doom, loss: Loss) -> Verdict {
        let death = match self.start(Some(doom)) {
            Ok(()) => self.live(doom)?,
            Err(death) => Some(death),
        };
        let was_hit = self.disk.hit();
        let cause = match death {
            None => "a step".to_owned(),
            Some(Death::Violation(violation)) => return Err(violation),
            Some(Death::Moment(moment)) => {
                self.summary.aimed += 1;
                format!("{moment:?}")
            }
            Some(Death::Failed { doing, causes }) => {
                if was_hit.is_none() && !self.store_failed {
                    return Err(Violation::new(
                        "stopped",
                        format!("without a fault the process could not {doing}: {causes}"),
                    ));
                }
                self.summary.aimed += u64::from(was_hit.is_some());
                was_hit.map_or_else(|| "the store".to_owned(), |(_, what)| what)
            }
        };
        self.trace.note(format_args!("{} dies of {cause}", self.moment));
        *self.summary.deaths.entry(cause).or_default() += 1;
        self.crash(loss);
        Ok(())
    }

    /// Starts a process that is doomed, or one that may live.
    fn start(&mut self, doom: Option<Doom>) -> Result<(), Death> {
        let (aim, dies_at) = match doom {
            Some(Doom::Disk(aim)) => (Some(aim), None),
            Some(Doom::Moment(moment, nth)) => (None, Some((moment, nth))),
            Some(Doom::Step(_) | Doom::Store(_)) | None => (None, None),
        };
        self.disk = Disk::new(self.disk.content().clone(), self.plan.planted.lies, aim);
        let machine = Machine {
            disk: self.disk.clone(),
            engine: self.engine.clone(),
            expect: self.identity,
            new_id: self.new_id,
            segments: (self.plan.segment_bytes, self.plan.first_segment_bytes),
            persist_every: self.plan.persist_every,
            limits: Limits {
                wait: Duration::from_millis(self.plan.behind.0),
                bytes: self.plan.behind.1,
            },
            dies_at,
            planted: self.plan.planted,
        };
        let (process, id) = Process::start(machine, self.uptime, &mut self.watch)?;
        self.identity = Some(id);
        self.process = Some(process);
        self.trace.note(format_args!("{} the process starts", self.moment));
        Ok(())
    }

    /// Lets the node live until it dies, or its steps are over.
    fn live(&mut self, doom: Doom) -> Result<Option<Death>, Violation> {
        let weights = Weights::drawn(&mut self.random, self.plan);
        let steps = match doom {
            Doom::Step(steps) => steps,
            Doom::Disk(_) | Doom::Moment(..) | Doom::Store(_) => self.plan.steps,
        };
        for step in 0..steps {
            if matches!(doom, Doom::Store(at) if at == step) {
                self.engine.poison();
                self.store_failed = true;
            }
            let turn = self.draw_turn(&weights);
            match self.take_turn(turn, true) {
                Ok(()) => self.stopped_if_hit()?,
                Err(death) => return Ok(Some(death)),
            }
        }
        Ok(None)
    }

    /// A process whose disk failed must be gone.
    fn stopped_if_hit(&self) -> Verdict {
        match self.disk.hit() {
            Some((fault, what)) if !self.plan.planted.lies.failure_swallowed => Err(
                Violation::new("stopped", format!("{what} met {fault:?}, and the process went on")),
            ),
            Some(_) | None => Ok(()),
        }
    }

    fn draw_turn(&mut self, weights: &Weights) -> Turn {
        let mut turns = vec![
            (Turn::Time, weights.time),
            (Turn::Jump, weights.jump),
            (Turn::Pressure, weights.pressure),
        ];
        if let Some(process) = &self.process {
            let actors = ACTORS.iter().zip(weights.actors);
            turns.extend(
                actors
                    .filter(|(actor, _)| process.is_enabled(**actor, self.uptime))
                    .map(|(actor, weight)| (Turn::Actor(*actor), weight)),
            );
        }
        let clients = (0..self.clients.len()).filter(|at| self.client_may_go_on(*at));
        turns.extend(clients.map(|at| (Turn::Client(at), weights.clients)));
        self.random.weighted(&turns).unwrap_or(Turn::Time)
    }

    fn client_may_go_on(&self, at: usize) -> bool {
        let Some(client) = self.clients.get(at) else { return false };
        match (&client.call, &self.process) {
            (Some(call), Some(process)) => {
                call.flight.is_runnable(process.version, self.uptime, &self.mail)
            }
            (None, Some(process)) => {
                let planted = &self.plan.planted;
                let is_open =
                    process.is_open() || planted.served_too_early || planted.evaluated_too_early;
                is_open && self.uptime >= client.asks_at
            }
            (_, None) => false,
        }
    }

    fn take_turn(&mut self, turn: Turn, may_ask: bool) -> Result<(), Death> {
        self.moment += 1;
        match turn {
            Turn::Actor(actor) => {
                self.trace.note(format_args!("{} {actor:?}", self.moment));
                self.run_actor(actor)
            }
            Turn::Client(at) => self.run_client(at, may_ask),
            Turn::Time => {
                let most = if self.random.chance(1, 10) { 200 } else { 4 };
                let passed = self.random.below(most);
                self.pass(passed);
                Ok(())
            }
            Turn::Pressure => {
                self.press();
                Ok(())
            }
            Turn::Jump => {
                let most = if self.random.chance(1, 4) { 3_600_000 } else { 1_500 };
                let jump = self.random.below(most);
                self.wall =
                    if self.random.chance(1, 2) { self.wall + jump } else { self.wall - jump };
                self.trace.note(format_args!("{} the clock jumps to {}", self.moment, self.wall));
                Ok(())
            }
        }
    }

    /// One keyspace in three times falls behind, or all of them; else all have caught up.
    fn press(&mut self) {
        if !self.random.chance(1, 3) {
            return self.relieve();
        }
        let behind = Pressure { sealed_memtables: Pressure::SKIP_SEALED, ..Pressure::default() };
        // The first keyspaces have the most tablets.
        let one = u8::try_from(self.random.below(6)).unwrap_or(0);
        let all = one == 5;
        self.trace.note(format_args!("{} keyspace {one} falls behind", self.moment));
        for keyspace in (0..KEYSPACES).filter(|keyspace| all || *keyspace == one) {
            self.engine.set_pressure(keyspace, behind);
        }
    }

    fn relieve(&mut self) {
        (0..KEYSPACES).for_each(|id| self.engine.set_pressure(id, Pressure::default()));
    }

    fn pass(&mut self, millis: u64) {
        self.uptime += millis;
        self.wall += millis;
    }

    fn run_actor(&mut self, actor: Actor) -> Result<(), Death> {
        let Some(process) = &mut self.process else { return Ok(()) };
        let (version, was_ready) = (process.version, process.picture.ready);
        let wall = UnixMillis(self.wall);
        process.run(actor, wall, self.uptime, &mut self.random, &mut self.watch)?;
        if process.version != version && process.picture.ready && !was_ready {
            self.watch.ready(&process.picture)?;
            local_indexes::hold(&process.picture, &self.engine)?;
        }
        Ok(())
    }

    fn run_client(&mut self, at: usize, may_ask: bool) -> Result<(), Death> {
        let Some(client) = self.clients.get_mut(at) else { return Ok(()) };
        let Some(call) = client.call.take() else {
            if may_ask {
                let makes = self.random.chance(1, 2);
                let missed = self.clients.get_mut(at).and_then(|client| client.missed.take());
                let ask = match missed.filter(|_| makes) {
                    Some(name) => Ask::Create { name },
                    None => self.draw_ask(),
                };
                let call = self.begin(ask)?;
                self.put_call(at, Some(call));
            }
            return Ok(());
        };
        let name = call.ask.item_name();
        match self.step_call(call)? {
            Some(call) => self.put_call(at, Some(call)),
            None => {
                let missed = self.last_error == Some(ErrorCode::ResourceNotFoundException);
                let pause = if self.random.chance(1, 4) { self.random.below(50) } else { 0 };
                if let Some(client) = self.clients.get_mut(at) {
                    client.asks_at = self.uptime + pause;
                    client.missed = name.filter(|_| missed);
                }
            }
        }
        Ok(())
    }

    fn draw_ask(&mut self) -> Ask {
        Ask::draw(self.plan, &mut self.random, &mut self.writes, &self.history.versions)
    }

    fn put_call(&mut self, at: usize, call: Option<Call>) {
        if let Some(client) = self.clients.get_mut(at) {
            client.call = call;
        }
    }

    fn begin(&mut self, ask: Ask) -> Result<Call, Violation> {
        self.flights += 1;
        self.trace.note(format_args!("{} f{} asks {ask:?}", self.moment, self.flights));
        let id = FlightId::new(self.flights);
        let mut call = Call::begin(ask, id, self.moment, &mut self.random)?;
        if self.plan.planted.key_materialised
            && let Some(ghost) = ask.key_item()
        {
            call.flight.haunt(ghost);
        }
        Ok(call)
    }

    /// Lets a request go on by one step; gives it back unless it was answered.
    fn step_call(&mut self, call: Call) -> Result<Option<Call>, Death> {
        let Some(process) = &mut self.process else { return Ok(Some(call)) };
        let Call { ask, called, flight } = call;
        let mut shore = Shore {
            picture: &process.picture,
            version: process.version,
            engine: &self.engine,
            service: &self.service,
            events: &mut process.events,
            mail: &self.mail,
            uptime: self.uptime,
            planted: self.plan.planted,
        };
        let stepped = flight.step(&mut shore).map_err(|error| Death::Failed {
            doing: "read the store",
            causes: error.to_string(),
        })?;
        let (about, result) = match stepped {
            Stepped::GoesOn(flight) => return Ok(Some(Call { ask, called, flight: *flight })),
            Stepped::Answered(about, result) => (about, result),
        };
        let verdict = result.as_ref().map_or_else(|error| error.code().name(), |_| "success");
        self.trace.note(format_args!("{} {ask:?} of {called} gets {verdict}", self.moment));
        self.last_error = result.as_ref().err().map(ApiError::code);
        let at = (ask, called, self.moment);
        let known = (self.plan.names, self.plan.keys);
        client::answered(&mut self.history, known, at, about, &result)?;
        Ok(None)
    }

    fn crash(&mut self, loss: Loss) {
        self.trace.note(format_args!("{} crash: {loss:?} is lost", self.moment));
        self.summary.disk_operations += self.disk.operations();
        for client in &mut self.clients {
            if let Some(Call { ask, called, flight }) = client.call.take() {
                client::lost(&mut self.history, ask, called, flight.about());
            }
        }
        if let Some(process) = self.process.take() {
            self.summary.longest_log = self.summary.longest_log.max(process.kept_bytes());
            self.summary.skipped += process.skipped;
            self.summary.fell_behind += process.fell_behind;
        }
        self.relieve();
        self.mail = Mailbox::default();
        let keeps_store = loss == Loss::Process && self.random.chance(1, 2);
        match loss {
            Loss::Process => self.disk.content().kill(),
            Loss::Power => self.disk.content().crash(self.random.bits()),
        }
        let seed = self.random.bits();
        // A poisoned store has failed a write: what it holds is unknown.
        if !keeps_store || std::mem::take(&mut self.store_failed) {
            self.engine = self.engine.crash(seed);
        }
        if self.identity.is_none() {
            // The directory was never formed: it is begun anew, and nothing in it was acknowledged.
            self.disk = Disk::new(MemoryDir::new(), self.plan.planted.lies, None);
            self.engine = MemoryEngine::new();
            self.watch = Watch::default();
        }
        self.moment += 1;
    }

    fn unexpected(&self, death: Death) -> Violation {
        match death {
            Death::Violation(violation) => violation,
            Death::Moment(moment) => Violation::new("stopped", format!("died at {moment:?}")),
            Death::Failed { doing, causes } => Violation::new(
                "stopped",
                format!("without a fault the process could not {doing}: {causes}"),
            ),
        }
    }

    /// Lets everything come to rest, without faults and without new requests.
    fn settle(&mut self) -> Verdict {
        self.wall += 7_200_000;
        let weights = Weights::even();
        for _ in 0..progress::STEPS {
            let at_rest = self.process.as_ref().is_some_and(|process| {
                process.is_settled() && progress::hold(&process.picture).is_ok()
            });
            if at_rest && self.clients.iter().all(|client| client.call.is_none()) {
                return Ok(());
            }
            if self.is_anyone_enabled() {
                let turn = self.draw_turn(&weights);
                self.take_turn(turn, false).map_err(|death| self.unexpected(death))?;
            } else {
                self.nothing_is_forgotten()?;
                self.pass_to_next_wake();
            }
        }
        let Some(process) = &self.process else { return Ok(()) };
        progress::hold(&process.picture)?;
        let waiting = self.clients.iter().filter_map(|client| client.call.as_ref());
        let waiting: Vec<_> = waiting.map(|call| (call.called, call.ask)).collect();
        Err(progress::stuck(&format!("requests wait: {waiting:?}")))
    }

    fn is_anyone_enabled(&self) -> bool {
        let Some(process) = &self.process else { return false };
        let waits = |at: &usize| self.clients.get(*at).is_some_and(|client| client.call.is_some());
        ACTORS.iter().any(|actor| process.is_enabled(*actor, self.uptime))
            || (0..self.clients.len()).filter(waits).any(|at| self.client_may_go_on(at))
    }

    fn nothing_is_forgotten(&mut self) -> Verdict {
        let wall = UnixMillis(self.wall);
        let Some(process) = self.process.as_mut().filter(|process| process.is_waiting()) else {
            return Ok(());
        };
        match process.flush_idle(wall) {
            Ok(None) => Ok(()),
            Ok(Some(forgotten)) => Err(progress::forgotten(&forgotten)),
            Err(death) => Err(self.unexpected(death)),
        }
    }

    fn pass_to_next_wake(&mut self) {
        let flights = self.clients.iter().filter_map(|client| client.call.as_ref());
        let flights = flights.filter_map(|call| call.flight.wakes_at()).min();
        let process = self.process.as_ref().map(Process::wakes_at);
        let next = flights.into_iter().chain(process).min().unwrap_or(self.uptime);
        self.moment += 1;
        self.pass(next.saturating_sub(self.uptime).max(1));
    }

    /// Asks for every name and every key, one after the other, until each is answered.
    fn read_everything(&mut self) -> Verdict {
        let mut asks = vec![Ask::List];
        for name in 0..self.plan.names {
            asks.push(Ask::Describe { name });
            asks.push(Ask::Scan { name, consistent: true, limit: 0, segments: 1 });
            asks.extend((0..self.plan.keys).map(|key| Ask::Get {
                name,
                key: KeyNumber(key),
                consistent: true,
            }));
        }
        asks.into_iter().try_for_each(|ask| self.ask_at_rest(ask))
    }

    fn ask_at_rest(&mut self, ask: Ask) -> Verdict {
        self.summary.checked += 1;
        let mut call = Some(self.begin(ask)?);
        for _ in 0..progress::STEPS {
            self.moment += 1;
            let Some(going) = call.take() else {
                return match self.last_error {
                    Some(ErrorCode::ServiceUnavailable | ErrorCode::InternalServerError) => {
                        Err(progress::refused(&format!("{:?} to {ask:?}", self.last_error)))
                    }
                    Some(_) | None => Ok(()),
                };
            };
            let version = self.process.as_ref().map_or(0, |process| process.version);
            if !going.flight.is_runnable(version, self.uptime, &self.mail) {
                return Err(progress::stuck(&format!("{ask:?} waits on a node at rest")));
            }
            call = self.step_call(going).map_err(|death| self.unexpected(death))?;
        }
        Err(progress::stuck(&format!("{ask:?} is not answered")))
    }

    fn check_at_rest(&mut self) -> Verdict {
        let Some(process) = &self.process else { return Ok(()) };
        statistics::hold(&process.picture, &self.engine)?;
        local_indexes::hold(&process.picture, &self.engine)?;
        garbage::hold(&process.picture, &self.engine)?;
        let content = self.disk.content();
        let sizes = content.names().into_iter().filter_map(|name| content.open(&name).ok());
        let files = sizes.filter_map(|file| file.size().ok()).sum();
        log_size::hold(process.kept_bytes(), files, self.plan.segment_bytes, self.watch.largest())
    }
}
