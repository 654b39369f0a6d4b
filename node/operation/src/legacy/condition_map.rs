//! Conditions on attributes by their names: the form of KeyConditions, QueryFilter and ScanFilter.

use serde::de::MapAccess;
use stator_model::AttributeValue;
use stator_protocol::{Entries, Entry, Found, Scope, Shape, ValueError, read_members};

use super::LegacyError;
use super::conditions::Comparison;
use super::error::check_name;
use crate::constraint::Violations;
use crate::options::ComparisonOperator;

/// `Condition`, as it was read.
#[derive(Default)]
pub(crate) struct ConditionMembers {
    operator: Option<String>,
    list: Option<Vec<AttributeValue>>,
    /// What is wrong with one of the values.
    refused: Option<ValueError>,
}

impl Entry for ConditionMembers {
    const JAVA: &'static str = "com.amazonaws.dynamodb.v20120810.Condition";
}

impl Shape for ConditionMembers {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("Condition")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "ComparisonOperator" => member.set(&mut it.operator),
            "AttributeValueList" => member.set(&mut it.list),
            _ => member.ignore(),
        })?;
        it.refused = scope.take_refusal();
        Ok(it)
    }
}

/// Conditions, each with an operator of the model, in the order of the request.
pub(crate) struct ConditionMap(Vec<(String, ComparisonOperator, ConditionMembers)>);

impl ConditionMap {
    /// The conditions of the parameter that is found at `path`. One without an operator of the model is a
    /// violation, and left out.
    pub(crate) fn read(
        Entries(given): Entries<ConditionMembers>,
        path: &str,
        violations: &mut Violations,
    ) -> Self {
        let conditions = given.into_iter().filter_map(|(name, members)| {
            let path = format!("{path}.{name}.member.comparisonOperator");
            let word = violations.required(&path, members.operator.as_deref());
            let operator = violations.choice(&path, word)?;
            Some((name, operator, members))
        });
        Self(conditions.collect())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// What is asked of each attribute.
    ///
    /// # Errors
    /// For the first condition that has one: its name, its values, then whether they suit the operator.
    pub(super) fn comparisons(self) -> Result<Vec<(String, Comparison)>, LegacyError> {
        let comparisons = self.0.into_iter().map(|(name, operator, members)| {
            check_name(&name)?;
            if let Some(error) = members.refused {
                return Err(error.into());
            }
            Ok((name, Comparison::new(operator, members.list.unwrap_or_default())?))
        });
        comparisons.collect()
    }
}
