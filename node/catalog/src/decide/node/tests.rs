//! Commands about nodes one by one, and at random against a simple model.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use bytes::Bytes;
use proptest::prelude::*;
use stator_model::{
    Billing, HashSecret, KeyAttribute, KeySchema, KeyType, NodeId, PartitionId, ReplicaId,
    StartNumber, TableId, TableSettings, UnixMillis,
};

use crate::{
    Addresses, Catalog, CatalogRole, Change, Command, Error, FeatureLevel, FeatureRange, Founding,
    Generation, Meta, NewNode, NewTable, NodeCommand, NodeDescription, NodeOutcome, NodeRefusal,
    NodeState, Outcome, Refusal,
};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn range(min: u32, max: u32) -> FeatureRange {
    FeatureRange::new(FeatureLevel::new(min), FeatureLevel::new(max)).unwrap()
}

fn id(raw: u64) -> NodeId {
    NodeId::new(raw)
}

fn new_node(raw: u64, name: &str, start: u32) -> NewNode {
    NewNode {
        id: id(raw),
        name: name.to_owned(),
        zone: format!("zone {}", raw % 3),
        pool: "default".to_owned(),
        addresses: Addresses { client: format!("{name}:8000"), peer: format!("{name}:8001") },
        start: StartNumber(start),
        features: range(1, 2),
    }
}

fn register(new: NewNode) -> NodeCommand {
    NodeCommand::Register(Box::new(new))
}

fn set_state(node: u64, generation: u64, state: NodeState) -> NodeCommand {
    NodeCommand::SetState { node: id(node), generation: Generation::new(generation), state }
}

fn remove(node: u64, generation: u64) -> NodeCommand {
    NodeCommand::Remove { node: id(node), generation: Generation::new(generation) }
}

const fn raise(from: u32, to: u32) -> NodeCommand {
    NodeCommand::RaiseLevel { from: FeatureLevel::new(from), to: FeatureLevel::new(to) }
}

/// Nodes 1, 2 and 3, all voters.
fn formed() -> Catalog {
    let nodes = [(1, "a"), (2, "b"), (3, "c")].map(|(raw, name)| new_node(raw, name, 1)).to_vec();
    let founding = Founding { cluster: [9; 16], nodes };
    let mut catalog = Catalog::default();
    for change in founding.changes(ReplicaId::new(1)).unwrap() {
        catalog.apply(&change);
    }
    catalog
}

/// A catalog as it was before nodes had records.
fn of_level_1() -> Catalog {
    let meta = b"\x01\x08\x01\x12\x100123456789abcdef\x18\x07\x20\x06\x28\x01";
    Catalog::load([(&b"\x01"[..], &meta[..])]).unwrap()
}

fn run(catalog: &mut Catalog, command: NodeCommand) -> NodeOutcome {
    let decision = catalog.decide(&Command::Node(command), NOW).unwrap();
    decision.changes.iter().for_each(|change| catalog.apply(change));
    let Outcome::Node(outcome) = decision.outcome else { panic!("not about nodes") };
    outcome
}

fn described(outcome: NodeOutcome) -> NodeDescription {
    match outcome {
        NodeOutcome::Described(node) => NodeDescription::clone(&node),
        NodeOutcome::Removed(_) | NodeOutcome::Level(_) => panic!("{outcome:?}"),
    }
}

fn refused(catalog: &Catalog, command: NodeCommand, refusal: NodeRefusal) {
    let decided = catalog.decide(&Command::Node(command), NOW);
    assert_eq!(decided, Err(Refusal::Node(refusal)));
}

fn create(number: u8, partitions: u32) -> Command {
    let partition = KeyAttribute { name: "pk".to_owned(), key_type: KeyType::S };
    Command::CreateTable(Box::new(NewTable {
        id: TableId::from_bytes([number; 16]),
        name: format!("table {number}"),
        key_schema: KeySchema { partition, sort: None },
        local_indexes: Vec::new(),
        billing: Billing::PayPerRequest,
        deletion_protection: false,
        settings: TableSettings::default(),
        warm: None,
        hash_secret: HashSecret::from_bytes([number; 16]),
        partitions: NonZeroU32::new(partitions).unwrap(),
    }))
}

fn apply(catalog: &mut Catalog, command: &Command) {
    let decision = catalog.decide(command, NOW).unwrap();
    decision.changes.iter().for_each(|change| catalog.apply(change));
}

