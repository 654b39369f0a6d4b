//! Conditions, applied to items as they are stored.

use stator_expression::Condition;
use stator_model::{Item, SharedItem, TableDescription, to_item, to_item_of};
use stator_protocol::ApiError;

use crate::keys;
use crate::options::ReturnValuesOnConditionCheckFailure;

/// A condition, and what must be read of an item to know whether it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ItemCondition {
    condition: Condition,
    /// Sorted.
    attributes: Vec<String>,
}

impl From<Condition> for ItemCondition {
    fn from(condition: Condition) -> Self {
        let attributes = condition.attributes().into_iter().map(str::to_owned).collect();
        Self { condition, attributes }
    }
}

impl ItemCondition {
    /// The condition itself.
    pub(crate) const fn condition(&self) -> &Condition {
        &self.condition
    }

    /// The attributes that it looks at, sorted.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(String::as_str)
    }

    /// Checks that it looks into no key of `table`.
    ///
    /// # Errors
    /// ValidationException.
    pub(crate) fn check_paths(&self, table: &TableDescription) -> Result<(), ApiError> {
        keys::must_be_scalar(&self.condition.nested_attributes(), table)
    }

    /// Whether it holds. An item that is not there has no attributes, not even those of its key.
    pub(crate) fn holds(&self, item: Option<&SharedItem>) -> bool {
        let looked_at =
            |name: &str| self.attributes.binary_search_by(|have| have.as_str().cmp(name)).is_ok();
        let seen = item.map_or_else(Item::new, |item| to_item_of(item.as_ref(), &looked_at));
        self.condition.holds(&seen)
    }
}

/// The condition of a write, and whether the client wants to see the item that it does not hold for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Precondition {
    condition: Option<ItemCondition>,
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
        Self::showing(condition, shows_item)
    }

    pub(crate) fn showing(condition: Option<Condition>, shows_item: bool) -> Self {
        Self { condition: condition.map(Into::into), shows_item }
    }

    /// The condition, if there is one.
    pub(crate) fn condition(&self) -> Option<&Condition> {
        self.condition.as_ref().map(ItemCondition::condition)
    }

    /// Whether the client wants to see the item that the condition does not hold for.
    pub(crate) const fn shows_item(&self) -> bool {
        self.shows_item
    }

    /// Checks that the condition looks into no key of `table`.
    ///
    /// # Errors
    /// ValidationException.
    pub(crate) fn check_paths(&self, table: &TableDescription) -> Result<(), ApiError> {
        self.condition.as_ref().map_or(Ok(()), |condition| condition.check_paths(table))
    }

    /// Whether the write may be made, if this is the item now.
    ///
    /// # Errors
    /// ConditionalCheckFailedException.
    pub(crate) fn check(&self, current: Option<&SharedItem>) -> Result<(), ApiError> {
        if self.condition.as_ref().is_none_or(|condition| condition.holds(current)) {
            return Ok(());
        }
        let shown = current.filter(|_| self.shows_item).map(|item| to_item(item.as_ref()));
        Err(ApiError::conditional_check_failed(shown))
    }
}
