//! The tail of one group's Raft log, in memory: what raft may still ask for.
//!
//! The core owns it; the Raft log on disk only gets bytes and is never read back while the node runs.
//! Entries stay until they are applied here, and then for as long as a follower may need them: with one
//! voter nobody does.

use std::collections::VecDeque;

use raft::prelude::{ConfState, Entry, HardState, Snapshot};
use raft::{GetEntriesContext, RaftState, Storage, StorageError};

/// Entries after a base, the group's hard state and membership.
pub(crate) struct Tail {
    base_index: u64,
    base_term: u64,
    entries: VecDeque<Entry>,
    applied: u64,
    /// Bytes of the entries up to `applied`.
    kept_bytes: u64,
    hard_state: HardState,
    conf_state: ConfState,
}

impl Tail {
    /// A tail whose first entry will follow `(base_index, base_term)`, all up to which is applied.
    pub(crate) fn new(base: (u64, u64), hard_state: HardState, conf_state: ConfState) -> Self {
        Self {
            base_index: base.0,
            base_term: base.1,
            entries: VecDeque::new(),
            applied: base.0,
            kept_bytes: 0,
            hard_state,
            conf_state,
        }
    }

    /// Adds entries; one that is there already at the same index is replaced, with all behind it.
    pub(crate) fn append(&mut self, entries: impl IntoIterator<Item = Entry>) {
        for entry in entries {
            assert!(entry.index > self.applied, "what is applied is never replaced");
            let keep = entry.index.saturating_sub(self.base_index + 1);
            self.entries.truncate(usize::try_from(keep).unwrap_or(usize::MAX));
            assert_eq!(entry.index, self.last() + 1, "entries follow each other without a gap");
            self.entries.push_back(entry);
        }
    }

    /// Notes the hard state that goes to the log.
    pub(crate) fn set_hard_state(&mut self, hard_state: HardState) {
        self.hard_state = hard_state;
    }

    /// The hard state that went to the log.
    pub(crate) fn hard_state(&self) -> &HardState {
        &self.hard_state
    }

    /// Notes that everything up to `index` is applied.
    pub(crate) fn applied(&mut self, index: u64) {
        let from = self.offset(self.applied + 1).unwrap_or(self.entries.len());
        let count = usize::try_from(index.saturating_sub(self.applied)).unwrap_or(usize::MAX);
        let newly = self.entries.iter().skip(from).take(count);
        self.kept_bytes += newly.map(weight).sum::<u64>();
        self.applied = self.applied.max(index);
    }

    /// Lets entries up to `index` go that are applied.
    pub(crate) fn release(&mut self, index: u64) {
        let until = index.min(self.applied);
        while self.base_index < until && self.release_first() {}
    }

    /// Lets the oldest applied entries go until the others weigh no more than this.
    pub(crate) fn bound_kept(&mut self, bytes: u64) {
        while self.kept_bytes > bytes && self.base_index < self.applied && self.release_first() {}
    }

    /// Bytes of the entries that are kept although they are applied.
    pub(crate) fn kept_bytes(&self) -> u64 {
        self.kept_bytes
    }

    /// The entries that are not applied.
    pub(crate) fn unapplied(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().skip(self.offset(self.applied + 1).unwrap_or(0))
    }

    fn release_first(&mut self) -> bool {
        let Some(entry) = self.entries.pop_front() else { return false };
        self.kept_bytes -= weight(&entry);
        self.base_index = entry.index;
        self.base_term = entry.term;
        true
    }

    fn last(&self) -> u64 {
        self.base_index + self.entries.len() as u64
    }

    fn offset(&self, index: u64) -> Option<usize> {
        usize::try_from(index.checked_sub(self.base_index + 1)?).ok()
    }
}

/// What an entry weighs in memory, about.
fn weight(entry: &Entry) -> u64 {
    (entry.data.len() + size_of::<Entry>()) as u64
}

