//! Key conditions: which items a Query reads.
//!
//! ```text
//! text ─ parse ─► KeyExpression ─ restrict ─► KeyCondition ─ bind ─► KeyQuery
//!                                                  ▲
//!                   legacy KeyConditions ──────────┘
//! ```
//!
//! The steps are apart because the service looks at other things in between: it reads all expressions
//! of a request before it asks whether the key condition is one, and it finds the table before it asks
//! whether the condition fits the key.

mod bind;

use std::sync::Arc;

use stator_model::{AttributeValue, KeyValue};

use crate::condition::RawCondition;
use crate::{Comparator, Condition, ExpressionError, Fault, Kind, Operand, Path, Placeholders};

pub use bind::KeyConditionError;

/// A KeyConditionExpression of which only is known that it is a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyExpression(Condition);

/// What must hold for the attributes of a key, whatever key that is: each attribute once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCondition {
    tests: Vec<(Arc<str>, KeyTest<Arc<AttributeValue>>)>,
}

/// What a Query reads: one partition key, and a range of its sort keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyQuery {
    /// The partition key.
    pub partition: KeyValue,
    /// The sort keys; `None` is all of them.
    pub sort: Option<SortRange>,
}

/// A range of sort keys.
pub type SortRange = KeyTest<KeyValue>;

/// What can be asked of one attribute of a key ("Key condition expressions for the Query operation",
/// developer guide).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyTest<V> {
    /// Equal to this; of a partition key, all that can be asked.
    Equal(V),
    /// Less than this.
    Less(V),
    /// Less than this, or equal to it.
    LessOrEqual(V),
    /// Greater than this.
    Greater(V),
    /// Greater than this, or equal to it.
    GreaterOrEqual(V),
    /// From one value to another, both included. The first may be the greater one: then it is nothing.
    Between {
        /// The lower bound.
        lower: V,
        /// The upper bound.
        upper: V,
    },
    /// Beginning with this: strings and binaries.
    BeginsWith(V),
}

impl KeyExpression {
    /// The expression that `text` is.
    ///
    /// # Errors
    /// As [`Condition::parse`]. Doubled parentheses are allowed here.
    pub fn parse(text: &str, placeholders: &mut Placeholders) -> Result<Self, ExpressionError> {
        let raw = RawCondition::parse(Kind::KeyCondition, text)?;
        raw.check(placeholders).map(Self).map_err(|fault| fault.of(Kind::KeyCondition))
    }

    /// The key condition that it is.
    ///
    /// # Errors
    /// If it has operators that no index can look up, if a predicate is not about exactly one
    /// attribute as a whole and literals, or if two are about one attribute.
    pub fn restrict(self) -> Result<KeyCondition, ExpressionError> {
        let mut tests = Vec::new();
        add_tests(self.0, &mut tests).map_err(|fault| fault.of(Kind::KeyCondition))?;
        Ok(KeyCondition { tests })
    }
}

impl KeyCondition {
    /// The condition of these tests of attributes: the legacy parameter KeyConditions, which is a map
    /// and so names each attribute once.
    pub fn new(tests: Vec<(String, KeyTest<Arc<AttributeValue>>)>) -> Self {
        Self { tests: tests.into_iter().map(|(name, test)| (name.into(), test)).collect() }
    }
}

fn add_tests(
    condition: Condition,
    tests: &mut Vec<(Arc<str>, KeyTest<Arc<AttributeValue>>)>,
) -> Result<(), Fault> {
    let refused = |operator| Err(Fault::KeyOperator { operator });
    let (name, test) = match condition {
        Condition::And(parts) => {
            return parts.into_iter().try_for_each(|part| add_tests(part, tests));
        }
        Condition::Or(_) => return refused("OR"),
        Condition::Not(_) => return refused("NOT"),
        Condition::In { .. } => return refused("IN"),
        Condition::Exists(_) => return refused("attribute_exists"),
        Condition::NotExists(_) => return refused("attribute_not_exists"),
        Condition::HasType { .. } => return refused("attribute_type"),
        Condition::Contains { .. } => return refused("contains"),
        Condition::Compare { left, comparator, right } => comparison(left, comparator, right)?,
        Condition::Between { value, lower, upper } => {
            let name = attribute(first_operand("BETWEEN", value)?)?;
            (name, KeyTest::Between { lower: literal(lower)?, upper: literal(upper)? })
        }
        Condition::BeginsWith { value, prefix } => {
            let name = attribute(first_operand("begins_with", value)?)?;
            (name, KeyTest::BeginsWith(literal(prefix)?))
        }
    };
    if tests.iter().any(|(have, _)| *have == name) {
        return Err(Fault::KeyTwice);
    }
    tests.push((name, test));
    Ok(())
}

fn comparison(
    left: Operand,
    comparator: Comparator,
    right: Operand,
) -> Result<(Arc<str>, KeyTest<Arc<AttributeValue>>), Fault> {
    if comparator == Comparator::NotEqual {
        return Err(Fault::KeyOperator { operator: comparator.symbol() });
    }
    // `:v < k` is `k > :v`.
    let (path, comparator, other) = match (left, right) {
        (Operand::Value(value), Operand::Path(path)) => {
            (path, comparator.reversed(), Operand::Value(value))
        }
        (Operand::Path(path), other) => (path, comparator, other),
        (Operand::Size(_), _) | (_, Operand::Size(_)) => return Err(Fault::KeyOperation),
        (Operand::Value(_), Operand::Value(_)) => return Err(Fault::KeyMissing),
    };
    let name = attribute(path)?;
    let value = literal(other)?;
    let test = match comparator {
        Comparator::Equal => KeyTest::Equal(value),
        Comparator::NotEqual => return Err(Fault::KeyOperator { operator: comparator.symbol() }),
        Comparator::Less => KeyTest::Less(value),
        Comparator::LessOrEqual => KeyTest::LessOrEqual(value),
        Comparator::Greater => KeyTest::Greater(value),
        Comparator::GreaterOrEqual => KeyTest::GreaterOrEqual(value),
    };
    Ok((name, test))
}

fn first_operand(operator: &'static str, operand: Operand) -> Result<Path, Fault> {
    match operand {
        Operand::Path(path) => Ok(path),
        Operand::Value(_) | Operand::Size(_) => Err(Fault::KeyNotFirst { operator }),
    }
}

/// The attribute that the path is.
fn attribute(path: Path) -> Result<Arc<str>, Fault> {
    if path.is_nested() { Err(Fault::KeyNested) } else { Ok(path.head) }
}

/// The value of an operand beside the attribute.
fn literal(operand: Operand) -> Result<Arc<AttributeValue>, Fault> {
    match operand {
        Operand::Value(value) => Ok(value),
        Operand::Path(_) => Err(Fault::KeyWithKey),
        Operand::Size(_) => Err(Fault::KeyOperation),
    }
}

#[cfg(test)]
mod tests;
