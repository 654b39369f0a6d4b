//! Nodes in memory: who leads, who believes what, and messages that go astray. The routes, the work of
//! other nodes and the bytes between them are the real ones.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use stator_catalog::{Catalog, Change, Command, PartitionDescription};
use stator_model::{
    KeyRange, Location, NodeId, PartitionId, ReplicaId, SharedItem, TableStatus, UnixMillis,
};
use stator_operation::read::{Found, Order, Part, Place, Row, Rows, Walk};
use stator_operation::wire::{
    ReadAnswer, Request as Forwarded, Work, WriteAnswer, read_request, write_request,
};
use stator_operation::{
    Current, ItemCommand, ItemWork, ItemWrite, Operation, ReadCommand, Reply, Request, ServiceInfo,
    Written,
};
use stator_protocol::ApiError;
use stator_route::{
    Attempt, Leaders, ReadRoute, ReadStep, ServedRead, ServedReadStep, ServedWrite,
    ServedWriteStep, WriteRoute, WriteStep,
};

/// Nodes of a cluster.
pub(crate) const NODES: u64 = 3;
/// What one wait takes.
const MOMENT: Duration = Duration::from_millis(20);
const DEADLINE: Duration = Duration::from_secs(10);

/// Chances, one after the other; when they are used up, nothing goes wrong any more.
#[derive(Clone, Debug)]
pub(crate) struct Dice(VecDeque<u8>);

impl Dice {
    pub(crate) fn new(rolls: Vec<u8>) -> Self {
        Self(rolls.into())
    }

    /// A number below `sides`; 0 is that all goes well.
    fn roll(&mut self, sides: u8) -> u8 {
        self.0.pop_front().map_or(0, |roll| roll % sides)
    }

    fn is_used_up(&self) -> bool {
        self.0.is_empty()
    }
}

/// Several nodes. All replicas hold the same: what is tested is who is asked.
pub(crate) struct Cluster {
    /// The map of the node with the clients.
    old: Catalog,
    /// The map of the others, perhaps with more partitions.
    new: Catalog,
    leads: BTreeMap<PartitionId, NodeId>,
    believes: BTreeMap<(NodeId, PartitionId), NodeId>,
    fresh: BTreeMap<(NodeId, PartitionId), bool>,
    items: BTreeMap<Location, SharedItem>,
    dice: Dice,
    now: Duration,
    /// How many writes were applied, and how many commands left without an answer.
    pub(crate) applied: u32,
    pub(crate) lost: u32,
}

/// What one node knows.
struct View<'c> {
    cluster: &'c Cluster,
    node: NodeId,
}

impl Leaders for View<'_> {
    fn here(&self) -> NodeId {
        self.node
    }

    fn leader(&self, partition: PartitionId) -> Option<NodeId> {
        self.cluster.believes.get(&(self.node, partition)).copied()
    }

    fn is_fresh(&self, partition: PartitionId) -> bool {
        self.cluster.is_fresh(self.node, partition)
    }
}

pub(crate) fn node(number: u64) -> NodeId {
    NodeId::new(1 + number % NODES)
}

pub(crate) fn service() -> ServiceInfo {
    ServiceInfo { region: "r".to_owned(), account: "0".repeat(12) }
}

/// The table `t` with `pk` and `sk`, strings, in four partitions with a replica on every node.
pub(crate) fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for change in Catalog::form([1; 16], node(0), ReplicaId::new(1)) {
        catalog.apply(&change);
    }
    let body = br#"{"TableName":"ttt","BillingMode":"PAY_PER_REQUEST",
        "AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},
                                {"AttributeName":"sk","AttributeType":"S"}],
        "KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}]}"#;
    let Ok(Request::CreateTable(input)) = Request::parse(Operation::CreateTable, body) else {
        panic!("a CreateTable");
    };
    let partitions = NonZeroU32::MIN.saturating_add(3);
    let command = input.validate(&service(), [7; 32], partitions).expect("a table");
    decide(&mut catalog, &command);
    let made: Vec<_> = catalog.partitions().cloned().collect();
    for partition in made {
        decide(&mut catalog, &Command::PartitionReady { partition: partition.id });
        let partition = catalog.partition(partition.id).expect("a partition");
        let replicas = (0..NODES).map(|at| (node(at), ReplicaId::new(1 + at))).collect();
        let partition = PartitionDescription { replicas, ..partition.as_ref().clone() };
        catalog.apply(&Change::PutPartition(Arc::new(partition)));
    }
    assert!(catalog.tables().all(|table| table.status == TableStatus::Active));
    catalog
}

