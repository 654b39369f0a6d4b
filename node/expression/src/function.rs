//! The functions that expressions know.

use crate::Fault;

/// A function, of conditions or of updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    AttributeExists,
    AttributeNotExists,
    AttributeType,
    BeginsWith,
    Contains,
    Size,
    /// Of updates alone, as the next one; the others are of conditions alone.
    IfNotExists,
    ListAppend,
}

impl Function {
    const ALL: [Self; 8] = [
        Self::AttributeExists,
        Self::AttributeNotExists,
        Self::AttributeType,
        Self::BeginsWith,
        Self::Contains,
        Self::Size,
        Self::IfNotExists,
        Self::ListAppend,
    ];

    /// The function of this name, whose case matters.
    pub(crate) fn named(name: &str) -> Result<Self, Fault> {
        let function = Self::ALL.into_iter().find(|function| function.name() == name);
        function.ok_or_else(|| Fault::UnknownFunction { function: name.to_owned() })
    }

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AttributeExists => "attribute_exists",
            Self::AttributeNotExists => "attribute_not_exists",
            Self::AttributeType => "attribute_type",
            Self::BeginsWith => "begins_with",
            Self::Contains => "contains",
            Self::Size => "size",
            Self::IfNotExists => "if_not_exists",
            Self::ListAppend => "list_append",
        }
    }

    /// How many operands it takes.
    pub(crate) const fn operands(self) -> usize {
        match self {
            Self::AttributeExists | Self::AttributeNotExists | Self::Size => 1,
            Self::AttributeType
            | Self::BeginsWith
            | Self::Contains
            | Self::IfNotExists
            | Self::ListAppend => 2,
        }
    }

    /// Whether it says that something holds, so that it is a condition by itself.
    pub(crate) const fn is_condition(self) -> bool {
        match self {
            Self::AttributeExists
            | Self::AttributeNotExists
            | Self::AttributeType
            | Self::BeginsWith
            | Self::Contains => true,
            Self::Size | Self::IfNotExists | Self::ListAppend => false,
        }
    }

    /// Whether it may stand in an update.
    pub(crate) const fn is_of_updates(self) -> bool {
        matches!(self, Self::IfNotExists | Self::ListAppend)
    }

    /// Whether it has a value that can be an operand of a condition.
    pub(crate) const fn is_operand(self) -> bool {
        matches!(self, Self::Size)
    }

    /// The error that it stands in a wrong place.
    pub(crate) fn misused(self) -> Fault {
        Fault::MisusedFunction { function: self.name().to_owned() }
    }
}
