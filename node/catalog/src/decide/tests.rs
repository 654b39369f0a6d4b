use std::num::NonZeroU32;

use stator_model::{
    Billing, HashSecret, KeyAttribute, KeySchema, KeyType, NodeId, OnDemandCaps, PartitionId,
    ReplicaId, TableClass, TableId, TableSettings, TableStatus, Tags, UnixMillis, Warmth,
};

use super::even_ranges;
use crate::{
    BillingUpdate, CapUpdate, Catalog, Change, Command, Decision, Meta, NewTable, OnDemandUpdate,
    Outcome, Refusal, TableUpdate, TagUpdate, WarmUpdate,
};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn formed() -> Catalog {
    let mut catalog = Catalog::default();
    for change in Catalog::form([9; 16], NodeId::new(4), ReplicaId::new(6)) {
        catalog.apply(&change);
    }
    catalog
}

fn new_table(id: u8, name: &str, partitions: u32) -> NewTable {
    let partition = KeyAttribute { name: "pk".to_owned(), key_type: KeyType::S };
    NewTable {
        id: TableId::from_bytes([id; 16]),
        name: name.to_owned(),
        key_schema: KeySchema { partition, sort: None },
        local_indexes: Vec::new(),
        billing: Billing::PayPerRequest,
        deletion_protection: false,
        settings: TableSettings::default(),
        warm: None,
        hash_secret: HashSecret::from_bytes([id; 16]),
        partitions: NonZeroU32::new(partitions).unwrap(),
    }
}

fn create(new: NewTable) -> Command {
    Command::CreateTable(Box::new(new))
}

fn delete(name: &str) -> Command {
    Command::DeleteTable { name: name.to_owned() }
}

fn update(billing: Option<Billing>, deletion_protection: Option<bool>) -> Command {
    let billing = billing.map(BillingUpdate::Declared);
    change(TableUpdate { billing, deletion_protection, ..TableUpdate::default() })
}

/// The update of the table `t`.
fn change(update: TableUpdate) -> Command {
    Command::UpdateTable(TableUpdate { name: "t".to_owned(), ..update })
}

fn ready(id: u64) -> Command {
    Command::PartitionReady { partition: PartitionId::new(id) }
}

fn destroyed(id: u64) -> Command {
    Command::PartitionDestroyed { partition: PartitionId::new(id) }
}

fn run(catalog: &mut Catalog, command: Command) -> Outcome {
    let Decision { changes, outcome } = catalog.decide(&command, NOW).unwrap();
    for change in &changes {
        catalog.apply(change);
    }
    outcome
}

fn refused(catalog: &Catalog, command: Command, refusal: Refusal) {
    assert_eq!(catalog.decide(&command, NOW), Err(refusal));
}

fn in_use(name: &str, status: TableStatus) -> Refusal {
    Refusal::TableInUse { name: name.to_owned(), status }
}

fn status(catalog: &Catalog, name: &str) -> Option<TableStatus> {
    catalog.table_by_name(name).map(|table| table.status)
}

