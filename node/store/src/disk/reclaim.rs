//! Dropping tablets, and getting their space back.
//!
//! A drop takes these steps, in this order:
//!
//! 1. The keyspace's memtable is sealed and flushed, so that the journals hold nothing that the tables
//!    do not. That is noted ([`super::sealed`]): from here on its tables say less and less of what it had.
//! 2. Tables that lie wholly inside the prefix leave the manifest. Nothing is rewritten.
//! 3. A marker is written under the store's own prefix, sealed and flushed. fjall lets a journal go
//!    when the newest sequence number in the *tables* of each keyspace is past it; without the marker
//!    that number has just gone down, every later journal stays, and the next start replays what was
//!    dropped. The marker is newer than anything that is ever dropped before the next one.
//! 4. What lies in tables shared with other tablets is destroyed when they are compacted
//!    ([`super::filter`]), and [`reclaim`] drops the tables that hold nothing else.
//!
//! A crash in between brings tablets back in part; the caller drops them again at the next start.
//!
//! Table files are deleted when the last reference to them goes. That must not happen where fjall
//! lets its old versions go, under a lock that every commit to the keyspace needs while it holds the
//! journal: 512 MB took 0.2 to 1.4 s on a busy disk that discards, and nobody could commit. So
//! [`Graveyard`] keeps a reference and lets it go here.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fjall::{AbstractTree, AnyTree, Keyspace, PersistMode, SeqNo};
use stator_model::TabletId;

use super::FjallEngine;
use crate::Result;
use crate::engine::{check_tablet, prefix_end};

/// How long to wait before looking again whether a flush has ended.
const PAUSE: Duration = Duration::from_millis(2);
/// How often to look whether a keyspace has come to rest before its tables are dropped anyway.
const LOOKS_FOR_REST: usize = 1_000;

/// The key of the marker, in each keyspace: the prefix that no tablet has.
const MARKER_KEY: [u8; 8] = [0; 8];
/// The marker's value: a version.
const MARKER_VALUE: [u8; 1] = [1];

/// Dropped files that old versions of a keyspace may still refer to. Its lock also makes drops take
/// turns.
#[derive(Default)]
pub(super) struct Graveyard(Mutex<Vec<Grave>>);

struct Grave {
    keyspace: u8,
    /// Versions older than this sequence number refer to the files.
    until: SeqNo,
    /// The version before the drop, which refers to the files too.
    _version: Box<dyn Any + Send>,
}

/// See [`crate::Engine::drop_tablets`].
pub(super) fn drop_tablets(engine: &FjallEngine, tablets: &[TabletId]) -> Result<()> {
    tablets.iter().try_for_each(|&tablet| check_tablet(tablet))?;
    engine.check_poison()?;
    for (keyspace, tablets) in by_keyspace(tablets) {
        drop_in(engine, keyspace, &tablets)?;
    }
    Ok(())
}

/// See [`crate::Engine::reclaim`].
pub(super) fn reclaim(engine: &FjallEngine) -> Result<usize> {
    engine.check_poison()?;
    let dropped: Vec<TabletId> = engine.dropped.all().iter().copied().collect();
    for (keyspace, tablets) in by_keyspace(&dropped) {
        drop_tables(engine, keyspace, &tablets)?;
        forget_empty(engine, keyspace, &tablets)?;
    }
    bury(engine)?;
    Ok(engine.dropped.all().len())
}

fn by_keyspace(tablets: &[TabletId]) -> BTreeMap<u8, BTreeSet<u64>> {
    let mut sorted: BTreeMap<u8, BTreeSet<u64>> = BTreeMap::new();
    for tablet in tablets {
        sorted.entry(tablet.keyspace).or_default().insert(tablet.prefix);
    }
    sorted
}

fn drop_in(engine: &FjallEngine, id: u8, prefixes: &BTreeSet<u64>) -> Result<()> {
    let keyspace = engine.keyspace(id)?;
    flush(engine, keyspace)?;
    settle(engine, keyspace)?;
    let tablets = prefixes.iter().map(|&prefix| TabletId { keyspace: id, prefix });
    engine.dropped.add(&tablets.collect::<Vec<_>>());
    drop_tables(engine, id, prefixes)?;
    let mut marker = engine.db.batch();
    marker.insert(keyspace, MARKER_KEY, MARKER_VALUE);
    {
        let _gate = engine.gate.enter();
        engine.written(marker.commit())?;
    }
    flush(engine, keyspace)?;
    forget_empty(engine, id, prefixes)?;
    bury(engine)
}

