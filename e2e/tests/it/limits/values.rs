//! Items, keys, numbers and nesting.

use serde_json::{Value as Json, json};
use stator_e2e::client::{KeyAttribute, make_table};
use stator_e2e::site::Site;

use super::{Asker, Limit, letters};

const TOO_LARGE: &str = "Item size to update has exceeded the maximum allowed size";
const LONG_PARTITION: &str = "Size of hashkey has exceeded the maximum size limit of2048 bytes";
const LONG_SORT: &str =
    "Aggregated size of all range keys has exceeded the size limit of 1024 bytes";
const TOO_DEEP: &str = "Nesting Levels have exceeded supported limits";
const MANY_DIGITS: &str = "Attempting to store more than 38 significant digits in a Number";
const OVERFLOW: &str = "Number overflow. Attempting to store a number with magnitude larger than";
const UNDERFLOW: &str =
    "Number underflow. Attempting to store a number with magnitude smaller than";

fn put(value: &Json) -> Json {
    json!({"TableName": "Plain", "Item": {"pk": {"S": "k"}, "v": value}})
}

/// A value on this level: the value of an attribute is on the first.
fn on_level(level: usize, map: bool) -> Json {
    let wrap = |inner: Json, _: usize| {
        if map { json!({"M": {"m": inner}}) } else { json!({ "L": [inner] }) }
    };
    (1..level).fold(json!({"S": "deep"}), wrap)
}

#[tokio::test]
async fn items_keys_and_values_have_limits() {
    let site = Site::new();
    let node = site.start().await;
    let asker = Asker::new(&node);
    make_table(&asker.client, "Plain", KeyAttribute::new("pk", 'S'), None).await;
    make_table(&asker.client, "Bytes", KeyAttribute::new("pk", 'B'), None).await;
    asker.create_sorted("Sorted", "S").await;
    asker.create_sorted("SortedBytes", "B").await;
    asker.check(&LIMITS).await;
    site.assert_quiet();
}

const LIMITS: [Limit; 11] = [
    Limit {
        what: "bytes of a partition key that is text (Quotas)",
        operation: "PutItem",
        most: 2048,
        body: |bytes| json!({"TableName": "Plain", "Item": {"pk": {"S": letters(bytes)}}}),
        refusal: LONG_PARTITION,
    },
    Limit {
        what: "bytes of a partition key that is asked for (Quotas)",
        operation: "GetItem",
        most: 2048,
        body: |bytes| json!({"TableName": "Plain", "Key": {"pk": {"S": letters(bytes)}}}),
        refusal: LONG_PARTITION,
    },
    Limit {
        // Letters outside ASCII are more than one byte each.
        what: "bytes of a partition key, two to a letter (Quotas)",
        operation: "UpdateItem",
        most: 1024,
        body: |count| json!({"TableName": "Plain", "Key": {"pk": {"S": "é".repeat(count)}}}),
        refusal: LONG_PARTITION,
    },
    Limit {
        // Four letters of base64 are three bytes: 682 of these are 2046.
        what: "bytes of a partition key that is binary, in threes (Quotas)",
        operation: "PutItem",
        most: 682,
        body: |threes| json!({"TableName": "Bytes", "Item": {"pk": {"B": "AAAA".repeat(threes)}}}),
        refusal: LONG_PARTITION,
    },
    Limit {
        what: "bytes of a sort key that is text (Quotas)",
        operation: "PutItem",
        most: 1024,
        body: |bytes| {
            let item = json!({"pk": {"S": "k"}, "sk": {"S": letters(bytes)}});
            json!({"TableName": "Sorted", "Item": item})
        },
        refusal: LONG_SORT,
    },
    Limit {
        what: "bytes of a sort key that is binary, in threes (Quotas)",
        operation: "DeleteItem",
        most: 341,
        body: |threes| {
            let key = json!({"pk": {"S": "k"}, "sk": {"B": "AAAA".repeat(threes)}});
            json!({"TableName": "SortedBytes", "Key": key})
        },
        refusal: LONG_SORT,
    },
    Limit {
        what: "digits of a number (Naming)",
        operation: "PutItem",
        most: 38,
        body: |digits| put(&json!({"N": "7".repeat(digits)})),
        refusal: MANY_DIGITS,
    },
    Limit {
        what: "digits of a number in a set, zeros at both ends not counted (Naming)",
        operation: "PutItem",
        most: 38,
        body: |digits| put(&json!({"NS": ["1", format!("000.{}000", "7".repeat(digits))]})),
        refusal: MANY_DIGITS,
    },
    Limit {
        what: "levels of lists (Quotas)",
        operation: "PutItem",
        most: 32,
        body: |levels| put(&on_level(levels, false)),
        refusal: TOO_DEEP,
    },
    Limit {
        what: "levels of maps, of a value in an expression (Quotas)",
        operation: "UpdateItem",
        most: 32,
        body: |levels| {
            json!({"TableName": "Plain", "Key": {"pk": {"S": "k"}}, "UpdateExpression": "SET v = :v",
                   "ExpressionAttributeValues": {":v": on_level(levels, true)}})
        },
        refusal: TOO_DEEP,
    },
    Limit {
        what: "bytes of the name of an attribute (Naming)",
        operation: "PutItem",
        most: 65_535,
        body: |bytes| {
            let mut item = json!({"pk": {"S": "k"}});
            let members = item.as_object_mut().expect("an object");
            members.insert(letters(bytes), json!({"BOOL": true}));
            json!({"TableName": "Plain", "Item": item})
        },
        refusal: "",
    },
];

