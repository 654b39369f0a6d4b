//! Evaluates commands on the items of one partition.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use stator_model::{
    DescriptionVersion, Epoch, ItemSize, ItemView, KeyRange, LogIndex, NodeId, SharedItem, TableId,
    Timestamp, UnixMillis,
};
use stator_operation::{Current, EntryWrite, ItemWrite, LocalWrites};
use stator_store::item::{self, ItemHeader, StoredItem};
use stator_store::state::{IndexTotals, PartitionState};
use stator_store::{collection, keys};

use super::{Deferred, Draft, WriteQueue};
use crate::entry::{IndexCount, WriteSet};
use crate::event::{NotDone, WriteRequest};
use crate::overlay::{Overlay, Seen};

/// An entry is closed once its effects weigh this much; one command may exceed it.
const ENTRY_BYTES: usize = 1 << 20;
/// A timestamp is never issued this far ahead of the clock: another region would have to believe it.
const MAX_AHEAD_MILLIS: u64 = 500;

/// The machine of a table's partition.
#[derive(Default)]
pub(crate) struct TableMachine {
    queue: WriteQueue,
    leading: Option<Leading>,
}

/// What only a leader knows.
struct Leading {
    table: Option<TableId>,
    epoch: Epoch,
    version: DescriptionVersion,
    range: KeyRange,
    overlay: Overlay<Option<SharedItem>>,
    /// Sizes of item collections, in a table with local indexes.
    collections: Overlay<u64>,
    totals: Totals,
}

/// The partition's counters once everything proposed is applied.
#[derive(Clone)]
struct Totals {
    items: u64,
    bytes: u64,
    local_indexes: Vec<IndexTotals>,
    highest: Timestamp,
}

/// What commands of a draft wrote. Ordered, so that the overlay forgets in an order that a replay of the
/// same events repeats.
pub(super) struct Staged {
    items: BTreeMap<Bytes, Option<SharedItem>>,
    collections: BTreeMap<Bytes, u64>,
    totals: Totals,
}

impl TableMachine {
    /// Queues a command.
    pub(crate) fn push(&mut self, request: WriteRequest) {
        self.queue.push_back(request);
    }

    pub(super) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    pub(super) fn lead(&mut self, state: &PartitionState) {
        self.leading = Some(Leading {
            table: state.table,
            epoch: state.epoch,
            version: state.description_version,
            range: state.range.clone(),
            overlay: Overlay::new(state.applied),
            collections: Overlay::new(state.applied),
            totals: Totals {
                items: state.items,
                bytes: state.bytes,
                local_indexes: state.local_indexes.clone(),
                highest: state.highest,
            },
        });
    }

    pub(super) fn retire(&mut self, leader: Option<NodeId>) {
        self.leading = None;
        self.queue.drain(..).for_each(|request| request.refuse(NotDone::NotLeader(leader)));
    }

    pub(super) fn draft(&mut self, now: UnixMillis) -> Option<Draft> {
        let leading = self.leading.as_ref()?;
        let mut staged = Staged {
            items: BTreeMap::new(),
            collections: BTreeMap::new(),
            totals: leading.totals.clone(),
        };
        let mut writes = WriteSet::new(leading.epoch, leading.version);
        let mut deferred = Vec::new();
        let mut weight = 0;
        while weight < ENTRY_BYTES
            && let Some(request) = self.queue.pop_front()
        {
            weight += leading.evaluate(request, now, &mut staged, &mut writes, &mut deferred);
        }
        if deferred.is_empty() {
            return None;
        }
        writes.items = staged.totals.items;
        writes.bytes = staged.totals.bytes;
        writes.local_indexes = staged.totals.local_indexes.iter().map(IndexCount::from).collect();
        Some(Draft { writes, deferred, staged: super::Staged::Table(staged) })
    }

    pub(super) fn proposed(&mut self, index: LogIndex, staged: Staged) {
        if let Some(leading) = &mut self.leading {
            leading.totals = staged.totals;
            for (key, item) in staged.items {
                let bytes = item.as_ref().map_or(0, |item| item.size().0 as usize);
                leading.overlay.insert(index, key, item, bytes);
            }
            for (key, bytes) in staged.collections {
                leading.collections.insert(index, key, bytes, size_of::<u64>());
            }
        }
    }

    pub(super) fn applied(&mut self, index: LogIndex) {
        if let Some(leading) = &mut self.leading {
            leading.overlay.applied(index);
            leading.collections.applied(index);
        }
    }
}

impl Leading {
    /// Evaluates one command; returns what its effects weigh.
    fn evaluate(
        &self,
        request: WriteRequest,
        now: UnixMillis,
        staged: &mut Staged,
        writes: &mut WriteSet,
        deferred: &mut Vec<Deferred>,
    ) -> usize {
        let key = Bytes::from(keys::item_key(request.command.location()));
        let (timestamp, current) = match self.admit(&request, &key, now, staged) {
            Ok(admitted) => admitted,
            Err(reason) => {
                request.refuse(reason);
                return 0;
            }
        };
        let WriteRequest { command, responder, .. } = request;
        let before = current.item.as_ref().map(|item| u64::from(item.size().0));
        let evaluation = command.evaluate(current);
        let first = writes.effects.len();
        if let Some(write) = evaluation.write {
            let after = stage(write, timestamp, key, staged, writes);
            staged.totals.count(before, after);
            staged.totals.highest = timestamp;
            writes.raise(timestamp);
            if let Some(local) = evaluation.local {
                stage_local(local, timestamp, staged, writes);
            }
        }
        let effects = writes.effects.iter().skip(first);
        let weight = effects
            .map(|effect| effect.key.len() + effect.value.as_ref().map_or(0, Bytes::len))
            .sum();
        deferred.push(Deferred::Item(responder, evaluation.reply));
        weight
    }

