//! The tail of one group's Raft log, in memory: what raft may still ask for.
//!
//! The core owns it; the Raft log on disk only gets bytes and is never read back while the node runs.
//! Entries leave once they are applied here: with one voter nobody else needs them.

use std::collections::VecDeque;

use raft::prelude::{ConfState, Entry, HardState, Snapshot};
use raft::{GetEntriesContext, RaftState, Storage, StorageError};

/// Entries after a base, the group's hard state and membership.
pub(crate) struct Tail {
    base_index: u64,
    base_term: u64,
    entries: VecDeque<Entry>,
    hard_state: HardState,
    conf_state: ConfState,
}

impl Tail {
    /// A tail whose first entry will follow `(base_index, base_term)`.
    pub(crate) fn new(base: (u64, u64), hard_state: HardState, conf_state: ConfState) -> Self {
        Self {
            base_index: base.0,
            base_term: base.1,
            entries: VecDeque::new(),
            hard_state,
            conf_state,
        }
    }

    /// Adds entries; one that is there already at the same index is replaced, with all behind it.
    pub(crate) fn append(&mut self, entries: impl IntoIterator<Item = Entry>) {
        for entry in entries {
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

    /// Lets entries up to `applied` go.
    pub(crate) fn release(&mut self, applied: u64) {
        while self.entries.front().is_some_and(|entry| entry.index <= applied) {
            if let Some(entry) = self.entries.pop_front() {
                self.base_index = entry.index;
                self.base_term = entry.term;
            }
        }
    }

    /// The entries held.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    fn last(&self) -> u64 {
        self.base_index + self.entries.len() as u64
    }

    fn offset(&self, index: u64) -> Option<usize> {
        usize::try_from(index.checked_sub(self.base_index + 1)?).ok()
    }
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
        // Raft asks only when a follower has fallen behind the tail; a single voter has none.
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
        tail.release(13);
        assert_eq!((tail.first_index().unwrap(), tail.term(13).unwrap()), (14, 3));
        tail.release(99);
        assert_eq!((tail.first_index().unwrap(), tail.last_index().unwrap()), (16, 15));
    }
}
