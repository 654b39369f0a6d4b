//! Drives a core by hand over a real log on a simulated disk and a simulated store.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stator_catalog::{Catalog, Command};
use stator_log::{Log, MemoryDir, Options};
use stator_model::{
    Location, LogIndex, NodeId, PartitionId, ReplicaId, SharedItem, TableDescription, TabletId,
    UnixMillis,
};
use stator_operation::{ItemCommand, ItemWork, Operation, Request, ServiceInfo};
use stator_replica::{
    Answer, Applier, ApplyTask, CatalogAnswer, CatalogRequest, Core, Event, Forming, LogTask, Now,
    Output, Pace, Prefetched, Published, ReplicaHandle, Round, Start, WriteRequest, prefetch, read,
    read_item,
};
use stator_store::{Engine, MemoryEngine};

/// Where an answer lands.
pub(crate) type Slot<T> = Arc<Mutex<Option<T>>>;

/// A node whose threads take turns when a test says so.
pub(crate) struct Rig {
    pub(crate) core: Core,
    pub(crate) applier: Applier,
    pub(crate) engine: Arc<MemoryEngine>,
    pub(crate) disk: MemoryDir,
    pub(crate) log: Log,
    pub(crate) log_tasks: VecDeque<LogTask>,
    pub(crate) apply_tasks: VecDeque<ApplyTask>,
    pub(crate) picture: Option<Published>,
    pub(crate) dropped: Vec<TabletId>,
    pub(crate) now: UnixMillis,
    /// On the applier's clock.
    pub(crate) uptime: Duration,
    /// Says with the next synced task that the segment is full.
    pub(crate) ask_checkpoint: bool,
    tables_made: u8,
}

impl Rig {
    /// A blank node, not yet settled.
    pub(crate) fn blank() -> Self {
        Self::open(MemoryDir::new(), MemoryEngine::new())
    }

    /// A node with this past.
    pub(crate) fn open(disk: MemoryDir, engine: MemoryEngine) -> Self {
        let engine = Arc::new(engine);
        let (log, recovered) = Log::open(disk.clone(), options()).unwrap();
        let forming =
            Forming { cluster: [7; 16], node: NodeId::new(1), replica: ReplicaId::new(1) };
        let core = Core::start(start(recovered, &*engine, forming)).unwrap();
        let store: Arc<dyn Engine> = Arc::clone(&engine) as _;
        Self {
            core,
            applier: Applier::new(store),
            engine,
            disk,
            log,
            log_tasks: VecDeque::new(),
            apply_tasks: VecDeque::new(),
            picture: None,
            dropped: Vec::new(),
            now: UnixMillis(1_000_000),
            uptime: Duration::ZERO,
            ask_checkpoint: false,
            tables_made: 0,
        }
    }

    /// A formed node with one active table `tab` (partition key `pk`, a string).
    pub(crate) fn with_table() -> Self {
        let mut rig = Self::blank();
        rig.settle();
        rig.create_table("tab");
        rig
    }

    pub(crate) fn create_table(&mut self, name: &str) {
        self.create(&create_body(name));
    }

    /// Makes a table as the body of a CreateTable says.
    pub(crate) fn create(&mut self, body: &str) {
        self.tables_made += 1;
        let command = create_command_of(body, self.tables_made);
        let answer = self.decide(command);
        self.settle();
        assert!(matches!(answer.lock().unwrap().take(), Some(CatalogAnswer::Done(Ok(_)))));
    }

    pub(crate) fn decide(&mut self, command: Command) -> Slot<CatalogAnswer> {
        let (slot, responder) = slot();
        self.core.step(Event::Catalog(CatalogRequest { command, responder }));
        slot
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.picture.as_ref().expect("a picture was published").catalog
    }

    pub(crate) fn table(&self, name: &str) -> Arc<TableDescription> {
        Arc::clone(self.catalog().table_by_name(name).expect("the table exists"))
    }

    pub(crate) fn handle(&self, name: &str) -> Arc<ReplicaHandle> {
        let partition = self.catalog().partitions_of(self.table(name).id)[0].id;
        Arc::clone(&self.picture.as_ref().unwrap().replicas[&partition])
    }

    /// A PutItem on table `tab` that asks for the old item.
    pub(crate) fn put_command(&self, key: &str, value: &str) -> ItemCommand {
        self.put_command_on("tab", key, value)
    }

