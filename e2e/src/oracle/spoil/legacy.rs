//! What cannot be said with the parameters that the API had before expressions.

use serde_json::{Value as Json, json};

use super::{Flaw, Request, Text, invalid, invalid_has, one_or_more};

const GROUP: &str = "legacy";

/// All those parameters.
pub(super) const MEMBERS: [&str; 7] = [
    "Expected",
    "ConditionalOperator",
    "AttributeUpdates",
    "AttributesToGet",
    "KeyConditions",
    "QueryFilter",
    "ScanFilter",
];

pub(super) fn spoil(request: &mut Request<'_>) -> Option<Flaw> {
    let operation = request.operation;
    match (operation, request.random.below(3)) {
        ("UpdateItem", 0) => Some(updates(request)),
        ("PutItem" | "UpdateItem" | "DeleteItem", _) => Some(expected(request)),
        ("Scan", 0 | 1) => Some(filter(request)),
        ("Query", 0 | 1) => Some(key_conditions(request)),
        ("GetItem" | "Scan", _) => Some(attributes(request)),
        _ => None,
    }
}

/// Leaves only what is to be wrong.
fn only(request: &mut Request<'_>, member: &str, value: Json) {
    request.strip();
    request.body.remove("Select");
    request.body.insert(member.to_owned(), value);
}

fn invalid_one(text: &str) -> Flaw {
    invalid_has(GROUP, one_or_more(text))
}

/// Members of `Expected` that do not go together; and a ConditionalOperator needs a condition.
fn expected(request: &mut Request<'_>) -> Flaw {
    let value = json!({"S": "x"});
    let cases = [
        (json!({"Exists": true}), "Value must be provided when Exists is true for Attribute: a"),
        (
            json!({"Exists": false, "Value": value}),
            "Value cannot be used when Exists is false for Attribute: a",
        ),
        (
            json!({"Exists": false, "ComparisonOperator": "NULL"}),
            "Exists and ComparisonOperator cannot be used together for Attribute: a",
        ),
        (
            json!({"Value": value, "AttributeValueList": [value], "ComparisonOperator": "EQ"}),
            "Value and AttributeValueList cannot be used together for Attribute: a",
        ),
        (
            json!({"ComparisonOperator": "LT"}),
            "Value or AttributeValueList must be used with ComparisonOperator: LT for Attribute: a",
        ),
        (
            json!({"AttributeValueList": [value]}),
            "AttributeValueList can only be used with a ComparisonOperator for Attribute: a",
        ),
    ];
    match request.random.below(4) {
        0 => {
            only(request, "ConditionalOperator", json!("OR"));
            invalid(GROUP, Vec::new())
        }
        1 => {
            let (comparison, text) = comparison(request);
            only(request, "Expected", json!({ "a": comparison }));
            invalid(GROUP, text)
        }
        _ => {
            let (comparison, text) = request.random.pick(&cases).clone();
            only(request, "Expected", json!({ "a": comparison }));
            invalid_one(text)
        }
    }
}

/// Comparisons with too many arguments, or such as cannot be compared.
fn comparison(request: &mut Request<'_>) -> (Json, Vec<Text>) {
    let (text, number) = (json!({"S": "b"}), json!({"N": "1"}));
    let cases = [
        ("EQ", json!([text, text]), "Invalid number of argument(s) for the EQ ComparisonOperator"),
        ("NULL", json!([text]), "Invalid number of argument(s) for the NULL ComparisonOperator"),
        (
            "BETWEEN",
            json!([number]),
            "Invalid number of argument(s) for the BETWEEN ComparisonOperator",
        ),
        (
            "BETWEEN",
            json!([number, text]),
            "AttributeValues inside AttributeValueList must be of same type",
        ),
        (
            "IN",
            json!([number, text]),
            "AttributeValues inside AttributeValueList must be of same type",
        ),
        (
            "LT",
            json!([{"SS": ["a"]}]),
            "ComparisonOperator LT is not valid for SS AttributeValue type",
        ),
        (
            "BEGINS_WITH",
            json!([number]),
            "ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type",
        ),
        (
            "CONTAINS",
            json!([{"L": []}]),
            "ComparisonOperator CONTAINS is not valid for L AttributeValue type",
        ),
        (
            "BETWEEN",
            json!([{"S": "b"}, {"S": "a"}]),
            "The BETWEEN condition was provided a range where the lower bound is greater than the \
             upper bound",
        ),
    ];
    let (operator, arguments, text) = request.random.pick(&cases).clone();
    let comparison = json!({"ComparisonOperator": operator, "AttributeValueList": arguments});
    (comparison, vec![Text::Has(text.to_owned())])
}

fn filter(request: &mut Request<'_>) -> Flaw {
    if request.random.one_in(4) {
        only(request, "ConditionalOperator", json!("AND"));
        return invalid(GROUP, Vec::new());
    }
    let (comparison, texts) = comparison(request);
    only(request, "ScanFilter", json!({ "a": comparison }));
    invalid(GROUP, texts)
}

/// Actions that need a value, or another one.
fn updates(request: &mut Request<'_>) -> Flaw {
    let cases = [
        (
            json!({"Action": "PUT"}),
            "Only DELETE action is allowed when no attribute value is specified",
        ),
        (
            json!({"Action": "ADD", "Value": {"B": "AAAA"}}),
            "ADD action is not supported for the type B",
        ),
        (
            json!({"Action": "DELETE", "Value": {"N": "1"}}),
            "DELETE action with value is not supported for the type N",
        ),
    ];
    if request.random.one_in(4) {
        let value = json!({"pk": {"Action": "PUT", "Value": {"S": "x"}}});
        only(request, "AttributeUpdates", value);
        return invalid_one("Cannot update attribute pk. This attribute is part of the key");
    }
    let (update, text) = request.random.pick(&cases).clone();
    only(request, "AttributeUpdates", json!({ "a": update }));
    invalid_one(text)
}

/// `KeyConditions` that no Query can follow.
fn key_conditions(request: &mut Request<'_>) -> Flaw {
    let schema = request.schema();
    let kind = schema.key_attributes().first().map_or('S', |key| key.kind);
    let good = super::keys::of_kind(kind, if kind == 'N' { "1" } else { "AAAA" });
    let is = |operator: &str, value: &Json| json!({"ComparisonOperator": operator, "AttributeValueList": [value]});
    request.body.remove("ExclusiveStartKey");
    let other = super::keys::of_other_kind(kind).0;
    let (conditions, text) = match request.random.below(5) {
        0 => (json!({}), "Conditions can be of length 1 or 2 only"),
        1 => {
            let is_one = is("EQ", &good);
            let conditions = json!({"pk": is_one, "sk": is_one, "rank": is_one});
            (conditions, "Conditions can be of length 1 or 2 only")
        }
        2 => {
            let conditions = json!({"pk": is("NE", &good)});
            (conditions, "Attempted conditional constraint is not an indexable operation")
        }
        3 => {
            let conditions = json!({"pk": is("EQ", &other)});
            (conditions, "Condition parameter type does not match schema type")
        }
        _ => (json!({"pk": is("LE", &good)}), "Query key condition not supported"),
    };
    only(request, "KeyConditions", conditions);
    invalid_has(GROUP, text)
}

/// A list that is there holds something, and nothing twice.
fn attributes(request: &mut Request<'_>) -> Flaw {
    if request.random.one_in(2) {
        only(request, "AttributesToGet", json!([]));
        return invalid(GROUP, Vec::new());
    }
    only(request, "AttributesToGet", json!(["a", "b", "a"]));
    invalid_one("Duplicate value in attribute name: a")
}