fn decide(catalog: &mut Catalog, command: &Command) {
    for change in catalog.decide(command, UnixMillis(1)).expect("a decision").changes {
        catalog.apply(&change);
    }
}

/// Every partition in two.
pub(crate) fn split(catalog: &Catalog) -> Catalog {
    let mut split = catalog.clone();
    for (number, partition) in (100..).zip(catalog.partitions()) {
        let first = partition.range.start.first().copied().unwrap_or(0);
        let middle = Bytes::from(vec![first + 32]);
        let left = KeyRange { start: partition.range.start.clone(), end: Some(middle.clone()) };
        let right = KeyRange { start: middle, end: partition.range.end.clone() };
        let part = |id, range| PartitionDescription { id, range, ..partition.as_ref().clone() };
        split.apply(&Change::PutPartition(Arc::new(part(partition.id, left))));
        let right = part(PartitionId::new(number), right);
        split.apply(&Change::PutPartition(Arc::new(right)));
    }
    split
}

impl Cluster {
    /// A cluster in which everything is as the dice say.
    pub(crate) fn new(dice: Dice, is_split: bool) -> Self {
        let old = catalog();
        let new = if is_split { split(&old) } else { old.clone() };
        let mut cluster = Self {
            leads: BTreeMap::new(),
            believes: BTreeMap::new(),
            fresh: BTreeMap::new(),
            items: BTreeMap::new(),
            dice,
            now: Duration::from_secs(1),
            applied: 0,
            lost: 0,
            old,
            new,
        };
        let partitions: Vec<_> = cluster.new.partitions().map(|partition| partition.id).collect();
        for partition in partitions {
            let leader = node(u64::from(cluster.dice.roll(3)));
            cluster.leads.insert(partition, leader);
            for at in (0..NODES).map(node) {
                // Nobody, whoever, or the truth.
                match cluster.dice.roll(5) {
                    1 => None,
                    roll @ 2.. => cluster.believes.insert((at, partition), node(roll.into())),
                    _ => cluster.believes.insert((at, partition), leader),
                };
                let fresh = cluster.dice.roll(2) == 0;
                cluster.fresh.insert((at, partition), fresh);
            }
        }
        cluster
    }

    /// The node with the clients has an older map than the others, if there are two.
    fn catalog_of(&self, at: NodeId) -> &Catalog {
        if at == node(0) { &self.old } else { &self.new }
    }

    /// The partition that a place of one in the old map is in.
    fn real(&self, part_of: PartitionId, start: &Location) -> PartitionId {
        let table = self.new.partition(part_of).expect("a partition").table;
        self.new.locate(table, start).map_or(part_of, |partition| partition.id)
    }

    fn is_fresh(&self, at: NodeId, partition: PartitionId) -> bool {
        self.leads.get(&partition) == Some(&at)
            || self.fresh.get(&(at, partition)).copied().unwrap_or(false)
    }

    pub(crate) fn validate(&self, operation: Operation, body: &str) -> ItemWork {
        match Request::parse(operation, body.as_bytes()) {
            Ok(Request::Items(request)) => request
                .validate(&self.old, &service())
                .unwrap_or_else(|error| panic!("{body}: {error}")),
            other => panic!("{body}: {other:?}"),
        }
    }

