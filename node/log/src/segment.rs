//! Segment files: their names, and how new ones come ready zeroed.
//!
//! ```text
//!  0000000004000000.log   a segment; the name is the position of its first byte, in hexadecimal
//!  spare-12.new           being written with zeros; worthless after a crash
//!  spare-12               written and synced, or a released segment with stale batches in it
//! ```
//!
//! The next segment's position is this one's plus the length of its file. Writing where bytes were
//! written before costs half of what writing into a growing file does (docs/adr/0002), so a spare is
//! made ahead of need, and a released segment becomes one. What is left in it fits neither position
//! nor chain.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::batch::BLOCK;
use crate::codec::{disk_length, memory_length};
use crate::dir::{LogDir, LogFile};
use crate::error::Error;

const ZEROS: usize = 1 << 20;
/// Enough for one rotation while the next spare is being made; more would only take space.
const MAX_SPARES: usize = 2;
pub(crate) const SPARE: &str = "spare-";
const UNFINISHED: &str = ".new";

/// The file name of the segment that begins at this position.
pub(crate) fn name(base: u64) -> String {
    format!("{base:016x}.log")
}

/// The position of the segment with this file name.
pub(crate) fn base(file: &str) -> Option<u64> {
    let base = u64::from_str_radix(file.strip_suffix(".log")?, 16).ok()?;
    (name(base) == file).then_some(base)
}

/// A file that may become a segment.
#[derive(Debug)]
pub(crate) struct Spare {
    pub(crate) name: String,
    pub(crate) size: u64,
}

/// The files that may become segments, shared by the log and the thread that prepares them.
pub(crate) struct Spares {
    dir: Arc<dyn LogDir>,
    /// The length of a segment.
    bytes: u64,
    ready: Mutex<Vec<Spare>>,
    preparing: Mutex<()>,
    next: AtomicU64,
}

/// Makes segment files ahead of need. Cheap to clone and to send to another thread.
#[derive(Clone)]
pub struct SegmentPreparer(pub(crate) Arc<Spares>);

impl SegmentPreparer {
    /// Makes one segment ready, unless one is: writes it with zeros and syncs it. To be called after
    /// each rotation, from a thread that may wait for the disk.
    ///
    /// # Errors
    /// If the file cannot be written. The log itself is not harmed.
    pub fn prepare(&self) -> Result<(), Error> {
        let _one_at_a_time = lock(&self.0.preparing);
        if !lock(&self.0.ready).is_empty() {
            return Ok(());
        }
        let spare = self.0.make()?;
        lock(&self.0.ready).push(spare);
        Ok(())
    }
}

/// A panic while the lock was held leaves the list as it was: pushes and pops cannot be half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Spares {
    /// Takes over the spares among these files; removes those that a crash left unfinished.
    pub(crate) fn adopt(
        dir: Arc<dyn LogDir>,
        bytes: u64,
        files: &[String],
    ) -> Result<Arc<Self>, Error> {
        let spares = Self {
            dir,
            bytes,
            ready: Mutex::default(),
            preparing: Mutex::default(),
            next: AtomicU64::new(0),
        };
        for file in files {
            let Some(number) = file.strip_prefix(SPARE) else { continue };
            if let Ok(number) = number.parse::<u64>() {
                spares.next.fetch_max(number.saturating_add(1), Ordering::Relaxed);
                let size = spares.dir.open(file)?.size()?;
                spares.keep(Spare { name: file.clone(), size })?;
            } else if number.ends_with(UNFINISHED) {
                spares.dir.remove(file)?;
            }
        }
        Ok(Arc::new(spares))
    }

    /// A file for the next segment: a spare, or else one made now.
    pub(crate) fn take(&self) -> Result<Spare, Error> {
        let ready = lock(&self.ready).pop();
        ready.map_or_else(|| self.make(), Ok)
    }

    /// Keeps a released segment for later, or removes it if it is of no use. Not durable before the
    /// directory is synced, and it need not be: HORIZON says that it is released.
    pub(crate) fn recycle(&self, segment: &str, size: u64) -> Result<(), Error> {
        if !self.wants(size) {
            return self.dir.remove(segment);
        }
        let name = self.new_name();
        self.dir.rename(segment, &name)?;
        self.keep(Spare { name, size })
    }

    fn keep(&self, spare: Spare) -> Result<(), Error> {
        if !self.wants(spare.size) {
            return self.dir.remove(&spare.name);
        }
        lock(&self.ready).push(spare);
        Ok(())
    }

    /// Not the short first segment of a log, nor one that a huge batch made much longer.
    fn wants(&self, size: u64) -> bool {
        let fits = size >= self.bytes && size / 2 <= self.bytes && size.is_multiple_of(BLOCK);
        fits && lock(&self.ready).len() < MAX_SPARES
    }

    fn make(&self) -> Result<Spare, Error> {
        let name = self.new_name();
        let unfinished = format!("{name}{UNFINISHED}");
        let file = self.dir.create(&unfinished)?;
        write_zeros(&*file, 0, self.bytes)?;
        file.sync()?;
        self.dir.rename(&unfinished, &name)?;
        Ok(Spare { name, size: self.bytes })
    }

    fn new_name(&self) -> String {
        format!("{SPARE}{}", self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// Writes zeros from `from` up to `to`. Not synced.
pub(crate) fn write_zeros(file: &dyn LogFile, from: u64, to: u64) -> Result<(), Error> {
    let zeros = vec![0; ZEROS.min(memory_length(to.saturating_sub(from)))];
    let mut at = from;
    while at < to {
        let length = memory_length(to - at).min(zeros.len());
        let piece = zeros.get(..length).unwrap_or(&zeros);
        file.write_at(at, piece)?;
        at += disk_length(piece.len());
    }
    Ok(())
}
