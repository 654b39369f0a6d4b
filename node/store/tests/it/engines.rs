//! Random operations on both engines, compared with a model, crashes included.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use proptest::prelude::*;
use stator_model::TabletId;
use stator_store::{Batch, Engine, FjallEngine, MemoryEngine, ReadView};
use tempfile::TempDir;

use crate::support::{cases, contents, image, tablet, tiny, tiny_store};

/// Keyspaces in use, and tablets in each.
const KEYSPACES: u8 = 3;
const TABLETS: u8 = 3;

#[derive(Clone, Debug)]
enum Op {
    /// Writes to (keyspace, slot, key): a value of this length, or a deletion.
    Commit(Vec<(u8, u8, u8, Option<u16>)>),
    /// A snapshot, kept until the next one.
    Snapshot,
    Scan {
        keyspace: u8,
        slot: u8,
        start: Bound<u8>,
        end: Bound<u8>,
    },
    Persist,
    /// Drops the tablet of a slot; the slot goes on with a new one.
    Drop(u8, u8),
    Reclaim,
    Crash(u64),
}

fn bounds() -> impl Strategy<Value = Bound<u8>> {
    prop_oneof![
        (0u8..8).prop_map(Bound::Included),
        (0u8..8).prop_map(Bound::Excluded),
        Just(Bound::Unbounded)
    ]
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let slot = || (0..KEYSPACES, 0..TABLETS);
    let write = (slot(), 0u8..8, prop::option::weighted(0.7, 0u16..2000))
        .prop_map(|((keyspace, slot), key, value)| (keyspace, slot, key, value));
    let op = prop_oneof![
        20 => prop::collection::vec(write, 1..6).prop_map(Op::Commit),
        3 => Just(Op::Snapshot),
        6 => (slot(), bounds(), bounds())
            .prop_map(|((keyspace, slot), start, end)| Op::Scan { keyspace, slot, start, end }),
        3 => Just(Op::Persist),
        2 => slot().prop_map(|(keyspace, slot)| Op::Drop(keyspace, slot)),
        1 => Just(Op::Reclaim),
        2 => any::<u64>().prop_map(Op::Crash),
    ];
    prop::collection::vec(op, 1..60)
}

type Tablets = BTreeMap<TabletId, BTreeMap<Vec<u8>, Vec<u8>>>;

/// What one keyspace has gone through since it was last certain.
#[derive(Clone, Default)]
struct History {
    /// Its states, oldest first; the first is durable.
    states: Vec<Tablets>,
}

struct Model {
    keyspaces: Vec<History>,
    /// The tablet in each slot.
    slots: BTreeMap<(u8, u8), TabletId>,
    next: u32,
    kept: Option<(Box<dyn ReadView>, Tablets)>,
}

impl Model {
    fn new() -> Self {
        let mut model = Self {
            keyspaces: vec![History { states: vec![Tablets::new()] }; KEYSPACES.into()],
            slots: BTreeMap::new(),
            next: 0,
            kept: None,
        };
        for keyspace in 0..KEYSPACES {
            for slot in 0..TABLETS {
                model.renew(keyspace, slot);
            }
        }
        model
    }

    fn renew(&mut self, keyspace: u8, slot: u8) -> Option<TabletId> {
        self.next += 1;
        self.slots.insert((keyspace, slot), tablet(keyspace, self.next))
    }

    fn state(&self, keyspace: u8) -> &Tablets {
        self.keyspaces[usize::from(keyspace)].states.last().unwrap()
    }

    fn all(&self) -> Tablets {
        (0..KEYSPACES).flat_map(|keyspace| self.state(keyspace).clone()).collect()
    }

    fn live(&self) -> BTreeSet<TabletId> {
        self.slots.values().copied().collect()
    }

    fn check_kept(&self) {
        if let Some((view, expected)) = &self.kept {
            check(&**view, expected);
        }
    }
}

