//! Random commands against a simple model, and what `load` refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use stator_model::{
    Billing, DescriptionVersion, Epoch, HashSecret, KeyAttribute, KeyRange, KeySchema, KeyType,
    Location, NodeId, PartitionId, ReplicaId, TableDescription, TableHistory, TableId,
    TableSettings, TableStatus, Tags, UnixMillis,
};

use super::Catalog;
use crate::{
    BillingUpdate, Change, Command, Contradiction, Decision, Error, FeatureLevel, Meta, NewTable,
    Outcome, PartitionDescription, Refusal, TableUpdate, TagUpdate,
};

mod nodes;

const NAMES: [&str; 4] = ["aaa", "aab", "b-1", "ccc"];

#[derive(Clone, Debug)]
enum Step {
    Create {
        name: usize,
        partitions: u32,
        protected: bool,
        reuse_id: bool,
    },
    Update {
        name: usize,
        capacity: Option<u64>,
        protected: Option<bool>,
    },
    Tag {
        name: usize,
        first: u32,
        count: u32,
        remove: bool,
    },
    Delete {
        name: usize,
    },
    /// Of any partition up to a few beyond the last one minted.
    Ready {
        partition: u64,
    },
    Destroyed {
        partition: u64,
    },
}

fn any_step() -> impl Strategy<Value = Step> {
    let name = || 0..NAMES.len();
    prop_oneof![
        1 => (name(), 1..5_u32, prop::bool::weighted(0.1), prop::bool::weighted(0.1)).prop_map(
            |(name, partitions, protected, reuse_id)| Step::Create {
                name, partitions, protected, reuse_id
            }
        ),
        1 => (name(), prop::option::of(0..3_u64), any::<Option<bool>>()).prop_map(
            |(name, capacity, protected)| Step::Update { name, capacity, protected }
        ),
        1 => (name(), 0..40_u32, 0..40_u32, prop::bool::weighted(0.3)).prop_map(
            |(name, first, count, remove)| Step::Tag { name, first, count, remove }
        ),
        1 => name().prop_map(|name| Step::Delete { name }),
        4 => (0..24_u64).prop_map(|partition| Step::Ready { partition }),
        4 => (0..24_u64).prop_map(|partition| Step::Destroyed { partition }),
    ]
}

/// What the rules say, with none of the catalog's structures.
#[derive(Default)]
struct Model {
    tables: BTreeMap<&'static str, ModelTable>,
    minted: u64,
    ids: u8,
}

struct ModelTable {
    id: u8,
    status: TableStatus,
    protected: bool,
    billing: Billing,
    tags: BTreeMap<String, String>,
    /// Whether each partition that is left is ready.
    partitions: BTreeMap<u64, bool>,
}

impl Model {
    /// The command of a step, and whether it is refused and how; the model has made the step.
    fn step(&mut self, step: &Step) -> (Command, Result<(), Refusal>) {
        match *step {
            Step::Create { name, partitions, protected, reuse_id } => {
                let name = NAMES[name];
                let reused = self.tables.values().next().filter(|_| reuse_id).map(|table| table.id);
                let id = reused.unwrap_or(self.ids);
                let command = create(id, name, partitions, protected);
                (command, self.create(name, id, partitions, protected))
            }
            Step::Update { name, capacity, protected } => {
                let name = NAMES[name];
                let billing = capacity.map(billing);
                let update = TableUpdate {
                    name: name.to_owned(),
                    billing: billing.map(BillingUpdate::Declared),
                    deletion_protection: protected,
                    ..TableUpdate::default()
                };
                (Command::UpdateTable(update), self.update(name, billing, protected))
            }
            Step::Tag { name, first, count, remove } => {
                let name = NAMES[name];
                let keys = (first..first + count).map(|key| format!("key {key}"));
                let tags = if remove {
                    TagUpdate::Remove(keys.clone().collect())
                } else {
                    TagUpdate::Add(keys.clone().map(|key| (key, first.to_string())).collect())
                };
                let update = TableUpdate { name: name.to_owned(), tags, ..TableUpdate::default() };
                let value = (!remove).then_some(first);
                (Command::UpdateTable(update), self.tag(name, keys, value))
            }
            Step::Delete { name } => {
                let name = NAMES[name];
                (Command::DeleteTable { name: name.to_owned() }, self.delete(name))
            }
            Step::Ready { partition } => {
                let id = PartitionId::new(partition);
                (Command::PartitionReady { partition: id }, self.ready(partition))
            }
            Step::Destroyed { partition } => {
                let id = PartitionId::new(partition);
                (Command::PartitionDestroyed { partition: id }, self.destroyed(partition))
            }
        }
    }

