//! Which items a query asks for: `KeyConditionExpression`, or `KeyConditions`, its legacy form.

use stator_expression::{KeyCondition, KeyTest, SortRange as Test};
use stator_model::{KeySchema, KeyValue, SortRange};
use stator_protocol::ApiError;

use super::key_conditions::KeyConditions;

/// The conditions of a query, checked by every rule that needs no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Conditions {
    Legacy(KeyConditions),
    Expression(KeyCondition),
}

/// What the conditions ask for: one partition key, and a range of sort keys or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyQuery {
    pub(super) partition: KeyValue,
    pub(super) sort: Option<SortRange>,
}

impl Conditions {
    /// What is asked for, of a table or index with these keys.
    ///
    /// # Errors
    /// ValidationException: a condition that is missing, or that its key attribute cannot have.
    pub(super) fn bind(self, schema: &KeySchema) -> Result<KeyQuery, ApiError> {
        match self {
            Self::Legacy(conditions) => conditions.bind(schema),
            Self::Expression(condition) => {
                let query = condition
                    .bind(&schema.partition, schema.sort.as_ref())
                    .map_err(|error| ApiError::validation(error.to_string()))?;
                Ok(KeyQuery { partition: query.partition, sort: query.sort.map(range) })
            }
        }
    }
}

fn range(test: Test) -> SortRange {
    match test {
        KeyTest::Equal(value) => SortRange::Equal(value),
        KeyTest::Less(value) => SortRange::Less(value),
        KeyTest::LessOrEqual(value) => SortRange::AtMost(value),
        KeyTest::Greater(value) => SortRange::Greater(value),
        KeyTest::GreaterOrEqual(value) => SortRange::AtLeast(value),
        KeyTest::Between { lower, upper } => SortRange::Between(lower, upper),
        KeyTest::BeginsWith(value) => SortRange::BeginsWith(value),
    }
}
