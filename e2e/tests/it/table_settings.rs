//! What is changed, tagged and asked of tables that exist, through the AWS SDK.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::client::Waiters;
use aws_sdk_dynamodb::types::{
    AttributeValue, BillingMode, ContinuousBackupsStatus, OnDemandThroughput,
    PointInTimeRecoveryStatus, ProvisionedThroughput, TableClass, TableDescription, TableStatus,
    Tag, TimeToLiveStatus,
};
use stator_e2e::client::{KeyAttribute, client, make_table, until_gone};
use stator_e2e::site::Site;
use stator_e2e::wait::eventually;

use crate::errors::assert_refused;

const PK: KeyAttribute = KeyAttribute::new("pk", 'S');
const LIMIT: Duration = Duration::from_secs(10);

async fn describe(client: &Client, name: &str) -> TableDescription {
    let output = client.describe_table().table_name(name).send().await.expect("it exists");
    output.table.expect("the answer holds a description")
}

fn units(read: i64, write: i64) -> ProvisionedThroughput {
    let units = ProvisionedThroughput::builder().read_capacity_units(read);
    units.write_capacity_units(write).build().expect("complete")
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().expect("complete")
}

async fn tags(client: &Client, arn: &str) -> Vec<(String, String)> {
    let output = client.list_tags_of_resource().resource_arn(arn).send().await;
    let output = output.expect("tags can be listed");
    assert_eq!(output.next_token(), None);
    let pair = |tag: &Tag| (tag.key().to_owned(), tag.value().to_owned());
    output.tags().iter().map(pair).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

// Rule: table.update-updating
#[tokio::test]
async fn a_table_changes_while_it_serves_and_stays_so_after_a_kill() {
    let site = Site::new();
    let node = site.start().await;
    let before = {
        let client = client(&node);
        make_table(&client, "Orders", PK, None).await;
        let created = describe(&client, "Orders").await;
        let on_demand = created.billing_mode_summary().expect("it is on demand").clone();

        let provisioned = client
            .update_table()
            .table_name("Orders")
            .billing_mode(BillingMode::Provisioned)
            .provisioned_throughput(units(10, 10));
        let reply = provisioned.send().await.expect("it can be changed");
        let reply = reply.table_description.expect("the answer holds a description");
        assert_eq!(reply.table_status, Some(TableStatus::Updating));
        // What programs do next.
        let active = client.wait_until_table_exists().table_name("Orders").wait(LIMIT).await;
        active.expect("it is ACTIVE soon");
        for (read, write) in [(20, 10), (5, 10)] {
            let update = client.update_table().table_name("Orders");
            let update = update.provisioned_throughput(units(read, write)).send().await;
            update.expect("it can be changed");
        }
        let protected =
            client.update_table().table_name("Orders").deletion_protection_enabled(true);
        protected.send().await.expect("it can be protected");
        let rare = client.update_table().table_name("Orders");
        let rare = rare.table_class(TableClass::StandardInfrequentAccess).send().await;
        rare.expect("its class can be changed");

        let table = describe(&client, "Orders").await;
        assert_eq!(table.table_status, Some(TableStatus::Active));
        assert_eq!(table.table_id, created.table_id);
        let summary = table.billing_mode_summary().expect("it was on demand once");
        assert_eq!(summary.billing_mode, Some(BillingMode::Provisioned));
        assert_eq!(
            summary.last_update_to_pay_per_request_date_time,
            on_demand.last_update_to_pay_per_request_date_time
        );
        let throughput = table.provisioned_throughput().expect("it is provisioned");
        assert_eq!(throughput.read_capacity_units, Some(5));
        assert_eq!(throughput.number_of_decreases_today, Some(1));
        let increase = throughput.last_increase_date_time().expect("units went up").secs();
        let decrease = throughput.last_decrease_date_time().expect("and down").secs();
        assert!(increase <= decrease, "{throughput:?}");
        assert_eq!(table.deletion_protection_enabled, Some(true));
        let class = table.table_class_summary().expect("it was changed");
        assert_eq!(class.table_class, Some(TableClass::StandardInfrequentAccess));
        table
    };
    node.kill().await;

    let node = site.start().await;
    let client = client(&node);
    let after = describe(&client, "Orders").await;
    // Past midnight there are none today, whatever there were before.
    let today = |table: &TableDescription| {
        table.provisioned_throughput().and_then(|units| units.number_of_decreases_today)
    };
    assert!(today(&after) == today(&before) || today(&after) == Some(0));
    assert_eq!(after.table_class_summary, before.table_class_summary);
    assert_eq!(after.billing_mode_summary, before.billing_mode_summary);
    assert_eq!(after.deletion_protection_enabled, Some(true));

    let capped = OnDemandThroughput::builder().max_read_request_units(100).build();
    let on_demand = client.update_table().table_name("Orders");
    let on_demand = on_demand.billing_mode(BillingMode::PayPerRequest).on_demand_throughput(capped);
    on_demand.send().await.expect("it can be on demand again");
    let table = describe(&client, "Orders").await;
    assert_eq!(
        table.on_demand_throughput().and_then(|caps| caps.max_read_request_units),
        Some(100)
    );
    let warm = table.warm_throughput().expect("it is ready for something");
    assert_eq!(warm.read_units_per_second, Some(12_000));
    assert_eq!(warm.write_units_per_second, Some(4_000));
    site.assert_quiet();
}

#[tokio::test]
async fn changes_that_cannot_be_are_refused() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    let update = |name: &str| client.update_table().table_name(name);
    assert_refused(
        update("Nowhere").deletion_protection_enabled(true).send().await,
        "ResourceNotFoundException",
        "Requested resource not found: Table: Nowhere not found",
    );
    make_table(&client, "Here", PK, None).await;
    assert_refused(
        update("Here").send().await,
        "ValidationException",
        "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
         GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
    );
    assert_refused(
        update("Here").provisioned_throughput(units(1, 1)).send().await,
        "ValidationException",
        "One or more parameter values were invalid: Neither ReadCapacityUnits nor \
         WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
    );
    let provisioned = update("Here").billing_mode(BillingMode::Provisioned);
    provisioned.provisioned_throughput(units(9, 9)).send().await.expect("it can be changed");
    for left in [8, 7, 6, 5] {
        let less = update("Here").provisioned_throughput(units(left, 9)).send().await;
        less.expect("it can be changed");
    }
    let spent = update("Here").provisioned_throughput(units(4, 9)).send().await;
    let spent = spent.expect_err("four times a day").into_service_error();
    assert!(spent.is_limit_exceeded_exception(), "{spent:?}");
    let text = spent.meta().message().unwrap_or_default();
    assert!(text.contains("Number of decreases today: 4. Last decrease at "), "{text}");
    site.assert_quiet();
}

