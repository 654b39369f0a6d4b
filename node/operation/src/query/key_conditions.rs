//! `KeyConditions`: which items of a table a query asks for, in the legacy form ("Legacy conditional
//! parameters", developer guide).

use std::cmp::Ordering;

use serde::de::MapAccess;
use stator_model::{AttributeValue, KeyAttribute, KeySchema, KeyValue, SortRange};
use stator_protocol::{ApiError, Entries, Entry, Found, Scope, Shape, ValueError, read_members};

use super::conditions::KeyQuery;
use crate::constraint::{Violations, invalid};
use crate::keys;
use crate::options::ComparisonOperator;

/// Conditions that a query may have.
const CONDITIONS: usize = 2;

/// `Condition`, as it was read.
#[derive(Default)]
pub(super) struct Condition {
    operator: Option<String>,
    values: Option<Result<Vec<AttributeValue>, ValueError>>,
}

impl Entry for Condition {
    const JAVA: &'static str = "com.amazonaws.dynamodb.v20120810.Condition";
}

impl Shape for Condition {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("Condition")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let (mut operator, mut values) = (None, None);
        read_members(object, scope, |name, member| match name {
            "ComparisonOperator" => member.set(&mut operator),
            "AttributeValueList" => member.set(&mut values),
            _ => member.ignore(),
        })?;
        let values = values.map(|values| scope.take_refusal().map_or(Ok(values), Err));
        Ok(Self { operator, values })
    }
}

/// The conditions on key attributes, checked by every rule that needs no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyConditions(Vec<(String, ComparisonOperator, Vec<AttributeValue>)>);

impl KeyConditions {
    /// The operators, as words: a violation is noted for each that is none.
    pub(super) fn operators(
        given: Option<&Entries<Condition>>,
        violations: &mut Violations,
    ) -> Vec<Option<ComparisonOperator>> {
        let conditions = given.into_iter().flat_map(|Entries(conditions)| conditions);
        let words = conditions.map(|(name, condition)| {
            let path = format!("keyConditions.{name}.member.comparisonOperator");
            let word = violations.required(&path, condition.operator.as_deref());
            violations.choice(&path, word)
        });
        words.collect()
    }

    /// The conditions with these operators.
    ///
    /// # Errors
    /// ValidationException: a bad value, arguments that do not suit the operator, too many conditions.
    pub(super) fn checked(
        given: Entries<Condition>,
        operators: Vec<Option<ComparisonOperator>>,
    ) -> Result<Self, ApiError> {
        let Entries(given) = given;
        let mut conditions = Vec::with_capacity(given.len());
        for ((name, condition), operator) in given.into_iter().zip(operators) {
            let operator = operator.expect("an operator that is none is a violation");
            let values = condition.values.transpose()?.unwrap_or_default();
            check_arguments(operator, &values)?;
            conditions.push((name, operator, values));
        }
        if !(1..=CONDITIONS).contains(&conditions.len()) {
            return Err(ApiError::validation("Conditions can be of length 1 or 2 only"));
        }
        Ok(Self(conditions))
    }

    /// What is asked for, of a table or index with these keys.
    ///
    /// # Errors
    /// ValidationException: a condition that is missing, or that its key attribute cannot have.
    pub(super) fn bind(&self, schema: &KeySchema) -> Result<KeyQuery, ApiError> {
        let Self(conditions) = self;
        let of = |attribute: &KeyAttribute| {
            conditions.iter().find(|(name, _, _)| *name == attribute.name)
        };
        let missed = |attribute: &KeyAttribute| {
            ApiError::validation(format!(
                "Query condition missed key schema element: {}",
                attribute.name
            ))
        };
        let (_, operator, values) =
            of(&schema.partition).ok_or_else(|| missed(&schema.partition))?;
        let partition = keys::of_condition(values, &schema.partition, keys::Part::Partition)?;
        let (Some(partition), ComparisonOperator::Eq) = (partition.into_iter().next(), operator)
        else {
            return Err(not_supported());
        };
        if conditions.len() < CONDITIONS {
            return Ok(KeyQuery { partition, sort: None });
        }
        let attribute = schema.sort.as_ref().ok_or_else(not_supported)?;
        let (_, operator, values) = of(attribute).ok_or_else(|| missed(attribute))?;
        let values = keys::of_condition(values, attribute, keys::Part::Sort)?;
        Ok(KeyQuery { partition, sort: Some(sort_range(*operator, values)?) })
    }
}

