//! Whether a condition holds for an item.
//!
//! What the item does not have, or has of another type, is never an error: a predicate about it is
//! false, all but `<>`, which is true. About the size of what is there and has none, `<>` is false too. Filters run over every item of a Scan, so values are borrowed
//! from the item and from the condition; only sets in another order are sorted to be compared.

use std::borrow::Cow;
use std::cmp::Ordering;

use memchr::memmem;
use stator_model::{AttributeValue, Item, Number};

use super::{Comparator, Condition, Operand};

impl Condition {
    /// Whether it holds for this item. For the item that is not there, ask about the empty one.
    pub fn holds(&self, item: &Item) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds(item)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(item)),
            Self::Not(part) => !part.holds(item),
            Self::Compare { left, comparator, right } => {
                !left.lacks_size(item)
                    && !right.lacks_size(item)
                    && compare(
                        left.value_in(item).as_deref(),
                        *comparator,
                        right.value_in(item).as_deref(),
                    )
            }
            Self::Between { value, lower, upper } => value.value_in(item).is_some_and(|value| {
                let order = |bound: &Operand| order(&value, bound.value_in(item)?.as_ref());
                order(lower).is_some_and(Ordering::is_ge)
                    && order(upper).is_some_and(Ordering::is_le)
            }),
            Self::In { value, options } => value.value_in(item).is_some_and(|value| {
                options.iter().any(|option| option.value_in(item).as_ref() == Some(&value))
            }),
            Self::Exists(path) => path.value_in(item).is_some(),
            Self::NotExists(path) => path.value_in(item).is_none(),
            Self::HasType { value, type_name } => {
                value.value_in(item).is_some_and(|value| value.type_name() == *type_name)
            }
            Self::BeginsWith { value, prefix } => both(value, prefix, item, begins_with),
            Self::Contains { value, element } => both(value, element, item, contains),
        }
    }
}

impl Operand {
    /// The value that it has for this item, if it has one.
    fn value_in<'i>(&'i self, item: &'i Item) -> Option<Cow<'i, AttributeValue>> {
        match self {
            Self::Path(path) => path.value_in(item).map(Cow::Borrowed),
            Self::Value(value) => Some(Cow::Borrowed(value.as_ref())),
            Self::Size(of) => {
                let size = size(of.value_in(item)?.as_ref())?;
                Some(Cow::Owned(AttributeValue::N(whole_number(size))))
            }
        }
    }

    /// Whether this is the size of something that is there and has no size, such as a number. It is not
    /// the same as what is missing: there is something, and no predicate about its size holds.
    fn lacks_size(&self, item: &Item) -> bool {
        match self {
            Self::Path(_) | Self::Value(_) => false,
            Self::Size(of) => of.value_in(item).is_some_and(|value| size(&value).is_none()),
        }
    }
}

/// Whether both operands have a value and the values pass the test.
fn both(
    left: &Operand,
    right: &Operand,
    item: &Item,
    test: fn(&AttributeValue, &AttributeValue) -> bool,
) -> bool {
    match (left.value_in(item), right.value_in(item)) {
        (Some(left), Some(right)) => test(&left, &right),
        (_, None) | (None, _) => false,
    }
}

fn compare(
    left: Option<&AttributeValue>,
    comparator: Comparator,
    right: Option<&AttributeValue>,
) -> bool {
    let ordered = |wanted: fn(Ordering) -> bool| {
        left.zip(right).and_then(|(left, right)| order(left, right)).is_some_and(wanted)
    };
    let equal = || left.zip(right).is_some_and(|(left, right)| left == right);
    match comparator {
        Comparator::Equal => equal(),
        Comparator::NotEqual => !equal(),
        Comparator::Less => ordered(Ordering::is_lt),
        Comparator::LessOrEqual => ordered(Ordering::is_le),
        Comparator::Greater => ordered(Ordering::is_gt),
        Comparator::GreaterOrEqual => ordered(Ordering::is_ge),
    }
}

