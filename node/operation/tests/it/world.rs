//! A server in memory: the real catalog, and items in a map. What a node does with a request, without Raft
//! and disks in between.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use stator_catalog::{Catalog, Command, Outcome, Refusal};
use stator_model::{
    IndexLocation, ItemView, KeyRange, LocalIndexId, Location, NodeId, ReplicaId, SharedItem,
    TableDescription, TableId, UnixMillis,
};
use stator_operation::read::{Found, Order, Part, Place, Row, Rows, Source, Walk};
use stator_operation::wire::{self, ReadAnswer, WriteAnswer};
use stator_operation::{
    Alteration, Current, DescribedTable, EntryWrite, ItemCommand, ItemWork, ItemWrite, LocalWrites,
    Operation, ReadCommand, Reply, Request, ServiceInfo, TableReference, TableStatistics, Written,
    create_table, delete_table,
};
use stator_protocol::{ApiError, Target};

/// When everything happens, unless a session lets time pass.
const NOW: UnixMillis = UnixMillis(1_700_000_000_123);

/// With how many partitions a table begins. Requests do not notice.
const PARTITIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(3);

/// How long an answer of another node is of use.
const TIME_LEFT: Duration = Duration::from_millis(1500);

/// How many entries of an index are looked at at once.
const LOOK: usize = 3;

