use stator_model::{NodeId, ReplicaId, StartNumber};

use super::{Founding, FoundingError};
use crate::{Addresses, Catalog, CatalogRole, Change, FeatureLevel, FeatureRange, NewNode};

const FIRST: ReplicaId = ReplicaId::new(1);

fn node(id: u64, name: &str, zone: &str) -> NewNode {
    NewNode {
        id: NodeId::new(id),
        name: name.to_owned(),
        zone: zone.to_owned(),
        pool: "default".to_owned(),
        addresses: Addresses { client: format!("{name}:8000"), peer: format!("{name}:8001") },
        start: StartNumber(1),
        features: FeatureRange::SUPPORTED,
    }
}

fn found(nodes: Vec<NewNode>) -> Result<Catalog, FoundingError> {
    let mut catalog = Catalog::default();
    for change in (Founding { cluster: [7; 16], nodes }).changes(FIRST)? {
        catalog.apply(&change);
    }
    Ok(catalog)
}

/// As a restarted node loads it.
fn reloaded(catalog: &Catalog, changes: &[Change]) {
    let records = changes.iter().map(Change::encode).map(|(key, value)| (key, value.unwrap()));
    assert_eq!(Catalog::load(records).as_ref(), Ok(catalog));
}

fn range(min: u32, max: u32) -> FeatureRange {
    FeatureRange::new(FeatureLevel::new(min), FeatureLevel::new(max)).unwrap()
}

#[test]
fn voters_are_in_different_zones_and_all_others_learn() {
    let nodes = vec![
        node(40, "a-0", "a"),
        node(10, "a-1", "a"),
        node(30, "b-0", "b"),
        node(20, "c-0", "c"),
    ];
    let catalog = found(nodes.clone()).unwrap();
    let ids = |members: Vec<(NodeId, ReplicaId)>| -> Vec<(u64, u64)> {
        members.into_iter().map(|(node, replica)| (node.get(), replica.get())).collect()
    };
    assert_eq!(ids(catalog.voters().collect()), [(10, 2), (20, 4), (30, 3)]);
    assert_eq!(ids(catalog.learners().collect()), [(40, 1)]);
    let meta = catalog.meta().unwrap();
    assert_eq!(meta.node, NodeId::new(40), "the first by name");
    assert_eq!(meta.level, FeatureLevel::NODES);
    assert_eq!(meta.next_catalog_replica, ReplicaId::new(5));

    let mut shuffled = nodes;
    shuffled.rotate_left(2);
    let founding = Founding { cluster: [7; 16], nodes: shuffled };
    let changes = founding.changes(FIRST).unwrap();
    reloaded(&catalog, &changes);
}

#[test]
fn a_cluster_of_one_has_its_node() {
    let (id, replica) = (NodeId::new(4), ReplicaId::new(6));
    let changes = Catalog::form([9; 16], id, replica);
    let mut catalog = Catalog::default();
    changes.iter().for_each(|change| catalog.apply(change));
    reloaded(&catalog, &changes);
    let nodes: Vec<_> = catalog.nodes().collect();
    assert_eq!(nodes.len(), 1);
    assert_eq!((nodes[0].id, nodes[0].role), (id, CatalogRole::Voter));
    assert_eq!(catalog.voters().collect::<Vec<_>>(), [(id, replica)]);
}

#[test]
fn nodes_that_cannot_form_a_cluster_are_refused() {
    let refused = |nodes, error| assert_eq!(found(nodes), Err(error));
    refused(vec![], FoundingError::NoNodes);
    refused(vec![node(1, "a", ""), node(1, "b", "")], FoundingError::IdTwice(NodeId::new(1)));
    refused(vec![node(1, "a", ""), node(2, "a", "")], FoundingError::NameTwice("a".to_owned()));
    let old = |id, name, features| NewNode { features, ..node(id, name, "") };
    refused(
        vec![old(1, "a", range(1, 2)), old(2, "b", range(1, 1))],
        FoundingError::NoCommonLevel { node: NodeId::new(2), features: range(1, 1) },
    );
    refused(
        vec![old(1, "a", range(3, 4))],
        FoundingError::NoCommonLevel { node: NodeId::new(1), features: range(3, 4) },
    );
}

#[test]
fn a_cluster_begins_at_the_highest_level_that_all_nodes_can() {
    let level = |features| {
        let catalog = found(vec![NewNode { features, ..node(1, "a", "") }]).unwrap();
        catalog.meta().unwrap().level
    };
    assert_eq!(level(range(1, 9)), FeatureLevel::NODES);
    assert_eq!(level(range(1, 1)), FeatureLevel::ONE_NODE);
    let catalog =
        found(vec![node(1, "a", ""), NewNode { features: range(2, 3), ..node(2, "b", "") }]);
    assert_eq!(catalog.unwrap().meta().unwrap().level, FeatureLevel::NODES);
}
