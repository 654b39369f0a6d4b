//! Short names for what the tests say again and again.

use bytes::Bytes;
use stator_log::{Error, Log, LogId, MemoryDir, Options, Record, Recovered};
use stator_model::{LogIndex, PartitionId, ReplicaId, TabletId, Term};

pub(crate) const ID: [u8; 16] = *b"the log of tests";
pub(crate) const BLOCK: u64 = 4096;

/// How many cases to run: `base` times `STATOR_CASES`, the multiplier of all tests.
pub(crate) fn cases(base: u32) -> u32 {
    let times = std::env::var("STATOR_CASES").ok().and_then(|times| times.parse().ok());
    base.saturating_mul(times.unwrap_or(1))
}

pub(crate) fn options() -> Options {
    Options { segment_bytes: 8 * BLOCK, first_segment_bytes: 4 * BLOCK, ..Options::new(ID) }
}

pub(crate) fn expecting() -> Options {
    Options { expect: Some(LogId::from_bytes(ID)), ..options() }
}

pub(crate) fn try_open(dir: &MemoryDir) -> Result<(Log, Recovered), Error> {
    Log::open(dir.clone(), options())
}

#[track_caller]
pub(crate) fn open(dir: &MemoryDir) -> (Log, Recovered) {
    match try_open(dir) {
        Ok(opened) => opened,
        Err(error) => panic!("the log does not open: {error}\n{error:?}\n{dir:?}"),
    }
}

/// What a later process finds.
#[track_caller]
pub(crate) fn reopen(dir: &MemoryDir) -> Recovered {
    dir.kill();
    open(dir).1
}

pub(crate) fn group(number: u64) -> PartitionId {
    PartitionId::new(number)
}

pub(crate) fn replica(number: u64) -> ReplicaId {
    ReplicaId::new(number)
}

pub(crate) fn index(number: u64) -> LogIndex {
    LogIndex::new(number)
}

pub(crate) fn tablet(prefix: u64) -> TabletId {
    TabletId { keyspace: 3, prefix }
}

/// Replica 1 of the group begins at index 0.
pub(crate) fn install(number: u64) -> Record {
    install_at(number, 1, 0)
}

pub(crate) fn install_at(number: u64, of: u64, at: u64) -> Record {
    Record::Installed {
        group: group(number),
        replica: replica(of),
        tablet: tablet(number * 1000 + at),
        index: index(at),
        term: Term::new(1),
        state: Bytes::from_static(b"state"),
    }
}

/// An entry of replica 1 that says its index.
pub(crate) fn entry(number: u64, at: u64) -> Record {
    entry_of(number, at, format!("entry {at}").into())
}

pub(crate) fn entry_of(number: u64, at: u64, body: Bytes) -> Record {
    Record::Entry {
        group: group(number),
        replica: replica(1),
        term: Term::new(1),
        index: index(at),
        body,
    }
}

pub(crate) fn vote(number: u64, term: u64, candidate: u64) -> Record {
    Record::HardState {
        group: group(number),
        replica: replica(1),
        term: Term::new(term),
        vote: Some(replica(candidate)),
        commit: index(0),
    }
}

/// The indexes of the entries that were recovered for a group.
pub(crate) fn indexes(recovered: &Recovered, number: u64) -> Vec<u64> {
    let found = recovered.groups.iter().find(|known| known.group == group(number));
    let found = found.expect("the group is known");
    found.entries.iter().map(|entry| entry.index.get()).collect()
}

/// A batch as it lies on the disk.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) file: String,
    pub(crate) offset: u64,
    pub(crate) size: u64,
    pub(crate) body: u64,
}

/// Every batch of the log, read off the drawn layout and nothing else.
pub(crate) fn batches(dir: &MemoryDir) -> Vec<Placed> {
    let mut placed = Vec::new();
    for file in segments(dir) {
        let bytes = dir.contents(&file);
        let base = u64::from_str_radix(file.trim_end_matches(".log"), 16).unwrap();
        let mut offset = 0;
        while let Some(header) = bytes.get(usize::try_from(offset).unwrap()..)
            && header.starts_with(b"statrlog")
            && u64::from_le_bytes(header[32..40].try_into().unwrap()) == base + offset
        {
            let body = u64::from(u32::from_le_bytes(header[48..52].try_into().unwrap()));
            let size = (68 + body).next_multiple_of(BLOCK);
            placed.push(Placed { file: file.clone(), offset, size, body });
            offset += size;
        }
    }
    placed
}

pub(crate) fn segments(dir: &MemoryDir) -> Vec<String> {
    dir.names().into_iter().filter(|name| name.ends_with(".log")).collect()
}
