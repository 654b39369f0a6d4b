//! Primary keys, and the byte strings that order them.
//!
//! A [`Location`] is where an item lies in its table's key space:
//!
//! ```text
//! hash64 of the partition key │ partition key │ sort key
//! 8 bytes, big endian         │ terminated    │ terminated, absent without a sort key
//! ```
//!
//! Byte order of locations is logical order: by hash, then by sort key within a partition key.
//! Partitions are ranges of locations. The form is on disk: it never changes.

use std::fmt;
use std::hash::Hasher;

use bytes::Bytes;
use siphasher::sip::SipHasher13;

use crate::{AttributeValue, KeyType, Number};

mod sort_range;

pub use sort_range::SortRange;

/// The value of a key attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyValue {
    /// String.
    S(String),
    /// Number.
    N(Number),
    /// Binary.
    B(Bytes),
}

impl KeyValue {
    /// The key value that this attribute value is, if it is of a type that keys may have.
    pub fn from_attribute(value: &AttributeValue) -> Option<Self> {
        match value {
            AttributeValue::S(text) => Some(Self::S(text.clone())),
            AttributeValue::N(number) => Some(Self::N(*number)),
            AttributeValue::B(bytes) => Some(Self::B(bytes.clone())),
            AttributeValue::Bool(_)
            | AttributeValue::Null
            | AttributeValue::Ss(_)
            | AttributeValue::Ns(_)
            | AttributeValue::Bs(_)
            | AttributeValue::L(_)
            | AttributeValue::M(_) => None,
        }
    }

    /// As an attribute has it.
    pub fn into_attribute(self) -> AttributeValue {
        match self {
            Self::S(text) => AttributeValue::S(text),
            Self::N(number) => AttributeValue::N(number),
            Self::B(bytes) => AttributeValue::B(bytes),
        }
    }

    /// Its type.
    pub const fn key_type(&self) -> KeyType {
        match self {
            Self::S(_) => KeyType::S,
            Self::N(_) => KeyType::N,
            Self::B(_) => KeyType::B,
        }
    }

    /// Appends the terminated, order-preserving form: byte order is the order of values of one type,
    /// and no form is a prefix of another's.
    ///
    /// Strings and binaries: each 0x00 becomes 0x00 0xFF, then 0x00 0x01 ends it. Numbers: see
    /// [`Number::encode_ordered`], which ends itself.
    pub fn encode_ordered(&self, out: &mut Vec<u8>) {
        match self {
            Self::S(text) => encode_terminated(text.as_bytes(), out),
            Self::B(bytes) => encode_terminated(bytes, out),
            Self::N(number) => number.encode_ordered(out),
        }
    }

    /// Appends that with which the forms of all values begin that begin with this one, if it is a string
    /// or binary; a number's own form.
    fn encode_beginning(&self, out: &mut Vec<u8>) {
        match self {
            Self::S(text) => encode_escaped(text.as_bytes(), out),
            Self::B(bytes) => encode_escaped(bytes, out),
            Self::N(number) => number.encode_ordered(out),
        }
    }

    /// Appends the place of this value, as a partition key, in a table with this secret: what the locations
    /// of all its items begin with, and of no others.
    pub fn encode_partition(&self, secret: &HashSecret, out: &mut Vec<u8>) {
        // The hash takes its place once it is known.
        let at = out.len();
        out.extend_from_slice(&[0; 8]);
        self.encode_ordered(out);
        let (_, own) = out.split_at_mut(at);
        let (place, partition) = own.split_at_mut(8);
        place.copy_from_slice(&secret.hash(partition).0.to_be_bytes());
    }

    /// Whether the value is within `limit` bytes. Numbers always are.
    pub fn fits(&self, limit: usize) -> bool {
        match self {
            Self::S(text) => text.len() <= limit,
            Self::B(bytes) => bytes.len() <= limit,
            Self::N(_) => true,
        }
    }

    /// Whether it is the empty string or the empty binary, which no key may be.
    pub const fn is_empty(&self) -> bool {
        match self {
            Self::S(text) => text.is_empty(),
            Self::B(bytes) => bytes.is_empty(),
            Self::N(_) => false,
        }
    }
}

impl KeyType {
    /// How many of these bytes are the [ordered form](KeyValue::encode_ordered) of the value with which they
    /// begin; `None` if they begin with none of this type.
    pub fn ordered_len(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::S | Self::B => {
                let mut at = 0;
                loop {
                    at += bytes.get(at..)?.iter().position(|&byte| byte == 0)? + 2;
                    match bytes.get(at - 1)? {
                        0x01 => return Some(at),
                        0xff => {}
                        _ => return None,
                    }
                }
            }
            Self::N => Number::ordered_len(bytes),
        }
    }

    /// The value of this type with whose [ordered form](KeyValue::encode_ordered) these bytes begin, and
    /// what follows it.
    pub fn decode_ordered(self, bytes: &[u8]) -> Option<(KeyValue, &[u8])> {
        let (form, rest) = bytes.split_at_checked(self.ordered_len(bytes)?)?;
        let value = match self {
            Self::S => KeyValue::S(String::from_utf8(decode_terminated(form)).ok()?),
            Self::B => KeyValue::B(decode_terminated(form).into()),
            Self::N => KeyValue::N(Number::decode_ordered(form)?),
        };
        Some((value, rest))
    }
}

