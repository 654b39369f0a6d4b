//! The writer: one batch at a time, each written with one call and synced with one.

use std::collections::HashMap;
use std::sync::Arc;

use stator_model::{LogIndex, PartitionId, ReplicaId, StartNumber};

use crate::batch::{self, BLOCK, Head, Kind, round_up};
use crate::checkpoint::{self, Checkpoint};
use crate::codec::disk_length;
use crate::dir::{LogDir, LogFile};
use crate::error::Error;
use crate::horizon::Horizon;
use crate::id::{LogId, Position};
use crate::ledger::Ledger;
use crate::record::{self, Record};
use crate::recovery::{self, Resumable};
use crate::replay::RecoveredGroup;
use crate::segment::{self, SegmentPreparer, Spares, write_zeros};

/// What the encode buffer keeps after a batch; a huge one must not hold its memory for good.
const KEPT_BUFFER: usize = 8 << 20;
/// A segment is to be followed by the next when less than this part of it is left, so that a batch
/// seldom makes its file longer.
const RESERVE_PART: u64 = 8;
/// The file in which a log's first segment is made, before it has its name.
pub(crate) const UNFINISHED_LOG: &str = "first.new";

/// How to open a log.
#[derive(Clone, Debug)]
pub struct Options {
    /// The length of a segment file in bytes, rounded up to 4 KiB.
    pub segment_bytes: u64,
    /// The length of a new log's first segment, shorter so that an empty node starts fast.
    pub first_segment_bytes: u64,
    /// The log that must be there. `None` creates one if there is none.
    pub expect: Option<LogId>,
    /// The id of the log if one is created: random.
    pub new_id: [u8; 16],
}

impl Options {
    /// Segments of 64 MiB, the first of 1 MiB; a log is created if there is none.
    pub const fn new(new_id: [u8; 16]) -> Self {
        Self { segment_bytes: 64 << 20, first_segment_bytes: 1 << 20, expect: None, new_id }
    }
}

/// What a log held when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Which log it is.
    pub id: LogId,
    /// This process's start number: durable, above that of every process before.
    pub start: StartNumber,
    /// Every replica, by group.
    pub groups: Vec<RecoveredGroup>,
    /// The tombstones, in order.
    pub destroyed: Vec<(PartitionId, ReplicaId)>,
}

/// The Raft log of a node. One owner, one batch in flight.
///
/// After any error it is poisoned: every later call returns [`Error::Poisoned`].
pub struct Log {
    dir: Arc<dyn LogDir>,
    id: LogId,
    start: StartNumber,
    current: Current,
    /// Where the next batch goes.
    end: u64,
    /// Where the last batch ended; everything before is synced.
    synced: u64,
    /// The header checksum of the last batch.
    chain: u32,
    /// Nothing was appended since the last marker.
    marked: bool,
    poisoned: bool,
    buffer: Vec<u8>,
    ledger: Ledger,
    spares: Arc<Spares>,
    horizon: Horizon,
}

/// The segment that batches go to.
pub(crate) struct Current {
    pub(crate) base: u64,
    pub(crate) size: u64,
    /// How long the checkpoint is that it begins with.
    pub(crate) checkpoint: u64,
    pub(crate) file: Box<dyn LogFile>,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("id", &self.id).field("end", &self.end).finish_non_exhaustive()
    }
}

impl Log {
    /// Opens the log in this directory, or creates one, and recovers what it holds. On return the
    /// start number is durable, and so is everything in [`Recovered`]: a tail that was never
    /// acknowledged is cut, what might only be in the page cache is written again.
    ///
    /// # Errors
    /// If the log is damaged, absent, another one, too new, or cannot be read and written.
    pub fn open(dir: impl LogDir + 'static, options: Options) -> Result<(Self, Recovered), Error> {
        let dir: Arc<dyn LogDir> = Arc::new(dir);
        let options = rounded(options);
        match recovery::recover(&*dir, options.expect)? {
            Some(found) => Self::resume(dir, &options, found),
            None => Self::create(dir, &options),
        }
    }

    /// Which log this is.
    pub fn id(&self) -> LogId {
        self.id
    }

    /// How many bytes the segments have that are kept, the current one included.
    pub fn kept_bytes(&self) -> u64 {
        let oldest = self.ledger.bases().next().unwrap_or(self.current.base);
        self.current.base + self.current.size - oldest
    }

    /// How many segments are kept, the current one included.
    pub fn kept_segments(&self) -> usize {
        self.ledger.bases().count()
    }

    /// The handle that makes the next segment ahead of need.
    pub fn preparer(&self) -> SegmentPreparer {
        SegmentPreparer(Arc::clone(&self.spares))
    }