    fn wait(&mut self) {
        self.now += MOMENT;
        let truth: Vec<_> = self.leads.iter().map(|(id, leader)| (*id, *leader)).collect();
        for (partition, leader) in truth {
            for at in (0..NODES).map(node) {
                if self.dice.is_used_up() {
                    self.believes.insert((at, partition), leader);
                }
            }
        }
    }

    /// Leadership moves now and then.
    fn maybe_move(&mut self, partition: PartitionId) {
        if let roll @ 1..=3 = self.dice.roll(12) {
            self.leads.insert(partition, node(roll.into()));
        }
    }

    /// What a node that does not lead says of who does.
    fn hint(&mut self, partition: PartitionId) -> Option<NodeId> {
        match self.dice.roll(5) {
            1 => None,
            roll @ 2.. => Some(node(roll.into())),
            _ => self.leads.get(&partition).copied(),
        }
    }

    /// A command at the replica of one node.
    fn submit(&mut self, at: NodeId, partition: PartitionId, command: Box<ItemCommand>) -> Attempt {
        let partition = self.real(partition, command.location());
        self.maybe_move(partition);
        if self.leads.get(&partition) != Some(&at) {
            let hint = self.hint(partition);
            return Attempt::NotLeader(command, hint);
        }
        match self.dice.roll(8) {
            1 => Attempt::ReadAgain(command),
            2 => Attempt::WaitAndRetry(command),
            _ => Attempt::Done(self.apply(&command)),
        }
    }

    pub(crate) fn apply(&mut self, command: &ItemCommand) -> Result<Written, ApiError> {
        self.applied += 1;
        let item = self.items.get(command.location()).cloned();
        let evaluation = command.evaluate(Current { item, collection_bytes: 0 });
        match evaluation.write {
            Some(ItemWrite::Put(item)) => _ = self.items.insert(command.location().clone(), item),
            Some(ItemWrite::Delete) => _ = self.items.remove(command.location()),
            None => {}
        }
        evaluation.reply
    }

    /// A write that a client sends to the first node.
    pub(crate) fn write(&mut self, command: Box<ItemCommand>) -> Result<Written, ApiError> {
        let here = node(0);
        self.now = Duration::from_secs(1);
        let mut route = WriteRoute::new(command, self.now + DEADLINE);
        loop {
            let view = View { cluster: self, node: here };
            match route.next(&self.old, &view, self.now) {
                WriteStep::Done(result) => return result,
                WriteStep::Wait => self.wait(),
                WriteStep::Submit(partition, command) => {
                    let attempt = self.submit(here, partition, command);
                    route.answered(attempt);
                }
                WriteStep::Forward { node, command, remaining } => {
                    assert_ne!(node, here);
                    let attempt = self.send_write(node, command, remaining);
                    route.answered(attempt);
                }
            }
        }
    }

    fn send_write(
        &mut self,
        to: NodeId,
        command: Box<ItemCommand>,
        remaining: Duration,
    ) -> Attempt {
        let request = write_request(&command, remaining);
        match self.dice.roll(8) {
            1 => Attempt::Unreachable(command),
            2 => {
                self.lost += 1;
                Attempt::Unknown
            }
            3 => {
                self.lost += 1;
                drop(self.serve(to, request));
                Attempt::Unknown
            }
            _ => {
                let answer = self.serve(to, request);
                let answer = WriteAnswer::decode(answer, &command).expect("an answer");
                Attempt::answered(answer, command)
            }
        }
    }

    /// What a node answers to another.
    fn serve(&mut self, at: NodeId, request: Bytes) -> Bytes {
        let request = Forwarded::decode(request, self.catalog_of(at)).expect("a request");
        let deadline = self.now + request.remaining;
        match request.work {
            Work::Write(command) => {
                let mut served = ServedWrite::new(command, deadline);
                loop {
                    let view = View { cluster: self, node: at };
                    match served.next(self.catalog_of(at), &view, self.now) {
                        ServedWriteStep::Done(answer) => return answer.encode(),
                        ServedWriteStep::Submit(partition, command) => {
                            let attempt = self.submit(at, partition, command);
                            served.answered(attempt);
                        }
                    }
                }
            }
            Work::Read(part) => {
                let mut served = ServedRead::new(part, deadline);
                loop {
                    let view = View { cluster: self, node: at };
                    match served.next(self.catalog_of(at), &view, self.now) {
                        ServedReadStep::Done(answer) => return answer.encode(),
                        ServedReadStep::Read(partition, part) => {
                            match self.look_up(at, partition, &part) {
                                Ok(found) => served.found(&part, found),
                                Err(hint) => served.not_here(hint),
                            }
                        }
                    }
                }
            }
        }
    }

