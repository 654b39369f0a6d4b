//! Tables from manifests: the real binary, the files that it is given, and what clients then see.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{AttributeValue, TableClass, TableDescription, TableStatus, Tag};
use stator_e2e::client::{KeyAttribute, client, create_table, status, until_active, until_gone};
use stator_e2e::site::Site;
use stator_e2e::wait::eventually;

use crate::clients::repository;

/// How long a change of a file may take to show.
const LIMIT: Duration = Duration::from_secs(30);
const PK: KeyAttribute = KeyAttribute::new("pk", 'S');

/// A place where nodes run on the manifests of a folder.
struct Place {
    site: Site,
    folder: PathBuf,
}

impl Place {
    fn new(options: &[&str]) -> Self {
        let mut site = Site::new();
        let folder = site.path().join("tables");
        fs::create_dir(&folder).expect("a folder can be made");
        site.add_argument("--manifests");
        site.add_argument(&folder);
        options.iter().for_each(|option| site.add_argument(option));
        Self { site, folder }
    }

    /// Writes a file as editors do: beside it, then in its place.
    fn save(&self, name: &str, text: impl AsRef<[u8]>) {
        let beside = self.folder.join(format!(".{name}.swp"));
        fs::write(&beside, text).expect("a file can be written");
        fs::rename(&beside, self.folder.join(name)).expect("a file can be renamed");
    }

    /// Waits until the log has a line with all of `parts` in it, behind its first `after` bytes.
    async fn logged(&self, after: usize, parts: &[&str]) {
        eventually(&format!("a line of the log with {parts:?}"), LIMIT, async || {
            let log = self.site.log();
            let rest = log.get(after..).unwrap_or_default();
            let fits = |line: &str| parts.iter().all(|part| line.contains(part));
            rest.lines().any(fits).then_some(())
        })
        .await;
    }

    /// The bytes of the log so far.
    fn log_length(&self) -> usize {
        self.site.log().len()
    }
}

/// A manifest of a table with this key, `pk:S` for one, and these lines more in its spec.
fn table(name: &str, key: &str, more: &[&str]) -> String {
    let (attribute, kind) = key.split_once(':').expect("a key is NAME:TYPE");
    let more: String = more.iter().map(|line| format!("  {line}\n")).collect();
    format!(
        "apiVersion: stator.dev/v1alpha1\nkind: Table\nmetadata: {{name: {name}}}\nspec:\n  \
         attributeDefinitions: [{{attributeName: {attribute}, attributeType: {kind}}}]\n  \
         keySchema: [{{attributeName: {attribute}, keyType: HASH}}]\n{more}"
    )
}

fn on_demand(name: &str) -> String {
    table(name, "pk:S", &["billingMode: PAY_PER_REQUEST"])
}

fn provisioned(name: &str, read: i64, write: i64) -> String {
    let units = format!(
        "provisionedThroughput: {{readCapacityUnits: {read}, writeCapacityUnits: {write}}}"
    );
    table(name, "pk:S", &[&units])
}

async fn describe(client: &Client, name: &str) -> TableDescription {
    let output = client.describe_table().table_name(name).send().await.expect("it exists");
    output.table.expect("the answer holds a description")
}

async fn units(client: &Client, name: &str) -> Option<(i64, i64)> {
    let table = describe(client, name).await;
    let units = table.provisioned_throughput()?;
    Some((units.read_capacity_units()?, units.write_capacity_units()?))
}

async fn until_units(client: &Client, name: &str, wanted: (i64, i64)) {
    eventually(&format!("{name} to have {wanted:?} units"), LIMIT, async || {
        (units(client, name).await == Some(wanted)).then_some(())
    })
    .await;
}

async fn names(client: &Client) -> Vec<String> {
    client.list_tables().send().await.expect("tables can be listed").table_names().to_vec()
}