    /// Appends the records as one batch, written and synced on return.
    ///
    /// # Errors
    /// If a record contradicts those before it, or the batch cannot be written and synced. What the
    /// disk holds is unknown then: the process ends and recovers.
    pub fn append(&mut self, records: &[Record]) -> Result<Position, Error> {
        self.guarded(|log| log.append_records(records))
    }

    /// Tells the disk that all batches so far are synced, so that damage to the last one is found. To
    /// be called within 100 ms of the last batch when nothing follows it; does nothing twice.
    ///
    /// # Errors
    /// If it cannot be written and synced.
    pub fn mark(&mut self) -> Result<(), Error> {
        self.guarded(|log| {
            if !log.marked {
                log.write_marker()?;
                log.horizon.raise(log.end)?;
            }
            Ok(())
        })
    }

    /// Whether the segment is nearly full: the owner should [`rotate`](Self::rotate) soon.
    pub fn wants_checkpoint(&self) -> bool {
        let Current { base, size, checkpoint, .. } = &self.current;
        let used = self.end - base;
        // A checkpoint that fills a segment must not be followed by another at once, and another.
        size - used <= size / RESERVE_PART && used - checkpoint >= *checkpoint
    }

    /// Begins the next segment with this checkpoint, synced on return. It replaces all that was
    /// appended before, and must say all of it that still counts.
    ///
    /// # Errors
    /// If the checkpoint contradicts itself, or the segment cannot be made, written and synced.
    pub fn rotate(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        self.guarded(|log| {
            log.begin_segment()?;
            log.write_checkpoint(checkpoint)?;
            log.horizon.raise(log.end)
        })
    }

    /// Gives up the oldest segments whose entries the store has synced: `durable` says up to which
    /// index of each group. A group that is missing in it holds what it has. What is given up becomes
    /// a spare segment, or goes.
    ///
    /// # Errors
    /// If a file cannot be renamed or removed.
    pub fn release(&mut self, durable: &HashMap<PartitionId, LogIndex>) -> Result<(), Error> {
        self.guarded(|log| log.release_unneeded(durable))
    }

    /// The file has its name only once the first checkpoint in it is synced: whatever has the name of
    /// a log's oldest segment begins with a checkpoint, or is damaged.
    fn create(dir: Arc<dyn LogDir>, options: &Options) -> Result<(Self, Recovered), Error> {
        let id = LogId::from_bytes(options.new_id);
        let start = StartNumber(1);
        let spares = Spares::adopt(Arc::clone(&dir), options.segment_bytes, &dir.list()?)?;
        let file = dir.create(UNFINISHED_LOG)?;
        let size = options.first_segment_bytes;
        write_zeros(&*file, 0, size)?;
        let mut buffer = Vec::new();
        encode_checkpoint(size, &Checkpoint::default(), &mut buffer)?;
        let kind = Kind::Checkpoint;
        let head = Head { kind, start, log: id, position: 0, synced: 0, records: 1, previous: 0 };
        let chain = batch::finish(&mut buffer, &head)?;
        file.write_at(0, &buffer)?;
        file.sync()?;
        dir.rename(UNFINISHED_LOG, &segment::name(0))?;
        dir.sync()?;
        let file = dir.open(&segment::name(0))?;
        let end = disk_length(buffer.len());
        let mut ledger = Ledger::default();
        ledger.begin_checkpoint(0);
        ledger.end_checkpoint();
        let horizon = Horizon::create(&*dir, id, end, 0)?;
        let log = Self {
            current: Current { base: 0, size, checkpoint: end, file },
            synced: end,
            marked: false,
            poisoned: false,
            dir,
            id,
            start,
            end,
            chain,
            buffer,
            ledger,
            spares,
            horizon,
        };
        Ok((log, Recovered { id, start, groups: Vec::new(), destroyed: Vec::new() }))
    }

    fn resume(
        dir: Arc<dyn LogDir>,
        options: &Options,
        found: Resumable,
    ) -> Result<(Self, Recovered), Error> {
        let start = found.start.0.checked_add(1).map(StartNumber).ok_or(Error::StartsExhausted)?;
        let spares = Spares::adopt(Arc::clone(&dir), options.segment_bytes, &dir.list()?)?;
        let horizon = match found.horizon {
            Some(reach) => Horizon::open(&*dir, reach)?,
            None => {
                let oldest = found.ledger.bases().next().unwrap_or_default();
                Horizon::create(&*dir, found.id, found.proven, oldest)?
            }
        };
        let current = recovery::settle(&*dir, &found)?;
        let mut log = Self {
            id: found.id,
            end: found.end,
            synced: found.end,
            chain: found.chain,
            marked: false,
            poisoned: false,
            buffer: Vec::new(),
            ledger: found.ledger,
            dir,
            start,
            current,
            spares,
            horizon,
        };
        log.write_marker()?;
        log.horizon.raise(log.end)?;
        let (groups, destroyed) = found.replay.finish();
        Ok((log, Recovered { id: found.id, start, groups, destroyed }))
    }

