//! Items there and back, through the AWS SDK.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValue};
use stator_e2e::client::{KeyAttribute, client, make_table};
use stator_e2e::oracle::{Item, Value, item_size, to_sdk};
use stator_e2e::site::Site;

const PK: KeyAttribute = KeyAttribute::new("pk", 'S');

fn text(text: &str) -> Value {
    Value::S(text.to_owned())
}

fn number(text: &str) -> Value {
    Value::N(text.to_owned())
}

fn item(attributes: &[(&str, Value)]) -> Item {
    attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

async fn put(client: &Client, table: &str, item: &Item) {
    let request = client.put_item().table_name(table).set_item(Some(to_sdk(item)));
    request.send().await.expect("it can be stored");
}

async fn get(client: &Client, table: &str, key: &str) -> Option<Item> {
    let key = AttributeValue::S(key.to_owned());
    let request = client.get_item().table_name(table).key("pk", key).consistent_read(true);
    let output = request.send().await.expect("it can be read");
    output.item.as_ref().map(Value::item_from_sdk)
}

/// An item with all ten types, empty values where they are allowed, and the longest and the extreme
/// numbers.
fn everything() -> Item {
    let nested = Value::L(vec![
        Value::M(item(&[("deep", Value::L(vec![Value::Null, text("")]))])),
        Value::L(Vec::new()),
        Value::M(Item::new()),
    ]);
    item(&[
        ("pk", text("everything")),
        ("string", text("quote \" backslash \\ newline \n zero \0 snowman ☃ emoji 😀")),
        ("empty string", text("")),
        ("38 digits", number("12345678901234567890123456789012345678")),
        ("38 digits, fraction", number("-1.2345678901234567890123456789012345678")),
        ("largest", number(&format!("{}{}", "9".repeat(38), "0".repeat(88)))),
        ("smallest", number(&format!("0.{}1", "0".repeat(129)))),
        ("zero", number("0")),
        ("binary", Value::B((0..=255).collect())),
        ("empty binary", Value::B(Vec::new())),
        ("true", Value::Bool(true)),
        ("false", Value::Bool(false)),
        ("null", Value::Null),
        ("strings", Value::Ss(BTreeSet::from(["a".to_owned(), "b".to_owned(), String::new()]))),
        ("numbers", Value::Ns(BTreeSet::from(["1".to_owned(), "-2.5".to_owned()]))),
        ("binaries", Value::Bs(BTreeSet::from([vec![0], vec![255, 0]]))),
        ("nested", nested),
    ])
}

// Rule: value.empty-containers
#[tokio::test]
async fn an_item_of_all_types_comes_back_as_it_was_sent() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    make_table(&client, "Types", PK, None).await;
    put(&client, "Types", &everything()).await;
    assert_eq!(get(&client, "Types", "everything").await, Some(everything()));
    assert_eq!(get(&client, "Types", "nothing").await, None);
    site.assert_quiet();
}

#[tokio::test]
async fn items_are_there_after_a_kill_and_after_a_stop() {
    let site = Site::new();
    let node = site.start().await;
    {
        let client = client(&node);
        make_table(&client, "Kept", PK, None).await;
        put(&client, "Kept", &everything()).await;
    }
    node.kill().await;

    let node = site.start().await;
    {
        let client = client(&node);
        assert_eq!(get(&client, "Kept", "everything").await, Some(everything()));
        put(&client, "Kept", &item(&[("pk", text("second"))])).await;
    }
    assert!(node.stop().await.success(), "a node that is asked to stop ends with success");

    let node = site.start().await;
    let client = client(&node);
    assert_eq!(get(&client, "Kept", "everything").await, Some(everything()));
    assert_eq!(get(&client, "Kept", "second").await, Some(item(&[("pk", text("second"))])));
    site.assert_quiet();
}