/// Compares each tablet of the model with what a view shows.
#[track_caller]
fn check(view: &dyn ReadView, expected: &Tablets) {
    for (&tablet, entries) in expected {
        let entries: Vec<_> = entries.clone().into_iter().collect();
        assert_eq!(contents(view, tablet), entries, "{tablet}");
        for (key, value) in entries {
            assert_eq!(view.get(tablet, &key).unwrap().as_deref(), Some(&value[..]));
        }
    }
}

/// An engine that can be brought down and up again.
trait Subject {
    fn engine(&self) -> &dyn Engine;
    fn crash(&mut self, seed: u64);
}

struct Memory(MemoryEngine);

impl Subject for Memory {
    fn engine(&self) -> &dyn Engine {
        &self.0
    }

    fn crash(&mut self, seed: u64) {
        self.0 = self.0.crash(seed);
    }
}

struct Disk {
    engine: FjallEngine,
    directory: TempDir,
}

impl Subject for Disk {
    fn engine(&self) -> &dyn Engine {
        &self.engine
    }

    fn crash(&mut self, _seed: u64) {
        let image = image(self.directory.path());
        self.engine = FjallEngine::open(image.path(), tiny()).unwrap();
        self.directory = image;
    }
}

fn run(subject: &mut dyn Subject, ops: Vec<Op>) {
    let mut model = Model::new();
    for (number, op) in ops.into_iter().enumerate() {
        match op {
            Op::Commit(writes) => commit(subject.engine(), &mut model, writes, number),
            Op::Snapshot => {
                model.check_kept();
                let view = subject.engine().snapshot().unwrap();
                check(&*view, &model.all());
                model.kept = Some((view, model.all()));
            }
            Op::Scan { keyspace, slot, start, end } => {
                scan(subject.engine(), &model, model.slots[&(keyspace, slot)], start, end);
            }
            Op::Persist => {
                subject.engine().persist().unwrap();
                for history in &mut model.keyspaces {
                    history.states.drain(..history.states.len() - 1);
                }
            }
            Op::Drop(keyspace, slot) => {
                let dropped = model.renew(keyspace, slot).unwrap();
                subject.engine().drop_tablet(dropped).unwrap();
                for state in &mut model.keyspaces[usize::from(keyspace)].states {
                    state.remove(&dropped);
                }
            }
            Op::Reclaim => {
                subject.engine().reclaim().unwrap();
            }
            Op::Crash(seed) => {
                model.kept = None;
                subject.crash(seed);
                recover(subject.engine(), &mut model);
            }
        }
        let live = model.live();
        let found = subject.engine().tablets().unwrap();
        let expected: Vec<_> = model
            .all()
            .into_iter()
            .filter(|(tablet, entries)| live.contains(tablet) && !entries.is_empty())
            .map(|(tablet, _)| tablet)
            .collect();
        assert_eq!(found, expected);
    }
    model.check_kept();
}

fn commit(
    engine: &dyn Engine,
    model: &mut Model,
    writes: Vec<(u8, u8, u8, Option<u16>)>,
    number: usize,
) {
    let mut batch = Batch::new();
    let mut touched = BTreeMap::new();
    for (place, (keyspace, slot, key, value)) in writes.into_iter().enumerate() {
        let tablet = model.slots[&(keyspace, slot)];
        let state = touched.entry(keyspace).or_insert_with(|| model.state(keyspace).clone());
        let entries = state.entry(tablet).or_default();
        if let Some(length) = value {
            let mut value = format!("{number}.{place}").into_bytes();
            value.resize(usize::from(length), b'.');
            batch.put(tablet, &[key], value.clone());
            entries.insert(vec![key], value);
        } else {
            batch.delete(tablet, &[key]);
            entries.remove(&[key][..]);
        }
    }
    engine.commit(batch).unwrap();
    for (keyspace, state) in touched {
        for (&tablet, entries) in &state {
            for key in 0u8..8 {
                let found = engine.get(tablet, &[key]).unwrap();
                assert_eq!(found.as_deref(), entries.get(&[key][..]).map(Vec::as_slice));
            }
        }
        model.keyspaces[usize::from(keyspace)].states.push(state);
    }
}

