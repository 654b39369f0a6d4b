//! What a node knows of who leads, and whom to ask when it was wrong.
//!
//! Nothing here is relied on: a node that is asked and does not lead says so, and says who does. So a
//! wrong hint costs a detour, never a wrong answer. Whoever keeps the hints does well to learn from the
//! answers: a route forgets what it learned with its request.

use stator_catalog::{Catalog, PartitionDescription};
use stator_model::{NodeId, PartitionId};

/// How often in a row a route goes where a node sends it, before it waits for the nodes to agree: two that
/// take each other for the leader would send it to and fro.
const DETOURS: usize = 3;

/// Who leads, as far as this node knows.
pub trait Leaders {
    /// This node.
    fn here(&self) -> NodeId;

    /// The node that leads a partition; `None` if nobody is known to.
    fn leader(&self, partition: PartitionId) -> Option<NodeId>;

    /// Whether a replica here may answer reads that need not see every write: it leads, or is known to be
    /// behind by no more than the bound on that.
    fn is_fresh(&self, partition: PartitionId) -> bool;
}

/// A node that is the whole cluster.
#[derive(Clone, Copy, Debug)]
pub struct Alone(NodeId);

impl Alone {
    /// This node.
    pub const fn new(node: NodeId) -> Self {
        Self(node)
    }

    /// The node that formed this cluster.
    pub fn of(catalog: &Catalog) -> Self {
        Self(catalog.meta().map_or_else(NodeId::default, |meta| meta.node))
    }
}

impl Leaders for Alone {
    fn here(&self) -> NodeId {
        self.0
    }

    fn leader(&self, _partition: PartitionId) -> Option<NodeId> {
        Some(self.0)
    }

    fn is_fresh(&self, _partition: PartitionId) -> bool {
        true
    }
}

/// Whom a route asks about one partition, one node after the other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Search {
    /// The partition that is asked for. What was learned of another is forgotten.
    partition: Option<PartitionId>,
    /// Who is to be asked next, because a node has said so or will do it later.
    told: Option<NodeId>,
    /// Who this node took for the leader when it was asked last.
    believed: Option<NodeId>,
    /// Who was asked last.
    last: Option<NodeId>,
    /// How many were asked since the route waited.
    asked: usize,
    /// How many replicas may be asked for what any of them does.
    replicas: usize,
}

impl Search {
    /// The node to ask for what only the leader does: who was named last, else whom this node takes for the
    /// leader, else the replicas in turn.
    pub(crate) fn leader(
        &mut self,
        partition: &PartitionDescription,
        leaders: &dyn Leaders,
    ) -> NodeId {
        self.begin(partition);
        let believed = leaders.leader(partition.id);
        let node = match (self.told.take(), believed) {
            (Some(told), _) => told,
            (None, Some(node)) if believed != self.believed => {
                self.believed = believed;
                node
            }
            (None, _) => self.next_of(partition, leaders.here()),
        };
        self.ask(node)
    }

    /// The node to ask for what any replica does that is fresh enough: this one, else the others in turn,
    /// among them the leader. `None` if there is no other.
    pub(crate) fn replica(
        &mut self,
        partition: &PartitionDescription,
        leaders: &dyn Leaders,
    ) -> Option<NodeId> {
        self.begin(partition);
        let here = leaders.here();
        let is_fresh = leaders.is_fresh(partition.id);
        let may_ask = |node: &NodeId| *node != here || is_fresh;
        self.replicas = partition.replicas.iter().filter(|(node, _)| may_ask(node)).count();
        let node = match self.told.take().filter(may_ask) {
            Some(told) => told,
            None if self.asked == 0 && is_fresh => here,
            None => {
                let nodes = partition.replicas.iter().map(|(node, _)| *node);
                let last = self.last.unwrap_or(here);
                // Those behind the last, then those before it and itself.
                let behind = nodes.clone().skip_while(|node| *node != last).skip(1);
                behind.chain(nodes).find(may_ask)?
            }
        };
        Some(self.ask(node))
    }

    fn begin(&mut self, partition: &PartitionDescription) {
        if self.partition != Some(partition.id) {
            *self = Self { partition: Some(partition.id), ..Self::default() };
        }
    }

    fn ask(&mut self, node: NodeId) -> NodeId {
        self.last = Some(node);
        self.asked += 1;
        node
    }

    /// The node of the replica behind the one that was asked last; at first, and if that has none, the one
    /// at `first`, or else the first of all.
    fn next_of(&self, partition: &PartitionDescription, first: NodeId) -> NodeId {
        let nodes = || partition.replicas.iter().map(|(node, _)| *node);
        let next = match self.last.and_then(|last| nodes().position(|node| node == last)) {
            Some(at) => nodes().cycle().nth(at + 1),
            None => nodes().find(|node| *node == first).or_else(|| nodes().next()),
        };
        next.unwrap_or(first)
    }

    /// The node that was asked does not lead, and says who does. Returns whether to wait before the next is
    /// asked.
    pub(crate) fn sent_on(&mut self, leader: Option<NodeId>) -> bool {
        self.told = leader;
        leader.is_none() || leader == self.last || self.asked > DETOURS
    }

    /// The node that was asked will do it later.
    pub(crate) fn put_off(&mut self) {
        self.told = self.last;
    }

    /// Whether every replica was asked since the route waited.
    pub(crate) const fn is_through(&self) -> bool {
        self.asked >= self.replicas
    }

    /// The route waits now.
    pub(crate) fn waited(&mut self) {
        self.asked = 0;
    }
}
