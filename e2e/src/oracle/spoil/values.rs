//! Attribute values that cannot be, in items and under placeholders.

use serde_json::{Value as Json, json};

use super::{EXPRESSIONS, Flaw, Request, Text, VALUES, invalid, one_or_more, unreadable};
use crate::random::Random;

const GROUP: &str = "value";

/// A value that cannot be, what is said of it, and whether that belongs to a family that some operations
/// wrap.
struct Wrong {
    value: Json,
    text: String,
    is_wrapped: bool,
}

fn wrong(random: &mut Random) -> Wrong {
    let plain = |value: Json, text: &str| Wrong { value, text: text.to_owned(), is_wrapped: false };
    let wrapped =
        |value: Json, text: &str| Wrong { value, text: one_or_more(text), is_wrapped: true };
    match random.below(14) {
        0 => plain(
            json!({}),
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        ),
        1 => plain(
            json!({"S": "a", "N": "1"}),
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of \
             the supported datatypes",
        ),
        2 => {
            plain(json!({"N": "one"}), "The parameter cannot be converted to a numeric value: one")
        }
        3 => plain(json!({"N": ""}), "The parameter cannot be converted to a numeric value"),
        4 => plain(
            json!({"N": format!("{}1", "12".repeat(19))}),
            "Attempting to store more than 38 significant digits in a Number",
        ),
        5 => plain(
            json!({"L": [{"N": "-1E126"}]}),
            "Number overflow. Attempting to store a number with magnitude larger than supported \
             range",
        ),
        6 => plain(
            json!({"NS": ["1e-131"]}),
            "Number underflow. Attempting to store a number with magnitude smaller than supported \
             range",
        ),
        7 => wrapped(json!({"SS": []}), "An string set  may not be empty"),
        8 => wrapped(json!({"M": {"m0": {"NS": []}}}), "An number set  may not be empty"),
        9 => wrapped(json!({"BS": []}), "Binary sets should not be empty"),
        10 => wrapped(
            json!({"SS": ["a", "b", "a"]}),
            "Input collection [a, b, a] contains duplicates.",
        ),
        11 => wrapped(
            json!({"NULL": false}),
            "Null attribute value types must have the value of true",
        ),
        12 => {
            let text = "Input collection contains duplicates";
            // This one stands alone.
            Wrong { value: json!({"NS": ["1", "1.0"]}), text: text.to_owned(), is_wrapped: true }
        }
        _ => {
            let mut value = json!({"S": "deep"});
            for _ in 0..40 {
                value = json!({ "L": [value] });
            }
            plain(value, "Nesting Levels have exceeded supported limits")
        }
    }
}

pub(super) fn spoil(request: &mut Request<'_>) -> Option<Flaw> {
    match request.operation {
        "PutItem" if !request.random.one_in(3) => Some(in_item(request)),
        "PutItem" | "UpdateItem" | "DeleteItem" | "Query" | "Scan" => under_placeholder(request),
        _ => None,
    }
}

fn in_item(request: &mut Request<'_>) -> Flaw {
    let choice = request.random.below(8);
    let found = wrong(request.random);
    let item = request.body.get_mut("Item").and_then(Json::as_object_mut);
    let item = item.expect("an item is put");
    match choice {
        0 => {
            item.insert("flawed".to_owned(), json!({"N": 1}));
            return unreadable(Some("NUMBER_VALUE cannot be converted to String"));
        }
        1 => {
            item.insert("flawed".to_owned(), json!({"B": "AAA"}));
            return unreadable(None);
        }
        2 => {
            item.insert(String::new(), json!({"S": "of no name"}));
            return invalid(GROUP, Vec::new());
        }
        _ => {}
    }
    item.insert("flawed".to_owned(), found.value);
    let texts =
        if found.is_wrapped { request.wrapped(found.text) } else { vec![Text::Has(found.text)] };
    invalid(GROUP, texts)
}

/// The value is also used, so that nothing else is wrong.
fn under_placeholder(request: &mut Request<'_>) -> Option<Flaw> {
    if !request.takes_values() {
        return None;
    }
    let found = wrong(request.random);
    let [.., filter, _] = EXPRESSIONS;
    let member = if request.is(&["Query", "Scan"]) { filter } else { EXPRESSIONS[1] };
    let body = &mut *request.body;
    let text = match body.get(member).and_then(Json::as_str) {
        Some(text) => format!("({text}) OR m0 = :flawed"),
        None => "m0 = :flawed".to_owned(),
    };
    body.insert(member.to_owned(), json!(text));
    let values = body.entry(VALUES.to_owned()).or_insert_with(|| json!({}));
    values.as_object_mut()?.insert(":flawed".to_owned(), found.value);
    let text = format!("ExpressionAttributeValues contains invalid value: {}", found.text);
    Some(invalid(GROUP, vec![Text::Has(text)]))
}
