//! What the catalog says of a partition, and of itself.

use stator_model::{Epoch, KeyRange, NodeId, PartitionId, ReplicaId, TableId};

use crate::FeatureLevel;

/// A partition as it stands: what requests are routed by. Immutable; a change is a new value.
///
/// ```text
/// CreateTable ──► being made ──PartitionReady──► ready ──PartitionDestroyed──► (none)
///                 ready = false                  ready = true    only when its table is DELETING
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionDescription {
    /// The partition and its Raft group.
    pub id: PartitionId,
    /// The table whose items it holds.
    pub table: TableId,
    /// The part of the table's key space that it holds.
    pub range: KeyRange,
    /// Raised with every change of range or membership.
    pub epoch: Epoch,
    /// Where its replicas are; at least one.
    pub replicas: Vec<(NodeId, ReplicaId)>,
    /// Whether it has had a leader, so that it can serve.
    pub ready: bool,
}

/// What the catalog says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The cluster, minted once; a node of another cluster is not spoken to.
    pub cluster: [u8; 16],
    /// The node that formed the cluster, with others or alone.
    pub node: NodeId,
    /// The lowest id of the members of new Raft groups.
    pub replica: ReplicaId,
    /// The id of the next partition that is made. All lower ones are spent.
    pub next_partition: PartitionId,
    /// What may be written: nothing newer.
    pub level: FeatureLevel,
    /// The id of the next replica of the catalog itself. All lower ones are spent.
    pub next_catalog_replica: ReplicaId,
}
