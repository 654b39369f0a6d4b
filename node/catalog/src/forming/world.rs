//! Several nodes that form a cluster while everything fails that can: links come and go, reports are lost,
//! doubled and overtake each other, processes die between two commands and come back, disks are replaced.
//!
//! One seed decides everything. What is watched: no two clusters under one id, ever; and that all nodes are
//! members once nothing fails any more.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use fastrand::Rng;
use stator_model::{NodeId, StartNumber, UnixMillis};

use super::{
    Command, Event, FIRST_CATALOG_REPLICA, Forming, Lack, Promise, Report, Standing, Status, Why,
};
use crate::{Addresses, Catalog, FeatureRange, Founding, NewNode, NodeCommand, NodeState, Refusal};

const CLUSTER: [u8; 16] = [5; 16];

/// What is done wrong on purpose.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Planted {
    /// The asking node forms the cluster as soon as all have answered, without their promises.
    pub(super) hasty: bool,
    /// What a node writes down is gone when its process dies.
    pub(super) unsynced: bool,
}

/// What a run is made of.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    /// Nodes that form the cluster.
    pub(super) initial: usize,
    /// Nodes that join it.
    pub(super) others: usize,
    /// Steps before nothing fails any more.
    pub(super) steps: usize,
    /// Disks that are replaced, at most.
    pub(super) wipes: usize,
    pub(super) planted: Planted,
}

impl Plan {
    pub(super) fn drawn(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        Self {
            seed,
            initial: random.usize(1..=5),
            others: random.usize(0..=2),
            steps: random.usize(0..=400),
            wipes: if random.bool() { 0 } else { random.usize(1..=3) },
            planted: Planted::default(),
        }
    }
}

/// What a run saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) restarts: usize,
    pub(super) wipes: usize,
    /// Ballots beyond the first.
    pub(super) asked_again: usize,
    pub(super) joined: usize,
    pub(super) declared_lost: usize,
    /// Runs that ended with nodes bound to a disk that is gone.
    pub(super) bound: usize,
    /// Runs that ended with too few voters whose disks are there.
    pub(super) quorums_lost: usize,
}

impl Seen {
    pub(super) fn add(&mut self, other: &Self) {
        self.restarts += other.restarts;
        self.wipes += other.wipes;
        self.asked_again += other.asked_again;
        self.joined += other.joined;
        self.declared_lost += other.declared_lost;
        self.bound += other.bound;
        self.quorums_lost += other.quorums_lost;
    }
}

struct Machine {
    name: String,
    id: NodeId,
    disk: Bytes,
    starts: u32,
    /// `None` while it is down.
    process: Option<Forming>,
}

struct Flight {
    from: NodeId,
    to: NodeId,
    report: Bytes,
}

pub(super) struct World {
    plan: Plan,
    random: Rng,
    machines: Vec<Machine>,
    links: BTreeSet<(NodeId, NodeId)>,
    flights: Vec<Flight>,
    ids: u64,
    failing: bool,
    /// The initial node that keeps its disk whatever happens.
    spared: usize,
    /// Clusters that were begun, as each was.
    founded: BTreeMap<(NodeId, u64), Founding>,
    catalog: Catalog,
    seen: Seen,
}

impl World {
    fn new(plan: Plan) -> Self {
        let mut random = Rng::with_seed(plan.seed ^ 0x5eed);
        let spared = random.usize(0..plan.initial);
        let count = plan.initial + plan.others;
        let mut world = Self {
            plan,
            random,
            machines: Vec::new(),
            links: BTreeSet::new(),
            flights: Vec::new(),
            ids: 0,
            failing: true,
            spared,
            founded: BTreeMap::new(),
            catalog: Catalog::default(),
            seen: Seen::default(),
        };
        for number in 0..count {
            let id = world.mint();
            let name = format!("node-{number}");
            let disk = Standing::Blank.encode();
            world.machines.push(Machine { name, id, disk, starts: 0, process: None });
        }
        world
    }

    /// Runs a plan; what it saw, or what must not be.
    pub(super) fn run(plan: &Plan) -> Result<Seen, String> {
        let mut world = Self::new(plan.clone());
        for _ in 0..plan.steps {
            world.fail_and_go_on();
            world.check_one_cluster()?;
        }
        world.calm_down();
        world.check_one_cluster()?;
        world.check_formed()?;
        Ok(world.seen)
    }

    fn mint(&mut self) -> NodeId {
        self.ids += 1;
        NodeId::new(self.ids * 7919 % 1009)
    }

    fn describe(&self, at: usize) -> NewNode {
        let machine = &self.machines[at];
        NewNode {
            id: machine.id,
            name: machine.name.clone(),
            zone: format!("zone-{}", at % 3),
            pool: "default".to_owned(),
            addresses: Addresses::default(),
            start: StartNumber(machine.starts),
            features: FeatureRange::SUPPORTED,
        }
    }

