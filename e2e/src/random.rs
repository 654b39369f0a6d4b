//! Randomness that a printed seed brings back.

use std::env;

/// A small generator (SplitMix64, after Steele, Lea and Flood 2014): fast, seedable, and the same on
/// every machine. Not for secrets.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The generator whose whole sequence this number decides.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        // The bias of the remainder is far below anything a test could notice.
        self.next() % bound
    }

    /// An index into something of this length, which must not be 0.
    pub fn index(&mut self, length: usize) -> usize {
        let bound = u64::try_from(length).expect("no collection is longer than 2^64");
        usize::try_from(self.below(bound)).expect("below a usize")
    }

    /// True once in `of` times.
    pub const fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    /// One of these.
    ///
    /// # Panics
    /// If there are none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = self.index(from.len());
        from.get(at).expect("the index is below the length")
    }

    /// A generator of its own, decided by this one and its place in the sequence.
    pub const fn fork(&mut self) -> Self {
        Self::new(self.next())
    }
}

/// The seed of a test: `STATOR_SEED` if it is set, else one that the hasher of the standard library
/// draws from the operating system. The test prints it.
///
/// # Panics
/// If `STATOR_SEED` is not a number.
pub fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    match env::var("STATOR_SEED") {
        Ok(text) => text.parse().expect("STATOR_SEED is a decimal number"),
        Err(_) => RandomState::new().hash_one(0_u8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_sequence() {
        let (mut one, mut two) = (Random::new(7), Random::new(7));
        let first: Vec<u64> = (0..100).map(|_| one.next()).collect();
        let second: Vec<u64> = (0..100).map(|_| two.next()).collect();
        assert_eq!(first, second);
        assert_ne!(first, (0..100).map(|_| one.next()).collect::<Vec<_>>());
    }
}
