//! The members that the bodies of all operations which write one item have in common.

use serde::de::MapAccess;
use stator_expression::{Kind, Update};
use stator_protocol::{ApiError, Member};

use crate::ReturnConsumedCapacity;
use crate::condition::Precondition;
use crate::constraint::{Violations, none_refused};
use crate::expressions::{PlaceholderMembers, Wording};
use crate::options::{Choice, ReturnItemCollectionMetrics, ReturnValuesOnConditionCheckFailure};

/// Parameters of the API that do not work here yet.
const NOT_YET: &[&str] = &["Expected", "ConditionalOperator"];

/// Common members, as they were read.
#[derive(Default)]
pub(crate) struct WriteMembers {
    return_values: Option<String>,
    return_consumed_capacity: Option<String>,
    return_item_collection_metrics: Option<String>,
    return_values_on_condition_check_failure: Option<String>,
    condition_expression: Option<String>,
    placeholders: PlaceholderMembers,
    refused: Vec<&'static str>,
}

/// The words of common members, once they are known to be words of the model.
pub(crate) struct WriteWords<R> {
    pub(crate) return_values: Option<R>,
    pub(crate) metrics: ReturnItemCollectionMetrics,
    on_condition_failure: Option<ReturnValuesOnConditionCheckFailure>,
}

impl WriteMembers {
    /// Reads the member if it is one of these, and skips it if it is of no model.
    pub(crate) fn read<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        member: Member<'_, A>,
    ) -> Result<(), A::Error> {
        match name {
            "ReturnValues" => member.set(&mut self.return_values),
            "ReturnConsumedCapacity" => member.set(&mut self.return_consumed_capacity),
            "ReturnItemCollectionMetrics" => member.set(&mut self.return_item_collection_metrics),
            "ReturnValuesOnConditionCheckFailure" => {
                member.set(&mut self.return_values_on_condition_check_failure)
            }
            "ConditionExpression" => member.set(&mut self.condition_expression),
            "ExpressionAttributeNames" | "ExpressionAttributeValues" => {
                self.placeholders.read(name, member)
            }
            _ => member.note(NOT_YET, &mut self.refused),
        }
    }

    /// `ReturnConsumedCapacity`, which the service looks at before the item or key.
    pub(crate) fn capacity(&self, violations: &mut Violations) -> Option<ReturnConsumedCapacity> {
        violations.choice("returnConsumedCapacity", self.return_consumed_capacity.as_deref())
    }

    /// The members that are one of a few words.
    pub(crate) fn words<R: Choice>(&self, violations: &mut Violations) -> WriteWords<R> {
        let return_values = violations.choice("returnValues", self.return_values.as_deref());
        let metrics = violations
            .choice("returnItemCollectionMetrics", self.return_item_collection_metrics.as_deref());
        let on_condition_failure = violations.choice(
            "returnValuesOnConditionCheckFailure",
            self.return_values_on_condition_check_failure.as_deref(),
        );
        let metrics = metrics.unwrap_or_default();
        WriteWords { return_values, metrics, on_condition_failure }
    }

    /// Whether everything that is there works.
    ///
    /// # Errors
    /// ValidationException.
    pub(crate) fn none_refused(&self, operation: &str) -> Result<(), ApiError> {
        none_refused(operation, &self.refused)
    }

    /// The condition.
    ///
    /// # Errors
    /// ValidationException.
    pub(crate) fn precondition<R>(self, words: &WriteWords<R>) -> Result<Precondition, ApiError> {
        let given = [(Kind::Condition, self.condition_expression.is_some())];
        let mut expressions = self.placeholders.open(Wording::Enveloped, &given)?;
        let condition = self.condition_expression.as_deref();
        let condition = expressions.condition(Kind::Condition, condition)?;
        expressions.finish()?;
        Ok(Precondition::new(condition, words.on_condition_failure))
    }

    /// What an UpdateItem that says `update` changes, and its condition.
    ///
    /// # Errors
    /// ValidationException.
    pub(crate) fn update<R>(
        self,
        update: Option<&str>,
        words: &WriteWords<R>,
    ) -> Result<(Option<Update>, Precondition), ApiError> {
        let condition = self.condition_expression.as_deref();
        let given = [(Kind::Update, update.is_some()), (Kind::Condition, condition.is_some())];
        let mut expressions = self.placeholders.open(Wording::Enveloped, &given)?;
        let update = expressions.update(update)?;
        let condition = expressions.condition(Kind::Condition, condition)?;
        expressions.finish()?;
        Ok((update, Precondition::new(condition, words.on_condition_failure)))
    }
}
