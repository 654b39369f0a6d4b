//! The cluster's metadata as a pure state machine: which tables there are, which partitions they
//! have, which range of the key space each partition holds on which replicas, and which nodes there are
//! to hold them.
//!
//! The catalog is replicated by a Raft group of its own. A [`Command`] goes to that group's leader,
//! which [decides](Catalog::decide) it against its state: the answer is a typed [`Refusal`], or the
//! [`Change`]s to make. The changes, never the command, are what is replicated; every node
//! [applies](Catalog::apply) them and so has the whole, current map in memory. On disk the state is
//! one record for each table, each partition, each node and the catalog itself ([`Change::encode`]), from which
//! a restarted node [loads](Catalog::load) it.
//!
//! Nothing here does I/O, reads a clock, draws a random number or knows Raft: ids of tables, secrets
//! and the time come in with the command.
//!
//! # Invariants
//! - The ranges of a table that is not DELETING cover the key space, without gap and without overlap.
//!   Partitions of a DELETING table go one by one; at least one is left as long as the table is.
//! - A name belongs to one table at a time, also while that is CREATING or DELETING.
//! - A partition's id is minted from a counter in the same decision that makes the partition, and
//!   never again; a partition belongs to one table for its whole life.
//! - A table is ACTIVE only when all its partitions are ready.
//! - A name belongs to one node at a time, lost ones aside. The last voter of the catalog is never removed,
//!   nor a node that holds a replica.
//! - Every node that is not lost can read and write the cluster's feature level, which never falls.
//! - Records written by this build are read by every later one; bytes that are not a record are an
//!   [`Error`], never a panic.

mod catalog;
mod change;
mod command;
mod decide;
mod error;
mod feature;
pub mod forming;
mod founding;
mod membership;
mod node;
mod partition;
mod placement;
mod record;

pub use catalog::Catalog;
pub use change::Change;
pub use command::{
    BillingUpdate, CapUpdate, Command, Decision, NewTable, OnDemandUpdate, Outcome, Refusal,
    TableUpdate, TagUpdate, WarmUpdate,
};
pub use decide::INITIAL_PARTITIONS;
pub use error::{Contradiction, Error, RecordKind};
pub use feature::{FeatureLevel, FeatureRange};
pub use founding::{Founding, FoundingError};
pub use membership::{NewNode, NodeCommand, NodeOutcome, NodeRefusal};
pub use node::{Addresses, CatalogRole, Generation, NodeDescription, NodeState};
pub use partition::{Meta, PartitionDescription};
pub use placement::REPLICAS;
