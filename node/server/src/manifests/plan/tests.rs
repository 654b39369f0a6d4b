//! The planner as data: tables that there are, manifests, and what is to be done.

use stator_admin::read;
use stator_catalog::{Command, NewTable};
use stator_model::{
    HashSecret, KeyAttribute, KeyType, LocalIndexId, NodeId, PartitionId, ReplicaId, TableId,
    TableSettings, UnixMillis,
};

use super::*;

/// Manifests, each as `object table=TABLE key=NAME:TYPE[,NAME:TYPE] units=READ/WRITE cap=READ least=COUNT
/// tag=KEY rare protected`.
/// Only the object is required; the key is `pk:S` and the table on demand unless it says so.
fn manifests(lines: &[&str]) -> Vec<Manifest> {
    let file: Vec<String> = lines.iter().map(|line| document(line)).collect();
    read("f", file.join("---\n").as_bytes()).expect("valid")
}

fn document(line: &str) -> String {
    let mut words = line.split(' ');
    let object = words.next().expect("an object");
    let word = |name: &str| {
        line.split(' ')
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
            .map(str::to_owned)
    };
    let key = word("key").unwrap_or_else(|| "pk:S".to_owned());
    let key: Vec<(&str, &str)> = key.split(',').filter_map(|it| it.split_once(':')).collect();
    let definitions: Vec<String> = key
        .iter()
        .map(|(name, kind)| format!("{{attributeName: {name}, attributeType: {kind}}}"))
        .collect();
    let elements: Vec<String> = key
        .iter()
        .zip(["HASH", "RANGE"])
        .map(|((name, _), role)| format!("{{attributeName: {name}, keyType: {role}}}"))
        .collect();
    let billing = match word("units").as_deref().and_then(|units| units.split_once('/')) {
        Some((read, write)) => format!(
            "provisionedThroughput: {{readCapacityUnits: {read}, writeCapacityUnits: {write}}}"
        ),
        None => "billingMode: PAY_PER_REQUEST".to_owned(),
    };
    let table = word("table").unwrap_or_else(|| object.to_owned());
    let least = word("least").unwrap_or_else(|| "1".to_owned());
    let cap =
        word("cap").map(|units| format!("onDemandThroughput: {{maxReadRequestUnits: {units}}}"));
    let tag = word("tag").map(|key| format!("tags: [{{key: {key}, value: v}}]"));
    let rare = line.contains(" rare").then(|| "tableClass: STANDARD_INFREQUENT_ACCESS".to_owned());
    let settings: Vec<String> = cap.into_iter().chain(tag).chain(rare).collect();
    let settings = settings.join("\n  ");
    let protected = line.ends_with(" protected");
    format!(
        "apiVersion: stator.dev/v1alpha1\nkind: Table\nmetadata: {{name: {object}}}\nspec:\n  \
         tableName: {table}\n  attributeDefinitions: [{}]\n  keySchema: [{}]\n  {billing}\n  \
         deletionProtectionEnabled: {protected}\n  partitioning: {{minPartitions: {least}}}\n  {settings}\n",
        definitions.join(", "),
        elements.join(", ")
    )
}

/// A catalog with these tables, each as `name STATUS [partitions]`; key `pk:S`, on demand.
fn catalog(tables: &[&str]) -> Catalog {
    let mut catalog = Catalog::default();
    for change in Catalog::form([0; 16], NodeId::new(1), ReplicaId::new(1)) {
        catalog.apply(&change);
    }
    let mut next = 1;
    for (id, line) in (0..).zip(tables) {
        let words: Vec<&str> = line.split(' ').collect();
        let partitions = words.get(2).map_or(1, |count| count.parse().expect("a count"));
        run(&mut catalog, Command::CreateTable(Box::new(new_table(id, words[0], partitions))));
        if words[1] != "CREATING" {
            for partition in (next..next + u64::from(partitions)).map(PartitionId::new) {
                run(&mut catalog, Command::PartitionReady { partition });
            }
        }
        if words[1] == "DELETING" {
            run(&mut catalog, Command::DeleteTable { name: words[0].to_owned() });
        }
        next += u64::from(partitions);
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
        partitions: NonZeroU32::new(partitions).expect("some"),
    }
}