#[derive(Clone)]
pub(crate) struct World {
    catalog: Catalog,
    items: BTreeMap<(TableId, Location), SharedItem>,
    /// Entries of local indexes, by table, index and location.
    entries: BTreeMap<(TableId, LocalIndexId, Location), SharedItem>,
    /// Sizes of item collections.
    collections: BTreeMap<(TableId, Vec<u8>), u64>,
    service: ServiceInfo,
    tables_made: u8,
    now: UnixMillis,
    /// Whether work on items goes to another node and its answers come back, as bytes.
    forwards: bool,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut catalog = Catalog::default();
        for change in Catalog::form([0; 16], NodeId::new(1), ReplicaId::new(1)) {
            catalog.apply(&change);
        }
        let service =
            ServiceInfo { region: "test-region-1".to_owned(), account: "000000000000".to_owned() };
        Self {
            catalog,
            items: BTreeMap::new(),
            entries: BTreeMap::new(),
            collections: BTreeMap::new(),
            service,
            tables_made: 0,
            now: NOW,
            forwards: false,
        }
    }

    /// A server whose work on items is done by another.
    pub(crate) fn forwarding() -> Self {
        Self { forwards: true, ..Self::new() }
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Status and body of the answer to a request.
    pub(crate) fn answer(&mut self, operation: &str, body: &[u8]) -> (u16, Vec<u8>) {
        match self.call(operation, body) {
            Ok(reply) => (200, reply.to_body()),
            Err(error) => (error.status(), error.to_body()),
        }
    }

    /// Time goes on.
    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now.0 += seconds * 1000;
    }

    /// Every partition of a table has a leader.
    pub(crate) fn activate(&mut self, name: &str) {
        self.for_each_partition(name, |partition| Command::PartitionReady { partition });
    }

    /// Every replica of a table is gone.
    pub(crate) fn destroy(&mut self, name: &str) {
        self.for_each_partition(name, |partition| Command::PartitionDestroyed { partition });
    }

    fn for_each_partition(
        &mut self,
        name: &str,
        command: impl Fn(stator_model::PartitionId) -> Command,
    ) {
        let table = self.catalog.table_by_name(name).expect("a table").id;
        let ids: Vec<_> = self.catalog.partitions_of(table).iter().map(|p| p.id).collect();
        for id in ids {
            self.decide(&command(id)).expect("a change of state");
        }
    }

    fn decide(&mut self, command: &Command) -> Result<Outcome, Refusal> {
        let decision = self.catalog.decide(command, self.now)?;
        decision.changes.iter().for_each(|change| self.catalog.apply(change));
        Ok(decision.outcome)
    }

    fn call(&mut self, operation: &str, body: &[u8]) -> Result<Reply, ApiError> {
        let target = format!("DynamoDB_20120810.{operation}");
        let operation = Operation::from_target(Target::parse(Some(&target))?)?;
        match Request::parse(operation, body)? {
            Request::CreateTable(input) => self.create(input),
            Request::DeleteTable(input) => self.delete(input),
            Request::DescribeTable(input) => {
                let found = self.find(input.table()).map(|table| self.describe(table));
                Ok(Reply::DescribeTable(input.reply(found)?))
            }
            Request::ListTables(input) => {
                let names = self.catalog.tables_after(input.start()).map(|table| &*table.name);
                Ok(Reply::ListTables(input.reply(names)))
            }
            Request::Alter(alteration) => self.alter(&alteration),
            Request::Look(look) => look.reply(&self.catalog, &self.service),
            Request::Items(request) => match request.validate(&self.catalog, &self.service)? {
                ItemWork::Write(command) => self.write(&command).map(Reply::Written),
                ItemWork::Batch(batch) => {
                    let results = batch.commands().map(|command| self.write(&command)).collect();
                    batch.reply(results)
                }
                ItemWork::Read(command) => Ok(self.read(command)),
            },
        }
    }

    fn create(&mut self, input: create_table::Input) -> Result<Reply, ApiError> {
        self.tables_made += 1;
        let random = [self.tables_made; 32];
        let command = input.validate(&self.service, random, PARTITIONS)?;
        let outcome = self.decide(&command).map_err(|refusal| create_table::refused(&refusal))?;
        let Outcome::Creating(table) = outcome else {
            panic!("not an outcome of CreateTable: {outcome:?}");
        };
        Ok(Reply::CreateTable(create_table::Output::new(self.describe(&table))))
    }

    fn delete(&mut self, input: delete_table::Input) -> Result<Reply, ApiError> {
        let command = input.validate(&self.service)?;
        let outcome = self.decide(&command).map_err(|refusal| delete_table::refused(&refusal))?;
        let Outcome::Deleting(table) = outcome else {
            panic!("not an outcome of DeleteTable: {outcome:?}");
        };
        Ok(Reply::DeleteTable(delete_table::Output::new(self.describe(&table))))
    }

    fn alter(&mut self, alteration: &Alteration) -> Result<Reply, ApiError> {
        let command = alteration.validate(&self.service)?;
        let outcome = self.decide(&command).map_err(|refusal| alteration.refused(&refusal))?;
        let Outcome::Updated(table) = outcome else {
            panic!("not an outcome of UpdateTable: {outcome:?}");
        };
        Ok(alteration.reply(self.describe(&table)))
    }

    fn write(&mut self, command: &ItemCommand) -> Result<Written, ApiError> {
        if !self.forwards {
            return self.evaluate(command);
        }
        let request = wire::Request::decode(wire::write_request(command, TIME_LEFT), &self.catalog);
        let wire::Request { work, remaining } = request.expect("a request");
        assert_eq!(remaining, TIME_LEFT);
        let wire::Work::Write(sent) = work else { panic!("{work:?}") };
        assert_eq!((sent.table(), sent.version()), (command.table(), command.version()));
        assert_eq!(
            (sent.location(), sent.collection()),
            (command.location(), command.collection())
        );
        let answer = WriteAnswer::Done(self.evaluate(&sent)).encode();
        match WriteAnswer::decode(answer, command).expect("an answer") {
            WriteAnswer::Done(result) => result,
            WriteAnswer::NotDone(reason) => panic!("{reason:?}"),
        }
    }

    fn evaluate(&mut self, command: &ItemCommand) -> Result<Written, ApiError> {
        let at = (command.table(), command.location().clone());
        let collection = command.collection().map(|collection| (at.0, collection.to_vec()));
        let collection_bytes = collection.and_then(|at| self.collections.get(&at).copied());
        let evaluation = command.evaluate(Current {
            item: self.items.get(&at).cloned(),
            collection_bytes: collection_bytes.unwrap_or_default(),
        });
        if let Some(local) = evaluation.local {
            self.write_local(at.0, local);
        }
        match evaluation.write {
            Some(ItemWrite::Put(item)) => {
                self.items.insert(at, item);
            }
            Some(ItemWrite::Delete) => {
                self.items.remove(&at);
            }
            None => {}
        }
        evaluation.reply
    }

    fn write_local(&mut self, table: TableId, local: LocalWrites) {
        for EntryWrite { index, location, before, after } in local.entries {
            let at = (table, index, location);
            assert_eq!(self.entries.get(&at).map(|entry| entry.size()), before);
            match after {
                Some(entry) => self.entries.insert(at, Arc::new(entry)),
                None => self.entries.remove(&at),
            };
        }
        self.collections.insert((table, local.collection), local.collection_bytes);
    }

    /// Reads part after part, each from the partition that holds it.
    fn read(&self, mut command: ReadCommand) -> Reply {
        while let Some(part) = command.next() {
            let partition = part.partition(&self.catalog).expect("a partition");
            let part = part.within(&partition.range);
            let found = if self.forwards { self.look_up_there(&part) } else { self.look_up(&part) };
            command.found(&part, found);
        }
        command.reply()
    }

    fn look_up_there(&self, part: &Part) -> Found {
        let request = wire::Request::decode(wire::read_request(part, TIME_LEFT), &self.catalog);
        let work = request.expect("a request").work;
        let wire::Work::Read(sent) = work else { panic!("{work:?}") };
        assert_eq!(&sent, part);
        let answer = ReadAnswer::Found(self.look_up(&sent)).encode();
        match ReadAnswer::decode(answer, part).expect("an answer") {
            ReadAnswer::Found(found) => found,
            ReadAnswer::NotServing(_) | ReadAnswer::Failed(_) => panic!("not found"),
        }
    }

    fn look_up(&self, part: &Part) -> Found {
        match &part.place {
            Place::Item(location) => {
                Found::Item(self.items.get(&(part.table, location.clone())).cloned())
            }
            Place::Range(walk) => Found::Rows(self.range(part.table, walk)),
        }
    }

    /// What a walk finds. A look at an index ends early, so that pages are made of several.
    fn range(&self, table: TableId, walk: &Walk) -> Rows {
        let mut found: Vec<(&Location, Row)> = match walk.source {
            Source::Items => {
                let items = self.items.iter().filter(|((of, _), _)| *of == table);
                let row = |item: &SharedItem| Row { item: Arc::clone(item), behind: None };
                items.map(|((_, location), item)| (location, row(item))).collect()
            }
            Source::LocalIndex(source) => {
                let entries = self.entries.iter();
                let entries =
                    entries.filter(|((of, index, _), _)| (*of, *index) == (table, source.index));
                let row = |location: &Location, entry: &SharedItem| {
                    let apart = IndexLocation::parse(location.as_bytes(), source.partition)
                        .expect("an entry");
                    let item = self.items.get(&(table, apart.item(source.sort).expect("an entry")));
                    let behind = source.with_items.then(|| item.expect("an entry's item").clone());
                    Row { item: Arc::clone(entry), behind }
                };
                entries.map(|((_, _, location), entry)| (location, row(location, entry))).collect()
            }
        };
        found.retain(|(location, _)| walk.range.contains(location));
        if walk.order == Order::Descending {
            found.reverse();
        }
        let mut room = walk.room;
        let mut rows = Rows::default();
        for (location, row) in found {
            if room.is_used_up() {
                break;
            }
            if walk.source != Source::Items && rows.rows.len() == LOOK {
                rows.unseen = Some(match walk.order {
                    Order::Ascending => {
                        let start = Bytes::copy_from_slice(location.as_bytes());
                        KeyRange { start, end: walk.range.end.clone() }
                    }
                    Order::Descending => {
                        let end = Some(location.successor());
                        KeyRange { start: walk.range.start.clone(), end }
                    }
                });
                break;
            }
            room.take(&row);
            rows.rows.push(row);
        }
        rows
    }

    fn find(&self, table: &TableReference) -> Option<&Arc<TableDescription>> {
        self.catalog.table_by_name(table.local_name(&self.service)?)
    }

    fn describe(&self, table: &Arc<TableDescription>) -> DescribedTable {
        let mut statistics = TableStatistics::default();
        for ((of, _), item) in &self.items {
            if *of == table.id {
                statistics.items += 1;
                statistics.bytes += u64::from(ItemView::size(item.as_ref()).0);
            }
        }
        for ((of, index, _), entry) in &self.entries {
            if *of == table.id {
                statistics.add_local_index(*index, 1, u64::from(entry.size().0));
            }
        }
        DescribedTable::new(Arc::clone(table), statistics, &self.service, self.now)
    }
}