/// Notes that this keyspace needs no journal that holds nothing but what its tables have.
fn settle(engine: &FjallEngine, keyspace: &Keyspace) -> Result<()> {
    engine.note.refresh()?;
    engine.note.settle(keyspace.id(), keyspace.tree.get_highest_persisted_seqno())
}

/// Forgets the dropped tablets of which nothing is left: the set stays small, and so do compactions.
fn forget_empty(engine: &FjallEngine, keyspace: u8, prefixes: &BTreeSet<u64>) -> Result<()> {
    let view = engine.view();
    for &prefix in prefixes {
        let tablet = TabletId { keyspace, prefix };
        if !view.holds(tablet)? {
            engine.dropped.forget(tablet);
        }
    }
    Ok(())
}

/// Drops the tables that hold nothing but keys under these prefixes.
fn drop_tables(engine: &FjallEngine, id: u8, prefixes: &BTreeSet<u64>) -> Result<()> {
    let keyspace = engine.keyspace(id)?;
    let mut graves = engine.graveyard.0.lock().unwrap_or_else(PoisonError::into_inner);
    if !prefixes.iter().any(|&prefix| has_tables(keyspace, prefix)) {
        return Ok(());
    }
    wait_for_rest(keyspace);
    settle(engine, keyspace)?;
    let before = keyspace.tree.current_version();
    for &prefix in prefixes.iter().filter(|&&prefix| has_tables(keyspace, prefix)) {
        let start = Bound::Included(prefix.to_be_bytes());
        let end = prefix_end(prefix).map_or(Bound::Unbounded, Bound::Excluded);
        engine.written(keyspace.tree.drop_range((start, end)).map_err(fjall::Error::from))?;
    }
    // The number that the drop itself took is below the one that comes next.
    let until = engine.db.supervisor.snapshot_tracker.get().saturating_sub(1);
    graves.push(Grave { keyspace: id, until, _version: Box::new(before) });
    Ok(())
}

/// Whether a table holds keys under this prefix and no others. Asked first because an empty drop
/// still writes and syncs a manifest, under the lock that commits need.
fn has_tables(keyspace: &Keyspace, prefix: u64) -> bool {
    let prefix = prefix.to_be_bytes();
    keyspace.tree.current_version().iter_tables().any(|table| {
        let range = &table.metadata.key_range;
        range.min().starts_with(&prefix) && range.max().starts_with(&prefix)
    })
}

/// Waits until nothing is compacted in a keyspace, if that happens soon. A drop waits for
/// compactions, and those that come meanwhile wait for the drop: fjall's workers with them, which
/// then flush nothing either.
fn wait_for_rest(keyspace: &Keyspace) {
    let busy = || match &keyspace.tree {
        AnyTree::Standard(tree) => tree.is_compacting(),
        AnyTree::Blob(tree) => tree.index.is_compacting(),
    };
    for _ in 0..LOOKS_FOR_REST {
        if !busy() {
            return;
        }
        pause();
    }
}

/// Seals a keyspace's memtable and waits until everything written before the call is in tables.
fn flush(engine: &FjallEngine, keyspace: &Keyspace) -> Result<()> {
    let Some(newest) = keyspace.tree.get_highest_memtable_seqno() else { return Ok(()) };
    engine.written(keyspace.rotate_memtable())?;
    let flushed = || {
        let persisted = keyspace.tree.get_highest_persisted_seqno();
        persisted.is_some_and(|seqno| seqno >= newest) || keyspace.sealed_memtable_count() == 0
    };
    while !flushed() {
        // If the worker that flushes has failed nothing will ever be flushed; this finds it out.
        engine.written(engine.db.persist(PersistMode::Buffer))?;
        pause();
    }
    Ok(())
}

/// Lets go of dropped files that no version refers to any more, which deletes them.
fn bury(engine: &FjallEngine) -> Result<()> {
    let mut graves = engine.graveyard.0.lock().unwrap_or_else(PoisonError::into_inner);
    let safe = engine.db.supervisor.snapshot_tracker.get_seqno_safe_to_gc();
    let (cold, warm): (Vec<Grave>, Vec<Grave>) =
        std::mem::take(&mut *graves).into_iter().partition(|grave| grave.until < safe);
    *graves = warm;
    for grave in &cold {
        let keyspace = engine.keyspace(grave.keyspace)?;
        let mut versions = keyspace.tree.get_version_history_lock();
        let freed = versions.maintenance(keyspace.path(), safe);
        engine.written(freed.map_err(fjall::Error::from))?;
    }
    drop(cold);
    Ok(())
}

/// fjall has no condition to wait on, so this looks again after a while.
fn pause() {
    std::thread::park_timeout(PAUSE);
}
