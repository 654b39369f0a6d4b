//! Values and items of the model.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use super::number::{canonical, number_size};

/// An item: attributes by name.
pub type Item = BTreeMap<String, Value>;

/// A value of one of the ten types. Numbers are in canonical form and sets are ordered, so that
/// equality of values is equality of `Value`s.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the variants are DynamoDB's types under DynamoDB's names")]
pub enum Value {
    S(String),
    N(String),
    B(Vec<u8>),
    Bool(bool),
    Null,
    Ss(BTreeSet<String>),
    Ns(BTreeSet<String>),
    Bs(BTreeSet<Vec<u8>>),
    L(Vec<Value>),
    M(Item),
}

impl Value {
    /// The value that the server answered.
    ///
    /// # Panics
    /// If it is of no known type, a number is not in canonical form, or a set holds something twice:
    /// the service never answers so.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the SDK's enum may grow, and its last variant is private"
    )]
    pub fn from_sdk(answered: &AttributeValue) -> Self {
        match answered {
            AttributeValue::S(text) => Self::S(text.clone()),
            AttributeValue::N(number) => Self::N(checked(number)),
            AttributeValue::B(bytes) => Self::B(bytes.as_ref().to_vec()),
            AttributeValue::Bool(flag) => Self::Bool(*flag),
            AttributeValue::Null(flag) => {
                assert!(*flag, "NULL is always true");
                Self::Null
            }
            AttributeValue::Ss(set) => Self::Ss(unique(set.iter().cloned())),
            AttributeValue::Ns(set) => Self::Ns(unique(set.iter().map(|text| checked(text)))),
            AttributeValue::Bs(set) => Self::Bs(unique(set.iter().map(|b| b.as_ref().to_vec()))),
            AttributeValue::L(list) => Self::L(list.iter().map(Self::from_sdk).collect()),
            AttributeValue::M(map) => Self::M(Self::item_from_sdk(map)),
            other => panic!("a value of no known type: {other:?}"),
        }
    }

    /// The item that the server answered.
    ///
    /// # Panics
    /// As [`from_sdk`](Self::from_sdk).
    pub fn item_from_sdk(answered: &HashMap<String, AttributeValue>) -> Item {
        answered.iter().map(|(name, value)| (name.clone(), Self::from_sdk(value))).collect()
    }

    /// The type by its name on the wire.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::B(_) => "B",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
            Self::Bs(_) => "BS",
            Self::L(_) => "L",
            Self::M(_) => "M",
        }
    }

    /// How deep lists and maps are nested in it; 0 for what is neither.
    pub fn depth(&self) -> usize {
        let within = |deepest: Option<usize>| 1 + deepest.unwrap_or(0);
        match self {
            Self::L(list) => within(list.iter().map(Self::depth).max()),
            Self::M(map) => within(map.values().map(Self::depth).max()),
            Self::S(_)
            | Self::N(_)
            | Self::B(_)
            | Self::Bool(_)
            | Self::Null
            | Self::Ss(_)
            | Self::Ns(_)
            | Self::Bs(_) => 0,
        }
    }

    /// The size in bytes as the service counts it.
    pub fn size(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number_size(number),
            Self::B(bytes) => bytes.len(),
            Self::Bool(_) | Self::Null => 1,
            Self::Ss(set) => set.iter().map(String::len).sum(),
            Self::Ns(set) => set.iter().map(|number| number_size(number)).sum(),
            Self::Bs(set) => set.iter().map(Vec::len).sum(),
            Self::L(list) => 3 + list.iter().map(|value| 1 + value.size()).sum::<usize>(),
            Self::M(map) => 3 + map.len() + item_size(map),
        }
    }
}

/// The size of an item: its names and values.
pub fn item_size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value.size()).sum()
}

/// The item as a client sends it.
pub fn to_sdk(item: &Item) -> HashMap<String, AttributeValue> {
    item.iter().map(|(name, value)| (name.clone(), value_to_sdk(value))).collect()
}

/// The value as a client sends it.
pub fn value_to_sdk(value: &Value) -> AttributeValue {
    match value {
        Value::S(text) => AttributeValue::S(text.clone()),
        Value::N(number) => AttributeValue::N(number.clone()),
        Value::B(bytes) => AttributeValue::B(Blob::new(bytes.clone())),
        Value::Bool(flag) => AttributeValue::Bool(*flag),
        Value::Null => AttributeValue::Null(true),
        Value::Ss(set) => AttributeValue::Ss(set.iter().cloned().collect()),
        Value::Ns(set) => AttributeValue::Ns(set.iter().cloned().collect()),
        Value::Bs(set) => AttributeValue::Bs(set.iter().cloned().map(Blob::new).collect()),
        Value::L(list) => AttributeValue::L(list.iter().map(value_to_sdk).collect()),
        Value::M(map) => AttributeValue::M(to_sdk(map)),
    }
}

fn checked(number: &str) -> String {
    let plain = canonical(number);
    assert_eq!(plain, number, "the server answers numbers in canonical form");
    plain
}

fn unique<T: Ord>(members: impl ExactSizeIterator<Item = T>) -> BTreeSet<T> {
    let count = members.len();
    let set: BTreeSet<T> = members.collect();
    assert_eq!(set.len(), count, "a set holds nothing twice");
    set
}
