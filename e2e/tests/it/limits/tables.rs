//! Tables, their names, indexes and tags.

use serde_json::{Value as Json, json};
use stator_e2e::client::until_active;
use stator_e2e::site::Site;

use super::{Asker, Limit, letters};

/// CreateTable with this name and key; a number in the name keeps tables apart.
fn create(name: &str, key: &str) -> Json {
    json!({
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
    })
}

/// CreateTable with these local indexes, which need a sort key each.
fn create_indexed(name: &str, indexes: &[(String, Json)]) -> Json {
    let keys = |sort: &str| json!([{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]);
    let sorts = (0..indexes.len()).map(|number| format!("sort-{number}"));
    let names = ["pk".to_owned(), "sk".to_owned()].into_iter().chain(sorts);
    let define = |name: String| json!({"AttributeName": name, "AttributeType": "S"});
    let index = |(number, (name, projection)): (usize, &(String, Json))| {
        let keys = keys(&format!("sort-{number}"));
        json!({"IndexName": name, "KeySchema": keys, "Projection": projection})
    };
    json!({
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": keys("sk"),
        "AttributeDefinitions": names.map(define).collect::<Vec<Json>>(),
        "LocalSecondaryIndexes": indexes.iter().enumerate().map(index).collect::<Vec<Json>>(),
    })
}

fn keys_only() -> Json {
    json!({"ProjectionType": "KEYS_ONLY"})
}

/// So many attributes that are projected by name, of which no other index projects one.
fn include(of: usize, count: usize) -> Json {
    let names: Vec<String> = (0..count).map(|number| format!("a-{of}-{number}")).collect();
    json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": names})
}

#[tokio::test]
async fn tables_and_their_indexes_have_limits() {
    let site = Site::new();
    let node = site.start().await;
    let asker = Asker::new(&node);
    asker.check(&LIMITS).await;
    let short = "Member must have length greater than or equal to 3";
    asker.refuses("a name of 2", "CreateTable", create("ab", "k"), short).await;
    for name in ["abc", "abcd"] {
        assert_eq!(asker.ask("CreateTable", create(name, "k")).await, Ok(()), "{name}");
    }
    for (name, allowed) in [("ix", false), ("ix3", true), ("ix-4", true)] {
        let body = create_indexed(&format!("short-{name}"), &[(name.to_owned(), keys_only())]);
        if allowed {
            assert_eq!(asker.ask("CreateTable", body).await, Ok(()), "{name}");
        } else {
            asker.refuses(name, "CreateTable", body, short).await;
        }
    }
    // The most of all indexes together, 100, is five times the most of one.
    let all: Vec<(String, Json)> =
        (0..5).map(|number| (format!("index-{number}"), include(number, 20))).collect();
    assert_eq!(asker.ask("CreateTable", create_indexed("hundred", &all)).await, Ok(()));
    site.assert_quiet();
}

const LIMITS: [Limit; 6] = [
    Limit {
        what: "characters of a table's name (Naming)",
        operation: "CreateTable",
        most: 255,
        body: |count| create(&letters(count), "k"),
        refusal: "Member must have length less than or equal to 255",
    },
    Limit {
        what: "bytes of the name of a key attribute (Naming)",
        operation: "CreateTable",
        most: 255,
        body: |bytes| create(&format!("key-{bytes}"), &letters(bytes)),
        refusal: "Member must have length less than or equal to 255",
    },
    Limit {
        what: "local indexes of a table (Quotas)",
        operation: "CreateTable",
        most: 5,
        body: |count| {
            let indexes: Vec<(String, Json)> =
                (0..count).map(|number| (format!("index-{number}"), keys_only())).collect();
            create_indexed(&format!("indexes-{count}"), &indexes)
        },
        refusal: "Number of LocalSecondaryIndexes exceeds per-table limit of 5",
    },
    Limit {
        what: "attributes that an index projects by name (Quotas)",
        operation: "CreateTable",
        most: 20,
        body: |count| {
            create_indexed(&format!("include-{count}"), &[("index".to_owned(), include(0, count))])
        },
        refusal: "Member must have length less than or equal to 20",
    },
    Limit {
        what: "bytes of the name of a projected attribute (Naming)",
        operation: "CreateTable",
        most: 255,
        body: |bytes| {
            let projection =
                json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": [letters(bytes)]});
            create_indexed(&format!("projected-{bytes}"), &[("index".to_owned(), projection)])
        },
        refusal: "Member must have length less than or equal to 255",
    },
    Limit {
        what: "characters of the name of an index (Naming)",
        operation: "CreateTable",
        most: 255,
        body: |count| create_indexed(&format!("named-{count}"), &[(letters(count), keys_only())]),
        refusal: "Member must have length less than or equal to 255",
    },
];

/// "Quotas": a resource has 50 tags, a key 1 to 128 characters, a value up to 256.
#[tokio::test]
async fn tags_have_limits() {
    let site = Site::new();
    let node = site.start().await;
    let asker = Asker::new(&node);
    assert_eq!(asker.ask("CreateTable", create("Tagged", "k")).await, Ok(()));
    until_active(&asker.client, "Tagged").await;
    let described = asker.client.describe_table().table_name("Tagged").send().await;
    let table = described.expect("it exists").table.expect("it is described");
    let arn = table.table_arn.expect("it has an ARN");
    let tag = |key: &str, value: &str| json!({"ResourceArn": arn, "Tags": [{"Key": key, "Value": value}]});
    for (key, value, refusal) in [
        (0, 1, "The Tag Key provided is invalid"),
        (1, 0, ""),
        (127, 255, ""),
        (128, 256, ""),
        (129, 1, "The Tag Key provided is invalid"),
        (1, 257, "The Tag Value provided is invalid"),
    ] {
        let body = tag(&letters(key), &letters(value));
        if refusal.is_empty() {
            assert_eq!(asker.ask("TagResource", body).await, Ok(()), "{key} and {value}");
        } else {
            asker.refuses(&format!("{key} and {value}"), "TagResource", body, refusal).await;
        }
    }
    let keys = [letters(1), letters(127), letters(128)];
    let untag = json!({"ResourceArn": arn, "TagKeys": keys});
    assert_eq!(asker.ask("UntagResource", untag).await, Ok(()));
    for number in 0..50 {
        let answer = asker.ask("TagResource", tag(&format!("key-{number}"), "v")).await;
        assert_eq!(answer, Ok(()), "tag {number}");
    }
    // One that is there may change, and one more may not come.
    assert_eq!(asker.ask("TagResource", tag("key-0", "other")).await, Ok(()));
    let refusal = "Number of Tags exceed the current limit";
    asker.refuses("51 tags", "TagResource", tag("one-more", "v"), refusal).await;
    site.assert_quiet();
}
