//! Decisions about nodes and the feature level.

use std::sync::Arc;

use stator_model::{NodeId, ReplicaId};

use crate::founding::describe;
use crate::{
    Catalog, CatalogRole, Change, Decision, FeatureLevel, Generation, Meta, NewNode, NodeCommand,
    NodeDescription, NodeOutcome, NodeRefusal, NodeState, Outcome, Refusal,
};

#[cfg(test)]
mod tests;

impl Catalog {
    pub(super) fn decide_node(&self, command: &NodeCommand) -> Result<Decision, Refusal> {
        let meta = self.meta().ok_or(Refusal::NotFormed)?;
        let decided = match command {
            NodeCommand::Register(new) => self.register(meta, new),
            NodeCommand::SetState { node, generation, state } => {
                self.set_state(meta, *node, *generation, *state)
            }
            NodeCommand::Remove { node, generation } => {
                self.remove_node_record(meta, *node, *generation)
            }
            NodeCommand::RaiseLevel { from, to } => self.raise_level(meta, *from, *to),
        };
        decided.map_err(Refusal::Node)
    }

    fn register(&self, meta: &Meta, new: &NewNode) -> Result<Decision, NodeRefusal> {
        check_level(meta)?;
        if !new.features.contains(meta.level) {
            let (node, features, level) = (new.id, new.features, meta.level);
            return Err(NodeRefusal::Features { node, features, level });
        }
        let Some(known) = self.node(new.id) else { return self.join(meta, new) };
        self.check_return(known, new)?;
        let updated = NodeDescription {
            name: new.name.clone(),
            zone: new.zone.clone(),
            pool: new.pool.clone(),
            addresses: new.addresses.clone(),
            start: new.start,
            features: new.features,
            ..NodeDescription::clone(known)
        };
        Ok(changed(known, updated))
    }

    /// A node that is not known yet: it learns the catalog, and does not vote.
    fn join(&self, meta: &Meta, new: &NewNode) -> Result<Decision, NodeRefusal> {
        self.check_name(new)?;
        let replica = meta.next_catalog_replica;
        let spent = replica.get().checked_add(1).ok_or(NodeRefusal::ReplicaIdsSpent)?;
        let next_catalog_replica = ReplicaId::new(spent);
        let node = Arc::new(describe(new, CatalogRole::Learner, replica));
        let changes = vec![
            Change::PutMeta(Arc::new(Meta { next_catalog_replica, ..Meta::clone(meta) })),
            Change::PutNode(Arc::clone(&node)),
        ];
        Ok(Decision { changes, outcome: Outcome::Node(NodeOutcome::Described(node)) })
    }

    /// Whether a node that is known may come back as this. One that formed a cluster of one had no name
    /// yet when it first registers.
    fn check_return(&self, known: &NodeDescription, new: &NewNode) -> Result<(), NodeRefusal> {
        let node = new.id;
        if known.state == NodeState::Lost {
            return Err(NodeRefusal::Lost { node });
        }
        if known.name != new.name {
            if known.start.0 > 0 {
                return Err(NodeRefusal::IdTaken { node, name: known.name.clone() });
            }
            self.check_name(new)?;
        }
        if new.start < known.start {
            let (given, seen) = (new.start.0, known.start.0);
            return Err(NodeRefusal::OlderCopy { node, given, seen });
        }
        Ok(())
    }

    fn check_name(&self, new: &NewNode) -> Result<(), NodeRefusal> {
        match self.node_by_name(&new.name).filter(|other| other.id != new.id) {
            Some(other) => Err(NodeRefusal::NameTaken { name: new.name.clone(), node: other.id }),
            None => Ok(()),
        }
    }

    fn set_state(
        &self,
        meta: &Meta,
        node: NodeId,
        generation: Generation,
        state: NodeState,
    ) -> Result<Decision, NodeRefusal> {
        check_level(meta)?;
        let known = self.current_node(node, generation)?;
        match (known.state, state) {
            (NodeState::Lost, NodeState::Active | NodeState::Draining) => {
                Err(NodeRefusal::IllegalState { node, from: known.state })
            }
            (NodeState::Active | NodeState::Draining, _) | (NodeState::Lost, NodeState::Lost) => {
                Ok(changed(known, NodeDescription { state, ..NodeDescription::clone(known) }))
            }
        }
    }

    fn remove_node_record(
        &self,
        meta: &Meta,
        node: NodeId,
        generation: Generation,
    ) -> Result<Decision, NodeRefusal> {
        check_level(meta)?;
        let known = self.current_node(node, generation)?;
        if known.state == NodeState::Active {
            return Err(NodeRefusal::InUse { node });
        }
        let holds = |replicas: &[(NodeId, ReplicaId)]| replicas.iter().any(|(on, _)| *on == node);
        let replicas = self.partitions().filter(|partition| holds(&partition.replicas)).count();
        if replicas > 0 {
            return Err(NodeRefusal::HoldsReplicas { node, replicas });
        }
        if known.role == CatalogRole::Voter {
            return Err(NodeRefusal::Votes { node });
        }
        let changes = vec![Change::RemoveNode(node)];
        Ok(Decision { changes, outcome: Outcome::Node(NodeOutcome::Removed(node)) })
    }

    fn raise_level(
        &self,
        meta: &Meta,
        from: FeatureLevel,
        to: FeatureLevel,
    ) -> Result<Decision, NodeRefusal> {
        if from != meta.level {
            return Err(NodeRefusal::StaleLevel { given: from, current: meta.level });
        }
        if to <= from {
            return Err(NodeRefusal::NotHigher { from, to });
        }
        let mut present = self.nodes().filter(|node| node.state != NodeState::Lost);
        if let Some(node) = present.find(|node| !node.features.contains(to)) {
            let (node, features) = (node.id, node.features);
            return Err(NodeRefusal::Features { node, features, level: to });
        }
        let mut changes = vec![Change::PutMeta(Arc::new(Meta { level: to, ..Meta::clone(meta) }))];
        if from < FeatureLevel::NODES {
            // What was only implied is written down.
            changes.extend(self.nodes().map(|node| Change::PutNode(Arc::clone(node))));
        }
        Ok(Decision { changes, outcome: Outcome::Node(NodeOutcome::Level(to)) })
    }

    fn current_node(
        &self,
        node: NodeId,
        given: Generation,
    ) -> Result<&Arc<NodeDescription>, NodeRefusal> {
        let known = self.node(node).ok_or(NodeRefusal::NotFound { node })?;
        if known.generation != given {
            return Err(NodeRefusal::Stale { node, given, current: known.generation });
        }
        Ok(known)
    }
}

fn check_level(meta: &Meta) -> Result<(), NodeRefusal> {
    let level = meta.level;
    if level < FeatureLevel::NODES { Err(NodeRefusal::LevelTooLow { level }) } else { Ok(()) }
}

/// The node is this, in a new generation if that is a change.
fn changed(known: &Arc<NodeDescription>, updated: NodeDescription) -> Decision {
    if updated == **known {
        let outcome = Outcome::Node(NodeOutcome::Described(Arc::clone(known)));
        return Decision { changes: Vec::new(), outcome };
    }
    let generation = known.generation.next();
    let node = Arc::new(NodeDescription { generation, ..updated });
    let changes = vec![Change::PutNode(Arc::clone(&node))];
    Decision { changes, outcome: Outcome::Node(NodeOutcome::Described(node)) }
}
