//! **The applied index never goes back.** Not within a process; and once a restarted node is ready, every
//! replica has applied all that any process before had applied: what was applied was committed, hence
//! in the log, synced. Within the store alone it may fall back, but never behind a sync of the store.
//!
//! Reference: docs/ARCHITECTURE.md, "What must stay true", "Durability".

use std::collections::{BTreeMap, HashMap};

use stator_model::{LogIndex, PartitionId};
use stator_replica::Published;

use crate::violation::{Verdict, ensure};

const NAME: &str = "applied";

/// How far partitions are.
#[derive(Default)]
pub struct Watch {
    /// In this process.
    now: BTreeMap<PartitionId, LogIndex>,
    /// In any process.
    ever: BTreeMap<PartitionId, LogIndex>,
    durable: BTreeMap<PartitionId, LogIndex>,
}

impl Watch {
    /// Another process begins; it may have to apply again what the store had not synced.
    pub fn restarted(&mut self) {
        self.now.clear();
    }

    /// The store holds `partition` up to `index`.
    ///
    /// # Errors
    /// If it held more before.
    pub fn advanced(&mut self, partition: PartitionId, index: LogIndex) -> Verdict {
        let before = self.now.insert(partition, index).unwrap_or_default();
        ensure(before <= index, NAME, || format!("{partition} went from {before} to {index}"))?;
        let durable = self.durable.get(&partition).copied().unwrap_or_default();
        ensure(durable <= index, NAME, || {
            format!("{partition} is at {index}, and the store had synced it up to {durable}")
        })?;
        let ever = self.ever.entry(partition).or_default();
        *ever = index.max(*ever);
        Ok(())
    }

    /// The store has synced these.
    pub fn persisted(&mut self, durable: &HashMap<PartitionId, LogIndex>) {
        self.durable.extend(durable);
    }

    /// The node is ready.
    ///
    /// # Errors
    /// If a replica is behind what was applied once.
    pub fn ready(&self, picture: &Published) -> Verdict {
        for (partition, ever) in &self.ever {
            let Some(handle) = picture.replicas.get(partition) else { continue };
            let applied = handle.applied();
            ensure(applied >= *ever, NAME, || {
                format!("{partition} is ready at {applied} and was at {ever} once")
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_back_is_found_within_a_process_only() {
        let (partition, mut watch) = (PartitionId::new(1), Watch::default());
        assert_eq!(watch.advanced(partition, LogIndex::new(5)), Ok(()));
        assert!(watch.advanced(partition, LogIndex::new(4)).is_err());
        watch.restarted();
        assert_eq!(watch.advanced(partition, LogIndex::new(4)), Ok(()));
        watch.restarted();
        watch.persisted(&HashMap::from([(partition, LogIndex::new(4))]));
        assert!(watch.advanced(partition, LogIndex::new(3)).is_err());
    }
}
