//! Conditions: what must hold for an item.
//!
//! A condition comes from a ConditionExpression or FilterExpression, or is put together from parts: the
//! legacy parameters Expected, QueryFilter and ScanFilter mean conditions too, and there is one
//! evaluator. A parsed condition is complete: it holds the values and names of its placeholders.

mod check;
mod evaluate;
mod raw;

use std::sync::Arc;

use stator_model::AttributeValue;

use crate::{ExpressionError, Kind, Path, Placeholders, path};

pub(crate) use check::{Operator, TYPES};
pub(crate) use raw::RawCondition;

/// What must hold for an item ("Condition and filter expressions, operators, and functions in DynamoDB",
/// developer guide).
///
/// It is walked by recursion. Whoever puts one together bounds its depth; what is parsed is at most
/// [`limits::OPERATORS`](crate::limits::OPERATORS) deep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// All of these hold.
    And(Vec<Condition>),
    /// At least one of these holds.
    Or(Vec<Condition>),
    /// This does not hold.
    Not(Box<Condition>),
    /// `left = right` and the like.
    Compare {
        /// What is compared.
        left: Operand,
        /// How.
        comparator: Comparator,
        /// What it is compared with.
        right: Operand,
    },
    /// `value BETWEEN lower AND upper`, both bounds included.
    Between {
        /// What is compared.
        value: Operand,
        /// The lower bound.
        lower: Operand,
        /// The upper bound.
        upper: Operand,
    },
    /// `value IN (options)`.
    In {
        /// What is compared.
        value: Operand,
        /// The values, one of which it must equal.
        options: Vec<Operand>,
    },
    /// `attribute_exists(path)`
    Exists(Path),
    /// `attribute_not_exists(path)`
    NotExists(Path),
    /// `attribute_type(value, :name)`.
    HasType {
        /// What is looked at.
        value: Operand,
        /// The type by its name on the wire, as [`AttributeValue::type_name`] gives it.
        type_name: &'static str,
    },
    /// `begins_with(value, prefix)`.
    BeginsWith {
        /// The string or binary.
        value: Operand,
        /// What it begins with.
        prefix: Operand,
    },
    /// `contains(value, element)`; under a NOT, NOT_CONTAINS of the legacy parameters.
    Contains {
        /// The string, binary, set or list.
        value: Operand,
        /// What is in it.
        element: Operand,
    },
}

/// What a predicate is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// What stands there in the item, if anything does.
    Path(Path),
    /// A literal. Shared: a text of 4 KB can name a value of 2 MB a thousand times.
    Value(Arc<AttributeValue>),
    /// `size(operand)`: characters, bytes or elements.
    Size(Box<Operand>),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparator {
    /// As it is written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// The comparator that says the same when the operands change places.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::Equal => Self::Equal,
            Self::NotEqual => Self::NotEqual,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }
}

impl Condition {
    /// The condition that `text` is. `kind` says how errors name the parameter.
    ///
    /// # Errors
    /// Whatever is wrong with it that does not depend on an item. In this order, as the service does:
    /// empty or too long, syntax, too many operators, redundant parentheses, unknown functions,
    /// functions in wrong places, reserved words; then, predicate by predicate, undefined placeholders
    /// and paths out of bounds, the number of operands, the same operand twice, types of literals.
    pub fn parse(
        kind: Kind,
        text: &str,
        placeholders: &mut Placeholders,
    ) -> Result<Self, ExpressionError> {
        RawCondition::parse(kind, text)?.check(placeholders).map_err(|fault| fault.of(kind))
    }

    /// The attributes of an item that it looks at, sorted, each once: all that must be read to know
    /// whether it holds.
    pub fn attributes(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.paths().into_iter().map(|path| &*path.head).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The attributes into which it looks, which can be no keys; one that it looks into twice may be
    /// there twice.
    pub fn nested_attributes(&self) -> Vec<&str> {
        path::nested_attributes(self.paths())
    }

    fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        self.add_paths(&mut paths);
        paths
    }

    fn add_paths<'c>(&'c self, paths: &mut Vec<&'c Path>) {
        match self {
            Self::And(parts) | Self::Or(parts) => {
                parts.iter().for_each(|part| part.add_paths(paths));
            }
            Self::Not(part) => part.add_paths(paths),
            Self::Compare { left, right, .. } => paths.extend(paths_of([left, right])),
            Self::Between { value, lower, upper } => {
                paths.extend(paths_of([value, lower, upper]));
            }
            Self::In { value, options } => {
                paths.extend(paths_of(std::iter::once(value).chain(options)));
            }
            Self::Exists(path) | Self::NotExists(path) => paths.push(path),
            Self::HasType { value, .. } => paths.extend(value.path()),
            Self::BeginsWith { value, prefix } => paths.extend(paths_of([value, prefix])),
            Self::Contains { value, element } => paths.extend(paths_of([value, element])),
        }
    }
}

fn paths_of<'c>(operands: impl IntoIterator<Item = &'c Operand>) -> impl Iterator<Item = &'c Path> {
    operands.into_iter().filter_map(Operand::path)
}

impl Operand {
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Value(_) => None,
            Self::Size(of) => of.path(),
        }
    }
}

#[cfg(test)]
mod tests;
