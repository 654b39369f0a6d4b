//! The Raft log, opened on a directory that the input describes.
//!
//! Checksums would refuse whatever a fuzzer changes. So an input is not the bytes of a file, but batches;
//! their headers are made here, by the layout that `node/log/src/batch.rs` draws, with good checksums:
//!
//! ```text
//! flags 1 │ records 1 │ body length 2, big endian │ body
//!
//! flags: 0-1 kind of batch   2 the next segment begins   3 the length is claimed 256 times as large
//!        4 the position is another   5 `synced` is far ahead   6 the chain is broken   7 the checksum is
//! ```

use stator_log::{Log, MemoryDir, Options, Record, Recovered};
use stator_model::{LogIndex, PartitionId, ReplicaId, TabletId, Term};

const BLOCK: usize = 4096;
const HEADER: usize = 68;
const ID: [u8; 16] = *b"the log that is ";
/// Blocks of the first segment, and of each later one.
const FIRST: usize = 4;
const LATER: usize = 8;
/// Batches of an input that are looked at.
const MOST: usize = 64;

/// Opens the log, and opens it again: the second time must find the same.
pub(crate) fn open(input: &[u8]) {
    let dir = directory(input);
    let Some(first) = opened(&dir) else { return };
    let second = opened(&dir).expect("a log that opened once opens again");
    assert_eq!(first.groups, second.groups);
    assert_eq!(first.destroyed, second.destroyed);
    assert!(first.start < second.start, "start numbers rise");
}

fn opened(dir: &MemoryDir) -> Option<Recovered> {
    Log::open(dir.clone(), options()).ok().map(|(_, recovered)| recovered)
}

fn options() -> Options {
    let block = BLOCK as u64;
    let (first_segment_bytes, segment_bytes) = (FIRST as u64 * block, LATER as u64 * block);
    Options { segment_bytes, first_segment_bytes, ..Options::new(ID) }
}

/// A directory with the segments that an input describes.
fn directory(input: &[u8]) -> MemoryDir {
    let dir = MemoryDir::new();
    let (mut base, mut segment, mut chain) = (0_usize, Vec::new(), 0);
    let mut rest = input;
    for _ in 0..MOST {
        let [flags, records, high, low, after @ ..] = rest else { break };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (body, after) = after.split_at(length.min(after.len()));
        rest = after;
        if flags & 4 != 0 && !segment.is_empty() {
            base += place(&dir, base, &mut segment);
        }
        let batch = batch(*flags, *records, base + segment.len(), chain, body);
        chain = batch.get(64..68).and_then(|crc| crc.try_into().ok()).map_or(0, u32::from_le_bytes);
        segment.extend(batch);
    }
    if !segment.is_empty() {
        place(&dir, base, &mut segment);
    }
    dir
}

/// Makes the segment that begins here, as long as those of [`options`]. Returns its length.
fn place(dir: &MemoryDir, base: usize, segment: &mut Vec<u8>) -> usize {
    let whole = if base == 0 { FIRST } else { LATER };
    segment.resize(segment.len().max(whole * BLOCK), 0);
    dir.replace(&format!("{base:016x}.log"), segment);
    let length = segment.len();
    segment.clear();
    length
}

/// A batch at this position, behind the one with this checksum.
fn batch(flags: u8, records: u8, position: usize, chain: u32, body: &[u8]) -> Vec<u8> {
    let is = |bit: u8| flags & (1 << bit) != 0;
    let claimed = if is(3) { body.len() * 256 } else { body.len() };
    let claimed = u32::try_from(claimed).unwrap_or(u32::MAX);
    let mut rest = body.to_vec();
    rest.resize((HEADER + body.len()).next_multiple_of(BLOCK) - HEADER, 0);
    let stands = position as u64 + if is(4) { BLOCK as u64 } else { 0 };
    let synced = position as u64 + if is(5) { 1 << 40 } else { 0 };
    let mut header = b"statrlog".to_vec();
    header.extend(1_u16.to_le_bytes());
    header.extend([flags & 3, 0]);
    header.extend(1_u32.to_le_bytes());
    header.extend(ID);
    header.extend(stands.to_le_bytes());
    header.extend(synced.to_le_bytes());
    header.extend(claimed.to_le_bytes());
    header.extend(u32::from(records).to_le_bytes());
    header.extend((chain ^ u32::from(is(6))).to_le_bytes());
    header.extend((crc32c::crc32c(&rest) ^ u32::from(is(7))).to_le_bytes());
    header.extend(crc32c::crc32c(&header).to_le_bytes());
    header.extend(rest);
    header
}

/// The other way round: what describes the segments of this directory.
fn described(dir: &MemoryDir) -> Vec<u8> {
    let mut input = Vec::new();
    let is_segment = |name: &String| name.ends_with(".log");
    for (number, name) in dir.names().into_iter().filter(is_segment).enumerate() {
        let bytes = dir.contents(&name);
        let (mut rest, mut next) = (&bytes[..], if number > 0 { 4 } else { 0 });
        while let Some((header, after)) = rest.split_at_checked(HEADER)
            && header.starts_with(b"statrlog")
        {
            let field = |at: usize| header.get(at..at + 4).and_then(|field| field.try_into().ok());
            let length = field(48).map_or(0, u32::from_le_bytes) as usize;
            let kind = header.get(10).copied().unwrap_or_default();
            let records = header.get(52).copied().unwrap_or_default();
            let Ok(short) = u16::try_from(length) else { break };
            input.extend([kind | next, records]);
            input.extend(short.to_be_bytes());
            input.extend(after.iter().take(length));
            next = 0;
            rest = rest.get((HEADER + length).next_multiple_of(BLOCK)..).unwrap_or_default();
        }
    }
    input
}

/// Logs of a few lives.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let dir = MemoryDir::new();
    let mut seeds = Vec::new();
    let (group, replica) = (PartitionId::new(5), ReplicaId::new(1));
    let tablet = TabletId { keyspace: 3, prefix: 9 };
    let (index, term) = (LogIndex::new(0), Term::new(1));
    let state = bytes::Bytes::from_static(b"state");
    let entry = |at: u64| {
        let body = format!("entry {at}").into();
        Record::Entry { group, replica, term, index: LogIndex::new(at), body }
    };
    let lives = [
        vec![
            vec![Record::Installed { group, replica, tablet, index, term, state }],
            vec![entry(1), entry(2)],
        ],
        vec![vec![
            entry(3),
            Record::HardState {
                group,
                replica,
                term,
                vote: Some(replica),
                commit: LogIndex::new(2),
            },
        ]],
        vec![vec![Record::Destroyed { group, replica }]],
    ];
    for life in lives {
        dir.kill();
        if let Ok((mut log, _)) = Log::open(dir.clone(), options()) {
            for batch in life {
                log.append(&batch).expect("the disk is in memory");
            }
            seeds.push(described(&dir));
        }
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_described_log_is_the_log_that_was_written() {
        let seeds = seeds();
        let groups: Vec<usize> = seeds
            .iter()
            .map(|seed| opened(&directory(seed)).expect("it opens").groups.len())
            .collect();
        assert_eq!(groups, [1, 1, 0]);
        let destroyed = opened(&directory(&seeds[2])).unwrap().destroyed;
        assert_eq!(destroyed, [(PartitionId::new(5), ReplicaId::new(1))]);
    }
}
