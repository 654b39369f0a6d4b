//! Expressions and legacy parameters do not go together.

use stator_expression::Kind;

use super::LegacyError;

/// Whether a request keeps to expressions or to legacy parameters. Both are listed with whether the
/// request gives them, in the order in which the service lists those of the operation.
///
/// A Query lists its KeyConditions only if there is a KeyConditionExpression, too: they may stand beside
/// the other expressions (observed on the service).
///
/// # Errors
/// If it gives some of both.
pub(crate) fn check_mixture(
    legacy: &[(&'static str, bool)],
    expressions: &[(Kind, bool)],
) -> Result<(), LegacyError> {
    let given = |(name, given): &(&'static str, bool)| given.then_some(*name);
    let legacy: Vec<&str> = legacy.iter().filter_map(given).collect();
    let given = |(kind, given): &(Kind, bool)| given.then(|| kind.parameter());
    let expressions: Vec<&str> = expressions.iter().filter_map(given).collect();
    if legacy.is_empty() || expressions.is_empty() {
        return Ok(());
    }
    Err(LegacyError::Mixed { legacy: legacy.join(", "), expressions: expressions.join(", ") })
}