#[tokio::test]
async fn tables_are_active_before_the_node_serves() {
    let place = Place::new(&[]);
    place.save("b.yaml", format!("# two\n{}---\n{}", on_demand("bbb"), provisioned("bb2", 7, 3)));
    let least = ["billingMode: PAY_PER_REQUEST", "partitioning: {minPartitions: 4}"];
    place.save("a.json", table("aaa", "id:B", &least));
    place.save("README.md", "not a manifest");
    let node = place.site.start().await;
    let client = client(&node);
    for name in ["aaa", "bbb", "bb2"] {
        assert_eq!(status(&client, name).await, Some(TableStatus::Active), "{name}");
    }
    assert_eq!(names(&client).await, ["aaa", "bb2", "bbb"]);
    assert_eq!(units(&client, "bb2").await, Some((7, 3)));
    place.site.assert_quiet();
}

#[tokio::test]
async fn the_samples_are_tables_to_work_with() {
    let mut site = Site::new();
    site.add_argument("--manifests");
    site.add_argument(repository().join("e2e/samples"));
    let node = site.start().await;
    let client = client(&node);
    assert_eq!(names(&client).await, ["airports", "customers", "orders", "sessions"]);
    client
        .put_item()
        .table_name("sessions")
        .item("sessionId", AttributeValue::B(vec![1].into()))
        .item("page", AttributeValue::N("1".to_owned()))
        .send()
        .await
        .expect("it can be written to");
    for state in 0..32_u8 {
        let put =
            client.put_item().table_name("airports").item("iata", AttributeValue::S("X".into()));
        let put = put.item("state", AttributeValue::S(state.to_string()));
        put.send().await.expect("every partition can be written to");
    }
    site.assert_quiet();
}

#[tokio::test]
async fn an_edit_adds_tables_and_changes_what_can_be_changed() {
    let place = Place::new(&[]);
    place.save("one.yaml", provisioned("one", 1, 1));
    let node = place.site.start().await;
    let client = client(&node);
    let before = describe(&client, "one").await;

    place.save("two.yaml", on_demand("two"));
    until_active(&client, "two").await;

    place.save("one.yaml", provisioned("one", 20, 10));
    until_units(&client, "one", (20, 10)).await;
    // Not every editor renames.
    let path = place.folder.join("one.yaml");
    fs::write(&path, on_demand("one") + "  deletionProtectionEnabled: true\n").expect("written");
    eventually("the table to be protected", LIMIT, async || {
        describe(&client, "one").await.deletion_protection_enabled().filter(|on| *on)
    })
    .await;
    assert_eq!(units(&client, "one").await, Some((0, 0)));
    let after = describe(&client, "one").await;
    assert_eq!(after.table_id(), before.table_id(), "it is still the same table");
    // When it was changed is told as if the API had.
    let increase = after.provisioned_throughput().and_then(|it| it.last_increase_date_time);
    assert!(increase >= after.creation_date_time, "{after:?}");
    let on_demand = after.billing_mode_summary().expect("it is on demand now");
    assert!(on_demand.last_update_to_pay_per_request_date_time >= increase, "{after:?}");
    let said = ["a table is changed", "table=\"one\"", "one.yaml:1", "20 units to read"];
    place.logged(0, &said).await;
    place.site.assert_quiet();
}

#[tokio::test]
async fn class_caps_and_tags_are_as_the_manifest_says() {
    let place = Place::new(&[]);
    let settings = [
        "billingMode: PAY_PER_REQUEST",
        "onDemandThroughput: {maxReadRequestUnits: 100}",
        "tableClass: STANDARD_INFREQUENT_ACCESS",
        "tags: [{key: team, value: shop}, {key: stage, value: ''}]",
    ];
    place.save("one.yaml", table("one", "pk:S", &settings));
    let node = place.site.start().await;
    let client = client(&node);
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/one";
    let tags = async || {
        let output = client.list_tags_of_resource().resource_arn(arn).send().await;
        let pair = |tag: &Tag| format!("{}={}", tag.key(), tag.value());
        output.expect("it exists").tags().iter().map(pair).collect::<Vec<_>>()
    };
    let begun = describe(&client, "one").await;
    let class = |table: &TableDescription| {
        table.table_class_summary().and_then(|summary| summary.table_class.clone())
    };
    assert_eq!(class(&begun), Some(TableClass::StandardInfrequentAccess));
    assert_eq!(
        begun.on_demand_throughput().and_then(|caps| caps.max_read_request_units),
        Some(100)
    );
    assert_eq!(tags().await, ["stage=", "team=shop"]);

    let fewer = ["billingMode: PAY_PER_REQUEST", "tags: [{key: team, value: kitchen}]"];
    place.save("one.yaml", table("one", "pk:S", &fewer));
    eventually("the tags to be others", LIMIT, async || {
        (tags().await == ["team=kitchen"]).then_some(())
    })
    .await;
    let after = describe(&client, "one").await;
    assert_eq!(class(&after), Some(TableClass::Standard));
    assert!(after.on_demand_throughput().is_none());
    place.logged(0, &["a table is changed", "class STANDARD", "tags (1)"]).await;
    place.site.assert_quiet();
}

