//! What must hold, one file each. Some are decided at the end from what clients saw; the others watch
//! the node while it runs and across its deaths.

pub mod applied;
pub mod garbage;
pub mod local_indexes;
pub mod log_keeps;
pub mod log_size;
pub mod names;
pub mod prefixes;
pub mod progress;
pub mod ranges;
pub mod registers;
pub mod statistics;

use std::collections::HashMap;

use stator_log::{Checkpoint, Record, Recovered};
use stator_model::{LogIndex, PartitionId};
use stator_replica::Published;

use crate::violation::Verdict;

/// The checks that watch a node: they outlive its processes.
#[derive(Default)]
pub struct Watch {
    applied: applied::Watch,
    log: log_keeps::Watch,
    prefixes: prefixes::Watch,
    largest: u64,
}

impl Watch {
    /// A process has read its log.
    ///
    /// # Errors
    /// If the log forgot something.
    pub fn recovered(&mut self, recovered: &Recovered) -> Verdict {
        self.applied.restarted();
        self.prefixes.restarted(recovered)?;
        self.log.recovered(recovered)
    }

    /// The core hands records out.
    ///
    /// # Errors
    /// If they name a tablet that was named before.
    pub fn handed_to_log(&mut self, records: &[Record]) -> Verdict {
        self.prefixes.minted(records)
    }

    /// Records are about to be written as one batch.
    pub fn log_begins(&mut self, records: &[Record]) {
        let bytes = records.iter().map(|record| match record {
            Record::Entry { body, .. } => body.len() + 64,
            Record::Installed { state, .. } => state.len() + 64,
            Record::HardState { .. } | Record::Destroyed { .. } => 64,
        });
        let bytes = u64::try_from(bytes.sum::<usize>()).unwrap_or(u64::MAX);
        self.largest = self.largest.max(bytes);
        self.log.begins(records);
    }

    /// Bytes of the largest batch so far, about.
    pub fn largest(&self) -> u64 {
        self.largest
    }

    /// A checkpoint is about to be written.
    pub fn log_begins_checkpoint(&mut self, checkpoint: &Checkpoint) {
        let entries = checkpoint.groups.iter().flat_map(|group| &group.entries);
        let bytes: usize = entries.map(|entry| entry.body.len() + 64).sum();
        let bytes = bytes + checkpoint.groups.len() * 256 + checkpoint.destroyed.len() * 32;
        self.largest = self.largest.max(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.log.begins_checkpoint(checkpoint);
    }

    /// What was about to be written is synced.
    pub fn log_synced(&mut self) {
        self.log.synced();
    }

    /// Entries up to these indexes are about to be released.
    pub fn log_released(&mut self, durable: &HashMap<PartitionId, LogIndex>) {
        self.log.released(durable);
    }

    /// A picture is about to be shown.
    ///
    /// # Errors
    /// If its catalog has gaps.
    pub fn published(&mut self, picture: &Published) -> Verdict {
        ranges::hold(&picture.catalog)
    }

    /// The store holds a partition up to here.
    ///
    /// # Errors
    /// If it held more before.
    pub fn applied(&mut self, partition: PartitionId, index: LogIndex) -> Verdict {
        self.applied.advanced(partition, index)
    }

    /// The store has synced these.
    pub fn persisted(&mut self, durable: &HashMap<PartitionId, LogIndex>) {
        self.applied.persisted(durable);
    }

    /// The node is ready again.
    ///
    /// # Errors
    /// If it is not as far as it was.
    pub fn ready(&self, picture: &Published) -> Verdict {
        self.applied.ready(picture)
    }
}