    /// Whether the command may be evaluated here and now; if so, the timestamp that its write would
    /// get and what it looks at.
    fn admit(
        &self,
        request: &WriteRequest,
        key: &Bytes,
        now: UnixMillis,
        staged: &Staged,
    ) -> Result<(Timestamp, Current), NotDone> {
        let command = &request.command;
        if self.table != Some(command.table()) || self.version != command.version() {
            return Err(NotDone::Stale);
        }
        if !self.range.contains(command.location()) {
            return Err(NotDone::NotHere);
        }
        let timestamp = staged.totals.highest.after(now);
        if timestamp.millis().0 > now.0 + MAX_AHEAD_MILLIS {
            return Err(NotDone::Busy);
        }
        let prefetched = &request.prefetched;
        let found = look_up(key, &staged.items, &self.overlay, prefetched.applied)?;
        let item = found.unwrap_or_else(|| prefetched.item.clone());
        let collection_bytes = match command.collection() {
            None => 0,
            Some(collection) => {
                let key = keys::collection_key(collection);
                let (staged, overlay) = (&staged.collections, &self.collections);
                let found = look_up(&key, staged, overlay, prefetched.applied)?;
                found.unwrap_or(prefetched.collection_bytes)
            }
        };
        Ok((timestamp, Current { item, collection_bytes }))
    }
}

/// What was written of a key last; `None` if what was read ahead is current.
fn look_up<T: Clone>(
    key: &[u8],
    staged: &BTreeMap<Bytes, T>,
    overlay: &Overlay<T>,
    applied: LogIndex,
) -> Result<Option<T>, NotDone> {
    if let Some(result) = staged.get(key) {
        return Ok(Some(result.clone()));
    }
    match overlay.get(key) {
        Seen::Written(result) => Ok(Some(result)),
        Seen::Unwritten if applied >= overlay.floor() => Ok(None),
        Seen::Unwritten => Err(NotDone::PrefetchTooOld),
    }
}

impl Totals {
    /// Counts an item that had `before` bytes and has `after`; `None` is no item.
    fn count(&mut self, before: Option<u64>, after: Option<u64>) {
        self.items =
            (self.items + u64::from(after.is_some())).saturating_sub(u64::from(before.is_some()));
        self.bytes = (self.bytes + after.unwrap_or(0)).saturating_sub(before.unwrap_or(0));
    }
}

impl Totals {
    /// Counts an entry that is written.
    fn count_entry(&mut self, write: &EntryWrite) {
        let known = self.local_indexes.iter().position(|totals| totals.index == write.index);
        let at = known.unwrap_or_else(|| {
            let totals = IndexTotals { index: write.index, entries: 0, bytes: 0 };
            self.local_indexes.push(totals);
            self.local_indexes.len() - 1
        });
        let Some(totals) = self.local_indexes.get_mut(at) else { return };
        let size = |size: ItemSize| u64::from(size.0);
        totals.entries = (totals.entries + u64::from(write.after.is_some()))
            .saturating_sub(u64::from(write.before.is_some()));
        totals.bytes = (totals.bytes + write.after.as_ref().map_or(0, |entry| size(entry.size())))
            .saturating_sub(write.before.map_or(0, size));
    }
}

/// Stages what a write changes beside its item. Entries need no place in the overlay: they follow from the
/// items, which have one.
fn stage_local(
    local: LocalWrites,
    timestamp: Timestamp,
    staged: &mut Staged,
    writes: &mut WriteSet,
) {
    for write in &local.entries {
        let key = keys::entry_bound(write.location.as_bytes());
        let header = ItemHeader { timestamp, ..ItemHeader::default() };
        let value = write.after.as_ref().map(|entry| item::encode(entry, header).into());
        writes.push(key.into(), value);
        staged.totals.count_entry(write);
    }
    let key = Bytes::from(keys::collection_key(&local.collection));
    let bytes = local.collection_bytes;
    let value = (bytes > 0).then(|| Bytes::copy_from_slice(&collection::encode(bytes)));
    writes.push(key.clone(), value);
    staged.collections.insert(key, bytes);
}

impl From<&IndexTotals> for IndexCount {
    fn from(totals: &IndexTotals) -> Self {
        let IndexTotals { index, entries, bytes } = *totals;
        Self { index: index.0.into(), entries, bytes }
    }
}

/// Stages a write; returns the bytes of the item that it leaves.
fn stage(
    write: ItemWrite,
    timestamp: Timestamp,
    key: Bytes,
    staged: &mut Staged,
    writes: &mut WriteSet,
) -> Option<u64> {
    match write {
        ItemWrite::Delete => {
            writes.push(key.clone(), None);
            staged.items.insert(key, None);
            None
        }
        ItemWrite::Put(item) => {
            let header = ItemHeader { timestamp, ..ItemHeader::default() };
            let value = Bytes::from(item::encode(&item, header));
            let stored = StoredItem::parse(value.clone().into())
                .expect("an item that was just encoded parses");
            let shared: SharedItem = Arc::new(stored);
            let after = u64::from(shared.size().0);
            writes.push(key.clone(), Some(value));
            staged.items.insert(key, Some(shared));
            Some(after)
        }
    }
}