/// The order of two values of one type, if it has an order: strings by UTF-8 bytes, binaries by
/// unsigned bytes, numbers by value.
pub(super) fn order(left: &AttributeValue, right: &AttributeValue) -> Option<Ordering> {
    match (left, right) {
        (AttributeValue::S(left), AttributeValue::S(right)) => Some(left.cmp(right)),
        (AttributeValue::N(left), AttributeValue::N(right)) => Some(left.cmp(right)),
        (AttributeValue::B(left), AttributeValue::B(right)) => Some(left.cmp(right)),
        (
            AttributeValue::S(_)
            | AttributeValue::N(_)
            | AttributeValue::B(_)
            | AttributeValue::Bool(_)
            | AttributeValue::Null
            | AttributeValue::Ss(_)
            | AttributeValue::Ns(_)
            | AttributeValue::Bs(_)
            | AttributeValue::L(_)
            | AttributeValue::M(_),
            _,
        ) => None,
    }
}

fn begins_with(value: &AttributeValue, prefix: &AttributeValue) -> bool {
    match (value, prefix) {
        (AttributeValue::S(value), AttributeValue::S(prefix)) => value.starts_with(prefix.as_str()),
        (AttributeValue::B(value), AttributeValue::B(prefix)) => value.starts_with(prefix),
        (
            AttributeValue::S(_)
            | AttributeValue::N(_)
            | AttributeValue::B(_)
            | AttributeValue::Bool(_)
            | AttributeValue::Null
            | AttributeValue::Ss(_)
            | AttributeValue::Ns(_)
            | AttributeValue::Bs(_)
            | AttributeValue::L(_)
            | AttributeValue::M(_),
            _,
        ) => false,
    }
}

/// Text in text, bytes in bytes, a member in a set, anything in a list.
///
/// Text and bytes are searched in linear time, whatever they are: both may come from a client.
fn contains(value: &AttributeValue, element: &AttributeValue) -> bool {
    match (value, element) {
        (AttributeValue::S(text), AttributeValue::S(part)) => {
            is_within(part.as_bytes(), text.as_bytes())
        }
        (AttributeValue::B(bytes), AttributeValue::B(part)) => is_within(part, bytes),
        (AttributeValue::Ss(set), AttributeValue::S(member)) => set.contains(member),
        (AttributeValue::Ns(set), AttributeValue::N(member)) => set.contains(member),
        (AttributeValue::Bs(set), AttributeValue::B(member)) => set.contains(member),
        (AttributeValue::L(list), element) => list.contains(element),
        (
            AttributeValue::S(_)
            | AttributeValue::N(_)
            | AttributeValue::B(_)
            | AttributeValue::Bool(_)
            | AttributeValue::Null
            | AttributeValue::Ss(_)
            | AttributeValue::Ns(_)
            | AttributeValue::Bs(_)
            | AttributeValue::M(_),
            _,
        ) => false,
    }
}

/// Whether the part is found in the whole. The search reads all of the part beforehand, which may be far
/// longer than each of many items.
fn is_within(part: &[u8], whole: &[u8]) -> bool {
    part.len() <= whole.len() && memmem::find(whole, part).is_some()
}

/// What size() is of a value that has one. Of strings it was observed to be UTF-16 units.
fn size(value: &AttributeValue) -> Option<usize> {
    match value {
        AttributeValue::S(text) => Some(text.encode_utf16().count()),
        AttributeValue::B(bytes) => Some(bytes.len()),
        AttributeValue::Ss(set) => Some(set.len()),
        AttributeValue::Ns(set) => Some(set.len()),
        AttributeValue::Bs(set) => Some(set.len()),
        AttributeValue::L(list) => Some(list.len()),
        AttributeValue::M(map) => Some(map.len()),
        AttributeValue::N(_) | AttributeValue::Bool(_) | AttributeValue::Null => None,
    }
}

fn whole_number(size: usize) -> Number {
    let mut coefficient = size as u128;
    let mut exponent = 0;
    while coefficient != 0 && coefficient.is_multiple_of(10) {
        coefficient /= 10;
        exponent += 1;
    }
    Number::from_parts(false, coefficient, exponent)
        .expect("a coefficient without zeros at its end, of at most 20 digits")
}