#[test]
fn a_node_that_registers_joins_as_a_learner() {
    let mut catalog = formed();
    let joined = described(run(&mut catalog, register(new_node(9, "d", 1))));
    assert_eq!((joined.role, joined.replica), (CatalogRole::Learner, ReplicaId::new(4)));
    assert_eq!((joined.state, joined.generation), (NodeState::Active, Generation::new(1)));
    assert_eq!(catalog.node(id(9)).map(|node| NodeDescription::clone(node)), Some(joined));
    let next = described(run(&mut catalog, register(new_node(8, "e", 1))));
    assert_eq!(next.replica, ReplicaId::new(5), "an id is never minted twice");
}

#[test]
fn a_node_that_returns_is_brought_up_to_date() {
    let mut catalog = formed();
    let before = NodeDescription::clone(catalog.node(id(2)).unwrap());
    assert_eq!(described(run(&mut catalog, register(new_node(2, "b", 1)))), before);
    let moved = NewNode {
        zone: "elsewhere".to_owned(),
        addresses: Addresses { client: "c:1".to_owned(), peer: "p:2".to_owned() },
        ..new_node(2, "b", 7)
    };
    let after = described(run(&mut catalog, register(moved.clone())));
    let expected = NodeDescription {
        zone: moved.zone,
        addresses: moved.addresses,
        start: StartNumber(7),
        generation: Generation::new(2),
        ..before
    };
    assert_eq!(after, expected);
}

#[test]
fn a_node_that_is_not_what_it_was_is_refused() {
    let mut catalog = formed();
    run(&mut catalog, register(new_node(2, "b", 5)));
    let copied = NodeRefusal::IdTaken { node: id(2), name: "b".to_owned() };
    refused(&catalog, register(new_node(2, "x", 6)), copied);
    let wiped = NodeRefusal::NameTaken { name: "b".to_owned(), node: id(2) };
    refused(&catalog, register(new_node(77, "b", 1)), wiped);
    let older = NodeRefusal::OlderCopy { node: id(2), given: 4, seen: 5 };
    refused(&catalog, register(new_node(2, "b", 4)), older);
}

#[test]
fn the_name_of_a_lost_node_is_free_and_its_id_is_not() {
    let mut catalog = formed();
    run(&mut catalog, set_state(2, 1, NodeState::Lost));
    refused(&catalog, register(new_node(2, "b", 9)), NodeRefusal::Lost { node: id(2) });
    let back = NodeRefusal::IllegalState { node: id(2), from: NodeState::Lost };
    refused(&catalog, set_state(2, 2, NodeState::Active), back.clone());
    refused(&catalog, set_state(2, 2, NodeState::Draining), back);
    run(&mut catalog, register(new_node(77, "b", 1)));
    assert_eq!(catalog.node_by_name("b").map(|node| node.id), Some(id(77)));
}

#[test]
fn a_stale_decision_is_refused() {
    let mut catalog = formed();
    run(&mut catalog, set_state(1, 1, NodeState::Draining));
    let (given, current) = (Generation::new(1), Generation::new(2));
    let stale = NodeRefusal::Stale { node: id(1), given, current };
    refused(&catalog, set_state(1, 1, NodeState::Lost), stale.clone());
    refused(&catalog, remove(1, 1), stale);
    refused(&catalog, remove(5, 1), NodeRefusal::NotFound { node: id(5) });
    refused(&catalog, set_state(5, 1, NodeState::Lost), NodeRefusal::NotFound { node: id(5) });
    let again = catalog.decide(&Command::Node(set_state(1, 2, NodeState::Draining)), NOW).unwrap();
    assert_eq!(again.changes, [], "it is so already");
}

#[test]
fn a_node_goes_only_when_it_holds_nothing() {
    let mut catalog = formed();
    run(&mut catalog, register(new_node(4, "d", 1)));
    refused(&catalog, remove(4, 1), NodeRefusal::InUse { node: id(4) });
    apply(&mut catalog, &create(1, 4));
    run(&mut catalog, set_state(4, 1, NodeState::Draining));
    refused(&catalog, remove(4, 2), NodeRefusal::HoldsReplicas { node: id(4), replicas: 2 });
    run(&mut catalog, set_state(1, 1, NodeState::Lost));
    refused(&catalog, remove(1, 2), NodeRefusal::HoldsReplicas { node: id(1), replicas: 2 });

    let mut catalog = formed();
    run(&mut catalog, set_state(1, 1, NodeState::Draining));
    refused(&catalog, remove(1, 2), NodeRefusal::Votes { node: id(1) });
    run(&mut catalog, register(new_node(4, "d", 1)));
    run(&mut catalog, set_state(4, 1, NodeState::Draining));
    assert_eq!(run(&mut catalog, remove(4, 2)), NodeOutcome::Removed(id(4)));
    assert_eq!(catalog.node(id(4)), None);
    let back = described(run(&mut catalog, register(new_node(4, "d", 2))));
    assert_eq!(back.replica, ReplicaId::new(5), "its old replica stays gone");
}

