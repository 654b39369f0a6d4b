//! The batch: what one `fdatasync` covers, and the header that proves it.
//!
//! ```text
//!  block 0                                    block 1 ...           last block
//!  ┌────────┬──────────────────────────────────────────────────────┬─────────────┐
//!  │ header │ body: records, one after the other                   │ zeros       │
//!  └────────┴──────────────────────────────────────────────────────┴─────────────┘
//!  ◄ 68 B ──►◄───────────────── body length ───────────────────────►◄─ to 4 KiB ──►
//!
//!  offset size
//!     0     8  magic "statrlog"
//!     8     2  format, 1
//!    10     1  kind: 1 checkpoint, 2 records, 3 marker
//!    11     1  0
//!    12     4  start number of the process that wrote it
//!    16    16  log id
//!    32     8  position of this batch: byte address over all segments
//!    40     8  synced: position up to which fdatasync had returned when it was written
//!    48     4  body length in bytes
//!    52     4  number of records
//!    56     4  checksum of the previous batch's header, which is its field at 64
//!    60     4  CRC32C of body and zeros
//!    64     4  CRC32C of bytes 0 to 63
//! ```
//!
//! Integers are little endian. Header and body have checksums of their own, so that a header still
//! testifies to `synced` when its body is torn. Every byte of a batch is covered, the zeros too. The
//! layout of the header stays for good; a later format changes what is in the body.

use stator_model::StartNumber;

use crate::codec::{Fields, PutFields, disk_length, memory_length};
use crate::error::Error;
use crate::id::LogId;

/// Batches begin and end at multiples of this many bytes, so that no write touches an acknowledged one.
pub(crate) const BLOCK: u64 = 4096;
pub(crate) const HEADER_BYTES: usize = 68;
/// The latest format of a batch that this program reads, and the one it writes.
pub(crate) const FORMAT: u16 = 1;
const MAGIC: [u8; 8] = *b"statrlog";
const CRC_AT: usize = 64;

/// What a batch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The first of a segment: replaces what was said before.
    Checkpoint,
    /// What the groups had to say.
    Records,
    /// Nothing but a header: raises `synced` and the start number.
    Marker,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::Checkpoint => 1,
            Self::Records => 2,
            Self::Marker => 3,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Checkpoint),
            2 => Some(Self::Records),
            3 => Some(Self::Marker),
            _ => None,
        }
    }
}

/// What the writer says of a batch; the rest of the header follows from the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    pub(crate) start: StartNumber,
    pub(crate) log: LogId,
    pub(crate) position: u64,
    pub(crate) synced: u64,
    pub(crate) records: u32,
    pub(crate) previous: u32,
}

/// A header whose own checksum fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) head: Head,
    pub(crate) body_length: u32,
    body_crc: u32,
    /// What the next batch gives as `previous`.
    pub(crate) crc: u32,
}

/// What stands where a header may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    Header(Header),
    /// A header of a format that this program does not know.
    Newer {
        format: u16,
        log: LogId,
    },
    /// No header, or a damaged one.
    Nothing,
}

/// The smallest multiple of [`BLOCK`] that is not below `length`.
pub(crate) fn round_up(length: u64) -> u64 {
    length.next_multiple_of(BLOCK)
}

/// Empties the buffer and leaves room for the header; the body is to be written after it.
pub(crate) fn begin(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.resize(HEADER_BYTES, 0);
}

/// Pads what was begun and fills in its header. Returns the header's checksum.
pub(crate) fn finish(buffer: &mut Vec<u8>, head: &Head) -> Result<u32, Error> {
    let bytes = disk_length(buffer.len());
    let length = u32::try_from(bytes).map_err(|_| Error::TooLarge { bytes })?;
    let header_length = u32::try_from(HEADER_BYTES).expect("a header is short");
    let body_length = length.checked_sub(header_length).expect("begin left room for the header");
    buffer.resize(memory_length(round_up(bytes)), 0);
    let (front, rest) = buffer.split_at_mut(HEADER_BYTES);
    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.put(&MAGIC);
    header.put(&FORMAT.to_le_bytes());
    header.put(&[head.kind.byte(), 0]);
    header.put(&head.start.0.to_le_bytes());
    header.put(head.log.as_bytes());
    header.put_u64(head.position);
    header.put_u64(head.synced);
    header.put(&body_length.to_le_bytes());
    header.put(&head.records.to_le_bytes());
    header.put(&head.previous.to_le_bytes());
    header.put(&crc32c::crc32c(rest).to_le_bytes());
    let crc = crc32c::crc32c(&header);
    header.put(&crc.to_le_bytes());
    front.copy_from_slice(&header);
    Ok(crc)
}

