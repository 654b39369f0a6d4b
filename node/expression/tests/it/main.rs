//! Expressions through the crate's public surface.

mod condition;
mod hostile;
mod projection;
mod session;
mod support;
mod update;