fn run(catalog: &mut Catalog, command: Command) {
    let decision = catalog.decide(&command, UnixMillis(0)).expect("possible");
    decision.changes.iter().for_each(|change| catalog.apply(change));
}

fn show(action: &Action<'_>) -> String {
    match action {
        Action::Keep => "keep".to_owned(),
        Action::Create(manifest) => format!("create {}", manifest.table.name),
        Action::Update(manifest, update) => format!("update {}: {update}", manifest.table.name),
        Action::Refuse(manifest, reason) => {
            let reason = reason.to_string();
            let reason = reason.split_once(':').map_or(&*reason, |(what, _)| what);
            format!("refuse {}: {reason}", manifest.table.name)
        }
        Action::Wait(why) => format!("wait: {why}"),
    }
}

#[track_caller]
fn check(mode: Mode, tables: &[&str], lines: &[&str], expected: &[&str]) {
    let (catalog, manifests) = (catalog(tables), manifests(lines));
    let actions: Vec<String> = plan(&catalog, mode, &manifests).iter().map(show).collect();
    assert_eq!(actions, expected);
}

#[test]
fn a_table_that_is_missing_is_created() {
    check(Mode::Own, &[], &["one", "two"], &["create one", "create two"]);
    check(Mode::Seed, &["one ACTIVE"], &["one", "two"], &["keep", "create two"]);
}

#[test]
fn tables_without_manifests_are_left_alone() {
    check(Mode::Own, &["other ACTIVE"], &[], &[]);
    check(Mode::Own, &["one ACTIVE", "other ACTIVE"], &["one"], &["keep"]);
}

#[test]
fn what_can_be_changed_is_changed() {
    let tables = &["one ACTIVE"];
    check(Mode::Own, tables, &["one units=5/6"], &["update one: 5 units to read, 6 to write"]);
    check(Mode::Own, tables, &["one protected"], &["update one: protected against deletion"]);
    let both = "update one: 5 units to read, 6 to write, protected against deletion";
    check(Mode::Own, tables, &["one units=5/6 protected"], &[both]);
    check(Mode::Seed, tables, &["one units=5/6 protected"], &["keep"]);
    let class = "update one: class STANDARD_INFREQUENT_ACCESS";
    check(Mode::Own, tables, &["one rare"], &[class]);
    check(
        Mode::Own,
        tables,
        &["one cap=7"],
        &["update one: at most 7 units to read, any to write"],
    );
    check(Mode::Own, tables, &["one tag=team"], &["update one: tags (1)"]);
}

#[test]
fn another_key_is_refused_and_the_other_tables_go_on() {
    let tables = &["one ACTIVE", "two ACTIVE"];
    for (key, shown) in [
        ("id:S", "id (S, HASH)"),
        ("pk:N", "pk (N, HASH)"),
        ("pk:S,sk:B", "pk (S, HASH), sk (B, RANGE)"),
    ] {
        let refused = format!("refuse one: its key is pk (S, HASH) and cannot become {shown}");
        let lines = [&*format!("one key={key} units=1/1"), "two protected", "six"];
        let others = ["update two: protected against deletion", "create six"];
        check(Mode::Own, tables, &lines, &[&*refused, others[0], others[1]]);
        check(Mode::Seed, tables, &lines, &["keep", "keep", "create six"]);
    }
}

#[test]
fn local_indexes_are_the_same_in_any_order() {
    let index = |id, name: &str, projection| LocalIndex {
        id: LocalIndexId(id),
        name: name.to_owned(),
        sort: KeyAttribute { name: "at".to_owned(), key_type: KeyType::N },
        projection,
    };
    let some =
        |names: &[&str]| Projection::Include(names.iter().map(|name| (*name).to_owned()).collect());
    let one = [index(1, "a", some(&["x", "y"])), index(2, "b", Projection::All)];
    let other = [index(1, "b", Projection::All), index(2, "a", some(&["y", "x"]))];
    assert!(same_indexes(&one, &other) && same_indexes(&[], &[]));
    assert!(!same_indexes(&one, &other[..1]));
    assert!(!same_indexes(&one, &[index(1, "a", some(&["x"])), index(2, "b", Projection::All)]));
    let reason = Reason::LocalIndexes { is: one.to_vec(), wanted: Vec::new() };
    let told =
        "its local indexes are a (at, N, INCLUDE x y), b (at, N, ALL) and cannot become none";
    assert!(reason.to_string().starts_with(told), "{reason}");
}

