//! Why a legacy parameter is refused, in the service's words.

use stator_expression::KeyConditionError;
use stator_model::limits;
use stator_protocol::{ApiError, ValueError};

use crate::expressions::Wording;

/// What is wrong with a legacy parameter. All of these are the message of a ValidationException.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LegacyError {
    /// Expressions beside legacy parameters: the names of both.
    #[error(
        "Can not use both expression and non-expression parameters in the same request: \
         Non-expression parameters: {{{legacy}}} Expression parameters: {{{expressions}}}"
    )]
    Mixed { legacy: String, expressions: String },
    /// A ConditionalOperator and no conditions.
    #[error("ConditionalOperator cannot be used without Filter or Expected")]
    NothingToCombine,
    /// A ConditionalOperator and one condition.
    #[error(
        "ConditionalOperator can only be used when Filter or Expected has two or more elements"
    )]
    OneToCombine,
    /// An attribute that is expected to have a value, and no value. `exists` is the member as it is shown.
    #[error(
        "One or more parameter values were invalid: Value must be provided when Exists is {exists} \
         for Attribute: {attribute}"
    )]
    ValueMissing { exists: &'static str, attribute: String },
    /// A value for an attribute that is expected not to exist.
    #[error(
        "One or more parameter values were invalid: Value cannot be used when Exists is false for \
         Attribute: {0}"
    )]
    ValueOfNothing(String),
    /// The two forms of Expected for one attribute.
    #[error(
        "One or more parameter values were invalid: Exists and ComparisonOperator cannot be used \
         together for Attribute: {0}"
    )]
    ExistsAndOperator(String),
    /// Two places for arguments, both used.
    #[error(
        "One or more parameter values were invalid: Value and AttributeValueList cannot be used \
         together for Attribute: {0}"
    )]
    ValueAndList(String),
    /// An operator that needs arguments, and no place where they could be.
    #[error(
        "One or more parameter values were invalid: Value or AttributeValueList must be used with \
         ComparisonOperator: {operator} for Attribute: {attribute}"
    )]
    OperatorAlone { operator: &'static str, attribute: String },
    /// Arguments without an operator.
    #[error(
        "One or more parameter values were invalid: AttributeValueList can only be used with a \
         ComparisonOperator for Attribute: {0}"
    )]
    ListAlone(String),
    /// Too many or too few arguments.
    #[error(
        "One or more parameter values were invalid: Invalid number of argument(s) for the {0} \
         ComparisonOperator"
    )]
    ArgumentCount(&'static str),
    /// Arguments of several types.
    #[error(
        "One or more parameter values were invalid: AttributeValues inside AttributeValueList must \
         be of same type"
    )]
    ArgumentTypes,
    /// Arguments of a type that the operator cannot take.
    #[error(
        "One or more parameter values were invalid: ComparisonOperator {operator} is not valid for \
         {type_name} AttributeValue type"
    )]
    ArgumentType { operator: &'static str, type_name: &'static str },
    /// A BETWEEN whose first argument is the greater one.
    #[error(
        "The BETWEEN condition was provided a range where the lower bound is greater than the upper \
         bound"
    )]
    BoundsReversed,
    /// A PUT or ADD of nothing.
    #[error(
        "One or more parameter values were invalid: Only DELETE action is allowed when no attribute \
         value is specified"
    )]
    NothingToPut,
    /// An ADD or DELETE of a value of a type that it cannot take.
    #[error(
        "One or more parameter values were invalid: {action} is not supported for the type {type_name}"
    )]
    ActionType { action: &'static str, type_name: &'static str },
    /// An attribute twice in AttributesToGet.
    #[error("One or more parameter values were invalid: Duplicate value in attribute name: {0}")]
    DuplicateName(String),
    /// An operator in KeyConditions that no index can look up.
    #[error("Attempted conditional constraint is not an indexable operation")]
    NotIndexable,
    /// A QueryFilter that looks at an attribute of the key.
    #[error("QueryFilter can only contain non-primary key attributes: Primary key attribute: {0}")]
    FilterOnKey(String),
    /// A filter of more conditions and values, taken together, than every item is compared with. Ours: the
    /// service documents no limit.
    #[error(
        "One or more parameter values were invalid: Filter has too many conditions and values; number \
         of conditions and values: {count}, limit: {limit}"
    )]
    FilterTooLarge { count: usize, limit: usize },
    /// KeyConditions that do not fit the key.
    #[error(transparent)]
    Key(#[from] KeyConditionError),
    /// A value that is wrong in itself, or a name that no attribute can have.
    #[error(transparent)]
    Value(#[from] ValueError),
}

impl LegacyError {
    /// The answer of an operation that words its errors like this.
    ///
    /// The rules about requests are enveloped by the operations that envelope such rules: observed of
    /// Expected in October 2026.
    pub(crate) fn worded(&self, wording: Wording) -> ApiError {
        match self {
            Self::Value(error) if !error.is_enveloped() => Wording::Bare.refuse(self.to_string()),
            Self::Value(_)
            | Self::Mixed { .. }
            | Self::NothingToCombine
            | Self::OneToCombine
            | Self::ValueMissing { .. }
            | Self::ValueOfNothing(_)
            | Self::ExistsAndOperator(_)
            | Self::ValueAndList(_)
            | Self::OperatorAlone { .. }
            | Self::ListAlone(_)
            | Self::ArgumentCount(_)
            | Self::ArgumentTypes
            | Self::ArgumentType { .. }
            | Self::BoundsReversed
            | Self::NothingToPut
            | Self::ActionType { .. }
            | Self::DuplicateName(_)
            | Self::NotIndexable
            | Self::FilterOnKey(_)
            | Self::FilterTooLarge { .. }
            | Self::Key(_) => wording.refuse(self.to_string()),
        }
    }
}

/// Whether an attribute can have this name.
///
/// # Errors
/// If it is empty, or longer than names may be.
pub(crate) fn check_name(name: &str) -> Result<(), LegacyError> {
    if name.is_empty() {
        return Err(ValueError::EmptyName.into());
    }
    if name.len() > limits::ATTRIBUTE_NAME_BYTES {
        return Err(ValueError::NameTooLong.into());
    }
    Ok(())
}
