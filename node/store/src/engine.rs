//! What a store can do: the one interface in front of fjall and of its simulation.

use std::ops::Bound;

use bytes::Bytes;
use stator_model::TabletId;

use crate::batch::full_key;
use crate::{Batch, Error, Result, Value};

/// How many keyspaces there are. Made at the first start; the number is on disk and never changes.
pub const KEYSPACES: u8 = 16;

/// Keys (without the tablet's prefix) and values, in key order from either end.
pub type Entries<'a> = Box<dyn DoubleEndedIterator<Item = Result<(Bytes, Value)>> + 'a>;

/// A node's store. Every call may block on the disk or on a lock that is held across a sync:
/// none is made on a core, peer or health thread.
///
/// Two errors end the process: [`Error::Poisoned`] and [`Error::Damage`] (see [`Error::is_fatal`]).
pub trait Engine: Send + Sync {
    /// The newest value of one key, whether or not the rest of its batch is visible yet.
    ///
    /// # Errors
    /// If the disk cannot be read or a block's checksum does not fit.
    fn get(&self, tablet: TabletId, key: &[u8]) -> Result<Option<Value>>;

    /// Makes a batch visible. It is *not* durable when this returns: see [`Engine::persist`].
    ///
    /// # Errors
    /// [`Error::Poisoned`] if the write failed, now or earlier: the state on disk is unknown.
    fn commit(&self, batch: Batch) -> Result<()>;

    /// A view of everything committed so far and of nothing else: it holds whole batches only.
    ///
    /// A view pins memory and files for as long as it lives: give it a deadline.
    ///
    /// # Errors
    /// If the store is poisoned.
    fn snapshot(&self) -> Result<Box<dyn ReadView>>;

    /// Makes durable what was committed before the call.
    ///
    /// # Errors
    /// [`Error::Poisoned`] if the sync failed, now or earlier. It is never tried again.
    fn persist(&self) -> Result<()>;

    /// Gives up tablets: see [`Engine::drop_tablets`].
    ///
    /// # Errors
    /// As [`Engine::drop_tablets`].
    fn drop_tablet(&self, tablet: TabletId) -> Result<()> {
        self.drop_tablets(&[tablet])
    }

    /// Gives up tablets and the space that they take. Nobody may write to them any more; what a new
    /// read of them answers is unspecified, while views taken before keep reading. Other tablets do
    /// not notice. A crash may bring a dropped tablet back, whole or in part: at start the caller
    /// drops every one of [`Engine::tablets`] that no group names.
    ///
    /// Takes long (flushes are waited for): call it from a thread of its own.
    ///
    /// # Errors
    /// If a write failed or the store is poisoned.
    fn drop_tablets(&self, tablets: &[TabletId]) -> Result<()>;

    /// Goes on with dropping: takes what lay in tables shared with other tablets and has been
    /// separated since. To be called a minute after a drop and again while the answer, the number of
    /// tablets of which something is left, is not 0.
    ///
    /// # Errors
    /// If a write failed or the store is poisoned.
    fn reclaim(&self) -> Result<usize>;

    /// The tablets that hold anything and were not dropped, in order.
    ///
    /// # Errors
    /// If the disk cannot be read.
    fn tablets(&self) -> Result<Vec<TabletId>>;

    /// How far background work on a keyspace is behind.
    fn pressure(&self, keyspace: u8) -> Pressure;
}

/// A consistent view: see [`Engine::snapshot`].
pub trait ReadView: Send {
    /// The value of a key.
    ///
    /// # Errors
    /// If the disk cannot be read or a block's checksum does not fit.
    fn get(&self, tablet: TabletId, key: &[u8]) -> Result<Option<Value>>;

    /// The entries of a tablet whose keys lie between the bounds. Reads lazily; an error ends it.
    fn scan(&self, tablet: TabletId, start: Bound<&[u8]>, end: Bound<&[u8]>) -> Entries<'_>;
}

/// How far background work on one keyspace is behind. A commit to a keyspace with
/// [`Pressure::STALL_SEALED`] sealed memtables sleeps, whoever makes it, and so holds up every other
/// keyspace: who applies entries looks here first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// Memtables that wait to be flushed.
    pub sealed_memtables: usize,
    /// Overlapping runs in level 0 that wait to be compacted.
    pub l0_runs: usize,
    /// Whether the memtables of all keyspaces together are half over their bound: the disk is slower
    /// than the writes, and no keyspace should take more until it has caught up.
    pub memory_full: bool,
}

impl Pressure {
    /// Sealed memtables from which on commits to a keyspace are skipped.
    pub const SKIP_SEALED: usize = 3;
    /// Runs in level 0 from which on commits to a keyspace are skipped.
    pub const SKIP_L0: usize = 18;
    /// Sealed memtables at which fjall's `commit` sleeps in steps of 100 ms.
    pub const STALL_SEALED: usize = 4;

    /// Whether commits to the keyspace should wait until it has drained.
    pub const fn should_skip(self) -> bool {
        self.sealed_memtables >= Self::SKIP_SEALED
            || self.l0_runs >= Self::SKIP_L0
            || self.memory_full
    }
}

/// Refuses keyspaces that do not exist and prefixes of start number 0, which are the store's own.
pub(crate) fn check_tablet(tablet: TabletId) -> Result<()> {
    if tablet.keyspace < KEYSPACES && tablet.prefix >> 32 != 0 {
        Ok(())
    } else {
        Err(Error::NoSuchTablet { tablet })
    }
}

/// The first key after all of a prefix; `None` after the last prefix.
pub(crate) fn prefix_end(prefix: u64) -> Option<[u8; 8]> {
    prefix.checked_add(1).map(u64::to_be_bytes)
}

/// Bounds within a tablet as bounds of whole keys.
pub(crate) fn full_bounds(
    tablet: TabletId,
    start: Bound<&[u8]>,
    end: Bound<&[u8]>,
) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let start = match start {
        Bound::Included(key) => Bound::Included(full_key(tablet, key)),
        Bound::Excluded(key) => Bound::Excluded(full_key(tablet, key)),
        Bound::Unbounded => Bound::Included(full_key(tablet, &[])),
    };
    let end = match end {
        Bound::Included(key) => Bound::Included(full_key(tablet, key)),
        Bound::Excluded(key) => Bound::Excluded(full_key(tablet, key)),
        Bound::Unbounded => {
            prefix_end(tablet.prefix).map_or(Bound::Unbounded, |end| Bound::Excluded(end.to_vec()))
        }
    };
    (start, end)
}

/// Whether no key can lie between the bounds. `BTreeMap` panics on such bounds and fjall has not
/// said what it does, so they go to neither.
pub(crate) fn is_empty_range(start: &Bound<Vec<u8>>, end: &Bound<Vec<u8>>) -> bool {
    match (start, end) {
        (Bound::Included(start), Bound::Included(end)) => start > end,
        (Bound::Included(start) | Bound::Excluded(start), Bound::Excluded(end))
        | (Bound::Excluded(start), Bound::Included(end)) => start >= end,
        (Bound::Unbounded, Bound::Included(_) | Bound::Excluded(_) | Bound::Unbounded)
        | (Bound::Included(_) | Bound::Excluded(_), Bound::Unbounded) => false,
    }
}
