//! What must hold of an item for a write of it to be made.

use stator_expression::Condition;
use stator_model::{Item, SharedItem, to_item, to_item_of};
use stator_protocol::ApiError;

use crate::options::ReturnValuesOnConditionCheckFailure;

/// The condition of a write, and whether the client wants to see the item that it does not hold for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Precondition {
    condition: Option<Condition>,
    shows_item: bool,
}

impl Precondition {
    pub(crate) fn new(
        condition: Option<Condition>,
        on_failure: Option<ReturnValuesOnConditionCheckFailure>,
    ) -> Self {
        let shows_item = match on_failure {
            Some(ReturnValuesOnConditionCheckFailure::AllOld) => true,
            Some(ReturnValuesOnConditionCheckFailure::None) | None => false,
        };
        Self { condition, shows_item }
    }

    /// Whether the write may be made, if this is the item now. An item that is not there has no
    /// attributes, not even those of its key.
    ///
    /// # Errors
    /// ConditionalCheckFailedException.
    pub(crate) fn check(&self, current: Option<&SharedItem>) -> Result<(), ApiError> {
        let Some(condition) = &self.condition else { return Ok(()) };
        let attributes = condition.attributes();
        let looked_at = |name: &str| attributes.binary_search(&name).is_ok();
        let seen = current.map_or_else(Item::new, |item| to_item_of(item.as_ref(), &looked_at));
        if condition.holds(&seen) {
            return Ok(());
        }
        let shown = current.filter(|_| self.shows_item).map(|item| to_item(item.as_ref()));
        Err(ApiError::conditional_check_failed(shown))
    }
}
