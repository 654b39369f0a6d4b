//! Which parameters of which operations work: asked of the operations themselves, compared with
//! `docs/compatibility.md`. `STATOR_REWRITE=1` writes the page anew.
//!
//! `compatibility/parameters.txt` names what the API has. A parameter is given values of every kind. If all
//! are taken without a word, nobody reads it, and the test fails: what does not work is refused by its
//! name, never ignored. If one of them is refused by the parameter's name, it does not work (yet);
//! otherwise it works. What works otherwise than in the service is in [`DIFFERENCES`].

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use stator_operation::{OPERATIONS, Operation, Request};
use stator_protocol::{ApiError, Target};

/// What the service does and this server does not: operation, parameter (none for all of it), what.
const DIFFERENCES: &[(&str, &str, &str)] = &[
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
enum Support {
    Works,
    Refused,
    Ignored,
}

fn support(operation: Operation, name: &str, parameter: &str) -> Support {
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
fn api() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    let lines = include_str!("compatibility/parameters.txt").lines();
    lines.filter(|line| !line.starts_with('#')).map(|line| {
        let mut words = line.split(' ');
        (words.next().expect("a target"), words.collect())
    })
}

fn difference(operation: &str, parameter: &str) -> &'static str {
    let is_it = |(of, what, _): &&(&str, &str, &str)| *of == operation && *what == parameter;
    DIFFERENCES.iter().find(is_it).map_or("", |(_, _, text)| text)
}

/// The page's generated part, and the parameters that nobody reads.
fn generate() -> (String, Vec<String>) {
    let mut built = String::from(
        "| operation | parameter | works | otherwise than in DynamoDB |\n|---|---|---|---|\n",
    );
    let (mut unbuilt, mut ignored) = (Vec::new(), Vec::new());
    for (target, parameters) in api() {
        let (_, name) = target.split_once('.').expect("a target has a dot");
        let parsed = Target::parse(Some(target)).expect("a good target");
        let operation = match Operation::from_target(parsed) {
            Ok(operation) => operation,
            Err(error) => {
                let said = error.message().unwrap_or_default();
                assert!(said.contains(name), "{target} is of the API: {error}");
                unbuilt.push(format!("`{name}`"));
                continue;
            }
        };
        let note = difference(name, "");
        let _ = writeln!(built, "| **{name}** | | yes | {note} |");
        for parameter in parameters {
            let works = match support(operation, name, parameter) {
                Support::Works => "yes",
                Support::Refused if difference(name, parameter).is_empty() => "refused by name",
                Support::Refused => "partly, else refused by name",
                Support::Ignored => {
                    ignored.push(format!("{name} {parameter}"));
                    "ignored"
                }
            };
            let note = difference(name, parameter);
            let _ = writeln!(built, "| | `{parameter}` | {works} | {note} |");
        }
    }
    let unbuilt = unbuilt.join(", ");
    let page = format!("{built}\nOperations that are not built, and say so: {unbuilt}.\n");
    (page, ignored)
}

#[test]
fn every_parameter_of_the_api_is_read() {
    let (_, ignored) = generate();
    assert!(ignored.is_empty(), "nobody reads {ignored:?}");
}

#[test]
fn the_list_of_the_api_has_every_operation_that_is_built_and_every_difference_its_place() {
    let listed: Vec<_> = api().collect();
    for spec in OPERATIONS {
        let target = format!("DynamoDB_20120810.{}", spec.name);
        assert!(listed.iter().any(|(listed, _)| *listed == target), "{target}");
    }
    for (operation, parameter, _) in DIFFERENCES {
        let target = format!("DynamoDB_20120810.{operation}");
        let found = listed.iter().find(|(listed, _)| *listed == target);
        let (_, parameters) = found.expect("an operation");
        assert!(parameter.is_empty() || parameters.contains(parameter), "{operation} {parameter}");
    }
}

#[test]
fn the_page_says_what_works() {
    let (table, _) = generate();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
    let page = std::fs::read_to_string(&path).expect("the page exists");
    let at = page.find("| operation |").expect("the page has a table");
    if std::env::var_os("STATOR_REWRITE").is_some_and(|value| value == "1") {
        std::fs::write(&path, format!("{}{table}", &page[..at])).expect("is written");
        return;
    }
    assert_eq!(
        &page[at..],
        table,
        "STATOR_REWRITE=1 cargo test -p stator-operation writes it anew"
    );
}
