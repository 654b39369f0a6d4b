//! What clients write: every value once, and each recognisable as whole.
//!
//! An item that was put holds its key, a number that no other write has, and a padding made from that
//! number; updates add numbers of theirs. So a read says which writes it saw, and an item of which a part
//! is missing or another's is found out.

use std::sync::Arc;

use serde_json::{Value, json};
use stator_model::{AttributeValue, Item, SharedItem};

use crate::change::{Content, Field};

/// The number of a write. No two writes of a run have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteNumber(pub u64);

/// A key that clients use, of every table alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyNumber(pub u64);

/// The local index that holds every item of a table with composite keys that was put.
pub const BY_WRITE: &str = "by-write";

/// How a table's primary key is made. A name keeps its kind through all lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// A string.
    Simple,
    /// A string that few keys share, and a number.
    Composite,
}

impl KeyKind {
    /// The attributes of a key.
    pub fn attributes(self, key: KeyNumber) -> Value {
        match self {
            Self::Simple => json!({ "pk": { "S": format!("key-{}", key.0) } }),
            Self::Composite => json!({
                "pk": { "S": format!("group-{}", key.0 % 3) },
                "sk": { "N": key.0.to_string() },
            }),
        }
    }

    /// Which keys have one partition key: those with the same number.
    pub fn group(self, key: KeyNumber) -> u64 {
        match self {
            Self::Simple => key.0,
            Self::Composite => key.0 % 3,
        }
    }

    /// The partition key of a group.
    pub fn partition(self, group: u64) -> Value {
        match self {
            Self::Simple => json!({ "S": format!("key-{group}") }),
            Self::Composite => json!({ "S": format!("group-{group}") }),
        }
    }

    /// `LocalSecondaryIndexes` of CreateTable: one that holds every item that was put, in the order of
    /// writes, and one
    /// that holds some.
    pub fn local_indexes(self) -> Value {
        let index = |name: &str, sort: &str, projection: Value| {
            json!({
                "IndexName": name,
                "KeySchema": [
                    { "AttributeName": "pk", "KeyType": "HASH" },
                    { "AttributeName": sort, "KeyType": "RANGE" },
                ],
                "Projection": projection,
            })
        };
        match self {
            Self::Simple => Value::Null,
            Self::Composite => json!([
                index(BY_WRITE, "write", json!({ "ProjectionType": "KEYS_ONLY" })),
                index(
                    "by-turn",
                    "turn",
                    json!({
                        "ProjectionType": "INCLUDE",
                        "NonKeyAttributes": ["write", "nothing"],
                    })
                ),
            ]),
        }
    }

    /// An item that has nothing but its key.
    pub fn item(self, key: KeyNumber) -> SharedItem {
        let text = |text: String| ("pk".to_owned(), AttributeValue::S(text));
        let pairs = match self {
            Self::Simple => vec![text(format!("key-{}", key.0))],
            Self::Composite => {
                let number = key.0.to_string().parse().expect("digits are a number");
                let sort = ("sk".to_owned(), AttributeValue::N(number));
                vec![text(format!("group-{}", key.0 % 3)), sort]
            }
        };
        Arc::new(Item::from_pairs(pairs).expect("the names differ"))
    }

    /// `AttributeDefinitions` and `KeySchema` of CreateTable.
    pub fn schema(self) -> (Value, Value) {
        match self {
            Self::Simple => (
                json!([{ "AttributeName": "pk", "AttributeType": "S" }]),
                json!([{ "AttributeName": "pk", "KeyType": "HASH" }]),
            ),
            Self::Composite => (
                json!([
                    { "AttributeName": "pk", "AttributeType": "S" },
                    { "AttributeName": "sk", "AttributeType": "N" },
                    { "AttributeName": "write", "AttributeType": "N" },
                    { "AttributeName": "turn", "AttributeType": "S" },
                ]),
                json!([
                    { "AttributeName": "pk", "KeyType": "HASH" },
                    { "AttributeName": "sk", "KeyType": "RANGE" },
                ]),
            ),
        }
    }
}

/// The item with this content. What a write put has a padding made from its number.
pub fn item(kind: KeyKind, key: KeyNumber, content: Content, padding: usize) -> Value {
    let mut item = kind.attributes(key);
    let Some(attributes) = item.as_object_mut() else { return item };
    if let Some(write) = content.put {
        attributes.insert("write".to_owned(), json!({ "N": write.0.to_string() }));
        attributes.insert("padding".to_owned(), json!({ "S": pad(write, padding) }));
        // Some writes put the item elsewhere in the index, some take it out, some leave it.
        if kind == KeyKind::Composite && !write.0.is_multiple_of(3) {
            attributes.insert("turn".to_owned(), json!({ "S": format!("turn-{}", write.0 % 5) }));
        }
    }
    for field in Field::ALL {
        if let Some(value) = field.of(content) {
            attributes.insert(field.name().to_owned(), json!({ "N": value.to_string() }));
        }
    }
    item
}

/// The content of this item.
///
/// # Errors
/// What is wrong with it: no writes left it like this.
pub fn content_of(kind: KeyKind, key: KeyNumber, found: &Value) -> Result<Content, String> {
    let number = |name| number_of(found, name);
    let content = Content {
        put: number("write").map(WriteNumber),
        hits: number(Field::Hits.name()),
        version: number(Field::Version.name()).map(WriteNumber),
        first: number(Field::First.name()).map(WriteNumber),
    };
    let padding = found.pointer("/padding/S").and_then(Value::as_str).unwrap_or_default();
    if *found == item(kind, key, content, padding.len()) {
        Ok(content)
    } else {
        Err(format!("parts of {content:?} are not its own"))
    }
}

/// A number of an item.
pub fn number_of(item: &Value, name: &str) -> Option<u64> {
    item.get(name)?.get("N")?.as_str()?.parse().ok()
}

/// Letters made from the number; a part of another write's is not the same.
fn pad(write: WriteNumber, length: usize) -> String {
    let word = format!("{:08x}.", write.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32);
    let mut text = word.repeat(length.div_ceil(word.len()));
    text.truncate(length);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_names_its_writes_and_a_mixture_does_not() {
        let (kind, key) = (KeyKind::Composite, KeyNumber(4));
        let put = |write| Content { put: Some(WriteNumber(write)), ..Content::default() };
        let mut one = item(kind, key, put(7), 30);
        let other = item(kind, key, put(8), 30);
        assert_eq!(content_of(kind, key, &one), Ok(put(7)));
        assert!(content_of(kind, KeyNumber(5), &one).is_err(), "another key's item");
        one["padding"] = other["padding"].clone();
        assert!(content_of(kind, key, &one).is_err(), "another write's padding");
        assert!(content_of(kind, key, &json!({ "pk": { "S": "x" } })).is_err());
    }

    #[test]
    fn an_item_shows_what_updates_left() {
        let (kind, key) = (KeyKind::Simple, KeyNumber(4));
        let content = Content { hits: Some(12), first: Some(WriteNumber(3)), ..Content::default() };
        let found = item(kind, key, content, 0);
        assert_eq!(content_of(kind, key, &found), Ok(content));
        let mut foreign = found.clone();
        foreign["other"] = json!({ "N": "1" });
        assert!(content_of(kind, key, &foreign).is_err(), "an attribute that nobody writes");
    }
}