#[test]
fn the_level_rises_on_command_when_all_nodes_can() {
    let mut catalog = formed();
    let (two, three) = (FeatureLevel::new(2), FeatureLevel::new(3));
    refused(
        &catalog,
        raise(1, 2),
        NodeRefusal::StaleLevel { given: FeatureLevel::new(1), current: two },
    );
    refused(&catalog, raise(2, 2), NodeRefusal::NotHigher { from: two, to: two });
    let behind =
        |node| NodeRefusal::Features { node: id(node), features: range(1, 2), level: three };
    refused(&catalog, raise(2, 3), behind(1));
    for (raw, name) in [(1, "a"), (2, "b")] {
        run(&mut catalog, register(NewNode { features: range(2, 3), ..new_node(raw, name, 2) }));
    }
    refused(&catalog, raise(2, 3), behind(3));
    run(&mut catalog, set_state(3, 1, NodeState::Lost));
    assert_eq!(run(&mut catalog, raise(2, 3)), NodeOutcome::Level(three));
    assert_eq!(catalog.meta().map(|meta| meta.level), Some(three));
    let old = NodeRefusal::Features { node: id(8), features: range(1, 2), level: three };
    refused(&catalog, register(new_node(8, "h", 1)), old);
}

#[test]
fn a_catalog_from_before_nodes_had_records_has_the_one_that_formed_it() {
    let mut catalog = of_level_1();
    let nodes: Vec<_> = catalog.nodes().map(|node| (node.id, node.replica)).collect();
    assert_eq!(nodes, [(id(7), ReplicaId::new(6))]);
    apply(&mut catalog, &create(1, 1));
    let partition = catalog.partition(PartitionId::new(1)).unwrap();
    assert_eq!(partition.replicas, [(id(7), ReplicaId::new(6))]);

    // Nothing newer is written until the level is raised.
    let low = NodeRefusal::LevelTooLow { level: FeatureLevel::ONE_NODE };
    refused(&catalog, register(new_node(8, "b", 1)), low.clone());
    refused(&catalog, set_state(7, 1, NodeState::Draining), low.clone());
    refused(&catalog, remove(7, 1), low);
    let meta = Change::PutMeta(catalog.meta().unwrap().clone()).encode().1.unwrap();
    assert_eq!(meta, b"\x01\x08\x01\x12\x100123456789abcdef\x18\x07\x20\x06\x28\x02".as_slice());

    let decision = catalog.decide(&Command::Node(raise(1, 2)), NOW).unwrap();
    assert!(matches!(decision.changes[..], [Change::PutMeta(_), Change::PutNode(_)]));
    decision.changes.iter().for_each(|change| catalog.apply(change));
    run(&mut catalog, register(new_node(7, "a", 1)));
    assert_eq!(catalog.node_by_name("a").map(|node| node.id), Some(id(7)), "it says its name");
    let copied = NodeRefusal::IdTaken { node: id(7), name: "a".to_owned() };
    refused(&catalog, register(new_node(7, "b", 1)), copied);
    run(&mut catalog, register(new_node(8, "b", 1)));
}

#[test]
fn a_catalog_without_a_place_makes_no_table() {
    let mut catalog = formed();
    for node in 1..=3 {
        run(&mut catalog, set_state(node, 1, NodeState::Draining));
    }
    assert_eq!(catalog.decide(&create(1, 1), NOW), Err(Refusal::NoPlace));
    assert_eq!(
        Catalog::default().decide(&Command::Node(remove(1, 1)), NOW),
        Err(Refusal::NotFormed)
    );
}

#[test]
fn ids_of_replicas_of_the_catalog_can_be_spent() {
    let mut catalog = formed();
    let mut meta = Meta::clone(catalog.meta().unwrap());
    meta.next_catalog_replica = ReplicaId::new(u64::MAX);
    catalog.apply(&Change::PutMeta(meta.into()));
    refused(&catalog, register(new_node(9, "d", 1)), NodeRefusal::ReplicaIdsSpent);
}

