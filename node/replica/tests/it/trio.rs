//! Three nodes whose messages a test carries by hand.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use stator_catalog::{Addresses, Command, FeatureRange, NewNode};
use stator_log::{Log, MemoryDir};
use stator_model::{NodeId, PartitionId, ReplicaId, StartNumber, TableStatus, UnixMillis};
use stator_operation::{ItemCommand, Operation};
use stator_replica::{
    Answer, Applier, ApplyTask, CatalogAnswer, CatalogRequest, Core, Envelope, Event, Forming,
    LogTask, NotDone, Now, Pace, PeerMessage, ProofRequest, Published, ReplicaHandle, Start, TICK,
    WriteRequest, prefetch, read_item,
};
use stator_store::{Engine, MemoryEngine};

use crate::rig::{Slot, create_body, create_command_of, options, parse_command, slot, text_of};

/// One of the nodes.
pub(crate) struct Member {
    pub(crate) id: NodeId,
    pub(crate) core: Core,
    applier: Applier,
    pub(crate) engine: Arc<MemoryEngine>,
    disk: MemoryDir,
    log: Log,
    pub(crate) log_tasks: VecDeque<LogTask>,
    pub(crate) apply_tasks: VecDeque<ApplyTask>,
    pub(crate) picture: Option<Published>,
    /// Nothing of it goes on, nothing reaches it.
    pub(crate) is_stopped: bool,
}

/// A message on its way.
pub(crate) struct Letter {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) message: PeerMessage,
}

/// Three nodes and the wire between them.
pub(crate) struct Trio {
    pub(crate) members: Vec<Member>,
    pub(crate) wire: VecDeque<Letter>,
    /// Pairs of nodes, from and to, that do not hear each other.
    pub(crate) cuts: Vec<(u64, u64)>,
    pub(crate) time: Duration,
    seed: u64,
    tables_made: u8,
}

impl Member {
    fn open(id: u64, seed: u64, disk: MemoryDir, engine: MemoryEngine, now: Duration) -> Self {
        let engine = Arc::new(engine);
        let (log, recovered) = Log::open(disk.clone(), options()).unwrap();
        let node = NodeId::new(id);
        let forming = Forming { cluster: [7; 16], node, replica: ReplicaId::new(1) };
        let nodes = (1..=3).map(new_node).collect();
        let start =
            Start { recovered, engine: &*engine, forming, nodes, now, seed: seed * 10 + id };
        let core = Core::start(start).unwrap();
        let store: Arc<dyn Engine> = Arc::clone(&engine) as _;
        Self {
            id: node,
            core,
            applier: Applier::new(store),
            engine,
            disk,
            log,
            log_tasks: VecDeque::new(),
            apply_tasks: VecDeque::new(),
            picture: None,
            is_stopped: false,
        }
    }

    /// Lets the core hand out what it has.
    pub(crate) fn flush(&mut self, time: Duration) -> Vec<Envelope> {
        let now = Now { wall: UnixMillis(1_000_000), running: time };
        let output = self.core.flush(now).unwrap();
        assert_eq!(output.refused, [], "nobody says what cannot be");
        self.log_tasks.extend(output.log);
        self.apply_tasks.extend(output.apply);
        self.picture = output.publish.or(self.picture.take());
        output.settled.into_iter().for_each(|settled| settled.send());
        output.send
    }

    /// Writes and syncs the next log task.
    pub(crate) fn sync_one(&mut self) -> Option<Vec<Envelope>> {
        let task = self.log_tasks.pop_front()?;
        if !task.records.is_empty() {
            self.log.append(&task.records).unwrap();
        }
        self.core.step(Event::Logged { task: task.id, wants_checkpoint: false });
        Some(task.send)
    }

    pub(crate) fn apply_all(&mut self) -> bool {
        self.applier.push(self.apply_tasks.drain(..), Duration::ZERO);
        let mut any = false;
        loop {
            let round = self.applier.apply(Duration::ZERO, Pace::Regardless).unwrap();
            let (committed, applied) = (round.committed, round.applied);
            applied.into_iter().for_each(|applied| self.core.step(Event::Applied(applied)));
            any |= committed;
            if !committed {
                return any;
            }
        }
    }

    /// Whether it has heard that the table is there, and has its replica.
    pub(crate) fn knows(&self, name: &str) -> bool {
        let Some(picture) = &self.picture else { return false };
        let Some(table) = picture.catalog.table_by_name(name) else { return false };
        let partitions = picture.catalog.partitions_of(table.id);
        table.status == TableStatus::Active
            && partitions.iter().all(|partition| picture.replicas.contains_key(&partition.id))
    }

