//! The one source of chance in a run: xoshiro256** (Blackman, Vigna: "Scrambled Linear Pseudorandom
//! Number Generators", 2021), seeded by SplitMix64.
//!
//! Written here and not taken from a crate because a seed in a bug report must mean the same run for
//! ever, whatever the versions of dependencies.

/// A generator; equal seeds give equal sequences, on every machine and for ever.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// The generator of this seed.
    pub fn new(seed: u64) -> Self {
        let mut mixed = seed;
        Self { state: std::array::from_fn(|_| split_mix(&mut mixed)) }
    }

    /// A generator of its own, so that what one part draws does not move the others.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::new(self.bits())
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// 0 to `bound`, which is outside; 0 if `bound` is 0. The bias of the remainder is of no matter
    /// here: bounds are tiny.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits().checked_rem(bound).unwrap_or(0)
    }

    /// A place in something of this length.
    pub fn place(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.below(length)).unwrap_or(0)
    }

    /// `low` to `high`, both included.
    pub fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// True `times` out of `of`.
    pub fn chance(&mut self, times: u64, of: u64) -> bool {
        self.below(of) < times
    }

    /// One of these, by their weights; `None` if they are all 0.
    pub fn weighted<T: Copy>(&mut self, choices: &[(T, u64)]) -> Option<T> {
        let mut left = self.below(choices.iter().map(|(_, weight)| weight).sum());
        choices.iter().find_map(|(choice, weight)| match left.checked_sub(*weight) {
            None => Some(*choice),
            Some(rest) => {
                left = rest;
                None
            }
        })
    }

    /// 32 random bytes.
    pub fn secret<const LENGTH: usize>(&mut self) -> [u8; LENGTH] {
        std::array::from_fn(|_| self.bits().to_le_bytes()[0])
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_means_the_same_sequence_for_ever() {
        let mut random = Random::new(7);
        let drawn: Vec<u64> = (0..3).map(|_| random.bits()).collect();
        assert_eq!(drawn, GOLDEN);
    }

    #[test]
    fn weights_of_nothing_choose_nothing() {
        let mut random = Random::new(1);
        assert_eq!(random.weighted(&[("a", 0)]), None);
        assert_eq!(random.weighted(&[("a", 0), ("b", 3), ("c", 0)]), Some("b"));
    }

    const GOLDEN: [u64; 3] =
        [12_923_355_070_828_475_994, 5_142_052_590_334_782_674, 15_488_392_906_492_639_638];
}
