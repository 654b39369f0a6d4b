//! What the catalog is asked to do with nodes, and what it answers.

use std::sync::Arc;

use stator_model::{NodeId, StartNumber};

use crate::{Addresses, FeatureLevel, FeatureRange, Generation, NodeDescription, NodeState};

/// What the catalog is asked to do with nodes and with the feature level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeCommand {
    /// A node has started and says what it is. A new one joins, one that is known is brought up to date.
    Register(Box<NewNode>),
    /// Put a node into another state.
    SetState {
        /// The node.
        node: NodeId,
        /// The generation of its record that this was decided from.
        generation: Generation,
        /// Its state from now on.
        state: NodeState,
    },
    /// Forget a node that holds nothing.
    Remove {
        /// The node.
        node: NodeId,
        /// The generation of its record that this was decided from.
        generation: Generation,
    },
    /// Raise the cluster's feature level.
    RaiseLevel {
        /// The level that this was decided from.
        from: FeatureLevel,
        /// The level from now on.
        to: FeatureLevel,
    },
}

/// What a node says of itself. Validated: the catalog checks only what depends on its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNode {
    /// The node.
    pub id: NodeId,
    /// What the configuration calls it.
    pub name: String,
    /// Where it can fail together with others.
    pub zone: String,
    /// The NodePool that it belongs to.
    pub pool: String,
    /// Where it is reached.
    pub addresses: Addresses,
    /// How often its process has started.
    pub start: StartNumber,
    /// What it can read and write.
    pub features: FeatureRange,
}

/// How things stand once a decision about nodes is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeOutcome {
    /// The node is this.
    Described(Arc<NodeDescription>),
    /// The node is forgotten.
    Removed(NodeId),
    /// The cluster is at this level.
    Level(FeatureLevel),
}

/// Why a command about nodes is refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeRefusal {
    /// There is no such node, or not any more.
    #[error("there is no node {node}")]
    NotFound {
        /// The node.
        node: NodeId,
    },
    /// The record was changed since: look again and decide again.
    #[error("the record of {node} is of generation {current}, not {given}")]
    Stale {
        /// The node.
        node: NodeId,
        /// The generation that came with the command.
        given: Generation,
        /// The one that there is.
        current: Generation,
    },
    /// A node that has another name has this id: a data directory was copied.
    #[error(
        "{node} is node {name:?}: its data directory was copied; start the other one on an empty directory"
    )]
    IdTaken {
        /// The id.
        node: NodeId,
        /// The node that has it.
        name: String,
    },
    /// Another node has this name: this one began on an empty data directory under an old identity.
    #[error(
        "node {name:?} is {node}, whose data is not here: bring its data directory back, or declare \
         {node} lost"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// The node that has it.
        node: NodeId,
    },
    /// The node has started more often than it says: its data directory is an older copy.
    #[error(
        "{node} had started {seen} times and says {given}: its data directory is an older copy"
    )]
    OlderCopy {
        /// The node.
        node: NodeId,
        /// What it says.
        given: u32,
        /// What is known.
        seen: u32,
    },
    /// The node was declared lost. Others took its place since.
    #[error("{node} was declared lost: start it on an empty data directory")]
    Lost {
        /// The node.
        node: NodeId,
    },
    /// The node cannot read or write what the cluster does.
    #[error("{node} handles feature levels {features}, and the cluster is at {level}")]
    Features {
        /// The node.
        node: NodeId,
        /// What it can.
        features: FeatureRange,
        /// What is needed.
        level: FeatureLevel,
    },
    /// A node that is lost stays lost.
    #[error("{node} is {}", from.name())]
    IllegalState {
        /// The node.
        node: NodeId,
        /// Where it is in its life.
        from: NodeState,
    },
    /// The node is in use: drain it, or declare it lost.
    #[error("{node} is ACTIVE")]
    InUse {
        /// The node.
        node: NodeId,
    },
    /// Partitions have replicas on the node.
    #[error("{node} holds {replicas} replicas")]
    HoldsReplicas {
        /// The node.
        node: NodeId,
        /// How many partitions.
        replicas: usize,
    },
    /// The node votes in the catalog's group.
    #[error("{node} is a voter of the catalog")]
    Votes {
        /// The node.
        node: NodeId,
    },
    /// Somebody else raised the level: look again and decide again.
    #[error("the cluster is at feature level {current}, not {given}")]
    StaleLevel {
        /// The level that came with the command.
        given: FeatureLevel,
        /// The one that the cluster is at.
        current: FeatureLevel,
    },
    /// The level only rises.
    #[error("feature level {to} is not above {from}")]
    NotHigher {
        /// The present one.
        from: FeatureLevel,
        /// The one asked for.
        to: FeatureLevel,
    },
    /// At this level nodes have no records.
    #[error(
        "feature level {level} is below {}, which this needs: raise it first",
        FeatureLevel::NODES
    )]
    LevelTooLow {
        /// The present one.
        level: FeatureLevel,
    },
    /// All ids of replicas of the catalog are spent.
    #[error("no id is left for a replica of the catalog")]
    ReplicaIdsSpent,
}
