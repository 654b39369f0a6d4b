//! What the catalog says of a node.

use std::fmt;

use stator_model::{NodeId, ReplicaId, StartNumber};

use crate::FeatureRange;

/// A storage node as the cluster knows it. Immutable; a change is a new value of the next generation.
///
/// Whether it is up is not said here: nodes come and go faster than a catalog should change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeDescription {
    /// The node: one data directory, for its whole life.
    pub id: NodeId,
    /// What the configuration calls it. One node at a time has it, save those that are lost.
    pub name: String,
    /// Where it can fail together with others. Replicas of a partition are in different zones if possible.
    pub zone: String,
    /// The NodePool that it belongs to.
    pub pool: String,
    /// Where it is reached.
    pub addresses: Addresses,
    /// Whether it holds replicas, and may get more.
    pub state: NodeState,
    /// How often its process had started when it last registered.
    pub start: StartNumber,
    /// What it can read and write.
    pub features: FeatureRange,
    /// Its part in the group that replicates the catalog.
    pub role: CatalogRole,
    /// Its replica in that group.
    pub replica: ReplicaId,
    /// Raised with every change of this record.
    pub generation: Generation,
}

/// Where a node is reached: `host:port` each. Empty where it was never said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// By clients.
    pub client: String,
    /// By other nodes.
    pub peer: String,
}

/// Where a node is in its life.
///
/// ```text
///                  ┌──────────┐
/// Register ──► ACTIVE ◄──► DRAINING ──Remove, once it holds nothing──► (none)
///                  │          │                                          ▲
///                  └──► LOST ◄┘ ─────────────────Remove──────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It holds replicas and gets new ones.
    Active,
    /// It holds replicas and gets no new ones.
    Draining,
    /// Its data is gone for good. It is never let in again, and its name is free for a new node.
    Lost,
}

impl NodeState {
    /// The state as people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Draining => "DRAINING",
            Self::Lost => "LOST",
        }
    }
}

/// A node's part in the Raft group of the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatalogRole {
    /// It votes.
    Voter,
    /// It has the current map and no vote.
    Learner,
}

/// How often a record was changed. A decision carries the one that it was computed from and is refused if
/// there is a newer one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u64);

impl Generation {
    /// The generation with this number; records begin with 1.
    pub const fn new(raw: u64) -> Self {
        Self(raw)
    }

    /// Its number, for codecs.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The one that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