#[derive(Clone, Debug)]
enum Step {
    Register { node: u64, name: usize, start: u32, max: u32 },
    SetState { node: u64, stale: bool, state: NodeState },
    Remove { node: u64, stale: bool },
    Raise { to: u32 },
    Create { partitions: u32 },
}

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn any_step() -> impl Strategy<Value = Step> {
    let node = || 1..9_u64;
    let stale = || prop::bool::weighted(0.1);
    let state =
        prop_oneof![Just(NodeState::Active), Just(NodeState::Draining), Just(NodeState::Lost)];
    prop_oneof![
        4 => (node(), 0..NAMES.len(), 0..4_u32, 2..4_u32)
            .prop_map(|(node, name, start, max)| Step::Register { node, name, start, max }),
        3 => (node(), stale(), state)
            .prop_map(|(node, stale, state)| Step::SetState { node, stale, state }),
        2 => (node(), stale()).prop_map(|(node, stale)| Step::Remove { node, stale }),
        1 => (2..5_u32).prop_map(|to| Step::Raise { to }),
        1 => (1..5_u32).prop_map(|partitions| Step::Create { partitions }),
    ]
}

/// What the rules say, with none of the catalog's structures.
struct Model {
    nodes: BTreeMap<u64, ModelNode>,
    level: u32,
    tables: u8,
}

#[derive(Clone, Debug, PartialEq)]
struct ModelNode {
    name: &'static str,
    state: NodeState,
    start: u32,
    max: u32,
    votes: bool,
    changes: u64,
    /// How many replicas it holds.
    replicas: usize,
}

impl Model {
    /// As [`formed`].
    fn new() -> Self {
        let node = |name| ModelNode {
            name,
            state: NodeState::Active,
            start: 1,
            max: 2,
            votes: true,
            changes: 1,
            replicas: 0,
        };
        let nodes = BTreeMap::from([(1, node("a")), (2, node("b")), (3, node("c"))]);
        Self { nodes, level: 2, tables: 0 }
    }

    fn command(&self, step: &Step) -> Command {
        let generation = |node: &u64, stale: bool| {
            self.nodes.get(node).map_or(0, |node| node.changes + u64::from(stale))
        };
        Command::Node(match step {
            Step::Register { node, name, start, max } => register(NewNode {
                features: range(1, *max),
                ..new_node(*node, NAMES[*name], *start)
            }),
            Step::SetState { node, stale, state } => {
                set_state(*node, generation(node, *stale), *state)
            }
            Step::Remove { node, stale } => remove(*node, generation(node, *stale)),
            Step::Raise { to } => raise(self.level, *to),
            Step::Create { partitions } => return create(self.tables, *partitions),
        })
    }

    /// Whether the step is allowed; the model has made it then.
    fn step(&mut self, step: &Step) -> bool {
        match *step {
            Step::Register { node, name, start, max } => {
                self.register(node, NAMES[name], start, max)
            }
            Step::SetState { node, stale, state } => {
                let Some(known) = self.nodes.get_mut(&node).filter(|_| !stale) else {
                    return false;
                };
                if known.state == NodeState::Lost && state != NodeState::Lost {
                    return false;
                }
                known.changes += u64::from(known.state != state);
                known.state = state;
                true
            }
            Step::Remove { node, stale } => {
                let Some(known) = self.nodes.get(&node).filter(|_| !stale) else { return false };
                let free = known.state != NodeState::Active && known.replicas == 0 && !known.votes;
                free && self.nodes.remove(&node).is_some()
            }
            Step::Raise { to } => {
                let mut present = self.nodes.values().filter(|it| it.state != NodeState::Lost);
                let allowed = to > self.level && present.all(|node| node.max >= to);
                self.level = if allowed { to } else { self.level };
                allowed
            }
            Step::Create { .. } => self.nodes.values().any(|it| it.state == NodeState::Active),
        }
    }

