//! Keys that no item of the table can have.

use serde_json::{Value as Json, json};

use super::{
    EXPRESSIONS, Flaw, Members, NAMES, Request, VALUES, invalid_has, invalid_is, one_or_more,
};
use crate::client::KeyAttribute;

const GROUP: &str = "key";
const MISMATCH: &str = "The provided key element does not match the schema";

/// A value of this type.
pub(super) fn of_kind(kind: char, text: &str) -> Json {
    match kind {
        'B' => json!({"B": text}),
        kind => json!({ kind.to_string(): text }),
    }
}

/// A value that is not of this type, and its type.
pub(super) fn of_other_kind(kind: char) -> (Json, &'static str) {
    match kind {
        'S' => (json!({"N": "7"}), "N"),
        'N' => (json!({"B": "AAAA"}), "B"),
        _ => (json!({"S": "seven"}), "S"),
    }
}

/// The key or item in a request, and whether it is an item.
fn key_of<'b>(
    operation: &str,
    body: &'b mut Members,
    table: &str,
) -> Option<(&'b mut Members, bool)> {
    let of_batch = |body: &'b mut Members| body.get_mut("RequestItems")?.get_mut(table);
    let (found, is_item) = match operation {
        "PutItem" => (body.get_mut("Item"), true),
        "GetItem" | "UpdateItem" | "DeleteItem" => (body.get_mut("Key"), false),
        "BatchGetItem" => {
            (of_batch(body).and_then(|table| table.get_mut("Keys")?.get_mut(0)), false)
        }
        "BatchWriteItem" => {
            let write = of_batch(body).and_then(|table| table.get_mut(0))?.as_object_mut()?;
            if write.contains_key("PutRequest") {
                (write.get_mut("PutRequest").and_then(|put| put.get_mut("Item")), true)
            } else {
                (write.get_mut("DeleteRequest").and_then(|put| put.get_mut("Key")), false)
            }
        }
        _ => (None, false),
    };
    Some((found?.as_object_mut()?, is_item))
}

/// PutItem names what is wrong with a key; where a key is a parameter, it only does not match.
pub(super) fn spoil(request: &mut Request<'_>) -> Option<Flaw> {
    let (operation, table, schema) = (request.operation, request.table(), request.schema());
    let attributes = schema.key_attributes();
    let KeyAttribute { name, kind } = *request.random.pick(&attributes);
    let choice = request.random.below(6);
    let (key, is_item) = key_of(operation, request.body, &table)?;
    // BatchWriteItem says of its items what the others say of keys.
    let is_put = operation == "PutItem";
    Some(match choice {
        0 => {
            let (value, actual) = of_other_kind(kind);
            key.insert(name.to_owned(), value);
            if is_put {
                let text =
                    format!("Type mismatch for key {name} expected: {kind} actual: {actual}");
                invalid_is(GROUP, one_or_more(text))
            } else {
                invalid_is(GROUP, MISMATCH)
            }
        }
        1 => {
            key.remove(name);
            if is_put {
                invalid_is(GROUP, one_or_more(format!("Missing the key {name} in the item")))
            } else {
                invalid_is(GROUP, MISMATCH)
            }
        }
        2 if !is_item => {
            key.insert("more".to_owned(), json!({"S": "x"}));
            invalid_is(GROUP, MISMATCH)
        }
        3 if !is_item => {
            let value = key.remove(name)?;
            key.insert(name.to_uppercase(), value);
            invalid_is(GROUP, MISMATCH)
        }
        4 if kind != 'N' => {
            key.insert(name.to_owned(), of_kind(kind, ""));
            let what = if kind == 'S' { "string" } else { "binary" };
            invalid_is(
                GROUP,
                format!(
                    "One or more parameter values are not valid. The AttributeValue for a key \
                     attribute cannot contain an empty {what} value. Key: {name}"
                ),
            )
        }
        5 if kind != 'N' => {
            // 4 letters of base64 are 3 bytes.
            key.insert(name.to_owned(), of_kind(kind, &"AAAA".repeat(800)));
            invalid_is(GROUP, one_or_more(if name == "pk" { LONG_HASH } else { LONG_RANGE }))
        }
        _ => return None,
    })
}

const LONG_HASH: &str = "Size of hashkey has exceeded the maximum size limit of2048 bytes";
const LONG_RANGE: &str =
    "Aggregated size of all range keys has exceeded the size limit of 1024 bytes";

/// What an index cannot hold.
pub(super) fn spoil_index_key(request: &mut Request<'_>) -> Option<Flaw> {
    let (operation, table, schema) = (request.operation, request.table(), request.schema());
    if schema.indexes().is_empty() {
        return None;
    }
    let index = request.random.pick(schema.indexes()).clone();
    let KeyAttribute { name, kind } = index.sort_key;
    let is_empty = kind != 'N' && request.random.one_in(2);
    let value = if is_empty { of_kind(kind, "") } else { of_other_kind(kind).0 };
    let mismatch = || {
        let actual = of_other_kind(kind).1;
        let text = format!(
            "Type mismatch for Index Key {name} Expected: {kind} Actual: {actual} IndexName: {}",
            index.name
        );
        invalid_is("index_key", one_or_more(text))
    };
    if operation == "UpdateItem" {
        let is_nested = request.random.one_in(3);
        request.strip();
        let path = if is_nested { "#key.m0" } else { "#key" };
        let text = format!("SET {path} = :value");
        request.body.insert(EXPRESSIONS[0].to_owned(), json!(text));
        request.body.insert(NAMES.to_owned(), json!({"#key": name}));
        request.body.insert(VALUES.to_owned(), json!({":value": value}));
        return Some(match (is_nested, is_empty) {
            (true, _) => invalid_has("index_key", format!("are not allowed: IndexKey: {name}")),
            (false, false) => mismatch(),
            (false, true) => invalid_has(
                "index_key",
                "The update expression attempted to update a secondary index key to a value that \
                 is not supported. The AttributeValue for a key attribute cannot contain an empty",
            ),
        });
    }
    let (item, is_item) = key_of(operation, request.body, &table)?;
    is_item.then(|| {
        item.insert(name.to_owned(), value);
        if is_empty {
            let what = if kind == 'S' { "string" } else { "binary" };
            let text = format!(
                "One or more parameter values are not valid. A value specified for a secondary \
                 index key is not supported. The AttributeValue for a key attribute cannot \
                 contain an empty {what} value. IndexName: {}, IndexKey: {name}",
                index.name
            );
            invalid_is("index_key", text)
        } else {
            mismatch()
        }
    })
}
