//! The keys of a tablet.
//!
//! Behind the 8 bytes of the tablet's prefix (start number and counter, big endian; see
//! [`TabletId`](stator_model::TabletId)) each key is one byte of kind and what follows it:
//!
//! ```text
//! 0 state              │ partition id
//! 1 item               │ hash64 │ partition key │ sort key
//! 2 counter            │ partition id │ name
//! 3 local index entry  │ hash64 │ partition key │ index id │ index sort key │ sort key
//! 4 collection size    │ hash64 │ partition key
//! 5 change record      │ shard id │ log index │ place in the entry                       (reserved)
//! 6 TTL entry          │ expiry │ hash64 │ partition key │ sort key                      (reserved)
//! 7 cursor             │ partition id │ name                                             (reserved)
//! 8 job state          │ partition id │ name                                             (reserved)
//! 9 catalog record     │ the catalog's own key
//! ```
//!
//! Ids are 8 bytes, big endian. `hash64 │ partition key │ sort key` is a
//! [`Location`], whose parts end themselves; a name is the last part of its key and needs no end.
//! Hence byte order is logical order within a kind, and a partition, being a range of locations, is
//! one range of items. State comes first: the first keys of a tablet say what it is.
//!
//! Keys are on disk: kinds and layouts never change, and a reserved kind means nothing else.

use bytes::Bytes;
use stator_model::{Location, PartitionId};

use crate::record::{Malformed, Problem, Reader};

const RECORD: &str = "key";

/// What a key is the key of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum KeyKind {
    /// A partition's state.
    State = 0,
    /// An item.
    Item = 1,
    /// A counter of a partition.
    Counter = 2,
    /// An entry of a local index.
    LocalIndexEntry = 3,
    /// The size of an item collection, where there are local indexes.
    CollectionSize = 4,
    /// Reserved: a record of the change log.
    ChangeRecord = 5,
    /// Reserved: an item's place in the order of expiry.
    TtlEntry = 6,
    /// Reserved: how far a consumer of the change log is.
    Cursor = 7,
    /// Reserved: the state of a job.
    JobState = 8,
    /// A record of the catalog, in the catalog's tablet.
    CatalogRecord = 9,
}

/// A key, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The state of a partition.
    State(PartitionId),
    /// The item that lies here.
    Item(Location),
    /// A counter of a partition.
    Counter(PartitionId, Bytes),
    /// The entry of a local index that lies here.
    LocalIndexEntry(Location),
    /// The size of the item collection whose locations begin with this.
    CollectionSize(Bytes),
    /// The record of the catalog with this key of the catalog's own.
    CatalogRecord(Bytes),
}

impl Key {
    /// Takes a key (without the tablet's prefix) apart.
    ///
    /// # Errors
    /// If no key has this form. The parts of a location are not looked into.
    pub fn parse(key: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(RECORD, key);
        match reader.byte()? {
            kind if kind == KeyKind::State as u8 => {
                let partition = partition_id(&mut reader)?;
                reader.finish()?;
                Ok(Self::State(partition))
            }
            kind if kind == KeyKind::Item as u8 => {
                Ok(Self::Item(Location::from_bytes(Bytes::copy_from_slice(reader.rest()))))
            }
            kind if kind == KeyKind::Counter as u8 => {
                let partition = partition_id(&mut reader)?;
                Ok(Self::Counter(partition, Bytes::copy_from_slice(reader.rest())))
            }
            kind if kind == KeyKind::LocalIndexEntry as u8 => Ok(Self::LocalIndexEntry(
                Location::from_bytes(Bytes::copy_from_slice(reader.rest())),
            )),
            kind if kind == KeyKind::CollectionSize as u8 => {
                Ok(Self::CollectionSize(Bytes::copy_from_slice(reader.rest())))
            }
            kind if kind == KeyKind::CatalogRecord as u8 => {
                Ok(Self::CatalogRecord(Bytes::copy_from_slice(reader.rest())))
            }
            kind => Err(reader.malformed_at(0, Problem::Tag(kind))),
        }
    }
}

fn partition_id(reader: &mut Reader<'_>) -> Result<PartitionId, Malformed> {
    reader.array().map(|raw| PartitionId::new(u64::from_be_bytes(raw)))
}

/// The key of a partition's state.
pub fn state_key(partition: PartitionId) -> [u8; 9] {
    let [a, b, c, d, e, f, g, h] = partition.get().to_be_bytes();
    [KeyKind::State as u8, a, b, c, d, e, f, g, h]
}

/// The key of the item at `location`.
pub fn item_key(location: &Location) -> Vec<u8> {
    item_bound(location.as_bytes())
}

/// The key at which the items from `location` on begin, where `location` may be the bound of a
/// [`KeyRange`](stator_model::KeyRange): any bytes that order among locations.
pub fn item_bound(location: &[u8]) -> Vec<u8> {
    behind(KeyKind::Item, location)
}

/// The key behind every item: the end of a partition without an end.
pub const fn items_end() -> [u8; 1] {
    [KeyKind::Item as u8 + 1]
}

/// The key of the entry of a local index at `location`, or the key at which the entries from there on begin:
/// as [`item_key`] and [`item_bound`].
pub fn entry_bound(location: &[u8]) -> Vec<u8> {
    behind(KeyKind::LocalIndexEntry, location)
}

/// The key behind every entry of a local index.
pub const fn entries_end() -> [u8; 1] {
    [KeyKind::LocalIndexEntry as u8 + 1]
}

/// Where the entry with this key lies, if it is one of a local index.
pub fn entry_location(key: &[u8]) -> Option<&[u8]> {
    key.strip_prefix(&[KeyKind::LocalIndexEntry as u8])
}

/// The key of the size of the item collection whose locations begin with this.
pub fn collection_key(collection: &[u8]) -> Vec<u8> {
    behind(KeyKind::CollectionSize, collection)
}

fn behind(kind: KeyKind, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + rest.len());
    key.push(kind as u8);
    key.extend_from_slice(rest);
    key
}

/// The key of a partition's counter of this name.
pub fn counter_key(partition: PartitionId, name: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(9 + name.len());
    key.push(KeyKind::Counter as u8);
    key.extend_from_slice(&partition.get().to_be_bytes());
    key.extend_from_slice(name);
    key
}

/// The key of the catalog's record with this key of the catalog's own.
pub fn catalog_key(record: &[u8]) -> Vec<u8> {
    behind(KeyKind::CatalogRecord, record)
}

/// The catalog's own key in `key`, if it is that of a catalog record.
pub fn catalog_record(key: &[u8]) -> Option<&[u8]> {
    key.strip_prefix(&[KeyKind::CatalogRecord as u8])
}

/// The keys of all catalog records: from the first to the second, which is outside.
pub const fn catalog_range() -> ([u8; 1], [u8; 1]) {
    ([KeyKind::CatalogRecord as u8], [KeyKind::CatalogRecord as u8 + 1])
}

#[cfg(test)]
mod tests;
