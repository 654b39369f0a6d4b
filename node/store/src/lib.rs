//! Where a replica's data lies: key layouts, record codecs, and tablets in fjall.
//!
//! A tablet is (keyspace, 8-byte prefix): the keys of one replica, in one of 16 keyspaces of one
//! database per node. This crate owns what the bytes of keys and values mean, and is the only one
//! that names fjall. It never sees JSON, Raft messages or a clock, and it never syncs on a commit:
//! the Raft log replays what a crash takes away.
//!
//! What survives a crash: of each keyspace, a prefix of its own writes that is not older than the
//! last [`Engine::persist`]. Two keyspaces need not agree on how long that prefix is, so nothing may
//! depend on a write in one because of a write in another. That is why a partition's applied index
//! lies in its own tablet, in the batch of the effects that it counts.
//!
//! Read in this order: [`engine`], [`keys`], [`item`], [`state`], then the two engines: [`disk`]
//! (fjall) and [`memory`] (simulated, crashes on demand).

pub mod batch;
pub mod collection;
pub mod disk;
pub mod engine;
pub mod error;
pub mod item;
pub mod journal;
pub mod keys;
pub mod memory;
pub mod record;
pub mod state;
pub mod value;

pub use batch::Batch;
pub use disk::{FjallEngine, Options, Persister, Usage};
pub use engine::{Engine, Entries, KEYSPACES, Pressure, ReadView};
pub use error::{Error, Result};
pub use item::{ItemFlags, ItemHeader, RegionId, StoredItem};
pub use memory::MemoryEngine;
pub use record::Malformed;
pub use state::{ConfState, IndexTotals, PartitionState};
pub use value::Value;

/// How many cases a property test runs: `base` times `STATOR_CASES`, the multiplier that all tests of
/// the workspace understand.
#[cfg(test)]
fn cases(base: u32) -> u32 {
    let times = std::env::var("STATOR_CASES").ok().and_then(|times| times.parse().ok());
    base.saturating_mul(times.unwrap_or(1))
}