#[test]
fn a_table_lives_from_creating_to_gone() {
    let mut catalog = formed();
    let outcome = run(&mut catalog, create(new_table(1, "t", 2)));
    let created = catalog.table_by_name("t").unwrap();
    assert_eq!(outcome, Outcome::Creating(created.clone()));
    assert_eq!((created.status, created.created), (TableStatus::Creating, NOW));
    let version = created.version;
    for partition in catalog.partitions_of(created.id) {
        assert_eq!(partition.replicas, [(NodeId::new(4), ReplicaId::new(6))]);
        assert!(!partition.ready);
    }

    run(&mut catalog, ready(2));
    assert_eq!(status(&catalog, "t"), Some(TableStatus::Creating));
    let outcome = run(&mut catalog, ready(1));
    assert_eq!(outcome, Outcome::Ready(catalog.table_by_name("t").unwrap().clone()));
    assert_eq!(status(&catalog, "t"), Some(TableStatus::Active));

    let outcome = run(&mut catalog, delete("t"));
    let deleting = catalog.table_by_name("t").unwrap();
    assert_eq!(outcome, Outcome::Deleting(deleting.clone()));
    assert_eq!((deleting.status, deleting.version), (TableStatus::Deleting, version));
    assert_eq!(catalog.partitions_of(deleting.id).len(), 2, "until their replicas are gone");

    let table = deleting.id;
    assert_eq!(run(&mut catalog, destroyed(1)), Outcome::Destroyed { table, last: false });
    assert_eq!(status(&catalog, "t"), Some(TableStatus::Deleting));
    assert_eq!(run(&mut catalog, destroyed(2)), Outcome::Destroyed { table, last: true });
    assert_eq!(catalog.tables().count() + catalog.partitions().count(), 0);

    run(&mut catalog, create(new_table(2, "t", 1)));
    let again = catalog.partitions_of(TableId::from_bytes([2; 16]));
    assert_eq!(again.first().map(|partition| partition.id), Some(PartitionId::new(3)));
}

#[test]
fn a_name_is_taken_in_every_status() {
    let mut catalog = formed();
    run(&mut catalog, create(new_table(1, "t", 1)));
    refused(&catalog, create(new_table(2, "t", 1)), in_use("t", TableStatus::Creating));
    run(&mut catalog, ready(1));
    refused(&catalog, create(new_table(2, "t", 1)), in_use("t", TableStatus::Active));
    run(&mut catalog, delete("t"));
    refused(&catalog, create(new_table(2, "t", 1)), in_use("t", TableStatus::Deleting));
}

#[test]
fn a_table_that_cannot_be_created_is_refused() {
    let mut catalog = formed();
    refused(&Catalog::default(), create(new_table(1, "t", 1)), Refusal::NotFormed);
    run(&mut catalog, create(new_table(1, "t", 1)));
    let id = TableId::from_bytes([1; 16]);
    refused(&catalog, create(new_table(1, "u", 1)), Refusal::TableIdTaken { id });
    let asked = NonZeroU32::new(1025).unwrap();
    refused(&catalog, create(new_table(2, "u", 1025)), Refusal::TooManyPartitions { asked });
    let mut meta = Meta::clone(catalog.meta().unwrap());
    meta.next_partition = PartitionId::new(u64::MAX - 1);
    catalog.apply(&Change::PutMeta(meta.into()));
    refused(&catalog, create(new_table(2, "u", 2)), Refusal::PartitionIdsSpent);
    run(&mut catalog, create(new_table(2, "u", 1)));
}

#[test]
fn deletion_is_refused_unless_active_and_unprotected() {
    let mut catalog = formed();
    refused(&catalog, delete("t"), Refusal::TableNotFound { name: "t".to_owned() });
    run(&mut catalog, create(NewTable { deletion_protection: true, ..new_table(1, "t", 1) }));
    refused(&catalog, delete("t"), in_use("t", TableStatus::Creating));
    run(&mut catalog, ready(1));
    refused(&catalog, delete("t"), Refusal::DeletionProtected { name: "t".to_owned() });
}

#[test]
fn an_update_changes_what_it_names_and_keeps_the_version() {
    let mut catalog = formed();
    run(&mut catalog, create(new_table(1, "t", 1)));
    run(&mut catalog, ready(1));
    let before = catalog.table_by_name("t").unwrap().clone();

    let provisioned = Billing::Provisioned { read: 5, write: 6 };
    let outcome = run(&mut catalog, update(Some(provisioned), None));
    let billed = catalog.table_by_name("t").unwrap().clone();
    assert_eq!(outcome, Outcome::Updated(billed.clone()));
    assert_eq!((billed.billing, billed.deletion_protection), (provisioned, false));
    assert_eq!((billed.version, billed.status), (before.version, TableStatus::Active));

    run(&mut catalog, update(None, Some(true)));
    let protected = catalog.table_by_name("t").unwrap().clone();
    assert_eq!((protected.billing, protected.deletion_protection), (provisioned, true));
    refused(&catalog, delete("t"), Refusal::DeletionProtected { name: "t".to_owned() });

    run(&mut catalog, update(Some(before.billing), Some(false)));
    assert_eq!(catalog.table_by_name("t"), Some(&before));
}