    fn create(
        &mut self,
        name: &'static str,
        id: u8,
        partitions: u32,
        protected: bool,
    ) -> Result<(), Refusal> {
        if let Some(table) = self.tables.get(name) {
            return Err(Refusal::TableInUse { name: name.to_owned(), status: table.status });
        }
        if id != self.ids {
            return Err(Refusal::TableIdTaken { id: TableId::from_bytes([id; 16]) });
        }
        self.ids += 1;
        let first = self.minted + 1;
        self.minted += u64::from(partitions);
        let partitions = (first..=self.minted).map(|id| (id, false)).collect();
        let status = TableStatus::Creating;
        let (billing, tags) = (Billing::PayPerRequest, BTreeMap::new());
        self.tables.insert(name, ModelTable { id, status, protected, billing, tags, partitions });
        Ok(())
    }

    fn update(
        &mut self,
        name: &'static str,
        billing: Option<Billing>,
        protected: Option<bool>,
    ) -> Result<(), Refusal> {
        let table = self.active(name)?;
        table.billing = billing.unwrap_or(table.billing);
        table.protected = protected.unwrap_or(table.protected);
        Ok(())
    }

    /// Gives the keys this value, or takes them away.
    fn tag(
        &mut self,
        name: &'static str,
        keys: impl Iterator<Item = String>,
        value: Option<u32>,
    ) -> Result<(), Refusal> {
        let table = self.active(name)?;
        let mut tags = table.tags.clone();
        keys.for_each(|key| match value {
            Some(value) => drop(tags.insert(key, value.to_string())),
            None => drop(tags.remove(&key)),
        });
        if tags.len() > 50 {
            return Err(Refusal::TooManyTags { count: tags.len() });
        }
        table.tags = tags;
        Ok(())
    }

    fn active(&mut self, name: &'static str) -> Result<&mut ModelTable, Refusal> {
        let name_of = || name.to_owned();
        let table = self.tables.get_mut(name);
        let table = table.ok_or_else(|| Refusal::TableNotFound { name: name_of() })?;
        match table.status {
            TableStatus::Active => Ok(table),
            status @ (TableStatus::Creating | TableStatus::Deleting) => {
                Err(Refusal::TableInUse { name: name_of(), status })
            }
        }
    }

    fn delete(&mut self, name: &'static str) -> Result<(), Refusal> {
        let Some(table) = self.tables.get_mut(name) else {
            return Err(Refusal::TableNotFound { name: name.to_owned() });
        };
        match (table.status, table.protected) {
            (TableStatus::Creating, _) => {
                Err(Refusal::TableInUse { name: name.to_owned(), status: TableStatus::Creating })
            }
            (TableStatus::Active, true) => {
                Err(Refusal::DeletionProtected { name: name.to_owned() })
            }
            (TableStatus::Active | TableStatus::Deleting, _) => {
                table.status = TableStatus::Deleting;
                Ok(())
            }
        }
    }

    fn owner(&mut self, id: u64) -> Result<(&'static str, &mut ModelTable), Refusal> {
        let mut tables = self.tables.iter_mut().map(|(name, table)| (*name, table));
        tables
            .find(|(_, table)| table.partitions.contains_key(&id))
            .ok_or(Refusal::PartitionNotFound { partition: PartitionId::new(id) })
    }

    fn ready(&mut self, id: u64) -> Result<(), Refusal> {
        let (_, table) = self.owner(id)?;
        if table.partitions.insert(id, true) == Some(true) {
            return Err(Refusal::AlreadyReady { partition: PartitionId::new(id) });
        }
        if table.partitions.values().all(|ready| *ready) {
            table.status = TableStatus::Active;
        }
        Ok(())
    }

    fn destroyed(&mut self, id: u64) -> Result<(), Refusal> {
        let (name, table) = self.owner(id)?;
        if table.status != TableStatus::Deleting {
            let partition = PartitionId::new(id);
            return Err(Refusal::NotDeleting { partition, status: table.status });
        }
        table.partitions.remove(&id);
        if table.partitions.is_empty() {
            self.tables.remove(name);
        }
        Ok(())
    }

