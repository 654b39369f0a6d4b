//! Reading records from bytes that nobody vouches for.
//!
//! A `Reader` walks over a record and never reads outside it, whatever lengths the record claims.
//! Integers are big endian; lengths and counts are LEB128 varints in their shortest form, so that a
//! record has one encoding only.

use std::fmt;

/// Why bytes are not a record, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{record} malformed at byte {offset}: {problem}")]
pub struct Malformed {
    /// Which kind of record.
    pub record: &'static str,
    /// The first byte that does not fit.
    pub offset: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A field reaches beyond the end.
    CutShort,
    /// Bytes are left over.
    Trailing,
    /// A version that this program does not know.
    Version(u8),
    /// A tag that means nothing.
    Tag(u8),
    /// An integer that is too large or not in its shortest form.
    Integer,
    /// Text that is not UTF-8.
    Text,
    /// Names not in strictly rising order.
    NameOrder,
    /// A number that is not in canonical form, or out of range.
    Number,
    /// A set without elements.
    EmptySet,
    /// Deeper than anything that is written.
    Depth,
    /// A field of a structured record that is missing or cannot be.
    Field,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutShort => f.write_str("a field reaches beyond the end"),
            Self::Trailing => f.write_str("bytes are left over"),
            Self::Version(version) => write!(f, "unknown version {version}"),
            Self::Tag(tag) => write!(f, "unknown tag {tag}"),
            Self::Integer => f.write_str("an integer too large or not in its shortest form"),
            Self::Text => f.write_str("text that is not UTF-8"),
            Self::NameOrder => f.write_str("names not in strictly rising order"),
            Self::Number => f.write_str("a number that is not canonical"),
            Self::EmptySet => f.write_str("a set without elements"),
            Self::Depth => f.write_str("nested too deeply"),
            Self::Field => f.write_str("a field is missing or cannot be"),
        }
    }
}

/// Walks over a record.
pub struct Reader<'a> {
    record: &'static str,
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// At the first byte of a record of this kind.
    pub const fn new(record: &'static str, bytes: &'a [u8]) -> Self {
        Self { record, bytes, offset: 0 }
    }

    /// Bytes walked over.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// An error that points at `offset`.
    pub const fn malformed_at(&self, offset: usize, problem: Problem) -> Malformed {
        Malformed { record: self.record, offset, problem }
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// If there are fewer.
    #[inline]
    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let end = self.offset.checked_add(len);
        let taken = end.and_then(|end| self.bytes.get(self.offset..end));
        let taken = taken.ok_or(self.malformed_at(self.offset, Problem::CutShort))?;
        self.offset += len;
        Ok(taken)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let at = self.offset;
        let taken = self.bytes(N)?;
        taken.try_into().map_err(|_| self.malformed_at(at, Problem::CutShort))
    }

    /// The next byte.
    ///
    /// # Errors
    /// If there is none.
    #[inline]
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// The next varint: a length or count of at most 32 bits.
    ///
    /// # Errors
    /// If it is cut short, larger, or not in its shortest form.
    #[inline]
    pub fn length(&mut self) -> Result<usize, Malformed> {
        let at = self.offset;
        let mut value: u64 = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let shortest = byte != 0 || shift == 0;
                let length = u32::try_from(value).ok().filter(|_| shortest);
                let length = length.and_then(|length| usize::try_from(length).ok());
                return length.ok_or(self.malformed_at(at, Problem::Integer));
            }
        }
        Err(self.malformed_at(at, Problem::Integer))
    }

    /// A length and that many bytes.
    ///
    /// # Errors
    /// If there are fewer bytes than the length says.
    pub fn blob(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.length()?;
        self.bytes(len)
    }

    /// A length and that many bytes of UTF-8.
    ///
    /// # Errors
    /// If there are fewer bytes, or they are not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        let bytes = self.blob()?;
        let at = self.offset - bytes.len();
        std::str::from_utf8(bytes)
            .map_err(|error| self.malformed_at(at + error.valid_up_to(), Problem::Text))
    }

    /// What has not been walked over.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.offset..).unwrap_or_default()
    }

    /// Checks that the record ends here.
    ///
    /// # Errors
    /// If bytes are left over.
    pub fn finish(&self) -> Result<(), Malformed> {
        if self.rest().is_empty() {
            Ok(())
        } else {
            Err(self.malformed_at(self.offset, Problem::Trailing))
        }
    }
}

/// Appends a varint.
///
/// # Panics
/// If the length does not fit 32 bits.
pub fn put_length(length: usize, out: &mut Vec<u8>) {
    let mut rest = u32::try_from(length).expect("nothing of 4 GiB is written in one record");
    while rest >= 0x80 {
        let [low, ..] = rest.to_le_bytes();
        out.push(low | 0x80);
        rest >>= 7;
    }
    let [low, ..] = rest.to_le_bytes();
    out.push(low);
}

/// Appends a length and the bytes.
///
/// # Panics
/// If there are 4 GiB of them.
pub fn put_blob(bytes: &[u8], out: &mut Vec<u8>) {
    put_length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_one_encoding() {
        for (length, bytes) in [
            (0, vec![0]),
            (127, vec![0x7f]),
            (128, vec![0x80, 1]),
            (u32::MAX as usize, vec![0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] {
            let mut out = Vec::new();
            put_length(length, &mut out);
            assert_eq!(out, bytes);
            assert_eq!(Reader::new("test", &bytes).length(), Ok(length));
        }
        for bytes in [&[0x80, 0][..], &[0xff, 0], &[0xff, 0xff, 0xff, 0xff, 0x10], &[0xff; 6]] {
            let error = Reader::new("test", bytes).length().unwrap_err();
            assert_eq!(error, Malformed { record: "test", offset: 0, problem: Problem::Integer });
        }
        assert_eq!(Reader::new("test", &[0x80]).length().unwrap_err().problem, Problem::CutShort);
    }

    #[test]
    fn a_claimed_length_is_not_trusted() {
        let mut reader = Reader::new("test", &[0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2]);
        let error = reader.blob().unwrap_err();
        assert_eq!((error.offset, error.problem), (5, Problem::CutShort));
    }
}
