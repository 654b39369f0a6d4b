//! How a catalog begins: with one node, or with those that form a cluster together.

use std::collections::BTreeSet;
use std::sync::Arc;

use stator_model::{NodeId, PartitionId, ReplicaId, StartNumber};

use crate::placement::{Candidate, spread, voters_among};
use crate::{
    Addresses, Catalog, CatalogRole, Change, FeatureLevel, FeatureRange, Generation, Meta, NewNode,
    NodeDescription, NodeState,
};

#[cfg(test)]
mod tests;

/// What a cluster is formed of. Whoever forms it hands the same founding to every node: each makes the same
/// first changes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founding {
    /// The cluster's id, minted once.
    pub cluster: [u8; 16],
    /// The nodes that form it, in any order.
    pub nodes: Vec<NewNode>,
}

/// These nodes cannot form a cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoundingError {
    /// None are named.
    #[error("a cluster is formed by at least one node")]
    NoNodes,
    /// Two have one id: a data directory was copied.
    #[error("two nodes have the id {0}: a data directory was copied")]
    IdTwice(NodeId),
    /// Two have one name.
    #[error("two nodes have the name {0:?}")]
    NameTwice(String),
    /// There is no feature level that all of them can.
    #[error("no feature level is common to all nodes: {node} handles {features}")]
    NoCommonLevel {
        /// The first node that has none in common with those before it.
        node: NodeId,
        /// What it can.
        features: FeatureRange,
    },
}

impl Founding {
    /// The first changes of the cluster's catalog, and the members of its group: voters are of different
    /// zones if possible.
    ///
    /// # Errors
    /// If these nodes cannot form a cluster.
    pub fn changes(&self, first_replica: ReplicaId) -> Result<Vec<Change>, FoundingError> {
        let mut nodes: Vec<&NewNode> = self.nodes.iter().collect();
        nodes.sort_by(|left, right| left.name.cmp(&right.name));
        let founder = nodes.first().ok_or(FoundingError::NoNodes)?.id;
        refuse_twice(&nodes)?;
        let level = common_level(&nodes)?;
        let candidates: Vec<_> = nodes.iter().map(|node| candidate(node)).collect();
        let voters = spread(&candidates, voters_among(nodes.len()));
        let ids = std::iter::successors(Some(first_replica), |id| Some(id.next()));
        let described: Vec<_> = nodes
            .iter()
            .zip(ids)
            .map(|(node, replica)| {
                let votes = voters.contains(&node.id);
                let role = if votes { CatalogRole::Voter } else { CatalogRole::Learner };
                Arc::new(describe(node, role, replica))
            })
            .collect();
        let last = described.last().map_or(first_replica, |node| node.replica);
        let meta = Meta {
            cluster: self.cluster,
            node: founder,
            replica: first_replica,
            next_partition: PartitionId::CATALOG.next(),
            level,
            next_catalog_replica: last.next(),
        };
        let mut changes = vec![Change::PutMeta(Arc::new(meta))];
        if level >= FeatureLevel::NODES {
            changes.extend(described.into_iter().map(Change::PutNode));
        }
        Ok(changes)
    }
}

impl Catalog {
    /// The changes that form a new cluster with this node, the first member of every new Raft group.
    /// Apply them to an empty catalog; a cluster is formed once. What else there is to say of the node it
    /// says itself when it registers.
    pub fn form(cluster: [u8; 16], node: NodeId, replica: ReplicaId) -> Vec<Change> {
        let founding = Founding { cluster, nodes: vec![lone_node(node)] };
        founding.changes(replica).expect("one node of this build forms a cluster")
    }
}

/// What a catalog without records of nodes says of the node that formed it: it is the only one, so it can
/// what this build can.
pub(crate) fn implied_node(meta: &Meta) -> NodeDescription {
    describe(&lone_node(meta.node), CatalogRole::Voter, meta.replica)
}

/// The node of a cluster of one that has not registered yet.
fn lone_node(id: NodeId) -> NewNode {
    NewNode {
        id,
        name: "dev".to_owned(),
        zone: String::new(),
        pool: String::new(),
        addresses: Addresses::default(),
        start: StartNumber(0),
        features: FeatureRange::SUPPORTED,
    }
}

/// The record of a node that was not there before.
pub(crate) fn describe(node: &NewNode, role: CatalogRole, replica: ReplicaId) -> NodeDescription {
    NodeDescription {
        id: node.id,
        name: node.name.clone(),
        zone: node.zone.clone(),
        pool: node.pool.clone(),
        addresses: node.addresses.clone(),
        state: NodeState::Active,
        start: node.start,
        features: node.features,
        role,
        replica,
        generation: Generation::new(1),
    }
}

fn candidate(node: &NewNode) -> Candidate<'_> {
    Candidate { node: node.id, zone: &node.zone, replicas: 0, first: 0 }
}

fn refuse_twice(nodes: &[&NewNode]) -> Result<(), FoundingError> {
    let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
    for node in nodes {
        if !ids.insert(node.id) {
            return Err(FoundingError::IdTwice(node.id));
        }
        if !names.insert(&node.name) {
            return Err(FoundingError::NameTwice(node.name.clone()));
        }
    }
    Ok(())
}

/// The highest level that all can: there is no older node to go back to.
fn common_level(nodes: &[&NewNode]) -> Result<FeatureLevel, FoundingError> {
    let least = if nodes.len() > 1 { FeatureLevel::NODES } else { FeatureLevel::ONE_NODE };
    let mut common = FeatureRange::SUPPORTED;
    for node in nodes {
        let none = FoundingError::NoCommonLevel { node: node.id, features: node.features };
        common = common.common(node.features).filter(|common| common.max() >= least).ok_or(none)?;
    }
    Ok(common.max())
}
