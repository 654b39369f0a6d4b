//! The life of a table, through the AWS SDK.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ProvisionedThroughput, ScalarAttributeType, TableDescription, TableStatus,
};
use stator_e2e::client::{
    KeyAttribute, client, create_table, make_table, status, until_active, until_gone,
};
use stator_e2e::run::{cases, evidence};
use stator_e2e::site::Site;

const PK: KeyAttribute = KeyAttribute::new("pk", 'S');
const SK: KeyAttribute = KeyAttribute::new("sk", 'N');

async fn describe(client: &aws_sdk_dynamodb::Client, name: &str) -> TableDescription {
    let output = client.describe_table().table_name(name).send().await.expect("it exists");
    output.table.expect("the answer holds a description")
}

#[tokio::test]
async fn a_table_is_created_described_listed_and_deleted() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);

    let created = create_table(&client, "Orders", PK, Some(SK)).await.expect("it can be created");
    let created = created.table_description.expect("the answer holds a description");
    assert_eq!(created.table_status, Some(TableStatus::Creating));
    until_active(&client, "Orders").await;

    let table = describe(&client, "Orders").await;
    assert_eq!(table.table_name(), Some("Orders"));
    assert_eq!(table.table_id(), created.table_id());
    assert_eq!(table.creation_date_time(), created.creation_date_time());
    let arn = table.table_arn().expect("it has an ARN");
    assert!(arn.starts_with("arn:aws:dynamodb:") && arn.ends_with(":table/Orders"), "{arn}");
    let schema: Vec<_> =
        table.key_schema().iter().map(|e| (e.attribute_name(), e.key_type().clone())).collect();
    assert_eq!(schema, [("pk", KeyType::Hash), ("sk", KeyType::Range)]);
    let mut types: Vec<_> = table
        .attribute_definitions()
        .iter()
        .map(|d| (d.attribute_name(), d.attribute_type().clone()))
        .collect();
    types.sort_by_key(|(name, _)| *name);
    assert_eq!(types, [("pk", ScalarAttributeType::S), ("sk", ScalarAttributeType::N)]);
    let billing = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
    assert_eq!(billing, Some(&BillingMode::PayPerRequest));

    let list = client.list_tables().send().await.expect("tables can be listed");
    assert_eq!(list.table_names(), ["Orders"]);

    let deleted = client.delete_table().table_name("Orders").send().await.expect("it can go");
    let deleted = deleted.table_description.expect("the answer holds a description");
    assert_eq!(deleted.table_status, Some(TableStatus::Deleting));
    until_gone(&client, "Orders").await;
    let list = client.list_tables().send().await.expect("tables can be listed");
    assert!(list.table_names().is_empty());
    site.assert_quiet();
}

#[tokio::test]
async fn provisioned_throughput_is_stored_and_returned() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    let throughput =
        ProvisionedThroughput::builder().read_capacity_units(7).write_capacity_units(3).build();
    client
        .create_table()
        .table_name("Provisioned")
        .attribute_definitions(
            AttributeDefinition::builder()
                .attribute_name("pk")
                .attribute_type(ScalarAttributeType::B)
                .build()
                .expect("complete"),
        )
        .key_schema(
            KeySchemaElement::builder()
                .attribute_name("pk")
                .key_type(KeyType::Hash)
                .build()
                .expect("complete"),
        )
        .provisioned_throughput(throughput.expect("complete"))
        .send()
        .await
        .expect("it can be created");
    until_active(&client, "Provisioned").await;

    let table = describe(&client, "Provisioned").await;
    let stored = table.provisioned_throughput().expect("it is returned");
    assert_eq!((stored.read_capacity_units(), stored.write_capacity_units()), (Some(7), Some(3)));
    // The service leaves the summary out until a table has been on-demand once.
    assert!(table.billing_mode_summary().is_none());
    site.assert_quiet();
}

// Rule: table.list
#[tokio::test]
async fn tables_are_listed_in_byte_order_page_by_page() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    let names = ["B-table", "a.table", "a_table", "aaa", "zzz"];
    for name in names.iter().rev() {
        make_table(&client, name, PK, None).await;
    }
    let mut seen = Vec::new();
    let mut from = None;
    loop {
        let page = client
            .list_tables()
            .limit(2)
            .set_exclusive_start_table_name(from)
            .send()
            .await
            .expect("tables can be listed");
        assert!(page.table_names().len() <= 2);
        seen.extend(page.table_names().iter().cloned());
        from = page.last_evaluated_table_name;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(seen, names);
    site.assert_quiet();
}

