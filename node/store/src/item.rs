//! Items as they are stored.
//!
//! ```text
//! version 1 │ timestamp │ origin  │ flags  │ attributes
//! 1 byte    │ 8 bytes   │ 2 bytes │ 1 byte │ count, then name and value of each, ordered by name
//! ```
//!
//! Integers are big endian. The attributes are in the form of [`stator_model::binary`].
//!
//! An item has one encoding only. A [`StoredItem`] is checked from end to end when it is made, which
//! also finds its size; from then on it shows itself to a visitor without being decoded.

use std::fmt;

use stator_model::binary::{self, Nobody};
use stator_model::{Item, ItemSize, ItemView, Timestamp, ValueVisitor};

use crate::Value;
use crate::record::{Malformed, Problem, Reader};

#[cfg(test)]
mod tests;

const RECORD: &str = "item";
const VERSION: u8 = 1;

/// Bytes before the attributes.
pub const HEADER_BYTES: usize = 12;

/// The region where a write was made first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionId(pub u16);

/// Properties of a stored item. No bit has a meaning yet; bits that are set are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ItemFlags(pub u8);

/// What every stored item begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemHeader {
    /// When the item was written last.
    pub timestamp: Timestamp,
    /// Where it was written last.
    pub origin: RegionId,
    /// Its properties.
    pub flags: ItemFlags,
}

/// The stored form of an item.
///
/// # Panics
/// If the item is nested twice as deep as the service allows: it could not be read again.
pub fn encode(item: &Item, header: ItemHeader) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES + item.size().0 as usize + 4 * item.len() + 8);
    out.push(VERSION);
    out.extend_from_slice(&header.timestamp.bits().to_be_bytes());
    out.extend_from_slice(&header.origin.0.to_be_bytes());
    out.push(header.flags.0);
    binary::put_attributes(item, &mut out);
    out
}

/// An item in its stored form, known to be well-formed.
#[derive(Clone)]
pub struct StoredItem {
    header: ItemHeader,
    size: ItemSize,
    value: Value,
}

impl StoredItem {
    /// Checks a stored item from end to end. Takes time in proportion to its length and no memory
    /// but the stack's.
    ///
    /// # Errors
    /// If the bytes are not an item, with the first byte that does not fit. Elements that stand
    /// twice in a set are not looked for.
    pub fn parse(value: Value) -> Result<Self, Malformed> {
        let mut reader = Reader::new(RECORD, &value);
        let header = read_header(&mut reader)?;
        let size = binary::walk_attributes(&mut reader, &mut Nobody)?;
        reader.finish()?;
        Ok(Self { header, size, value })
    }

    /// When and where it was written.
    pub const fn header(&self) -> ItemHeader {
        self.header
    }

    /// The decoded item.
    pub fn to_item(&self) -> Item {
        stator_model::to_item(self)
    }

    /// The stored bytes.
    pub fn value(&self) -> &Value {
        &self.value
    }

    fn attributes(&self) -> &[u8] {
        self.value.get(HEADER_BYTES..).unwrap_or_default()
    }
}

impl ItemView for StoredItem {
    fn size(&self) -> ItemSize {
        self.size
    }

    fn visit(&self, visitor: &mut dyn ValueVisitor) {
        binary::walk_attributes(&mut Reader::new(RECORD, self.attributes()), visitor)
            .expect("checked when the item was made");
    }

    fn put_binary(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.attributes());
    }
}

impl fmt::Debug for StoredItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The attributes are user data and stay out of logs.
        f.debug_struct("StoredItem")
            .field("header", &self.header)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

fn read_header(reader: &mut Reader<'_>) -> Result<ItemHeader, Malformed> {
    match reader.byte()? {
        VERSION => Ok(ItemHeader {
            timestamp: Timestamp::from_bits(u64::from_be_bytes(reader.array()?)),
            origin: RegionId(u16::from_be_bytes(reader.array()?)),
            flags: ItemFlags(reader.byte()?),
        }),
        version => Err(reader.malformed_at(0, Problem::Version(version))),
    }
}
