//! Batches that no writer made, put where recovery looks.

use bytes::Bytes;
use proptest::prelude::*;
use stator_model::{LogIndex, PartitionId, ReplicaId, TabletId, Term};

use super::*;
use crate::batch::{BLOCK, Head, Header, Kind};
use crate::memory_dir::Fault;
use crate::record::{self, Record};
use crate::{Log, MemoryDir, Options, Recovered};

const ID: [u8; 16] = [9; 16];
const FILE: &str = "0000000000000000.log";

fn open(dir: &MemoryDir) -> Result<(Log, Recovered), Error> {
    let bytes = 16 * BLOCK;
    let options = Options { segment_bytes: bytes, first_segment_bytes: bytes, ..Options::new(ID) };
    Log::open(dir.clone(), options)
}

fn install() -> Record {
    Record::Installed {
        group: PartitionId::new(1),
        replica: ReplicaId::new(1),
        tablet: TabletId { keyspace: 0, prefix: 1 },
        index: LogIndex::new(0),
        term: Term::new(0),
        state: Bytes::new(),
    }
}

fn entry(index: u64, body: Bytes) -> Record {
    Record::Entry {
        group: PartitionId::new(1),
        replica: ReplicaId::new(1),
        term: Term::new(1),
        index: LogIndex::new(index),
        body,
    }
}

fn begun() -> MemoryDir {
    let dir = MemoryDir::new();
    open(&dir).unwrap().0.append(&[install()]).unwrap();
    dir.kill();
    dir
}

/// The last batch's header and where it ends.
fn last(dir: &MemoryDir) -> (Header, u64) {
    let bytes = dir.contents(FILE);
    let mut found = None;
    let mut offset = 0;
    while let Parsed::Header(header) = batch::parse(&bytes[offset..])
        && header.head.position == disk_length(offset)
    {
        offset += memory_length(header.size());
        found = Some(header);
    }
    (found.unwrap(), disk_length(offset))
}

/// A batch that would fit behind `previous`, at this position. It claims no sync that would prove
/// anything to the search.
fn forged(position: u64, previous: &Header, head: Head, body: &[u8]) -> Vec<u8> {
    let mut buffer = Vec::new();
    batch::begin(&mut buffer);
    buffer.extend_from_slice(body);
    let synced = previous.head.synced;
    let head = Head { position, synced, previous: previous.crc, ..head };
    batch::finish(&mut buffer, &head).unwrap();
    buffer
}

/// A vote that nobody may remember, as a record.
fn stale_vote() -> Vec<u8> {
    let mut body = Vec::new();
    let record = Record::HardState {
        group: PartitionId::new(1),
        replica: ReplicaId::new(1),
        term: Term::new(1),
        vote: Some(ReplicaId::new(66)),
        commit: LogIndex::new(0),
    };
    record::encode(&record, &mut body).unwrap();
    body
}

fn vote(recovered: &Recovered) -> Option<ReplicaId> {
    recovered.groups[0].hard_state.vote
}

/// A disk after a power cut that lost the first block of a batch. The second one is, to the byte, a
/// batch that fits behind the marker that the next process will write over the first. Returns the disk
/// and that marker.
fn trapped() -> (MemoryDir, Header) {
    let dir = begun();
    let (_, end) = last(&dir);
    // What the process after the next will write: the lost batch changes nothing about it.
    let future = dir.fork();
    drop(open(&future).unwrap());
    future.kill();
    drop(open(&future).unwrap());
    let (marker, _) = last(&future);
    assert_eq!(marker.head.position, end + BLOCK, "the marker of the process after the next");

    let (mut log, _) = open(&dir).unwrap();
    let head = Head { records: 1, kind: Kind::Records, ..marker.head };
    let trap = forged(end + 2 * BLOCK, &marker, head, &stale_vote());
    let before_trap = memory_length(BLOCK) - HEADER_BYTES - 38;
    let body = [vec![1; before_trap], trap].concat();
    dir.inject(1, Fault::PowerCut);
    assert!(log.append(&[entry(1, body.into())]).is_err());
    // All of the lost batch but its first block reaches the disk.
    dir.crash_keeping(|_, block| block > (end + BLOCK) / BLOCK);
    (dir, marker)
}

#[test]
fn leftovers_of_a_lost_batch_are_never_walked_into() {
    let (dir, marker) = trapped();
    let (_, recovered) = open(&dir).unwrap();
    assert_eq!(vote(&recovered), None);
    let (found, end) = last(&dir);
    assert_eq!((found, end), (marker, marker.head.position + BLOCK), "the trap lies right");
    dir.kill();
    assert_eq!(vote(&open(&dir).unwrap().1), None, "a vote came back that was never acknowledged");
}

#[test]
fn leftovers_are_gone_before_anything_is_appended() {
    let (dir, marker) = trapped();
    let operations = {
        let dir = dir.fork();
        let before = dir.operations();
        drop(open(&dir).unwrap());
        dir.operations() - before
    };
    for after in 0..operations {
        let dir = dir.fork();
        dir.inject(after, Fault::PowerCut);
        assert!(open(&dir).is_err());
        // The marker reaches the disk, and of all else nothing that was not synced.
        dir.crash_keeping(|file, block| file == FILE && block == marker.head.position / BLOCK);
        let recovered = open(&dir).unwrap().1;
        assert_eq!(vote(&recovered), None, "power cut at operation {after}");
    }
}