#[test]
fn a_table_is_never_cut_and_more_partitions_than_the_least_are_fine() {
    check(Mode::Own, &["one ACTIVE 4"], &["one least=4"], &["keep"]);
    check(Mode::Own, &["one ACTIVE 4"], &["one least=2"], &["keep"]);
    let refused = "refuse one: it has 4 partitions and cannot be cut into 5 yet";
    check(Mode::Own, &["one ACTIVE 4"], &["one least=5"], &[refused]);
}

#[test]
fn what_is_on_its_way_is_waited_for() {
    for mode in [Mode::Own, Mode::Seed] {
        let creating = "wait: tables are being created";
        check(mode, &["one CREATING 2"], &["one protected"], &[creating]);
        let deleting = "wait: tables of the same names are being deleted";
        check(mode, &["one DELETING"], &["one"], &[deleting]);
    }
}

#[track_caller]
fn check_succession(before: &[&str], now: &[&str], expected: [&[&str]; 4]) {
    let Succession { accepted, new, renamed, released } =
        succeed(&manifests(before), manifests(now));
    let shown = |manifests: &[Manifest]| -> Vec<String> {
        let show = |it: &Manifest| format!("{}={}", it.metadata.name, it.table.name);
        manifests.iter().map(show).collect()
    };
    let renamed: Vec<Manifest> = renamed.into_iter().map(|(manifest, _)| manifest).collect();
    assert_eq!(
        [shown(&accepted), shown(&new), shown(&renamed), shown(&released)],
        expected.map(|list| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    );
}

#[test]
fn manifests_come_and_go() {
    check_succession(&["one"], &["one", "two"], [&["one=one", "two=two"], &["two=two"], &[], &[]]);
    check_succession(&["one", "two"], &["two"], [&["two=two"], &[], &[], &["one=one"]]);
    check_succession(&["one"], &[], [&[], &[], &[], &["one=one"]]);
    check_succession(&["one"], &["one protected"], [&["one=one"], &[], &[], &[]]);
}

#[test]
fn an_object_that_names_another_table_keeps_its_own() {
    check_succession(&["one"], &["one table=two"], [&["one=one"], &[], &["one=two"], &[]]);
    // As long as it says so, however often the files are read.
    let before = manifests(&["one"]);
    let first = succeed(&before, manifests(&["one table=two"]));
    let second = succeed(&first.accepted, manifests(&["one table=two", "six"]));
    assert_eq!(second.renamed.len(), 1);
}

#[test]
fn a_table_may_pass_from_one_object_to_another() {
    check_succession(
        &["one table=tab"],
        &["one table=new", "two table=tab"],
        [&["one=new", "two=tab"], &["one=new"], &[], &[]],
    );
    check_succession(&["one table=tab"], &["two table=tab"], [&["two=tab"], &[], &[], &[]]);
}

#[test]
fn a_table_becomes_what_its_manifest_says() {
    for line in [
        "one units=5/6",
        "one units=5/6 tag=team rare protected",
        "one cap=7 tag=team",
        "one protected",
        "one",
    ] {
        let manifests = manifests(&[line]);
        // From on demand with caps, tags and another class: all of it is to go, or to be replaced.
        let mut catalog = catalog(&["one ACTIVE"]);
        run(
            &mut catalog,
            Command::UpdateTable(TableUpdate {
                name: "one".to_owned(),
                on_demand: OnDemandUpdate { read: CapUpdate::Set(1), write: CapUpdate::Set(2) },
                class: Some(TableClass::InfrequentAccess),
                tags: TagUpdate::Add([("a".to_owned(), String::new())].into_iter().collect()),
                ..TableUpdate::default()
            }),
        );
        let planned = plan(&catalog, Mode::Own, &manifests);
        let [Action::Update(_, update)] = planned.as_slice() else { panic!("{line}: {planned:?}") };
        run(&mut catalog, Command::UpdateTable(update.clone().into()));
        assert_eq!(plan(&catalog, Mode::Own, &manifests), [Action::Keep], "{line}");
        let table = catalog.table_by_name("one").expect("it is there");
        assert_eq!(table.settings, manifests[0].table.settings, "{line}");
    }
}
