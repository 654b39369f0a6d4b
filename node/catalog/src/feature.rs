//! The cluster's feature level: what may be written while nodes of several versions serve together.
//!
//! A node says which levels it can read and write. The cluster is at one level, which all its nodes can,
//! and nobody writes what is newer; so a node can be replaced by one of the version before until the level
//! is raised. It rises on command, never by itself and never down.

use std::fmt;

/// What may be on disk and on the wire: everything up to this level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeatureLevel(u32);

impl FeatureLevel {
    /// A catalog of one node, which has no record of it.
    pub const ONE_NODE: Self = Self(1);
    /// Nodes have records, and partitions replicas on several of them.
    pub const NODES: Self = Self(2);

    /// The level with this number.
    pub const fn new(raw: u32) -> Self {
        Self(raw)
    }

    /// Its number, for codecs.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for FeatureLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The levels that a node can read and write, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FeatureRange {
    min: FeatureLevel,
    max: FeatureLevel,
}

impl FeatureRange {
    /// What this build can read and write.
    pub const SUPPORTED: Self = Self { min: FeatureLevel::ONE_NODE, max: FeatureLevel::NODES };

    /// From `min` to `max`; `None` if there is no level in it.
    pub fn new(min: FeatureLevel, max: FeatureLevel) -> Option<Self> {
        (FeatureLevel(0) < min && min <= max).then_some(Self { min, max })
    }

    /// The lowest level.
    pub const fn min(self) -> FeatureLevel {
        self.min
    }

    /// The highest level.
    pub const fn max(self) -> FeatureLevel {
        self.max
    }

    /// Whether a cluster at this level may have the node.
    pub fn contains(self, level: FeatureLevel) -> bool {
        self.min <= level && level <= self.max
    }

    /// The levels that are in both.
    pub fn common(self, other: Self) -> Option<Self> {
        Self::new(self.min.max(other.min), self.max.min(other.max))
    }
}

impl fmt::Display for FeatureRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.min, self.max)
    }
}