#[test]
fn an_update_to_what_is_already_so_changes_nothing() {
    let mut catalog = formed();
    run(&mut catalog, create(new_table(1, "t", 1)));
    run(&mut catalog, ready(1));
    let table = catalog.table_by_name("t").unwrap().clone();
    let unchanged = Ok(Decision { changes: vec![], outcome: Outcome::Updated(table) });
    assert_eq!(catalog.decide(&update(None, None), NOW), unchanged);
    let same = update(Some(Billing::PayPerRequest), Some(false));
    assert_eq!(catalog.decide(&same, NOW), unchanged);
}

#[test]
fn only_an_active_table_is_updated() {
    let mut catalog = formed();
    let change = update(None, Some(true));
    refused(&catalog, change.clone(), Refusal::TableNotFound { name: "t".to_owned() });
    run(&mut catalog, create(new_table(1, "t", 1)));
    refused(&catalog, change.clone(), in_use("t", TableStatus::Creating));
    run(&mut catalog, ready(1));
    run(&mut catalog, delete("t"));
    refused(&catalog, change, in_use("t", TableStatus::Deleting));
}

/// A catalog with the active table `t`.
fn with_table(new: NewTable) -> Catalog {
    let mut catalog = formed();
    run(&mut catalog, create(new));
    run(&mut catalog, ready(1));
    catalog
}

fn provisioned(read: u64, write: u64) -> NewTable {
    NewTable { billing: Billing::Provisioned { read, write }, ..new_table(1, "t", 1) }
}

fn units(read: u64, write: u64) -> Command {
    let billing = Some(BillingUpdate::Units { read, write });
    change(TableUpdate { billing, ..TableUpdate::default() })
}

fn mode(billing: Billing) -> Command {
    change(TableUpdate { billing: Some(BillingUpdate::Mode(billing)), ..TableUpdate::default() })
}

#[test]
fn units_that_do_not_change_are_refused_unless_they_are_declared() {
    let mut catalog = with_table(provisioned(5, 6));
    let same = Billing::Provisioned { read: 5, write: 6 };
    let unchanged = Refusal::UnitsUnchanged { read: 5, write: 6 };
    refused(&catalog, units(5, 6), unchanged.clone());
    refused(&catalog, mode(same), unchanged);
    run(&mut catalog, update(Some(same), None));
    run(&mut catalog, units(5, 7));
    assert_eq!(catalog.table_by_name("t").unwrap().history.increase, Some(NOW));
}

#[test]
fn units_alone_are_for_a_table_that_is_provisioned() {
    let mut catalog = with_table(new_table(1, "t", 1));
    refused(&catalog, units(5, 6), Refusal::NotProvisioned { name: "t".to_owned() });
    run(&mut catalog, mode(Billing::PayPerRequest));
    run(&mut catalog, mode(Billing::Provisioned { read: 5, write: 6 }));
    let table = catalog.table_by_name("t").unwrap();
    assert_eq!(table.history.on_demand, Some(NOW), "it was, once");
    assert_eq!((table.history.increase, table.history.decrease), (None, None));
}

#[test]
fn the_fifth_decrease_of_a_day_waits_for_an_hour() {
    let mut catalog = with_table(provisioned(10, 10));
    for units_left in [9, 8, 7, 6] {
        run(&mut catalog, units(units_left, 10));
    }
    let hour = UnixMillis(NOW.0 + 3_600_000);
    let spent = Refusal::DecreasesSpent { today: 4, last: NOW, next: hour };
    refused(&catalog, units(5, 10), spent.clone());
    refused(&catalog, units(5, 11), spent.clone());
    refused(&catalog, mode(Billing::Provisioned { read: 6, write: 9 }), spent);
    run(&mut catalog, units(7, 10));
    let early = catalog.decide(&units(5, 10), UnixMillis(hour.0 - 1));
    assert!(matches!(early, Err(Refusal::DecreasesSpent { .. })), "{early:?}");
    assert!(catalog.decide(&units(5, 10), hour).is_ok());
    // What a manifest declares is so, and counts.
    run(&mut catalog, update(Some(Billing::Provisioned { read: 1, write: 1 }), None));
    assert_eq!(catalog.table_by_name("t").unwrap().history.decreases_today(NOW), 5);
}

