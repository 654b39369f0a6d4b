//! What holds for any request.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use stator_operation::{OPERATIONS, Request};

use crate::world::World;

/// Anything that JSON can say, with names that mean something here and there.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "t",
            "table",
            "arn:aws:dynamodb:test-region-1:000000000000:table/table",
            "STANDARD",
            "PROVISIONED",
            "pk",
            "ALL_OLD",
            "NONE",
            "HASH",
            "S",
            "1e3",
            "AA=="
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(any_name(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "TableName",
            "Item",
            "Key",
            "S",
            "N",
            "B",
            "BOOL",
            "NULL",
            "SS",
            "NS",
            "BS",
            "L",
            "M",
            "ReturnValues",
            "ReturnConsumedCapacity",
            "ConsistentRead",
            "Limit",
            "KeySchema",
            "AttributeDefinitions",
            "AttributeName",
            "KeyType",
            "AttributeType",
            "BillingMode",
            "ProvisionedThroughput",
            "ReadCapacityUnits",
            "StreamSpecification",
            "StreamEnabled",
            "Expected",
            "Tags",
            "TagKeys",
            "Value",
            "ResourceArn",
            "TableClass",
            "OnDemandThroughput",
            "MaxReadRequestUnits",
            "DeletionProtectionEnabled",
            "GlobalSecondaryIndexUpdates",
            "ExclusiveStartTableName",
            "ExclusiveStartKey",
            "IndexName",
            "KeyConditions",
            "KeyConditionExpression",
            "ExpressionAttributeValues",
            "ComparisonOperator",
            "AttributeValueList",
            "LocalSecondaryIndexes",
            "Projection",
            "NonKeyAttributes",
        ])
        .prop_map(str::to_owned),
        ".{0,6}",
    ]
}

fn world() -> World {
    with_table(World::new())
}

fn with_table(mut world: World) -> World {
    let table = json!({
        "TableName": "table",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"},
        ],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    });
    let (status, _) = world.answer("CreateTable", table.to_string().as_bytes());
    assert_eq!(status, 200);
    world.activate("table");
    world
}

/// A server that does its work itself, or has it done elsewhere.
fn place(elsewhere: bool) -> World {
    if elsewhere { World::forwarding() } else { World::new() }
}

/// Local indexes by `at`, and what they hold; nothing is all.
const INDEXES: [(&str, &[&str]); 3] =
    [("all", &[]), ("keys", &["pk", "sk", "at"]), ("some", &["pk", "sk", "at", "text"])];

