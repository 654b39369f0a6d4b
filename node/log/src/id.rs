//! The two names of this crate: which log, and where in it.

use std::fmt;
use std::str::FromStr;

/// Which log a batch belongs to: 128 random bits, minted when the log is created. A log that is begun
/// anew after a loss has another id, so that nothing of the old one can be taken for its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogId([u8; 16]);

impl LogId {
    /// The id with these 128 bits.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 128 bits, for codecs.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a [`LogId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a log id is 32 hexadecimal digits")]
pub struct ParseLogIdError;

impl FromStr for LogId {
    type Err = ParseLogIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 32 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(ParseLogIdError);
        }
        let bits = u128::from_str_radix(text, 16).map_err(|_| ParseLogIdError)?;
        Ok(Self(bits.to_be_bytes()))
    }
}

/// Where a batch lies: its byte address in the log, counted over all segments there ever were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_id_is_written_as_32_hexadecimal_digits_and_read_back() {
        let id = LogId::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0eff");
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "0", "+00102030405060708090a0b0c0d0eff", "zz0102030405060708090a0b0c0d0eff"]
        {
            assert_eq!(bad.parse::<LogId>(), Err(ParseLogIdError), "{bad}");
        }
    }
}
