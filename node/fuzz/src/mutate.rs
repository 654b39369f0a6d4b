//! Changes of inputs that know nothing of what the inputs mean.

use fastrand::Rng;

/// Bytes that mean something to many readers.
const TELLING: &[u8] = b"\0\x01\x7f\x80\xff\n\r\t \"\\{}[]():#,.<>=+-09aAeEN";

/// An input made from these two, of at most `longest` bytes.
pub fn change(first: &[u8], second: &[u8], longest: usize, random: &mut Rng) -> Vec<u8> {
    let mut input = first.to_vec();
    for _ in 0..1 << random.u32(0..4) {
        match random.u32(0..7) {
            0 => set(&mut input, random),
            1 => flip(&mut input, random),
            2 => insert(&mut input, random),
            3 => remove(&mut input, random),
            4 => repeat(&mut input, random),
            5 => splice(&mut input, second, random),
            _ => swap(&mut input, random),
        }
    }
    input.truncate(longest);
    input
}

/// An input of about `length` bytes: a piece of this one, again and again between what stood around it.
/// Returns nothing for an empty one.
pub fn stretch(input: &[u8], length: usize, random: &mut Rng) -> Option<Vec<u8>> {
    let (start, end) = range(input, random)?;
    let (before, rest) = input.split_at(start);
    let (piece, after) = rest.split_at(end - start);
    let times = length.saturating_sub(before.len() + after.len()) / piece.len();
    Some([before, &piece.repeat(times.max(1)), after].concat())
}

fn set(input: &mut [u8], random: &mut Rng) {
    let with = if random.bool() { random.u8(..) } else { telling(random) };
    if let Some(byte) = any(input, random) {
        *byte = with;
    }
}

fn flip(input: &mut [u8], random: &mut Rng) {
    let bit = 1 << random.u32(0..8);
    if let Some(byte) = any(input, random) {
        *byte ^= bit;
    }
}

fn insert(input: &mut Vec<u8>, random: &mut Rng) {
    let at = random.usize(0..=input.len());
    let byte = if random.bool() { random.u8(..) } else { telling(random) };
    input.splice(at..at, std::iter::repeat_n(byte, 1 << random.u32(0..4)));
}

fn remove(input: &mut Vec<u8>, random: &mut Rng) {
    if let Some((start, end)) = range(input, random) {
        input.drain(start..end);
    }
}

fn repeat(input: &mut Vec<u8>, random: &mut Rng) {
    if let Some((start, end)) = range(input, random) {
        let piece: Vec<u8> = input.iter().copied().skip(start).take(end - start).collect();
        input.splice(end..end, piece);
    }
}

fn splice(input: &mut Vec<u8>, from: &[u8], random: &mut Rng) {
    let at = random.usize(0..=input.len());
    if let Some((start, end)) = range(from, random) {
        input.splice(at..at, from.iter().copied().skip(start).take(end - start));
    }
}

fn swap(input: &mut [u8], random: &mut Rng) {
    if !input.is_empty() {
        let (one, other) = (random.usize(0..input.len()), random.usize(0..input.len()));
        input.swap(one, other);
    }
}

fn telling(random: &mut Rng) -> u8 {
    random.choice(TELLING).copied().unwrap_or_default()
}

fn any<'a>(input: &'a mut [u8], random: &mut Rng) -> Option<&'a mut u8> {
    let length = input.len();
    if length == 0 { None } else { input.get_mut(random.usize(0..length)) }
}

/// Where a piece begins and ends; most pieces are short.
fn range(input: &[u8], random: &mut Rng) -> Option<(usize, usize)> {
    if input.is_empty() {
        return None;
    }
    let start = random.usize(0..input.len());
    let most = (input.len() - start).min(1 << random.u32(0..10));
    Some((start, start + random.usize(1..=most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_have_their_length_and_come_again_with_their_seed() {
        let inputs = |seed| {
            let mut random = Rng::with_seed(seed);
            let made = std::iter::repeat_with(|| change(b"first", b"second", 12, &mut random));
            made.take(200).collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        assert!(inputs(1).iter().all(|input| input.len() <= 12));
    }

    #[test]
    fn a_stretched_input_is_as_long_as_it_should_be() {
        let mut random = Rng::with_seed(1);
        for _ in 0..100 {
            let long = stretch(b"{\"a\": [1, 2]}", 10_000, &mut random).unwrap();
            assert!((9_980..=10_000).contains(&long.len()), "{}", long.len());
        }
        assert_eq!(stretch(b"", 10_000, &mut random), None);
    }
}
