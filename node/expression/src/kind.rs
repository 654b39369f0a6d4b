//! Which parameter of a request an expression is.

use std::fmt;

/// The kinds of expressions, by the parameters that carry them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// What must hold for a write to be made.
    Condition,
    /// Which of the items read a Query or Scan returns.
    Filter,
    /// Which items a Query reads.
    KeyCondition,
    /// Which parts of an item a read returns.
    Projection,
    /// What an UpdateItem changes.
    Update,
}

impl Kind {
    /// The parameter's name on the wire and in messages.
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Condition => "ConditionExpression",
            Self::Filter => "FilterExpression",
            Self::KeyCondition => "KeyConditionExpression",
            Self::Projection => "ProjectionExpression",
            Self::Update => "UpdateExpression",
        }
    }

    /// The words that are part of the grammar, and so never a bare name, in upper case.
    pub(crate) const fn keywords(self) -> &'static [&'static str] {
        match self {
            Self::Condition | Self::Filter | Self::KeyCondition => {
                &["AND", "BETWEEN", "IN", "NOT", "OR"]
            }
            Self::Projection => &[],
            Self::Update => &["ADD", "DELETE", "REMOVE", "SET"],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.parameter())
    }
}