#[tokio::test]
async fn another_key_is_refused_for_that_table_alone() {
    let place = Place::new(&[]);
    place.save("tables.yaml", format!("{}---\n{}", on_demand("one"), provisioned("two", 1, 1)));
    let node = place.site.start().await;
    let client = client(&node);

    let changed = table("one", "id:N", &["billingMode: PAY_PER_REQUEST"]);
    let others = format!("{}---\n{}", provisioned("two", 5, 5), on_demand("six"));
    place.save("tables.yaml", format!("# all at once\n{changed}---\n{others}"));
    until_units(&client, "two", (5, 5)).await;
    until_active(&client, "six").await;
    let says =
        ["ERROR", "table=\"one\"", "tables.yaml:2", "its key is pk (S, HASH)", "id (N, HASH)"];
    place.logged(0, &says).await;
    let schema = describe(&client, "one").await;
    assert_eq!(schema.key_schema()[0].attribute_name(), "pk");

    let least = ["billingMode: PAY_PER_REQUEST", "partitioning: {minPartitions: 2}"];
    place.save("tables.yaml", format!("{}---\n{others}", table("one", "pk:S", &least)));
    place.logged(0, &["ERROR", "table=\"one\"", "tables.yaml:1", "has 1 partitions"]).await;
    let renamed = on_demand("one") + "  tableName: uno\n";
    place.save("tables.yaml", format!("{renamed}---\n{others}"));
    place.logged(0, &["ERROR", "table=\"uno\"", "spec.tableName was \"one\""]).await;
    assert_eq!(status(&client, "uno").await, None);
}

#[tokio::test]
async fn a_document_that_is_taken_out_leaves_its_table_to_the_api() {
    let place = Place::new(&[]);
    place.save("tables.yaml", format!("{}---\n{}", on_demand("one"), on_demand("two")));
    let node = place.site.start().await;
    let client = client(&node);

    place.save("tables.yaml", on_demand("two"));
    place.logged(0, &["a manifest is gone", "table=\"one\"", "tables.yaml:1"]).await;
    eventually("the table to be the API's", LIMIT, async || {
        client.delete_table().table_name("one").send().await.ok()
    })
    .await;
    until_gone(&client, "one").await;

    fs::remove_file(place.folder.join("tables.yaml")).expect("removed");
    place.logged(0, &["a manifest is gone", "table=\"two\""]).await;
    assert_eq!(status(&client, "two").await, Some(TableStatus::Active));
    place.site.assert_quiet();
}

#[tokio::test]
async fn the_api_leaves_the_tables_of_manifests_alone() {
    let place = Place::new(&[]);
    place.save("tables.yaml", format!("{}---\n{}", on_demand("one"), on_demand("two")));
    let node = place.site.start().await;
    let client = client(&node);
    let line = format!("{}:9", place.folder.join("tables.yaml").display());

    let create = create_table(&client, "two", PK, None).await.expect_err("it is refused");
    assert_eq!(create.code(), Some("ValidationException"));
    let message = create.message().expect("it says why");
    assert!(message.contains(&line) && message.contains("edit that document"), "{message}");
    for name in ["two", "arn:aws:dynamodb:us-east-1:000000000000:table/two"] {
        let delete = client.delete_table().table_name(name).send().await.expect_err("refused");
        assert_eq!(delete.code(), Some("ValidationException"));
        let message = delete.message().expect("it says why");
        assert!(message.contains(&line) && message.contains("take that document out"), "{message}");
        assert!(message.contains("--manifests-seed-only"), "{message}");
    }
    assert_eq!(status(&client, "two").await, Some(TableStatus::Active));
    let update = client.update_table().table_name("two").deletion_protection_enabled(true);
    let update = update.send().await.expect_err("it is refused");
    assert_eq!(update.code(), Some("ValidationException"));
    let message = update.message().expect("it says why");
    assert!(message.contains(&line) && message.contains("edit that document"), "{message}");
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/two";
    let untag = client.untag_resource().resource_arn(arn).tag_keys("team");
    let untag = untag.send().await.expect_err("it is refused");
    assert!(untag.message().is_some_and(|text| text.contains(&line)), "{untag:?}");
    let tags = client.list_tags_of_resource().resource_arn(arn).send().await;
    assert_eq!(tags.expect("anybody may look").tags(), []);

    create_table(&client, "three", PK, None).await.expect("other tables are free");
    until_active(&client, "three").await;
    client.delete_table().table_name("three").send().await.expect("other tables are free");
    place.site.assert_quiet();
}

