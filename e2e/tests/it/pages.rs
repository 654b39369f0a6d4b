//! Scans and batches at their limits, through the AWS SDK.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, PutRequest, WriteRequest};
use stator_e2e::client::{KeyAttribute, client, make_table};
use stator_e2e::site::Site;

type Attributes = HashMap<String, AttributeValue>;

fn key(at: usize) -> Attributes {
    HashMap::from([("pk".to_owned(), AttributeValue::S(format!("{at:04}")))])
}

/// An item of exactly this many bytes.
fn sized(at: usize, bytes: usize) -> Attributes {
    let mut item = key(at);
    let pad = bytes - "pk".len() - "0000".len() - "pad".len();
    item.insert("pad".to_owned(), AttributeValue::S("p".repeat(pad)));
    item
}

fn put_request(item: Attributes) -> WriteRequest {
    let put = PutRequest::builder().set_item(Some(item)).build().expect("an item is set");
    WriteRequest::builder().put_request(put).build()
}

/// Fills a table with items of this size, 25 a request.
async fn fill(client: &Client, table: &str, items: usize, bytes: usize) {
    make_table(client, table, KeyAttribute::new("pk", 'S'), None).await;
    let all: Vec<usize> = (0..items).collect();
    for chunk in all.chunks(25) {
        let writes = chunk.iter().map(|at| put_request(sized(*at, bytes))).collect();
        let request = client.batch_write_item().request_items(table, writes);
        let answer = request.send().await.expect("it can be written");
        assert_eq!(answer.unprocessed_items, Some(HashMap::new()));
    }
}

fn name(item: &Attributes) -> String {
    item.get("pk").and_then(|value| value.as_s().ok()).expect("a key").clone()
}

// Rule: page.megabyte
/// A page ends with the item with which it reaches 1 MB of stored bytes ("Paginating table scan
/// results", developer guide).
#[tokio::test]
async fn a_page_of_a_scan_ends_at_one_megabyte() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    fill(&client, "Pages", 40, 1 << 16).await;
    let mut pages = Vec::new();
    let mut found = BTreeSet::new();
    let mut start = None;
    loop {
        let request = client.scan().table_name("Pages").set_exclusive_start_key(start);
        let answer = request.send().await.expect("it can be scanned");
        pages.push(answer.count);
        found.extend(answer.items().iter().map(name));
        start = answer.last_evaluated_key;
        if start.is_none() {
            break;
        }
    }
    assert_eq!(pages, [16, 16, 8]);
    assert_eq!(found.len(), 40);
    site.assert_quiet();
}

// Rule: batch.get-size
/// An answer ends before the item that would make it more than 16 MB; what is left comes back as it was
/// asked for ("BatchGetItem", API reference).
#[tokio::test]
async fn a_batch_of_reads_ends_at_sixteen_megabytes_and_can_be_gone_on_with() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    fill(&client, "Large", 60, 300 << 10).await;
    let keys = (0..60).map(key).collect();
    let asked = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
    let mut left = HashMap::from([("Large".to_owned(), asked.build().expect("keys are set"))]);
    let mut found = Vec::new();
    let mut answers = Vec::new();
    while !left.is_empty() {
        let request = client.batch_get_item().set_request_items(Some(left));
        let answer = request.send().await.expect("it can be read");
        let items = answer.responses.and_then(|mut tables| tables.remove("Large"));
        let items = items.expect("each table has its list");
        answers.push(items.len());
        found.extend(items.iter().map(name));
        left = answer.unprocessed_keys.expect("there always are");
        assert!(left.values().all(|asked| asked.consistent_read == Some(true)));
    }
    assert_eq!(answers, [54, 6]);
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 60);
    site.assert_quiet();
}

#[tokio::test]
async fn a_batch_of_writes_is_there_after_a_kill() {
    let site = Site::new();
    let node = site.start().await;
    fill(&client(&node), "Kept", 100, 1000).await;
    node.kill().await;
    let node = site.start().await;
    let request = client(&node).scan().table_name("Kept").consistent_read(true);
    let answer = request.send().await.expect("it can be scanned");
    let found: BTreeSet<String> = answer.items().iter().map(name).collect();
    assert_eq!(found, (0..100).map(|at| name(&key(at))).collect());
    site.assert_quiet();
}