#[tokio::test]
async fn tags_are_given_listed_and_taken_and_go_with_the_table() {
    let site = Site::new();
    let node = site.start().await;
    let arn = {
        let client = client(&node);
        make_table(&client, "Tagged", PK, None).await;
        let arn = describe(&client, "Tagged").await.table_arn.expect("it has an ARN");
        assert_eq!(tags(&client, &arn).await, []);
        let tagged = client.tag_resource().resource_arn(&arn);
        let tagged = tagged.tags(tag("team", "shop")).tags(tag("empty", "")).tags(tag("Team", "x"));
        tagged.send().await.expect("it can be tagged");
        let again = client.tag_resource().resource_arn(&arn).tags(tag("team", "kitchen"));
        again.send().await.expect("it can be tagged");
        let taken = client.untag_resource().resource_arn(&arn).tag_keys("Team").tag_keys("none");
        taken.send().await.expect("tags can be taken");
        assert_eq!(tags(&client, &arn).await, pairs(&[("empty", ""), ("team", "kitchen")]));
        arn
    };
    node.kill().await;

    let node = site.start().await;
    let client = client(&node);
    assert_eq!(tags(&client, &arn).await, pairs(&[("empty", ""), ("team", "kitchen")]));
    let many = (0..49).map(|number| tag(&format!("key {number}"), "v")).collect();
    assert_refused(
        client.tag_resource().resource_arn(&arn).set_tags(Some(many)).send().await,
        "ValidationException",
        "Number of Tags exceed the current limit for the provided ResourceArn",
    );
    client.delete_table().table_name("Tagged").send().await.expect("it can go");
    until_gone(&client, "Tagged").await;
    let not_found = format!("Requested resource not found: ResourcArn: {arn} not found");
    assert_refused(
        client.list_tags_of_resource().resource_arn(&arn).send().await,
        "ResourceNotFoundException",
        &not_found,
    );
    make_table(&client, "Tagged", PK, None).await;
    assert_eq!(tags(&client, &arn).await, [], "another life");
    site.assert_quiet();
}

