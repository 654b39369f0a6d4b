//! `Expected`: the condition of a PutItem, UpdateItem or DeleteItem.
//!
//! An attribute is expected in one of two forms: to have a value or not to exist (`Value`, `Exists`), or
//! to pass a comparison.

use serde::de::MapAccess;
use stator_expression::{Comparator, Condition};
use stator_model::AttributeValue;
use stator_protocol::{Entries, Entry, Found, Scope, Shape, ValueError, read_members};

use super::LegacyError;
use super::conditions::{Comparison, ConditionalOperator};
use super::error::check_name;
use crate::constraint::Violations;
use crate::options::{Choice as _, ComparisonOperator};

/// `ExpectedAttributeValue`, as it was read.
#[derive(Default)]
pub(crate) struct ExpectedAttribute {
    value: Option<AttributeValue>,
    exists: Option<bool>,
    operator: Option<String>,
    list: Option<Vec<AttributeValue>>,
    /// What is wrong with one of the values.
    refused: Option<ValueError>,
}

impl Entry for ExpectedAttribute {
    const JAVA: &'static str = "com.amazonaws.dynamodb.v20120810.ExpectedAttributeValue";
}

impl Shape for ExpectedAttribute {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("ExpectedAttributeValue")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "Value" => member.set(&mut it.value),
            "Exists" => member.set(&mut it.exists),
            "ComparisonOperator" => member.set(&mut it.operator),
            "AttributeValueList" => member.set(&mut it.list),
            _ => member.ignore(),
        })?;
        it.refused = scope.take_refusal();
        Ok(it)
    }
}

/// The operators must be words of the model.
pub(crate) fn check_words(
    expected: Option<&Entries<ExpectedAttribute>>,
    violations: &mut Violations,
) {
    for (name, attribute) in expected.iter().flat_map(|Entries(expected)| expected) {
        let path = format!("expected.{name}.member.comparisonOperator");
        let _: Option<ComparisonOperator> = violations.choice(path, attribute.operator.as_deref());
    }
}

/// The condition that all of these attributes, or one of them, are as expected.
///
/// # Errors
/// For the first attribute that has one: the members that it has together, then its values, then whether
/// they suit the operator.
pub(crate) fn condition(
    Entries(expected): Entries<ExpectedAttribute>,
    operator: Option<ConditionalOperator>,
) -> Result<Option<Condition>, LegacyError> {
    let conditions = expected.into_iter().map(|(name, attribute)| {
        check_name(&name)?;
        Ok(attribute.comparison(&name)?.of(name))
    });
    let conditions = conditions.collect::<Result<Vec<_>, LegacyError>>()?;
    Ok(operator.unwrap_or_default().combine(conditions))
}

impl ExpectedAttribute {
    fn comparison(self, name: &str) -> Result<Comparison, LegacyError> {
        let operator = self.operator.as_deref().and_then(ComparisonOperator::named);
        match operator {
            Some(operator) => self.compared(operator, name),
            None => self.equal_or_missing(name),
        }
    }

    /// The form with an operator. Its arguments are a list or one value.
    fn compared(self, operator: ComparisonOperator, name: &str) -> Result<Comparison, LegacyError> {
        if self.exists.is_some() {
            return Err(LegacyError::ExistsAndOperator(name.to_owned()));
        }
        let arguments = match (self.value, self.list) {
            (Some(_), Some(_)) => return Err(LegacyError::ValueAndList(name.to_owned())),
            (None, None) if !operator.is_about_existence() => {
                let (operator, attribute) = (operator.name(), name.to_owned());
                return Err(LegacyError::OperatorAlone { operator, attribute });
            }
            (Some(value), None) => vec![value],
            (None, list) => list.unwrap_or_default(),
        };
        match self.refused {
            Some(error) => Err(error.into()),
            None => Comparison::new(operator, arguments),
        }
    }

    /// The form without an operator.
    fn equal_or_missing(self, name: &str) -> Result<Comparison, LegacyError> {
        let attribute = || name.to_owned();
        if self.list.is_some() {
            return Err(match self.value {
                Some(_) => LegacyError::ValueAndList(attribute()),
                None => LegacyError::ListAlone(attribute()),
            });
        }
        let value = match (self.exists, self.value) {
            (Some(false), None) => return Ok(Comparison::NotExists),
            (Some(false), Some(_)) => return Err(LegacyError::ValueOfNothing(attribute())),
            (Some(true) | None, Some(value)) => value,
            (exists, None) => {
                let exists = if exists.is_some() { "true" } else { "null" };
                return Err(LegacyError::ValueMissing { exists, attribute: attribute() });
            }
        };
        match self.refused {
            Some(error) => Err(error.into()),
            None => Ok(Comparison::Compare(Comparator::Equal, value.into())),
        }
    }
}