    /// Whether the catalog shows what the model knows.
    fn agrees(&self, catalog: &Catalog) {
        let shown = |table: &Arc<TableDescription>| (table.name.clone(), table.status);
        let tables: Vec<_> = catalog.tables().map(shown).collect();
        let expected: Vec<_> =
            self.tables.iter().map(|(name, table)| ((*name).to_owned(), table.status)).collect();
        assert_eq!(tables, expected);
        for (name, table) in &self.tables {
            let id = TableId::from_bytes([table.id; 16]);
            assert_eq!(catalog.table(&id), catalog.table_by_name(name));
            let described = catalog.table(&id).expect("the model's tables are there");
            assert_eq!(described.billing, table.billing);
            assert_eq!(described.deletion_protection, table.protected);
            assert_eq!(described.settings.tags, table.tags.clone().into_iter().collect::<Tags>());
            assert_eq!(described.version, DescriptionVersion::new(1));
            let partitions = catalog.partitions_of(id).iter();
            let partitions: BTreeMap<_, _> =
                partitions.map(|partition| (partition.id.get(), partition.ready)).collect();
            assert_eq!(partitions, table.partitions);
        }
        let total: usize = self.tables.values().map(|table| table.partitions.len()).sum();
        assert_eq!(catalog.partitions().count(), total);
        let after: Vec<_> = catalog.tables_after("aab").map(shown).collect();
        assert!(after.iter().eq(expected.iter().filter(|(name, _)| name.as_str() > "aab")));
    }
}

/// None is on demand, as a table begins.
fn billing(capacity: u64) -> Billing {
    match capacity {
        0 => Billing::PayPerRequest,
        units => Billing::Provisioned { read: units, write: 2 * units },
    }
}

fn create(id: u8, name: &str, partitions: u32, deletion_protection: bool) -> Command {
    Command::CreateTable(Box::new(NewTable {
        id: TableId::from_bytes([id; 16]),
        name: name.to_owned(),
        key_schema: schema(),
        local_indexes: Vec::new(),
        billing: Billing::PayPerRequest,
        deletion_protection,
        settings: TableSettings::default(),
        warm: None,
        hash_secret: HashSecret::from_bytes([id; 16]),
        partitions: NonZeroU32::new(partitions).unwrap(),
    }))
}

fn schema() -> KeySchema {
    let attribute = |name: &str, key_type| KeyAttribute { name: name.to_owned(), key_type };
    KeySchema { partition: attribute("pk", KeyType::S), sort: Some(attribute("sk", KeyType::N)) }
}

/// The records on disk, as changes make them.
#[derive(Clone, Default)]
struct Disk(BTreeMap<Bytes, Bytes>);

impl Disk {
    fn write(&mut self, change: &Change) {
        let (key, value) = change.encode();
        assert_eq!(Change::decode(&key, value.as_deref()).as_ref(), Ok(change));
        match value {
            Some(value) => self.0.insert(key, value),
            None => self.0.remove(&key),
        };
    }
}

