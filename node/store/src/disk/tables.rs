//! fjall's table files: checked before it opens them, and looked through when one does not read.
//!
//! fjall 3.1 says neither which file it misses nor in which one a checksum does not fit. So every table
//! that a manifest lists is looked at before fjall opens it: it must be there and end as it was written
//! ([`check`]). Its blocks are not read then; fjall compares their checksums when it reads them, and if
//! one does not fit, [`first_misfit`] finds the place.
//!
//! Tables and manifests are archives of sections; integers are little endian:
//!
//! ```text
//! archive:  sections │ contents │ "SFA!" 1 0 │ xxh3-128 of the contents │ where they begin, u64 │ length, u64
//! contents: "TOC!" │ count, u32 │ of each section: start, u64 │ length, u64 │ length of its name, u16 │ name
//! table:    sections of blocks, but for those in [`UNBLOCKED`]
//! block:    "LSM" 3 │ type │ xxh3-128 of the bytes │ their length, u32 │ uncompressed, u32
//!           │ xxh3-128 of all that, its low 32 bits │ bytes
//! manifest: the section "tables": levels, u8 │ of each: runs, u8 │ of each: tables, u32 │ of each:
//!           id, u64 │ 0 │ xxh3-128 of the file │ sequence number, u64
//! ```
//!
//! The section "meta" of a table describes it ([`newest`]).

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

use crate::error::Damage;
use crate::{Error, Result};

const TRAILER_MAGIC: [u8; 6] = *b"SFA!\x01\0";
const TRAILER: usize = 6 + 16 + 8 + 8;
const CONTENTS_MAGIC: [u8; 4] = *b"TOC!";

/// A table has a handful of sections.
const MOST_CONTENTS: u64 = 64 * 1024;

const BLOCK_MAGIC: [u8; 4] = *b"LSM\x03";
/// The part of a block's header that its last field covers.
const COVERED: usize = 4 + 1 + 16 + 4 + 4;
const HEADER: usize = COVERED + 4;

/// The sections of a table that are not blocks.
const UNBLOCKED: [&[u8]; 2] = [b"table_version", b"linked_blob_files"];

const BUFFER: usize = 64 * 1024;

/// A table that a manifest lists.
pub(super) struct Listed {
    pub(super) file: PathBuf,
    /// What is to be added to the sequence numbers in it.
    pub(super) since: u64,
}

/// Checks that the tables that a manifest lists are there, each with its end.
pub(super) fn check(keyspace: &Path, manifest: &[u8]) -> Option<Result<()>> {
    Some(listed(keyspace, manifest)?.iter().try_for_each(|table| check_end(&table.file)))
}

/// The tables that a manifest lists; `None` if it is no manifest.
pub(super) fn listed(keyspace: &Path, manifest: &[u8]) -> Option<Vec<Listed>> {
    let length = u64::try_from(manifest.len()).ok()?;
    let sections = sections(&mut io::Cursor::new(manifest), length).ok()??;
    let tables = sections.iter().find(|section| section.name == b"tables")?;
    let start = usize::try_from(tables.start).ok()?;
    let end = usize::try_from(tables.end).ok()?;
    let folder = keyspace.join("tables");
    let tables = parse_tables(manifest.get(start..end)?)?;
    let listed = |(id, since): (u64, u64)| Listed { file: folder.join(id.to_string()), since };
    Some(tables.into_iter().map(listed).collect())
}

/// The id of each table, and where its sequence numbers begin.
fn parse_tables(bytes: &[u8]) -> Option<Vec<(u64, u64)>> {
    let mut rest = bytes;
    let mut tables = Vec::new();
    let [levels] = take(&mut rest)?;
    for _ in 0..levels {
        let [runs] = take(&mut rest)?;
        for _ in 0..runs {
            for _ in 0..u32::from_le_bytes(take(&mut rest)?) {
                let id = u64::from_le_bytes(take(&mut rest)?);
                // The checksum, and before it which kind of one it is.
                take::<{ 1 + 16 }>(&mut rest)?;
                tables.push((id, u64::from_le_bytes(take(&mut rest)?)));
            }
        }
    }
    Some(tables)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

fn check_end(path: &Path) -> Result<()> {
    let damage = |offset, problem| Error::Damage { file: path.to_path_buf(), offset, problem };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(damage(0, Damage::Missing));
        }
        Err(error) => return Err(Error::io("opening", path, error)),
    };
    let mut read = || -> io::Result<(u64, Option<Vec<Section>>)> {
        let length = file.metadata()?.len();
        Ok((length, sections(&mut file, length)?))
    };
    match read().map_err(reading(path))? {
        (_, Some(_)) => Ok(()),
        (length, None) => Err(damage(trailer_start(length), Damage::End)),
    }
}

fn reading(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |error| Error::io("reading", path, error)
}

const fn trailer_start(length: u64) -> u64 {
    length.saturating_sub(TRAILER as u64)
}

/// A part of an archive.
struct Section {
    name: Vec<u8>,
    start: u64,
    end: u64,
}

/// The sections of an archive; `None` if it does not end as it was written.
fn sections(archive: &mut (impl Read + Seek), length: u64) -> io::Result<Option<Vec<Section>>> {
    let end = trailer_start(length);
    if length < TRAILER as u64 {
        return Ok(None);
    }
    let mut trailer = [0; TRAILER];
    archive.seek(SeekFrom::Start(end))?;
    archive.read_exact(&mut trailer)?;
    let Some((sum, start, bytes)) = parse_trailer(&trailer) else { return Ok(None) };
    if bytes > MOST_CONTENTS || start.checked_add(bytes) != Some(end) {
        return Ok(None);
    }
    let mut contents = Vec::new();
    archive.seek(SeekFrom::Start(start))?;
    archive.take(bytes).read_to_end(&mut contents)?;
    let fits = xxh3_128(&contents) == sum;
    Ok(parse_contents(&contents, start).filter(|_| fits))
}

