//! What of an item a read returns.

use std::sync::Arc;

use stator_expression::{Kind, Projection};
use stator_model::{SharedItem, to_item_of};
use stator_protocol::ApiError;

use crate::expressions::{PlaceholderMembers, Wording};
use crate::legacy::attributes_to_get::{self, PARAMETER};
use crate::legacy::{LegacyError, check_mixture};

/// What a read with this projection returns of an item: a part of it, which may be empty, or all. What was
/// read and is charged is the whole item.
pub(crate) fn projected(projection: Option<&Projection>, item: SharedItem) -> SharedItem {
    let Some(projection) = projection else { return item };
    let names: Vec<&str> = projection.attributes().collect();
    let named = to_item_of(item.as_ref(), &|name| names.binary_search(&name).is_ok());
    Arc::new(projection.project(&named))
}

/// The projection of a read that has no other parameters of expressions, and none from before them but
/// AttributesToGet.
///
/// # Errors
/// ValidationException.
pub(crate) fn only_projection(
    expression: Option<&str>,
    placeholders: PlaceholderMembers,
    attributes_to_get: Option<&[String]>,
) -> Result<Option<Projection>, ApiError> {
    check_projections(attributes_to_get.is_some(), expression.is_some()).map_err(worded)?;
    let expression = placeholders.only_projection(expression)?;
    let attributes = attributes_to_get.map(attributes_to_get::projection).transpose();
    Ok(expression.or(attributes.map_err(worded)?))
}

/// Whether a request has projections in one form at most.
///
/// # Errors
/// If it has both.
pub(crate) fn check_projections(
    attributes_to_get: bool,
    expression: bool,
) -> Result<(), LegacyError> {
    check_mixture(&[(PARAMETER, attributes_to_get)], &[(Kind::Projection, expression)])
}

/// What reads answer.
pub(crate) fn worded(error: LegacyError) -> ApiError {
    error.worded(Wording::Bare)
}
