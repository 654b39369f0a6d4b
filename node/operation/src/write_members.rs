//! The members that the bodies of all operations which write one item have in common.

use serde::de::MapAccess;
use stator_protocol::{AnyMap, ApiError, Member};

use crate::ReturnConsumedCapacity;
use crate::constraint::{Violations, enveloped, none_refused};
use crate::options::{Choice, ReturnItemCollectionMetrics, ReturnValuesOnConditionCheckFailure};

/// Parameters of the API that do not work here yet.
const NOT_YET: &[&str] = &["ConditionExpression", "Expected", "ConditionalOperator"];

/// Common members, as they were read.
#[derive(Default)]
pub(crate) struct WriteMembers {
    return_values: Option<String>,
    return_consumed_capacity: Option<String>,
    return_item_collection_metrics: Option<String>,
    return_values_on_condition_check_failure: Option<String>,
    expression_attribute_names: Option<AnyMap>,
    expression_attribute_values: Option<AnyMap>,
    refused: Vec<&'static str>,
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
            "ExpressionAttributeNames" => member.set(&mut self.expression_attribute_names),
            "ExpressionAttributeValues" => member.set(&mut self.expression_attribute_values),
            _ => member.note(NOT_YET, &mut self.refused),
        }
    }

    /// `ReturnConsumedCapacity`, which the service looks at before the item or key.
    pub(crate) fn capacity(&self, violations: &mut Violations) -> Option<ReturnConsumedCapacity> {
        violations.choice("returnConsumedCapacity", self.return_consumed_capacity.as_deref())
    }

    /// `ReturnValues`, and the words that have nothing to say without indexes and conditions: they must
    /// be words nevertheless.
    pub(crate) fn return_values<R: Choice>(&self, violations: &mut Violations) -> Option<R> {
        let return_values = violations.choice("returnValues", self.return_values.as_deref());
        let _: Option<ReturnItemCollectionMetrics> = violations
            .choice("returnItemCollectionMetrics", self.return_item_collection_metrics.as_deref());
        let _: Option<ReturnValuesOnConditionCheckFailure> = violations.choice(
            "returnValuesOnConditionCheckFailure",
            self.return_values_on_condition_check_failure.as_deref(),
        );
        return_values
    }

    /// Whether everything that is there works: names and values for expressions need one, and there is
    /// none as long as there are no conditions.
    ///
    /// # Errors
    /// ValidationException.
    pub(crate) fn none_refused(&self, operation: &str) -> Result<(), ApiError> {
        none_refused(operation, &self.refused)?;
        if self.expression_attribute_names.is_some() {
            return Err(enveloped(
                "ExpressionAttributeNames can only be specified when using expressions",
            ));
        }
        if self.expression_attribute_values.is_some() {
            return Err(enveloped(
                "ExpressionAttributeValues can only be specified when using expressions: \
                 ConditionExpression is null",
            ));
        }
        Ok(())
    }
}