    fn put_command_on(&self, name: &str, key: &str, value: &str) -> ItemCommand {
        let body = format!(
            r#"{{"TableName":"{name}","ReturnValues":"ALL_OLD",
                "Item":{{"pk":{{"S":"{key}"}},"v":{{"S":"{value}"}}}}}}"#
        );
        self.command(Operation::PutItem, &body)
    }

    /// A DeleteItem on table `tab` that asks for the old item.
    pub(crate) fn delete_command(&self, key: &str) -> ItemCommand {
        let body = format!(
            r#"{{"TableName":"tab","ReturnValues":"ALL_OLD","Key":{{"pk":{{"S":"{key}"}}}}}}"#
        );
        self.command(Operation::DeleteItem, &body)
    }

    pub(crate) fn command(&self, operation: Operation, body: &str) -> ItemCommand {
        parse_command(operation, body, self.catalog())
    }

    /// The body of the answer to a read of table `tab`, from its one replica; and how many looks it took.
    pub(crate) fn read_all(&self, operation: Operation, body: &str) -> (String, usize) {
        let Ok(Request::Items(request)) = Request::parse(operation, body.as_bytes()) else {
            panic!("{body}");
        };
        let work = request.validate(self.catalog(), &service());
        let Ok(ItemWork::Read(mut command)) = work else { panic!("{work:?}") };
        let mut looks = 0;
        while let Some(part) = command.next() {
            looks += 1;
            let found = read(self.engine.as_ref(), &self.handle("tab"), &part.place).unwrap();
            command.found(&part, found);
        }
        (String::from_utf8(command.reply().to_body()).unwrap(), looks)
    }

    /// Reads the item that a command is about, as an edge does before it submits.
    pub(crate) fn prefetch(&self, command: &ItemCommand) -> Prefetched {
        self.prefetch_on("tab", command)
    }

    /// Likewise, on any table.
    pub(crate) fn prefetch_on(&self, name: &str, command: &ItemCommand) -> Prefetched {
        prefetch(self.engine.as_ref(), &self.handle(name), command).unwrap()
    }

    pub(crate) fn read(&self, handle: &ReplicaHandle, at: &Location) -> Option<SharedItem> {
        read_item(self.engine.as_ref(), handle, at).unwrap()
    }

    pub(crate) fn submit(&mut self, command: ItemCommand, prefetched: Prefetched) -> Slot<Answer> {
        self.submit_to(self.handle("tab").partition(), command, prefetched)
    }

    pub(crate) fn submit_to(
        &mut self,
        partition: PartitionId,
        command: ItemCommand,
        prefetched: Prefetched,
    ) -> Slot<Answer> {
        let (slot, responder) = slot();
        let command = Box::new(command);
        self.core.step(Event::Write(WriteRequest { partition, command, prefetched, responder }));
        slot
    }

    pub(crate) fn put(&mut self, key: &str, value: &str) -> Slot<Answer> {
        let command = self.put_command(key, value);
        let prefetched = self.prefetch(&command);
        self.submit(command, prefetched)
    }

    pub(crate) fn delete(&mut self, key: &str) -> Slot<Answer> {
        let command = self.delete_command(key);
        let prefetched = self.prefetch(&command);
        self.submit(command, prefetched)
    }

    /// A PutItem on any table.
    pub(crate) fn put_on(&mut self, name: &str, key: &str, value: &str) -> Slot<Answer> {
        let command = self.put_command_on(name, key, value);
        let prefetched = self.prefetch_on(name, &command);
        self.submit_to(self.handle(name).partition(), command, prefetched)
    }

    /// The `v` of the item with this key in table `tab`, as the store has it.
    pub(crate) fn stored(&self, key: &str) -> Option<String> {
        let command = self.put_command(key, "");
        let item = self.read(&self.handle("tab"), command.location())?;
        Some(text_of(&item))
    }

    /// Lets the core hand out what it has.
    pub(crate) fn flush(&mut self) {
        let now = Now { wall: self.now, running: self.uptime };
        let Output { log, apply, publish, settled, drop, send, refused } =
            self.core.flush(now).unwrap();
        assert!(send.is_empty() && refused.is_empty(), "a single node has no peers");
        self.log_tasks.extend(log);
        self.apply_tasks.extend(apply);
        self.picture = publish.or(self.picture.take());
        self.dropped.extend(drop);
        settled.into_iter().for_each(|settled| settled.send());
    }

    /// Writes and syncs the next log task; returns whether there was one.
    pub(crate) fn sync_one(&mut self) -> bool {
        let Some(task) = self.log_tasks.pop_front() else { return false };
        if let Some(checkpoint) = &task.checkpoint {
            self.log.rotate(checkpoint).unwrap();
        }
        if !task.records.is_empty() {
            self.log.append(&task.records).unwrap();
        }
        if let Some(durable) = &task.release {
            self.log.release(durable).unwrap();
        }
        let wants_checkpoint =
            self.log.wants_checkpoint() || std::mem::take(&mut self.ask_checkpoint);
        self.core.step(Event::Logged { task: task.id, wants_checkpoint });
        true
    }

    /// Applies everything that is committed and not held up; returns whether there was anything.
    pub(crate) fn apply_all(&mut self) -> bool {
        self.applier.push(self.apply_tasks.drain(..), self.uptime);
        let mut any = false;
        loop {
            let round = self.apply_round(Pace::Considerate);
            any |= round.committed;
            if !round.committed {
                return any;
            }
        }
    }

    /// One round of the applier, and its news to the core.
    pub(crate) fn apply_round(&mut self, pace: Pace) -> Round {
        let mut round = self.applier.apply(self.uptime, pace).unwrap();
        for applied in round.applied.drain(..) {
            self.core.step(Event::Applied(applied));
        }
        round
    }

    /// Lets everybody work until nobody has anything to do. As in the server, the core is flushed only
    /// when something happened.
    pub(crate) fn settle(&mut self) {
        self.flush();
        while self.sync_one() | self.apply_all() {
            self.flush();
        }
    }

    /// Syncs the store and tells the core.
    pub(crate) fn persist(&mut self) {
        let applied: HashMap<PartitionId, LogIndex> = self
            .picture
            .as_ref()
            .unwrap()
            .replicas
            .iter()
            .map(|(id, handle)| (*id, handle.applied()))
            .collect();
        self.engine.persist().unwrap();
        self.core.step(Event::Durable(applied));
    }

    /// The same disks after a power loss, as this seed has it; settled.
    pub(crate) fn power_loss(self, seed: u64) -> Self {
        let (disk, engine) = (self.disk.clone(), self.engine.crash(seed));
        drop(self);
        disk.crash(seed);
        let mut rig = Self::open(disk, engine);
        rig.settle();
        rig
    }
}