#[tokio::test]
async fn a_table_created_again_under_its_name_is_another_and_empty() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    make_table(&client, "Again", PK, None).await;
    let first = describe(&client, "Again").await;
    let key = aws_sdk_dynamodb::types::AttributeValue::S("k".to_owned());
    let put = client.put_item().table_name("Again").item("pk", key.clone()).send().await;
    put.expect("it can be stored");
    client.delete_table().table_name("Again").send().await.expect("it can go");
    until_gone(&client, "Again").await;

    make_table(&client, "Again", PK, None).await;
    let second = describe(&client, "Again").await;
    assert_ne!(first.table_id(), second.table_id());
    let got = client.get_item().table_name("Again").key("pk", key).consistent_read(true).send();
    assert!(got.await.expect("it can be read").item.is_none());
    site.assert_quiet();
}

#[tokio::test]
async fn a_protected_table_is_not_deleted() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    client
        .create_table()
        .table_name("Protected")
        .billing_mode(BillingMode::PayPerRequest)
        .deletion_protection_enabled(true)
        .attribute_definitions(
            AttributeDefinition::builder()
                .attribute_name("pk")
                .attribute_type(ScalarAttributeType::S)
                .build()
                .expect("complete"),
        )
        .key_schema(
            KeySchemaElement::builder()
                .attribute_name("pk")
                .key_type(KeyType::Hash)
                .build()
                .expect("complete"),
        )
        .send()
        .await
        .expect("it can be created");
    until_active(&client, "Protected").await;
    assert_eq!(describe(&client, "Protected").await.deletion_protection_enabled(), Some(true));

    let refused = client.delete_table().table_name("Protected").send().await;
    crate::errors::assert_refused(
        refused,
        "ValidationException",
        "Resource cannot be deleted as it is currently protected against deletion. \
         Disable deletion protection first.",
    );
    assert_eq!(status(&client, "Protected").await, Some(TableStatus::Active));
    site.assert_quiet();
}

#[tokio::test]
async fn tables_are_the_same_after_a_kill() {
    let site = Site::new();
    let node = site.start().await;
    let before = {
        let client = client(&node);
        make_table(&client, "Kept", PK, Some(SK)).await;
        make_table(&client, "Gone", PK, None).await;
        client.delete_table().table_name("Gone").send().await.expect("it can go");
        describe(&client, "Kept").await
    };
    node.kill().await;

    let node = site.start().await;
    let client = client(&node);
    assert_eq!(describe(&client, "Kept").await, before);
    until_gone(&client, "Gone").await;
    site.assert_quiet();
}

/// How many tables there are by default; 1,000 in `make accept`.
const TABLES: u64 = 40;

#[tokio::test]
async fn many_tables_are_created_listed_used_and_deleted() {
    let site = Site::new();
    let node = site.start().await;
    let tables = cases(TABLES);
    let names: Vec<String> = (0..tables).map(|at| format!("table-{at:04}")).collect();
    {
        let client = client(&node);
        for at in &names {
            create_table(&client, at, PK, None).await.expect("it can be created");
        }
        for at in &names {
            until_active(&client, at).await;
            let put = client.put_item().table_name(at).item("pk", AttributeValue::S(at.clone()));
            put.send().await.expect("it can be written to");
        }
    }
    node.kill().await;

    let node = site.start().await;
    let client = client(&node);
    let mut pages = client.list_tables().limit(64).into_paginator().items().send();
    let mut listed = Vec::new();
    while let Some(name) = pages.next().await {
        listed.push(name.expect("tables can be listed"));
    }
    assert_eq!(listed, names);
    for at in &names {
        let scan = client.scan().table_name(at).send().await.expect("it can be read");
        assert_eq!(scan.count, 1, "{at}");
        client.delete_table().table_name(at).send().await.expect("it can go");
    }
    for at in &names {
        until_gone(&client, at).await;
    }
    let left = client.list_tables().send().await.expect("tables can be listed");
    assert!(left.table_names().is_empty());
    site.assert_quiet();
    evidence("many-tables", &[("tables", &tables)]);
}
