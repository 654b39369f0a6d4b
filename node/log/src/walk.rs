//! The walk through the segments: which batches fit, and what they say.

use stator_model::StartNumber;

use crate::batch::{self, BLOCK, FORMAT, HEADER_BYTES, Header, Kind, Parsed};
use crate::codec::{Fields, disk_length, memory_length};
use crate::dir::{LogDir, LogFile};
use crate::error::{Error, Lost};
use crate::id::LogId;
use crate::ledger::Ledger;
use crate::record::{self, Stored, Unreadable};
use crate::replay::Replay;

/// How much of a file is read at once.
pub(crate) const CHUNK: u64 = 1 << 18;

/// A segment file.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) base: u64,
    pub(crate) size: u64,
}

/// Reads batches while they fit, and collects what they say.
pub(crate) struct Walk<'a> {
    dir: &'a dyn LogDir,
    pub(crate) id: LogId,
    /// The last batch's header checksum. `None` before the first: its predecessor is released.
    pub(crate) chain: Option<u32>,
    /// The last batch's start number.
    pub(crate) start: StartNumber,
    /// Where the last batch ended.
    pub(crate) end: u64,
    /// The highest position that a batch says was synced.
    pub(crate) proven: u64,
    /// How long the last checkpoint is.
    pub(crate) checkpoint: u64,
    pub(crate) ledger: Ledger,
    pub(crate) replay: Replay,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(dir: &'a dyn LogDir, id: LogId) -> Self {
        Self {
            dir,
            id,
            chain: None,
            start: StartNumber(0),
            end: 0,
            proven: 0,
            checkpoint: 0,
            ledger: Ledger::default(),
            replay: Replay::default(),
        }
    }

    /// Walks until nothing fits. Returns in which of the files that is.
    pub(crate) fn run(&mut self, files: &[File]) -> Result<usize, Error> {
        let mut at = 0;
        for (number, file) in files.iter().enumerate() {
            let mut bytes = Bytes::open(self.dir, file)?;
            if number == 0 {
                self.end = file.base;
            }
            if !self.batch(file, &mut bytes, 0)? {
                if number == 0 {
                    let path = self.dir.path(&file.name);
                    return Err(Error::Damage { path, offset: 0, lost: Lost::Checkpoint });
                }
                break;
            }
            at = number;
            while self.batch(file, &mut bytes, self.end - file.base)? {}
        }
        Ok(at)
    }

    /// Takes in the batch at this offset, if one is there and fits.
    fn batch(&mut self, file: &File, bytes: &mut Bytes, offset: u64) -> Result<bool, Error> {
        let Some(front) = bytes.get(offset, disk_length(HEADER_BYTES))? else { return Ok(false) };
        let header = match batch::parse(front) {
            Parsed::Header(header) if self.fits(&header, file, offset) => header,
            Parsed::Header(_) | Parsed::Nothing => return Ok(false),
            Parsed::Newer { format, log } if log == self.id => {
                return Err(newer(self.dir, file, "a batch", format, FORMAT));
            }
            Parsed::Newer { .. } => return Ok(false),
        };
        let Some(whole) = bytes.get(offset, header.size())? else { return Ok(false) };
        let Some(body) = header.body(whole) else { return Ok(false) };
        self.take_in(file, offset, &header, body)?;
        self.chain = Some(header.crc);
        self.start = header.head.start;
        self.end = file.base + offset + header.size();
        self.proven = self.proven.max(header.head.synced);
        if offset == 0 {
            self.checkpoint = header.size();
        }
        Ok(true)
    }

    fn fits(&self, header: &Header, file: &File, offset: u64) -> bool {
        let head = &header.head;
        head.log == self.id
            && head.position == file.base + offset
            && (head.kind == Kind::Checkpoint) == (offset == 0)
            && self.chain.is_none_or(|chain| chain == head.previous)
            && head.start >= self.start
            && head.synced <= self.end
    }

    fn take_in(
        &mut self,
        file: &File,
        offset: u64,
        header: &Header,
        body: &[u8],
    ) -> Result<(), Error> {
        let is_checkpoint = header.head.kind == Kind::Checkpoint;
        if is_checkpoint {
            self.ledger.begin_checkpoint(file.base);
            self.replay.begin_checkpoint();
        }
        let declared = self.records(is_checkpoint, header.head.records, body);
        let declared = declared.map_err(|unreadable| match unreadable {
            Unreadable::Newer { version } => {
                let version = u16::from(version);
                newer(self.dir, file, "a record", version, u16::from(record::VERSION))
            }
            Unreadable::Malformed => {
                let path = self.dir.path(&file.name);
                Error::Damage { path, offset, lost: Lost::Meaning }
            }
        })?;
        if is_checkpoint {
            self.ledger.end_checkpoint();
            self.replay.end_checkpoint();
        }
        if file.size < declared {
            let path = self.dir.path(&file.name);
            let lost = Lost::End { expected: declared };
            return Err(Error::Damage { path, offset: file.size, lost });
        }
        Ok(())
    }

    /// Takes in the records of one batch. Returns the length that its segment must have, 0 if it does
    /// not say.
    fn records(
        &mut self,
        is_checkpoint: bool,
        expected: u32,
        body: &[u8],
    ) -> Result<u64, Unreadable> {
        let mut fields = Fields::new(body);
        let (mut count, mut declared) = (0, 0);
        while !fields.is_empty() {
            let stored = record::decode(&mut fields)?;
            match stored {
                Stored::Record(record) => {
                    self.ledger.record(&record).map_err(|_| Unreadable::Malformed)?;
                    self.replay.record(record);
                }
                Stored::Segment { length } if is_checkpoint && count == 0 => declared = length,
                Stored::Group(head) if is_checkpoint && count > 0 => {
                    self.ledger
                        .group(head.group, head.replica, head.installed.0)
                        .map_err(|_| Unreadable::Malformed)?;
                    self.replay.group(head);
                }
                Stored::Segment { .. } | Stored::Group(_) => return Err(Unreadable::Malformed),
            }
            count += 1;
        }
        if count == expected && (declared > 0) == is_checkpoint {
            Ok(declared)
        } else {
            Err(Unreadable::Malformed)
        }
    }
}