impl Storage for Tail {
    fn initial_state(&self) -> raft::Result<RaftState> {
        Ok(RaftState { hard_state: self.hard_state.clone(), conf_state: self.conf_state.clone() })
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _context: GetEntriesContext,
    ) -> raft::Result<Vec<Entry>> {
        let from = self.offset(low).ok_or(raft::Error::Store(StorageError::Compacted))?;
        if high > self.last() + 1 {
            return Err(raft::Error::Store(StorageError::Unavailable));
        }
        let budget = max_size.into().unwrap_or(u64::MAX);
        let count = usize::try_from(high.saturating_sub(low)).unwrap_or(usize::MAX);
        let mut size = 0_u64;
        let mut found = Vec::new();
        for entry in self.entries.iter().skip(from).take(count) {
            // The first entry always goes, however large, or the group would stop for good.
            size += entry.data.len() as u64 + 16;
            if size > budget && !found.is_empty() {
                break;
            }
            found.push(entry.clone());
        }
        Ok(found)
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        if index == self.base_index {
            return Ok(self.base_term);
        }
        let offset = self.offset(index).ok_or(raft::Error::Store(StorageError::Compacted))?;
        self.entries
            .get(offset)
            .map(|entry| entry.term)
            .ok_or(raft::Error::Store(StorageError::Unavailable))
    }

    fn first_index(&self) -> raft::Result<u64> {
        Ok(self.base_index + 1)
    }

    fn last_index(&self) -> raft::Result<u64> {
        Ok(self.last())
    }

    fn snapshot(&self, _request_index: u64, _to: u64) -> raft::Result<Snapshot> {
        // Asked when a follower has fallen behind the tail. Raft goes on asking.
        Err(raft::Error::Store(StorageError::SnapshotTemporarilyUnavailable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(index: u64, term: u64) -> Entry {
        Entry { index, term, ..Entry::default() }
    }

    fn tail() -> Tail {
        let mut tail = Tail::new((10, 2), HardState::default(), ConfState::default());
        tail.append((11..=15).map(|index| entry(index, 3)));
        tail
    }

    #[test]
    fn entries_are_found_by_index_and_end_at_the_budget() {
        let tail = tail();
        let indexes = |low, high, max: Option<u64>| {
            Storage::entries(&tail, low, high, max, GetEntriesContext::empty(false))
                .map(|entries| entries.iter().map(|entry| entry.index).collect::<Vec<_>>())
        };
        assert_eq!(indexes(12, 15, None).unwrap(), [12, 13, 14]);
        assert_eq!(indexes(12, 15, Some(1)).unwrap(), [12]);
        assert!(indexes(10, 12, None).is_err());
        assert!(indexes(12, 17, None).is_err());
        assert_eq!((tail.term(10).unwrap(), tail.term(11).unwrap()), (2, 3));
        assert!(tail.term(9).is_err() && tail.term(16).is_err());
    }

    #[test]
    fn a_new_entry_replaces_what_lay_behind_it() {
        let mut tail = tail();
        tail.append([entry(13, 4)]);
        assert_eq!(tail.last_index().unwrap(), 13);
        assert_eq!(tail.term(13).unwrap(), 4);
    }

    #[test]
    fn released_entries_leave_their_last_term_behind() {
        let mut tail = tail();
        tail.applied(15);
        tail.release(13);
        assert_eq!((tail.first_index().unwrap(), tail.term(13).unwrap()), (14, 3));
        tail.release(99);
        assert_eq!((tail.first_index().unwrap(), tail.last_index().unwrap()), (16, 15));
        assert_eq!(tail.kept_bytes(), 0);
    }

    #[test]
    fn what_is_not_applied_is_never_released() {
        let mut tail = tail();
        tail.applied(12);
        let indexes = |tail: &Tail| tail.unapplied().map(|entry| entry.index).collect::<Vec<_>>();
        assert_eq!(indexes(&tail), [13, 14, 15]);
        assert_eq!(tail.kept_bytes(), 2 * weight(&entry(1, 1)));
        tail.bound_kept(0);
        assert_eq!((tail.first_index().unwrap(), tail.kept_bytes()), (13, 0));
        tail.release(99);
        assert_eq!(indexes(&tail), [13, 14, 15]);
        tail.applied(14);
        tail.append([entry(15, 4)]);
        tail.bound_kept(weight(&entry(1, 1)));
        assert_eq!((tail.first_index().unwrap(), indexes(&tail)), (14, vec![15]));
    }
}