/// Every location lies in the one partition that the ranges name; with all partitions there, in one.
fn locations_are_found(catalog: &Catalog, locations: &[Location]) {
    for table in catalog.tables() {
        let partitions = catalog.partitions_of(table.id);
        for location in locations {
            let holders: Vec<_> =
                partitions.iter().filter(|partition| partition.range.contains(location)).collect();
            assert!(holders.len() <= 1, "{holders:?}");
            assert_eq!(catalog.locate(table.id, location), holders.first().copied());
            assert!(table.status == TableStatus::Deleting || holders.len() == 1);
            let before = partitions.iter().filter(|partition| {
                let reaches =
                    partition.range.end.as_deref().is_none_or(|end| end >= location.as_bytes());
                *partition.range.start < *location.as_bytes() && reaches
            });
            let before: Vec<_> = before.collect();
            assert!(before.len() <= 1, "{before:?}");
            let found = catalog.locate_before(table.id, Some(location.as_bytes()));
            assert_eq!(found, before.first().copied());
        }
        let last = partitions.iter().find(|partition| partition.range.end.is_none());
        assert_eq!(catalog.locate_before(table.id, None), last);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn random_commands_do_what_the_model_says(
        steps in prop::collection::vec(any_step(), 1..80),
        hashes in prop::collection::vec(any::<u64>(), 4),
    ) {
        let mut locations: Vec<_> = hashes
            .iter()
            .map(|hash| Location::from_bytes(Bytes::copy_from_slice(&[&hash.to_be_bytes()[..], b"k"].concat())))
            .collect();
        locations.push(Location::from_bytes(Bytes::from_static(&[0; 8])));
        locations.push(Location::from_bytes(Bytes::from_static(&[0x80, 0, 0, 0, 0, 0, 0, 0])));
        locations.push(Location::from_bytes(Bytes::from_static(&[0xff; 12])));
        let (mut catalog, mut disk, mut model) = (Catalog::default(), Disk::default(), Model::default());
        for change in Catalog::form([7; 16], NodeId::new(1), ReplicaId::new(1)) {
            catalog.apply(&change);
            disk.write(&change);
        }
        let mut ever = BTreeSet::new();
        for (at, step) in steps.iter().enumerate() {
            let (command, expected) = model.step(step);
            let before = catalog.clone();
            let decided = catalog.decide(&command, UnixMillis(u64::try_from(at).unwrap()));
            prop_assert_eq!(&catalog, &before, "deciding changes nothing");
            prop_assert_eq!(decided.as_ref().err(), expected.as_ref().err());
            for change in decided.map_or(Vec::new(), |decision| decision.changes) {
                if let Change::PutPartition(partition) = &change {
                    let minted = !before.partitions.contains_key(&partition.id);
                    prop_assert!(!minted || ever.insert(partition.id), "an id is minted twice");
                }
                catalog.apply(&change);
                disk.write(&change);
            }
            model.agrees(&catalog);
            prop_assert_eq!(catalog.check(), Ok(()));
            locations_are_found(&catalog, &locations);
            prop_assert_eq!(&Catalog::load(&disk.0).unwrap(), &catalog);
            prop_assert_eq!(&Catalog::load(disk.0.iter().rev()).unwrap(), &catalog);
        }
    }

    #[test]
    fn hostile_bytes_never_panic(
        kind in 0..6_u8,
        rest in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..24),
            prop::collection::vec(any::<u8>(), 8),
            prop::collection::vec(any::<u8>(), 16)
        ],
        value in prop::option::of(prop::collection::vec(any::<u8>(), 0..64)),
    ) {
        let key = [vec![kind], rest].concat();
        if let Ok(change) = Change::decode(&key, value.as_deref()) {
            let mut catalog = Catalog::default();
            catalog.apply(&change);
        }
    }

    #[test]
    fn damaged_records_never_panic(
        at in any::<prop::sample::Index>(),
        record in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut records: Vec<(Vec<u8>, Vec<u8>)> =
            sound().0.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
        let record = record.index(records.len());
        let value = &mut records[record].1;
        let at = at.index(value.len());
        if cut {
            value.truncate(at);
        } else {
            value[at] ^= byte;
        }
        if let Ok(catalog) = Catalog::load(records) {
            prop_assert_eq!(catalog.check(), Ok(()));
        }
    }
}

/// A formed catalog with an ACTIVE table of two partitions, p1 and p2.
fn sound() -> Disk {
    let mut disk = Disk::default();
    let mut catalog = Catalog::default();
    let mut run = |changes: Vec<Change>, catalog: &mut Catalog| {
        for change in &changes {
            catalog.apply(change);
            disk.write(change);
        }
    };
    run(Catalog::form([7; 16], NodeId::new(1), ReplicaId::new(1)), &mut catalog);
    let ready = |id| Command::PartitionReady { partition: PartitionId::new(id) };
    for command in [create(1, "aaa", 2, false), ready(1), ready(2)] {
        let Decision { changes, .. } = catalog.decide(&command, UnixMillis(1)).unwrap();
        run(changes, &mut catalog);
    }
    disk
}

fn table(id: u8, name: &str, status: TableStatus) -> Change {
    Change::PutTable(Arc::new(TableDescription {
        id: TableId::from_bytes([id; 16]),
        name: name.to_owned(),
        version: DescriptionVersion::new(1),
        status,
        created: UnixMillis(1),
        key_schema: schema(),
        local_indexes: Vec::new(),
        billing: Billing::PayPerRequest,
        deletion_protection: false,
        settings: TableSettings::default(),
        history: TableHistory::default(),
        hash_secret: HashSecret::from_bytes([id; 16]),
    }))
}

fn partition(id: u64, table: u8, start: &'static [u8], end: Option<&'static [u8]>) -> Change {
    Change::PutPartition(Arc::new(PartitionDescription {
        id: PartitionId::new(id),
        table: TableId::from_bytes([table; 16]),
        range: KeyRange { start: Bytes::from_static(start), end: end.map(Bytes::from_static) },
        epoch: Epoch::new(1),
        replicas: vec![(NodeId::new(1), ReplicaId::new(1))],
        ready: true,
    }))
}