fn indexed_world(mut world: World) -> World {
    let indexes = [
        ("all", json!({"ProjectionType": "ALL"})),
        ("keys", json!({"ProjectionType": "KEYS_ONLY"})),
        ("some", json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["text", "none"]})),
    ];
    let keys = |sort: &str| {
        json!([
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": sort, "KeyType": "RANGE"},
        ])
    };
    let indexes = indexes.map(|(name, projection)| {
        json!({"IndexName": name, "KeySchema": keys("at"), "Projection": projection})
    });
    let table = json!({
        "TableName": "indexed",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"},
            {"AttributeName": "at", "AttributeType": "N"},
        ],
        "KeySchema": keys("sk"),
        "LocalSecondaryIndexes": indexes,
    });
    assert_eq!(world.answer("CreateTable", table.to_string().as_bytes()).0, 200);
    world.activate("indexed");
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_json_is_a_panic_and_every_answer_is_json(body in any_json()) {
        let body = body.to_string();
        for spec in OPERATIONS {
            let (status, answer) = world().answer(spec.name, body.as_bytes());
            prop_assert!([200, 400].contains(&status));
            let is_json = serde_json::from_slice::<Value>(&answer).is_ok();
            prop_assert!(is_json || (status == 200 && answer.is_empty()));
        }
    }

    #[test]
    fn no_bytes_are_a_panic(body in prop::collection::vec(any::<u8>(), 0..100)) {
        for spec in OPERATIONS {
            let _ = Request::parse(spec.operation, &body);
        }
    }

    #[test]
    fn an_item_that_was_put_is_got_and_one_put_later_takes_its_place(
        puts in prop::collection::vec((0..3_u8, 0..3_u8, ".{0,10}"), 1..20),
        elsewhere in any::<bool>(),
    ) {
        let mut world = with_table(place(elsewhere));
        let mut model = std::collections::HashMap::new();
        for (pk, sk, text) in puts {
            let item = json!({
                "pk": {"S": format!("p{pk}")},
                "sk": {"N": sk.to_string()},
                "text": {"S": text},
            });
            let put = json!({"TableName": "table", "Item": item, "ReturnValues": "ALL_OLD"});
            let (status, answer) = world.answer("PutItem", put.to_string().as_bytes());
            prop_assert_eq!(status, 200);
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            prop_assert_eq!(answer.get("Attributes").cloned(), model.insert((pk, sk), item));
        }
        for (pk, sk) in (0..3).flat_map(|pk| (0..3).map(move |sk| (pk, sk))) {
            // Numbers are keys by value, however they are written.
            let key = json!({"pk": {"S": format!("p{pk}")}, "sk": {"N": format!("{sk}.0e0")}});
            let get = json!({"TableName": "table", "Key": key});
            let (status, answer) = world.answer("GetItem", get.to_string().as_bytes());
            prop_assert_eq!(status, 200);
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            prop_assert_eq!(answer.get("Item"), model.get(&(pk, sk)));
        }
    }

    #[test]
    fn an_index_holds_the_projection_of_every_item_that_has_its_key(
        writes in prop::collection::vec(
            (0..2_u8, 0..4_u8, prop::option::weighted(0.8, (prop::option::of(0..3_i32), "[ab]{0,2}"))),
            1..30,
        ),
        elsewhere in any::<bool>(),
    ) {
        let mut world = indexed_world(place(elsewhere));
        let mut model: BTreeMap<(u8, u8), Value> = BTreeMap::new();
        for (pk, sk, write) in writes {
            let key = json!({"pk": {"S": format!("p{pk}")}, "sk": {"N": sk.to_string()}});
            let (operation, body) = match write {
                Some((at, text)) => {
                    let mut item = key;
                    item["text"] = json!({"S": text});
                    item["other"] = json!({"S": format!("{pk}{sk}")});
                    if let Some(at) = at {
                        item["at"] = json!({"N": at.to_string()});
                    }
                    model.insert((pk, sk), item.clone());
                    ("PutItem", json!({"TableName": "indexed", "Item": item}))
                }
                None => {
                    model.remove(&(pk, sk));
                    ("DeleteItem", json!({"TableName": "indexed", "Key": key}))
                }
            };
            prop_assert_eq!(world.answer(operation, body.to_string().as_bytes()).0, 200);
        }
        for pk in 0..2 {
            for (index, names) in INDEXES {
                let of_partition = model.iter().filter(|((of, _), item)| *of == pk && item.get("at").is_some());
                let mut expected: Vec<(String, u8, Value)> = of_partition
                    .map(|((_, sk), item)| {
                        let mut entry = item.clone();
                        let attributes = entry.as_object_mut().expect("an item is an object");
                        attributes.retain(|name, _| names.is_empty() || names.contains(&name.as_str()));
                        (item["at"]["N"].to_string(), *sk, entry)
                    })
                    .collect();
                expected.sort_by(|left, right| (&left.0, left.1).cmp(&(&right.0, right.1)));
                let query = json!({
                    "TableName": "indexed",
                    "IndexName": index,
                    "KeyConditionExpression": "pk = :p",
                    "ExpressionAttributeValues": {":p": {"S": format!("p{pk}")}},
                });
                let (status, answer) = world.answer("Query", query.to_string().as_bytes());
                prop_assert_eq!(status, 200);
                let answer: Value = serde_json::from_slice(&answer).unwrap();
                let expected: Vec<Value> = expected.into_iter().map(|(_, _, entry)| entry).collect();
                prop_assert_eq!(&answer["Items"], &Value::from(expected));
            }
        }
    }
}
