//! The sans-I/O core of a storage node: every Raft group here, and what happens between a command
//! and its answer.
//!
//! ```text
//!   Event ──► Core ──► Output { log, apply, answers, publish, drop, send }
//!                        │      │
//!                        │      └──► Applier ──► store ──► answers, Applied ──► Core
//!                        └──► Raft log ──► Logged ──► Core
//! ```
//!
//! [`Core`] decides and never waits: it owns the Raft state of all groups, evaluates commands against
//! overlay and prefetched item, and hands out log records and apply tasks. [`Applier`] turns committed
//! entries into store batches. The threads that carry these to disks live in `server`; the simulator
//! carries them to simulated ones. Nothing here reads a clock, a disk or a random source.
//!
//! What survives a crash: exactly what the Raft log says and what the tablets say; a core is rebuilt
//! from those two by [`Core::start`] and keeps nothing else that matters.

mod apply;
mod core;
mod entry;
mod event;
mod group;
mod handle;
mod machine;
pub mod message;
mod overlay;
mod proof;
mod read;
mod start;
mod tail;

pub use apply::{
    Applied, Applier, ApplyTask, CommittedEntry, Error as ApplyError, Limits, Pace, Round,
};
pub use core::Core;
pub use entry::{EntryError, WriteSet};
pub use event::{
    Answer, CatalogAnswer, CatalogRequest, CatalogResponder, Event, LogTask, LogTaskId, NotDone,
    Now, Output, Prefetched, ProofRequest, Published, Release, Responder, Settled, WriteRequest,
};
pub use group::{Fault, Refused};
pub use handle::{ReadPoint, ReplicaHandle};
pub use message::{Envelope, PeerMessage};
pub use proof::{ELECTION_TIMEOUT, LEASE, ProofResponder, TICK};
pub use read::{prefetch, read, read_item};
pub use start::{Forming, Start, StartError};