#[test]
fn caps_are_merged_and_go_with_on_demand() {
    let caps = |read, write| {
        let on_demand = OnDemandUpdate { read, write };
        change(TableUpdate { on_demand, ..TableUpdate::default() })
    };
    let mut catalog = with_table(new_table(1, "t", 1));
    let check = |catalog: &Catalog, read, write| {
        let table = catalog.table_by_name("t").unwrap();
        assert_eq!(table.settings.on_demand, OnDemandCaps { read, write });
    };
    run(&mut catalog, caps(CapUpdate::Set(7), CapUpdate::Set(8)));
    check(&catalog, Some(7), Some(8));
    run(&mut catalog, caps(CapUpdate::Remove, CapUpdate::Keep));
    check(&catalog, None, Some(8));
    run(&mut catalog, caps(CapUpdate::Set(9), CapUpdate::Keep));
    run(&mut catalog, mode(Billing::Provisioned { read: 1, write: 1 }));
    check(&catalog, None, None);
    let not_on_demand = |read| Refusal::NotOnDemand { name: "t".to_owned(), read };
    refused(&catalog, caps(CapUpdate::Remove, CapUpdate::Keep), not_on_demand(true));
    refused(&catalog, caps(CapUpdate::Keep, CapUpdate::Set(1)), not_on_demand(false));
    // On demand again, and capped, in one update.
    run(
        &mut catalog,
        change(TableUpdate {
            billing: Some(BillingUpdate::Mode(Billing::PayPerRequest)),
            on_demand: OnDemandUpdate { read: CapUpdate::Set(1), write: CapUpdate::Keep },
            ..TableUpdate::default()
        }),
    );
    check(&catalog, Some(1), None);
}

#[test]
fn a_table_is_made_ready_for_more_and_never_for_less() {
    let warm = |read, write| {
        let warm = WarmUpdate { read, write };
        change(TableUpdate { warm, ..TableUpdate::default() })
    };
    let ready = |catalog: &Catalog| {
        let table = catalog.table_by_name("t").unwrap();
        (table.history.warmth(table.billing).read, table.history.warmth(table.billing).write)
    };
    let mut catalog = with_table(provisioned(5, 6));
    assert_eq!(ready(&catalog), (5, 6));
    run(&mut catalog, warm(Some(5), Some(6)));
    assert_eq!(catalog.table_by_name("t").unwrap().history.warm, None, "it was ready for that");
    refused(&catalog, warm(Some(4), Some(7)), Refusal::WarmLowered { read: true });
    refused(&catalog, warm(None, Some(5)), Refusal::WarmLowered { read: false });
    run(&mut catalog, warm(Some(7), None));
    run(&mut catalog, warm(None, Some(8)));
    assert_eq!(ready(&catalog), (7, 8));
    run(&mut catalog, units(1, 9));
    assert_eq!(ready(&catalog), (7, 9));
    let warm = Some(Warmth { read: 20, write: 30 });
    assert_eq!(ready(&with_table(NewTable { warm, ..provisioned(5, 6) })), (20, 30));
}

#[test]
fn a_class_has_a_date_once_it_was_changed() {
    let mut catalog = with_table(new_table(1, "t", 1));
    let class = |class| change(TableUpdate { class: Some(class), ..TableUpdate::default() });
    run(&mut catalog, class(TableClass::Standard));
    assert_eq!(catalog.table_by_name("t").unwrap().history.class, None);
    run(&mut catalog, class(TableClass::InfrequentAccess));
    let table = catalog.table_by_name("t").unwrap().clone();
    assert_eq!(table.settings.class, TableClass::InfrequentAccess);
    assert_eq!(table.history.class, Some(NOW));
    let again = catalog.decide(&class(TableClass::InfrequentAccess), UnixMillis(NOW.0 + 1));
    assert_eq!(again.unwrap().outcome, Outcome::Updated(table));
}