#[tokio::test]
async fn manifests_that_only_seed_leave_their_tables_to_the_api() {
    let place = Place::new(&["--manifests-seed-only"]);
    place.save("tables.yaml", format!("{}---\n{}", provisioned("one", 1, 1), on_demand("two")));
    let node = place.site.start().await;
    let one = client(&node);
    one.delete_table().table_name("two").send().await.expect("it is the API's");
    until_gone(&one, "two").await;

    let edited = format!("{}---\n{}", provisioned("one", 9, 9), on_demand("two"));
    place.save("tables.yaml", format!("{edited}---\n{}", on_demand("six")));
    until_active(&one, "six").await;
    assert_eq!(units(&one, "one").await, Some((1, 1)), "what is there stays as it is");
    assert_eq!(status(&one, "two").await, None, "what was deleted stays so");

    let after = place.log_length();
    node.stop().await;
    let node = place.site.start().await;
    let one = client(&node);
    assert_eq!(
        status(&one, "two").await,
        Some(TableStatus::Active),
        "a start makes what is missing"
    );
    assert_eq!(units(&one, "one").await, Some((1, 1)));
    place.logged(after, &["manifests are carried out", "created=1 updated=0 refused=0"]).await;
    place.site.assert_quiet();
}

#[tokio::test]
async fn a_restart_on_the_same_manifests_changes_nothing() {
    let place = Place::new(&[]);
    place.save("tables.yaml", format!("{}---\n{}", provisioned("one", 4, 2), on_demand("two")));
    let node = place.site.start().await;
    let before = describe(&client(&node), "one").await;
    node.kill().await;
    let after = place.log_length();
    let node = place.site.start().await;
    assert_eq!(describe(&client(&node), "one").await, before);
    place.logged(after, &["manifests are carried out", "tables=2 created=0 updated=0"]).await;
    place.site.assert_quiet();
}

#[tokio::test]
async fn a_start_that_was_killed_is_finished_by_the_next() {
    let place = Place::new(&[]);
    let tables: Vec<String> = (0..40).map(|number| on_demand(&format!("table-{number}"))).collect();
    place.save("tables.yaml", tables.join("---\n"));
    let starting = place.site.launch();
    place.logged(0, &["a table is created", "table=\"table-5\""]).await;
    starting.kill().await;
    let node = place.site.start().await;
    let client = client(&node);
    for number in 0..40 {
        let name = format!("table-{number}");
        assert_eq!(status(&client, &name).await, Some(TableStatus::Active), "{name}");
    }
    place.site.assert_quiet();
}

