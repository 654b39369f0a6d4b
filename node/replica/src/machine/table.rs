//! Evaluates commands on the items of one partition.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use stator_model::{
    DescriptionVersion, Epoch, KeyRange, LogIndex, SharedItem, TableId, Timestamp, UnixMillis,
};
use stator_operation::ItemWrite;
use stator_store::item::{self, ItemHeader, StoredItem};
use stator_store::keys;
use stator_store::state::PartitionState;

use super::{Deferred, Draft, WriteQueue};
use crate::core::{NotDone, WriteRequest};
use crate::entry::WriteSet;
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
    overlay: Overlay,
    totals: Totals,
}

/// The partition's counters once everything proposed is applied.
#[derive(Clone, Copy)]
struct Totals {
    items: u64,
    bytes: u64,
    highest: Timestamp,
}

/// What commands of a draft wrote. Ordered, so that the overlay forgets in an order that a replay of the
/// same events repeats.
pub(super) struct Staged {
    items: BTreeMap<Bytes, Option<SharedItem>>,
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
            totals: Totals { items: state.items, bytes: state.bytes, highest: state.highest },
        });
    }

    pub(super) fn retire(&mut self) {
        self.leading = None;
        self.queue.drain(..).for_each(|request| request.refuse(NotDone::NotLeader));
    }

    pub(super) fn draft(&mut self, now: UnixMillis) -> Option<Draft> {
        let leading = self.leading.as_ref()?;
        let mut staged = Staged { items: BTreeMap::new(), totals: leading.totals };
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
        Some(Draft { writes, deferred, staged: super::Staged::Table(staged) })
    }

    pub(super) fn proposed(&mut self, index: LogIndex, staged: Staged) {
        if let Some(leading) = &mut self.leading {
            leading.totals = staged.totals;
            for (key, item) in staged.items {
                leading.overlay.insert(index, key, item);
            }
        }
    }

    pub(super) fn applied(&mut self, index: LogIndex) {
        if let Some(leading) = &mut self.leading {
            leading.overlay.applied(index);
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
        let before = current.as_ref().map(|item| u64::from(item.size().0));
        let evaluation = command.evaluate(current);
        let weight = match evaluation.write {
            None => 0,
            Some(write) => {
                let after = stage(write, timestamp, key, staged, writes);
                staged.totals.count(before, after);
                staged.totals.highest = timestamp;
                writes.raise(timestamp);
                writes.effects.last().map_or(0, |effect| {
                    effect.key.len() + effect.value.as_ref().map_or(0, Bytes::len)
                })
            }
        };
        deferred.push(Deferred::Item(responder, evaluation.reply));
        weight
    }

    /// Whether the command may be evaluated here and now; if so, the timestamp that its write would
    /// get and the item that it looks at.
    fn admit(
        &self,
        request: &WriteRequest,
        key: &Bytes,
        now: UnixMillis,
        staged: &Staged,
    ) -> Result<(Timestamp, Option<SharedItem>), NotDone> {
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
        if let Some(item) = staged.items.get(key) {
            return Ok((timestamp, item.clone()));
        }
        match self.overlay.get(key) {
            Seen::Written(item) => Ok((timestamp, item)),
            Seen::Unwritten if request.prefetched.applied >= self.overlay.floor() => {
                Ok((timestamp, request.prefetched.item.clone()))
            }
            Seen::Unwritten => Err(NotDone::PrefetchTooOld),
        }
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