fn scan(engine: &dyn Engine, model: &Model, tablet: TabletId, start: Bound<u8>, end: Bound<u8>) {
    let inside = |key: &[u8]| {
        let after = match start {
            Bound::Included(start) => key >= &[start][..],
            Bound::Excluded(start) => key > &[start][..],
            Bound::Unbounded => true,
        };
        let before = match end {
            Bound::Included(end) => key <= &[end][..],
            Bound::Excluded(end) => key < &[end][..],
            Bound::Unbounded => true,
        };
        after && before
    };
    let entries = model.state(tablet.keyspace).get(&tablet).cloned().unwrap_or_default();
    let mut expected: Vec<_> = entries.into_iter().filter(|(key, _)| inside(key)).collect();
    let view = engine.snapshot().unwrap();
    let (start, end) = (start.map(|key| [key]), end.map(|key| [key]));
    let (start, end) = (start.as_ref().map(|key| &key[..]), end.as_ref().map(|key| &key[..]));
    let entry = |entry: stator_store::Result<_>| {
        entry
            .map(|(key, value): (bytes::Bytes, stator_store::Value)| (key.to_vec(), value.to_vec()))
            .unwrap()
    };
    let found: Vec<_> = view.scan(tablet, start, end).map(entry).collect();
    assert_eq!(found, expected);
    expected.reverse();
    let found: Vec<_> = view.scan(tablet, start, end).rev().map(entry).collect();
    assert_eq!(found, expected);
}

/// As the server does at start: drops what nobody names. Each keyspace has to hold one of the states
/// that it went through, none older than its durable one.
fn recover(engine: &dyn Engine, model: &mut Model) {
    let live = model.live();
    let mut unnamed = engine.tablets().unwrap();
    unnamed.retain(|tablet| !live.contains(tablet));
    engine.drop_tablets(&unnamed).unwrap();
    let view = engine.snapshot().unwrap();
    for (keyspace, history) in (0..).zip(&mut model.keyspaces) {
        let found: Tablets = live
            .iter()
            .filter(|tablet| tablet.keyspace == keyspace)
            .map(|&tablet| (tablet, contents(&*view, tablet).into_iter().collect()))
            .filter(|(_, entries): &(_, BTreeMap<_, _>)| !entries.is_empty())
            .collect();
        let known = history.states.iter().any(|state| {
            let mut state = state.clone();
            state.retain(|_, entries| !entries.is_empty());
            state == found
        });
        assert!(known, "keyspace {keyspace} came back as none of its states");
        history.states = vec![found];
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases(64)) })]

    #[test]
    fn the_simulated_engine_does_what_the_model_says(ops in ops()) {
        run(&mut Memory(MemoryEngine::new()), ops);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::with_cases(cases(8))
    })]

    #[test]
    fn fjall_does_what_the_model_says(ops in ops()) {
        let (directory, engine) = tiny_store();
        run(&mut Disk { engine, directory }, ops);
    }
}

#[test]
fn a_poisoned_engine_writes_nothing_and_still_reads() {
    let engine = MemoryEngine::new();
    let here = tablet(0, 1);
    let mut batch = Batch::new();
    batch.put(here, b"key", &b"value"[..]);
    engine.commit(batch.clone()).unwrap();
    engine.poison();
    assert!(engine.commit(batch).unwrap_err().is_fatal());
    assert!(engine.persist().unwrap_err().is_fatal());
    assert!(engine.drop_tablet(here).unwrap_err().is_fatal());
    assert_eq!(engine.get(here, b"key").unwrap().as_deref(), Some(&b"value"[..]));
}
