//! The one place that draws random bits.
//!
//! Everything below the server takes randomness as a parameter. Two sources: [`secret`] asks the
//! kernel and is for whatever must not be guessed or repeated (ids of tables, hash secrets);
//! [`label`] is cheap enough for every request and is only ever unlikely to repeat.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

/// Bits from the kernel's generator, for ids and secrets.
///
/// # Panics
/// If the kernel has no random source, which on Linux is before boot has finished only.
pub fn secret<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the kernel's random source answers once booted");
    bytes
}

thread_local! {
    static LABELS: (RandomState, Cell<u64>) = (RandomState::new(), const { Cell::new(0) });
}

/// Bits for naming a request in replies and logs: a keyed hash of a counter, without a system call.
/// Each thread has a key of its own.
pub fn label<const N: usize>() -> [u8; N] {
    LABELS.with(|(key, counter)| {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            let count = counter.get();
            counter.set(count.wrapping_add(1));
            let hash = key.hash_one(count).to_le_bytes();
            for (byte, random) in chunk.iter_mut().zip(hash) {
                *byte = random;
            }
        }
        bytes
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn labels_of_all_threads_differ() {
        let draw = || (0..1_000).map(|_| label::<33>()).collect::<Vec<_>>();
        let threads = (0..4).map(|_| std::thread::spawn(draw)).collect::<Vec<_>>();
        let labels = threads.into_iter().flat_map(|thread| thread.join().expect("no panic"));
        assert_eq!(labels.collect::<HashSet<_>>().len(), 4_000);
    }

    #[test]
    fn secrets_differ() {
        assert_ne!(secret::<32>(), secret::<32>());
    }
}
