//! Model constraints, and how their texts are put together.
//!
//! The service checks the constraints of its model on all members of a request and answers with all
//! that fail, up to ten: `2 validation errors detected: a; b`.

use std::fmt::Display;

use stator_protocol::{ApiError, ValueError};

use crate::options::Choice;

/// The most violations in one answer.
const MOST: usize = 10;

/// Model constraints that a request does not meet.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<String>);

impl Violations {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Notes that the value at `path` does not meet a constraint.
    pub(crate) fn add(&mut self, value: impl Display, path: impl Display, constraint: &str) {
        self.push(format!(
            "Value '{value}' at '{path}' failed to satisfy constraint: Member must {constraint}"
        ));
    }

    /// Notes a constraint that is not met by a value which the service does not show.
    pub(crate) fn add_unshown(&mut self, path: impl Display, constraint: &str) {
        self.push(format!(
            "Value at '{path}' failed to satisfy constraint: Member must {constraint}"
        ));
    }

    /// Notes that a value in the map at `path` does not meet one of these constraints.
    pub(crate) fn add_map_value(
        &mut self,
        map: impl Display,
        path: impl Display,
        constraints: &str,
    ) {
        self.push(format!(
            "Value '{map}' at '{path}' failed to satisfy constraint: Map value must satisfy \
             constraint: [{constraints}]"
        ));
    }

    /// A member that must be there.
    pub(crate) fn required<T>(&mut self, path: impl Display, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.push(format!(
                "Value null at '{path}' failed to satisfy constraint: Member must not be null"
            ));
        }
        value
    }

    /// A member that is one of a few words; `None` if it is absent or another.
    pub(crate) fn choice<T: Choice>(
        &mut self,
        path: impl Display,
        value: Option<&str>,
    ) -> Option<T> {
        let word = value?;
        let found = T::named(word);
        if found.is_none() {
            let words: Vec<&str> = T::WORDS.iter().map(|(known, _)| *known).collect();
            let constraint = format!("satisfy enum value set: [{}]", words.join(", "));
            self.add(word, path, &constraint);
        }
        found
    }

    /// A member whose characters are counted.
    pub(crate) fn length(&mut self, path: impl Display, text: &str, least: usize, most: usize) {
        let length = text.chars().count();
        if length < least {
            let constraint = format!("have length greater than or equal to {least}");
            self.add(text, path, &constraint);
        } else if length > most {
            let constraint = format!("have length less than or equal to {most}");
            self.add(text, path, &constraint);
        }
    }

    /// A whole number that must not be smaller.
    pub(crate) fn at_least(&mut self, path: impl Display, number: i64, least: i64) {
        if number < least {
            self.add(number, path, &format!("have value greater than or equal to {least}"));
        }
    }

    /// A whole number that must not be larger.
    pub(crate) fn at_most(&mut self, path: impl Display, number: i64, most: i64) {
        if number > most {
            self.add(number, path, &format!("have value less than or equal to {most}"));
        }
    }

    /// A table's name, in characters that it may have.
    pub(crate) fn name_pattern(&mut self, path: impl Display, name: &str) {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        if !name.bytes().all(allowed) {
            self.add(name, path, "satisfy regular expression pattern: [a-zA-Z0-9_.-]+");
        }
    }

    fn push(&mut self, violation: String) {
        if self.0.len() < MOST {
            self.0.push(violation);
        }
    }

    /// Whether there are none.
    ///
    /// # Errors
    /// The ValidationException that lists them.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        let errors = match self.0.len() {
            0 => return Ok(()),
            1 => "1 validation error".to_owned(),
            count => format!("{count} validation errors"),
        };
        Err(ApiError::validation(format!("{errors} detected: {}", self.0.join("; "))))
    }
}

/// A rule across parameters that a request breaks.
pub(crate) fn invalid(text: impl Display) -> ApiError {
    ApiError::validation(format!("One or more parameter values were invalid: {text}"))
}

/// A rule of the enveloped family, in an operation that envelopes: since summer 2026 the service puts
/// these texts of PutItem, UpdateItem and DeleteItem into the form of a model constraint.
/// This function is the one switch between the two forms.
pub(crate) fn enveloped(text: impl Display) -> ApiError {
    ApiError::validation(format!("1 validation error detected: {text}"))
}

/// What an operation that envelopes answers to a bad value.
pub(crate) fn enveloped_value(error: ValueError) -> ApiError {
    if error.is_enveloped() { enveloped(error) } else { error.into() }
}

/// Whether none of the parameters that do not work yet is there.
///
/// # Errors
/// A ValidationException that names them: to ignore one would be to do something else than was asked.
pub(crate) fn none_refused(operation: &str, present: &[&str]) -> Result<(), ApiError> {
    let are = match present.len() {
        0 => return Ok(()),
        1 => "is",
        _ => "are",
    };
    let names = present.join(", ");
    Err(ApiError::validation(format!(
        "{names} {are} not supported by this server yet ({operation})"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_ten_violations_are_listed() {
        let mut violations = Violations::new();
        for number in 0..12 {
            violations.at_least(format!("member.{number}"), number, 100);
        }
        let error = violations.finish().unwrap_err();
        let text = error.message().unwrap();
        assert!(text.starts_with("10 validation errors detected: Value '0' at 'member.0' failed"));
        assert!(text.contains("member.9") && !text.contains("member.10"));
    }
}
