//! The file `sealed`: which sealed journals there are, and what each holds.
//!
//! A journal that is lost, or that ends early, cannot be told from one that fjall let go, or that was
//! never longer: the next one goes on with higher sequence numbers either way. But the batches behind
//! the gap say how far they were applied, and so the Raft log would not bring back what is in it. So the
//! store notes what its sealed journals hold:
//!
//! ```text
//! <directory>/sealed   "STATORSJ" │ version 1, u32 │ count, u32 │ of each journal: number, u64 │ end, u64
//!                      │ count, u32 │ of each keyspace it writes to: id, u64 │ last sequence number, u64
//!                      │ CRC32C of all that, u32; big endian
//! ```
//!
//! At a start a noted journal must reach its end. If it is not there, fjall let it go, and then the
//! tables of each of those keyspaces are as new as the note says. The newest journal is always there:
//! without any fjall would count sequence numbers from 0 again, below those in the tables, and snapshots
//! would be empty.
//!
//! The file is written before a [`persist`](crate::Engine::persist) returns that finds another set of
//! journals, hence before the Raft log lets go of what is in them. What it cannot speak for is a journal
//! that was sealed after the last persist, a second ago at most. It holds no data: if it does not read,
//! the journals are believed, and it is made anew.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::format;
use crate::error::Damage;
use crate::journal::{self, Sealed};
use crate::{Error, Result};

const NAME: &str = "sealed";
const MAGIC: [u8; 8] = *b"STATORSJ";
const VERSION: u32 = 1;

/// The note of an open store.
#[derive(Debug)]
pub(super) struct Note {
    directory: PathBuf,
    sealed: Mutex<Vec<Sealed>>,
}

impl Note {
    /// Notes these journals, which were found when the store was opened.
    pub(super) fn new(directory: &Path, found: Vec<Sealed>) -> Result<Self> {
        let noted = read(directory)?;
        if noted.as_ref().map_or(!found.is_empty(), |noted| *noted != found) {
            write(directory, &found)?;
        }
        Ok(Self { directory: directory.to_path_buf(), sealed: Mutex::new(found) })
    }

    /// Brings the note in line with the journals that there are.
    pub(super) fn refresh(&self) -> Result<()> {
        let mut sealed = self.sealed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut journals = journal::list(&self.directory)?;
        journals.pop();
        let numbers = journals.iter().map(|journal| journal.number);
        if sealed.iter().map(|sealed| sealed.number).eq(numbers) {
            return Ok(());
        }
        let mut now = Vec::with_capacity(journals.len());
        for journal in &journals {
            match sealed.iter().find(|sealed| sealed.number == journal.number) {
                Some(known) => now.push(known.clone()),
                None => match journal::read_sealed(journal) {
                    Ok(new) => now.push(new),
                    // fjall let it go meanwhile.
                    Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                    Err(other) => return Err(other),
                },
            }
        }
        write(&self.directory, &now)?;
        *sealed = now;
        Ok(())
    }

    /// Before tables of a keyspace go: of the journals that it does not need, because its tables have all
    /// that is in them, the note asks no longer how new those tables are.
    pub(super) fn settle(&self, keyspace: u64, flushed: Option<u64>) -> Result<()> {
        let mut sealed = self.sealed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut now = sealed.clone();
        for journal in &mut now {
            let done = |newest: &u64| flushed.is_some_and(|flushed| flushed >= *newest);
            if journal.newest.get(&keyspace).is_some_and(done) {
                journal.newest.remove(&keyspace);
            }
        }
        if now != *sealed {
            write(&self.directory, &now)?;
            *sealed = now;
        }
        Ok(())
    }
}

/// Compares the journals that were found with the note. `flushed` tells the newest sequence number in the
/// tables of a keyspace.
pub(super) fn check(
    directory: &Path,
    found: &[Sealed],
    flushed: impl Fn(u64) -> Result<Option<u64>>,
) -> Result<()> {
    let journals = journal::list(directory)?;
    if journals.is_empty() {
        let file = directory.to_path_buf();
        return Err(Error::Damage { file, offset: 0, problem: Damage::NoJournal });
    }
    for noted in read(directory)?.unwrap_or_default() {
        let file = directory.join(format!("{}.jnl", noted.number));
        if let Some(found) = found.iter().find(|found| found.number == noted.number) {
            if found.end < noted.end {
                return Err(Error::Damage { file, offset: found.end, problem: Damage::End });
            }
        } else if !journals.iter().any(|journal| journal.number == noted.number) {
            for (keyspace, newest) in &noted.newest {
                if flushed(*keyspace)?.is_none_or(|flushed| flushed < *newest) {
                    return Err(Error::Damage { file, offset: 0, problem: Damage::Missing });
                }
            }
        }
    }
    Ok(())
}

fn read(directory: &Path) -> Result<Option<Vec<Sealed>>> {
    let file = directory.join(NAME);
    let Some(bytes) = format::read_file(&file)? else { return Ok(None) };
    match decode(&bytes) {
        Some((VERSION, sealed)) => Ok(sealed),
        Some((found, _)) if found > VERSION => {
            Err(Error::NewerVersion { file, found, supported: VERSION })
        }
        Some(_) | None => Ok(None),
    }
}

fn write(directory: &Path, sealed: &[Sealed]) -> Result<()> {
    format::replace(directory, NAME, &encode(sealed))
}

