//! The file HORIZON: how far the log is known to reach, kept apart from the segments.
//!
//! A segment proves that the bytes before a batch were synced, but nothing in it can prove that its own
//! end is still there: zeros, an older copy of the file or no file at all look like a log that ended
//! earlier. HORIZON says up to which position the log had been synced, and which segment is the oldest
//! that must exist. It is raised at each start, rotation, release and idle marker, never per batch, and
//! only after the sync that it speaks of: it may lag behind the log and never runs ahead of it.
//!
//! ```text
//!  two blocks of 4 KiB, written in turn, so that a torn write leaves the other
//!  magic "statrhrz" 8 │ format 2 │ zeros 6 │ log id 16 │ sequence 8 │ synced 8 │ oldest 8 │ CRC32C 4
//! ```
//!
//! It holds no data. With one block damaged the other is believed, with both damaged or no file the
//! segments are believed alone and the file is made anew.

use crate::batch::BLOCK;
use crate::codec::{Fields, PutFields, memory_length};
use crate::dir::{LogDir, LogFile};
use crate::error::Error;
use crate::id::LogId;

pub(crate) const NAME: &str = "HORIZON";
pub(crate) const TEMPORARY: &str = "HORIZON.new";
const MAGIC: [u8; 8] = *b"statrhrz";
const FORMAT: u16 = 1;
const COVERED: usize = 56;

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) log: LogId,
    sequence: u64,
    /// The log had been synced up to this position.
    pub(crate) synced: u64,
    /// The segment that begins here, and all later ones, must exist; earlier ones may.
    pub(crate) oldest: u64,
}

/// The open file.
pub(crate) struct Horizon {
    file: Box<dyn LogFile>,
    last: Reach,
}

/// Reads the file. `None` if there is none, or nothing in it can be believed.
pub(crate) fn read(dir: &dyn LogDir) -> Result<Option<Reach>, Error> {
    if !dir.list()?.iter().any(|name| name == NAME) {
        return Ok(None);
    }
    let file = dir.open(NAME)?;
    let size = file.size()?;
    let mut newest: Option<Reach> = None;
    for slot in [0, BLOCK] {
        if slot + BLOCK > size {
            continue;
        }
        let mut block = vec![0; memory_length(BLOCK)];
        file.read_at(slot, &mut block)?;
        if let Some(reach) = parse(dir, &block)?
            && newest.is_none_or(|newest| newest.sequence < reach.sequence)
        {
            newest = Some(reach);
        }
    }
    Ok(newest)
}

fn parse(dir: &dyn LogDir, block: &[u8]) -> Result<Option<Reach>, Error> {
    let Some((format, reach)) = fields(block) else { return Ok(None) };
    if format > FORMAT {
        return Err(Error::NewerFormat {
            path: dir.path(NAME),
            what: "a horizon",
            found: format,
            supported: FORMAT,
        });
    }
    Ok(Some(reach))
}

fn fields(block: &[u8]) -> Option<(u16, Reach)> {
    let crc = Fields::new(block.get(COVERED..)?).u32()?;
    let covered = block.get(..COVERED)?;
    if crc != crc32c::crc32c(covered) {
        return None;
    }
    let mut fields = Fields::new(covered);
    if fields.array()? != MAGIC {
        return None;
    }
    let format = fields.u16()?;
    fields.slice(6)?;
    let log = LogId::from_bytes(fields.array()?);
    let (sequence, synced, oldest) = (fields.u64()?, fields.u64()?, fields.u64()?);
    Some((format, Reach { log, sequence, synced, oldest }))
}

fn render(reach: &Reach) -> Vec<u8> {
    let mut block = Vec::with_capacity(memory_length(BLOCK));
    block.put(&MAGIC);
    block.put(&FORMAT.to_le_bytes());
    block.put(&[0; 6]);
    block.put(reach.log.as_bytes());
    block.put_u64(reach.sequence);
    block.put_u64(reach.synced);
    block.put_u64(reach.oldest);
    let crc = crc32c::crc32c(&block);
    block.put(&crc.to_le_bytes());
    block.resize(memory_length(BLOCK), 0);
    block
}

impl Horizon {
    /// Goes on with the file that `reach` was read from, and writes it again: it may have been read
    /// from the page cache alone, and files that it calls released are about to go.
    pub(crate) fn open(dir: &dyn LogDir, reach: Reach) -> Result<Self, Error> {
        let mut horizon = Self { file: dir.open(NAME)?, last: reach };
        horizon.release(reach.oldest)?;
        Ok(horizon)
    }

    /// Makes the file, synced.
    pub(crate) fn create(
        dir: &dyn LogDir,
        log: LogId,
        synced: u64,
        oldest: u64,
    ) -> Result<Self, Error> {
        let last = Reach { log, sequence: 1, synced, oldest };
        let file = dir.create(TEMPORARY)?;
        file.write_at(0, &render(&Reach { sequence: 0, ..last }))?;
        file.write_at(BLOCK, &render(&last))?;
        file.sync()?;
        dir.rename(TEMPORARY, NAME)?;
        dir.sync()?;
        Ok(Self { file: dir.open(NAME)?, last })
    }

    /// The log was synced up to here.
    pub(crate) fn raise(&mut self, synced: u64) -> Result<(), Error> {
        if synced == self.last.synced {
            return Ok(());
        }
        self.write(Reach { synced, ..self.last })
    }

    /// The segments before this position are about to go. Both blocks are written: one alone would
    /// leave a single damaged byte between the node and a demand for files that are long gone.
    pub(crate) fn release(&mut self, oldest: u64) -> Result<(), Error> {
        self.write(Reach { oldest, ..self.last })?;
        self.write(self.last)
    }

    fn write(&mut self, reach: Reach) -> Result<(), Error> {
        let reach = Reach { sequence: self.last.sequence.saturating_add(1), ..reach };
        self.file.write_at((reach.sequence % 2) * BLOCK, &render(&reach))?;
        self.file.sync()?;
        self.last = reach;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_the_bytes_it_always_had() {
        let reach = Reach {
            log: LogId::from_bytes(*b"0123456789abcdef"),
            sequence: 1,
            synced: 0x2000,
            oldest: 0x1000,
        };
        let block = render(&reach);
        let hex: String = block[..60].iter().map(|byte| format!("{byte:02x}")).collect();
        let golden = concat!(
            "737461747268727a 0100 000000000000 30313233343536373839616263646566",
            " 0100000000000000 0020000000000000 0010000000000000 ca01220e"
        );
        assert_eq!(hex, golden.replace(' ', ""));
        assert_eq!(fields(&block), Some((FORMAT, reach)));
    }
}
