//! Reads what a crash left, and tells an end that was never acknowledged from damage.
//!
//! ```text
//!  walk:   oldest segment ─ batch ─ batch ─ ... ─ next segment ─ batch ─ ... ─ p: the first misfit
//!  search: every 4 KiB boundary from p on, and HORIZON, for a proof that p had been synced
//!             proof      ► Error::Damage, nothing is changed
//!             no proof   ► p is where the log ends
//!  settle: what lies beyond the last proof is written again; zeros from p to the end of the file
//! ```
//!
//! A batch fits if its checksums do, it is of this log, has the position where it stands, names the
//! checksum of the batch before, was written by no earlier process than that one, and claims to be
//! synced no further than the batches before reach.

use std::path::PathBuf;

use stator_model::StartNumber;

use crate::batch::{self, HEADER_BYTES, Parsed, round_up};
use crate::codec::{disk_length, memory_length};
use crate::dir::{LogDir, LogFile};
use crate::error::{Error, Lost};
use crate::horizon::{self, Reach};
use crate::id::LogId;
use crate::ledger::Ledger;
use crate::log::{Current, UNFINISHED_LOG};
use crate::replay::Replay;
use crate::segment;
use crate::walk::{self, CHUNK, File, Walk};

/// A log that can go on, once [`settle`] has made its end sure.
pub(crate) struct Resumable {
    pub(crate) id: LogId,
    /// The last start number seen.
    pub(crate) start: StartNumber,
    /// Where the log ends.
    pub(crate) end: u64,
    pub(crate) chain: u32,
    pub(crate) horizon: Option<Reach>,
    pub(crate) ledger: Ledger,
    pub(crate) replay: Replay,
    /// The segment in which it ends.
    current: File,
    /// How long the checkpoint is that this segment begins with.
    checkpoint: u64,
    /// From here to `end` nothing proves that it was synced.
    pub(crate) proven: u64,
    /// Files of no use: released segments, and those behind the end.
    obsolete: Vec<String>,
}

/// Reads the log. `None` if there is none, and none must be there.
pub(crate) fn recover(dir: &dyn LogDir, expect: Option<LogId>) -> Result<Option<Resumable>, Error> {
    let horizon = horizon::read(dir)?;
    let mut files = list(dir)?;
    if files.is_empty() {
        return match (expect, horizon) {
            (None, None) => Ok(None),
            (expected, _) => Err(Error::Absent { path: dir.path(""), expected }),
        };
    }
    let id = identify(dir, &files, expect, horizon)?;
    let mut obsolete = Vec::new();
    if let Some(reach) = horizon {
        files.retain(|file| {
            let kept = file.base >= reach.oldest;
            if !kept {
                obsolete.push(file.name.clone());
            }
            kept
        });
        if files.first().is_none_or(|file| file.base != reach.oldest) {
            let path = dir.path(&segment::name(reach.oldest));
            return Err(Error::Damage { path, offset: 0, lost: Lost::File });
        }
    }
    check_neighbours(dir, &files)?;
    let mut walk = Walk::new(dir, id);
    let at = walk.run(&files)?;
    search(dir, &files, at, &walk, horizon)?;
    let behind = files.split_off(at + 1);
    obsolete.extend(behind.into_iter().map(|file| file.name));
    let current = files.pop().expect("the walk ends in one of the files");
    Ok(Some(Resumable {
        id,
        start: walk.start,
        end: walk.end,
        chain: walk.chain.unwrap_or_default(),
        horizon,
        ledger: walk.ledger,
        replay: walk.replay,
        current,
        checkpoint: walk.checkpoint,
        proven: walk.proven.max(horizon.map_or(0, |reach| reach.synced)),
        obsolete,
    }))
}

/// Makes the end of the log sure. IMPORTANT: in this order. What is behind the end goes first; then what was only read from the page cache is written again; then the tail is zeroed,
/// so that leftovers of a lost batch cannot be walked into once batches are appended.
pub(crate) fn settle(dir: &dyn LogDir, found: &Resumable) -> Result<Current, Error> {
    for name in &found.obsolete {
        dir.remove(name)?;
    }
    for name in dir.list()? {
        if name == UNFINISHED_LOG || name == horizon::TEMPORARY {
            dir.remove(&name)?;
        }
    }
    dir.sync()?;
    let File { name, base, size } = &found.current;
    let file = dir.open(name)?;
    let end = found.end - base;
    rewrite(&*file, found.proven.max(*base) - base, end)?;
    let size = zero_tail(&*file, end, *size)?;
    file.sync()?;
    Ok(Current { base: *base, size, checkpoint: found.checkpoint, file })
}

fn list(dir: &dyn LogDir) -> Result<Vec<File>, Error> {
    let mut files = Vec::new();
    for name in dir.list()? {
        if let Some(base) = segment::base(&name) {
            let size = dir.open(&name)?.size()?;
            if base.checked_add(size).is_none() {
                let lost = Lost::End { expected: 0 };
                return Err(Error::Damage { path: dir.path(&name), offset: 0, lost });
            }
            files.push(File { name, base, size });
        }
    }
    files.sort_by_key(|file| file.base);
    Ok(files)
}

/// Which log this is: the one that must be, and that HORIZON and every segment must name.
fn identify(
    dir: &dyn LogDir,
    files: &[File],
    expect: Option<LogId>,
    horizon: Option<Reach>,
) -> Result<LogId, Error> {
    let mut known = expect;
    if let Some(reach) = horizon {
        known = Some(same_log(dir.path(horizon::NAME), known, reach.log)?);
    }
    for file in files {
        if let Parsed::Header(header) = first_header(dir, file)? {
            known = Some(same_log(dir.path(&file.name), known, header.head.log)?);
        }
    }
    known.ok_or_else(|| damaged_start(dir, files))
}

