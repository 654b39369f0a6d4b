//! What clients write: every value once, and each recognisable as whole.
//!
//! An item holds its key, a number that no other write has, and a padding made from that number. So a
//! read says which write it saw, and a value of which a part is missing or another's is found out.

use serde_json::{Value, json};

/// The number of a write. No two writes of a run have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteNumber(pub u64);

/// A key that clients use, of every table alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyNumber(pub u64);

/// The local index that holds every item of a table with composite keys.
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

    /// `LocalSecondaryIndexes` of CreateTable: one that holds every item, in the order of writes, and one
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

/// The item that a write puts.
pub fn item(kind: KeyKind, key: KeyNumber, write: WriteNumber, padding: usize) -> Value {
    let mut item = kind.attributes(key);
    if let Some(attributes) = item.as_object_mut() {
        attributes.insert("write".to_owned(), json!({ "N": write.0.to_string() }));
        attributes.insert("padding".to_owned(), json!({ "S": pad(write, padding) }));
        // Some writes put the item elsewhere in the index, some take it out, some leave it.
        if kind == KeyKind::Composite && !write.0.is_multiple_of(3) {
            attributes.insert("turn".to_owned(), json!({ "S": format!("turn-{}", write.0 % 5) }));
        }
    }
    item
}

/// The write that put this item.
///
/// # Errors
/// What is wrong with it: no write put it like this.
pub fn write_of(kind: KeyKind, key: KeyNumber, found: &Value) -> Result<WriteNumber, String> {
    let number = found.pointer("/write/N").and_then(Value::as_str);
    let number = number.and_then(|text| text.parse().ok()).map(WriteNumber);
    let padding = found.pointer("/padding/S").and_then(Value::as_str);
    let (Some(number), Some(padding)) = (number, padding) else {
        return Err("an attribute is missing".to_owned());
    };
    if *found == item(kind, key, number, padding.len()) {
        Ok(number)
    } else {
        Err(format!("parts of {number:?} are not its own"))
    }
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
    fn an_item_names_its_write_and_a_mixture_does_not() {
        let (kind, key) = (KeyKind::Composite, KeyNumber(4));
        let mut one = item(kind, key, WriteNumber(7), 30);
        let other = item(kind, key, WriteNumber(8), 30);
        assert_eq!(write_of(kind, key, &one), Ok(WriteNumber(7)));
        assert!(write_of(kind, KeyNumber(5), &one).is_err(), "another key's item");
        one["padding"] = other["padding"].clone();
        assert!(write_of(kind, key, &one).is_err(), "another write's padding");
        assert!(write_of(kind, key, &json!({ "pk": { "S": "x" } })).is_err());
    }
}