#[tokio::test]
async fn a_file_that_breaks_later_leaves_what_was_read_last() {
    let place = Place::new(&[]);
    place.save("one.yaml", provisioned("one", 1, 1));
    let node = place.site.start().await;
    let client = client(&node);

    place.save("two.yaml", on_demand("two"));
    until_active(&client, "two").await;
    place.save("one.yaml", provisioned("one", 2, 2));
    until_units(&client, "one", (2, 2)).await;
    place.save("two.yaml", on_demand("two") + "  timeToLive: {enabled: true}\n");
    place.logged(0, &["ERROR", "two.yaml:8: spec.timeToLive: unknown field"]).await;
    // Half of the files is not in force either.
    let after = place.log_length();
    place.save("one.yaml", provisioned("one", 3, 3) + "  tableName: [\n");
    place.logged(after, &["ERROR", "one.yaml:8: not valid YAML"]).await;
    assert_eq!(units(&client, "one").await, Some((2, 2)));
    let delete = client.delete_table().table_name("two").send().await.expect_err("still owned");
    assert!(delete.message().is_some_and(|message| message.contains("two.yaml:1")), "{delete:?}");

    place.save("one.yaml", provisioned("one", 4, 4));
    place.save("two.yaml", on_demand("two"));
    until_units(&client, "one", (4, 4)).await;
    let errors = place.site.log().lines().filter(|line| line.contains(" ERROR ")).count();
    assert!(errors <= 3, "each problem is logged once, not at each look");
}

#[tokio::test]
async fn the_links_of_a_mounted_config_map_are_followed() {
    let mut site = Site::new();
    let mount = site.path().join("mount");
    for (version, units) in [("..v1", 1), ("..v2", 2)] {
        fs::create_dir_all(mount.join(version)).expect("made");
        let text = provisioned("one", units, units);
        fs::write(mount.join(version).join("one.yaml"), text).expect("written");
    }
    symlink("..v1", mount.join("..data")).expect("made");
    symlink("..data/one.yaml", mount.join("one.yaml")).expect("made");
    site.add_argument("--manifests");
    site.add_argument(mount.join("one.yaml"));
    let node = site.start().await;
    let client = client(&node);
    assert_eq!(units(&client, "one").await, Some((1, 1)));

    symlink("..v2", mount.join("..data_tmp")).expect("made");
    fs::rename(mount.join("..data_tmp"), mount.join("..data")).expect("renamed");
    fs::remove_dir_all(mount.join("..v1")).expect("removed");
    until_units(&client, "one", (2, 2)).await;
    site.assert_quiet();
}

/// Asserts that a node with this file does not start, and says why on one line.
async fn check_refused(name: &str, file: impl AsRef<[u8]>, says: &str) {
    let place = Place::new(&[]);
    place.save("good.yaml", on_demand("good"));
    place.save(name, file);
    let ended = place.site.launch().ended().await;
    assert_eq!(ended.code(), Some(1), "{name}");
    let log = place.site.log();
    let expected = format!("{}:{says}", place.folder.join(name).display());
    assert!(log.starts_with(&format!("stator-node: {expected}")), "{expected:?} is not {log:?}");
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(!place.site.data().exists(), "nothing was begun");
}

#[tokio::test]
async fn a_node_does_not_start_on_files_that_are_not_good() {
    let good = on_demand("one");
    let unknown = format!("{good}---\n{good}  streamSpecification: {{streamEnabled: true}}\n");
    check_refused("unknown.yaml", unknown, "16: spec.streamSpecification: unknown field").await;
    let kind = good.replace("Table", "NodePool");
    check_refused("kind.yaml", kind, "2: kind \"NodePool\" of apiVersion").await;
    let other = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n";
    check_refused("other.yml", other, "2: kind \"Secret\" of apiVersion \"v1\"").await;
    let alias = good.replace("name: one", "name: &name one, labels: {a: *name}");
    check_refused("alias.yaml", alias, "3: anchors (&name), aliases (*name)").await;
    check_refused("large.yaml", vec![b'#'; 1024 * 1024 + 1], "1: the file has more than").await;
    let many = format!("---\n{good}").repeat(1_001);
    check_refused("many.yaml", many, "8001: the file has more than 1000 documents").await;
    check_refused("deep.yaml", "[".repeat(100_000), "1: more than 16 lists and maps").await;
    check_refused("binary.yaml", b"a: 1\n\x00\xff\xfe", "2: the file is not UTF-8").await;
    check_refused("half.json", "{\"apiVersion\": ", "1: not valid YAML").await;
    let twice = on_demand("good");
    check_refused("twice.yaml", twice, "1: table \"good\" is described at").await;
    let rule = good.replace("keyType: HASH", "keyType: RANGE");
    check_refused("rule.yaml", rule, "6: spec.keySchema[0].keyType: the first").await;
}
