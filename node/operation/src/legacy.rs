//! The parameters that were there before expressions ("Legacy conditional parameters", developer guide).
//!
//! Each is read, checked by the rules of its own, and then means what an expression means. Nothing here
//! evaluates anything. Attributes are named as they
//! are: a dot in a name is a dot, and nothing inside an attribute can be named.
//!
//! A request has expressions or these, never both.

pub(crate) mod attribute_updates;
pub(crate) mod attributes_to_get;
pub(crate) mod conditions;
mod error;
pub(crate) mod expected;
mod mixture;

pub(crate) use error::LegacyError;
pub(crate) use mixture::check_mixture;