fn encode(sealed: &[Sealed]) -> Vec<u8> {
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = Vec::new();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&count(sealed.len()));
    for journal in sealed {
        out.extend_from_slice(&journal.number.to_be_bytes());
        out.extend_from_slice(&journal.end.to_be_bytes());
        out.extend_from_slice(&count(journal.newest.len()));
        for (keyspace, newest) in &journal.newest {
            out.extend_from_slice(&keyspace.to_be_bytes());
            out.extend_from_slice(&newest.to_be_bytes());
        }
    }
    let sum = crc32c::crc32c(&out);
    out.extend_from_slice(&sum.to_be_bytes());
    out
}

/// The version, and what the file says if it is this one; `None` if its checksum does not fit.
fn decode(bytes: &[u8]) -> Option<(u32, Option<Vec<Sealed>>)> {
    let (body, sum) = bytes.split_last_chunk()?;
    if crc32c::crc32c(body) != u32::from_be_bytes(*sum) {
        return None;
    }
    let mut rest = body.strip_prefix(&MAGIC)?;
    let version = number32(&mut rest)?;
    Some((version, journals(rest).filter(|_| version == VERSION)))
}

fn journals(mut rest: &[u8]) -> Option<Vec<Sealed>> {
    let mut sealed = Vec::new();
    for _ in 0..number32(&mut rest)? {
        let (number, end) = (number64(&mut rest)?, number64(&mut rest)?);
        let mut newest = BTreeMap::new();
        for _ in 0..number32(&mut rest)? {
            newest.insert(number64(&mut rest)?, number64(&mut rest)?);
        }
        sealed.push(Sealed { number, end, newest });
    }
    rest.is_empty().then_some(sealed)
}

fn number32(rest: &mut &[u8]) -> Option<u32> {
    let (number, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(u32::from_be_bytes(*number))
}

fn number64(rest: &mut &[u8]) -> Option<u64> {
    let (number, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(u64::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn sealed(number: u64) -> Sealed {
        Sealed { number, end: 0x1000, newest: BTreeMap::from([(2, 7), (5, 9)]) }
    }

    #[test]
    fn a_note_has_the_bytes_it_always_had() {
        let bytes = encode(&[sealed(3)]);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let golden = concat!(
            "535441544f52534a 00000001 00000001 0000000000000003 0000000000001000 00000002",
            " 0000000000000002 0000000000000007 0000000000000005 0000000000000009 9ebeff35"
        );
        assert_eq!(hex, golden.replace(' ', ""));
        assert_eq!(decode(&bytes), Some((VERSION, Some(vec![sealed(3)]))));
    }

    #[test]
    fn a_note_that_does_not_read_is_none_and_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let note = Note::new(dir.path(), vec![sealed(3)]).unwrap();
        let file = dir.path().join(NAME);
        let good = fs::read(&file).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&file, &bad).unwrap();
            assert_eq!(read(dir.path()).unwrap(), None, "byte {at}");
            fs::write(&file, &good[..at]).unwrap();
            assert_eq!(read(dir.path()).unwrap(), None, "cut at {at}");
        }
        drop(note);
        Note::new(dir.path(), vec![sealed(4)]).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Some(vec![sealed(4)]));
    }

    #[test]
    fn a_newer_note_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = encode(&[]);
        bytes.truncate(bytes.len() - 4);
        bytes[11] = 2;
        let sum = crc32c::crc32c(&bytes);
        fs::write(dir.path().join(NAME), [&bytes[..], &sum.to_be_bytes()].concat()).unwrap();
        let error = read(dir.path()).unwrap_err();
        assert!(matches!(error, Error::NewerVersion { found: 2, .. }), "{error:?}");
    }

    #[test]
    fn a_journal_may_be_missing_only_if_tables_are_as_new_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let note = Note::new(dir.path(), vec![sealed(3)]).unwrap();
        fs::write(dir.path().join("4.jnl"), b"").unwrap();
        let lost = |flushed: &dyn Fn(u64) -> Option<u64>| {
            let error = check(dir.path(), &[], |keyspace| Ok(flushed(keyspace))).err()?;
            let Error::Damage { file, offset: 0, problem } = error else { panic!("{error:?}") };
            assert_eq!(file, dir.path().join("3.jnl"));
            Some(problem)
        };
        assert_eq!(lost(&|_| Some(9)), None);
        assert_eq!(lost(&|keyspace| (keyspace == 5).then_some(9)), Some(Damage::Missing));
        assert_eq!(lost(&|_| Some(8)), Some(Damage::Missing));
        // Tables of that keyspace may go, since they had everything.
        note.settle(5, Some(8)).unwrap();
        assert_eq!(lost(&|_| Some(7)), Some(Damage::Missing));
        note.settle(5, Some(9)).unwrap();
        assert_eq!(lost(&|_| Some(7)), None);
    }

    #[test]
    fn a_journal_that_ends_before_its_noted_end_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        Note::new(dir.path(), vec![sealed(3)]).unwrap();
        fs::write(dir.path().join("3.jnl"), b"").unwrap();
        let found = |end| [Sealed { end, ..sealed(3) }];
        check(dir.path(), &found(0x1000), |_| Ok(None)).unwrap();
        let error = check(dir.path(), &found(0xfff), |_| Ok(None)).unwrap_err();
        assert!(matches!(error, Error::Damage { offset: 0xfff, problem: Damage::End, .. }));
    }
}
