//! Tests through the public surface.

mod corpus;
mod hostile;