    pub(crate) fn handle(&self, name: &str) -> Arc<ReplicaHandle> {
        let picture = self.picture.as_ref().expect("a picture was published");
        let table = picture.catalog.table_by_name(name).expect("the table is known");
        let partition = picture.catalog.partitions_of(table.id)[0].id;
        Arc::clone(&picture.replicas[&partition])
    }

    pub(crate) fn catalog_handle(&self) -> Arc<ReplicaHandle> {
        Arc::clone(&self.picture.as_ref().unwrap().replicas[&PartitionId::CATALOG])
    }

    pub(crate) fn stored(&self, key: &str) -> Option<String> {
        let command = self.put_command(key, "");
        let item = read_item(self.engine.as_ref(), &self.handle("tab"), command.location());
        item.unwrap().map(|item| text_of(&item))
    }

    pub(crate) fn put_command(&self, key: &str, value: &str) -> ItemCommand {
        let body = format!(
            r#"{{"TableName":"tab","Item":{{"pk":{{"S":"{key}"}},"v":{{"S":"{value}"}}}}}}"#
        );
        parse_command(Operation::PutItem, &body, &self.picture.as_ref().unwrap().catalog)
    }

    /// A put of an item that must not be there.
    pub(crate) fn create_item_command(&self, key: &str, value: &str) -> ItemCommand {
        let body = format!(
            r#"{{"TableName":"tab","ConditionExpression":"attribute_not_exists(pk)",
                "Item":{{"pk":{{"S":"{key}"}},"v":{{"S":"{value}"}}}}}}"#
        );
        parse_command(Operation::PutItem, &body, &self.picture.as_ref().unwrap().catalog)
    }

    pub(crate) fn submit(&mut self, command: ItemCommand) -> Slot<Answer> {
        let handle = self.handle("tab");
        let prefetched = prefetch(self.engine.as_ref(), &handle, &command).unwrap();
        let (slot, responder) = slot();
        let (partition, command) = (handle.partition(), Box::new(command));
        self.core.step(Event::Write(WriteRequest { partition, command, prefetched, responder }));
        slot
    }

    pub(crate) fn put(&mut self, key: &str, value: &str) -> Slot<Answer> {
        let command = self.put_command(key, value);
        self.submit(command)
    }

    /// Asks for a proof of leadership.
    pub(crate) fn prove(&mut self) -> Slot<Result<stator_model::LogIndex, NotDone>> {
        let (slot, responder) = slot();
        let partition = self.handle("tab").partition();
        self.core.step(Event::Prove(ProofRequest { partition, responder }));
        slot
    }
}

pub(crate) fn new_node(id: u64) -> NewNode {
    NewNode {
        id: NodeId::new(id),
        name: format!("node-{id}"),
        zone: format!("zone-{id}"),
        pool: String::new(),
        addresses: Addresses::default(),
        start: StartNumber(1),
        features: FeatureRange::SUPPORTED,
    }
}

impl Trio {
    /// Three blank nodes; when they stand for election follows from the seed.
    fn blank(seed: u64) -> Self {
        let time = Duration::from_secs(10);
        let open = |id| Member::open(id, seed, MemoryDir::new(), MemoryEngine::new(), time);
        let members = (1..=3).map(open).collect();
        Self { members, wire: VecDeque::new(), cuts: Vec::new(), time, seed, tables_made: 0 }
    }

    /// Three nodes with the active table `tab`, led by somebody.
    pub(crate) fn with_table() -> Self {
        Self::with_table_and(0)
    }

    /// Likewise, with other elections.
    pub(crate) fn with_table_and(seed: u64) -> Self {
        let mut trio = Self::blank(seed);
        trio.until("the cluster is formed", |trio| {
            trio.members.iter().all(|member| {
                let picture = member.picture.as_ref();
                picture.is_some_and(|picture| picture.ready && picture.catalog.meta().is_some())
            })
        });
        trio.create_table("tab");
        trio
    }

