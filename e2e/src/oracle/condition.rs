//! Conditions: what they say of an item.

use std::cmp::Ordering;
use std::str::FromStr;

use bigdecimal::BigDecimal;

use super::path::Path;
use super::value::{Item, Value};

/// What may be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// What stands there.
    Path(Path),
    /// A literal.
    Value(Value),
    /// `size(path)`.
    Size(Path),
}

/// A condition.
#[derive(Clone, Debug)]
pub enum Test {
    /// `left comparator right`.
    Compare(Operand, &'static str, Operand),
    /// `operand BETWEEN lower AND upper`.
    Between(Operand, Value, Value),
    /// `operand IN (values)`.
    In(Operand, Vec<Value>),
    /// `attribute_exists(path)`.
    Exists(Path),
    /// `attribute_not_exists(path)`.
    NotExists(Path),
    /// `attribute_type(path, :type)`.
    HasType(Path, &'static str),
    /// `begins_with(path, prefix)`.
    BeginsWith(Path, Value),
    /// `contains(path, element)`.
    Contains(Path, Operand),
    /// Both.
    And(Box<Self>, Box<Self>),
    /// At least one.
    Or(Box<Self>, Box<Self>),
    /// Not this.
    Not(Box<Self>),
}

impl Operand {
    fn attribute(&self) -> Option<&str> {
        match self {
            Self::Path(path) | Self::Size(path) => Some(&path.head),
            Self::Value(_) => None,
        }
    }

    fn of(&self, item: &Item) -> Option<Value> {
        match self {
            Self::Path(path) => path.of(item).cloned(),
            Self::Value(value) => Some(value.clone()),
            Self::Size(path) => path.of(item).and_then(size),
        }
    }
}

impl Test {
    /// The attributes that it looks at, some perhaps more than once.
    pub fn attributes(&self) -> Vec<&str> {
        match self {
            Self::Compare(left, _, right) => {
                left.attribute().into_iter().chain(right.attribute()).collect()
            }
            Self::Between(operand, ..) | Self::In(operand, _) => {
                operand.attribute().into_iter().collect()
            }
            Self::Exists(path)
            | Self::NotExists(path)
            | Self::HasType(path, _)
            | Self::BeginsWith(path, _) => vec![&path.head],
            Self::Contains(path, operand) => {
                std::iter::once(path.head.as_str()).chain(operand.attribute()).collect()
            }
            Self::And(left, right) | Self::Or(left, right) => {
                [left.attributes(), right.attributes()].concat()
            }
            Self::Not(test) => test.attributes(),
        }
    }

    /// Whether it holds for this item; one that is not there has no attributes.
    pub fn holds(&self, item: &Item) -> bool {
        match self {
            Self::Compare(left, comparator, right) => {
                // Of a number there is no size, and nothing holds of it.
                let has_none = |operand: &Operand| {
                    let Operand::Size(path) = operand else { return false };
                    path.of(item).is_some_and(|value| size(value).is_none())
                };
                !has_none(left)
                    && !has_none(right)
                    && compare(left.of(item).as_ref(), comparator, right.of(item).as_ref())
            }
            Self::Between(value, lower, upper) => {
                let value = value.of(item);
                compare(Some(lower), "<=", value.as_ref())
                    && compare(value.as_ref(), "<=", Some(upper))
            }
            Self::In(value, options) => {
                value.of(item).is_some_and(|value| options.contains(&value))
            }
            Self::Exists(path) => path.of(item).is_some(),
            Self::NotExists(path) => path.of(item).is_none(),
            Self::HasType(path, name) => {
                path.of(item).is_some_and(|value| value.type_name() == *name)
            }
            Self::BeginsWith(path, prefix) => match (path.of(item), prefix) {
                (Some(Value::S(text)), Value::S(prefix)) => text.starts_with(prefix.as_str()),
                (Some(Value::B(bytes)), Value::B(prefix)) => bytes.starts_with(prefix),
                _ => false,
            },
            Self::Contains(path, element) => {
                let element = element.of(item);
                path.of(item).zip(element).is_some_and(|(value, element)| contains(value, &element))
            }
            Self::And(left, right) => left.holds(item) && right.holds(item),
            Self::Or(left, right) => left.holds(item) || right.holds(item),
            Self::Not(test) => !test.holds(item),
        }
    }
}

fn size(value: &Value) -> Option<Value> {
    let size = match value {
        Value::S(text) => text.encode_utf16().count(),
        Value::B(bytes) => bytes.len(),
        Value::Ss(set) | Value::Ns(set) => set.len(),
        Value::Bs(set) => set.len(),
        Value::L(list) => list.len(),
        Value::M(map) => map.len(),
        Value::N(_) | Value::Bool(_) | Value::Null => return None,
    };
    Some(Value::N(size.to_string()))
}

fn compare(left: Option<&Value>, comparator: &str, right: Option<&Value>) -> bool {
    let equal = left.is_some() && left == right;
    let ordered = left.zip(right).and_then(|(left, right)| order(left, right));
    match comparator {
        "=" => equal,
        "<>" => !equal,
        "<" => ordered == Some(Ordering::Less),
        "<=" => ordered.is_some_and(Ordering::is_le),
        ">" => ordered == Some(Ordering::Greater),
        ">=" => ordered.is_some_and(Ordering::is_ge),
        other => panic!("no comparator {other}"),
    }
}

/// The order of two values of one type that has one.
pub(super) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::S(left), Value::S(right)) => Some(left.cmp(right)),
        (Value::B(left), Value::B(right)) => Some(left.cmp(right)),
        (Value::N(left), Value::N(right)) => {
            let number = |text: &str| BigDecimal::from_str(text).expect("a number");
            Some(number(left).cmp(&number(right)))
        }
        _ => None,
    }
}

/// Whether a value contains another: a part of a text, a member of a set or list.
pub(super) fn contains(value: &Value, element: &Value) -> bool {
    match (value, element) {
        (Value::S(text), Value::S(part)) => text.contains(part.as_str()),
        (Value::B(bytes), Value::B(part)) => {
            part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
        }
        (Value::Ss(set), Value::S(member)) | (Value::Ns(set), Value::N(member)) => {
            set.contains(member)
        }
        (Value::Bs(set), Value::B(member)) => set.contains(member),
        (Value::L(list), element) => list.contains(element),
        _ => false,
    }
}
