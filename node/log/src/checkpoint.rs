//! The checkpoint that every segment begins with: all that must be known of every group, so that the
//! segments before it are needed for entries only.

use bytes::Bytes;
use stator_model::{LogIndex, PartitionId, ReplicaId, TabletId, Term};

use crate::error::Error;
use crate::record::{self, GroupHead, HardState, LogEntry};

/// What replaces all that the log said before. A group that is not in it is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Every replica on this node.
    pub groups: Vec<GroupCheckpoint>,
    /// The tombstones: replicas that were this node's and never are again.
    pub destroyed: Vec<(PartitionId, ReplicaId)>,
}

/// What must be known of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupCheckpoint {
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
    /// The highest index whose effects the store has synced.
    pub durable_applied: LogIndex,
    /// All entries not yet applied, contiguous. Those between `durable_applied` and the first of them
    /// are in earlier segments, which are kept until the store has synced them.
    pub entries: Vec<LogEntry>,
}

/// Appends the checkpoint as records. Returns how many.
pub(crate) fn encode(checkpoint: &Checkpoint, out: &mut Vec<u8>) -> Result<usize, Error> {
    let mut count = 0;
    for group in &checkpoint.groups {
        let head = GroupHead {
            group: group.group,
            replica: group.replica,
            hard_state: group.hard_state.clone(),
            tablet: group.tablet,
            installed: group.installed,
            durable_applied: group.durable_applied,
            state: group.state.clone(),
        };
        record::encode_group(&head, out)?;
        for entry in &group.entries {
            let at = (entry.term, entry.index);
            record::encode_entry(group.group, group.replica, at, &entry.body, out)?;
        }
        count += 1 + group.entries.len();
    }
    for (group, replica) in &checkpoint.destroyed {
        record::encode_destroyed(*group, *replica, out)?;
    }
    Ok(count + checkpoint.destroyed.len())
}
