//! What Query and Scan cannot be asked.

use serde_json::{Value as Json, json};

use super::keys::{of_kind, of_other_kind};
use super::{EXPRESSIONS, Flaw, NAMES, Request, Text, VALUES, invalid, invalid_has, invalid_is};

const GROUP: &str = "page";

pub(super) fn spoil(request: &mut Request<'_>) -> Option<Flaw> {
    if !request.is(&["Query", "Scan"]) {
        return None;
    }
    match request.random.below(8) {
        0 => Some(limit(request)),
        1 => Some(index(request)),
        2 | 3 => select(request),
        4 if request.is(&["Scan"]) => Some(segments(request)),
        4 | 5 => key_condition(request),
        6 => filter(request),
        _ => start(request),
    }
}

/// Query and Scan say it differently.
fn limit(request: &mut Request<'_>) -> Flaw {
    request.body.insert("Limit".to_owned(), json!(0));
    let rule = "Member must have value greater than or equal to 1";
    let member = if request.is(&["Query"]) { "Value at 'Limit'" } else { "Value '0' at 'limit'" };
    let text =
        format!("1 validation error detected: {member} failed to satisfy constraint: {rule}");
    invalid_is(GROUP, text)
}

fn index(request: &mut Request<'_>) -> Flaw {
    let (name, text) = match request.random.below(3) {
        0 => ("no such", "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
        1 => ("ix", "Member must have length greater than or equal to 3"),
        _ => ("nowhere", "The table does not have the specified index: nowhere"),
    };
    request.body.insert("IndexName".to_owned(), json!(name));
    invalid_has(GROUP, text)
}

/// What is selected, and whether there is a projection, has to fit.
fn select(request: &mut Request<'_>) -> Option<Flaw> {
    let has_projection = request.body.contains_key("ProjectionExpression");
    let has_attributes = request.body.contains_key("AttributesToGet");
    let has_index = request.body.contains_key("IndexName");
    let mut set = |select: &str| {
        request.body.insert("Select".to_owned(), json!(select));
    };
    Some(match request.random.below(4) {
        0 => {
            set("SOME");
            invalid_is(
                GROUP,
                "1 validation error detected: Value 'SOME' at 'select' failed to satisfy \
                 constraint: Member must satisfy enum value set: [SPECIFIC_ATTRIBUTES, COUNT, \
                 ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]",
            )
        }
        1 if !has_projection && !has_attributes => {
            set("SPECIFIC_ATTRIBUTES");
            let text = "Must specify the AttributesToGet or ProjectionExpression when choosing to \
                        get SPECIFIC_ATTRIBUTES";
            invalid_has(GROUP, text)
        }
        2 if has_projection || has_attributes => {
            let member = if has_projection { "ProjectionExpression" } else { "AttributesToGet" };
            let select = if has_index { "ALL_PROJECTED_ATTRIBUTES" } else { "ALL_ATTRIBUTES" };
            set(select);
            let text = format!("Cannot specify the {member} when choosing to get {select}");
            invalid_has(GROUP, text)
        }
        3 if !has_projection && !has_attributes && !has_index => {
            set("ALL_PROJECTED_ATTRIBUTES");
            let text = "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName";
            invalid_has(GROUP, text)
        }
        _ => return None,
    })
}

/// Segment and TotalSegments come together, and one is below the other.
fn segments(request: &mut Request<'_>) -> Flaw {
    let mut set = |segment: Option<i64>, of: Option<i64>| {
        for (member, value) in [("Segment", segment), ("TotalSegments", of)] {
            request.body.remove(member);
            request.body.extend(value.map(|value| (member.to_owned(), json!(value))));
        }
    };
    match request.random.below(5) {
        0 => {
            set(Some(0), None);
            invalid_is(
                GROUP,
                "The TotalSegments parameter is required but was not present in the request when \
                 Segment parameter is present",
            )
        }
        1 => {
            set(None, Some(2));
            invalid_is(
                GROUP,
                "The Segment parameter is required but was not present in the request when \
                 parameter TotalSegments is present",
            )
        }
        2 => {
            set(Some(3), Some(3));
            invalid_is(
                GROUP,
                "The Segment parameter is zero-based and must be less than parameter \
                 TotalSegments: Segment: 3 is not less than TotalSegments: 3",
            )
        }
        3 => {
            set(Some(0), Some(0));
            invalid_has(GROUP, "Member must have value greater than or equal to 1")
        }
        _ => {
            set(Some(-1), Some(2));
            invalid_has(GROUP, "Member must have value greater than or equal to 0")
        }
    }
}

/// Key conditions that the table's or index's key does not fit.
fn key_condition(request: &mut Request<'_>) -> Option<Flaw> {
    let schema = request.schema();
    let named = request.body.get("IndexName").and_then(Json::as_str);
    let index = schema.indexes().iter().find(|index| Some(index.name) == named);
    let view = schema.view(index);
    let partition = *schema.key_attributes().first()?;
    if request.operation != "Query" {
        return None;
    }
    let good = of_kind(partition.kind, if partition.kind == 'N' { "7" } else { "AAAA" });
    let choice = request.random.below(6);
    let sort = view.sort_key();
    request.strip();
    for member in ["Select", "ExclusiveStartKey"] {
        request.body.remove(member);
    }
    let mut ask = |text: &str, names: Json, values: Json| {
        request.body.insert(EXPRESSIONS[2].to_owned(), json!(text));
        request.body.insert(VALUES.to_owned(), values);
        if names != json!({}) {
            request.body.insert(NAMES.to_owned(), names);
        }
    };
    Some(match (choice, sort) {
        (0, _) => invalid_is(
            GROUP,
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in \
             the request.",
        ),
        (1, _) => {
            ask("pk > :pk", json!({}), json!({":pk": good}));
            invalid_is(GROUP, "Query key condition not supported")
        }
        (2, Some(sort)) => {
            let value = of_kind(sort.kind, if sort.kind == 'N' { "7" } else { "AAAA" });
            ask("#sort = :sort", json!({"#sort": sort.name}), json!({":sort": value}));
            invalid_is(GROUP, "Query condition missed key schema element: pk")
        }
        (3, Some(sort)) => {
            let values = json!({":pk": good, ":other": {"S": "x"}});
            ask("pk = :pk AND m0 = :other", json!({}), values);
            let text = format!("Query condition missed key schema element: {}", sort.name);
            invalid_is(GROUP, text)
        }
        (4, Some(sort)) => {
            let values = json!({":pk": good, ":sort": of_other_kind(sort.kind).0});
            ask("pk = :pk AND #sort <= :sort", json!({"#sort": sort.name}), values);
            let text = "One or more parameter values were invalid: Condition parameter type does \
                        not match schema type";
            invalid_is(GROUP, text)
        }
        (_, _) => {
            ask("pk = :pk", json!({}), json!({":pk": of_other_kind(partition.kind).0}));
            let text = "One or more parameter values were invalid: Condition parameter type does \
                        not match schema type";
            invalid_is(GROUP, text)
        }
    })
}

/// A filter of a Query looks at no key of what is queried.
fn filter(request: &mut Request<'_>) -> Option<Flaw> {
    if request.operation != "Query" || !request.body.contains_key(EXPRESSIONS[2]) {
        return None;
    }
    let schema = request.schema();
    let named = request.body.get("IndexName").and_then(Json::as_str);
    let index = schema.indexes().iter().find(|index| Some(index.name) == named);
    let names = schema.view(index).key_names();
    let name = *request.random.pick(&names);
    let filter = request.body.get(EXPRESSIONS[3]).and_then(Json::as_str);
    let filter = match filter {
        Some(filter) => format!("({filter}) AND attribute_exists(#key)"),
        None => "attribute_exists(#key)".to_owned(),
    };
    request.body.insert(EXPRESSIONS[3].to_owned(), json!(filter));
    let names = request.body.entry(NAMES.to_owned()).or_insert_with(|| json!({}));
    names.as_object_mut()?.insert("#key".to_owned(), json!(name));
    let text = format!(
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: \
         {name}"
    );
    Some(invalid_has(GROUP, text))
}

/// Start keys of another shape.
fn start(request: &mut Request<'_>) -> Option<Flaw> {
    let mut start = request.body.get("ExclusiveStartKey")?.as_object()?.clone();
    let names: Vec<String> = start.keys().cloned().collect();
    let name = request.random.pick(&names).clone();
    match request.random.below(3) {
        0 => {
            start.insert("more".to_owned(), json!({"S": "x"}));
        }
        1 => {
            start.remove(&name);
        }
        _ => {
            let kind = start.get(&name)?.as_object()?.keys().next()?.chars().next()?;
            start.insert(name, of_other_kind(kind).0);
        }
    }
    request.body.insert("ExclusiveStartKey".to_owned(), Json::Object(start));
    Some(invalid(GROUP, vec![Text::Has("The provided starting key is ".to_owned())]))
}
