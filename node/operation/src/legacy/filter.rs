//! `QueryFilter` and `ScanFilter`: which of the items that were read are returned.
//!
//! A Scan checks its filter behind AttributesToGet and before ExclusiveStartKey; a Query checks its filter
//! before both, and before its KeyConditions (observed on the service).

use stator_expression::{Condition, limits};

use super::LegacyError;
use super::condition_map::ConditionMap;
use super::conditions::ConditionalOperator;

/// The most conditions and values of a filter, taken together. Every item of a page is compared with all
/// of them, and a body has room for a million. No FilterExpression has more: in its text, each of them
/// takes a byte and more.
const COMPARISONS: usize = limits::EXPRESSION_BYTES;

/// Whether a Query or Scan with this filter may have a ConditionalOperator, if it does. This is checked
/// as soon as it is known that there are no expressions beside them.
///
/// # Errors
/// If there is an operator, and fewer than two conditions that it could combine.
pub(crate) fn check_operator(
    operator: Option<ConditionalOperator>,
    filter: Option<&ConditionMap>,
) -> Result<(), LegacyError> {
    match operator {
        Some(_) => ConditionalOperator::check_use(filter.map_or(0, ConditionMap::len)),
        None => Ok(()),
    }
}

/// The condition that the filter is. A filter without conditions lets everything pass, as none does.
///
/// # Errors
/// For the first condition that has one; if there are more conditions and values than items are compared
/// with.
pub(crate) fn condition(
    filter: ConditionMap,
    operator: Option<ConditionalOperator>,
) -> Result<Option<Condition>, LegacyError> {
    let comparisons = filter.comparisons()?;
    let count = comparisons.iter().map(|(_, comparison)| 1 + comparison.values()).sum();
    if count > COMPARISONS {
        return Err(LegacyError::FilterTooLarge { count, limit: COMPARISONS });
    }
    let conditions = comparisons.into_iter().map(|(name, comparison)| comparison.of(name));
    Ok(operator.unwrap_or_default().combine(conditions.collect()))
}

#[cfg(test)]
mod tests;