fn same_log(path: PathBuf, known: Option<LogId>, found: LogId) -> Result<LogId, Error> {
    match known {
        Some(expected) if expected != found => Err(Error::OtherLog { path, expected, found }),
        Some(_) | None => Ok(found),
    }
}

fn damaged_start(dir: &dyn LogDir, files: &[File]) -> Error {
    let name = files.first().map_or("", |file| file.name.as_str());
    Error::Damage { path: dir.path(name), offset: 0, lost: Lost::Checkpoint }
}

fn first_header(dir: &dyn LogDir, file: &File) -> Result<Parsed, Error> {
    if file.size < disk_length(HEADER_BYTES) {
        return Ok(Parsed::Nothing);
    }
    let mut bytes = [0; HEADER_BYTES];
    dir.open(&file.name)?.read_at(0, &mut bytes)?;
    Ok(batch::parse(&bytes))
}

/// Each segment begins where the one before ends. No crash can break that: a segment's name is made
/// when the one before is complete and synced.
fn check_neighbours(dir: &dyn LogDir, files: &[File]) -> Result<(), Error> {
    for (file, next) in files.iter().zip(files.iter().skip(1)) {
        let end = file.base + file.size;
        if end == next.base {
            continue;
        }
        let expected = walk::declared_size(dir, file)?.unwrap_or(next.base - file.base);
        if file.size >= expected && end < next.base {
            let path = dir.path(&segment::name(end));
            return Err(Error::Damage { path, offset: 0, lost: Lost::File });
        }
        let expected = expected.max(next.base - file.base);
        let path = dir.path(&file.name);
        return Err(Error::Damage {
            path,
            offset: file.size.min(expected),
            lost: Lost::End { expected },
        });
    }
    Ok(())
}

/// Looks for a proof that the log had been synced beyond where the walk ended. A good header of this
/// log proves it wherever it stands: stale batches of recycled segments claim less, and nobody else
/// knows the log's id.
fn search(
    dir: &dyn LogDir,
    files: &[File],
    at: usize,
    walk: &Walk<'_>,
    horizon: Option<Reach>,
) -> Result<(), Error> {
    let end = walk.end;
    let mut proof = None;
    for (number, file) in files.iter().enumerate().skip(at) {
        let from = end.saturating_sub(file.base).min(file.size);
        let synced = walk::highest_synced(dir, walk.id, file, from)?;
        if let Some(synced) = synced.filter(|synced| *synced > end) {
            let (number, to) = proof.unwrap_or((number, synced));
            proof = Some((number, synced.max(to)));
        }
    }
    if let Some(reach) = horizon.filter(|reach| reach.synced > end) {
        let (number, to) = proof.unwrap_or((files.len(), reach.synced));
        proof = Some((number, reach.synced.max(to)));
    }
    match proof {
        Some((number, to)) => Err(locate(dir, files, at, end, (number, to))?),
        None => Ok(()),
    }
}

/// Which file is damaged, given that the walk ended in file `at` and the first proof is in file
/// `proof`: that one, the next, or one that is missing.
fn locate(
    dir: &dyn LogDir,
    files: &[File],
    at: usize,
    end: u64,
    (proof, to): (usize, u64),
) -> Result<Error, Error> {
    let Some(file) = files.get(at) else { return Ok(damaged_start(dir, files)) };
    let here = Error::Damage {
        path: dir.path(&file.name),
        offset: end - file.base,
        lost: Lost::Synced { from: end, to },
    };
    let Some(next) = files.get(at + 1) else {
        let file_end = file.base + file.size;
        if to <= file_end {
            return Ok(here);
        }
        let path = dir.path(&segment::name(file_end));
        return Ok(Error::Damage { path, offset: 0, lost: Lost::File });
    };
    // The next checkpoint tells whether it was this file that went on.
    let went_on = match first_header(dir, next)? {
        Parsed::Header(header) => header.head.position == next.base && header.head.synced > end,
        Parsed::Newer { .. } | Parsed::Nothing => false,
    };
    if proof == at || went_on {
        return Ok(here);
    }
    Ok(Error::Damage { path: dir.path(&next.name), offset: 0, lost: Lost::Checkpoint })
}

/// Writes the bytes from `from` to `to` over themselves.
fn rewrite(file: &dyn LogFile, from: u64, to: u64) -> Result<(), Error> {
    let mut at = from;
    while at < to {
        let mut bytes = vec![0; memory_length(CHUNK.min(to - at))];
        file.read_at(at, &mut bytes)?;
        file.write_at(at, &bytes)?;
        at += disk_length(bytes.len());
    }
    Ok(())
}

/// Writes zeros wherever there are none from `from` to the end, and makes the file end with a whole
/// block. Returns its length.
fn zero_tail(file: &dyn LogFile, from: u64, size: u64) -> Result<u64, Error> {
    let zeros = vec![0; memory_length(CHUNK)];
    let mut at = from;
    while at < size {
        let mut bytes = vec![0; memory_length(CHUNK.min(size - at))];
        file.read_at(at, &mut bytes)?;
        let next = at + disk_length(bytes.len());
        if !zeros.starts_with(&bytes) {
            segment::write_zeros(file, at, next)?;
        }
        at = next;
    }
    let whole = round_up(size.max(from));
    segment::write_zeros(file, size, whole)?;
    Ok(whole)
}

#[cfg(test)]
mod tests;
