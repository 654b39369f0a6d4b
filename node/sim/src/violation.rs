//! A run found out something that must not be.

use std::fmt;

/// Which rule was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule: the name of a file under `invariants`.
    pub invariant: &'static str,
    /// What was seen.
    pub seen: String,
}

impl Violation {
    /// This rule was broken like this.
    pub fn new(invariant: &'static str, seen: impl Into<String>) -> Self {
        Self { invariant, seen: seen.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.seen)
    }
}

/// What a check comes to.
pub type Verdict = Result<(), Violation>;

/// Breaks off unless `holds`.
///
/// # Errors
/// The violation that `seen` describes.
pub fn ensure(holds: bool, invariant: &'static str, seen: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Violation::new(invariant, seen())) }
}
