//! One function for each target, and what it needs.

pub(crate) mod expressions;
pub(crate) mod heads;
pub(crate) mod log;
pub(crate) mod manifests;
pub(crate) mod records;
pub(crate) mod requests;
pub(crate) mod values;
