//! Conditions and updates on their way to another node.
//!
//! An expression is a tree whose names and values are shared: a text of 4 KB can say a name of 64 KB or a
//! value of 2 MB a thousand times. So the expressions of a command travel with one table of names and one
//! of values ([`Tables`]), and refer to them by their numbers, counted from 0. The tree itself is a
//! [`Program`]: numbers in postfix order, operands before what is done with them, so that whoever reads it
//! needs a stack of his own and no recursion.
//!
//! ```text
//! path: name │ number of steps │ the steps: 2 × name, or 2 × index + 1
//!
//! condition                          update: for each action its operands, then
//!  1 path      operand                1 path            operand
//!  2 value     operand                2 value           operand
//!  3           size(operand)          3 path            if_not_exists(path, operand)
//!  4 0 to 5    = <> < <= > >=         4 target          SET to the operand
//!  5           BETWEEN                5 target          SET to the sum of two
//!  6 count     IN so many options     6 target          SET to the difference of two
//!  7           attribute_exists       7 target          SET to two lists
//!  8           attribute_not_exists   8 target          REMOVE
//!  9 0 to 9    attribute_type         9 value │ target  ADD
//! 10           begins_with           10 value │ target  DELETE
//! 11           contains
//! 12           NOT
//! 13 count     AND of so many
//! 14 count     OR of so many
//! ```
//!
//! Values are in the form in which items are stored. What is read back is held to every rule that does not
//! depend on an item, those of the text's syntax aside, and takes memory in proportion to what was sent.
//! The message around it has the version.

mod condition;
mod tables;
mod update;
mod words;

use stator_model::ValueRule;
use stator_model::binary::Malformed;

pub use tables::{Reader, Tables, Writer};

/// An expression without its names and values.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Program {
    /// As the module shows them.
    #[prost(uint32, repeated, tag = "1")]
    words: Vec<u32>,
}

/// Why bytes of another node are not expressions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No attribute can have this name.
    #[error("name {number} of the expressions")]
    Name {
        /// Which.
        number: usize,
        /// The rule that it breaks.
        #[source]
        source: ValueRule,
    },
    /// Not a value.
    #[error("value {number} of the expressions")]
    Value {
        /// Which.
        number: usize,
        /// Where it is wrong.
        #[source]
        source: Malformed,
    },
    /// No request can have this value.
    #[error("value {number} of the expressions")]
    Rule {
        /// Which.
        number: usize,
        /// The rule that it breaks.
        #[source]
        source: ValueRule,
    },
    /// The program is none.
    #[error("{expression} at word {at}: {problem}")]
    Program {
        /// `condition` or `update`.
        expression: &'static str,
        /// The first word that does not fit.
        at: usize,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// What is wrong with a program. None of it shows what the client sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A word is missing at the end.
    #[error("cut short")]
    CutShort,
    /// An operation that does not exist.
    #[error("unknown operation {0}")]
    Operation(u32),
    /// A number of which there is no name, value, comparator or type.
    #[error("number {0} stands for nothing")]
    Number(u32),
    /// An operation without enough in front of it.
    #[error("operands are missing")]
    Missing,
    /// Something is done with nothing in the end.
    #[error("operands are left over")]
    LeftOver,
    /// Deeper than any expression.
    #[error("nested too deeply")]
    TooDeep,
    /// A path with more elements than any path has.
    #[error("a path is too long")]
    LongPath,
    /// Operands that no expression has.
    #[error("operands cannot be those of the operation")]
    Operands,
    /// Targets that overlap or conflict.
    #[error("targets clash")]
    Targets,
}
