//! What is done to a file.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use stator_e2e::random::Random;

use super::directory::Kind;

/// What a disk loses at once.
const BLOCK: u64 = 4096;

/// How often to look for a byte that is not 0: most of some files is never written, and damage there
/// shows nothing.
const LOOKS: u32 = 4_000;

/// One way to harm a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Harm {
    /// One bit of a byte that is not 0.
    Flip,
    /// One block that is not all zeros becomes so.
    Hole,
    /// It ends somewhere before its end.
    Truncate,
    /// All of it becomes zeros.
    Zero,
    Remove,
    /// It becomes what it was in an older copy of the directory; if it is not there any more it comes
    /// back.
    Older,
}

impl Harm {
    pub(crate) const ALL: [Self; 6] =
        [Self::Flip, Self::Hole, Self::Truncate, Self::Zero, Self::Remove, Self::Older];
}

/// A file to harm, and how.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Its path in the data directory.
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) harm: Harm,
    /// Says where.
    pub(crate) random: Random,
}

impl Case {
    /// What is said of it, and what finds it again.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", format!("{:?}", self.harm).to_lowercase(), self.path)
    }

    /// Harms the file in this directory; `older` is the older copy of it. Says what was done.
    pub(crate) fn apply(&self, directory: &Path, older: &Path) -> String {
        let mut random = self.random.clone();
        let file = directory.join(&self.path);
        match self.harm {
            Harm::Flip => {
                let at = written_byte(&file, &mut random);
                let bit = 1 << random.below(8);
                change(&file, at, 1, |byte| byte ^ bit);
                format!("a bit flipped at byte {at}")
            }
            Harm::Hole => {
                let at = written_byte(&file, &mut random) / BLOCK * BLOCK;
                change(&file, at, BLOCK, |_| 0);
                format!("zeros from byte {at} on")
            }
            Harm::Truncate => {
                let length = random.below(size(&file));
                open(&file).set_len(length).expect("it can be cut");
                format!("cut to {length} bytes")
            }
            Harm::Zero => {
                change(&file, 0, u64::MAX, |_| 0);
                "all zeros".to_owned()
            }
            Harm::Remove => {
                fs::remove_file(&file).expect("it can be removed");
                "removed".to_owned()
            }
            Harm::Older => {
                fs::copy(older.join(&self.path), &file).expect("there is room");
                "an older copy".to_owned()
            }
        }
    }
}

/// Where a byte is that is not 0, if one can be found.
fn written_byte(file: &Path, random: &mut Random) -> u64 {
    let (size, opened) = (size(file), open(file));
    let mut byte = [0];
    for _ in 0..LOOKS {
        let at = random.below(size);
        opened.read_exact_at(&mut byte, at).expect("it can be read");
        if byte != [0] {
            return at;
        }
    }
    0
}

fn change(file: &Path, start: u64, length: u64, change: impl Fn(u8) -> u8) {
    let end = start.saturating_add(length).min(size(file));
    let length = usize::try_from(end - start).expect("files fit into memory");
    let (opened, mut bytes) = (open(file), vec![0; length]);
    opened.read_exact_at(&mut bytes, start).expect("it can be read");
    bytes.iter_mut().for_each(|byte| *byte = change(*byte));
    opened.write_all_at(&bytes, start).expect("it can be written");
}

fn open(file: &Path) -> fs::File {
    OpenOptions::new().read(true).write(true).open(file).expect("it is there")
}

fn size(file: &Path) -> u64 {
    fs::metadata(file).expect("it is there").len()
}
