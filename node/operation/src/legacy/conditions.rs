//! What all legacy conditions have in common: an operator, its arguments, and how several conditions are
//! combined.
//!
//! Operators, their arguments and what they mean: "Condition" (API reference).

use std::sync::Arc;

use stator_expression::{Comparator, Condition, KeyTest, Operand, Path};
use stator_model::{AttributeValue, Item};

use super::LegacyError;
use crate::options::{Choice, ComparisonOperator};

impl ComparisonOperator {
    /// Whether the operator asks for the existence of an attribute alone, and so has no arguments.
    pub(crate) const fn is_about_existence(self) -> bool {
        matches!(self, Self::Null | Self::NotNull)
    }

    /// The types that its arguments may be of; `None` is all.
    const fn types(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Eq | Self::Ne | Self::Null | Self::NotNull => None,
            Self::BeginsWith => Some(&["S", "B"]),
            Self::In
            | Self::Between
            | Self::Lt
            | Self::Le
            | Self::Gt
            | Self::Ge
            | Self::Contains
            | Self::NotContains => Some(&["S", "N", "B"]),
        }
    }

    /// Checks that the arguments are of one type, and of one that the operator can take.
    fn check_types(self, arguments: &[AttributeValue]) -> Result<(), LegacyError> {
        let Some(first) = arguments.first() else { return Ok(()) };
        let type_name = first.type_name();
        if arguments.iter().any(|argument| argument.type_name() != type_name) {
            return Err(LegacyError::ArgumentTypes);
        }
        match self.types() {
            Some(types) if !types.contains(&type_name) => {
                Err(LegacyError::ArgumentType { operator: self.name(), type_name })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The arguments, if there are as many as there must be, and of the right types.
    fn exactly<const N: usize>(
        self,
        arguments: Vec<AttributeValue>,
    ) -> Result<[Arc<AttributeValue>; N], LegacyError> {
        let arguments = <[AttributeValue; N]>::try_from(arguments)
            .map_err(|_| LegacyError::ArgumentCount(self.name()))?;
        self.check_types(&arguments)?;
        Ok(arguments.map(Arc::new))
    }
}

/// What is asked of one attribute: an operator with arguments that suit it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Compare(Comparator, Arc<AttributeValue>),
    Between { lower: Arc<AttributeValue>, upper: Arc<AttributeValue> },
    In(Vec<AttributeValue>),
    Exists,
    NotExists,
    BeginsWith(Arc<AttributeValue>),
    Contains(Arc<AttributeValue>),
    NotContains(Arc<AttributeValue>),
}

impl Comparison {
    /// The comparison by this operator with these arguments.
    ///
    /// # Errors
    /// How many arguments there are, then their types, then the order of the bounds of a BETWEEN.
    pub(crate) fn new(
        operator: ComparisonOperator,
        arguments: Vec<AttributeValue>,
    ) -> Result<Self, LegacyError> {
        let compare = |comparator, arguments| {
            operator.exactly(arguments).map(|[value]| Self::Compare(comparator, value))
        };
        match operator {
            ComparisonOperator::Eq => compare(Comparator::Equal, arguments),
            ComparisonOperator::Ne => compare(Comparator::NotEqual, arguments),
            ComparisonOperator::Lt => compare(Comparator::Less, arguments),
            ComparisonOperator::Le => compare(Comparator::LessOrEqual, arguments),
            ComparisonOperator::Gt => compare(Comparator::Greater, arguments),
            ComparisonOperator::Ge => compare(Comparator::GreaterOrEqual, arguments),
            ComparisonOperator::Between => {
                let [lower, upper] = operator.exactly(arguments)?;
                Self::between(lower, upper)
            }
            ComparisonOperator::In if arguments.is_empty() => {
                Err(LegacyError::ArgumentCount(operator.name()))
            }
            ComparisonOperator::In => {
                operator.check_types(&arguments)?;
                Ok(Self::In(arguments))
            }
            ComparisonOperator::Null => operator.exactly(arguments).map(|[]| Self::NotExists),
            ComparisonOperator::NotNull => operator.exactly(arguments).map(|[]| Self::Exists),
            ComparisonOperator::BeginsWith => {
                operator.exactly(arguments).map(|[prefix]| Self::BeginsWith(prefix))
            }
            ComparisonOperator::Contains => {
                operator.exactly(arguments).map(|[element]| Self::Contains(element))
            }
            ComparisonOperator::NotContains => {
                operator.exactly(arguments).map(|[element]| Self::NotContains(element))
            }
        }
    }

    fn between(
        lower: Arc<AttributeValue>,
        upper: Arc<AttributeValue>,
    ) -> Result<Self, LegacyError> {
        // No item has a say in this: the one evaluator also knows the order of two literals.
        let reversed = Condition::Compare {
            left: Operand::Value(Arc::clone(&lower)),
            comparator: Comparator::Greater,
            right: Operand::Value(Arc::clone(&upper)),
        };
        if reversed.holds(&Item::new()) {
            return Err(LegacyError::BoundsReversed);
        }
        Ok(Self::Between { lower, upper })
    }

    /// The condition that an attribute passes this comparison.
    ///
    /// What is missing differs from everything, as in expressions. But NOT_CONTAINS is false of it, which
    /// is not what `NOT contains` is (observed on the service).
    pub(crate) fn of(self, attribute: String) -> Condition {
        let path = Path::attribute(attribute);
        let value = Operand::Path(path.clone());
        match self {
            Self::Compare(comparator, right) => {
                Condition::Compare { left: value, comparator, right: Operand::Value(right) }
            }
            Self::Between { lower, upper } => Condition::Between {
                value,
                lower: Operand::Value(lower),
                upper: Operand::Value(upper),
            },
            Self::In(options) => {
                let options = options.into_iter().map(|option| Operand::Value(Arc::new(option)));
                Condition::In { value, options: options.collect() }
            }
            Self::Exists => Condition::Exists(path),
            Self::NotExists => Condition::NotExists(path),
            Self::BeginsWith(prefix) => {
                Condition::BeginsWith { value, prefix: Operand::Value(prefix) }
            }
            Self::Contains(element) => {
                Condition::Contains { value, element: Operand::Value(element) }
            }
            Self::NotContains(element) => {
                let contains = Condition::Contains { value, element: Operand::Value(element) };
                Condition::And(vec![Condition::Exists(path), Condition::Not(Box::new(contains))])
            }
        }
    }

    /// With how many values an attribute is compared.
    pub(crate) const fn values(&self) -> usize {
        match self {
            Self::Exists | Self::NotExists => 0,
            Self::Compare(..) | Self::BeginsWith(_) | Self::Contains(_) | Self::NotContains(_) => 1,
            Self::Between { .. } => 2,
            Self::In(options) => options.len(),
        }
    }

    /// The test of a key attribute that the comparison is, if an index can look it up.
    pub(crate) fn key_test(self) -> Option<KeyTest<Arc<AttributeValue>>> {
        match self {
            Self::Compare(Comparator::Equal, value) => Some(KeyTest::Equal(value)),
            Self::Compare(Comparator::Less, value) => Some(KeyTest::Less(value)),
            Self::Compare(Comparator::LessOrEqual, value) => Some(KeyTest::LessOrEqual(value)),
            Self::Compare(Comparator::Greater, value) => Some(KeyTest::Greater(value)),
            Self::Compare(Comparator::GreaterOrEqual, value) => {
                Some(KeyTest::GreaterOrEqual(value))
            }
            Self::Between { lower, upper } => Some(KeyTest::Between { lower, upper }),
            Self::BeginsWith(prefix) => Some(KeyTest::BeginsWith(prefix)),
            Self::Compare(Comparator::NotEqual, _)
            | Self::In(_)
            | Self::Exists
            | Self::NotExists
            | Self::Contains(_)
            | Self::NotContains(_) => None,
        }
    }
}

/// `ConditionalOperator`: how conditions are combined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ConditionalOperator {
    Or,
    #[default]
    And,
}

impl Choice for ConditionalOperator {
    const WORDS: &'static [(&'static str, Self)] = &[("OR", Self::Or), ("AND", Self::And)];
}

impl ConditionalOperator {
    /// Whether a request may have the operator that has so many conditions.
    ///
    /// # Errors
    /// If there are fewer than two.
    pub(crate) const fn check_use(conditions: usize) -> Result<(), LegacyError> {
        match conditions {
            0 => Err(LegacyError::NothingToCombine),
            1 => Err(LegacyError::OneToCombine),
            _ => Ok(()),
        }
    }

    /// The conditions as one; without any there is nothing to hold.
    pub(crate) fn combine(self, mut conditions: Vec<Condition>) -> Option<Condition> {
        match (conditions.len(), self) {
            (0 | 1, _) => conditions.pop(),
            (_, Self::And) => Some(Condition::And(conditions)),
            (_, Self::Or) => Some(Condition::Or(conditions)),
        }
    }
}
