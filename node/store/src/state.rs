//! The state of a partition, which lies in its own tablet.
//!
//! Written in the batch of the effects that it counts, in the same keyspace, so that whatever prefix
//! of its writes a keyspace comes back with, `applied` says exactly which entries are in it.
//!
//! ```text
//! version (1 byte) │ protobuf message, version 1: see `v1`
//! ```

use bytes::Bytes;
use prost::Message;
use stator_model::{
    DescriptionVersion, Epoch, KeyRange, LocalIndexId, LogIndex, PartitionId, ReplicaId, TableId,
    Term, Timestamp,
};

use crate::record::{Malformed, Problem, Reader};

const RECORD: &str = "partition state";
const VERSION: u8 = 1;

/// The members of a Raft group, as its log has them at `applied`. The log's own copy is never used:
/// replaying a conf change that was applied already fails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfState {
    /// Who votes.
    pub voters: Vec<ReplicaId>,
    /// Who receives entries without voting.
    pub learners: Vec<ReplicaId>,
    /// In a joint configuration, who voted before; else empty.
    pub voters_outgoing: Vec<ReplicaId>,
    /// In a joint configuration, who becomes a learner when it is left; else empty.
    pub learners_next: Vec<ReplicaId>,
    /// Whether a joint configuration is left without being told.
    pub auto_leave: bool,
}

/// What a partition holds of a local index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexTotals {
    /// The index.
    pub index: LocalIndexId,
    /// How many entries.
    pub entries: u64,
    /// Their bytes, by the service's rule.
    pub bytes: u64,
}

/// What a replica has to know of its partition before it reads the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionState {
    /// The last entry whose effects are in the tablet.
    pub applied: LogIndex,
    /// That entry's term.
    pub applied_term: Term,
    /// The group's members after that entry.
    pub conf_state: ConfState,
    /// How often range or membership rule changed.
    pub epoch: Epoch,
    /// What the partition holds.
    pub range: KeyRange,
    /// Whose data it holds; `None` for the catalog.
    pub table: Option<TableId>,
    /// The version of the table's description that entries are applied under.
    pub description_version: DescriptionVersion,
    /// No write in the partition has a later timestamp.
    pub highest: Timestamp,
    /// The partition that this one was split from.
    pub parent: Option<PartitionId>,
    /// How many items the partition holds.
    pub items: u64,
    /// Their bytes, by the service's rule.
    pub bytes: u64,
    /// What it holds of each local index; none is there of which it never held anything.
    pub local_indexes: Vec<IndexTotals>,
}

impl PartitionState {
    /// The state of a partition that has applied nothing: these vote, the range is all there is.
    pub fn blank(voters: Vec<ReplicaId>) -> Self {
        Self {
            applied: LogIndex::default(),
            applied_term: Term::default(),
            conf_state: ConfState { voters, ..ConfState::default() },
            epoch: Epoch::default(),
            range: KeyRange::ALL,
            table: None,
            description_version: DescriptionVersion::default(),
            highest: Timestamp::ZERO,
            parent: None,
            items: 0,
            bytes: 0,
            local_indexes: Vec::new(),
        }
    }

    /// The stored form.
    pub fn encode(&self) -> Vec<u8> {
        let message = v1::PartitionState::from(self);
        let mut out = Vec::with_capacity(1 + message.encoded_len());
        out.push(VERSION);
        message.encode_raw(&mut out);
        out
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// If the bytes are not of a version that this program knows, or not a state.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(RECORD, bytes);
        match reader.byte()? {
            VERSION => {
                let malformed = reader.malformed_at(reader.offset(), Problem::Field);
                let message = v1::PartitionState::decode(reader.rest()).map_err(|_| malformed)?;
                Self::try_from(message).map_err(|v1::BadField| malformed)
            }
            version => Err(reader.malformed_at(0, Problem::Version(version))),
        }
    }
}

/// The first version. Field numbers are on disk and never change or come back.
mod v1 {
    use super::{
        Bytes, DescriptionVersion, Epoch, LocalIndexId, LogIndex, PartitionId, ReplicaId, TableId,
        Term, Timestamp,
    };

    /// A table's id that is not of 16 bytes, or an index's id that is none.
    pub(super) struct BadField;

