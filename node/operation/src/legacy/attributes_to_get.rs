//! `AttributesToGet`: which attributes a read returns.

use std::collections::HashSet;
use std::fmt::Display;

use stator_expression::Projection;

use super::LegacyError;
use super::error::check_name;
use crate::constraint::Violations;

/// The name of the parameter.
pub(crate) const PARAMETER: &str = "AttributesToGet";

/// The parameter, which is found at `path`, must name an attribute if it is there.
pub(crate) fn check_length(
    names: Option<&Vec<String>>,
    path: impl Display,
    violations: &mut Violations,
) {
    if names.is_some_and(Vec::is_empty) {
        violations.add("[]", path, "have length greater than or equal to 1");
    }
}

/// The projection to these attributes. Keys are returned only if they are named.
///
/// # Errors
/// For the first name that no attribute can have, or that stands there before.
pub(crate) fn projection(names: &[String]) -> Result<Projection, LegacyError> {
    let mut seen = HashSet::with_capacity(names.len());
    for name in names {
        check_name(name)?;
        if !seen.insert(name) {
            return Err(LegacyError::DuplicateName(name.clone()));
        }
    }
    Ok(Projection::of_attributes(names.iter().map(String::as_str)))
}
