//! One file: what a sync vouches for, and what was done since.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use crate::random::Random;

use super::content::{BLOCK, Content, Data, blocks_of, write_block};
use super::trace::offset;

/// What a disk writes whole even if the power fails within a block.
const SECTOR: u64 = 512;

/// A change of a file's bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change<'t> {
    Write { start: u64, data: Data<'t> },
    Resize { size: u64 },
}

/// What becomes of the unsynced changes of one file.
///
/// A block reaches the disk as it is at some moment after it was changed, and blocks reach it in any
/// order: so each block holds the first few of its changes, how many does not depend on its
/// neighbours, and a block that was cut off holds sectors of two such moments. The size is one that
/// the file had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// None is there.
    Nothing,
    /// All are there, as after a kill.
    Everything,
    /// The first few are there, as if the disk were written in order.
    Prefix,
    /// Each write is there as a whole or not at all.
    Writes,
    /// Each block is there or not.
    Blocks,
    /// Each sector is there or not.
    Sectors,
    /// Almost all blocks are there.
    Holes,
    /// Almost none is.
    Scraps,
}

impl Fate {
    pub(crate) const ALL: [Self; 8] = [
        Self::Nothing,
        Self::Everything,
        Self::Prefix,
        Self::Writes,
        Self::Blocks,
        Self::Sectors,
        Self::Holes,
        Self::Scraps,
    ];

    /// What is decided together, as ranges within a block.
    fn units(self) -> Vec<Range<u64>> {
        if self == Self::Sectors {
            (0..BLOCK / SECTOR).map(|at| at * SECTOR..(at + 1) * SECTOR).collect()
        } else {
            std::iter::once(0..BLOCK).collect()
        }
    }
}

/// A write that touches a block.
struct Touch<'t> {
    /// Which of the unsynced changes it is.
    at: usize,
    start: u64,
    data: Data<'t>,
}

/// A change and its place in the order of everything.
#[derive(Clone, Copy, Debug)]
struct Pending<'t> {
    at: u64,
    change: Change<'t>,
}

/// A file.
#[derive(Debug, Default)]
pub(crate) struct File<'t> {
    durable: Content,
    pending: VecDeque<Pending<'t>>,
}

impl<'t> File<'t> {
    /// A file that is on disk with all its bytes.
    pub(crate) const fn durable(durable: Content) -> Self {
        Self { durable, pending: VecDeque::new() }
    }

    pub(crate) fn change(&mut self, at: u64, change: Change<'t>) {
        self.pending.push_back(Pending { at, change });
    }

    /// A sync that was called at this moment has returned.
    pub(crate) fn synced(&mut self, called: u64) {
        while let Some(pending) = self.pending.front().copied().filter(|first| first.at < called) {
            apply(&mut self.durable, pending.change);
            self.pending.pop_front();
        }
    }

    /// What may be found of it after a power loss.
    pub(crate) fn survivor(&self, fate: Fate, random: &mut Random) -> Content {
        let count = self.pending.len();
        match fate {
            Fate::Nothing => self.after(0),
            Fate::Everything => self.after(count),
            Fate::Prefix => self.after(random.index(count + 1)),
            Fate::Writes | Fate::Blocks | Fate::Sectors | Fate::Holes | Fate::Scraps => {
                self.scattered(fate, random)
            }
        }
    }

    /// The file with the first few of its unsynced changes.
    fn after(&self, changes: usize) -> Content {
        let mut content = self.durable.clone();
        for pending in self.pending.iter().take(changes) {
            apply(&mut content, pending.change);
        }
        content
    }

    fn scattered(&self, fate: Fate, random: &mut Random) -> Content {
        let count = self.pending.len();
        let anywhere = random.index(count + 1);
        let sized = *random.pick(&[0, count, anywhere]);
        // A truncation gives blocks back. Where it is on disk, what was written before it is gone or
        // there as if synced; where it is not, what was written after it is in blocks of nobody.
        let shrinks = self.shrinks();
        let low = shrinks.iter().rev().find(|at| **at < sized).map_or(0, |at| at + 1);
        let high = shrinks.iter().find(|at| **at >= sized).copied().unwrap_or(count);
        let mut content = self.after(low);
        let touched = self.touched(low..high);
        let lottery = 1 + offset(touched.len()) / 2;
        let kept: Vec<bool> = (0..count).map(|_| random.one_in(2)).collect();
        for (number, writes) in touched {
            let mut block = content.block(number);
            for range in fate.units() {
                let some = random.index(writes.len() + 1);
                let first = match fate {
                    Fate::Blocks | Fate::Sectors => some,
                    Fate::Writes => {
                        let last =
                            writes.iter().rposition(|write| kept.get(write.at) == Some(&true));
                        last.map_or(0, |at| at + 1)
                    }
                    Fate::Holes if random.one_in(lottery) => some.saturating_sub(1),
                    Fate::Scraps if random.one_in(lottery) => some,
                    Fate::Nothing | Fate::Scraps => 0,
                    Fate::Everything | Fate::Prefix | Fate::Holes => writes.len(),
                };
                for write in writes.iter().take(first) {
                    write_block(&mut block, number, write.start, write.data, range.clone());
                }
            }
            content.blocks.insert(number, block);
        }
        content.resize(self.size_after(sized));
        content
    }

    /// The writes among these changes, by the blocks that they touch.
    fn touched(&self, changes: Range<usize>) -> BTreeMap<u64, Vec<Touch<'t>>> {
        let mut touched: BTreeMap<u64, Vec<_>> = BTreeMap::new();
        for (at, pending) in self.pending.iter().enumerate().take(changes.end).skip(changes.start) {
            if let Change::Write { start, data } = pending.change {
                for number in blocks_of(start, data.len()) {
                    touched.entry(number).or_default().push(Touch { at, start, data });
                }
            }
        }
        touched
    }

    /// The size after so many unsynced changes.
    fn size_after(&self, changes: usize) -> u64 {
        let pending = self.pending.iter().take(changes);
        pending.fold(self.durable.size, |size, pending| size_after(size, pending.change))
    }

    /// Which of the unsynced changes made the file shorter.
    fn shrinks(&self) -> Vec<usize> {
        let mut size = self.durable.size;
        let mut shrinks = Vec::new();
        for (at, pending) in self.pending.iter().enumerate() {
            let after = size_after(size, pending.change);
            if after < size {
                shrinks.push(at);
            }
            size = after;
        }
        shrinks
    }
}

fn size_after(size: u64, change: Change<'_>) -> u64 {
    match change {
        Change::Write { start, data } => size.max(start + data.len()),
        Change::Resize { size } => size,
    }
}

fn apply(content: &mut Content, change: Change<'_>) {
    match change {
        Change::Write { start, data } => content.write(start, data),
        Change::Resize { size } => content.resize(size),
    }
}
