//! The log through its public surface, on a simulated disk and on a real one.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails, in its helpers too"
)]

mod crash;
mod damage;
mod model;
mod poison;
mod random;
mod real;
mod semantics;
mod support;
