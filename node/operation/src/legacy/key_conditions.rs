//! `KeyConditions`: which items a Query reads.

use std::sync::Arc;

use stator_expression::{KeyCondition, KeyConditionError, KeyQuery, KeyTest};
use stator_model::{AttributeValue, KeyAttribute};

use super::LegacyError;
use super::condition_map::ConditionMap;

/// The most conditions of a Query.
const CONDITIONS: usize = 2;

/// Conditions that are checked by every rule that needs no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyConditions(Vec<(String, Option<KeyTest<Arc<AttributeValue>>>)>);

impl KeyConditions {
    /// These conditions, as conditions on keys. That an operator can be looked up in no index is no error
    /// yet: the service finds the table first.
    ///
    /// # Errors
    /// For the first condition that has one; then how many there are.
    pub(crate) fn new(conditions: ConditionMap) -> Result<Self, LegacyError> {
        let comparisons = conditions.comparisons()?;
        if !(1..=CONDITIONS).contains(&comparisons.len()) {
            return Err(KeyConditionError::TooMany.into());
        }
        let tests = comparisons.into_iter().map(|(name, comparison)| (name, comparison.key_test()));
        Ok(Self(tests.collect()))
    }

    /// What the conditions say of a key of these attributes.
    ///
    /// # Errors
    /// Attribute by attribute, the partition key first: if it has no condition or there is one too many,
    /// then if no index can look up what is asked; then those of [`KeyCondition::bind`].
    pub(crate) fn bind(
        self,
        partition: &KeyAttribute,
        sort: Option<&KeyAttribute>,
    ) -> Result<KeyQuery, LegacyError> {
        let has_two = self.0.len() == CONDITIONS;
        self.check_of(partition)?;
        match sort {
            Some(sort) if has_two => self.check_of(sort)?,
            None if has_two => return Err(KeyConditionError::NotSupported.into()),
            Some(_) | None => {}
        }
        let tests = self.0.into_iter().map(|(name, test)| Some((name, test?)));
        let tests = tests.collect::<Option<Vec<_>>>().ok_or(LegacyError::NotIndexable)?;
        Ok(KeyCondition::new(tests).bind(partition, sort)?)
    }

    /// Whether there is a condition of the attribute, and one that an index can look up.
    fn check_of(&self, attribute: &KeyAttribute) -> Result<(), LegacyError> {
        match self.0.iter().find(|(name, _)| *name == attribute.name) {
            None => Err(KeyConditionError::Missed { name: attribute.name.clone() }.into()),
            Some((_, None)) => Err(LegacyError::NotIndexable),
            Some((_, Some(_))) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
