//! The bytes of a file in blocks of 4 KiB, the unit in which a disk gets them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::trace::{index, offset};

/// What a disk writes as a whole, unless the power fails within it.
pub(crate) const BLOCK: u64 = 4096;
const BLOCK_LEN: usize = 4096;

/// One block; a copy of a file shares those that it has in common with the original.
pub(crate) type Block = Arc<[u8; BLOCK_LEN]>;

/// Written bytes, or so many zeros.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Data<'t> {
    Bytes(&'t [u8]),
    Zeros(u64),
}

impl<'t> Data<'t> {
    pub(crate) fn len(self) -> u64 {
        match self {
            Self::Bytes(bytes) => offset(bytes.len()),
            Self::Zeros(count) => count,
        }
    }

    fn slice(self, from: u64, to: u64) -> Self {
        match self {
            Self::Bytes(bytes) => {
                Data::Bytes(bytes.get(index(from)..index(to)).expect("within the data"))
            }
            Self::Zeros(_) => Data::Zeros(to - from),
        }
    }

    fn copy_to(self, target: &mut [u8]) {
        match self {
            Self::Bytes(bytes) => target.copy_from_slice(bytes),
            Self::Zeros(_) => target.fill(0),
        }
    }
}

/// The numbers of the blocks that a range of bytes touches.
pub(crate) fn blocks_of(start: u64, length: u64) -> Range<u64> {
    if length == 0 { start..start } else { start / BLOCK..(start + length).div_ceil(BLOCK) }
}

/// Puts into a block, or only into one range of it, what a write says of it.
pub(crate) fn write_block(
    block: &mut Block,
    number: u64,
    start: u64,
    data: Data<'_>,
    only: Range<u64>,
) {
    let base = number * BLOCK;
    let from = start.max(base + only.start);
    let to = (start + data.len()).min(base + only.end);
    if from < to {
        let bytes = Arc::make_mut(block);
        let target = bytes.get_mut(index(from - base)..index(to - base)).expect("in the block");
        data.slice(from - start, to - start).copy_to(target);
    }
}

pub(crate) fn empty_block() -> Block {
    Arc::new([0; BLOCK_LEN])
}

/// A file's bytes; blocks of which nothing is known are zeros, as holes are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(crate) size: u64,
    pub(crate) blocks: BTreeMap<u64, Block>,
}

impl Content {
    pub(crate) fn write(&mut self, start: u64, data: Data<'_>) {
        self.size = self.size.max(start + data.len());
        for number in blocks_of(start, data.len()) {
            let whole = start <= number * BLOCK && (number + 1) * BLOCK <= start + data.len();
            if whole && matches!(data, Data::Zeros(_)) {
                self.blocks.remove(&number);
            } else {
                let block = self.blocks.entry(number).or_insert_with(empty_block);
                write_block(block, number, start, data, 0..BLOCK);
            }
        }
    }

    /// Makes it shorter or longer; what is beyond the end is forgotten.
    pub(crate) fn resize(&mut self, size: u64) {
        drop(self.blocks.split_off(&size.div_ceil(BLOCK)));
        let last = size / BLOCK;
        if let Some(block) = self.blocks.get_mut(&last) {
            write_block(block, last, size, Data::Zeros(BLOCK), 0..BLOCK);
        }
        self.size = size;
    }

    pub(crate) fn block(&self, number: u64) -> Block {
        self.blocks.get(&number).cloned().unwrap_or_else(empty_block)
    }
}