    #[derive(Clone, Copy, PartialEq, prost::Message)]
    pub(super) struct IndexTotals {
        #[prost(uint32, tag = "1")]
        pub(super) index: u32,
        #[prost(uint64, tag = "2")]
        pub(super) entries: u64,
        #[prost(uint64, tag = "3")]
        pub(super) bytes: u64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct ConfState {
        #[prost(uint64, repeated, tag = "1")]
        pub(super) voters: Vec<u64>,
        #[prost(uint64, repeated, tag = "2")]
        pub(super) learners: Vec<u64>,
        #[prost(uint64, repeated, tag = "3")]
        pub(super) voters_outgoing: Vec<u64>,
        #[prost(uint64, repeated, tag = "4")]
        pub(super) learners_next: Vec<u64>,
        #[prost(bool, tag = "5")]
        pub(super) auto_leave: bool,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct PartitionState {
        #[prost(uint64, tag = "1")]
        pub(super) applied: u64,
        #[prost(uint64, tag = "2")]
        pub(super) applied_term: u64,
        #[prost(message, optional, tag = "3")]
        pub(super) conf_state: Option<ConfState>,
        #[prost(uint64, tag = "4")]
        pub(super) epoch: u64,
        #[prost(bytes = "bytes", tag = "5")]
        pub(super) range_start: Bytes,
        #[prost(bytes = "bytes", optional, tag = "6")]
        pub(super) range_end: Option<Bytes>,
        #[prost(bytes = "bytes", optional, tag = "7")]
        pub(super) table: Option<Bytes>,
        #[prost(uint64, tag = "8")]
        pub(super) description_version: u64,
        #[prost(fixed64, tag = "9")]
        pub(super) highest: u64,
        #[prost(uint64, optional, tag = "10")]
        pub(super) parent: Option<u64>,
        #[prost(uint64, tag = "11")]
        pub(super) items: u64,
        #[prost(uint64, tag = "12")]
        pub(super) bytes: u64,
        #[prost(message, repeated, tag = "13")]
        pub(super) local_indexes: Vec<IndexTotals>,
    }

    impl From<&super::IndexTotals> for IndexTotals {
        fn from(totals: &super::IndexTotals) -> Self {
            let index = totals.index.0.into();
            Self { index, entries: totals.entries, bytes: totals.bytes }
        }
    }

    impl TryFrom<IndexTotals> for super::IndexTotals {
        type Error = BadField;

        fn try_from(totals: IndexTotals) -> Result<Self, BadField> {
            let index = u8::try_from(totals.index).map_err(|_| BadField)?;
            let IndexTotals { entries, bytes, .. } = totals;
            Ok(Self { index: LocalIndexId(index), entries, bytes })
        }
    }

    fn raw(replicas: &[ReplicaId]) -> Vec<u64> {
        replicas.iter().map(|replica| replica.get()).collect()
    }

    fn replicas(raw: Vec<u64>) -> Vec<ReplicaId> {
        raw.into_iter().map(ReplicaId::new).collect()
    }

    impl From<&super::ConfState> for ConfState {
        fn from(conf: &super::ConfState) -> Self {
            Self {
                voters: raw(&conf.voters),
                learners: raw(&conf.learners),
                voters_outgoing: raw(&conf.voters_outgoing),
                learners_next: raw(&conf.learners_next),
                auto_leave: conf.auto_leave,
            }
        }
    }

    impl From<ConfState> for super::ConfState {
        fn from(conf: ConfState) -> Self {
            Self {
                voters: replicas(conf.voters),
                learners: replicas(conf.learners),
                voters_outgoing: replicas(conf.voters_outgoing),
                learners_next: replicas(conf.learners_next),
                auto_leave: conf.auto_leave,
            }
        }
    }

    impl From<&super::PartitionState> for PartitionState {
        fn from(state: &super::PartitionState) -> Self {
            Self {
                applied: state.applied.get(),
                applied_term: state.applied_term.get(),
                conf_state: Some(ConfState::from(&state.conf_state)),
                epoch: state.epoch.get(),
                range_start: state.range.start.clone(),
                range_end: state.range.end.clone(),
                table: state.table.map(|table| Bytes::copy_from_slice(table.as_bytes())),
                description_version: state.description_version.get(),
                highest: state.highest.bits(),
                parent: state.parent.map(PartitionId::get),
                items: state.items,
                bytes: state.bytes,
                local_indexes: state.local_indexes.iter().map(IndexTotals::from).collect(),
            }
        }
    }

    impl TryFrom<PartitionState> for super::PartitionState {
        type Error = BadField;

        fn try_from(state: PartitionState) -> Result<Self, BadField> {
            let table = state.table.map(|id| <[u8; 16]>::try_from(id.as_ref())).transpose();
            let indexes = state.local_indexes.into_iter().map(super::IndexTotals::try_from);
            Ok(Self {
                applied: LogIndex::new(state.applied),
                applied_term: Term::new(state.applied_term),
                conf_state: state.conf_state.map(super::ConfState::from).unwrap_or_default(),
                epoch: Epoch::new(state.epoch),
                range: super::KeyRange { start: state.range_start, end: state.range_end },
                table: table.map_err(|_| BadField)?.map(TableId::from_bytes),
                description_version: DescriptionVersion::new(state.description_version),
                highest: Timestamp::from_bits(state.highest),
                parent: state.parent.map(PartitionId::new),
                items: state.items,
                bytes: state.bytes,
                local_indexes: indexes.collect::<Result<_, BadField>>()?,
            })
        }
    }
}

#[cfg(test)]
mod tests;
