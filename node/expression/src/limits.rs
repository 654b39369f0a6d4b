//! The limits of expressions, from "Quotas and limits in Amazon DynamoDB" (developer guide,
//! "Expression parameters").

/// Bytes of an expression as it is written.
pub const EXPRESSION_BYTES: usize = 4_096;
/// Operators and functions of an expression.
pub const OPERATORS: usize = 300;
/// Operands behind an IN.
pub const IN_OPERANDS: usize = 100;
/// Elements of a document path.
pub const PATH_ELEMENTS: usize = stator_model::limits::NESTING_LEVELS;
/// Bytes of a placeholder, with its `#` or `:`.
pub const PLACEHOLDER_BYTES: usize = 255;
/// Bytes of all placeholders of a request with what they stand for.
pub const SUBSTITUTION_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of an attribute's name.
pub const NAME_BYTES: usize = stator_model::limits::ATTRIBUTE_NAME_BYTES;
