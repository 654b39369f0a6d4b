//! **The log forgets nothing that it synced.** What a process finds in the log is what was synced, or
//! that and the one batch that was being written when the last process died: no entry is missing or
//! altered, no term or vote goes back, no tablet is another, no destroyed replica comes back.
//!
//! Reference: stator-log, "What a crash may take"; docs/adr/0002.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use stator_log::{Checkpoint, HardState, LogEntry, Record, Recovered, RecoveredGroup};
use stator_model::{LogIndex, PartitionId, ReplicaId, TabletId, Term};

use crate::violation::{Verdict, Violation};

const NAME: &str = "log_keeps";

/// What the log must say.
#[derive(Clone, Default)]
struct Said {
    groups: BTreeMap<PartitionId, Group>,
    destroyed: BTreeSet<(PartitionId, ReplicaId)>,
}

#[derive(Clone)]
struct Group {
    replica: ReplicaId,
    tablet: TabletId,
    installed: (LogIndex, Term),
    hard_state: HardState,
    entries: BTreeMap<LogIndex, (Term, Bytes)>,
}

/// Follows what is written and synced.
#[derive(Default)]
pub struct Watch {
    synced: Said,
    /// As it will be once the batch that is being written is synced.
    writing: Option<Said>,
    /// Entries up to here may have been released.
    released: BTreeMap<PartitionId, LogIndex>,
}

impl Watch {
    /// A batch is about to be written.
    pub fn begins(&mut self, records: &[Record]) {
        let mut next = self.synced.clone();
        records.iter().for_each(|record| next.say(record));
        self.writing = Some(next);
    }

    /// A checkpoint is about to be written. It says nothing new but how far raft knows to have
    /// committed, which is a hint.
    pub fn begins_checkpoint(&mut self, checkpoint: &Checkpoint) {
        let mut next = self.synced.clone();
        next.destroyed.extend(checkpoint.destroyed.iter().copied());
        next.groups.retain(|id, _| checkpoint.groups.iter().any(|group| group.group == *id));
        for said in &checkpoint.groups {
            let group = next.groups.entry(said.group).or_insert_with(|| Group {
                replica: said.replica,
                tablet: said.tablet,
                installed: said.installed,
                hard_state: HardState::default(),
                entries: BTreeMap::new(),
            });
            group.hard_state = said.hard_state.clone();
            said.entries.iter().for_each(|entry| group.enter(entry.index, entry.term, &entry.body));
        }
        self.writing = Some(next);
    }

    /// What was about to be written is synced.
    pub fn synced(&mut self) {
        if let Some(said) = self.writing.take() {
            self.synced = said;
        }
    }

    /// Entries up to these indexes are about to be released.
    pub fn released(&mut self, durable: &HashMap<PartitionId, LogIndex>) {
        for (partition, index) in durable {
            let released = self.released.entry(*partition).or_default();
            *released = (*released).max(*index);
            if let Some(group) = self.synced.groups.get_mut(partition) {
                group.entries = group.entries.split_off(&released.next());
            }
        }
    }

    /// A process found this in the log.
    ///
    /// # Errors
    /// If that is not what the log must say.
    pub fn recovered(&mut self, recovered: &Recovered) -> Verdict {
        let found = self.check(&self.synced, recovered);
        let found = match (found, &self.writing) {
            (Err(_), Some(writing)) => self.check(writing, recovered),
            (found, _) => found,
        };
        found.map_err(|seen| Violation::new(NAME, seen))?;
        self.synced = Said::of(recovered);
        self.writing = None;
        Ok(())
    }

    fn check(&self, said: &Said, found: &Recovered) -> Result<(), String> {
        let destroyed: BTreeSet<_> = found.destroyed.iter().copied().collect();
        if destroyed != said.destroyed {
            return Err(format!("tombstones are {destroyed:?}, not {:?}", said.destroyed));
        }
        let ids: Vec<_> = found.groups.iter().map(|group| group.group).collect();
        if !ids.iter().eq(said.groups.keys()) {
            return Err(format!("groups are {ids:?}, not {:?}", said.groups.keys()));
        }
        let both = said.groups.values().zip(&found.groups);
        both.into_iter().try_for_each(|(said, found)| self.check_group(said, found))
    }

    fn check_group(&self, said: &Group, found: &RecoveredGroup) -> Result<(), String> {
        let id = found.group;
        if (found.replica, found.tablet, found.installed)
            != (said.replica, said.tablet, said.installed)
        {
            return Err(format!("{id} is {found:?}, not {} in {}", said.replica, said.tablet));
        }
        let votes = |state: &HardState| (state.term, state.vote);
        if votes(&found.hard_state) != votes(&said.hard_state) {
            return Err(format!("{id} has {:?}, not {:?}", found.hard_state, said.hard_state));
        }
        let released = self.released.get(&id).copied().unwrap_or_default();
        let from = released.max(found.durable_applied);
        let above = found.entries.iter().filter(|entry| entry.index > from);
        let there: BTreeMap<_, _> =
            above.map(|LogEntry { index, term, body }| (*index, (*term, body))).collect();
        for (index, (term, body)) in said.entries.range(from.next()..) {
            match there.get(index) {
                Some((at, is)) if at == term && *is == body => {}
                Some((at, _)) => return Err(format!("{id}: entry {index} of {term} is of {at}")),
                None => return Err(format!("{id}: entry {index} is missing, {from} was synced")),
            }
        }
        match there.keys().find(|index| !said.entries.contains_key(index)) {
            Some(index) => Err(format!("{id}: entry {index} was never written")),
            None => Ok(()),
        }
    }
}

