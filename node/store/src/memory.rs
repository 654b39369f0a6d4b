//! The simulated store: what fjall promises and nothing more.
//!
//! Everything lies in memory. [`MemoryEngine::crash`] takes away what a crash may take away: of each
//! keyspace the newest batches, as many as the seed says, but nothing that was persisted. Reads,
//! views and drops behave as on disk. For the simulator and for tests; never used by a node.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use stator_model::TabletId;

use crate::batch::{Write, full_key};
use crate::engine::{check_tablet, full_bounds, is_empty_range, prefix_end};
use crate::{Batch, Engine, Entries, Error, Pressure, ReadView, Result, Value};

type Map = BTreeMap<Vec<u8>, Value>;

/// A change of one keyspace that a crash takes away as a whole.
#[derive(Clone)]
enum Change {
    Batch(Vec<Write>),
    Drop(u64),
}

#[derive(Clone, Default)]
struct Keyspace {
    /// What reads see.
    now: Arc<Map>,
    /// What no crash takes away.
    durable: Arc<Map>,
    /// How `now` came from `durable`.
    since: Vec<Change>,
}

#[derive(Clone, Default)]
struct State {
    keyspaces: BTreeMap<u8, Keyspace>,
    dropped: BTreeSet<TabletId>,
    pressure: BTreeMap<u8, Pressure>,
    poisoned: bool,
}

/// The simulated store. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryEngine {
    state: Arc<Mutex<State>>,
}

impl MemoryEngine {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The store as it opens again after a crash at this moment. `seed` chooses how much of what was
    /// not persisted is lost, in each keyspace for itself. This one is left as it is; let it go.
    #[must_use]
    pub fn crash(&self, seed: u64) -> Self {
        let state = self.lock();
        let mut random = SplitMix(seed);
        let mut keyspaces = BTreeMap::new();
        for (&id, keyspace) in &state.keyspaces {
            let kept = random.up_to(keyspace.since.len());
            let mut survived = keyspace.durable.clone();
            for change in keyspace.since.iter().take(kept) {
                apply(Arc::make_mut(&mut survived), change);
            }
            keyspaces.insert(
                id,
                Keyspace { now: survived.clone(), durable: survived, since: Vec::new() },
            );
        }
        let state = State { keyspaces, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Lets every write from now on fail, as after a failed write to the disk.
    pub fn poison(&self) {
        self.lock().poisoned = true;
    }

    /// Sets what [`Engine::pressure`] answers.
    pub fn set_pressure(&self, keyspace: u8, pressure: Pressure) {
        self.lock().pressure.insert(keyspace, pressure);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves a whole state behind: every change below is made in one piece.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_to_write(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.lock();
        if state.poisoned { Err(Error::Poisoned { source: None }) } else { Ok(state) }
    }
}

impl State {
    fn change(&mut self, keyspace: u8, change: Change) {
        let keyspace = self.keyspaces.entry(keyspace).or_default();
        apply(Arc::make_mut(&mut keyspace.now), &change);
        keyspace.since.push(change);
    }
}

fn apply(map: &mut Map, change: &Change) {
    match change {
        Change::Batch(writes) => {
            for write in writes {
                match &write.value {
                    Some(value) => map.insert(write.key.clone(), value.clone()),
                    None => map.remove(&write.key),
                };
            }
        }
        Change::Drop(prefix) => {
            let prefix = prefix.to_be_bytes();
            map.retain(|key, _| !key.starts_with(&prefix));
        }
    }
}

impl Engine for MemoryEngine {
    fn get(&self, tablet: TabletId, key: &[u8]) -> Result<Option<Value>> {
        check_tablet(tablet)?;
        let state = self.lock();
        let keyspace = state.keyspaces.get(&tablet.keyspace);
        Ok(keyspace.and_then(|keyspace| keyspace.now.get(&full_key(tablet, key))).cloned())
    }

    fn commit(&self, batch: Batch) -> Result<()> {
        batch.writes().iter().try_for_each(|write| check_tablet(write.tablet()))?;
        let mut parts: BTreeMap<u8, Vec<Write>> = BTreeMap::new();
        for write in batch.into_writes() {
            parts.entry(write.keyspace).or_default().push(write);
        }
        let mut state = self.lock_to_write()?;
        for (keyspace, writes) in parts {
            state.change(keyspace, Change::Batch(writes));
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn ReadView>> {
        let state = self.lock();
        let keyspaces = state.keyspaces.iter().map(|(&id, keyspace)| (id, keyspace.now.clone()));
        Ok(Box::new(View { keyspaces: keyspaces.collect() }))
    }

    fn persist(&self) -> Result<()> {
        let mut state = self.lock_to_write()?;
        for keyspace in state.keyspaces.values_mut() {
            keyspace.durable = keyspace.now.clone();
            keyspace.since.clear();
        }
        Ok(())
    }

    fn drop_tablets(&self, tablets: &[TabletId]) -> Result<()> {
        tablets.iter().try_for_each(|&tablet| check_tablet(tablet))?;
        let mut state = self.lock_to_write()?;
        for &tablet in tablets {
            state.change(tablet.keyspace, Change::Drop(tablet.prefix));
            state.dropped.insert(tablet);
        }
        Ok(())
    }

    fn reclaim(&self) -> Result<usize> {
        self.lock_to_write().map(|_| 0)
    }

    fn tablets(&self) -> Result<Vec<TabletId>> {
        let state = self.lock();
        let mut found = Vec::new();
        for (&id, keyspace) in &state.keyspaces {
            let mut from = Some([0; 8]);
            while let Some(start) = from {
                let mut rest = keyspace.now.range(start.to_vec()..);
                let first = rest.next().and_then(|(key, _)| key.first_chunk::<8>());
                let Some(prefix) = first.map(|prefix| u64::from_be_bytes(*prefix)) else { break };
                found.push(TabletId { keyspace: id, prefix });
                from = prefix_end(prefix);
            }
        }
        found.retain(|tablet| !state.dropped.contains(tablet));
        Ok(found)
    }

    fn pressure(&self, keyspace: u8) -> Pressure {
        self.lock().pressure.get(&keyspace).copied().unwrap_or_default()
    }
}

struct View {
    keyspaces: BTreeMap<u8, Arc<Map>>,
}

impl ReadView for View {
    fn get(&self, tablet: TabletId, key: &[u8]) -> Result<Option<Value>> {
        check_tablet(tablet)?;
        let keyspace = self.keyspaces.get(&tablet.keyspace);
        Ok(keyspace.and_then(|map| map.get(&full_key(tablet, key))).cloned())
    }

    fn scan(&self, tablet: TabletId, start: Bound<&[u8]>, end: Bound<&[u8]>) -> Entries<'_> {
        let bounds = full_bounds(tablet, start, end);
        match (check_tablet(tablet), self.keyspaces.get(&tablet.keyspace)) {
            (Err(error), _) => Box::new(std::iter::once(Err(error))),
            (Ok(()), Some(map)) if !is_empty_range(&bounds.0, &bounds.1) => {
                Box::new(map.range(bounds).map(|(key, value)| {
                    let key = Bytes::copy_from_slice(key.get(8..).unwrap_or_default());
                    Ok((key, value.clone()))
                }))
            }
            (Ok(()), _) => Box::new(std::iter::empty()),
        }
    }
}

/// A small generator (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `most`, both included.
    fn up_to(&mut self, most: usize) -> usize {
        let choices = u64::try_from(most).map_or(u64::MAX, |most| most.saturating_add(1));
        usize::try_from(self.next() % choices).unwrap_or(most)
    }
}
