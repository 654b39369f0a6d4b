//! Placeholders that are not defined, not used, or none.

use serde_json::{Value as Json, json};

use super::{Flaw, NAMES, Request, VALUES, invalid, invalid_has};

const GROUP: &str = "placeholder";

/// What most keywords are that the model uses as names of attributes.
const RESERVED: &str = "count";

pub(super) fn spoil(request: &mut Request<'_>) -> Option<Flaw> {
    let takes_values = request.takes_values();
    match request.random.below(8) {
        0 => undefined(request, NAMES),
        1 => undefined(request, VALUES),
        2 => unused(request, NAMES),
        3 if takes_values => unused(request, VALUES),
        4 => empty(request),
        5 => no_token(request),
        6 => without_expression(request),
        _ => bare(request),
    }
}

fn undefined(request: &mut Request<'_>, member: &str) -> Option<Flaw> {
    let random = request.random.fork();
    let holder = request.holder();
    let placeholders = holder.get_mut(member)?.as_object_mut()?;
    let all: Vec<String> = placeholders.keys().cloned().collect();
    let gone = random.clone().pick(&all).clone();
    placeholders.remove(&gone);
    if placeholders.is_empty() {
        holder.remove(member);
    }
    Some(invalid_has(
        GROUP,
        if member == NAMES {
            format!(
                "An expression attribute name used in the document path is not defined; attribute \
                 name: {gone}"
            )
        } else {
            format!(
                "An expression attribute value used in expression is not defined; attribute \
                 value: {gone}"
            )
        },
    ))
}

fn unused(request: &mut Request<'_>, member: &str) -> Option<Flaw> {
    request.expression()?;
    let (name, value) =
        if member == NAMES { ("#unused", json!("m0")) } else { (":unused", json!({"NULL": true})) };
    let placeholders = request.holder().entry(member.to_owned()).or_insert_with(|| json!({}));
    placeholders.as_object_mut()?.insert(name.to_owned(), value);
    let text = format!("Value provided in {member} unused in expressions: keys: {{{name}}}");
    Some(invalid(GROUP, request.wrapped(text)))
}

fn empty(request: &mut Request<'_>) -> Option<Flaw> {
    request.expression()?;
    let takes_values = request.takes_values();
    let holder = request.holder();
    let member = match (holder.contains_key(NAMES), holder.contains_key(VALUES)) {
        (false, _) => NAMES,
        (true, false) if takes_values => VALUES,
        (true, _) => return None,
    };
    holder.insert(member.to_owned(), json!({}));
    Some(invalid(GROUP, request.wrapped(format!("{member} must not be empty"))))
}

/// A key that is no placeholder, and is used nowhere.
fn no_token(request: &mut Request<'_>) -> Option<Flaw> {
    request.expression()?;
    let takes_values = request.takes_values();
    let token = *request.random.pick(&["n0", "#", "#a-b", "##", "# "]);
    let member = if takes_values && request.random.one_in(2) { VALUES } else { NAMES };
    let value = if member == NAMES { json!("m0") } else { json!({"S": "x"}) };
    let placeholders = request.holder().entry(member.to_owned()).or_insert_with(|| json!({}));
    placeholders.as_object_mut()?.insert(token.to_owned(), value);
    let text = format!("{member} contains invalid key: Syntax error; key: \"{token}\"");
    Some(invalid_has(GROUP, text))
}

fn without_expression(request: &mut Request<'_>) -> Option<Flaw> {
    let is_write = request.is(&["PutItem", "UpdateItem", "DeleteItem"]);
    let missing = match request.operation {
        "UpdateItem" => "UpdateExpression and ConditionExpression are null",
        "Scan" => "FilterExpression is null",
        _ => "ConditionExpression is null",
    };
    if !is_write && !request.is(&["GetItem", "Scan"]) {
        return None;
    }
    let with_values = request.operation != "GetItem" && request.random.one_in(2);
    request.strip();
    // SPECIFIC_ATTRIBUTES would miss what was taken away.
    request.body.remove("Select");
    let text = if with_values {
        request.body.insert(VALUES.to_owned(), json!({":v": {"S": "x"}}));
        format!("ExpressionAttributeValues can only be specified when using expressions: {missing}")
    } else {
        request.body.insert(NAMES.to_owned(), json!({"#n": "m0"}));
        "ExpressionAttributeNames can only be specified when using expressions".to_owned()
    };
    Some(invalid(GROUP, request.wrapped(text)))
}

/// A reserved word stands where its placeholder was.
fn bare(request: &mut Request<'_>) -> Option<Flaw> {
    let (member, kind) = request.expression()?;
    let holder = request.holder();
    let names = holder.get(NAMES)?.as_object()?;
    let (name, _) = names.iter().find(|(_, target)| target.as_str() == Some(RESERVED))?;
    let name = name.clone();
    let text = holder.get(member)?.as_str()?;
    if !super::placeholders_in(text).contains(&name) {
        return None;
    }
    // `#n1` is not to be found in `#n10`.
    let text = format!("{text} ");
    let parts: Vec<&str> = text.split(name.as_str()).collect();
    let mut replaced = String::new();
    for (at, part) in parts.iter().enumerate() {
        let goes_on = part.starts_with(|letter: char| letter.is_ascii_digit());
        if at > 0 {
            replaced.push_str(if goes_on { &name } else { RESERVED });
        }
        replaced.push_str(part);
    }
    holder.insert(member.to_owned(), Json::String(replaced));
    request.prune();
    let text = format!("{kind}Attribute name is a reserved keyword; reserved keyword: {RESERVED}");
    Some(invalid(GROUP, vec![super::Text::Has(text)]))
}
