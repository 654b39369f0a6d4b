//! Expressions through the crate's public surface.

mod condition;
mod hostile;
mod session;
mod support;
