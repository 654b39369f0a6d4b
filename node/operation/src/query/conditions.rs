//! Which items a query asks for: `KeyConditionExpression`, or `KeyConditions`, its legacy form.

use stator_expression::{KeyCondition, KeyQuery, KeyTest, SortRange as Test};
use stator_model::{KeySchema, KeyValue, SortRange};
use stator_protocol::ApiError;

use crate::legacy::key_conditions::KeyConditions;
use crate::projected::worded;

/// The conditions of a query, checked by every rule that needs no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Conditions {
    Legacy(KeyConditions),
    Expression(KeyCondition),
}

/// What the conditions ask for: one partition key, and a range of sort keys or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) partition: KeyValue,
    pub(super) sort: Option<SortRange>,
}

impl Conditions {
    /// What is asked for, of a table or index with these keys.
    ///
    /// # Errors
    /// ValidationException: a condition that is missing, or that its key attribute cannot have.
    pub(super) fn bind(self, schema: &KeySchema) -> Result<Asked, ApiError> {
        let (partition, sort) = (&schema.partition, schema.sort.as_ref());
        let KeyQuery { partition, sort } = match self {
            Self::Legacy(conditions) => conditions.bind(partition, sort).map_err(worded)?,
            Self::Expression(condition) => condition
                .bind(partition, sort)
                .map_err(|error| ApiError::validation(error.to_string()))?,
        };
        Ok(Asked { partition, sort: sort.map(range) })
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
