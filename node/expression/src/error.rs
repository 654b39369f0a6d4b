//! Why an expression is refused.
//!
//! The texts are the service's, to the letter, its double blanks and semicolons included: clients and
//! their tests compare them. All of them are the message of a ValidationException.

use std::fmt;

use crate::Kind;

/// Why the expressions of a request, or their placeholders, are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// One expression is wrong in itself.
    #[error("Invalid {kind}: {fault}")]
    Invalid {
        /// Which expression.
        kind: Kind,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A placeholder parameter is there and has no members.
    #[error("{0} must not be empty")]
    NoPlaceholders(Parameter),
    /// A placeholder that is not `#` or `:` with letters, digits and underscores behind it.
    #[error("{parameter} contains invalid key: Syntax error; key: \"{key}\"")]
    PlaceholderSyntax {
        /// The parameter.
        parameter: Parameter,
        /// The placeholder.
        key: String,
    },
    /// A placeholder that stands for the empty name.
    #[error("ExpressionAttributeNames contains invalid value: Empty attribute name for key {key}")]
    EmptyName {
        /// The placeholder.
        key: String,
    },
    /// A placeholder that stands for a name longer than any attribute may have.
    #[error(
        "ExpressionAttributeNames contains invalid value: One or more parameter values were invalid: \
         Attribute name is too long, must be at most 65535 bytes for key {key}"
    )]
    LongName {
        /// The placeholder.
        key: String,
    },
    /// Placeholders that stand for more than those of a request may.
    #[error("{0} exceeds max size")]
    TooMuchSubstituted(Parameter),
    /// Placeholders that no expression uses.
    #[error("Value provided in {parameter} unused in expressions: keys: {{{}}}", keys.join(", "))]
    Unused {
        /// The parameter.
        parameter: Parameter,
        /// The placeholders, sorted.
        keys: Vec<String>,
    },
}

impl ExpressionError {
    /// Whether the error is of those that the service reports behind "1 validation error detected: "
    /// in the answers of some operations (observed of PutItem, UpdateItem and DeleteItem in 2026).
    /// Which operations do is the caller's to know.
    pub const fn is_enveloped(&self) -> bool {
        match self {
            Self::Invalid { .. } | Self::NoPlaceholders(_) | Self::Unused { .. } => true,
            Self::PlaceholderSyntax { .. }
            | Self::EmptyName { .. }
            | Self::LongName { .. }
            | Self::TooMuchSubstituted(_) => false,
        }
    }
}

/// The two parameters that define placeholders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// `#` placeholders, for names.
    Names,
    /// `:` placeholders, for values.
    Values,
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Names => "ExpressionAttributeNames",
            Self::Values => "ExpressionAttributeValues",
        })
    }
}

