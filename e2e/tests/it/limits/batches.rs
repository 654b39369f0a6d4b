//! Batches, pages, segments, and the body of a request.

use serde_json::{Value as Json, json};
use stator_e2e::client::{KeyAttribute, make_table};
use stator_e2e::site::Site;

use super::{Asker, Limit, letters};

fn key(number: usize) -> Json {
    json!({"pk": {"S": number.to_string()}})
}

fn keys(count: usize) -> Json {
    json!({"Keys": (0..count).map(key).collect::<Vec<Json>>()})
}

fn deletes(count: usize) -> Json {
    (0..count).map(|number| json!({"DeleteRequest": {"Key": key(number)}})).collect()
}

#[tokio::test]
async fn batches_and_pages_have_limits() {
    let site = Site::new();
    let node = site.start().await;
    let asker = Asker::new(&node);
    for name in ["Plain", "Other"] {
        make_table(&asker.client, name, KeyAttribute::new("pk", 'S'), None).await;
    }
    asker.check(&LIMITS).await;
    let none = [
        (
            "BatchGetItem",
            json!({"RequestItems": {"Plain": {"Keys": []}}}),
            "greater than or equal to 1",
        ),
        ("BatchWriteItem", json!({"RequestItems": {"Plain": []}}), "greater than or equal to 1"),
        ("ListTables", json!({"Limit": 0}), "Member must have value greater than or equal to 1"),
        (
            "Scan",
            json!({"TableName": "Plain", "Segment": 0, "TotalSegments": 0}),
            "Member must have value greater than or equal to 1",
        ),
        (
            "Scan",
            json!({"TableName": "Plain", "Segment": 1_000_000, "TotalSegments": 1_000_000}),
            "Value '1000000' at 'segment' failed to satisfy constraint",
        ),
    ];
    for (operation, body, refusal) in none {
        asker.refuses(&body.to_string(), operation, body, refusal).await;
    }
    let most = json!({"TableName": "Plain", "Limit": i32::MAX});
    assert_eq!(asker.ask("Scan", most).await, Ok(()));
    site.assert_quiet();
}

const LIMITS: [Limit; 6] = [
    Limit {
        what: "keys of a batch, of one table (Reference)",
        operation: "BatchGetItem",
        most: 100,
        body: |count| json!({"RequestItems": {"Plain": keys(count)}}),
        refusal: "Value at 'RequestItems.Plain.member.Keys' failed to satisfy constraint: Member \
                  must have length less than or equal to 100",
    },
    Limit {
        what: "keys of a batch, of two tables (Reference)",
        operation: "BatchGetItem",
        most: 100,
        body: |count| json!({"RequestItems": {"Plain": keys(60), "Other": keys(count - 60)}}),
        refusal: "Too many items requested for the BatchGetItem call",
    },
    Limit {
        what: "writes of a batch, of one table (Reference)",
        operation: "BatchWriteItem",
        most: 25,
        body: |count| json!({"RequestItems": {"Plain": deletes(count)}}),
        refusal: "Map value must satisfy constraint: [Member must have length less than or equal to \
                  25, Member must have length greater than or equal to 1]",
    },
    Limit {
        what: "writes of a batch, of two tables (Reference)",
        operation: "BatchWriteItem",
        most: 25,
        body: |count| json!({"RequestItems": {"Plain": deletes(10), "Other": deletes(count - 10)}}),
        refusal: "Too many items requested for the BatchWriteItem call",
    },
    Limit {
        what: "segments of a scan (Reference)",
        operation: "Scan",
        most: 1_000_000,
        body: |segments| {
            let last = 999_998;
            json!({"TableName": "Plain", "Segment": last, "TotalSegments": segments})
        },
        refusal: "Member must have value less than or equal to 1000000",
    },
    Limit {
        what: "names of a page of tables (Reference)",
        operation: "ListTables",
        most: 100,
        body: |limit| json!({ "Limit": limit }),
        refusal: "Member must have value less than or equal to 100",
    },
];

/// A request has 16 MB, whatever is in it; more is answered before it is read ("Quotas").
#[tokio::test]
async fn the_body_of_a_request_has_a_limit() {
    const LIMIT: usize = 16 << 20;
    let site = Site::new();
    let node = site.start().await;
    let asker = Asker::new(&node);
    make_table(&asker.client, "Plain", KeyAttribute::new("pk", 'S'), None).await;
    let sized = |bytes: usize| {
        let body = |pad: &str| json!({"TableName": "Plain", "Key": key(1), "Nonsense": pad});
        let rest = body("").to_string().len();
        body(&letters(bytes - rest))
    };
    for bytes in [LIMIT - 1, LIMIT] {
        assert_eq!(asker.ask("GetItem", sized(bytes)).await, Ok(()), "{bytes}");
    }
    let (code, text) = asker.ask("GetItem", sized(LIMIT + 1)).await.expect_err("too large");
    assert_eq!(code, "413", "{text}");
    site.assert_quiet();
}
