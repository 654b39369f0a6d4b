//! Expressions and their placeholders ("Expression limits" in Quotas).

use serde_json::{Value as Json, json};
use stator_e2e::client::{KeyAttribute, make_table};
use stator_e2e::site::Site;

use super::{Asker, Limit, letters};

fn get(projection: &str) -> Json {
    json!({"TableName": "Plain", "Key": {"pk": {"S": "k"}}, "ProjectionExpression": projection})
}

/// A delete under this condition; values are numbers, `:a` to `:z`, as far as they are named.
fn delete(condition: &str, values: &[&str]) -> Json {
    let mut body = json!({"TableName": "Plain", "Key": {"pk": {"S": "k"}},
                          "ConditionExpression": condition});
    let members = body.as_object_mut().expect("an object");
    if !values.is_empty() {
        let values: serde_json::Map<String, Json> =
            values.iter().map(|name| ((*name).to_owned(), json!({"N": "1"}))).collect();
        members.insert("ExpressionAttributeValues".to_owned(), Json::Object(values));
    }
    body
}

/// So many conditions that all hold of what is not there, and one operator between each two.
fn conditions(count: usize) -> String {
    vec!["a<>b"; count].join(" OR ")
}

/// An expression with spaces behind it.
fn padded(text: &str, bytes: usize) -> String {
    format!("{text}{}", " ".repeat(bytes - text.len()))
}

#[tokio::test]
async fn expressions_have_limits() {
    let site = Site::new();
    let node = site.start().await;
    let asker = Asker::new(&node);
    make_table(&asker.client, "Plain", KeyAttribute::new("pk", 'S'), None).await;
    asker.check(&LIMITS).await;
    site.assert_quiet();
}

const LIMITS: [Limit; 14] = [
    Limit {
        what: "bytes of a projection",
        operation: "GetItem",
        most: 4096,
        body: |bytes| get(&padded("a", bytes)),
        refusal: "Invalid ProjectionExpression: Expression size has exceeded the maximum allowed \
                  size; expression size: 4097",
    },
    Limit {
        what: "bytes of a condition",
        operation: "DeleteItem",
        most: 4096,
        body: |bytes| delete(&padded("attribute_not_exists(a)", bytes), &[]),
        refusal: "Invalid ConditionExpression: Expression size has exceeded",
    },
    Limit {
        what: "bytes of an update",
        operation: "UpdateItem",
        most: 4096,
        body: |bytes| {
            json!({"TableName": "Plain", "Key": {"pk": {"S": "k"}},
                   "UpdateExpression": padded("REMOVE a", bytes)})
        },
        refusal: "Invalid UpdateExpression: Expression size has exceeded",
    },
    Limit {
        what: "bytes of a key condition",
        operation: "Query",
        most: 4096,
        body: |bytes| {
            json!({"TableName": "Plain", "KeyConditionExpression": padded("pk = :p", bytes),
                   "ExpressionAttributeValues": {":p": {"S": "k"}}})
        },
        refusal: "Invalid KeyConditionExpression: Expression size has exceeded",
    },
    Limit {
        what: "bytes of a filter",
        operation: "Scan",
        most: 4096,
        body: |bytes| json!({"TableName": "Plain", "FilterExpression": padded("attribute_exists(a)", bytes)}),
        refusal: "Invalid FilterExpression: Expression size has exceeded",
    },
    Limit {
        what: "operators and functions",
        operation: "DeleteItem",
        most: 300,
        body: |operators| {
            // Each condition but the first comes with an OR; an even number takes a NOT.
            let negation = if operators.is_multiple_of(2) { "NOT " } else { "" };
            delete(&format!("{negation}{}", conditions(operators.div_ceil(2))), &[])
        },
        refusal: "The expression contains too many operators; operator count: 301",
    },
    Limit {
        what: "values in the list of IN",
        operation: "DeleteItem",
        most: 100,
        body: |operands| {
            let list = vec![":a"; operands].join(", ");
            delete(&format!("NOT (a IN ({list}))"), &[":a"])
        },
        refusal: "The IN operator is provided with too many operands; number of operands: 101",
    },
    Limit {
        what: "bytes of a # placeholder",
        operation: "GetItem",
        most: 255,
        body: |bytes| {
            let name = format!("#{}", letters(bytes - 1));
            let mut body = get(&name);
            let members = body.as_object_mut().expect("an object");
            members.insert("ExpressionAttributeNames".to_owned(), json!({ name: "a" }));
            body
        },
        refusal: "",
    },
    Limit {
        what: "bytes of a : placeholder",
        operation: "DeleteItem",
        most: 255,
        body: |bytes| {
            let name = format!(":{}", letters(bytes - 1));
            delete(&format!("a <> {name}"), &[&name])
        },
        refusal: "",
    },
    Limit {
        what: "elements of a path into maps",
        operation: "GetItem",
        most: 32,
        body: |elements| get(&vec!["a"; elements].join(".")),
        refusal: "The document path has too many nesting levels; nesting levels: 33",
    },
    Limit {
        what: "elements of a path into lists",
        operation: "GetItem",
        most: 32,
        body: |elements| get(&format!("a{}", "[0]".repeat(elements - 1))),
        refusal: "The document path has too many nesting levels; nesting levels: 33",
    },
    Limit {
        what: "the index of a list, which is an int",
        operation: "GetItem",
        most: 2_147_483_647,
        body: |index| get(&format!("a[{index}]")),
        refusal: "List index is not within the allowable range; index: [2147483648]",
    },
    Limit {
        what: "bytes of the name behind a # placeholder",
        operation: "GetItem",
        most: 65_535,
        body: |bytes| {
            let mut body = get("#n");
            let members = body.as_object_mut().expect("an object");
            members.insert("ExpressionAttributeNames".to_owned(), json!({"#n": letters(bytes)}));
            body
        },
        refusal: "",
    },
    Limit {
        // ":v" and the text: names and values of all placeholders are counted.
        what: "bytes of all placeholders",
        operation: "DeleteItem",
        most: 2 << 20,
        body: |bytes| {
            let value = json!({"S": letters(bytes - ":v".len())});
            json!({"TableName": "Plain", "Key": {"pk": {"S": "k"}}, "ConditionExpression": "a <> :v",
                   "ExpressionAttributeValues": {":v": value}})
        },
        refusal: "",
    },
];
