//! The size of an item collection, as it is stored: of all items and entries of local indexes that share a
//! partition key. Kept only where there are local indexes, and only for collections that hold anything.
//!
//! ```text
//! version 1 │ bytes by the service's rule
//! 1 byte    │ 8 bytes, big endian
//! ```

use crate::record::{Malformed, Problem, Reader};

const RECORD: &str = "collection size";
const VERSION: u8 = 1;

/// The stored form.
pub fn encode(bytes: u64) -> [u8; 9] {
    let [a, b, c, d, e, f, g, h] = bytes.to_be_bytes();
    [VERSION, a, b, c, d, e, f, g, h]
}

/// Reads the stored form.
///
/// # Errors
/// If the bytes are not the size of a collection, or of a later version.
pub fn decode(value: &[u8]) -> Result<u64, Malformed> {
    let mut reader = Reader::new(RECORD, value);
    match reader.byte()? {
        VERSION => {
            let bytes = u64::from_be_bytes(reader.array()?);
            reader.finish()?;
            Ok(bytes)
        }
        version => Err(reader.malformed_at(0, Problem::Version(version))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_never_change() {
        assert_eq!(encode(0x0102_0304), [1, 0, 0, 0, 0, 1, 2, 3, 4]);
        assert_eq!(decode(&[1, 0, 0, 0, 0, 1, 2, 3, 4]), Ok(0x0102_0304));
        let problem = |value: &[u8]| decode(value).unwrap_err().problem;
        assert_eq!(problem(&[]), Problem::CutShort);
        assert_eq!(problem(&[1, 0]), Problem::CutShort);
        assert_eq!(problem(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Problem::Trailing);
        assert_eq!(problem(&[2, 0, 0, 0, 0, 0, 0, 0, 0]), Problem::Version(2));
    }
}
