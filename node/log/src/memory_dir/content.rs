//! A file of the simulated disk: what a process reads, and what a power cut leaves.

use std::collections::BTreeMap;

use crate::codec::{disk_length, memory_length};

pub(super) const BLOCK: usize = 4096;
/// What a disk writes whole.
const SECTOR: usize = 512;

#[derive(Clone, Default)]
pub(super) struct Content {
    pub(super) cached: Vec<u8>,
    pub(super) synced: Vec<u8>,
    /// The contents that each block had since the last sync, oldest first.
    pub(super) unsynced: BTreeMap<usize, Vec<Vec<u8>>>,
}

impl Content {
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let from = memory_length(offset);
        let to = from + bytes.len();
        if self.cached.len() < to {
            self.cached.resize(to, 0);
        }
        if let Some(place) = self.cached.get_mut(from..to) {
            place.copy_from_slice(bytes);
        }
        for block in from / BLOCK..to.div_ceil(BLOCK) {
            let contents = block_of(&self.cached, block).to_vec();
            self.unsynced.entry(block).or_default().push(contents);
        }
    }

    pub(super) fn sync(&mut self) {
        self.synced.resize(self.cached.len(), 0);
        for block in std::mem::take(&mut self.unsynced).into_keys() {
            put_block(&mut self.synced, block, block_of(&self.cached, block));
        }
    }

    /// A sync failed: nothing was written, and nothing will be.
    pub(super) fn lose(&mut self) {
        self.unsynced.clear();
    }

    pub(super) fn crash(&mut self, dice: &mut Dice, odds: u64) {
        let (synced, cached) = (disk_length(self.synced.len()), disk_length(self.cached.len()));
        let length = match dice.below(3) {
            0 => synced,
            1 => cached.max(synced),
            _ => synced + dice.below(cached.saturating_sub(synced) + 1),
        };
        self.synced.resize(memory_length(length), 0);
        for (block, versions) in std::mem::take(&mut self.unsynced) {
            if dice.below(4) >= odds {
                continue;
            }
            let old = block_of(&self.synced, block).to_vec();
            let mut kept = pick(&versions, dice).clone();
            if dice.below(4) == 0 {
                let other = if dice.below(2) == 0 { &old } else { pick(&versions, dice) };
                tear(&mut kept, other, dice);
            }
            put_block(&mut self.synced, block, &kept);
        }
        self.cached.clone_from(&self.synced);
    }

    pub(super) fn crash_keeping(&mut self, mut keep: impl FnMut(usize) -> bool) {
        for block in std::mem::take(&mut self.unsynced).into_keys() {
            if !keep(block) {
                continue;
            }
            let contents = block_of(&self.cached, block).to_vec();
            let end = block * BLOCK + contents.len();
            if self.synced.len() < end {
                self.synced.resize(end, 0);
            }
            put_block(&mut self.synced, block, &contents);
        }
        self.cached.clone_from(&self.synced);
    }
}

fn block_of(bytes: &[u8], block: usize) -> &[u8] {
    let end = ((block + 1) * BLOCK).min(bytes.len());
    bytes.get(block * BLOCK..end).unwrap_or_default()
}

/// Puts a block where it belongs, as far as the file reaches.
fn put_block(bytes: &mut [u8], block: usize, contents: &[u8]) {
    let place = bytes.get_mut(block * BLOCK..).unwrap_or_default();
    let length = place.len().min(contents.len());
    if let (Some(place), Some(contents)) = (place.get_mut(..length), contents.get(..length)) {
        place.copy_from_slice(contents);
    }
}

fn pick<'a>(versions: &'a [Vec<u8>], dice: &mut Dice) -> &'a Vec<u8> {
    let chosen = memory_length(dice.below(disk_length(versions.len())));
    versions.get(chosen).expect("a block is unsynced because it was written")
}

/// Some sectors are those of the other version.
fn tear(block: &mut [u8], other: &[u8], dice: &mut Dice) {
    for (mine, theirs) in block.chunks_mut(SECTOR).zip(other.chunks(SECTOR)) {
        if mine.len() == theirs.len() && dice.below(2) == 0 {
            mine.copy_from_slice(theirs);
        }
    }
}

/// Pseudo-random numbers, the same for the same seed: Steele, Lea and Flood, "Fast Splittable
/// Pseudorandom Number Generators", 2014.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}
