//! The records inside a batch, and their bytes.
//!
//! ```text
//!  kind 1 B │ version 1 B │ payload length 4 B │ payload
//!
//!  1 Entry      v1  group 8 │ replica 8 │ term 8 │ index 8 │ body
//!  2 HardState  v1  group 8 │ replica 8 │ hard state 25
//!  3 Installed  v1  group 8 │ replica 8 │ tablet 9 │ index 8 │ term 8 │ state
//!  4 Destroyed  v1  group 8 │ replica 8
//!  5 Segment    v1  length of the segment file 8                       (checkpoints only, first)
//!  6 Group      v1  group 8 │ replica 8 │ hard state 25 │ tablet 9 │ installed index 8 │ term 8 │
//!                   durable applied 8 │ state                          (checkpoints only)
//!
//!  hard state = term 8 │ voted 1 (0 or 1) │ vote 8 │ commit 8        tablet = keyspace 1 │ prefix 8
//! ```
//!
//! Integers are little endian.

use bytes::Bytes;
use stator_model::{LogIndex, PartitionId, ReplicaId, TabletId, Term};

use crate::codec::{Fields, PutFields, disk_length, memory_length};
use crate::error::Error;

const ENTRY: u8 = 1;
const HARD_STATE: u8 = 2;
const INSTALLED: u8 = 3;
const DESTROYED: u8 = 4;
const SEGMENT: u8 = 5;
const GROUP: u8 = 6;
/// The version of every record kind so far.
pub(crate) const VERSION: u8 = 1;

/// What one replica has to say to its own future.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// An entry of the replica's Raft log. It replaces every entry at its index or above.
    Entry {
        /// The Raft group.
        group: PartitionId,
        /// This node's replica in it.
        replica: ReplicaId,
        /// The entry's term.
        term: Term,
        /// The entry's index: at most one above the replica's last.
        index: LogIndex,
        /// What the entry carries.
        body: Bytes,
    },
    /// What the replica promised: Raft's hard state.
    HardState {
        /// The Raft group.
        group: PartitionId,
        /// This node's replica in it.
        replica: ReplicaId,
        /// The latest term it has seen.
        term: Term,
        /// Whom it voted for in that term.
        vote: Option<ReplicaId>,
        /// The highest index it knows to be committed.
        commit: LogIndex,
    },
    /// The replica begins, or begins again from a snapshot: what the group's log said before is
    /// forgotten. This record alone says which tablet is the group's.
    Installed {
        /// The Raft group.
        group: PartitionId,
        /// This node's replica in it.
        replica: ReplicaId,
        /// Where its data lies.
        tablet: TabletId,
        /// The last index that the tablet contains.
        index: LogIndex,
        /// The term of that index.
        term: Term,
        /// The encoded partition state at that index, in case the tablet's copy is lost.
        state: Bytes,
    },
    /// The replica is gone and never comes back: a tombstone.
    Destroyed {
        /// The Raft group.
        group: PartitionId,
        /// The replica that was this node's.
        replica: ReplicaId,
    },
}

/// What a Raft replica must never forget.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HardState {
    /// The latest term it has seen.
    pub term: Term,
    /// Whom it voted for in that term.
    pub vote: Option<ReplicaId>,
    /// The highest index it knows to be committed.
    pub commit: LogIndex,
}

/// An entry of one group's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its term.
    pub term: Term,
    /// Its index.
    pub index: LogIndex,
    /// What it carries.
    pub body: Bytes,
}

/// A group in a checkpoint, without its entries, which follow as records of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupHead {
    pub(crate) group: PartitionId,
    pub(crate) replica: ReplicaId,
    pub(crate) hard_state: HardState,
    pub(crate) tablet: TabletId,
    pub(crate) installed: (LogIndex, Term),
    pub(crate) durable_applied: LogIndex,
    pub(crate) state: Bytes,
}

/// A record as it stands in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Record(Record),
    Segment { length: u64 },
    Group(GroupHead),
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// A known kind in a version that this program does not know, or an unknown kind.
    Newer { version: u8 },
    /// Anything else.
    Malformed,
}

/// Appends one record's bytes. Borrowed parts are copied once, here.
pub(crate) fn encode(record: &Record, out: &mut Vec<u8>) -> Result<(), Error> {
    match record {
        Record::Entry { group, replica, term, index, body } => {
            encode_entry(*group, *replica, (*term, *index), body, out)
        }
        Record::HardState { group, replica, term, vote, commit } => {
            let state = HardState { term: *term, vote: *vote, commit: *commit };
            framed(HARD_STATE, out, |out| {
                put_ids(*group, *replica, out);
                put_hard_state(&state, out);
            })
        }
        Record::Installed { group, replica, tablet, index, term, state } => {
            framed(INSTALLED, out, |out| {
                put_ids(*group, *replica, out);
                out.put_tablet(*tablet);
                out.put_u64(index.get());
                out.put_u64(term.get());
                out.put(state);
            })
        }
        Record::Destroyed { group, replica } => encode_destroyed(*group, *replica, out),
    }
}