/// Reads what may be a header; the bytes may be anything.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let Some(header) = bytes.get(..HEADER_BYTES) else { return Parsed::Nothing };
    parse_header(header).unwrap_or(Parsed::Nothing)
}

fn parse_header(bytes: &[u8]) -> Option<Parsed> {
    let mut fields = Fields::new(bytes);
    if fields.array()? != MAGIC {
        return None;
    }
    let crc = Fields::new(bytes.get(CRC_AT..)?).u32()?;
    if crc != crc32c::crc32c(bytes.get(..CRC_AT)?) {
        return None;
    }
    let format = fields.u16()?;
    let (kind, zero) = (fields.u8()?, fields.u8()?);
    let start = StartNumber(fields.u32()?);
    let log = LogId::from_bytes(fields.array()?);
    if format > FORMAT {
        return Some(Parsed::Newer { format, log });
    }
    if format != FORMAT || zero != 0 {
        return None;
    }
    let (position, synced) = (fields.u64()?, fields.u64()?);
    let (body_length, records) = (fields.u32()?, fields.u32()?);
    let (previous, body_crc) = (fields.u32()?, fields.u32()?);
    let kind = Kind::from_byte(kind)?;
    let head = Head { kind, start, log, position, synced, records, previous };
    Some(Parsed::Header(Header { head, body_length, body_crc, crc }))
}

impl Header {
    /// How many bytes the whole batch takes, padding included.
    pub(crate) fn size(&self) -> u64 {
        round_up(disk_length(HEADER_BYTES) + u64::from(self.body_length))
    }

    /// The body of the whole batch in `bytes`, if its checksum fits.
    pub(crate) fn body<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let covered = bytes.get(HEADER_BYTES..)?;
        if crc32c::crc32c(covered) != self.body_crc {
            return None;
        }
        covered.get(..memory_length(u64::from(self.body_length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            kind: Kind::Records,
            start: StartNumber(3),
            log: LogId::from_bytes(*b"0123456789abcdef"),
            position: 0x1000,
            synced: 0x1000,
            records: 2,
            previous: 0xaabb_ccdd,
        }
    }

    fn batch() -> Vec<u8> {
        let mut buffer = Vec::new();
        begin(&mut buffer);
        buffer.put(b"body");
        finish(&mut buffer, &head()).unwrap();
        buffer
    }

    #[test]
    fn the_header_has_the_bytes_it_always_had() {
        let batch = batch();
        let hex: String = batch[..72].iter().map(|byte| format!("{byte:02x}")).collect();
        let golden = concat!(
            "737461 74726c6f67 0100 02 00 03000000 30313233343536373839616263646566",
            " 0010000000000000 0010000000000000 04000000 02000000 ddccbbaa 4468967e dc554678 626f6479"
        );
        assert_eq!(hex, golden.replace(' ', ""));
        assert_eq!(batch.len(), 4096);
    }

    #[test]
    fn every_flipped_bit_of_a_batch_is_found() {
        let good = batch();
        let Parsed::Header(header) = parse(&good) else { panic!("a good header is read") };
        assert_eq!((header.head, header.body(&good)), (head(), Some(&b"body"[..])));
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            let found = match parse(&bad) {
                Parsed::Header(header) => header.body(&bad).is_none(),
                Parsed::Newer { .. } => false,
                Parsed::Nothing => true,
            };
            assert!(found, "bit flipped in byte {at} and not found");
        }
    }

    #[test]
    fn a_later_format_is_told_from_damage() {
        let mut bytes = batch();
        bytes[8] = 2;
        assert_eq!(parse(&bytes), Parsed::Nothing, "a flipped byte is damage");
        let crc = crc32c::crc32c(&bytes[..CRC_AT]);
        bytes[CRC_AT..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(parse(&bytes), Parsed::Newer { format: 2, log: head().log });
    }
}
