//! Attribute values.
//!
//! Equality is the service's: sets are equal whatever the order of their members, numbers by value.
//! Values nest, and are walked by recursion; whoever builds them from outside bounds the depth to
//! [`limits::NESTING_LEVELS`](crate::limits::NESTING_LEVELS) before.

use bytes::Bytes;

use crate::set::sorted;
use crate::{AttributeMap, ItemView, Number};

/// A value of one of DynamoDB's ten types ("Supported data types", developer guide).
///
/// Sets hold at least one element and no element twice ([`check_set`]); they keep the order in which
/// they were written, which carries no meaning.
#[derive(Clone, Debug)]
pub enum AttributeValue {
    /// String.
    S(String),
    /// Number.
    N(Number),
    /// Binary.
    B(Bytes),
    /// Boolean.
    Bool(bool),
    /// Null.
    Null,
    /// String set.
    Ss(Vec<String>),
    /// Number set.
    Ns(Vec<Number>),
    /// Binary set.
    Bs(Vec<Bytes>),
    /// List.
    L(Vec<AttributeValue>),
    /// Map.
    M(AttributeMap),
}

impl AttributeValue {
    /// The type's name on the wire.
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

    /// Size in bytes by the service's rule, the attribute's name not counted ("DynamoDB item sizes
    /// and formats", developer guide).
    pub fn size(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number.size(),
            Self::B(bytes) => bytes.len(),
            Self::Bool(_) | Self::Null => 1,
            Self::Ss(set) => set.iter().map(String::len).sum(),
            Self::Ns(set) => set.iter().map(Number::size).sum(),
            Self::Bs(set) => set.iter().map(Bytes::len).sum(),
            Self::L(list) => 3 + list.iter().map(|value| 1 + value.size()).sum::<usize>(),
            Self::M(map) => {
                3 + map.iter().map(|(name, value)| 1 + name.len() + value.size()).sum::<usize>()
            }
        }
    }

    /// Levels of lists and maps in the value: 0 for all others, 1 for a list of strings. At most
    /// [`limits::NESTING_LEVELS`](crate::limits::NESTING_LEVELS) may be stored.
    pub fn depth(&self) -> usize {
        match self {
            Self::L(list) => 1 + list.iter().map(Self::depth).max().unwrap_or(0),
            Self::M(map) => 1 + map.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
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

    /// Shows the value to `visitor`.
    pub fn visit(&self, visitor: &mut dyn ValueVisitor) {
        match self {
            Self::S(text) => visitor.string(text),
            Self::N(number) => visitor.number(number),
            Self::B(bytes) => visitor.binary(bytes),
            Self::Bool(flag) => visitor.boolean(*flag),
            Self::Null => visitor.null(),
            Self::Ss(set) => {
                visitor.begin_string_set();
                set.iter().for_each(|text| visitor.element_string(text));
                visitor.end();
            }
            Self::Ns(set) => {
                visitor.begin_number_set();
                set.iter().for_each(|number| visitor.element_number(number));
                visitor.end();
            }
            Self::Bs(set) => {
                visitor.begin_binary_set();
                set.iter().for_each(|bytes| visitor.element_binary(bytes));
                visitor.end();
            }
            Self::L(list) => {
                visitor.begin_list();
                list.iter().for_each(|value| value.visit(visitor));
                visitor.end();
            }
            Self::M(map) => {
                visitor.begin_map();
                map.visit(visitor);
                visitor.end();
            }
        }
    }
}

impl PartialEq for AttributeValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::S(left), Self::S(right)) => left == right,
            (Self::N(left), Self::N(right)) => left == right,
            (Self::B(left), Self::B(right)) => left == right,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::Null, Self::Null) => true,
            (Self::Ss(left), Self::Ss(right)) => same_members(left, right),
            (Self::Ns(left), Self::Ns(right)) => same_members(left, right),
            (Self::Bs(left), Self::Bs(right)) => same_members(left, right),
            (Self::L(left), Self::L(right)) => left == right,
            (Self::M(left), Self::M(right)) => left == right,
            (
                Self::S(_)
                | Self::N(_)
                | Self::B(_)
                | Self::Bool(_)
                | Self::Null
                | Self::Ss(_)
                | Self::Ns(_)
                | Self::Bs(_)
                | Self::L(_)
                | Self::M(_),
                _,
            ) => false,
        }
    }
}

impl Eq for AttributeValue {}

/// Whether two sets have the same members. Sorts unless they stand in the same order, so that large
/// sets do not cost the product of their lengths.
fn same_members<T: Ord>(left: &[T], right: &[T]) -> bool {
    left.len() == right.len() && (left == right || sorted(left) == sorted(right))
}

/// Why these are not the members of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// There is none.
    #[error("a set has at least one member")]
    Empty,
    /// One stands twice.
    #[error("a set has no member twice")]
    Duplicate,
}

/// Checks that these can be the members of a set. Numbers are the same by value.
///
/// # Errors
/// If there is no member, or one stands twice.
pub fn check_set<T: Ord>(members: &[T]) -> Result<(), SetError> {
    if members.is_empty() {
        return Err(SetError::Empty);
    }
    let twice = sorted(members).array_windows().any(|[left, right]| left == right);
    if twice { Err(SetError::Duplicate) } else { Ok(()) }
}

/// Is shown a value, or the attributes of an item, piece by piece, so that a reply is written
/// straight from the form in which an item lies in the store.
///
/// A container is one `begin_*`, its members, one [`end`](ValueVisitor::end). Inside a map (and at
/// the top, for an item) each value is preceded by [`name`](ValueVisitor::name).
pub trait ValueVisitor {
    /// The name of the attribute whose value follows.
    fn name(&mut self, name: &str);
    /// A string.
    fn string(&mut self, text: &str);
    /// A number.
    fn number(&mut self, number: &Number);
    /// A binary.
    fn binary(&mut self, bytes: &[u8]);
    /// A boolean.
    fn boolean(&mut self, flag: bool);
    /// The null.
    fn null(&mut self);
    /// A string set begins; its members are [`element_string`](ValueVisitor::element_string)s.
    fn begin_string_set(&mut self);
    /// A number set begins; its members are [`element_number`](ValueVisitor::element_number)s.
    fn begin_number_set(&mut self);
    /// A binary set begins; its members are [`element_binary`](ValueVisitor::element_binary)s.
    fn begin_binary_set(&mut self);
    /// A member of a string set.
    fn element_string(&mut self, text: &str);
    /// A member of a number set.
    fn element_number(&mut self, number: &Number);
    /// A member of a binary set.
    fn element_binary(&mut self, bytes: &[u8]);
    /// A list begins; its members are values.
    fn begin_list(&mut self);
    /// A map begins; its members are names and values.
    fn begin_map(&mut self);
    /// The innermost container is complete.
    fn end(&mut self);
}

#[cfg(test)]
mod tests;
