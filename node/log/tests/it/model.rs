//! The log as one would write it without a disk: what was said, and nothing else.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use stator_log::{
    Checkpoint, GroupCheckpoint, HardState, LogEntry, Record, Recovered, RecoveredGroup,
};
use stator_model::{LogIndex, PartitionId, ReplicaId, TabletId, Term};

#[derive(Clone, Default, Debug)]
pub(crate) struct Model {
    pub(crate) groups: BTreeMap<PartitionId, Group>,
    destroyed: BTreeSet<(PartitionId, ReplicaId)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) replica: ReplicaId,
    hard_state: HardState,
    tablet: TabletId,
    installed: (LogIndex, Term),
    state: Bytes,
    /// What the owner applied, and what its store synced.
    pub(crate) applied: LogIndex,
    pub(crate) durable: LogIndex,
    /// What the last checkpoint said was durable.
    said: LogIndex,
    /// Up to where segments may have been released.
    released: LogIndex,
    entries: BTreeMap<LogIndex, (Term, Bytes)>,
}

impl Group {
    pub(crate) fn last(&self) -> LogIndex {
        self.entries.last_key_value().map_or(self.installed.0, |(index, _)| *index)
    }

    pub(crate) fn installed(&self) -> LogIndex {
        self.installed.0
    }
}

impl Model {
    pub(crate) fn apply(&mut self, record: &Record) {
        match record.clone() {
            Record::Entry { group, term, index, body, .. } => {
                let known = self.groups.get_mut(&group).unwrap();
                known.entries.split_off(&index);
                known.entries.insert(index, (term, body));
            }
            Record::HardState { group, term, vote, commit, .. } => {
                let known = self.groups.get_mut(&group).unwrap();
                known.hard_state = HardState { term, vote, commit };
            }
            Record::Installed { group, replica, tablet, index, term, state } => {
                let hard_state = match self.groups.get(&group) {
                    Some(known) if known.replica == replica => known.hard_state.clone(),
                    _ => HardState::default(),
                };
                let known = Group {
                    replica,
                    hard_state,
                    tablet,
                    installed: (index, term),
                    state,
                    applied: index,
                    durable: index,
                    said: index,
                    released: index,
                    entries: BTreeMap::new(),
                };
                self.groups.insert(group, known);
            }
            Record::Destroyed { group, replica } => {
                self.groups.remove(&group);
                self.destroyed.insert((group, replica));
            }
        }
    }

    pub(crate) fn checkpoint(&self) -> Checkpoint {
        let groups = self.groups.iter().map(|(group, known)| GroupCheckpoint {
            group: *group,
            replica: known.replica,
            hard_state: known.hard_state.clone(),
            tablet: known.tablet,
            installed: known.installed,
            state: known.state.clone(),
            durable_applied: known.durable,
            entries: known
                .entries
                .range(known.applied.next()..)
                .map(|(index, (term, body))| LogEntry {
                    term: *term,
                    index: *index,
                    body: body.clone(),
                })
                .collect(),
        });
        Checkpoint { groups: groups.collect(), destroyed: self.destroyed.iter().copied().collect() }
    }

    /// A checkpoint was taken.
    pub(crate) fn said(&mut self) {
        self.groups.values_mut().for_each(|group| group.said = group.durable);
    }

    pub(crate) fn durable(&self) -> HashMap<PartitionId, LogIndex> {
        self.groups.iter().map(|(id, group)| (*id, group.durable)).collect()
    }

    /// Segments were released.
    pub(crate) fn released(&mut self) {
        self.groups.values_mut().for_each(|group| group.released = group.durable);
    }

    /// The process ended: what the store had not synced is to be applied again.
    pub(crate) fn restart(&mut self) {
        self.groups.values_mut().for_each(|group| group.applied = group.durable);
    }

    /// What is wrong with what was recovered; `None` if nothing is.
    pub(crate) fn differs(&self, recovered: &Recovered) -> Option<String> {
        let destroyed: Vec<_> = self.destroyed.iter().copied().collect();
        if destroyed != recovered.destroyed {
            return Some(format!("tombstones {destroyed:?} are {:?}", recovered.destroyed));
        }
        let expected: Vec<_> = self.groups.keys().collect();
        let found: Vec<_> = recovered.groups.iter().map(|group| &group.group).collect();
        if expected != found {
            return Some(format!("groups {expected:?} are {found:?}"));
        }
        self.groups.values().zip(&recovered.groups).find_map(|(known, found)| known.differs(found))
    }
}

impl Group {
    fn differs(&self, found: &RecoveredGroup) -> Option<String> {
        let same = found.replica == self.replica
            && found.hard_state == self.hard_state
            && found.tablet == self.tablet
            && found.installed == self.installed
            && found.state == self.state
            && found.durable_applied == self.said;
        if !same {
            return Some(format!("{self:?} is {found:?}"));
        }
        let indexes: Vec<_> = found.entries.iter().map(|entry| entry.index).collect();
        let contiguous = indexes.windows(2).all(|pair| pair[1] == pair[0].next());
        let known = found
            .entries
            .iter()
            .all(|entry| self.entries.get(&entry.index) == Some(&(entry.term, entry.body.clone())));
        let above = found.entries.iter().all(|entry| entry.index > self.said);
        let needed = self.said.max(self.released);
        let complete = self.entries.range(needed.next()..).all(|(at, _)| indexes.contains(at));
        let right = contiguous && known && above && complete;
        (!right).then(|| format!("{}: {self:?} has entries {indexes:?}", found.group))
    }
}
