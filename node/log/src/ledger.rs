//! What the log knows of every group without its bytes: enough to refuse a record that contradicts
//! those before it, and to tell which segments are still needed.
//!
//! Writer and recovery keep the same ledger, so that nothing can be written that recovery would not
//! understand.

use std::collections::{HashMap, VecDeque};

use stator_model::{LogIndex, PartitionId, ReplicaId};

use crate::checkpoint::Checkpoint;
use crate::error::Contradiction;
use crate::record::Record;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    groups: HashMap<PartitionId, Known>,
    /// From the oldest segment to the current one.
    segments: VecDeque<Kept>,
    /// The groups before the checkpoint that is being said.
    before: Option<HashMap<PartitionId, Known>>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    replica: ReplicaId,
    installed: LogIndex,
    /// Its last entry. `None` if unknown: the checkpoint had no entry to say, and what was before it
    /// is released.
    last: Option<LogIndex>,
}

#[derive(Debug)]
struct Kept {
    base: u64,
    /// The highest index of each group whose entry is in this segment and in no later one.
    needs: HashMap<PartitionId, LogIndex>,
}

impl Ledger {
    /// A segment begins, and with it a checkpoint.
    pub(crate) fn begin_checkpoint(&mut self, base: u64) {
        self.segments.push_back(Kept { base, needs: HashMap::new() });
        self.before = Some(std::mem::take(&mut self.groups));
    }

    /// A whole checkpoint.
    pub(crate) fn checkpoint(
        &mut self,
        base: u64,
        checkpoint: &Checkpoint,
    ) -> Result<(), Contradiction> {
        self.begin_checkpoint(base);
        for group in &checkpoint.groups {
            self.group(group.group, group.replica, group.installed.0)?;
            for entry in &group.entries {
                self.entry(group.group, group.replica, entry.index)?;
            }
        }
        for (group, replica) in &checkpoint.destroyed {
            self.destroyed(*group, *replica)?;
        }
        self.end_checkpoint();
        Ok(())
    }

    /// A group in the checkpoint.
    pub(crate) fn group(
        &mut self,
        group: PartitionId,
        replica: ReplicaId,
        installed: LogIndex,
    ) -> Result<(), Contradiction> {
        let before = self.before.as_ref().and_then(|groups| groups.get(&group));
        let same = before.filter(|known| known.replica == replica && known.installed == installed);
        let last = same.and_then(|known| known.last);
        if same.is_none() {
            self.forget(group);
        }
        let known = Known { replica, installed, last };
        match self.groups.insert(group, known) {
            Some(_) => Err(Contradiction::Twice { group }),
            None => Ok(()),
        }
    }

    /// The checkpoint is complete: groups that it did not say are gone.
    pub(crate) fn end_checkpoint(&mut self) {
        let before = self.before.take().unwrap_or_default();
        for group in before.into_keys() {
            if !self.groups.contains_key(&group) {
                self.forget(group);
            }
        }
    }

    /// A record, in a checkpoint or after it.
    pub(crate) fn record(&mut self, record: &Record) -> Result<(), Contradiction> {
        match record {
            Record::Entry { group, replica, index, .. } => self.entry(*group, *replica, *index),
            Record::HardState { group, replica, .. } => self.known(*group, *replica).map(|_| ()),
            Record::Installed { group, replica, index, .. } => {
                self.installed(*group, *replica, *index);
                Ok(())
            }
            Record::Destroyed { group, replica } => self.destroyed(*group, *replica),
        }
    }

    /// How many of the oldest segments nobody needs: what the store has not synced begins later. The
    /// current segment is never among them.
    pub(crate) fn unneeded(&self, durable: &HashMap<PartitionId, LogIndex>) -> usize {
        let earlier = self.segments.len().saturating_sub(1);
        let needed = |kept: &Kept| {
            kept.needs.iter().any(|(group, index)| durable.get(group).is_none_or(|at| at < index))
        };
        self.segments.iter().take(earlier).take_while(|kept| !needed(kept)).count()
    }

    /// Where the segments begin, from the oldest to the current one.
    pub(crate) fn bases(&self) -> impl Iterator<Item = u64> {
        self.segments.iter().map(|kept| kept.base)
    }

    /// Forgets the oldest segment.
    pub(crate) fn release_oldest(&mut self) {
        self.segments.pop_front();
    }

    fn entry(
        &mut self,
        group: PartitionId,
        replica: ReplicaId,
        index: LogIndex,
    ) -> Result<(), Contradiction> {
        let known = self.known(group, replica)?;
        if index <= known.installed {
            let installed = known.installed;
            return Err(Contradiction::BelowInstalled { group, installed, index });
        }
        let replaces = match known.last {
            Some(last) if index.get() - 1 > last.get() => {
                return Err(Contradiction::Gap { group, last, index });
            }
            Some(last) => index <= last,
            None => true,
        };
        known.last = Some(index);
        if replaces {
            self.replaced_from(group, index);
        }
        if let Some(current) = self.segments.back_mut() {
            current.needs.insert(group, index);
        }
        Ok(())
    }

    fn destroyed(&mut self, group: PartitionId, replica: ReplicaId) -> Result<(), Contradiction> {
        if self.groups.get(&group).is_some_and(|known| known.replica == replica) {
            if self.before.is_some() {
                return Err(Contradiction::Destroyed { group, replica });
            }
            self.groups.remove(&group);
            self.forget(group);
        }
        Ok(())
    }

    /// Not refused for a tombstone: a checkpoint may have said already that the replica is destroyed,
    /// when a batch behind it creates and destroys it.
    fn installed(&mut self, group: PartitionId, replica: ReplicaId, index: LogIndex) {
        self.groups.insert(group, Known { replica, installed: index, last: Some(index) });
        self.forget(group);
    }

    fn known(
        &mut self,
        group: PartitionId,
        replica: ReplicaId,
    ) -> Result<&mut Known, Contradiction> {
        self.groups
            .get_mut(&group)
            .filter(|known| known.replica == replica)
            .ok_or(Contradiction::NotInstalled { group, replica })
    }

    /// No entry of the group in any segment will be asked for again.
    fn forget(&mut self, group: PartitionId) {
        for segment in &mut self.segments {
            segment.needs.remove(&group);
        }
    }

    /// Entries of the group at `index` and above are in the current segment now, or are no more.
    fn replaced_from(&mut self, group: PartitionId, index: LogIndex) {
        let below = LogIndex::new(index.get() - 1);
        for segment in &mut self.segments {
            if let Some(need) = segment.needs.get_mut(&group) {
                *need = below.min(*need);
            }
        }
    }
}
