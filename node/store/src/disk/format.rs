//! The files that say what the directory is, checked before fjall opens it.
//!
//! ```text
//! <directory>/format          ours: "STATORKS" │ version 1, u32 │ id of each of the 16 keyspaces, u64
//!                             │ CRC32C of all that, u32; big endian
//! <directory>/version         fjall's: "FJL" │ 3
//! <directory>/<n>.jnl         fjall's journals: see `crate::journal`
//! <directory>/sealed          ours: see `super::sealed`
//! <directory>/keyspaces/<id>/current     which manifest counts: number, u64 │ xxh3-128 of it │ 0; little endian
//! <directory>/keyspaces/<id>/v<number>   that manifest
//! ```
//!
//! `format` is written last, so a directory without it was never used: what the interrupted start
//! left is removed. In one that has it, fjall would take a keyspace without `current` for one that
//! was never finished and delete it, and would delete all of them without that of keyspace 0, which
//! holds their names; it stores the checksum of a manifest but does not compare it, and does not name
//! the table that it misses. So that is done here.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_128;

use super::tables;
use crate::error::Damage;
use crate::{Error, KEYSPACES, Result, journal};

const MAGIC: [u8; 8] = *b"STATORKS";
const VERSION: u32 = 1;
const LENGTH: usize = 8 + 4 + 8 * KEYSPACES as usize + 4;

const FJALL_MAGIC: [u8; 3] = *b"FJL";
const FJALL_VERSION: u8 = 3;

/// The keyspace that holds the names of the others.
const META_KEYSPACE: u64 = 0;

/// What the file `format` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Format {
    /// The id that fjall gave each keyspace.
    pub(super) keyspaces: Vec<u64>,
}

impl Format {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(LENGTH);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_be_bytes());
        for id in &self.keyspaces {
            out.extend_from_slice(&id.to_be_bytes());
        }
        let sum = crc32c::crc32c(&out);
        out.extend_from_slice(&sum.to_be_bytes());
        assert_eq!(out.len(), LENGTH, "one id for each keyspace");
        out
    }

    /// The format, or the version where it is a newer one.
    fn decode(bytes: &[u8]) -> std::result::Result<Self, Undecoded> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(Undecoded::Garbage)?;
        let version = rest.first_chunk().copied().map(u32::from_be_bytes);
        match version {
            Some(VERSION) if bytes.len() == LENGTH => {}
            Some(newer) if newer > VERSION => return Err(Undecoded::Newer(newer)),
            Some(_) | None => return Err(Undecoded::Garbage),
        }
        let (body, sum) = bytes.split_last_chunk().ok_or(Undecoded::Garbage)?;
        if crc32c::crc32c(body) != u32::from_be_bytes(*sum) {
            return Err(Undecoded::Garbage);
        }
        let (ids, _) = body.get(12..).unwrap_or_default().as_chunks::<8>();
        Ok(Self { keyspaces: ids.iter().copied().map(u64::from_be_bytes).collect() })
    }
}

enum Undecoded {
    Newer(u32),
    Garbage,
}

/// What the directory is; `None` if no store was ever finished here.
pub(super) fn read(path: &Path) -> Result<Option<Format>> {
    let file = path.join("format");
    let Some(bytes) = read_file(&file)? else { return Ok(None) };
    let format = Format::decode(&bytes).map_err(|problem| match problem {
        Undecoded::Newer(found) => {
            Error::NewerVersion { file: file.clone(), found, supported: VERSION }
        }
        Undecoded::Garbage => damage(file.clone(), Damage::Content),
    })?;
    check_fjall_version(path)?;
    Ok(Some(format))
}

/// Writes what the directory is.
pub(super) fn write(path: &Path, format: &Format) -> Result<()> {
    replace(path, "format", &format.encode())
}

/// Writes a file anew, in one step that a crash does not halve.
pub(super) fn replace(path: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let new = path.join(format!("{name}.new"));
    let write = || -> io::Result<()> {
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path.join(name))?;
        File::open(path)?.sync_all()
    };
    write().map_err(|error| Error::io("writing", &new, error))
}

fn check_fjall_version(path: &Path) -> Result<()> {
    let file = path.join("version");
    match read_file(&file)?.as_deref() {
        Some([magic @ .., FJALL_VERSION]) if magic == FJALL_MAGIC => Ok(()),
        Some([magic @ .., newer]) if magic == FJALL_MAGIC && *newer > FJALL_VERSION => {
            Err(Error::NewerVersion {
                file,
                found: u32::from(*newer),
                supported: u32::from(FJALL_VERSION),
            })
        }
        Some(_) => Err(damage(file, Damage::Content)),
        None => Err(damage(file, Damage::Missing)),
    }
}