fn newer(dir: &dyn LogDir, file: &File, what: &'static str, found: u16, supported: u16) -> Error {
    Error::NewerFormat { path: dir.path(&file.name), what, found, supported }
}

/// The highest position that any header of this log in the file says was synced, looking at every
/// block from `from` on.
pub(crate) fn highest_synced(
    dir: &dyn LogDir,
    id: LogId,
    file: &File,
    from: u64,
) -> Result<Option<u64>, Error> {
    let mut bytes = Bytes::open(dir, file)?;
    let mut highest = None;
    let mut offset = from;
    while let Some(front) = bytes.get(offset, disk_length(HEADER_BYTES))? {
        match batch::parse(front) {
            Parsed::Header(header) if header.head.log == id => {
                highest = highest.max(Some(header.head.synced));
            }
            Parsed::Newer { format, log } if log == id => {
                return Err(newer(dir, file, "a batch", format, FORMAT));
            }
            Parsed::Header(_) | Parsed::Newer { .. } | Parsed::Nothing => {}
        }
        offset += BLOCK;
    }
    Ok(highest)
}

/// How long the segment says that it must be, for a message only: the batch is not checked.
pub(crate) fn declared_size(dir: &dyn LogDir, file: &File) -> Result<Option<u64>, Error> {
    let mut bytes = Bytes::open(dir, file)?;
    let Some(front) = bytes.get(0, BLOCK)? else { return Ok(None) };
    let Parsed::Header(_) = batch::parse(front) else { return Ok(None) };
    let mut fields = Fields::new(front.get(HEADER_BYTES..).unwrap_or_default());
    match record::decode(&mut fields) {
        Ok(Stored::Segment { length }) => Ok(Some(length)),
        Ok(Stored::Record(_) | Stored::Group(_)) | Err(_) => Ok(None),
    }
}

/// A file read in chunks. Never more than it has is asked for or held.
struct Bytes {
    file: Box<dyn LogFile>,
    size: u64,
    chunk: Vec<u8>,
    chunk_at: u64,
}

impl Bytes {
    fn open(dir: &dyn LogDir, file: &File) -> Result<Self, Error> {
        let open = dir.open(&file.name)?;
        Ok(Self { file: open, size: file.size, chunk: Vec::new(), chunk_at: 0 })
    }

    /// `length` bytes at `offset`; `None` if the file ends before.
    fn get(&mut self, offset: u64, length: u64) -> Result<Option<&[u8]>, Error> {
        let Some(end) = offset.checked_add(length).filter(|end| *end <= self.size) else {
            return Ok(None);
        };
        let held = self.chunk_at..=self.chunk_at + disk_length(self.chunk.len());
        if !held.contains(&offset) || !held.contains(&end) {
            let read = length.max(CHUNK).min(self.size - offset);
            self.chunk.clear();
            self.chunk.shrink_to(memory_length(CHUNK.max(read)));
            self.chunk.resize(memory_length(read), 0);
            self.file.read_at(offset, &mut self.chunk)?;
            self.chunk_at = offset;
        }
        let from = memory_length(offset - self.chunk_at);
        Ok(self.chunk.get(from..from + memory_length(length)))
    }
}
