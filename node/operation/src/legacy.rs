//! The parameters that were there before expressions ("Legacy conditional parameters", developer guide):
//! Expected, AttributeUpdates, AttributesToGet, KeyConditions, QueryFilter, ScanFilter.
//!
//! Each is read, checked by the rules of its own, and then means what an expression means: a condition, an
//! update, a projection, a key condition. Nothing here evaluates anything. Attributes are named as they
//! are: a dot in a name is a dot, and nothing inside an attribute can be named.
//!
//! A request has expressions or these, never both.

pub(crate) mod attribute_updates;
pub(crate) mod attributes_to_get;
pub(crate) mod condition_map;
pub(crate) mod conditions;
mod error;
pub(crate) mod expected;
pub(crate) mod filter;
pub(crate) mod key_conditions;
mod mixture;

pub(crate) use error::LegacyError;
pub(crate) use mixture::check_mixture;
