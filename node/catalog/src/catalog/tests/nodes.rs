//! What `load` refuses of nodes.

use std::sync::Arc;

use stator_model::{NodeId, PartitionId};

use super::sound;
use crate::{
    Catalog, CatalogRole, Change, Contradiction, Error, FeatureLevel, FeatureRange, Meta,
    NodeDescription, NodeState,
};

#[test]
fn nodes_that_contradict_each_other_are_refused() {
    let known = Catalog::load(&sound().0).unwrap();
    let known = known.node(NodeId::new(1)).unwrap();
    let check = |changed: NodeDescription, expected: Contradiction| {
        let mut disk = sound();
        disk.write(&Change::PutNode(Arc::new(changed)));
        assert_eq!(Catalog::load(&disk.0), Err(Error::Contradiction(expected)));
    };
    let n = NodeId::new;
    let node = || NodeDescription::clone(known);
    check(NodeDescription { role: CatalogRole::Learner, ..node() }, Contradiction::NoVoter);
    let replica = known.replica.next();
    check(NodeDescription { replica, ..node() }, Contradiction::CatalogReplica(n(1)));
    check(NodeDescription { id: n(2), ..node() }, Contradiction::CatalogReplica(n(2)));
    let level = FeatureLevel::ONE_NODE;
    let features = FeatureRange::new(level, level).unwrap();
    check(NodeDescription { features, ..node() }, Contradiction::NodeLevel(n(1)));

    let mut disk = sound();
    let mut meta = Meta::clone(Catalog::load(&disk.0).unwrap().meta().unwrap());
    meta.next_catalog_replica = replica.next();
    disk.write(&Change::PutMeta(meta.into()));
    let second = |state| NodeDescription { id: n(2), replica, state, ..node() };
    disk.write(&Change::PutNode(Arc::new(second(NodeState::Lost))));
    assert!(Catalog::load(&disk.0).is_ok(), "a lost node has no name");
    disk.write(&Change::PutNode(Arc::new(second(NodeState::Draining))));
    let twice = Contradiction::NodeNameTwice(n(2));
    assert_eq!(Catalog::load(&disk.0), Err(Error::Contradiction(twice)));

    disk.write(&Change::RemoveNode(n(1)));
    let nowhere = Contradiction::UnknownNode(PartitionId::new(1), n(1));
    assert_eq!(Catalog::load(&disk.0), Err(Error::Contradiction(nowhere)));
}
