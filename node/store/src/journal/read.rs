//! Walking over one journal.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use xxhash_rust::xxh3::Xxh3Default;

use crate::error::Damage;

const START: u8 = 1;
const ENTRY: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;

const PUT: u8 = 0;
const DELETION: u8 = 1;
const UNCOMPRESSED: u8 = 0;

const TRAILER: [u8; 4] = [b'F', b'J', b'L', 3];

const BUFFER: usize = 64 * 1024;
static ZEROS: [u8; BUFFER] = [0; BUFFER];

/// What comes next in a journal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A whole batch.
    Batch { offset: u64, seqno: u64 },
    /// Something in the batch that begins here does not fit.
    Misfit { offset: u64, problem: Damage },
    /// No batch: the end of the file, or zeros.
    End { offset: u64 },
}

/// Why a batch was not read to its end.
enum Stop {
    Io(io::Error),
    Misfit(Damage),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a journal from its beginning. Uses one buffer, whatever lengths the file claims.
pub(super) struct Reader<R> {
    input: BufReader<R>,
    offset: u64,
    length: u64,
    /// The keyspaces that the batch being read writes to.
    touched: Vec<u64>,
    /// The sequence number of the last whole batch that wrote to a keyspace.
    newest: BTreeMap<u64, u64>,
}

impl Reader<File> {
    /// At the beginning of this file.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self::new(file, length))
    }
}

impl<R: Read> Reader<R> {
    /// At the beginning of an input of this length.
    pub(super) fn new(input: R, length: u64) -> Self {
        let input = BufReader::with_capacity(BUFFER, input);
        Self { input, offset: 0, length, touched: Vec::new(), newest: BTreeMap::new() }
    }

    /// Of each keyspace that was written to so far, the last sequence number.
    pub(super) fn into_newest(self) -> BTreeMap<u64, u64> {
        self.newest
    }

    /// Reads the next batch.
    pub(super) fn batch(&mut self) -> io::Result<Next> {
        let batch = self.offset;
        if batch == self.length || self.peek()? == 0 {
            return Ok(Next::End { offset: batch });
        }
        match self.whole_batch() {
            Ok(seqno) => {
                self.newest.extend(self.touched.iter().map(|keyspace| (*keyspace, seqno)));
                Ok(Next::Batch { offset: batch, seqno })
            }
            Err(Stop::Misfit(problem)) => Ok(Next::Misfit { offset: batch, problem }),
            Err(Stop::Io(error)) => Err(error),
        }
    }

    /// Whether nothing but zeros is left.
    pub(super) fn ends_in_zeros(&mut self) -> io::Result<bool> {
        loop {
            let buffer = self.input.fill_buf()?;
            if ZEROS.get(..buffer.len()).is_none_or(|zeros| zeros != buffer) {
                return Ok(false);
            }
            if buffer.is_empty() {
                return Ok(true);
            }
            let skipped = buffer.len();
            self.input.consume(skipped);
        }
    }

    fn peek(&mut self) -> io::Result<u8> {
        let first = self.input.fill_buf()?.first().copied();
        first.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Reads a batch and returns its sequence number.
    fn whole_batch(&mut self) -> Result<u64, Stop> {
        let mut header = None;
        self.tag(START, &mut header)?;
        let count = u32::from_le_bytes(self.bytes(&mut header)?);
        if count == 0 {
            return Err(Stop::Misfit(Damage::ImpossibleField));
        }
        let seqno = u64::from_le_bytes(self.bytes(&mut header)?);
        let mut sum = Some(Xxh3Default::new());
        self.touched.clear();
        for _ in 0..count {
            self.entry(&mut sum)?;
        }
        let mut trailer = None;
        self.tag(END, &mut trailer)?;
        let expected = u64::from_le_bytes(self.bytes(&mut trailer)?);
        if sum.is_some_and(|sum| sum.digest() != expected) {
            return Err(Stop::Misfit(Damage::Checksum));
        }
        if self.bytes(&mut trailer)? != TRAILER {
            return Err(Stop::Misfit(Damage::ImpossibleField));
        }
        Ok(seqno)
    }

    fn entry(&mut self, sum: &mut Option<Xxh3Default>) -> Result<(), Stop> {
        self.tag(ENTRY, sum)?;
        self.one_of([PUT, DELETION], sum)?;
        self.one_of([UNCOMPRESSED, UNCOMPRESSED], sum)?;
        let keyspace = u64::from_le_bytes(self.bytes(sum)?);
        if self.touched.last() != Some(&keyspace) {
            self.touched.push(keyspace);
        }
        let key = u16::from_le_bytes(self.bytes(sum)?);
        let value = u32::from_le_bytes(self.bytes(sum)?);
        if u32::from_le_bytes(self.bytes(sum)?) != value {
            return Err(Stop::Misfit(Damage::ImpossibleField));
        }
        self.skip(u64::from(key) + u64::from(value), sum)
    }

    fn tag(&mut self, expected: u8, sum: &mut Option<Xxh3Default>) -> Result<(), Stop> {
        match self.bytes(sum)? {
            [tag] if tag == expected => Ok(()),
            [START | ENTRY | END | CLEAR] => Err(Stop::Misfit(Damage::MisplacedEntry)),
            [_] => Err(Stop::Misfit(Damage::UnknownEntry)),
        }
    }

    fn one_of(&mut self, known: [u8; 2], sum: &mut Option<Xxh3Default>) -> Result<(), Stop> {
        let [byte] = self.bytes(sum)?;
        if known.contains(&byte) { Ok(()) } else { Err(Stop::Misfit(Damage::ImpossibleField)) }
    }

    /// Reads `N` bytes, which count for the checksum if there is one.
    fn bytes<const N: usize>(&mut self, sum: &mut Option<Xxh3Default>) -> Result<[u8; N], Stop> {
        self.check_rest(N as u64)?;
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes)?;
        self.offset += N as u64;
        if let Some(sum) = sum {
            sum.update(&bytes);
        }
        Ok(bytes)
    }

    /// Reads `length` bytes that only count for the checksum.
    fn skip(&mut self, length: u64, sum: &mut Option<Xxh3Default>) -> Result<(), Stop> {
        self.check_rest(length)?;
        let mut rest = usize::try_from(length).unwrap_or(usize::MAX);
        while rest > 0 {
            let buffer = self.input.fill_buf()?;
            let taken = buffer.get(..rest.min(buffer.len())).unwrap_or_default();
            if taken.is_empty() {
                return Err(Stop::Io(io::ErrorKind::UnexpectedEof.into()));
            }
            if let Some(sum) = sum {
                sum.update(taken);
            }
            let taken = taken.len();
            self.input.consume(taken);
            self.offset += taken as u64;
            rest -= taken;
        }
        Ok(())
    }

    fn check_rest(&self, length: u64) -> Result<(), Stop> {
        if length <= self.length - self.offset {
            Ok(())
        } else {
            Err(Stop::Misfit(Damage::CutShort))
        }
    }
}
