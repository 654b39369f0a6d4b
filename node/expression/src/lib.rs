//! DynamoDB expressions: what the text of a condition, filter, key condition, projection or update
//! means.
//!
//! An expression is parsed once for a request, together with the placeholders of that request, into a
//! form that holds no text and needs no check any more. Everything that can be refused without an item
//! is refused then, with the service's words and in its order: syntax first, then what the expression
//! names, then what it does. Applying the form to an item cannot panic and takes stack in proportion
//! to the nesting of the expression, which is bounded.
//!
//! Nothing here knows JSON, tables or requests; nothing does I/O or reads a clock.

pub mod condition;
pub mod error;
mod function;
pub mod key_condition;
mod kind;
pub mod limits;
pub mod path;
mod path_tree;
mod placeholders;
mod projection;
mod reserved;
mod token;
pub mod update;
pub mod wire;

pub use condition::{Comparator, Condition, Operand};
pub use error::{ExpressionError, Fault, Parameter};
pub use key_condition::{
    KeyCondition, KeyConditionError, KeyExpression, KeyQuery, KeyTest, SortRange,
};
pub use kind::Kind;
pub use path::{Path, Step};
pub use placeholders::Placeholders;
pub use projection::Projection;
pub use reserved::is_reserved;
pub use update::{Update, UpdateError, Updated};
