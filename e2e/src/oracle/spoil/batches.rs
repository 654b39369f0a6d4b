//! Batches that are refused as a whole.

use serde_json::{Value as Json, json};

use super::{Flaw, Request, Text, invalid, invalid_has, invalid_is};

const GROUP: &str = "batch";

pub(super) fn spoil(request: &mut Request<'_>) -> Option<Flaw> {
    if !request.is(&["BatchGetItem", "BatchWriteItem"]) {
        return None;
    }
    match request.random.below(5) {
        0 => {
            request.body.insert("RequestItems".to_owned(), json!({}));
            let text = format!("The requestItems parameter is required for {}", request.operation);
            Some(invalid_is(GROUP, text))
        }
        1 => {
            // In the place of one that exists, so that there are not too many entries.
            let table = request.table();
            let tables = request.body.get_mut("RequestItems")?.as_object_mut()?;
            let entries = tables.remove(&table)?;
            tables.insert("nowhere".to_owned(), entries);
            let texts = vec![Text::Is("Requested resource not found".to_owned())];
            Some(Flaw { group: "table", error: "ResourceNotFoundException", texts })
        }
        2 => doubled(request),
        3 => Some(too_many(request)),
        _ => two_at_once(request),
    }
}

/// The keys or writes of the first table.
fn entries<'b>(request: &'b mut Request<'_>) -> Option<&'b mut Vec<Json>> {
    let (table, reads) = (request.table(), request.is(&["BatchGetItem"]));
    let of_table = request.body.get_mut("RequestItems")?.get_mut(&table)?;
    if reads { of_table.get_mut("Keys")?.as_array_mut() } else { of_table.as_array_mut() }
}

/// Something stands there twice; BatchWriteItem also sees it if a number is spelt differently, or if one
/// of the two is a delete.
fn doubled(request: &mut Request<'_>) -> Option<Flaw> {
    let most = if request.is(&["BatchGetItem"]) { 100 } else { 25 };
    let key_names: Vec<&str> =
        request.schema().key_attributes().iter().map(|key| key.name).collect();
    let as_delete = request.random.one_in(2);
    // One more must not be one too many.
    let tables = request.body.get("RequestItems")?.as_object()?.values();
    let count = |table: &Json| table.get("Keys").unwrap_or(table).as_array().map_or(0, Vec::len);
    if tables.map(count).sum::<usize>() >= most {
        return None;
    }
    let entries = entries(request)?;
    let first = entries.first()?.clone();
    let again = match first.pointer("/PutRequest/Item").and_then(Json::as_object) {
        Some(item) if as_delete => {
            let is_key = |(name, _): &(&String, &Json)| key_names.contains(&name.as_str());
            let key: serde_json::Map<String, Json> =
                item.iter().filter(is_key).map(|(n, v)| (n.clone(), v.clone())).collect();
            json!({"DeleteRequest": {"Key": key}})
        }
        _ => first,
    };
    entries.push(again);
    Some(invalid_is(GROUP, "Provided list of item keys contains duplicates"))
}

fn too_many(request: &mut Request<'_>) -> Flaw {
    let reads = request.is(&["BatchGetItem"]);
    let keys: Vec<Json> = (0..=if reads { 100 } else { 25 })
        .map(|number| {
            let key = json!({"pk": {"S": number.to_string()}});
            if reads { key } else { json!({"DeleteRequest": {"Key": key}}) }
        })
        .collect();
    let tables = if reads { json!({"alpha": {"Keys": keys}}) } else { json!({ "alpha": keys }) };
    request.body.insert("RequestItems".to_owned(), tables);
    let text = if reads {
        "Value at 'RequestItems.alpha.member.Keys' failed to satisfy constraint: Member must have \
         length less than or equal to 100"
    } else {
        "at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: \
         [Member must have length less than or equal to 25, Member must have length greater than \
         or equal to 1]"
    };
    invalid_has(GROUP, text)
}

/// One entry that writes and deletes, or none of both.
fn two_at_once(request: &mut Request<'_>) -> Option<Flaw> {
    if request.is(&["BatchGetItem"]) {
        return None;
    }
    let is_none = request.random.one_in(2);
    let entry = entries(request)?.first_mut()?.as_object_mut()?;
    if is_none {
        entry.clear();
    } else {
        let key = json!({"Key": {"pk": {"S": "x"}}});
        let item = json!({"Item": {"pk": {"S": "x"}}});
        entry.entry("DeleteRequest".to_owned()).or_insert(key);
        entry.entry("PutRequest".to_owned()).or_insert(item);
    }
    Some(invalid(GROUP, Vec::new()))
}
