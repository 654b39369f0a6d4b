//! Members of a request: tables that cannot be, options that there are not, values of another type.

use serde_json::{Value as Json, json};

use super::{Flaw, Request, Text, invalid, invalid_has, invalid_is, unreadable};

const GROUP: &str = "member";
const WRITES: [&str; 3] = ["PutItem", "UpdateItem", "DeleteItem"];
const PAGES: [&str; 2] = ["Query", "Scan"];

pub(super) fn spoil(request: &mut Request<'_>) -> Option<Flaw> {
    match request.random.below(8) {
        0..3 => table_name(request),
        3 => {
            request.body.insert("ReturnConsumedCapacity".to_owned(), json!("SOME"));
            Some(invalid_is(GROUP, constraint("SOME", "returnConsumedCapacity", CAPACITY)))
        }
        4 if request.is(&WRITES) => Some(return_values(request)),
        5 if request.is(&WRITES) => {
            request.body.insert("ReturnItemCollectionMetrics".to_owned(), json!("ALL"));
            let rule = "Member must satisfy enum value set: [SIZE, NONE]";
            Some(invalid_is(GROUP, constraint("ALL", "returnItemCollectionMetrics", rule)))
        }
        6 => flag(request),
        _ => other_type(request),
    }
}

const CAPACITY: &str = "Member must satisfy enum value set: [INDEXES, TOTAL, NONE]";

fn constraint(value: &str, member: &str, rule: &str) -> String {
    format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: \
         {rule}"
    )
}

/// Names that no table has, or that could be none.
fn table_name(request: &mut Request<'_>) -> Option<Flaw> {
    request.body.get("TableName")?;
    let mut set = |name: Json| {
        request.body.insert("TableName".to_owned(), name);
    };
    let name = |name: &str, rule: &str| invalid_is(GROUP, constraint(name, "tableName", rule));
    Some(match request.random.below(6) {
        0 => {
            set(Json::Null);
            invalid_is(
                GROUP,
                "1 validation error detected: Value null at 'tableName' failed to satisfy \
                 constraint: Member must not be null",
            )
        }
        1 => {
            set(json!(""));
            invalid_has(GROUP, "Member must have length greater than or equal to 1")
        }
        2 => {
            set(json!("no such"));
            name("no such", "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
        }
        3 => {
            set(json!("x".repeat(1025)));
            invalid_has(GROUP, "Member must have length less than or equal to ")
        }
        4 => {
            set(json!("nowhere"));
            let texts = vec![Text::Is("Requested resource not found".to_owned())];
            Flaw { group: "table", error: "ResourceNotFoundException", texts }
        }
        _ => {
            set(json!(7));
            unreadable(Some("NUMBER_VALUE cannot be converted to String"))
        }
    })
}

/// PutItem and DeleteItem know fewer values than UpdateItem, and each says so in its own way.
fn return_values(request: &mut Request<'_>) -> Flaw {
    let mut set = |value: &str| {
        request.body.insert("ReturnValues".to_owned(), json!(value));
    };
    let rule =
        "Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]";
    match (request.operation, request.random.below(2)) {
        ("PutItem", 0) => {
            set("UPDATED_OLD");
            invalid(GROUP, request.wrapped("ReturnValues can only be ALL_OLD or NONE"))
        }
        ("DeleteItem", 0) => {
            set("ALL_NEW");
            invalid_has(GROUP, "[ALL_OLD, NONE]")
        }
        ("DeleteItem", _) => {
            set("EVERYTHING");
            invalid_has(GROUP, "'returnValues' failed to satisfy constraint")
        }
        ("PutItem", _) => {
            set("EVERYTHING");
            request.body.insert("ReturnConsumedCapacity".to_owned(), json!("SOME"));
            invalid_has(GROUP, "2 validation errors detected: ")
        }
        _ => {
            set("EVERYTHING");
            invalid_is(GROUP, constraint("EVERYTHING", "returnValues", rule))
        }
    }
}

/// A text where a truth value belongs.
fn flag(request: &mut Request<'_>) -> Option<Flaw> {
    let member = match request.operation {
        "Query" if request.random.one_in(2) => "ScanIndexForward",
        "GetItem" | "Query" | "Scan" => "ConsistentRead",
        _ => return None,
    };
    request.body.insert(member.to_owned(), json!("yes"));
    Some(unreadable(Some("Unexpected token received from parser")))
}

/// Other things of a type that does not belong there.
fn other_type(request: &mut Request<'_>) -> Option<Flaw> {
    let mut set = |member: &str, value: Json| {
        request.body.insert(member.to_owned(), value);
    };
    Some(match (request.operation, request.random.below(3)) {
        (operation, 0) if PAGES.contains(&operation) => {
            set("Limit", json!("five"));
            unreadable(Some("STRING_VALUE cannot be converted to Integer"))
        }
        (_, 0) => {
            set("ReturnConsumedCapacity", json!(true));
            unreadable(Some("TRUE_VALUE cannot be converted to String"))
        }
        ("PutItem", 1) => {
            set("Item", json!(["pk"]));
            unreadable(None)
        }
        ("GetItem" | "UpdateItem" | "DeleteItem", 1) => {
            set("Key", json!("pk"));
            unreadable(None)
        }
        ("BatchGetItem" | "BatchWriteItem", 1) => {
            set("RequestItems", json!([]));
            unreadable(None)
        }
        _ => {
            set("ReturnConsumedCapacity", json!({"TOTAL": true}));
            unreadable(Some("Start of structure or map found where not expected"))
        }
    })
}
