//! Where replicas go: pure, so that the same nodes give the same answer everywhere.
//!
//! Replicas of a group are on different nodes, in as many zones as there are, and on the nodes that hold the
//! fewest; among equals the lower id wins. A zone or a node that is needed for every group gets one of each,
//! however full it is: spreading a group comes before evenness.

use std::collections::BTreeMap;

use stator_model::NodeId;

use crate::{Catalog, NodeState};

#[cfg(test)]
mod tests;

/// Replicas of a partition, if there are as many nodes.
pub const REPLICAS: usize = 3;

/// A node that replicas may be placed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate<'a> {
    /// The node.
    pub(crate) node: NodeId,
    /// Its zone.
    pub(crate) zone: &'a str,
    /// How many replicas it holds.
    pub(crate) replicas: u64,
    /// Of how many groups it is named first.
    pub(crate) first: u64,
}

/// With how many voters a catalog of so many nodes begins: 5 from 7 nodes on, so that two can fail at
/// once, and 3 below that.
pub(crate) const fn voters_among(nodes: usize) -> usize {
    match nodes {
        0..3 => nodes,
        3..7 => 3,
        7.. => 5,
    }
}

/// `count` of these nodes, or all of them if they are fewer; the first is the one that is named first least
/// often, so that leaders, too, are spread.
pub(crate) fn spread(candidates: &[Candidate<'_>], count: usize) -> Vec<NodeId> {
    let mut taken: Vec<&Candidate<'_>> = Vec::with_capacity(count);
    while taken.len() < count {
        let in_zone = |zone: &str| taken.iter().filter(|other| other.zone == zone).count();
        let free = candidates
            .iter()
            .filter(|candidate| taken.iter().all(|other| other.node != candidate.node));
        let best = free.min_by_key(|it| (in_zone(it.zone), it.replicas, it.node));
        let Some(best) = best else { break };
        taken.push(best);
    }
    taken.sort_by_key(|candidate| (candidate.first, candidate.replicas, candidate.node));
    taken.iter().map(|candidate| candidate.node).collect()
}

/// Places one group after the other on the nodes of a catalog.
pub(crate) struct Placement<'a> {
    candidates: Vec<Candidate<'a>>,
}

impl<'a> Placement<'a> {
    /// The nodes that get new replicas, and what they hold now.
    pub(crate) fn new(catalog: &'a Catalog) -> Self {
        let mut held: BTreeMap<NodeId, (u64, u64)> = BTreeMap::new();
        for partition in catalog.partitions() {
            for (position, (node, _)) in partition.replicas.iter().enumerate() {
                let (replicas, first) = held.entry(*node).or_default();
                *replicas += 1;
                *first += u64::from(position == 0);
            }
        }
        let active = catalog.nodes().filter(|node| node.state == NodeState::Active);
        let candidates = active.map(|node| {
            let (replicas, first) = held.get(&node.id).copied().unwrap_or_default();
            Candidate { node: node.id, zone: &node.zone, replicas, first }
        });
        Self { candidates: candidates.collect() }
    }

    /// The nodes of the next group; none if no node gets new replicas.
    pub(crate) fn place(&mut self) -> Vec<NodeId> {
        let nodes = spread(&self.candidates, REPLICAS);
        for candidate in &mut self.candidates {
            let position = nodes.iter().position(|node| *node == candidate.node);
            candidate.replicas += u64::from(position.is_some());
            candidate.first += u64::from(position == Some(0));
        }
        nodes
    }
}
