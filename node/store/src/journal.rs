//! Reading fjall's journals before fjall does.
//!
//! fjall cuts a journal at the first byte that it cannot read, without a trace, and refuses for good
//! to open one whose last batch is torn in an unlucky place. Both are wrong here: what was synced and
//! is unreadable is damage that somebody has to be told, and what was not synced is not needed,
//! because the Raft log has it. So before fjall opens a store, [`check`] reads every journal:
//!
//! - all but the newest were synced when they were sealed: any byte before their zeros that does not
//!   fit is [`Error::Damage`], with the file and where the batch begins in it;
//! - the newest is cut at its first batch that is not whole.
//!
//! The format is that of fjall 3.1.13, which a test compares with `Cargo.lock`. A journal is batches,
//! then zeros to the end of the file; integers are little endian:
//!
//! ```text
//! batch: 1 │ count, u32 │ sequence number, u64 │ count entries │ 3 │ xxh3-64 of the entries, u64 │ "FJL" 3
//! entry: 2 │ type: 0 put, 1 deletion │ compression: 0 none │ keyspace, u64 │ key length, u16
//!          │ value length, u32 │ stored length, u32, the same │ key │ value
//! ```
//!
//! Weak deletions, compressed values and markers that clear a keyspace are part of fjall's format,
//! but this store writes none. The checksum does not cover count and sequence number; a wrong count
//! does not lead to an end, and sequence numbers have to rise from batch to batch.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Damage;
use crate::{Error, Result};

mod read;

#[cfg(test)]
mod tests;

use read::{Next, Reader};

/// A journal's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Journal {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
}

/// What a sealed journal holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// Its number.
    pub(crate) number: u64,
    /// Where its batches end.
    pub(crate) end: u64,
    /// Of each keyspace of fjall that it writes to, the last sequence number.
    pub(crate) newest: BTreeMap<u64, u64>,
}

/// What was found in the journals of a store.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What those hold to which nothing is added any more, from the oldest on.
    pub(crate) sealed: Vec<Sealed>,
    /// Where the newest one was cut, if it was.
    pub(crate) cut: Option<(PathBuf, u64)>,
}

/// Checks the journals in a directory that no process has open, and cuts the newest.
///
/// # Errors
/// [`Error::Damage`] if bytes are gone that were synced; otherwise if a file cannot be read.
pub(crate) fn check(directory: &Path) -> Result<Found> {
    let mut journals = list(directory)?;
    let newest = journals.pop();
    let mut order = Order::default();
    let sealed = journals.iter().map(|journal| check_sealed(journal, &mut order));
    let sealed = sealed.collect::<Result<_>>()?;
    let mut cut = None;
    if let Some(newest) = newest {
        let end = check_newest(&newest.path, &mut order)?;
        cut = end.map(|end| (newest.path, end));
    }
    Ok(Found { sealed, cut })
}

/// Reads a journal to which nothing is added any more.
///
/// # Errors
/// As [`check`].
pub(crate) fn read_sealed(journal: &Journal) -> Result<Sealed> {
    check_sealed(journal, &mut Order::default())
}

/// The journals in a directory, the newest last.
pub(crate) fn list(directory: &Path) -> Result<Vec<Journal>> {
    let listing = |error| Error::io("listing", directory, error);
    let mut journals = Vec::new();
    for entry in fs::read_dir(directory).map_err(listing)? {
        let path = entry.map_err(listing)?.path();
        if path.extension() == Some(OsStr::new("jnl")) {
            let number =
                path.file_stem().and_then(OsStr::to_str).and_then(|stem| stem.parse().ok());
            let is_file = match fs::metadata(&path) {
                Ok(metadata) => metadata.is_file(),
                // fjall let it go since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io("reading", &path, error)),
            };
            let Some(number) = number.filter(|_| is_file) else {
                return Err(Error::Damage { file: path, offset: 0, problem: Damage::Content });
            };
            journals.push(Journal { number, path });
        }
    }
    journals.sort_by_key(|journal| journal.number);
    Ok(journals)
}

/// Whether nothing was ever written to a journal.
pub(crate) fn is_blank(path: &Path) -> Result<bool> {
    let reading = |error| Error::io("reading", path, error);
    let mut reader = Reader::open(path).map_err(reading)?;
    reader.ends_in_zeros().map_err(reading)
}

fn check_sealed(journal: &Journal, order: &mut Order) -> Result<Sealed> {
    let path = journal.path.as_path();
    let reading = |error| Error::io("reading", path, error);
    let damage = |offset, problem| Error::Damage { file: path.to_path_buf(), offset, problem };
    let mut reader = Reader::open(path).map_err(reading)?;
    loop {
        match reader.batch().map_err(reading)? {
            Next::Batch { offset, seqno } => {
                order.check(seqno).map_err(|problem| damage(offset, problem))?;
            }
            Next::Misfit { offset, problem } => return Err(damage(offset, problem)),
            Next::End { offset } => {
                let zeros = reader.ends_in_zeros().map_err(reading)?;
                let newest = reader.into_newest();
                let sealed = Sealed { number: journal.number, end: offset, newest };
                return if zeros { Ok(sealed) } else { Err(damage(offset, Damage::NotZero)) };
            }
        }
    }
}

/// Returns where it was cut, if it was.
fn check_newest(path: &Path, order: &mut Order) -> Result<Option<u64>> {
    let reading = |error| Error::io("reading", path, error);
    let mut reader = Reader::open(path).map_err(reading)?;
    loop {
        match reader.batch().map_err(reading)? {
            // A whole batch out of order is no torn write, but bytes that have changed.
            Next::Batch { offset, seqno } => order
                .check(seqno)
                .map_err(|problem| Error::Damage { file: path.to_path_buf(), offset, problem })?,
            Next::Misfit { offset, .. } => return cut(path, offset).map(|()| Some(offset)),
            Next::End { offset } => {
                let zeros = reader.ends_in_zeros().map_err(reading)?;
                return if zeros { Ok(None) } else { cut(path, offset).map(|()| Some(offset)) };
            }
        }
    }
}

/// Ends a journal at `length` bytes.
fn cut(path: &Path, length: u64) -> Result<()> {
    let cut = || -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(length)?;
        file.sync_all()
    };
    cut().map_err(|error| Error::io("cutting", path, error))
}

/// Sequence numbers have to rise, over all journals.
#[derive(Default)]
struct Order {
    last: Option<u64>,
}

impl Order {
    /// Between two batches flushes and compactions take numbers, but not billions of them.
    const MOST_BETWEEN: u64 = 1 << 32;

    fn check(&mut self, seqno: u64) -> std::result::Result<(), Damage> {
        let follows =
            self.last.is_none_or(|last| seqno > last && seqno - last <= Self::MOST_BETWEEN);
        self.last = Some(seqno);
        if follows { Ok(()) } else { Err(Damage::OutOfOrder) }
    }
}
