//! What a Raft entry carries: a [`WriteSet`], the blind effects of the commands evaluated together.
//!
//! Never the commands themselves: logic above Raft may differ between versions of the program, logic
//! below may not. The form is on disk and on the wire between nodes: a version byte, then protobuf.
//!
//! ```text
//! body of a log record: kind 1 byte │ data
//!   kind 0  the empty entry with which a leader begins its term
//!   kind 1  WriteSet: version 1 byte │ protobuf
//! ```

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use stator_model::{DescriptionVersion, Epoch, Timestamp};

const VERSION: u8 = 1;
const KIND_EMPTY: u8 = 0;
const KIND_WRITES: u8 = 1;

/// The effects of one entry on one tablet: puts and deletes by key, in order, and the absolute values
/// of the partition's counters once they are applied. Applying it twice is applying it once.
#[derive(Clone, PartialEq, Message)]
pub struct WriteSet {
    /// The epoch under which the commands were evaluated; apply turns a mismatch into nothing.
    #[prost(uint64, tag = "1")]
    epoch: u64,
    /// The description version under which they were evaluated; likewise.
    #[prost(uint64, tag = "2")]
    version: u64,
    /// The highest timestamp given to any of them.
    #[prost(fixed64, tag = "3")]
    highest: u64,
    /// Items in the partition afterwards.
    #[prost(uint64, tag = "4")]
    pub items: u64,
    /// Bytes of items in the partition afterwards, by the service's rule.
    #[prost(uint64, tag = "5")]
    pub bytes: u64,
    /// The effects, in order.
    #[prost(message, repeated, tag = "6")]
    pub effects: Vec<Effect>,
    /// What the partition holds of each local index afterwards; none is there of which it never held
    /// anything.
    #[prost(message, repeated, tag = "7")]
    pub local_indexes: Vec<IndexCount>,
}

/// What a partition holds of a local index.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct IndexCount {
    /// The index's id.
    #[prost(uint32, tag = "1")]
    pub index: u32,
    /// Entries.
    #[prost(uint64, tag = "2")]
    pub entries: u64,
    /// Their bytes, by the service's rule.
    #[prost(uint64, tag = "3")]
    pub bytes: u64,
}

/// One effect: what the key holds from then on.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Effect {
    /// The key within the tablet.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The value; `None` deletes.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub value: Option<Bytes>,
}

/// Bytes that are not an entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// No bytes at all where a kind must stand.
    #[error("entry body is empty")]
    Missing,
    /// Written by a later program.
    #[error("entry of unknown kind {kind} or version {version}")]
    Unknown {
        /// The kind byte.
        kind: u8,
        /// The version byte, 0 if there is none.
        version: u8,
    },
    /// The protobuf does not decode.
    #[error("entry does not decode")]
    Malformed(#[from] prost::DecodeError),
}

impl WriteSet {
    /// No effects yet, evaluated under these.
    pub fn new(epoch: Epoch, version: DescriptionVersion) -> Self {
        Self { epoch: epoch.get(), version: version.get(), ..Self::default() }
    }

    /// The epoch under which the commands were evaluated.
    pub fn epoch(&self) -> Epoch {
        Epoch::new(self.epoch)
    }

    /// The description version under which they were evaluated.
    pub fn version(&self) -> DescriptionVersion {
        DescriptionVersion::new(self.version)
    }

    /// The highest timestamp given to any of them.
    pub fn highest(&self) -> Timestamp {
        Timestamp::from_bits(self.highest)
    }

    /// Notes a timestamp given to one of them.
    pub fn raise(&mut self, timestamp: Timestamp) {
        self.highest = self.highest.max(timestamp.bits());
    }

    /// Adds an effect.
    pub fn push(&mut self, key: Bytes, value: Option<Bytes>) {
        self.effects.push(Effect { key, value });
    }

    /// The data of a Raft entry.
    pub fn encode_entry(&self) -> Bytes {
        let mut data = BytesMut::with_capacity(self.encoded_len() + 1);
        data.put_u8(VERSION);
        self.encode(&mut data).expect("BytesMut grows");
        data.freeze()
    }