pub(crate) fn encode_entry(
    group: PartitionId,
    replica: ReplicaId,
    (term, index): (Term, LogIndex),
    body: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    framed(ENTRY, out, |out| {
        put_ids(group, replica, out);
        out.put_u64(term.get());
        out.put_u64(index.get());
        out.put(body);
    })
}

pub(crate) fn encode_destroyed(
    group: PartitionId,
    replica: ReplicaId,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    framed(DESTROYED, out, |out| put_ids(group, replica, out))
}

pub(crate) fn encode_segment(length: u64, out: &mut Vec<u8>) -> Result<(), Error> {
    framed(SEGMENT, out, |out| out.put_u64(length))
}

pub(crate) fn encode_group(head: &GroupHead, out: &mut Vec<u8>) -> Result<(), Error> {
    framed(GROUP, out, |out| {
        put_ids(head.group, head.replica, out);
        put_hard_state(&head.hard_state, out);
        out.put_tablet(head.tablet);
        out.put_u64(head.installed.0.get());
        out.put_u64(head.installed.1.get());
        out.put_u64(head.durable_applied.get());
        out.put(&head.state);
    })
}

fn framed(kind: u8, out: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) -> Result<(), Error> {
    out.put(&[kind, VERSION, 0, 0, 0, 0]);
    let begin = out.len();
    payload(out);
    let bytes = disk_length(out.len() - begin);
    let length = u32::try_from(bytes).map_err(|_| Error::TooLarge { bytes })?;
    let field = out.get_mut(begin - 4..begin).expect("the frame was written above");
    field.copy_from_slice(&length.to_le_bytes());
    Ok(())
}

fn put_ids(group: PartitionId, replica: ReplicaId, out: &mut Vec<u8>) {
    out.put_u64(group.get());
    out.put_u64(replica.get());
}

fn put_hard_state(state: &HardState, out: &mut Vec<u8>) {
    out.put_u64(state.term.get());
    out.put(&[u8::from(state.vote.is_some())]);
    out.put_u64(state.vote.map_or(0, ReplicaId::get));
    out.put_u64(state.commit.get());
}

/// Takes the next record off the fields.
pub(crate) fn decode(fields: &mut Fields<'_>) -> Result<Stored, Unreadable> {
    let malformed = Unreadable::Malformed;
    let kind = fields.u8().ok_or(malformed)?;
    let version = fields.u8().ok_or(malformed)?;
    let length = fields.u32().ok_or(malformed)?;
    let payload = fields.slice(memory_length(u64::from(length))).ok_or(malformed)?;
    if version > VERSION || kind > GROUP {
        return Err(Unreadable::Newer { version });
    }
    if version != VERSION {
        return Err(malformed);
    }
    decode_payload(kind, Fields::new(payload)).ok_or(malformed)
}

fn decode_payload(kind: u8, mut fields: Fields<'_>) -> Option<Stored> {
    if kind == SEGMENT {
        let length = fields.u64()?;
        return fields.is_empty().then_some(Stored::Segment { length });
    }
    let (group, replica) = (fields.group()?, fields.replica()?);
    let record = match kind {
        ENTRY => {
            let (term, index) = (fields.term()?, fields.index()?);
            Record::Entry { group, replica, term, index, body: owned(fields) }
        }
        HARD_STATE => {
            let HardState { term, vote, commit } = hard_state(&mut fields)?;
            fields.is_empty().then_some(())?;
            Record::HardState { group, replica, term, vote, commit }
        }
        INSTALLED => {
            let tablet = fields.tablet()?;
            let (index, term) = (fields.index()?, fields.term()?);
            Record::Installed { group, replica, tablet, index, term, state: owned(fields) }
        }
        DESTROYED => {
            fields.is_empty().then_some(())?;
            Record::Destroyed { group, replica }
        }
        GROUP => return decode_group(group, replica, fields),
        _ => return None,
    };
    Some(Stored::Record(record))
}

fn decode_group(group: PartitionId, replica: ReplicaId, mut fields: Fields<'_>) -> Option<Stored> {
    let hard_state = hard_state(&mut fields)?;
    let tablet = fields.tablet()?;
    let installed = (fields.index()?, fields.term()?);
    let durable_applied = fields.index()?;
    let state = owned(fields);
    Some(Stored::Group(GroupHead {
        group,
        replica,
        hard_state,
        tablet,
        installed,
        durable_applied,
        state,
    }))
}

fn hard_state(fields: &mut Fields<'_>) -> Option<HardState> {
    let term = fields.term()?;
    let voted = fields.u8()?;
    let vote = fields.replica()?;
    let commit = fields.index()?;
    let vote = match voted {
        0 => None,
        1 => Some(vote),
        _ => return None,
    };
    Some(HardState { term, vote, commit })
}

/// A copy: a slice of the batch would keep all of it in memory.
fn owned(fields: Fields<'_>) -> Bytes {
    Bytes::copy_from_slice(fields.rest())
}

#[cfg(test)]
mod tests;
