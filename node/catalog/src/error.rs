//! What can be wrong with stored records.

use std::fmt;

use stator_model::{NodeId, PartitionId, TableId};

use crate::{FeatureLevel, FeatureRange};

/// The kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// The catalog itself.
    Meta,
    /// A table.
    Table,
    /// A partition.
    Partition,
    /// A node.
    Node,
    /// Where a node stands while its cluster forms.
    Standing,
    /// What a node says of that to others.
    Report,
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Meta => "meta",
            Self::Table => "table",
            Self::Partition => "partition",
            Self::Node => "node",
            Self::Standing => "standing",
            Self::Report => "report",
        })
    }
}

/// Why stored bytes are not a catalog. Whatever the variant, the replica that holds them is damaged
/// or was written by a newer build.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The key is of no record.
    #[error("key of no known record")]
    UnknownKey,
    /// The record has no bytes, not even its version.
    #[error("{record} record is empty")]
    Empty {
        /// What is empty.
        record: RecordKind,
    },
    /// A newer build wrote the record.
    #[error("{record} record has unknown version {version}")]
    UnknownVersion {
        /// What has the version.
        record: RecordKind,
        /// The version found.
        version: u8,
    },
    /// The bytes behind the version are not a message.
    #[error("{record} record is malformed")]
    Malformed {
        /// What is malformed.
        record: RecordKind,
        /// The parser's reason.
        #[source]
        source: prost::DecodeError,
    },
    /// A field is missing or holds what cannot be.
    #[error("{record} record has no valid {field}")]
    Field {
        /// Whose field it is.
        record: RecordKind,
        /// The field.
        field: &'static str,
    },
    /// The record about the catalog itself is removed.
    #[error("meta record is removed")]
    MetaRemoved,
    /// The cluster's feature level is not one of those that this build can read and write.
    #[error(
        "the cluster is at feature level {level}, and this build handles {}",
        FeatureRange::SUPPORTED
    )]
    UnknownLevel {
        /// The cluster's.
        level: FeatureLevel,
    },
    /// Each record is well-formed, together they make no sense.
    #[error("records contradict each other")]
    Contradiction(#[from] Contradiction),
}

/// How records contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// There are tables or partitions in a catalog that was never formed.
    #[error("no meta record")]
    NotFormed,
    /// Two tables have one name.
    #[error("table {0} has the name of another table")]
    NameTwice(TableId),
    /// The partition's table is not there.
    #[error("partition {0} belongs to no table")]
    Orphan(PartitionId),
    /// The partition's id is one that is still to be minted.
    #[error("partition {0} has an id that was never minted")]
    NeverMinted(PartitionId),
    /// The table is served, and a partition of it is not.
    #[error("partition {0} of an active table is not ready")]
    NotReady(PartitionId),
    /// The table is being created, and none of its partitions is waited for.
    #[error("table {0} is creating though all its partitions are ready")]
    AllReady(TableId),
    /// The table's ranges overlap, or leave a gap though it is not DELETING.
    #[error("ranges of table {0} do not cover its key space once")]
    Ranges(TableId),
    /// The partition has a replica on a node that is not there.
    #[error("partition {0} has a replica on {1}, which is not a node")]
    UnknownNode(PartitionId, NodeId),
    /// The node has the name of another one.
    #[error("{0} has the name of another node")]
    NodeNameTwice(NodeId),
    /// The node cannot read or write what the cluster does.
    #[error("{0} cannot handle the cluster's feature level")]
    NodeLevel(NodeId),
    /// The node's replica of the catalog has an id that is taken or still to be minted.
    #[error("{0} has a replica of the catalog with an id that is not its own")]
    CatalogReplica(NodeId),
    /// No node votes in the catalog's group.
    #[error("the catalog has no voter")]
    NoVoter,
}