/// The checksum of the contents, where they begin, and how long they are.
fn parse_trailer(trailer: &[u8]) -> Option<(u128, u64, u64)> {
    let mut rest = trailer.strip_prefix(&TRAILER_MAGIC)?;
    let sum = u128::from_le_bytes(take(&mut rest)?);
    Some((sum, u64::from_le_bytes(take(&mut rest)?), u64::from_le_bytes(take(&mut rest)?)))
}

fn parse_contents(contents: &[u8], limit: u64) -> Option<Vec<Section>> {
    let mut rest = contents.strip_prefix(&CONTENTS_MAGIC)?;
    let mut sections = Vec::new();
    for _ in 0..u32::from_le_bytes(take(&mut rest)?) {
        let start = u64::from_le_bytes(take(&mut rest)?);
        let end = start.checked_add(u64::from_le_bytes(take(&mut rest)?))?;
        let name = usize::from(u16::from_le_bytes(take(&mut rest)?));
        let (name, left) = rest.split_at_checked(name)?;
        rest = left;
        sections.push(Section { name: name.to_vec(), start, end });
        if end > limit {
            return None;
        }
    }
    Some(sections)
}

/// Where the first block of a table begins that does not fit its checksum. Reads the whole file.
pub(super) fn first_misfit(path: &Path) -> io::Result<Option<u64>> {
    let mut file = BufReader::with_capacity(BUFFER, File::open(path)?);
    let length = file.get_ref().metadata()?.len();
    let Some(sections) = sections(&mut file, length)? else {
        return Ok(Some(trailer_start(length)));
    };
    for section in &sections {
        if UNBLOCKED.contains(&section.name.as_slice()) {
            continue;
        }
        file.seek(SeekFrom::Start(section.start))?;
        let mut at = section.start;
        while at < section.end {
            match block_length(&mut file, section.end - at)? {
                Some(length) => at += length,
                None => return Ok(Some(at)),
            }
        }
    }
    Ok(None)
}

/// Reads a block, which may have so many bytes, and returns how many it has; `None` if it does not fit.
fn block_length(file: &mut impl Read, limit: u64) -> io::Result<Option<u64>> {
    let mut header = [0; HEADER];
    if limit < HEADER as u64 {
        return Ok(None);
    }
    file.read_exact(&mut header)?;
    let Some((sum, length)) = parse_header(&header).filter(|(_, length)| *length <= limit) else {
        return Ok(None);
    };
    let mut hash = Xxh3Default::new();
    let mut bytes = file.take(length - HEADER as u64);
    let mut buffer = [0; 4096];
    loop {
        let count = bytes.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hash.update(buffer.get(..count).unwrap_or_default());
    }
    Ok((hash.digest128() == sum).then_some(length))
}

/// The checksum of a block's bytes, and the length of header and bytes.
fn parse_header(header: &[u8]) -> Option<(u128, u64)> {
    let (covered, sum) = header.split_at_checked(COVERED)?;
    // The header keeps the low 32 bits of its checksum.
    if sum != xxh3_128(covered).to_le_bytes().get(..sum.len())? {
        return None;
    }
    let mut rest = covered.strip_prefix(&BLOCK_MAGIC)?;
    take::<1>(&mut rest)?;
    let sum = u128::from_le_bytes(take(&mut rest)?);
    let length = u32::from_le_bytes(take(&mut rest)?);
    Some((sum, u64::from(length) + HEADER as u64))
}

/// The newest sequence number in a table.
///
/// # Errors
/// [`Error::Damage`] if its description does not say.
pub(super) fn newest(table: &Listed) -> Result<u64> {
    let (newest, offset) = read_newest(&table.file).map_err(reading(&table.file))?;
    newest.and_then(|newest| newest.checked_add(table.since)).ok_or_else(|| Error::Damage {
        file: table.file.clone(),
        offset,
        problem: Damage::Checksum,
    })
}

/// What the block that describes a table says, and where it begins.
fn read_newest(path: &Path) -> io::Result<(Option<u64>, u64)> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let sections = sections(&mut file, length)?.unwrap_or_default();
    let Some(section) = sections.into_iter().find(|section| section.name == b"meta") else {
        return Ok((None, trailer_start(length)));
    };
    let start = section.start;
    file.seek(SeekFrom::Start(start))?;
    if block_length(&mut file, section.end - start)?.is_none() {
        return Ok((None, start));
    }
    let mut block = Vec::new();
    file.seek(SeekFrom::Start(start + HEADER as u64))?;
    file.take(MOST_CONTENTS).read_to_end(&mut block)?;
    Ok((property(&block, b"seqno#max"), start))
}

/// A property in the block that describes a table. Its entries are, one after the other:
/// type │ sequence number │ length of the key │ key │ length of the value │ value; numbers are LEB128.
fn property(mut rest: &[u8], wanted: &[u8]) -> Option<u64> {
    loop {
        let [_kind] = take(&mut rest)?;
        let _seqno = varint(&mut rest)?;
        let key = slice(&mut rest)?;
        let value = slice(&mut rest)?;
        if key == wanted {
            return Some(u64::from_le_bytes(value.try_into().ok()?));
        }
    }
}

fn slice<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = usize::try_from(varint(rest)?).ok()?;
    let (slice, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(slice)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let [byte] = take(rest)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