    /// A read that a client sends to the first node.
    pub(crate) fn read(&mut self, command: ReadCommand) -> Result<Reply, ApiError> {
        let here = node(0);
        self.now = Duration::from_secs(1);
        let mut route = ReadRoute::new(command, self.now + DEADLINE);
        loop {
            let view = View { cluster: self, node: here };
            match route.next(&self.old, &view, self.now) {
                ReadStep::Done(result) => return result,
                ReadStep::Wait => self.wait(),
                ReadStep::Read(partition, part) => match self.look_up(here, partition, &part) {
                    Ok(found) => route.found(&part, found),
                    Err(_) => route.not_here(),
                },
                ReadStep::Forward { node, part, remaining } => {
                    assert_ne!(node, here);
                    let request = read_request(&part, remaining);
                    if let 1 | 2 = self.dice.roll(8) {
                        route.lost();
                    } else {
                        let answer = self.serve(node, request);
                        let answer = ReadAnswer::decode(answer, &part).expect("an answer");
                        route.answered(&part, answer);
                    }
                }
            }
        }
    }

    /// What a node's replica holds; who leads, perhaps, if it may not say.
    fn look_up(
        &mut self,
        at: NodeId,
        partition: PartitionId,
        part: &Part,
    ) -> Result<Found, Option<NodeId>> {
        assert!(part.consistent || self.is_fresh(at, partition), "only fresh replicas are asked");
        self.maybe_move(partition);
        if part.consistent && self.leads.get(&partition) != Some(&at) {
            return Err(self.hint(partition));
        }
        let looks = match self.dice.roll(4) {
            0 => usize::MAX,
            roll => roll.into(),
        };
        Ok(match &part.place {
            Place::Item(location) => Found::Item(self.items.get(location).cloned()),
            Place::Range(walk) => Found::Rows(self.walk(walk, looks)),
        })
    }

    /// At most so many rows: then the rest is not seen.
    fn walk(&self, walk: &Walk, looks: usize) -> Rows {
        let inside = self.items.iter().filter(|(location, _)| walk.range.contains(location));
        let mut inside: Vec<_> = inside.collect();
        if walk.order == Order::Descending {
            inside.reverse();
        }
        let mut room = walk.room;
        let mut rows = Rows::default();
        for (location, item) in inside {
            if room.is_used_up() {
                break;
            }
            if rows.rows.len() == looks {
                let here = Bytes::copy_from_slice(location.as_bytes());
                let (start, end) = (walk.range.start.clone(), walk.range.end.clone());
                rows.unseen = Some(match walk.order {
                    Order::Ascending => KeyRange { start: here, end },
                    Order::Descending => KeyRange { start, end: Some(location.successor()) },
                });
                break;
            }
            let row = Row { item: Arc::clone(item), behind: None };
            room.take(&row);
            rows.rows.push(row);
        }
        rows
    }

    /// The same read on a single node that nothing happens to.
    pub(crate) fn read_alone(&self, mut command: ReadCommand) -> Reply {
        while let Some(part) = command.next() {
            let partition = part.partition(&self.old).expect("a partition");
            let part = part.within(&partition.range);
            let found = match &part.place {
                Place::Item(location) => Found::Item(self.items.get(location).cloned()),
                Place::Range(walk) => Found::Rows(self.walk(walk, usize::MAX)),
            };
            command.found(&part, found);
        }
        command.reply()
    }
}
