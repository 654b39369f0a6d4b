//! Tables as the catalog describes them.

use crate::{
    AttributeMap, DescriptionVersion, HashSecret, KeyValue, LocalIndex, Location, PrimaryKey,
    TableHistory, TableId, TableSettings, UnixMillis, limits,
};

/// The type of a key attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// String, ordered by UTF-8 bytes.
    S,
    /// Number, ordered by value.
    N,
    /// Binary, ordered by unsigned bytes.
    B,
}

impl KeyType {
    /// The type's name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
        }
    }
}

/// A key attribute: its name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAttribute {
    /// The attribute's name, 1 to 255 bytes.
    pub name: String,
    /// The attribute's type.
    pub key_type: KeyType,
}

/// The primary key of a table: HASH, and RANGE where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySchema {
    /// The partition key (HASH on the wire).
    pub partition: KeyAttribute,
    /// The sort key (RANGE on the wire).
    pub sort: Option<KeyAttribute>,
}

impl KeySchema {
    /// The key attributes, partition key first.
    pub fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.partition).chain(self.sort.as_ref())
    }

    /// The key attributes of an item, alone.
    pub fn key_attributes(&self, item: &AttributeMap) -> AttributeMap {
        let mut key = AttributeMap::new();
        for attribute in self.attributes() {
            if let Some(value) = item.get(&attribute.name) {
                key.insert(attribute.name.clone(), value.clone());
            }
        }
        key
    }

    /// The key attributes of the item that lies here; `None` if no item of such a table can.
    pub fn key_at(&self, location: &Location) -> Option<AttributeMap> {
        let mut rest = location.as_bytes().get(8..)?;
        let mut key = AttributeMap::new();
        for attribute in self.attributes() {
            let (value, behind) = attribute.key_type.decode_ordered(rest)?;
            key.insert(attribute.name.clone(), value.into_attribute());
            rest = behind;
        }
        rest.is_empty().then_some(key)
    }

    /// The primary key of an item that may have other attributes too.
    ///
    /// # Errors
    /// If a key attribute is missing, of the wrong type, empty or too long; the partition key is
    /// checked first.
    pub fn item_key(&self, item: &AttributeMap) -> Result<PrimaryKey, KeyError> {
        let partition = self.partition.value_in(item)?;
        if !partition.fits(limits::PARTITION_KEY_BYTES) {
            return Err(KeyError::PartitionTooLong);
        }
        let sort = self.sort.as_ref().map(|sort| sort.value_in(item)).transpose()?;
        if sort.as_ref().is_some_and(|sort| !sort.fits(limits::SORT_KEY_BYTES)) {
            return Err(KeyError::SortTooLong);
        }
        Ok(PrimaryKey { partition, sort })
    }

    /// The primary key that is all there is in `key`: the `Key` parameter of a request.
    ///
    /// # Errors
    /// As [`item_key`](Self::item_key), and if there are other attributes.
    pub fn exact_key(&self, key: &AttributeMap) -> Result<PrimaryKey, KeyError> {
        let known =
            self.attributes().filter(|attribute| key.get(&attribute.name).is_some()).count();
        if known < key.len() {
            return Err(KeyError::NotInTheKey);
        }
        self.item_key(key)
    }
}

impl KeyAttribute {
    fn value_in(&self, item: &AttributeMap) -> Result<KeyValue, KeyError> {
        let name = || self.name.clone();
        let value = item.get(&self.name).ok_or_else(|| KeyError::Missing { name: name() })?;
        let expected = self.key_type;
        match KeyValue::from_attribute(value).filter(|key| key.key_type() == expected) {
            None => Err(KeyError::WrongType { name: name(), expected, actual: value.type_name() }),
            Some(key) if key.is_empty() => {
                Err(KeyError::Empty { name: name(), key_type: expected })
            }
            Some(key) => Ok(key),
        }
    }
}

/// Why attributes do not make a primary key of a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A key attribute is not there.
    #[error("key attribute {name:?} is missing")]
    Missing {
        /// The attribute.
        name: String,
    },
    /// A key attribute has another type than the table says.
    #[error("key attribute {name:?} is {actual}, not {}", expected.name())]
    WrongType {
        /// The attribute.
        name: String,
        /// The table's type.
        expected: KeyType,
        /// The value's type, as on the wire.
        actual: &'static str,
    },
    /// A key attribute is the empty string or the empty binary.
    #[error("key attribute {name:?} is empty")]
    Empty {
        /// The attribute.
        name: String,
        /// S or B.
        key_type: KeyType,
    },
    /// The partition key is longer than [`limits::PARTITION_KEY_BYTES`].
    #[error("the partition key is too long")]
    PartitionTooLong,
    /// The sort key is longer than [`limits::SORT_KEY_BYTES`].
    #[error("the sort key is too long")]
    SortTooLong,
    /// There are attributes beside those of the key.
    #[error("there are attributes that are not of the key")]
    NotInTheKey,
}

/// Where a table is in its life.
///
/// ```text
/// CREATING ──every partition has a leader──► ACTIVE ──DeleteTable──► DELETING ──every replica gone──► (no table)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableStatus {
    /// Its partitions are being made.
    Creating,
    /// Serving.
    Active,
    /// Its partitions are being destroyed.
    Deleting,
}

impl TableStatus {
    /// `TableStatus` on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Deleting => "DELETING",
        }
    }
}

/// How a table is paid for. Stored and returned; nothing enforces it yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billing {
    /// `PROVISIONED` with these units a second.
    Provisioned {
        /// ReadCapacityUnits.
        read: u64,
        /// WriteCapacityUnits.
        write: u64,
    },
    /// `PAY_PER_REQUEST`.
    PayPerRequest,
}

/// A table as it stands: what a request is validated against. Immutable; a change is a new version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDescription {
    /// This life of the table.
    pub id: TableId,
    /// Its name, 3 to 255 characters of `[a-zA-Z0-9_.-]`.
    pub name: String,
    /// Raised by every change on which the evaluation of a command depends. A change of status alone
    /// keeps it, so that commands validated before are still of the version that partitions run under.
    pub version: DescriptionVersion,
    /// Where the table is in its life.
    pub status: TableStatus,
    /// When it was created.
    pub created: UnixMillis,
    /// Its primary key.
    pub key_schema: KeySchema,
    /// Its local secondary indexes, in the order in which they were given.
    pub local_indexes: Vec<LocalIndex>,
    /// How it is paid for.
    pub billing: Billing,
    /// Whether DeleteTable is refused.
    pub deletion_protection: bool,
    /// What else its clients set.
    pub settings: TableSettings,
    /// When which of these was changed.
    pub history: TableHistory,
    /// The secret that spreads partition keys over partitions.
    pub hash_secret: HashSecret,
}

#[cfg(test)]
mod tests;