    pub(crate) fn create_table(&mut self, name: &str) {
        self.tables_made += 1;
        let command = create_command_of(&create_body(name), self.tables_made);
        let answer = self.decide(command);
        self.run();
        let answer = answer.lock().unwrap().take();
        assert!(matches!(answer, Some(CatalogAnswer::Done(Ok(_)))), "{answer:?}");
        self.until("the table serves", |trio| {
            let serves = |member: &Member| {
                let picture = member.picture.as_ref().unwrap();
                let Some(table) = picture.catalog.table_by_name(name) else { return false };
                let partition = picture.catalog.partitions_of(table.id)[0].id;
                let is_active = table.status == TableStatus::Active;
                is_active
                    && picture.replicas.get(&partition).is_some_and(|it| it.leader().is_some())
            };
            trio.members.iter().all(serves)
        });
    }

    /// Has the leader of the catalog decide.
    pub(crate) fn decide(&mut self, command: Command) -> Slot<CatalogAnswer> {
        let leads = |member: &Member| member.catalog_handle().is_serving();
        let at = self.members.iter().position(leads).expect("somebody leads the catalog");
        let (slot, responder) = slot();
        self.members[at].core.step(Event::Catalog(CatalogRequest { command, responder }));
        slot
    }

    /// The places of the leader of table `tab` and of the others.
    pub(crate) fn roles(&self) -> (usize, [usize; 2]) {
        let leads = |at: &usize| self.members[*at].handle("tab").is_serving();
        let leader = (0..3).find(leads).expect("somebody leads");
        let others: Vec<usize> = (0..3).filter(|at| *at != leader).collect();
        (leader, others.try_into().unwrap())
    }

    pub(crate) fn post(&mut self, from: usize, envelopes: Vec<Envelope>) {
        let from = self.members[from].id;
        for Envelope { to, message } in envelopes {
            // As over a wire.
            let message = PeerMessage::decode_bytes(&message.encode_bytes()).unwrap();
            if !self.cuts.contains(&(from.get(), to.get())) {
                self.wire.push_back(Letter { from, to, message });
            }
        }
    }

    /// Cuts a node off, both ways.
    pub(crate) fn isolate(&mut self, at: usize) {
        let id = self.members[at].id.get();
        let others = (1..=3).filter(|other| *other != id);
        self.cuts.extend(others.flat_map(|other| [(id, other), (other, id)]));
    }

    pub(crate) fn flush(&mut self, at: usize) {
        let envelopes = self.members[at].flush(self.time);
        self.post(at, envelopes);
    }

    pub(crate) fn sync(&mut self, at: usize) -> bool {
        let sent = self.members[at].sync_one();
        let any = sent.is_some();
        self.post(at, sent.unwrap_or_default());
        any
    }

    pub(crate) fn deliver(&mut self, letter: Letter) {
        let Letter { from, to, message } = letter;
        let at = self.time;
        if let Some(member) = self.members.iter_mut().find(|member| member.id == to)
            && !member.is_stopped
        {
            member.core.step(Event::Peer { from, at, message: Box::new(message) });
        }
    }

    /// Delivers what is on the wire.
    pub(crate) fn deliver_all(&mut self) -> bool {
        let any = !self.wire.is_empty();
        for letter in std::mem::take(&mut self.wire) {
            self.deliver(letter);
        }
        any
    }

    /// Lets everybody work until nobody has anything to do; no time passes.
    pub(crate) fn run(&mut self) {
        loop {
            let mut any = false;
            for at in 0..3 {
                if self.members[at].is_stopped {
                    continue;
                }
                self.flush(at);
                any |= self.sync(at);
                any |= self.members[at].apply_all();
                self.flush(at);
            }
            any |= self.deliver_all();
            if !any {
                return;
            }
        }
    }

    /// A tick on every node, and what follows.
    pub(crate) fn tick(&mut self) {
        self.time += TICK;
        let now = self.time;
        for member in self.members.iter_mut().filter(|member| !member.is_stopped) {
            member.core.step(Event::Tick { now });
        }
        self.run();
    }

    /// Lets time pass until this is so.
    pub(crate) fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        self.run();
        for _ in 0..200 {
            if is_so(self) {
                return;
            }
            self.tick();
        }
        panic!("20 seconds were not enough until {what}");
    }

    /// Kills a node; what it had not synced is lost. It comes back stopped.
    pub(crate) fn power_loss(&mut self, at: usize, seed: u64) {
        let old = &self.members[at];
        let (id, disk, engine) = (old.id, old.disk.clone(), old.engine.crash(seed));
        drop(self.members.remove(at));
        disk.crash(seed);
        self.members.insert(at, Member::open(id.get(), self.seed, disk, engine, self.time));
        self.wire.retain(|letter| letter.to != id);
    }
}