/// Opens a log that ends with this batch.
fn with_last(head: impl FnOnce(Head) -> Head, body: &[u8]) -> Result<(Log, Recovered), Error> {
    let dir = begun();
    let (before, end) = last(&dir);
    let head = head(Head { kind: Kind::Records, records: 1, ..before.head });
    let batch = forged(end, &before, head, body);
    let mut bytes = dir.contents(FILE);
    bytes[memory_length(end)..][..batch.len()].copy_from_slice(&batch);
    dir.replace(FILE, &bytes);
    open(&dir)
}

/// What is recovered of a log whose last batch is not one it can have written there.
fn misfit(change: impl FnOnce(Head) -> Head) -> Option<ReplicaId> {
    let dir = begun();
    let (before, end) = last(&dir);
    let head = Head {
        kind: Kind::Records,
        records: 1,
        position: end,
        synced: end,
        previous: before.crc,
        ..before.head
    };
    let mut batch = Vec::new();
    batch::begin(&mut batch);
    batch.extend(stale_vote());
    batch::finish(&mut batch, &change(head)).unwrap();
    let mut bytes = dir.contents(FILE);
    bytes[memory_length(end)..][..batch.len()].copy_from_slice(&batch);
    dir.replace(FILE, &bytes);
    vote(&open(&dir).unwrap().1)
}

#[test]
fn a_batch_that_does_not_fit_in_one_thing_is_not_read() {
    assert_eq!(misfit(|head| head), Some(ReplicaId::new(66)));
    assert_eq!(misfit(|head| Head { position: head.position + BLOCK, ..head }), None);
    assert_eq!(misfit(|head| Head { previous: head.previous + 1, ..head }), None);
    assert_eq!(misfit(|head| Head { log: LogId::from_bytes([8; 16]), ..head }), None);
    assert_eq!(misfit(|head| Head { kind: Kind::Checkpoint, ..head }), None);
    let earlier = stator_model::StartNumber(0);
    assert_eq!(misfit(|head| Head { start: earlier, ..head }), None);
}

#[test]
fn a_batch_with_the_right_checksum_and_no_meaning_is_damage() {
    assert_eq!(vote(&with_last(|head| head, &stale_vote()).unwrap().1), Some(ReplicaId::new(66)));
    let meaningless = |result: Result<(Log, Recovered), Error>| {
        let error = result.map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Damage { lost: Lost::Meaning, .. }), "{error}");
    };
    meaningless(with_last(|head| Head { records: 2, ..head }, &stale_vote()));
    meaningless(with_last(|head| head, b"nonsense"));
    let mut gap = Vec::new();
    record::encode(&entry(1, Bytes::new()), &mut gap).unwrap();
    record::encode(&entry(3, Bytes::new()), &mut gap).unwrap();
    meaningless(with_last(|head| Head { records: 2, ..head }, &gap));
    let mut segment = Vec::new();
    record::encode_segment(1, &mut segment).unwrap();
    meaningless(with_last(|head| head, &segment));
}

#[test]
fn a_record_of_a_later_version_is_refused_by_number() {
    let error = with_last(|head| head, &[1, 9, 0, 0, 0, 0]).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::NewerFormat { found: 9, supported: 1, .. }), "{error}");
}

#[test]
fn a_batch_of_a_later_format_is_refused_by_number() {
    let dir = begun();
    let (before, end) = last(&dir);
    let head = Head { kind: Kind::Records, records: 1, ..before.head };
    let mut batch = forged(end, &before, head, &stale_vote());
    batch[8] = 2;
    let crc = crc32c::crc32c(&batch[..64]);
    batch[64..68].copy_from_slice(&crc.to_le_bytes());
    for at in [0, end] {
        let dir = dir.fork();
        let mut bytes = dir.contents(FILE);
        bytes[memory_length(at)..][..batch.len()].copy_from_slice(&batch);
        dir.replace(FILE, &bytes);
        let error = open(&dir).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::NewerFormat { found: 2, supported: 1, .. }), "{error}");
    }
}

#[test]
fn a_log_that_was_started_too_often_says_so() {
    let last_start = stator_model::StartNumber(u32::MAX);
    let error = with_last(|head| Head { start: last_start, ..head }, &stale_vote());
    assert!(matches!(error.map(|_| ()), Err(Error::StartsExhausted)));
}

proptest! {
    #[test]
    fn any_body_with_the_right_checksum_is_recovered_or_refused_without_a_panic(
        records in 0..4_u32,
        parts in prop::collection::vec(
            (0..8_u8, 0..3_u8, prop::collection::vec(prop_oneof![Just(0_u8), Just(1), any::<u8>()], 0..70)),
            0..4,
        ),
    ) {
        let mut body = Vec::new();
        for (kind, version, payload) in parts {
            body.extend([kind, version]);
            body.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
            body.extend(payload);
        }
        let opened = with_last(|head| Head { records, ..head }, &body);
        let refused = matches!(opened, Err(Error::Damage { .. } | Error::NewerFormat { .. }));
        prop_assert!(refused || opened.is_ok());
    }
}
