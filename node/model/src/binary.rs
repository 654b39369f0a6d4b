//! Attributes as bytes: the form in which items are stored, and in which nodes send them to each other.
//!
//! ```text
//! attributes: count, then name and value of each, ordered by name
//! ```
//!
//! Integers are big endian; lengths and counts are varints. Each value begins with a tag:
//!
//! ```text
//! 1 S    length, UTF-8                       7 SS  count, then length and UTF-8 of each
//! 2 N    number                              8 NS  count, then the numbers
//! 3 B    length, bytes                       9 BS  count, then length and bytes of each
//! 4 BOOL false                              10 L   count, then the values
//! 5 BOOL true                               11 M   count, then name and value of each, ordered by name
//! 6 NULL
//!
//! number: 1 byte: bit 7 negative, bit 6 an exponent follows, bits 0-4 bytes of the coefficient
//!         exponent of ten, 2 bytes, two's complement; absent if it is 0
//!         coefficient without trailing decimal zeros, without leading zero bytes
//! ```
//!
//! Attributes have one encoding only. The form is on disk: it never changes; what holds it has a version
//! byte. It is read with bounds: whatever bytes come in, the answer is what they mean or where they are
//! wrong.

use std::fmt;

use bytes::Bytes;

use crate::build::to_value;
use crate::{AttributeMap, AttributeValue, Item, ItemSize, ItemView, ValueVisitor, to_item};

mod encode;
mod reader;
mod walk;

pub use reader::{Malformed, Problem, Reader, put_blob, put_length};
pub use walk::Nobody;

const ITEM: &str = "attributes";
const VALUE: &str = "value";

/// Levels of lists and maps that are read. The service allows half of it and whoever makes an item
/// has checked that; this bound is there for the stack.
const DEPTH: usize = 2 * crate::limits::NESTING_LEVELS;

mod tag {
    pub(super) const S: u8 = 1;
    pub(super) const N: u8 = 2;
    pub(super) const B: u8 = 3;
    pub(super) const FALSE: u8 = 4;
    pub(super) const TRUE: u8 = 5;
    pub(super) const NULL: u8 = 6;
    pub(super) const SS: u8 = 7;
    pub(super) const NS: u8 = 8;
    pub(super) const BS: u8 = 9;
    pub(super) const L: u8 = 10;
    pub(super) const M: u8 = 11;
}

/// Appends attributes.
///
/// # Panics
/// If they are nested twice as deep as the service allows: they could not be read again.
pub fn put_attributes(attributes: &AttributeMap, out: &mut Vec<u8>) {
    encode::attributes(attributes, 0, out);
}

/// Appends a value.
///
/// # Panics
/// As [`put_attributes`].
pub fn put_value(value: &AttributeValue, out: &mut Vec<u8>) {
    encode::value(value, 0, out);
}

/// Shows the attributes with which a record goes on, checks every byte of them and returns their size.
/// Takes time in proportion to their length and no memory but the stack's. What was shown before an error
/// is to be thrown away.
///
/// # Errors
/// If the bytes are not attributes, with the first byte that does not fit. Elements that stand twice in a
/// set are not looked for.
pub fn walk_attributes<V: ValueVisitor + ?Sized>(
    reader: &mut Reader<'_>,
    visitor: &mut V,
) -> Result<ItemSize, Malformed> {
    walk::attributes(reader, visitor).map(ItemSize::from_bytes)
}

/// The value that these bytes are, all of them.
///
/// # Errors
/// As [`walk_attributes`].
pub fn parse_value(bytes: &[u8]) -> Result<AttributeValue, Malformed> {
    let mut reader = Reader::new(VALUE, bytes);
    let value = to_value(|visitor| walk::value(&mut reader, visitor, 0).map(drop))?;
    reader.finish()?;
    Ok(value)
}

/// The attributes that these bytes are, all of them.
///
/// # Errors
/// As [`walk_attributes`].
pub fn parse_attributes(bytes: Bytes) -> Result<Item, Malformed> {
    BinaryItem::parse(bytes).map(|item| to_item(&item))
}

/// An item in its binary form, known to be well-formed. It shows itself without being decoded.
#[derive(Clone, PartialEq, Eq)]
pub struct BinaryItem {
    size: ItemSize,
    bytes: Bytes,
}

impl BinaryItem {
    /// Checks an item from end to end.
    ///
    /// # Errors
    /// As [`walk_attributes`].
    pub fn parse(bytes: Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(ITEM, &bytes);
        let size = walk_attributes(&mut reader, &mut Nobody)?;
        reader.finish()?;
        Ok(Self { size, bytes })
    }
}

impl ItemView for BinaryItem {
    fn size(&self) -> ItemSize {
        self.size
    }

    fn visit(&self, visitor: &mut dyn ValueVisitor) {
        walk_attributes(&mut Reader::new(ITEM, &self.bytes), visitor)
            .expect("checked when the item was made");
    }

    fn put_binary(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
    }
}

impl fmt::Debug for BinaryItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The attributes are user data and stay out of logs.
        f.debug_struct("BinaryItem").field("size", &self.size).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