    /// The write set in the data of a Raft entry.
    ///
    /// # Errors
    /// If the bytes are of a later version or do not decode.
    pub fn decode_entry(data: &Bytes) -> Result<Self, EntryError> {
        match data.first() {
            None => Err(EntryError::Missing),
            Some(&VERSION) => Ok(Self::decode(data.slice(1..))?),
            Some(&version) => Err(EntryError::Unknown { kind: KIND_WRITES, version }),
        }
    }
}

/// Whether the data of a Raft entry are of a kind and version that this program knows.
pub(crate) fn is_known(data: &Bytes) -> bool {
    data.first().is_none_or(|version| *version == VERSION)
}

/// The body of a log record for a Raft entry with this data; empty data is a term's first entry.
pub(crate) fn record_body(data: &Bytes) -> Bytes {
    let mut body = BytesMut::with_capacity(data.len() + 1);
    body.put_u8(if data.is_empty() { KIND_EMPTY } else { KIND_WRITES });
    body.extend_from_slice(data);
    body.freeze()
}

/// The data of the Raft entry in this body of a log record.
pub(crate) fn entry_data(body: &Bytes) -> Result<Bytes, EntryError> {
    match body.first() {
        None => Err(EntryError::Missing),
        Some(&KIND_EMPTY) => Ok(Bytes::new()),
        Some(&KIND_WRITES) => Ok(body.slice(1..)),
        Some(&kind) => {
            Err(EntryError::Unknown { kind, version: body.get(1).copied().unwrap_or(0) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> WriteSet {
        let mut set = WriteSet::new(Epoch::new(3), DescriptionVersion::new(2));
        set.raise(Timestamp::from_bits(0x0102_0304_0506_0708));
        set.items = 7;
        set.bytes = 900;
        set.push(Bytes::from_static(b"k1"), Some(Bytes::from_static(b"v")));
        set.push(Bytes::from_static(b"k2"), None);
        set
    }

    #[test]
    fn bytes_of_an_entry_never_change() {
        let golden = [
            1, 8, 3, 16, 2, 25, 8, 7, 6, 5, 4, 3, 2, 1, 32, 7, 40, 132, 7, 50, 7, 10, 2, b'k',
            b'1', 18, 1, b'v', 50, 4, 10, 2, b'k', b'2',
        ];
        assert_eq!(sample().encode_entry().as_ref(), golden);
        assert_eq!(WriteSet::decode_entry(&Bytes::copy_from_slice(&golden)).unwrap(), sample());
    }

    #[test]
    fn bytes_of_an_entry_with_local_indexes_never_change() {
        let mut set = WriteSet::new(Epoch::new(3), DescriptionVersion::new(2));
        set.local_indexes.push(IndexCount { index: 1, entries: 2, bytes: 300 });
        let golden = [1, 8, 3, 16, 2, 58, 7, 8, 1, 16, 2, 24, 172, 2];
        assert_eq!(set.encode_entry().as_ref(), golden);
        assert_eq!(WriteSet::decode_entry(&Bytes::copy_from_slice(&golden)).unwrap(), set);
    }

    #[test]
    fn an_empty_value_is_not_a_delete() {
        let mut set = WriteSet::new(Epoch::new(0), DescriptionVersion::new(0));
        set.push(Bytes::from_static(b"k"), Some(Bytes::new()));
        let back = WriteSet::decode_entry(&set.encode_entry()).unwrap();
        assert_eq!(back.effects[0].value, Some(Bytes::new()));
    }

    #[test]
    fn a_record_body_tells_the_first_entry_of_a_term_from_writes() {
        assert_eq!(entry_data(&record_body(&Bytes::new())).unwrap(), Bytes::new());
        let data = sample().encode_entry();
        assert_eq!(entry_data(&record_body(&data)).unwrap(), data);
    }

    #[test]
    fn later_versions_and_damage_are_refused() {
        assert!(matches!(
            WriteSet::decode_entry(&Bytes::from_static(&[9, 1])),
            Err(EntryError::Unknown { version: 9, .. })
        ));
        assert!(matches!(
            entry_data(&Bytes::from_static(&[7])),
            Err(EntryError::Unknown { kind: 7, .. })
        ));
        assert!(matches!(
            WriteSet::decode_entry(&Bytes::from_static(&[1, 0x32, 0x7f])),
            Err(EntryError::Malformed(_))
        ));
        assert!(matches!(entry_data(&Bytes::new()), Err(EntryError::Missing)));
    }
}
