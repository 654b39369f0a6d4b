//! The parameters of the API, and what becomes of each: asked of the operations themselves.
//!
//! `parameters.txt` names what the API has. A parameter is given values of every kind. If all are taken
//! without a word, nobody reads it: what does not work is refused by its name, never ignored. If one of
//! them is refused by the parameter's name, it does not work (yet); otherwise it works.

use serde_json::{Value, json};
use stator_operation::{Operation, Request};
use stator_protocol::ApiError;

/// What the service does and this server does not: operation, parameter (none for all of it), what.
pub(crate) const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("CreateTable", "BillingMode", "stored and returned; nothing is throttled by it"),
    ("CreateTable", "OnDemandThroughput", "stored and returned; nothing is throttled by it"),
    (
        "CreateTable",
        "ProvisionedThroughput",
        "stored and returned, whatever DescribeLimits says; nothing is throttled by it",
    ),
    ("CreateTable", "SSESpecification", "only `Enabled: false`"),
    ("CreateTable", "StreamSpecification", "only `StreamEnabled: false`"),
    ("CreateTable", "TableClass", "stored and returned"),
    ("CreateTable", "WarmThroughput", "stored and returned"),
    (
        "DescribeContinuousBackups",
        "",
        "no table has point-in-time recovery: UpdateContinuousBackups is not built",
    ),
    ("DescribeEndpoints", "", "answers the host that the request was sent to"),
    ("DescribeLimits", "", "the service's default quotas; nothing keeps to them"),
    (
        "DescribeTable",
        "",
        "`ItemCount` and `TableSizeBytes` are of now, not of some hours ago; `WarmThroughput` is what it would be in the service",
    ),
    ("DescribeTimeToLive", "", "no table's items expire: UpdateTimeToLive is not built"),
    ("ListTagsOfResource", "NextToken", "not looked at: all tags of a table are one page"),
    ("ListTagsOfResource", "", "shows a change at once"),
    ("TagResource", "", "no pause between two changes of one table's tags"),
    ("UntagResource", "", "no pause between two changes of one table's tags"),
    (
        "UpdateTable",
        "",
        "a change is done at once: the table is UPDATING in the reply and ACTIVE in the next DescribeTable; the reply has the new units",
    ),
    ("UpdateTable", "BillingMode", "may change as often as one likes"),
    ("UpdateTable", "DeletionProtectionEnabled", "may change as often as one likes"),
    ("UpdateTable", "OnDemandThroughput", "stored and returned; nothing is throttled by it"),
    (
        "UpdateTable",
        "ProvisionedThroughput",
        "stored and returned, whatever DescribeLimits says; nothing is throttled by it",
    ),
    ("UpdateTable", "TableClass", "may change as often as one likes"),
    ("UpdateTable", "WarmThroughput", "stored and returned at once"),
];

/// Bodies that are good, or good enough for every parameter to be read.
fn base(operation: &str) -> Value {
    let arn = "arn:aws:dynamodb:r:000000000000:table/table";
    let key = json!({"pk": {"S": "a"}});
    match operation {
        "CreateTable" => json!({
            "TableName": "table",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        }),
        "UpdateTable" => json!({"TableName": "table", "BillingMode": "PAY_PER_REQUEST"}),
        "PutItem" => json!({"TableName": "table", "Item": key}),
        "GetItem" | "DeleteItem" | "UpdateItem" => json!({"TableName": "table", "Key": key}),
        "BatchGetItem" => json!({"RequestItems": {"table": {"Keys": [key]}}}),
        "BatchWriteItem" => {
            json!({"RequestItems": {"table": [{"DeleteRequest": {"Key": key}}]}})
        }
        "TagResource" => json!({"ResourceArn": arn, "Tags": [{"Key": "a", "Value": "b"}]}),
        "UntagResource" => json!({"ResourceArn": arn, "TagKeys": ["a"]}),
        "ListTagsOfResource" => json!({"ResourceArn": arn}),
        "ListTables" | "DescribeLimits" | "DescribeEndpoints" => json!({}),
        _ => json!({"TableName": "table"}),
    }
}

/// Values of every kind, and some that say something.
fn values() -> Vec<Value> {
    vec![
        json!(true),
        json!(1),
        json!(""),
        json!("EVENTUAL"),
        json!("ENABLED"),
        json!([]),
        json!({}),
        json!([{"IndexName": "index"}]),
        json!(["a"]),
        json!({"a": {"S": "b"}}),
        json!({"StreamEnabled": true, "Enabled": true}),
    ]
}

/// What becomes of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Support {
    Works,
    Refused,
    Ignored,
}

/// What becomes of an operation's parameter.
pub(crate) fn support(operation: Operation, name: &str, parameter: &str) -> Support {
    let answers: Vec<Result<Request, ApiError>> = values()
        .into_iter()
        .map(|value| {
            let mut body = base(name);
            let members = body.as_object_mut().expect("an object");
            members.insert(parameter.to_owned(), value);
            Request::parse(operation, body.to_string().as_bytes())
        })
        .collect();
    let refused = |answer: &Result<Request, ApiError>| {
        let text = answer.as_ref().err().and_then(ApiError::message).unwrap_or_default();
        text.split_once(" not supported by this server yet")
            .is_some_and(|(names, _)| names.split([',', ' ']).any(|it| it == parameter))
    };
    if answers.iter().any(refused) {
        Support::Refused
    } else if answers.iter().all(Result::is_ok) {
        Support::Ignored
    } else {
        Support::Works
    }
}

/// An operation of the API, by its target, and its parameters.
pub(crate) fn api() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    let lines = include_str!("parameters.txt").lines();
    lines.filter(|line| !line.starts_with('#')).map(|line| {
        let mut words = line.split(' ');
        (words.next().expect("a target"), words.collect())
    })
}

/// What is otherwise here; empty if nothing is.
pub(crate) fn difference(operation: &str, parameter: &str) -> &'static str {
    let is_it = |(of, what, _): &&(&str, &str, &str)| *of == operation && *what == parameter;
    DIFFERENCES.iter().find(is_it).map_or("", |(_, _, text)| text)
}