/// What a form was made of that is known to end, and to escape each zero.
fn decode_terminated(form: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(form.len());
    let mut rest = form.strip_suffix(&[0x00, 0x01]).unwrap_or(form);
    while let Some((&byte, behind)) = rest.split_first() {
        bytes.push(byte);
        rest = if byte == 0 { behind.get(1..).unwrap_or_default() } else { behind };
    }
    bytes
}

fn encode_terminated(bytes: &[u8], out: &mut Vec<u8>) {
    encode_escaped(bytes, out);
    out.extend_from_slice(&[0x00, 0x01]);
}

fn encode_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 2);
    for &byte in bytes {
        out.push(byte);
        if byte == 0 {
            out.push(0xff);
        }
    }
}

/// The first bytes behind everything that begins with `prefix`; `None` if nothing is behind it.
fn prefix_end(prefix: &[u8]) -> Option<Bytes> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end.into());
        }
    }
    None
}

/// The primary key of an item.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PrimaryKey {
    /// The partition key (HASH on the wire).
    pub partition: KeyValue,
    /// The sort key (RANGE on the wire), where the table has one.
    pub sort: Option<KeyValue>,
}

impl PrimaryKey {
    /// Where the item with this key lies in a table with this secret.
    pub fn location(&self, secret: &HashSecret) -> Location {
        // Room for most keys, so that one allocation is enough.
        let mut bytes = Vec::with_capacity(96);
        self.partition.encode_partition(secret, &mut bytes);
        if let Some(sort) = &self.sort {
            sort.encode_ordered(&mut bytes);
        }
        Location(bytes.into())
    }
}

/// The hash of a partition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub u64);

/// The secret of a table's lineage under which its partition keys are hashed, so that clients cannot
/// aim at one partition. Backups carry it; restores reuse it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashSecret([u8; 16]);

impl HashSecret {
    /// The secret with these bits.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bits, for codecs. Never logged.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// SipHash-1-3 of an encoded partition key.
    pub fn hash(&self, encoded_partition_key: &[u8]) -> KeyHash {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write(encoded_partition_key);
        KeyHash(hasher.finish())
    }
}

impl fmt::Debug for HashSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashSecret(..)")
    }
}

/// Where an item lies in its table's key space. See the module for the layout.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location(Bytes);

impl Location {
    /// The location with these bytes, read from a key that was written by [`PrimaryKey::location`].
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The first place behind this location. No location is a prefix of another, so that none lies in
    /// between.
    pub fn successor(&self) -> Bytes {
        let mut next = Vec::with_capacity(self.0.len() + 1);
        next.extend_from_slice(&self.0);
        next.push(0);
        next.into()
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key itself is user data and stays out of logs; the hash tells partitions apart.
        match self.0.first_chunk::<8>() {
            Some(hash) => write!(f, "Location({:016x}..)", u64::from_be_bytes(*hash)),
            None => f.write_str("Location(short)"),
        }
    }
}

/// A half-open range of locations: what one partition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The first location inside; empty means from the beginning.
    pub start: Bytes,
    /// The first location outside; `None` means to the end.
    pub end: Option<Bytes>,
}

impl KeyRange {
    /// The whole key space of a table.
    pub const ALL: Self = Self { start: Bytes::new(), end: None };

    /// One of `count` ranges that divide the key space by hash, all but equally wide: the one of this
    /// number, counted from 0.
    pub fn of_segment(number: u32, count: u32) -> Self {
        // The first hash at or behind the border between the segments before and after.
        let border = |at: u32| {
            let hash = (u128::from(at) << 64).div_ceil(u128::from(count.max(1)));
            u64::try_from(hash).ok().map(|hash| Bytes::copy_from_slice(&hash.to_be_bytes()))
        };
        let start = if number == 0 { Some(Bytes::new()) } else { border(number) };
        Self { start: start.unwrap_or_default(), end: border(number.saturating_add(1)) }
    }

    /// All that begins with these bytes.
    pub fn of_prefix(prefix: &[u8]) -> Self {
        Self { start: Bytes::copy_from_slice(prefix), end: prefix_end(prefix) }
    }

    /// Whether nothing can lie inside.
    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }

    /// What lies in both ranges; if nothing does, the end is not behind the start.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let end = match (&self.end, &other.end) {
            (Some(left), Some(right)) => Some(left.min(right)),
            (left, right) => left.as_ref().or(right.as_ref()),
        };
        Self { start: self.start.clone().max(other.start.clone()), end: end.cloned() }
    }

    /// What of the range lies behind `location`.
    #[must_use]
    pub fn behind(self, location: &Location) -> Self {
        Self { start: self.start.max(location.successor()), end: self.end }
    }

    /// What of the range lies before `location`.
    #[must_use]
    pub fn before(self, location: &Location) -> Self {
        self.intersect(&Self { start: Bytes::new(), end: Some(location.0.clone()) })
    }

    /// Whether `location` lies inside.
    pub fn contains(&self, location: &Location) -> bool {
        location.0 >= self.start && self.end.as_ref().is_none_or(|end| location.0 < *end)
    }
}

#[cfg(test)]
pub(crate) mod tests;