fn numbered(numbers: std::ops::Range<usize>) -> Tags {
    numbers.map(|number| (format!("key {number}"), String::new())).collect()
}

#[test]
fn a_table_has_fifty_tags_at_most() {
    let tags = |tags| change(TableUpdate { tags, ..TableUpdate::default() });
    let many = |count| {
        let settings = TableSettings { tags: numbered(0..count), ..TableSettings::default() };
        NewTable { settings, ..new_table(1, "t", 1) }
    };
    refused(&formed(), create(many(51)), Refusal::TooManyTags { count: 51 });
    let mut catalog = with_table(many(49));
    let too_many = Refusal::TooManyTags { count: 51 };
    refused(&catalog, tags(TagUpdate::Add(numbered(49..51))), too_many.clone());
    refused(&catalog, tags(TagUpdate::Declared(numbered(0..51))), too_many.clone());
    run(&mut catalog, tags(TagUpdate::Add(numbered(40..50))));
    assert_eq!(catalog.table_by_name("t").unwrap().settings.tags, numbered(0..50));
    refused(&catalog, tags(TagUpdate::Add(numbered(50..51))), too_many);
    let gone = (1..60).map(|number| format!("key {number}")).collect();
    run(&mut catalog, tags(TagUpdate::Remove(gone)));
    assert_eq!(catalog.table_by_name("t").unwrap().settings.tags, numbered(0..1));
}

#[test]
fn deleting_twice_succeeds_and_changes_nothing() {
    let mut catalog = formed();
    run(&mut catalog, create(new_table(1, "t", 1)));
    run(&mut catalog, ready(1));
    run(&mut catalog, delete("t"));
    let table = catalog.table_by_name("t").unwrap().clone();
    let again = catalog.decide(&delete("t"), NOW);
    assert_eq!(again, Ok(Decision { changes: vec![], outcome: Outcome::Deleting(table) }));
}

#[test]
fn stale_reports_of_partitions_are_refused() {
    let mut catalog = formed();
    let partition = PartitionId::new(1);
    refused(&catalog, ready(1), Refusal::PartitionNotFound { partition });
    run(&mut catalog, create(new_table(1, "t", 1)));
    let alive = |status| Refusal::NotDeleting { partition, status };
    refused(&catalog, destroyed(1), alive(TableStatus::Creating));
    run(&mut catalog, ready(1));
    refused(&catalog, ready(1), Refusal::AlreadyReady { partition });
    refused(&catalog, destroyed(1), alive(TableStatus::Active));
    run(&mut catalog, delete("t"));
    run(&mut catalog, destroyed(1));
    refused(&catalog, destroyed(1), Refusal::PartitionNotFound { partition });
    refused(&catalog, ready(1), Refusal::PartitionNotFound { partition });
}

#[test]
fn the_hash_space_is_split_evenly() {
    let check = |count: u32, borders: &[u64]| {
        let ranges: Vec<_> = even_ranges(NonZeroU32::new(count).unwrap()).collect();
        let starts: Vec<_> = ranges.iter().skip(1).map(|range| range.start.to_vec()).collect();
        let expected: Vec<_> = borders.iter().map(|border| border.to_be_bytes().to_vec()).collect();
        assert_eq!(starts, expected);
        assert!(ranges[0].start.is_empty() && ranges.last().unwrap().end.is_none());
    };
    check(1, &[]);
    check(2, &[1 << 63]);
    check(3, &[0x5555_5555_5555_5556, 0xaaaa_aaaa_aaaa_aaab]);
    check(4, &[1 << 62, 2 << 62, 3 << 62]);
}
