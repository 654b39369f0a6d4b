//! A seeded world in one thread around the real core of a storage node.
//!
//! Core, applier, router, catalog, Raft log and store are the ones that a node runs; clock, disk,
//! scheduling, clients and deaths are simulated and follow from one seed. Nothing here reads a clock,
//! a random source or the order of a hash map: a seed means the same run for ever.
//!
//! To be read in this order: [`plan`] (what a run will be like), [`world`] (how it goes), [`process`]
//! and [`edge`] (mirrors of the server's threads and requests), [`disk`] (what goes wrong below),
//! [`change`], [`history`] and [`linear`] (what clients saw, and whether it can be), [`invariants`] (what must
//! hold). [`run`] makes one run, [`replay`] one with a trace.
//!
//! Survives nothing and must never be used outside tests.

pub mod change;
pub mod client;
pub mod content;
pub mod disk;
pub mod edge;
pub mod history;
pub mod invariants;
mod keeping;
pub mod linear;
pub mod plan;
pub mod process;
pub mod random;
pub mod run;
pub mod trace;
pub mod violation;
pub mod world;

pub use plan::Plan;
pub use run::{Failure, replay, run};
pub use world::Summary;