/// What is wrong with one expression. Paths are shown as `[a, b, [0]]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing is written.
    #[error("The expression can not be empty;")]
    Empty,
    /// More bytes than an expression may have.
    #[error("Expression size has exceeded the maximum allowed size; expression size: {bytes}")]
    TooLong {
        /// How many.
        bytes: usize,
    },
    /// A token that the grammar does not allow here.
    #[error("Syntax error; token: \"{token}\", near: \"{near}\"")]
    Syntax {
        /// The token; `<EOF>` is the end.
        token: String,
        /// What is written from the token before to the token behind.
        near: String,
    },
    /// More operators and functions than an expression may have.
    #[error("The expression contains too many operators; operator count: {count}")]
    TooManyOperators {
        /// How many.
        count: usize,
    },
    /// More elements than a path may have.
    #[error("The document path has too many nesting levels; nesting levels: {levels}")]
    TooManyLevels {
        /// How many.
        levels: usize,
    },
    /// A list index that is larger than any list.
    #[error("List index is not within the allowable range; index: [{index}]")]
    IndexRange {
        /// Its digits.
        index: String,
    },
    /// More operands than IN may have.
    #[error("The IN operator is provided with too many operands; number of operands: {count}")]
    TooManyInOperands {
        /// How many stand behind the IN.
        count: usize,
    },
    /// A bare name that is a reserved word.
    #[error("Attribute name is a reserved keyword; reserved keyword: {word}")]
    Reserved {
        /// The word as it is written.
        word: String,
    },
    /// A `#` placeholder that the request does not define.
    #[error(
        "An expression attribute name used in the document path is not defined; attribute name: {name}"
    )]
    UndefinedName {
        /// The placeholder.
        name: String,
    },
    /// A `:` placeholder that the request does not define.
    #[error(
        "An expression attribute value used in expression is not defined; attribute value: {name}"
    )]
    UndefinedValue {
        /// The placeholder.
        name: String,
    },
    /// Two paths are the same, or one leads through the other.
    #[error(
        "Two document paths overlap with each other; must remove or rewrite one of these paths; \
         path one: {one}, path two: {two}"
    )]
    PathsOverlap {
        /// The first path.
        one: String,
        /// The second path.
        two: String,
    },
    /// Two paths take one element for a map and for a list.
    #[error(
        "Two document paths conflict with each other; must remove or rewrite one of these paths; \
         path one: {one}, path two: {two}"
    )]
    PathsConflict {
        /// The first path.
        one: String,
        /// The second path.
        two: String,
    },
    /// No function has this name.
    #[error("Invalid function name; function: {function}")]
    UnknownFunction {
        /// The name.
        function: String,
    },
    /// A function in a place where it may not stand.
    #[error(
        "The function is not allowed to be used this way in an expression; function: {function}"
    )]
    MisusedFunction {
        /// The name.
        function: String,
    },
    /// A function of conditions in an update.
    #[error("The function is not allowed in an update expression; function: {function}")]
    FunctionOfConditions {
        /// The name.
        function: String,
    },
    /// Too many or too few operands.
    #[error(
        "Incorrect number of operands for operator or function; operator or function: {operator}, \
         number of operands: {count}"
    )]
    OperandCount {
        /// The operator or function.
        operator: String,
        /// How many operands it is given.
        count: usize,
    },
    /// A literal of a type that the operator or function cannot take.
    #[error(
        "Incorrect operand type for operator or function; operator or function: {operator}, \
         operand type: {operand_type}"
    )]
    OperandType {
        /// The operator or function.
        operator: String,
        /// The type by its name on the wire.
        operand_type: String,
    },
    /// A literal that ADD or DELETE cannot take.
    #[error(
        "Incorrect operand type for operator or function; operator: {action}, operand type: \
         {operand_type}"
    )]
    ActionOperandType {
        /// ADD or DELETE.
        action: &'static str,
        /// The type by its long name, such as STRING.
        operand_type: &'static str,
    },
    /// A literal where only a path may stand.
    #[error("Operator or function requires a document path; operator or function: {operator}")]
    PathRequired {
        /// The operator or function.
        operator: String,
    },
    /// The same path twice among the operands.
    #[error(
        "The first operand must be distinct from the remaining operands for this operator or \
         function; operator: {operator}, first operand: {operand}"
    )]
    SameOperands {
        /// The operator or function.
        operator: String,
        /// The path.
        operand: String,
    },
    /// The second operand of attribute_type names no type.
    #[error(
        "Invalid attribute type name found; type: {name}, valid types: \
         {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"
    )]
    UnknownType {
        /// What it names.
        name: String,
    },
    /// The bounds of a BETWEEN are in the wrong order.
    #[error(
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; \
         lower bound operand: AttributeValue: {lower}, upper bound operand: AttributeValue: {upper}"
    )]
    BoundsReversed {
        /// The lower bound, as `{N:2}`.
        lower: String,
        /// The upper bound.
        upper: String,
    },
    /// The bounds of a BETWEEN are of two types.
    #[error(
        "The BETWEEN operator requires same data type for lower and upper bounds; lower bound \
         operand: AttributeValue: {lower}, upper bound operand: AttributeValue: {upper}"
    )]
    BoundsOfTwoTypes {
        /// The lower bound, as `{N:2}`.
        lower: String,
        /// The upper bound.
        upper: String,
    },
    /// Parentheses directly inside parentheses.
    #[error("The expression has redundant parentheses;")]
    RedundantParentheses,
    /// A key condition with two predicates about one attribute.
    #[error("KeyConditionExpressions must only contain one condition per key")]
    KeyTwice,
    /// A key condition that looks inside an attribute.
    #[error("KeyConditionExpressions cannot have conditions on nested attributes")]
    KeyNested,
    /// A key condition with a function as an operand.
    #[error("KeyConditionExpressions cannot contain nested operations")]
    KeyOperation,
    /// A key condition with something that no index can look up.
    #[error("Invalid operator used in KeyConditionExpression: {operator}")]
    KeyOperator {
        /// The operator or function.
        operator: &'static str,
    },
    /// A key condition that compares attributes with each other.
    #[error(
        "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition"
    )]
    KeyWithKey,
    /// A key condition that compares literals with each other.
    #[error("Invalid condition in KeyConditionExpression: No key attribute specified")]
    KeyMissing,
    /// A key condition whose attribute stands in the wrong place.
    #[error(
        "Invalid condition in KeyConditionExpression: {operator} operator must have the key \
         attribute as its first operand"
    )]
    KeyNotFirst {
        /// BETWEEN or begins_with.
        operator: &'static str,
    },
    /// One clause of an update twice.
    #[error("The \"{section}\" section can only be used once in an update expression;")]
    SectionTwice {
        /// SET, REMOVE, ADD or DELETE.
        section: &'static str,
    },
}

impl Fault {
    /// The error that an expression of this kind has this fault.
    pub(crate) const fn of(self, kind: Kind) -> ExpressionError {
        ExpressionError::Invalid { kind, fault: self }
    }
}