#[tokio::test]
async fn a_put_returns_the_item_it_replaced_when_asked() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    make_table(&client, "Old", PK, None).await;
    let versions: Vec<Item> =
        (0..3).map(|at| item(&[("pk", text("k")), ("version", number(&at.to_string()))])).collect();
    let mut before = None;
    for version in versions {
        let request = client.put_item().table_name("Old").set_item(Some(to_sdk(&version)));
        let output = request.return_values(ReturnValue::AllOld).send().await.expect("stored");
        assert_eq!(output.attributes.as_ref().map(Value::item_from_sdk), before);
        before = Some(version);
    }
    let request = client.put_item().table_name("Old").set_item(before.as_ref().map(to_sdk));
    let output = request.send().await.expect("stored");
    assert!(output.attributes.is_none(), "nothing is returned unasked");
    site.assert_quiet();
}

// Rule: capacity.get, capacity.write
/// Writes cost one unit for each started KB of the larger of the old and the new item, strongly
/// consistent reads one for each started 4 KB, others half ("Provisioned capacity mode", developer
/// guide).
#[tokio::test]
async fn capacity_is_rounded_up_exactly_at_the_edges() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    make_table(&client, "Capacity", PK, None).await;
    let mut last = 0;
    for (size, write, read) in
        [(64, 1.0, 1.0), (1024, 1.0, 1.0), (1025, 2.0, 1.0), (4096, 4.0, 1.0), (4097, 5.0, 2.0)]
    {
        let key = format!("k{size}");
        let pad = size - "pk".len() - key.len() - "pad".len();
        let item = item(&[("pk", text(&key)), ("pad", text(&"p".repeat(pad)))]);
        assert_eq!(item_size(&item), size);
        assert_eq!(written(&client, &item).await, write, "write of {size} bytes");
        assert_eq!(spent_reading(&client, &key, true).await, read, "strong read of {size} bytes");
        assert_eq!(spent_reading(&client, &key, false).await, read / 2.0, "read of {size} bytes");
        last = size;
    }
    let small = item(&[("pk", text(&format!("k{last}")))]);
    assert_eq!(written(&client, &small).await, 5.0, "the larger item, here the old one, counts");
    assert_eq!(written(&client, &small).await, 1.0);
    assert_eq!(spent_reading(&client, "missing", true).await, 1.0, "a missing item costs a unit");
    assert_eq!(spent_reading(&client, "missing", false).await, 0.5);
    site.assert_quiet();
}

async fn written(client: &Client, item: &Item) -> f64 {
    let request = client.put_item().table_name("Capacity").set_item(Some(to_sdk(item)));
    let request = request.return_consumed_capacity(ReturnConsumedCapacity::Total);
    let consumed = request.send().await.expect("stored").consumed_capacity.expect("asked for");
    assert_eq!(consumed.table_name(), Some("Capacity"));
    consumed.capacity_units().expect("a total")
}

async fn spent_reading(client: &Client, key: &str, strong: bool) -> f64 {
    let request = client.get_item().table_name("Capacity").consistent_read(strong);
    let request = request.key("pk", AttributeValue::S(key.to_owned()));
    let request = request.return_consumed_capacity(ReturnConsumedCapacity::Total);
    let consumed = request.send().await.expect("read").consumed_capacity.expect("asked for");
    consumed.capacity_units().expect("a total")
}

// Rule: item.size
#[tokio::test]
async fn the_largest_item_fits_and_one_byte_more_does_not() {
    const LIMIT: usize = 400 * 1024;
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    make_table(&client, "Large", PK, None).await;
    let sized = |size: usize| {
        let pad = size - "pk".len() - "k".len() - "pad".len();
        item(&[("pk", text("k")), ("pad", text(&"p".repeat(pad)))])
    };
    put(&client, "Large", &sized(LIMIT)).await;
    let request = client.put_item().table_name("Large").set_item(Some(to_sdk(&sized(LIMIT + 1))));
    crate::errors::assert_refused(
        request.send().await,
        "ValidationException",
        "Item size has exceeded the maximum allowed size",
    );
    assert_eq!(get(&client, "Large", "k").await, Some(sized(LIMIT)));
    site.assert_quiet();
}