impl Said {
    fn of(found: &Recovered) -> Self {
        let groups = found.groups.iter().map(|found| {
            let group = Group {
                replica: found.replica,
                tablet: found.tablet,
                installed: found.installed,
                hard_state: found.hard_state.clone(),
                entries: found
                    .entries
                    .iter()
                    .map(|entry| (entry.index, (entry.term, entry.body.clone())))
                    .collect(),
            };
            (found.group, group)
        });
        Self { groups: groups.collect(), destroyed: found.destroyed.iter().copied().collect() }
    }

    fn say(&mut self, record: &Record) {
        match record {
            Record::Entry { group, term, index, body, .. } => {
                if let Some(group) = self.groups.get_mut(group) {
                    group.enter(*index, *term, body);
                }
            }
            Record::HardState { group, term, vote, commit, .. } => {
                if let Some(group) = self.groups.get_mut(group) {
                    group.hard_state = HardState { term: *term, vote: *vote, commit: *commit };
                }
            }
            Record::Installed { group, replica, tablet, index, term, .. } => {
                let hard_state = match self.groups.remove(group) {
                    Some(old) if old.replica == *replica => old.hard_state,
                    Some(_) | None => HardState::default(),
                };
                let installed = (*index, *term);
                let entries = BTreeMap::new();
                let said =
                    Group { replica: *replica, tablet: *tablet, installed, hard_state, entries };
                self.groups.insert(*group, said);
            }
            Record::Destroyed { group, replica } => {
                self.groups.remove(group);
                self.destroyed.insert((*group, *replica));
            }
        }
    }
}

impl Group {
    fn enter(&mut self, index: LogIndex, term: Term, body: &Bytes) {
        drop(self.entries.split_off(&index));
        self.entries.insert(index, (term, body.clone()));
    }
}

#[cfg(test)]
mod tests {
    use stator_log::LogId;
    use stator_model::StartNumber;

    use super::*;

    const GROUP: PartitionId = PartitionId::new(1);
    const REPLICA: ReplicaId = ReplicaId::new(1);

    fn installed() -> Record {
        Record::Installed {
            group: GROUP,
            replica: REPLICA,
            tablet: TabletId { keyspace: 0, prefix: 1 },
            index: LogIndex::default(),
            term: Term::default(),
            state: Bytes::new(),
        }
    }

    fn voted(term: u64) -> Record {
        let (term, vote, commit) = (Term::new(term), Some(REPLICA), LogIndex::default());
        Record::HardState { group: GROUP, replica: REPLICA, term, vote, commit }
    }

    fn entry(index: u64) -> Record {
        let (term, index) = (Term::new(1), LogIndex::new(index));
        Record::Entry { group: GROUP, replica: REPLICA, term, index, body: Bytes::new() }
    }

    /// What a log recovers in which these records are.
    fn log_of(records: &[Record]) -> Recovered {
        let mut said = Said::default();
        records.iter().for_each(|record| said.say(record));
        let groups = said.groups.into_iter().map(|(group, said)| RecoveredGroup {
            group,
            replica: said.replica,
            hard_state: said.hard_state,
            tablet: said.tablet,
            installed: said.installed,
            state: Bytes::new(),
            durable_applied: LogIndex::default(),
            entries: said
                .entries
                .into_iter()
                .map(|(index, (term, body))| LogEntry { term, index, body })
                .collect(),
        });
        Recovered {
            id: LogId::from_bytes([0; 16]),
            start: StartNumber(1),
            groups: groups.collect(),
            destroyed: said.destroyed.into_iter().collect(),
        }
    }

    fn written(synced: &[Record], writing: &[Record]) -> Watch {
        let mut watch = Watch::default();
        watch.begins(synced);
        watch.synced();
        watch.begins(writing);
        watch
    }

    #[test]
    fn the_last_batch_may_be_there_or_not_but_not_half() {
        let synced = [installed(), voted(1), entry(1)];
        let writing = [entry(2), entry(3)];
        let watch = || written(&synced, &writing);
        assert_eq!(watch().recovered(&log_of(&synced)), Ok(()));
        let all: Vec<Record> = synced.iter().chain(&writing).cloned().collect();
        assert_eq!(watch().recovered(&log_of(&all)), Ok(()));
        assert!(watch().recovered(&log_of(&all[..4])).is_err());
        assert!(watch().recovered(&log_of(&synced[..2])).is_err(), "an entry is gone");
    }

    #[test]
    fn a_vote_that_is_forgotten_is_found() {
        let synced = [installed(), voted(1), voted(2)];
        assert_eq!(written(&synced, &[]).recovered(&log_of(&synced)), Ok(()));
        assert!(written(&synced, &[]).recovered(&log_of(&synced[..2])).is_err());
    }

    #[test]
    fn what_was_released_may_be_gone_and_what_was_destroyed_must_be() {
        let synced = [installed(), voted(1), entry(1), entry(2)];
        let mut watch = written(&synced, &[]);
        watch.released(&HashMap::from([(GROUP, LogIndex::new(2))]));
        assert_eq!(watch.recovered(&log_of(&synced[..2])), Ok(()));
        let gone = [installed(), Record::Destroyed { group: GROUP, replica: REPLICA }];
        assert!(written(&gone, &[]).recovered(&log_of(&gone[..1])).is_err());
    }
}
