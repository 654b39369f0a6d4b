//! Fixed-width integers, little endian, in and out of byte slices.

use stator_model::{LogIndex, PartitionId, ReplicaId, TabletId, Term};

/// Reads fields one after the other; `None` once the bytes do not suffice.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    pub(crate) fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(field)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn group(&mut self) -> Option<PartitionId> {
        self.u64().map(PartitionId::new)
    }

    pub(crate) fn replica(&mut self) -> Option<ReplicaId> {
        self.u64().map(ReplicaId::new)
    }

    pub(crate) fn term(&mut self) -> Option<Term> {
        self.u64().map(Term::new)
    }

    pub(crate) fn index(&mut self) -> Option<LogIndex> {
        self.u64().map(LogIndex::new)
    }

    pub(crate) fn tablet(&mut self) -> Option<TabletId> {
        Some(TabletId { keyspace: self.u8()?, prefix: self.u64()? })
    }

    /// All that is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

/// Writes fields one after the other.
pub(crate) trait PutFields {
    fn put(&mut self, bytes: &[u8]);

    fn put_u64(&mut self, value: u64) {
        self.put(&value.to_le_bytes());
    }

    fn put_tablet(&mut self, tablet: TabletId) {
        self.put(&[tablet.keyspace]);
        self.put_u64(tablet.prefix);
    }
}

impl PutFields for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A length in memory as one on disk, and back. Both are 64 bits wide on every system this runs on.
pub(crate) fn disk_length(length: usize) -> u64 {
    u64::try_from(length).expect("a usize has at most 64 bits")
}

pub(crate) fn memory_length(length: u64) -> usize {
    usize::try_from(length).expect("a usize has 64 bits on every system this runs on")
}