    fn start(&mut self, at: usize) {
        if self.machines[at].process.is_some() {
            return;
        }
        self.machines[at].starts += 1;
        let standing = Standing::decode(&self.machines[at].disk).unwrap();
        let initial = self.machines.iter().take(self.plan.initial);
        let initial: BTreeSet<_> = initial.map(|machine| machine.name.clone()).collect();
        let mut process = Forming::new(CLUSTER, self.describe(at), initial, standing);
        process.hasty = self.plan.planted.hasty;
        self.machines[at].process = Some(process);
    }

    fn kill(&mut self, at: usize) {
        let machine = &mut self.machines[at];
        machine.process = None;
        let id = machine.id;
        if self.plan.planted.unsynced {
            machine.disk = Standing::Blank.encode();
        }
        let cut: Vec<_> =
            self.links.iter().filter(|(one, two)| *one == id || *two == id).copied().collect();
        cut.into_iter().for_each(|pair| self.unlink(pair));
    }

    fn wipe(&mut self, at: usize) {
        self.kill(at);
        self.machines[at].id = self.mint();
        self.machines[at].disk = Standing::Blank.encode();
        self.machines[at].starts = 0;
        self.seen.wipes += 1;
    }

    fn fail_and_go_on(&mut self) {
        let at = self.random.usize(0..self.machines.len());
        match self.random.u32(0..100) {
            0..40 => self.deliver_any(),
            40..60 => self.event(at, Event::Tick),
            60..75 => self.toggle_link(at),
            75..78 => {
                self.kill(at);
                self.seen.restarts += 1;
            }
            78..80 if self.seen.wipes < self.plan.wipes && at != self.spared => self.wipe(at),
            _ => self.start(at),
        }
    }

    fn toggle_link(&mut self, at: usize) {
        let other = self.random.usize(0..self.machines.len());
        let up = |machine: &Machine| machine.process.is_some();
        if at == other || !up(&self.machines[at]) || !up(&self.machines[other]) {
            return;
        }
        let (one, two) = (self.machines[at].id, self.machines[other].id);
        let pair = (one.min(two), one.max(two));
        if self.links.contains(&pair) { self.unlink(pair) } else { self.link(pair) }
    }

    fn link(&mut self, pair: (NodeId, NodeId)) {
        if self.links.insert(pair) {
            self.event_of(pair.0, Event::Up(pair.1));
            self.event_of(pair.1, Event::Up(pair.0));
        }
    }

    /// What is under way is not lost with the link: it may be stuck on the other side of it.
    fn unlink(&mut self, pair: (NodeId, NodeId)) {
        if self.links.remove(&pair) {
            self.event_of(pair.0, Event::Down(pair.1));
            self.event_of(pair.1, Event::Down(pair.0));
        }
    }

    fn deliver_any(&mut self) {
        if self.flights.is_empty() {
            return;
        }
        let at = self.random.usize(0..self.flights.len());
        let doubled = self.failing && self.random.u32(0..10) == 0;
        let lost = self.failing && self.random.u32(0..5) == 0;
        let flight = &self.flights[at];
        let (from, to) = (flight.from, flight.to);
        let report = Box::new(Report::decode(&flight.report).unwrap());
        if !doubled {
            self.flights.swap_remove(at);
        }
        if !lost {
            self.event_of(to, Event::Report { from, report });
        }
    }

    fn event_of(&mut self, node: NodeId, event: Event) {
        if let Some(at) = self.machines.iter().position(|machine| machine.id == node) {
            self.event(at, event);
        }
    }

    /// Steps a machine and carries out its commands; a process that fails dies between two of them.
    fn event(&mut self, at: usize, event: Event) {
        let Some(process) = &mut self.machines[at].process else { return };
        let commands = process.step(event);
        for command in commands {
            if self.failing && self.random.u32(0..60) == 0 {
                self.kill(at);
                self.seen.restarts += 1;
                return;
            }
            self.carry_out(at, command);
        }
    }

    fn carry_out(&mut self, at: usize, command: Command) {
        match command {
            Command::Persist(standing) => {
                if let Standing::Formed(proposal) = &standing {
                    let Promise { to, ballot } = proposal.promise;
                    self.found(to, ballot, &proposal.founding);
                }
                if let Standing::Proposed(proposal) = &standing {
                    self.seen.asked_again += usize::from(proposal.promise.ballot > 1);
                }
                self.seen.joined += usize::from(standing == Standing::Joined);
                self.machines[at].disk = standing.encode();
            }
            Command::Send { to, report } => {
                let from = self.machines[at].id;
                self.flights.push(Flight { from, to, report: report.encode() });
            }
            Command::Found(_) => {}
            Command::Join { through } => self.register(at, through),
        }
    }

