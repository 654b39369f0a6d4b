//! What one commit writes.

use stator_model::TabletId;

use crate::Value;

/// One write of a batch: the whole key as fjall has it, and the value, `None` for a deletion.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) keyspace: u8,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Option<Value>,
}

impl Write {
    /// The tablet that the write belongs to.
    pub(crate) fn tablet(&self) -> TabletId {
        let prefix = self.key.first_chunk::<8>().map_or(0, |prefix| u64::from_be_bytes(*prefix));
        TabletId { keyspace: self.keyspace, prefix }
    }
}

/// Puts and deletions that become visible together, in the order in which they were added: of two
/// writes of one key the later counts.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    writes: Vec<Write>,
    bytes: usize,
}

impl Batch {
    /// Writes nothing.
    pub const fn new() -> Self {
        Self { writes: Vec::new(), bytes: 0 }
    }

    /// Sets `key` (without the tablet's prefix).
    pub fn put(&mut self, tablet: TabletId, key: &[u8], value: impl Into<Value>) {
        self.push(tablet, key, Some(value.into()));
    }

    /// Removes `key` (without the tablet's prefix); nothing happens if it is not there.
    pub fn delete(&mut self, tablet: TabletId, key: &[u8]) {
        self.push(tablet, key, None);
    }

    /// How many writes.
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Bytes of keys and values: roughly what the batch adds to memory and journal.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn writes(&self) -> &[Write] {
        &self.writes
    }

    pub(crate) fn into_writes(self) -> Vec<Write> {
        self.writes
    }

    fn push(&mut self, tablet: TabletId, key: &[u8], value: Option<Value>) {
        let key = full_key(tablet, key);
        self.bytes += key.len() + value.as_ref().map_or(0, |value| value.len());
        self.writes.push(Write { keyspace: tablet.keyspace, key, value });
    }
}

/// A key as fjall has it: the tablet's prefix, big endian, then the rest.
pub(crate) fn full_key(tablet: TabletId, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(8 + key.len());
    full.extend_from_slice(&tablet.prefix.to_be_bytes());
    full.extend_from_slice(key);
    full
}
