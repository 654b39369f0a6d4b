//! Expressions through the crate's public surface.

mod condition;
mod hostile;
mod key_condition;
mod model;
mod projection;
mod session;
mod support;
mod update;
mod wire;