/// "Naming": positive numbers from 1E-130 to 9.9999999999999999999999999999999999999E+125, and their negatives.
#[tokio::test]
async fn numbers_have_a_range() {
    let site = Site::new();
    let node = site.start().await;
    let asker = Asker::new(&node);
    make_table(&asker.client, "Plain", KeyAttribute::new("pk", 'S'), None).await;
    let largest = format!("9.{}E+125", "9".repeat(37));
    for sign in ["", "-", "+"] {
        let sign_of = |number: &str| put(&json!({"N": format!("{sign}{number}")}));
        for number in
            [&largest, "9.99e125", "1e125", "1E-130", "1.5e-129", "0", "0.0e126", "1e-129"]
        {
            let answer = asker.ask("PutItem", sign_of(number)).await;
            assert_eq!(answer, Ok(()), "{sign}{number}");
        }
        for (number, refusal) in [
            ("1e126", OVERFLOW),
            ("10e125", OVERFLOW),
            ("1e-131", UNDERFLOW),
            ("0.1e-130", UNDERFLOW),
            ("5.", ""),
            (".5", ""),
            ("5", ""),
        ] {
            // The last three can be stored however they are written.
            if refusal.is_empty() {
                assert_eq!(asker.ask("PutItem", sign_of(number)).await, Ok(()), "{number}");
            } else {
                asker.refuses(number, "PutItem", sign_of(number), refusal).await;
            }
        }
    }
    let words = "The parameter cannot be converted to a numeric value";
    for number in ["", " 1", "1 ", "0x1", "1e", "e1", ".", "NaN", "1_0", "--1", "1,0"] {
        asker.refuses(number, "PutItem", put(&json!({"N": number})), words).await;
    }
    site.assert_quiet();
}

/// "Quotas": an item has 409,600 bytes, names included. An update is held to a little less: beside what it
/// leaves but the key, 3 bytes and 19 for each value that it writes are counted.
#[tokio::test]
async fn an_item_that_is_updated_has_a_limit() {
    let site = Site::new();
    let node = site.start().await;
    let asker = Asker::new(&node);
    make_table(&asker.client, "Plain", KeyAttribute::new("pk", 'S'), None).await;
    let limit = Limit {
        what: "bytes of an item that an update leaves (Quotas)",
        operation: "UpdateItem",
        most: 409_600 - 3 - 19 - "v".len(),
        body: |bytes| {
            json!({"TableName": "Plain", "Key": {"pk": {"S": "k"}}, "UpdateExpression": "SET v = :v",
                   "ExpressionAttributeValues": {":v": {"S": letters(bytes)}}})
        },
        refusal: TOO_LARGE,
    };
    asker.check(&[limit]).await;
    // What is there counts as well.
    let more = json!({"TableName": "Plain", "Key": {"pk": {"S": "k"}}, "UpdateExpression": "ADD n :one",
                      "ExpressionAttributeValues": {":one": {"N": "1"}}});
    asker.refuses("an update of a full item", "UpdateItem", more, TOO_LARGE).await;
    let batch = |bytes: usize| {
        let item = json!({"pk": {"S": "k"}, "v": {"S": letters(bytes - "pkkv".len())}});
        json!({"RequestItems": {"Plain": [{"PutRequest": {"Item": item}}]}})
    };
    assert_eq!(asker.ask("BatchWriteItem", batch(409_600)).await, Ok(()));
    let refusal = "Item size has exceeded the maximum allowed size";
    asker.refuses("an item of a batch", "BatchWriteItem", batch(409_601), refusal).await;
    site.assert_quiet();
}

/// "Quotas": the sort key of an index has 1,024 bytes; an item and its entries together have 409,600.
#[tokio::test]
async fn what_lies_in_a_local_index_has_limits() {
    let site = Site::new();
    let node = site.start().await;
    let asker = Asker::new(&node);
    let definition = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let keys = |sort: &str| json!([{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]);
    let body = json!({
        "KeySchema": keys("sk"),
        "AttributeDefinitions": [definition("pk"), definition("sk"), definition("rank")],
        "LocalSecondaryIndexes": [
            {"IndexName": "by-rank", "KeySchema": keys("rank"), "Projection": {"ProjectionType": "ALL"}},
        ],
    });
    asker.create("Indexed", body).await;
    let limits = [
        Limit {
            what: "bytes of a sort key of an index, put (Quotas)",
            operation: "PutItem",
            most: 1024,
            body: |bytes| {
                let item =
                    json!({"pk": {"S": "k"}, "sk": {"S": "k"}, "rank": {"S": letters(bytes)}});
                json!({"TableName": "Indexed", "Item": item})
            },
            refusal: "",
        },
        Limit {
            what: "bytes of a sort key of an index, updated (Quotas)",
            operation: "UpdateItem",
            most: 1024,
            body: |bytes| {
                json!({"TableName": "Indexed", "Key": {"pk": {"S": "k"}, "sk": {"S": "k"}},
                       "UpdateExpression": "SET #r = :r", "ExpressionAttributeNames": {"#r": "rank"},
                       "ExpressionAttributeValues": {":r": {"S": letters(bytes)}}})
            },
            refusal: "",
        },
        Limit {
            what: "bytes of an item and its entry together, each half (Quotas)",
            operation: "PutItem",
            most: 204_800,
            body: |bytes| {
                // pk, sk and rank with a letter each, and v.
                let pad = letters(bytes - 3 - 3 - 5 - 1);
                let item = json!({"pk": {"S": "k"}, "sk": {"S": "k"}, "rank": {"S": "k"}, "v": {"S": pad}});
                json!({"TableName": "Indexed", "Item": item})
            },
            refusal: "Item size has exceeded the maximum allowed size",
        },
    ];
    asker.check(&limits).await;
    site.assert_quiet();
}
