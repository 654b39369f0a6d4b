//! Local secondary indexes: other orders of the items that share a partition key.
//!
//! An entry of a local index lies beside its item, in the partition that holds it, and is written with it.
//! Its [`Location`] is that of the item with the index and the index's sort key in between:
//!
//! ```text
//! hash64 of the partition key │ partition key │ index id │ index sort key │ sort key
//! 8 bytes, big endian         │ terminated    │ 1 byte   │ terminated     │ terminated
//! ```
//!
//! Byte order is the index's order: by its sort key, and among equals by the table's. Partitions are ranges
//! of hashes and partition keys where there are local indexes, so that the same range holds items and
//! entries. The form is on disk: it never changes.

use bytes::Bytes;

use crate::{
    AttributeValue, Item, ItemView, KeyAttribute, KeySchema, KeyType, KeyValue, Location, limits,
    to_item, to_item_of,
};

/// Which of a table's local indexes; on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalIndexId(pub u8);

/// A local secondary index of a table. It is made with the table and never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalIndex {
    /// Its id, unique in the table.
    pub id: LocalIndexId,
    /// Its name, unique in the table.
    pub name: String,
    /// Its sort key; its partition key is the table's.
    pub sort: KeyAttribute,
    /// Which attributes its entries hold.
    pub projection: Projection,
}

/// Which attributes the entries of an index hold, besides the keys of table and index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Projection {
    /// All of the item.
    All,
    /// None.
    KeysOnly,
    /// These. Keys may be among them and make no difference.
    Include(Vec<String>),
}

/// An entry of a local index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The index's sort key.
    pub sort: KeyValue,
    /// The projected item.
    pub item: Item,
}

/// Why an item cannot be in an index and cannot be left out of it either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexKeyError {
    /// The index's sort key is of another type.
    #[error("index key is {actual}")]
    WrongType {
        /// The type on the wire.
        actual: &'static str,
    },
    /// It is the empty string or the empty binary.
    #[error("index key is empty")]
    Empty,
    /// It is longer than [`limits::SORT_KEY_BYTES`].
    #[error("index key is too long")]
    TooLong,
}

impl LocalIndex {
    /// The index's sort key as an item has it; `None` if it has none, so that it is not in the index.
    ///
    /// # Errors
    /// If the item has an attribute of this name that cannot be a key: such an item must not be written
    /// ("Local secondary indexes", developer guide).
    pub fn sort_key(
        &self,
        value: Option<&AttributeValue>,
    ) -> Result<Option<KeyValue>, IndexKeyError> {
        let Some(value) = value else { return Ok(None) };
        match KeyValue::from_attribute(value).filter(|key| key.key_type() == self.sort.key_type) {
            None => Err(IndexKeyError::WrongType { actual: value.type_name() }),
            Some(key) if key.is_empty() => Err(IndexKeyError::Empty),
            Some(key) if !key.fits(limits::SORT_KEY_BYTES) => Err(IndexKeyError::TooLong),
            Some(key) => Ok(Some(key)),
        }
    }

    /// The entry of an item that may be written; `None` if it is not in the index.
    pub fn entry(&self, table: &KeySchema, item: &dyn ItemView) -> Option<IndexEntry> {
        let item = match &self.projection {
            Projection::All => to_item(item),
            Projection::KeysOnly => to_item_of(item, &|name| self.is_key(table, name)),
            Projection::Include(others) => to_item_of(item, &|name| {
                self.is_key(table, name) || others.iter().any(|other| other == name)
            }),
        };
        let sort = self.sort_key(item.get(&self.sort.name)).ok().flatten()?;
        Some(IndexEntry { sort, item })
    }

    /// Whether an attribute is of the key of the table or of the index.
    fn is_key(&self, table: &KeySchema, name: &str) -> bool {
        name == self.sort.name || table.attributes().any(|attribute| attribute.name == name)
    }

    /// The keys with which this index is queried.
    pub fn key_schema(&self, table: &KeySchema) -> KeySchema {
        KeySchema { partition: table.partition.clone(), sort: Some(self.sort.clone()) }
    }
}

/// A location in a local index, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexLocation<'a> {
    /// The hash and the partition key.
    pub collection: &'a [u8],
    /// The index.
    pub index: LocalIndexId,
    /// The index's sort key and what follows it.
    pub sort: &'a [u8],
}

impl<'a> IndexLocation<'a> {
    /// Takes a location in a local index of a table with partition keys of this type apart; `None` if it is
    /// none.
    pub fn parse(location: &'a [u8], partition: KeyType) -> Option<Self> {
        let collection = collection(location, partition)?;
        let (index, sort) = location.get(collection.len()..)?.split_first()?;
        Some(Self { collection, index: LocalIndexId(*index), sort })
    }

    /// Where the entry's item lies, if the index's sort keys are of this type.
    pub fn item(&self, sort: KeyType) -> Option<Location> {
        let rest = self.sort.get(sort.ordered_len(self.sort)?..)?;
        Some(Location::from_bytes([self.collection, rest].concat().into()))
    }
}

/// What the locations of an item's collection begin with: the hash and the partition key. `None` if it is
/// not the location of an item with a partition key of this type.
pub fn collection(location: &[u8], partition: KeyType) -> Option<&[u8]> {
    let own = partition.ordered_len(location.get(8..)?)?;
    location.get(..8 + own)
}

/// Where the entry of an item lies in an index; `None` as for [`collection`].
pub fn entry_location(
    item: &Location,
    partition: KeyType,
    index: LocalIndexId,
    sort: &KeyValue,
) -> Option<Location> {
    let collection = collection(item.as_bytes(), partition)?;
    let mut bytes = Vec::with_capacity(item.as_bytes().len() + 32);
    bytes.extend_from_slice(collection);
    bytes.push(index.0);
    sort.encode_ordered(&mut bytes);
    bytes.extend_from_slice(item.as_bytes().get(collection.len()..)?);
    Some(Location::from_bytes(Bytes::from(bytes)))
}

#[cfg(test)]
mod tests;