    /// A member knows how the cluster was formed, or who did.
    fn found(&mut self, node: NodeId, ballot: u64, founding: &Founding) {
        let known = self.founded.insert((node, ballot), founding.clone());
        if known.is_none() && self.catalog.meta().is_none() {
            for change in founding.changes(FIRST_CATALOG_REPLICA).unwrap() {
                self.catalog.apply(&change);
            }
        }
    }

    fn register(&mut self, at: usize, through: NodeId) {
        let is_member = |machine: &Machine| {
            let standing = machine.process.as_ref().map(Forming::standing);
            machine.id == through && standing.is_some_and(Standing::is_member)
        };
        let reached = self.machines.iter().any(is_member) && self.has_quorum();
        if !reached || self.failing && self.random.bool() {
            return;
        }
        let new = NodeCommand::Register(Box::new(self.describe(at)));
        let outcome = match self.catalog.decide(&crate::Command::Node(new), UnixMillis(1)) {
            Ok(decision) => {
                decision.changes.iter().for_each(|change| self.catalog.apply(change));
                Ok(())
            }
            Err(Refusal::Node(refusal)) => Err(refusal),
            Err(refusal) => panic!("{refusal}"),
        };
        self.event(at, Event::Registered(outcome));
    }

    /// Whether a majority of the catalog's voters runs it.
    fn has_quorum(&self) -> bool {
        let voters: BTreeSet<_> = self.catalog.voters().map(|(node, _)| node).collect();
        let formed = |machine: &&Machine| {
            let standing = machine.process.as_ref().map(Forming::standing);
            voters.contains(&machine.id) && matches!(standing, Some(Standing::Formed(_)))
        };
        self.machines.iter().filter(formed).count() * 2 > voters.len()
    }

    fn check_one_cluster(&self) -> Result<(), String> {
        if self.founded.len() > 1 {
            return Err(format!("two clusters under one id: {:?}", self.founded.keys()));
        }
        Ok(())
    }

    /// Everything is up and nothing fails: until nothing changes any more.
    fn calm_down(&mut self) {
        self.failing = false;
        self.settle();
        let statuses = self.statuses();
        for (at, status) in statuses.into_iter().enumerate() {
            if let Status::Refused(_) = status {
                self.declare_lost(at);
            }
        }
        self.settle();
    }

    fn settle(&mut self) {
        for at in 0..self.machines.len() {
            self.start(at);
        }
        let ids: Vec<_> = self.machines.iter().map(|machine| machine.id).collect();
        for _ in 0..6 {
            for (at, one) in ids.iter().enumerate() {
                for two in &ids[at + 1..] {
                    self.link((*one.min(two), *one.max(two)));
                }
                self.event(at, Event::Tick);
            }
            while !self.flights.is_empty() {
                self.deliver_any();
            }
        }
    }

    /// An operator says that the disk of the node of this name is gone.
    fn declare_lost(&mut self, at: usize) {
        let name = &self.machines[at].name;
        let Some(known) = self.catalog.node_by_name(name).filter(|_| self.has_quorum()) else {
            return;
        };
        let (node, generation, state) = (known.id, known.generation, NodeState::Lost);
        let command = crate::Command::Node(NodeCommand::SetState { node, generation, state });
        let decision = self.catalog.decide(&command, UnixMillis(1)).unwrap();
        decision.changes.iter().for_each(|change| self.catalog.apply(change));
        self.seen.declared_lost += 1;
    }

    fn statuses(&self) -> Vec<Status> {
        let status = |machine: &Machine| machine.process.as_ref().unwrap().status();
        self.machines.iter().map(status).collect()
    }

    /// All are members. Where a disk was replaced while its node asked, the others may be bound to it, and
    /// say so.
    fn check_formed(&mut self) -> Result<(), String> {
        let statuses = self.statuses();
        if statuses.iter().all(|status| *status == Status::Member) {
            return Ok(());
        }
        let is_bound = |lack: &Lack| matches!(lack.why, Why::Bound(_));
        let bound = matches!(
            statuses.first(),
            Some(Status::Waiting(lacks)) if lacks.iter().any(is_bound)
        );
        // The one that asked may have formed the cluster, but nobody heard of it, and it is gone.
        let none = statuses.iter().all(|status| *status != Status::Member);
        if self.seen.wipes > 0 && none && bound {
            self.seen.bound += 1;
            return Ok(());
        }
        if self.seen.wipes > 0 && !none && !self.has_quorum() {
            self.seen.quorums_lost += 1;
            return Ok(());
        }
        let texts: Vec<_> = statuses.iter().map(ToString::to_string).collect();
        Err(format!("not all are members: {texts:#?}"))
    }
}