fn not_supported() -> ApiError {
    ApiError::validation("Query key condition not supported")
}

fn sort_range(operator: ComparisonOperator, values: Vec<KeyValue>) -> Result<SortRange, ApiError> {
    let mut values = values.into_iter();
    let range = match (operator, values.next(), values.next()) {
        (ComparisonOperator::Eq, Some(value), None) => Some(SortRange::Equal(value)),
        (ComparisonOperator::Lt, Some(value), None) => Some(SortRange::Less(value)),
        (ComparisonOperator::Le, Some(value), None) => Some(SortRange::AtMost(value)),
        (ComparisonOperator::Gt, Some(value), None) => Some(SortRange::Greater(value)),
        (ComparisonOperator::Ge, Some(value), None) => Some(SortRange::AtLeast(value)),
        (ComparisonOperator::BeginsWith, Some(value), None) => Some(SortRange::BeginsWith(value)),
        (ComparisonOperator::Between, Some(least), Some(most)) => {
            Some(SortRange::Between(least, most))
        }
        (_, _, _) => None,
    };
    range.ok_or_else(|| {
        ApiError::validation("Attempted conditional constraint is not an indexable operation")
    })
}

/// Whether an operator can have these arguments.
fn check_arguments(
    operator: ComparisonOperator,
    values: &[AttributeValue],
) -> Result<(), ApiError> {
    let name = operator.name();
    let (least, most) = match operator {
        ComparisonOperator::Null | ComparisonOperator::NotNull => (0, 0),
        ComparisonOperator::Between => (2, 2),
        ComparisonOperator::In => (1, usize::MAX),
        ComparisonOperator::Eq
        | ComparisonOperator::Ne
        | ComparisonOperator::Le
        | ComparisonOperator::Lt
        | ComparisonOperator::Ge
        | ComparisonOperator::Gt
        | ComparisonOperator::Contains
        | ComparisonOperator::NotContains
        | ComparisonOperator::BeginsWith => (1, 1),
    };
    if !(least..=most).contains(&values.len()) {
        return Err(invalid(format!(
            "Invalid number of argument(s) for the {name} ComparisonOperator"
        )));
    }
    let Some(first) = values.first() else { return Ok(()) };
    if values.iter().any(|value| value.type_name() != first.type_name()) {
        return Err(invalid("AttributeValues inside AttributeValueList must be of same type"));
    }
    let is_number = matches!(first, AttributeValue::N(_));
    let suits = match operator {
        ComparisonOperator::Eq | ComparisonOperator::Ne => true,
        ComparisonOperator::BeginsWith => KeyValue::from_attribute(first).is_some() && !is_number,
        ComparisonOperator::Null
        | ComparisonOperator::NotNull
        | ComparisonOperator::Between
        | ComparisonOperator::In
        | ComparisonOperator::Le
        | ComparisonOperator::Lt
        | ComparisonOperator::Ge
        | ComparisonOperator::Gt
        | ComparisonOperator::Contains
        | ComparisonOperator::NotContains => KeyValue::from_attribute(first).is_some(),
    };
    if !suits {
        let of = first.type_name();
        return Err(invalid(format!(
            "ComparisonOperator {name} is not valid for {of} AttributeValue type"
        )));
    }
    if operator == ComparisonOperator::Between
        && let [least, most] = values
        && order(least, most) == Some(Ordering::Greater)
    {
        return Err(ApiError::validation(
            "The BETWEEN condition was provided a range where the lower bound is greater than the \
             upper bound",
        ));
    }
    Ok(())
}

/// The order of two values of one type that keys may have.
fn order(left: &AttributeValue, right: &AttributeValue) -> Option<Ordering> {
    let form = |value| {
        let mut form = Vec::new();
        KeyValue::from_attribute(value)?.encode_ordered(&mut form);
        Some(form)
    };
    Some(form(left)?.cmp(&form(right)?))
}