/// Checks that every keyspace is there, with the manifest that it was left with and the tables that it
/// lists.
pub(super) fn check_keyspaces(path: &Path, format: &Format) -> Result<()> {
    let folder = path.join("keyspaces");
    for entry in entries(&folder)? {
        // fjall panics on a directory that is not named after a number.
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.parse::<u64>().ok());
        if number.is_none() && entry.path().is_dir() {
            return Err(damage(entry.path(), Damage::Content));
        }
    }
    keyspaces(path, format).try_for_each(|keyspace| {
        let (file, manifest) = manifest(&keyspace)?;
        tables::check(&keyspace, &manifest).unwrap_or_else(|| Err(damage(file, Damage::Content)))
    })
}

/// The first damaged table of a store that fjall refuses to open. Reads all tables until there is one.
pub(super) fn find_damage(path: &Path, format: &Format) -> Result<()> {
    for keyspace in keyspaces(path, format) {
        let (_, manifest) = manifest(&keyspace)?;
        for table in tables::listed(&keyspace, &manifest).unwrap_or_default() {
            let (file, misfit) = (&table.file, tables::first_misfit(&table.file));
            if let Some(offset) = misfit.map_err(|error| Error::io("reading", file, error))? {
                let file = table.file;
                return Err(Error::Damage { file, offset, problem: Damage::Checksum });
            }
        }
    }
    Ok(())
}

/// The newest sequence number in the tables of a keyspace; `None` if there is none.
pub(super) fn flushed(path: &Path, id: u64) -> Result<Option<u64>> {
    let keyspace = path.join("keyspaces").join(id.to_string());
    let (_, manifest) = manifest(&keyspace)?;
    let mut newest = None;
    for table in tables::listed(&keyspace, &manifest).unwrap_or_default() {
        newest = newest.max(Some(tables::newest(&table)?));
    }
    Ok(newest)
}

fn keyspaces(path: &Path, format: &Format) -> impl Iterator<Item = PathBuf> {
    let folder = path.join("keyspaces");
    let ids = std::iter::once(META_KEYSPACE).chain(format.keyspaces.iter().copied());
    ids.map(move |id| folder.join(id.to_string()))
}

/// The error of a store whose keyspaces do not have the names that they were made with.
pub(super) fn names_lost(path: &Path) -> Error {
    damage(path.join("keyspaces").join(META_KEYSPACE.to_string()), Damage::Content)
}

/// The manifest that counts, and its file.
fn manifest(keyspace: &Path) -> Result<(PathBuf, Vec<u8>)> {
    let current = keyspace.join("current");
    let Some(pointer) = read_file(&current)? else {
        return Err(damage(current, Damage::Missing));
    };
    let Some((number, sum)) = parse_current(&pointer) else {
        return Err(damage(current, Damage::Content));
    };
    let manifest = keyspace.join(format!("v{number}"));
    match read_file(&manifest)? {
        Some(bytes) if xxh3_128(&bytes) == sum => Ok((manifest, bytes)),
        Some(_) => Err(damage(manifest, Damage::Checksum)),
        None => Err(damage(manifest, Damage::Missing)),
    }
}

/// The number of the manifest that counts, and its checksum.
fn parse_current(bytes: &[u8]) -> Option<(u64, u128)> {
    let (number, rest) = bytes.split_first_chunk()?;
    let (sum, kind) = rest.split_first_chunk()?;
    (kind == [0]).then(|| (u64::from_le_bytes(*number), u128::from_le_bytes(*sum)))
}

/// Removes what an interrupted first start left behind. Refuses where anything was stored: then it is
/// `format` that is missing.
pub(super) fn clear_unfinished(path: &Path) -> Result<()> {
    let folder = path.join("keyspaces");
    let journals = journal::list(path)?;
    let mut unused = true;
    for journal in &journals {
        unused &= journal::is_blank(&journal.path)?;
    }
    for keyspace in entries(&folder)? {
        if keyspace.file_name().to_str() != Some("0") {
            unused &= entries(&keyspace.path().join("tables"))?.is_empty();
        }
    }
    if !unused {
        return Err(damage(path.join("format"), Damage::Missing));
    }
    // The marker goes first: with it fjall would open what is left instead of making it anew.
    remove(&path.join("version"), |file| fs::remove_file(file))?;
    remove(&folder, |folder| fs::remove_dir_all(folder))?;
    journals.iter().try_for_each(|journal| remove(&journal.path, |file| fs::remove_file(file)))
}

fn remove(path: &Path, remove: impl FnOnce(&Path) -> io::Result<()>) -> Result<()> {
    match remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("removing", path, error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

pub(super) fn read_file(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("reading", path, error)),
    }
}

fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder).and_then(Iterator::collect) {
        Ok(entries) => Ok(entries),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::io("listing", folder, error)),
    }
}

fn damage(file: PathBuf, problem: Damage) -> Error {
    Error::Damage { file, offset: 0, problem }
}

#[cfg(test)]
mod tests;
