//! What the log says, put together record by record: the state that recovery hands back.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use stator_model::{LogIndex, PartitionId, ReplicaId, TabletId, Term};

use crate::record::{GroupHead, HardState, LogEntry, Record};

/// A replica as the log knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveredGroup {
    /// The Raft group.
    pub group: PartitionId,
    /// This node's replica in it.
    pub replica: ReplicaId,
    /// What the replica promised.
    pub hard_state: HardState,
    /// Where its data lies.
    pub tablet: TabletId,
    /// Index and term from which the replica began.
    pub installed: (LogIndex, Term),
    /// The encoded partition state from which it began.
    pub state: Bytes,
    /// The highest index that the last checkpoint says the store has synced. A store that is behind it
    /// is damaged.
    pub durable_applied: LogIndex,
    /// Entries above `durable_applied`, contiguous and ascending. The first may lie anywhere above it:
    /// segments go once the store has synced beyond them. The caller checks that its store joins.
    pub entries: Vec<LogEntry>,
}

/// Collects records. They were admitted by the [`Ledger`](crate::ledger::Ledger) before.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    groups: BTreeMap<PartitionId, RecoveredGroup>,
    destroyed: BTreeSet<(PartitionId, ReplicaId)>,
    /// The groups before the checkpoint that is being read.
    before: BTreeMap<PartitionId, RecoveredGroup>,
}

impl Replay {
    pub(crate) fn begin_checkpoint(&mut self) {
        self.before = std::mem::take(&mut self.groups);
        self.destroyed.clear();
    }

    /// Replaces the group, but for entries that the store had not synced: the checkpoint says those
    /// again that were not applied, and leaves the others to the segments before.
    pub(crate) fn group(&mut self, head: GroupHead) {
        let GroupHead { group, replica, hard_state, tablet, installed, durable_applied, state } =
            head;
        let mut entries = match self.before.remove(&group) {
            Some(old) if old.replica == replica && old.installed == installed => old.entries,
            Some(_) | None => Vec::new(),
        };
        // At the end this is done once more; here it bounds the memory that a long log takes.
        entries.retain(|entry| entry.index > durable_applied);
        let recovered = RecoveredGroup {
            group,
            replica,
            hard_state,
            tablet,
            installed,
            state,
            durable_applied,
            entries,
        };
        self.groups.insert(group, recovered);
    }

    pub(crate) fn end_checkpoint(&mut self) {
        self.before.clear();
    }

    pub(crate) fn record(&mut self, record: Record) {
        match record {
            Record::Entry { group, term, index, body, .. } => {
                let Some(known) = self.groups.get_mut(&group) else { return };
                while known.entries.pop_if(|last| last.index >= index).is_some() {}
                known.entries.push(LogEntry { term, index, body });
            }
            Record::HardState { group, term, vote, commit, .. } => {
                let Some(known) = self.groups.get_mut(&group) else { return };
                known.hard_state = HardState { term, vote, commit };
            }
            Record::Installed { group, replica, tablet, index, term, state } => {
                self.install(group, replica, tablet, (index, term), state);
            }
            Record::Destroyed { group, replica } => {
                if self.groups.get(&group).is_some_and(|known| known.replica == replica) {
                    self.groups.remove(&group);
                }
                self.destroyed.insert((group, replica));
            }
        }
    }

    fn install(
        &mut self,
        group: PartitionId,
        replica: ReplicaId,
        tablet: TabletId,
        installed: (LogIndex, Term),
        state: Bytes,
    ) {
        // IMPORTANT: a replica that installs a snapshot keeps its vote; only another replica is blank.
        let hard_state = match self.groups.remove(&group) {
            Some(old) if old.replica == replica => old.hard_state,
            Some(_) | None => HardState::default(),
        };
        let recovered = RecoveredGroup {
            group,
            replica,
            hard_state,
            tablet,
            installed,
            state,
            durable_applied: installed.0,
            entries: Vec::new(),
        };
        self.groups.insert(group, recovered);
    }

    /// All groups and all tombstones, in order.
    pub(crate) fn finish(self) -> (Vec<RecoveredGroup>, Vec<(PartitionId, ReplicaId)>) {
        let mut groups: Vec<_> = self.groups.into_values().collect();
        for group in &mut groups {
            let durable = group.durable_applied;
            group.entries.retain(|entry| entry.index > durable);
        }
        (groups, self.destroyed.into_iter().collect())
    }
}
