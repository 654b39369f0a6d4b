//! Moments: wall-clock milliseconds and the hybrid-logical timestamps made of them.

use std::fmt;

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixMillis(pub u64);

/// A hybrid-logical timestamp: 48 bits of Unix milliseconds above a 16-bit counter. The leader of a
/// partition issues them in strictly rising order, whatever its clock does (Kulkarni et al.,
/// "Logical Physical Clocks", 2014).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Before every write.
    pub const ZERO: Self = Self(0);

    /// The timestamp with these bits, for codecs.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits, for codecs. Their order is the order of the timestamps.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The first timestamp after `self` that is not before `now`.
    #[must_use]
    pub const fn after(self, now: UnixMillis) -> Self {
        let wall = now.0 << 16;
        if wall > self.0 { Self(wall) } else { Self(self.0 + 1) }
    }

    /// The wall-clock part.
    pub const fn millis(self) -> UnixMillis {
        UnixMillis(self.0 >> 16)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 >> 16, self.0 & 0xffff)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
