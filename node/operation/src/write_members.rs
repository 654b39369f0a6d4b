//! The members that the bodies of all operations which write one item have in common.

use serde::de::MapAccess;
use stator_expression::{Condition, Kind, Update};
use stator_protocol::{ApiError, Entries, Member};

use crate::ReturnConsumedCapacity;
use crate::condition::Precondition;
use crate::constraint::Violations;
use crate::expressions::{PlaceholderMembers, Wording};
use crate::legacy::conditions::ConditionalOperator;
use crate::legacy::expected::{self, ExpectedAttribute};
use crate::legacy::{LegacyError, check_mixture};
use crate::options::{Choice, ReturnItemCollectionMetrics, ReturnValuesOnConditionCheckFailure};

/// Common members, as they were read.
#[derive(Default)]
pub(crate) struct WriteMembers {
    return_values: Option<String>,
    return_consumed_capacity: Option<String>,
    return_item_collection_metrics: Option<String>,
    return_values_on_condition_check_failure: Option<String>,
    condition_expression: Option<String>,
    placeholders: PlaceholderMembers,
    expected: Option<Entries<ExpectedAttribute>>,
    conditional_operator: Option<String>,
}

/// The words of common members, once they are known to be words of the model.
pub(crate) struct WriteWords<R> {
    pub(crate) return_values: Option<R>,
    pub(crate) metrics: ReturnItemCollectionMetrics,
    on_condition_failure: Option<ReturnValuesOnConditionCheckFailure>,
    conditional_operator: Option<ConditionalOperator>,
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
            "Expected" => member.set(&mut self.expected),
            "ConditionalOperator" => member.set(&mut self.conditional_operator),
            _ => self.placeholders.read(name, member),
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
        let conditional_operator =
            violations.choice("conditionalOperator", self.conditional_operator.as_deref());
        expected::check_words(self.expected.as_ref(), violations);
        WriteWords { return_values, metrics, on_condition_failure, conditional_operator }
    }

    /// The conditions.
    ///
    /// # Errors
    /// ValidationException.
    pub(crate) fn conditions(self) -> Result<Conditions, ApiError> {
        let given = [(Kind::Condition, self.condition_expression.is_some())];
        let (_, conditions) = self.parse(None, &given, None)?;
        Ok(conditions)
    }

    /// What an UpdateItem changes that has this UpdateExpression, and its conditions.
    ///
    /// # Errors
    /// ValidationException. One of them is to have AttributeUpdates beside expressions.
    pub(crate) fn update(
        self,
        update: Option<&str>,
        attribute_updates: bool,
    ) -> Result<(Option<Update>, Conditions), ApiError> {
        let given = [
            (Kind::Update, update.is_some()),
            (Kind::Condition, self.condition_expression.is_some()),
        ];
        self.parse(update, &given, Some(("AttributeUpdates", attribute_updates)))
    }

    /// Reads the expressions, of which `given` are those that the operation has. `legacy` is a parameter
    /// of the operation that goes with no expression.
    fn parse(
        self,
        update: Option<&str>,
        given: &[(Kind, bool)],
        legacy: Option<(&'static str, bool)>,
    ) -> Result<(Option<Update>, Conditions), ApiError> {
        self.check_legacy(given, legacy).map_err(worded)?;
        let mut expressions = self.placeholders.open(Wording::Enveloped, given)?;
        if self.conditional_operator.is_some() {
            let conditions = self.expected.as_ref().map_or(0, |Entries(expected)| expected.len());
            ConditionalOperator::check_use(conditions).map_err(worded)?;
        }
        let update = expressions.update(update)?;
        let condition = self.condition_expression.as_deref();
        let expression = expressions.condition(Kind::Condition, condition)?;
        expressions.finish()?;
        Ok((update, Conditions { expression, expected: self.expected }))
    }

    fn check_legacy(
        &self,
        given: &[(Kind, bool)],
        legacy: Option<(&'static str, bool)>,
    ) -> Result<(), LegacyError> {
        let legacy: Vec<(&str, bool)> = legacy
            .into_iter()
            .chain([
                ("Expected", self.expected.is_some()),
                ("ConditionalOperator", self.conditional_operator.is_some()),
            ])
            .collect();
        check_mixture(&legacy, given)
    }
}

/// The conditions of a write: an expression, which is checked already, or what is expected, which the
/// service checks behind the values of the request.
#[must_use]
pub(crate) struct Conditions {
    expression: Option<Condition>,
    expected: Option<Entries<ExpectedAttribute>>,
}

impl Conditions {
    /// The condition, checked.
    ///
    /// # Errors
    /// ValidationException.
    pub(crate) fn precondition<R>(self, words: &WriteWords<R>) -> Result<Precondition, ApiError> {
        let operator = words.conditional_operator;
        let expected = self.expected.map(|it| expected::condition(it, operator)).transpose();
        let expected = expected.map_err(worded)?.flatten();
        Ok(Precondition::new(self.expression.or(expected), words.on_condition_failure))
    }
}

/// What the operations that write one item answer.
pub(crate) fn worded(error: LegacyError) -> ApiError {
    error.worded(Wording::Enveloped)
}