#[test]
fn records_that_contradict_each_other_are_refused() {
    let check = |changes: &[Change], expected: Contradiction| {
        let mut disk = sound();
        changes.iter().for_each(|change| disk.write(change));
        assert_eq!(Catalog::load(&disk.0), Err(Error::Contradiction(expected)));
    };
    let id = |byte| TableId::from_bytes([byte; 16]);
    let p = PartitionId::new;
    let (half, most) = (&[0x80][..], &[0xc0][..]);
    check(&[table(2, "aaa", TableStatus::Active)], Contradiction::NameTwice(id(2)));
    check(&[table(2, "bbb", TableStatus::Active)], Contradiction::Ranges(id(2)));
    check(&[Change::RemoveTable(id(1))], Contradiction::Orphan(p(1)));
    check(&[partition(3, 1, b"", None)], Contradiction::NeverMinted(p(3)));
    check(&[Change::RemovePartition(p(1))], Contradiction::Ranges(id(1)));
    check(&[Change::RemovePartition(p(2))], Contradiction::Ranges(id(1)));
    check(&[partition(2, 1, most, None)], Contradiction::Ranges(id(1)));
    check(&[partition(1, 1, b"", None)], Contradiction::Ranges(id(1)));
    check(&[partition(1, 1, b"", Some(most))], Contradiction::Ranges(id(1)));
    let deleting = table(1, "aaa", TableStatus::Deleting);
    check(&[deleting.clone(), partition(1, 1, b"", Some(most))], Contradiction::Ranges(id(1)));
    check(&[deleting, partition(1, 1, half, Some(most))], Contradiction::Ranges(id(1)));
    check(&[table(1, "aaa", TableStatus::Creating)], Contradiction::AllReady(id(1)));
}

#[test]
fn an_active_table_whose_partition_is_not_ready_is_refused() {
    let mut disk = sound();
    let mut catalog = Catalog::load(&disk.0).unwrap();
    let first = catalog.partition(PartitionId::new(1)).unwrap();
    let unready = PartitionDescription { ready: false, ..PartitionDescription::clone(first) };
    disk.write(&Change::PutPartition(Arc::new(unready)));
    let expected = Contradiction::NotReady(PartitionId::new(1));
    assert_eq!(Catalog::load(&disk.0), Err(expected.into()));
    catalog.apply(&Change::RemoveTable(TableId::from_bytes([1; 16])));
    assert_eq!(catalog.table_by_name("aaa"), None);
}

#[test]
fn nothing_is_in_a_catalog_that_was_never_formed() {
    let mut disk = sound();
    let none: [(Bytes, Bytes); 0] = [];
    assert_eq!(Catalog::load(none), Ok(Catalog::default()));
    disk.0.remove(&b"\x01"[..]);
    assert_eq!(Catalog::load(&disk.0), Err(Contradiction::NotFormed.into()));
}

#[test]
fn keys_of_records_are_golden() {
    let key = |change: &Change| change.encode().0;
    let meta = Meta {
        cluster: [0; 16],
        node: NodeId::new(1),
        replica: ReplicaId::new(1),
        next_partition: PartitionId::new(1),
        level: FeatureLevel::NODES,
        next_catalog_replica: ReplicaId::new(2),
    };
    assert_eq!(key(&Change::PutMeta(Arc::new(meta))), [1].as_slice());
    let id = TableId::from_bytes(*b"0123456789abcdef");
    assert_eq!(key(&Change::RemoveTable(id)), b"\x020123456789abcdef".as_slice());
    let partition = Change::RemovePartition(PartitionId::new(0x0102_0304));
    assert_eq!(key(&partition), [3, 0, 0, 0, 0, 1, 2, 3, 4].as_slice());
    let node = Change::RemoveNode(NodeId::new(0x0102_0304));
    assert_eq!(key(&node), [4, 0, 0, 0, 0, 1, 2, 3, 4].as_slice());
}

#[test]
fn keys_of_no_record_are_refused() {
    for key in
        [&b""[..], b"\x00", b"\x05", b"\x04short", b"\x01\x00", b"\x02short", b"\x03\0\0\0\0\0\0\0"]
    {
        assert_eq!(Change::decode(key, None), Err(Error::UnknownKey), "{key:?}");
    }
    assert_eq!(Change::decode(b"\x01", None), Err(Error::MetaRemoved));
}

#[test]
fn a_clone_stays_as_it_was() {
    let mut catalog = Catalog::load(&sound().0).unwrap();
    let before = catalog.clone();
    let delete = Command::DeleteTable { name: "aaa".to_owned() };
    let Decision { changes, outcome } = catalog.decide(&delete, UnixMillis(2)).unwrap();
    changes.iter().for_each(|change| catalog.apply(change));
    assert!(matches!(outcome, Outcome::Deleting(_)));
    assert_eq!(before, Catalog::load(&sound().0).unwrap());
    assert_ne!(before, catalog);
}