// Rule: table.endpoints, table.no-expiry, table.no-recovery
#[tokio::test]
async fn tables_say_what_they_do_not_have_and_the_node_where_it_is() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    make_table(&client, "Plain", PK, None).await;
    let arn = describe(&client, "Plain").await.table_arn.expect("it has an ARN");
    for name in ["Plain", &arn] {
        let ttl = client.describe_time_to_live().table_name(name).send().await;
        let ttl = ttl.expect("it exists").time_to_live_description.expect("it is described");
        assert_eq!(ttl.time_to_live_status, Some(TimeToLiveStatus::Disabled));
        assert_eq!(ttl.attribute_name, None);
        let backups = client.describe_continuous_backups().table_name(name).send().await;
        let backups = backups.expect("it exists").continuous_backups_description;
        let backups = backups.expect("it is described");
        assert_eq!(backups.continuous_backups_status, ContinuousBackupsStatus::Enabled);
        let recovery = backups.point_in_time_recovery_description.expect("it is described");
        let disabled = PointInTimeRecoveryStatus::Disabled;
        assert_eq!(recovery.point_in_time_recovery_status, Some(disabled));
    }
    assert_refused(
        client.describe_time_to_live().table_name("Nowhere").send().await,
        "ResourceNotFoundException",
        "Requested resource not found: Table: Nowhere not found",
    );
    assert_refused(
        client.describe_continuous_backups().table_name("Nowhere").send().await,
        "TableNotFoundException",
        "Table not found: Nowhere",
    );
    let limits = client.describe_limits().send().await.expect("there are limits");
    assert_eq!(limits.account_max_read_capacity_units, Some(80_000));
    assert_eq!(limits.table_max_write_capacity_units, Some(40_000));
    let endpoints = client.describe_endpoints().send().await.expect("there is one");
    let addresses: Vec<&str> = endpoints.endpoints().iter().map(|it| it.address()).collect();
    assert_eq!(addresses, [node.address().to_string()]);
    site.assert_quiet();
}

/// Items and bytes, as the table's description counts them.
async fn counted(client: &Client, name: &str) -> (i64, i64) {
    let table = describe(client, name).await;
    (table.item_count.expect("counted"), table.table_size_bytes.expect("counted"))
}

// Rule: table.statistics
#[tokio::test]
async fn items_are_counted_within_seconds_and_after_a_kill() {
    let site = Site::new();
    let node = site.start().await;
    {
        let client = client(&node);
        make_table(&client, "Counted", PK, None).await;
        let until = async |expected: (i64, i64)| {
            eventually(&format!("{expected:?} to be counted"), LIMIT, async || {
                (counted(&client, "Counted").await == expected).then_some(())
            })
            .await;
        };
        until((0, 0)).await;
        // `pk` and three digits are 5 bytes, `v` and what it holds are 1 and 100.
        for number in 0..100 {
            let pk = AttributeValue::S(format!("{number:03}"));
            let put = client.put_item().table_name("Counted").item("pk", pk);
            let put = put.item("v", AttributeValue::S("x".repeat(100)));
            put.send().await.expect("it can be stored");
        }
        until((100, 100 * 106)).await;
        let smaller = client.put_item().table_name("Counted");
        let smaller = smaller.item("pk", AttributeValue::S("000".to_owned())).send().await;
        smaller.expect("it can be replaced");
        let gone = client.delete_item().table_name("Counted");
        let gone = gone.key("pk", AttributeValue::S("001".to_owned())).send().await;
        gone.expect("it can go");
        until((99, 98 * 106 + 5)).await;
    }
    node.kill().await;

    let node = site.start().await;
    assert_eq!(counted(&client(&node), "Counted").await, (99, 98 * 106 + 5));
    site.assert_quiet();
}