    fn register(&mut self, node: u64, name: &'static str, start: u32, max: u32) -> bool {
        let mut others = self.nodes.iter().filter(|(id, _)| **id != node);
        let taken = others.any(|(_, it)| it.name == name && it.state != NodeState::Lost);
        if max < self.level || taken {
            return false;
        }
        let Some(known) = self.nodes.get_mut(&node) else {
            let (state, votes) = (NodeState::Active, false);
            let new = ModelNode { name, state, start, max, votes, changes: 1, replicas: 0 };
            self.nodes.insert(node, new);
            return true;
        };
        let renamed = known.name != name && known.start > 0;
        if known.state == NodeState::Lost || renamed || start < known.start {
            return false;
        }
        let updated = ModelNode { name, start, max, ..known.clone() };
        known.changes += u64::from(updated != *known);
        *known = ModelNode { changes: known.changes, ..updated };
        true
    }

    /// Notes where a table was placed, and checks the places.
    fn placed(&mut self, catalog: &Catalog) {
        let table = TableId::from_bytes([self.tables; 16]);
        let active: BTreeSet<u64> = self
            .nodes
            .iter()
            .filter(|(_, node)| node.state == NodeState::Active)
            .map(|(id, _)| *id)
            .collect();
        let zones: BTreeSet<_> = active.iter().map(|id| id % 3).collect();
        for partition in catalog.partitions_of(table) {
            let on: BTreeSet<u64> = partition.replicas.iter().map(|(on, _)| on.get()).collect();
            assert!(on.is_subset(&active));
            assert_eq!(on.len(), active.len().min(3), "as many nodes as there are, up to three");
            assert_eq!(partition.replicas.len(), on.len(), "each has one");
            let in_zones: BTreeSet<_> = on.iter().map(|id| id % 3).collect();
            assert_eq!(in_zones.len(), zones.len().min(on.len()), "in as many zones as possible");
            let ids: BTreeSet<_> = partition.replicas.iter().map(|(_, id)| *id).collect();
            assert_eq!(ids.len(), on.len());
            for node in on {
                self.nodes.get_mut(&node).unwrap().replicas += 1;
            }
        }
        self.tables += 1;
    }

    fn agrees(&self, catalog: &Catalog) {
        let shown = |node: &NodeDescription| {
            let NodeDescription { name, state, start, features, role, generation, .. } = node;
            let votes = *role == CatalogRole::Voter;
            (name.clone(), *state, start.0, features.max().get(), votes, generation.get())
        };
        let nodes: BTreeMap<_, _> = catalog.nodes().map(|it| (it.id.get(), shown(it))).collect();
        let expected = self.nodes.iter().map(|(id, node)| {
            let ModelNode { name, state, start, max, votes, changes, .. } = node.clone();
            (*id, (name.to_owned(), state, start, max, votes, changes))
        });
        assert_eq!(nodes, expected.collect());
        assert_eq!(catalog.meta().unwrap().level.get(), self.level);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn random_commands_about_nodes_do_what_the_model_says(
        steps in prop::collection::vec(any_step(), 1..80),
    ) {
        let (mut catalog, mut model) = (formed(), Model::new());
        let mut minted: BTreeSet<_> = catalog.nodes().map(|node| node.replica).collect();
        for step in &steps {
            let decided = catalog.decide(&model.command(step), NOW);
            let allowed = model.step(step);
            prop_assert_eq!(decided.is_ok(), allowed, "{:?}: {:?}", step, decided);
            for change in decided.map_or(Vec::new(), |decision| decision.changes) {
                if let Change::PutNode(node) = &change {
                    let new = catalog.node(node.id).is_none();
                    prop_assert!(!new || minted.insert(node.replica), "an id is minted twice");
                }
                catalog.apply(&change);
            }
            if matches!(step, Step::Create { .. }) && allowed {
                model.placed(&catalog);
            }
            model.agrees(&catalog);
            let level = catalog.meta().unwrap().level;
            let loaded = Catalog::load(records(&catalog));
            if FeatureRange::SUPPORTED.contains(level) {
                prop_assert_eq!(&loaded, &Ok(catalog.clone()));
            } else {
                prop_assert_eq!(loaded, Err(Error::UnknownLevel { level }));
            }
        }
    }
}

/// The records of a catalog.
fn records(catalog: &Catalog) -> Vec<(Bytes, Bytes)> {
    let meta = Change::PutMeta(catalog.meta().unwrap().clone());
    let tables = catalog.tables().cloned().map(Change::PutTable);
    let partitions = catalog.partitions().cloned().map(Change::PutPartition);
    let nodes = catalog.nodes().cloned().map(Change::PutNode);
    let all = [meta].into_iter().chain(tables).chain(partitions).chain(nodes);
    all.map(|change| change.encode()).map(|(key, value)| (key, value.unwrap())).collect()
}