/// The command in the body of a request to write.
pub(crate) fn parse_command(operation: Operation, body: &str, catalog: &Catalog) -> ItemCommand {
    let Ok(Request::Items(request)) = Request::parse(operation, body.as_bytes()) else {
        panic!("{body}");
    };
    match request.validate(catalog, &service()) {
        Ok(ItemWork::Write(command)) => *command,
        other => panic!("{other:?}"),
    }
}

/// A node alone.
pub(crate) fn start(
    recovered: stator_log::Recovered,
    engine: &dyn Engine,
    forming: Forming,
) -> Start<'_> {
    Start { recovered, engine, forming, nodes: Vec::new(), now: Duration::ZERO, seed: 1 }
}

/// Small segments: what is simulated is copied at every crash.
pub(crate) fn options() -> Options {
    Options { segment_bytes: 256 << 10, first_segment_bytes: 64 << 10, ..Options::new([3; 16]) }
}

/// CreateTable of a table with the partition key `pk`, a string; `random` stands for the random bits.
pub(crate) fn create_command(name: &str, random: u8) -> Command {
    create_command_of(&create_body(name), random)
}

pub(crate) fn create_body(name: &str) -> String {
    format!(
        r#"{{"TableName":"{name}","BillingMode":"PAY_PER_REQUEST",
            "AttributeDefinitions":[{{"AttributeName":"pk","AttributeType":"S"}}],
            "KeySchema":[{{"AttributeName":"pk","KeyType":"HASH"}}]}}"#
    )
}

pub(crate) fn create_command_of(body: &str, random: u8) -> Command {
    match Request::parse(Operation::CreateTable, body.as_bytes()) {
        Ok(Request::CreateTable(input)) => {
            input.validate(&service(), [random; 32], NonZeroU32::MIN).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn service() -> ServiceInfo {
    ServiceInfo { region: "us-east-1".to_owned(), account: "000000000000".to_owned() }
}

pub(crate) fn slot<T: Send + 'static>() -> (Slot<T>, Box<dyn FnOnce(T) + Send>) {
    let slot: Slot<T> = Arc::default();
    let inside = Arc::clone(&slot);
    (slot, Box::new(move |answer| *inside.lock().unwrap() = Some(answer)))
}

/// The attribute `v` of an item.
pub(crate) fn text_of(item: &SharedItem) -> String {
    let mut writer = stator_protocol::JsonWriter::new();
    item.visit(&mut writer);
    let json = String::from_utf8(writer.into_bytes()).unwrap();
    let at = json.find(r#""v":{"S":""#).expect("the item has a text v") + 10;
    json[at..].split('"').next().unwrap().to_owned()
}

/// Whether the answer has come and says done.
pub(crate) fn is_done(slot: &Slot<Answer>) -> bool {
    matches!(*slot.lock().unwrap(), Some(Answer::Done(Ok(_))))
}

/// Whether no answer has come.
pub(crate) fn is_open(slot: &Slot<Answer>) -> bool {
    slot.lock().unwrap().is_none()
}