    fn guarded<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        let result = run(self);
        self.poisoned = result.is_err();
        result
    }

    fn append_records(&mut self, records: &[Record]) -> Result<Position, Error> {
        batch::begin(&mut self.buffer);
        for record in records {
            self.ledger.record(record)?;
            record::encode(record, &mut self.buffer)?;
        }
        self.write(Kind::Records, records.len())
    }

    fn write_marker(&mut self) -> Result<(), Error> {
        batch::begin(&mut self.buffer);
        self.write(Kind::Marker, 0)?;
        Ok(())
    }

    /// Puts an empty file behind the current segment. Its name is durable before a byte is written.
    fn begin_segment(&mut self) -> Result<(), Error> {
        let base = self.current.base + self.current.size;
        let spare = self.spares.take()?;
        let name = segment::name(base);
        self.dir.rename(&spare.name, &name)?;
        self.dir.sync()?;
        let file = self.dir.open(&name)?;
        self.current = Current { base, size: spare.size, checkpoint: 0, file };
        self.end = base;
        Ok(())
    }

    fn release_unneeded(&mut self, durable: &HashMap<PartitionId, LogIndex>) -> Result<(), Error> {
        let count = self.ledger.unneeded(durable);
        let bases: Vec<u64> = self.ledger.bases().take(count + 1).collect();
        let (Some(oldest), true) = (bases.last(), count > 0) else { return Ok(()) };
        // IMPORTANT: HORIZON first. Once it says so, any of the files may be missing after a crash.
        self.horizon.release(*oldest)?;
        for (base, next) in bases.iter().zip(bases.iter().skip(1)) {
            self.spares.recycle(&segment::name(*base), next - base)?;
            self.ledger.release_oldest();
        }
        Ok(())
    }

    fn write_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        self.ledger.checkpoint(self.current.base, checkpoint)?;
        let count = encode_checkpoint(self.current.size, checkpoint, &mut self.buffer)?;
        // A checkpoint longer than its segment makes the file longer, and must say so.
        let bytes = round_up(disk_length(self.buffer.len()));
        if bytes > self.current.size {
            encode_checkpoint(bytes, checkpoint, &mut self.buffer)?;
        }
        self.write(Kind::Checkpoint, count)?;
        self.current.checkpoint = self.end - self.current.base;
        Ok(())
    }

    /// Writes and syncs the batch in the buffer at the end of the log.
    fn write(&mut self, kind: Kind, records: usize) -> Result<Position, Error> {
        let position = self.end;
        let head = Head {
            kind,
            start: self.start,
            log: self.id,
            position,
            synced: self.synced,
            records: u32::try_from(records)
                .map_err(|_| Error::TooLarge { bytes: disk_length(self.buffer.len()) })?,
            previous: self.chain,
        };
        let crc = batch::finish(&mut self.buffer, &head)?;
        let offset = position - self.current.base;
        self.current.file.write_at(offset, &self.buffer)?;
        self.current.file.sync()?;
        self.chain = crc;
        self.end += disk_length(self.buffer.len());
        self.synced = self.end;
        self.current.size = self.current.size.max(self.end - self.current.base);
        self.marked = kind == Kind::Marker;
        self.buffer.clear();
        self.buffer.shrink_to(KEPT_BUFFER);
        Ok(Position(position))
    }
}

/// Files and batches are whole blocks, and a segment has room for a checkpoint and a batch.
fn rounded(options: Options) -> Options {
    Options {
        segment_bytes: round_up(options.segment_bytes.max(2 * BLOCK)),
        first_segment_bytes: round_up(options.first_segment_bytes.max(2 * BLOCK)),
        ..options
    }
}

/// Puts a checkpoint batch without its header into the buffer. Returns how many records it has.
fn encode_checkpoint(
    segment_bytes: u64,
    checkpoint: &Checkpoint,
    buffer: &mut Vec<u8>,
) -> Result<usize, Error> {
    batch::begin(buffer);
    record::encode_segment(segment_bytes, buffer)?;
    Ok(1 + checkpoint::encode(checkpoint, buffer)?)
}
