//! The crash points of the log, one by one: log write, log sync, checkpoint,
//! segment reuse. At each the process is killed, or the power is cut and what was not synced is kept,
//! lost, torn and reordered; then nothing acknowledged is missing and nothing is invented.

use std::collections::HashMap;

use bytes::Bytes;
use stator_log::memory_dir::Fault;
use stator_log::{Checkpoint, Error, GroupCheckpoint, Log, MemoryDir, Recovered};
use stator_model::ReplicaId;

use crate::support::{
    cases, entry, entry_of, group, index, indexes, install, open, reopen, segments, vote,
};

/// What is recovered, but for the start number.
fn contents(recovered: &Recovered) -> Recovered {
    Recovered { start: stator_model::StartNumber(0), ..recovered.clone() }
}

/// A checkpoint of all that the log holds, and how far the store is.
fn checkpoint(recovered: &Recovered, durable: u64) -> Checkpoint {
    let groups = recovered.groups.iter().map(|known| GroupCheckpoint {
        group: known.group,
        replica: known.replica,
        hard_state: known.hard_state.clone(),
        tablet: known.tablet,
        installed: known.installed,
        state: known.state.clone(),
        durable_applied: index(durable),
        entries: known.entries.iter().filter(|at| at.index > index(durable)).cloned().collect(),
    });
    Checkpoint { groups: groups.collect(), destroyed: recovered.destroyed.clone() }
}

/// The vote that was recovered for group 1.
fn voted(recovered: &Recovered) -> Option<ReplicaId> {
    recovered.groups[0].hard_state.vote
}

/// The index after the last one of group 1 that the log or the store holds.
fn next_index(recovered: &Recovered) -> u64 {
    let durable = recovered.groups[0].durable_applied.get();
    indexes(recovered, 1).last().map_or(durable, |last| *last) + 1
}

/// A log with two entries and a vote in its first segment, and its disk.
fn begun() -> (MemoryDir, Log) {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1), vote(1, 1, 1), entry(1, 1)]).unwrap();
    log.append(&[entry(1, 2)]).unwrap();
    (dir, log)
}

/// Brings a disk to the point that is tested, opens the log there, and hands over.
type Prepare = fn() -> (MemoryDir, Log);
/// What is interrupted.
type Act = fn(&mut Log, &Recovered) -> Result<(), Error>;

/// Cuts the power at each operation of `act` in turn, in many ways. Whatever is left must be what was
/// before or what is after, must be so again after another start, and must take new records.
fn check(prepare: Prepare, act: Act) {
    let (dir, mut log) = prepare();
    let before = reopen(&dir.fork());
    let first = dir.operations();
    act(&mut log, &before).unwrap();
    let operations = dir.operations() - first;
    let after = reopen(&dir);
    assert!(operations > 1);
    for cut in 0..operations {
        for seed in 0..u64::from(cases(16)) {
            let (dir, mut log) = prepare();
            dir.inject(cut, Fault::PowerCut);
            assert!(act(&mut log, &before).is_err());
            // One in eight is a mere kill.
            if seed % 8 == 0 {
                dir.kill()
            } else {
                dir.crash(seed)
            }
            let (mut log, found) = open(&dir);
            let same = |other: &Recovered| contents(&found) == contents(other);
            assert!(same(&before) || same(&after), "cut {cut}, seed {seed}: {found:?}");
            let next = next_index(&found);
            log.append(&[entry(1, next), vote(1, 9, 3)]).unwrap();
            dir.crash(seed);
            let found = reopen(&dir);
            assert_eq!(indexes(&found, 1).last(), Some(&next), "cut {cut}, seed {seed}");
            assert_eq!(voted(&found), Some(ReplicaId::new(3)));
        }
    }
}

#[test]
fn crash_point_log_write_and_log_sync() {
    check(begun, |log, _| log.append(&[vote(1, 2, 2), entry(1, 3)]).map(|_| ()));
}

#[test]
fn crash_point_log_write_and_log_sync_of_a_batch_of_many_blocks() {
    check(begun, |log, _| {
        let body = Bytes::from((0..30_000_u32).map(|at| at.to_le_bytes()[0]).collect::<Vec<_>>());
        log.append(&[vote(1, 2, 2), entry_of(1, 3, body), entry(1, 4)]).map(|_| ())
    });
}

#[test]
fn crash_point_log_write_and_log_sync_of_the_idle_marker() {
    check(begun, |log, _| log.mark());
}

#[test]
fn crash_point_checkpoint() {
    check(begun, |log, recovered| log.rotate(&checkpoint(recovered, 1)));
}

#[test]
fn crash_point_checkpoint_longer_than_its_segment() {
    let prepare = || {
        let (dir, mut log) = begun();
        log.append(&[entry_of(1, 3, Bytes::from(vec![7; 50_000]))]).unwrap();
        (dir, log)
    };
    check(prepare, |log, recovered| log.rotate(&checkpoint(recovered, 0)));
}

#[test]
fn crash_point_checkpoint_in_a_prepared_segment() {
    let prepare = || {
        let (dir, log) = begun();
        log.preparer().prepare().unwrap();
        (dir, log)
    };
    check(prepare, |log, recovered| log.rotate(&checkpoint(recovered, 1)));
}

/// A log that has released a segment of full length, with batches in it, to be used next.
fn with_stale_spare() -> (MemoryDir, Log) {
    let (dir, mut log) = begun();
    let recovered = reopen(&dir.fork());
    log.rotate(&checkpoint(&recovered, 2)).unwrap();
    // Fill the segment with batches that would replace entries and votes if they were read again.
    for at in 3..8 {
        log.append(&[entry(1, at), vote(1, at, 2)]).unwrap();
    }
    log.append(&[vote(1, 8, 1)]).unwrap();
    let recovered = reopen(&dir.fork());
    log.rotate(&checkpoint(&recovered, 7)).unwrap();
    log.append(&[entry(1, 8)]).unwrap();
    log.release(&HashMap::from([(group(1), index(7))])).unwrap();
    assert_eq!(segments(&dir).len(), 1);
    (dir, log)
}

#[test]
fn crash_point_segment_reuse() {
    check(with_stale_spare, |log, recovered| log.rotate(&checkpoint(recovered, 7)));
}

#[test]
fn crash_point_segment_reuse_then_log_write_and_log_sync() {
    let prepare = || {
        let (dir, mut log) = with_stale_spare();
        let recovered = reopen(&dir.fork());
        log.rotate(&checkpoint(&recovered, 7)).unwrap();
        (dir, log)
    };
    check(prepare, |log, _| log.append(&[vote(1, 9, 2), entry(1, 9)]).map(|_| ()));
}

#[test]
fn crash_point_segment_release() {
    let prepare = || {
        let (dir, mut log) = begun();
        for durable in [1, 2] {
            let recovered = reopen(&dir.fork());
            log.rotate(&checkpoint(&recovered, durable)).unwrap();
        }
        (dir, log)
    };
    check(prepare, |log, _| log.release(&HashMap::from([(group(1), index(2))])));
}

/// Of a batch that was never acknowledged every combination of its blocks may have reached the disk.
/// All of them: it is there. Else: it is not, and nobody complains.
fn check_holes(prepare: Prepare, act: Act) {
    let (dir, mut log) = prepare();
    let before = reopen(&dir.fork());
    dir.kill();
    let after = dir.fork();
    let mut other = open(&after).0;
    act(&mut other, &before).unwrap();
    let after = reopen(&after);
    drop(log);
    log = open(&dir).0;
    // The last operation that counts is the sync of the batch: find it.
    let mut sync = 0;
    let torn = loop {
        let dir = dir.fork();
        dir.kill();
        let mut log = open(&dir).0;
        dir.inject(sync, Fault::PowerCut);
        assert!(act(&mut log, &before).is_err(), "the batch was never unsynced");
        let blocks: Vec<_> =
            dir.unsynced_blocks().into_iter().filter(|(file, _)| file.ends_with(".log")).collect();
        if !blocks.is_empty() {
            break (dir, blocks);
        }
        sync += 1;
    };
    drop(log);
    let (dir, blocks) = torn;
    assert!(blocks.len() <= 8, "{} blocks have too many combinations", blocks.len());
    let all = (1_u32 << blocks.len()) - 1;
    for kept in 0..=all {
        let dir = dir.fork();
        dir.crash_keeping(|file, block| {
            blocks
                .iter()
                .position(|known| known.0 == file && known.1 == block)
                .is_some_and(|at| kept & (1 << at) != 0)
        });
        let (mut log, found) = open(&dir);
        let expected = if kept == all { &after } else { &before };
        assert_eq!(contents(&found), contents(expected), "kept {kept:b}");
        let next = next_index(&found);
        log.append(&[entry(1, next)]).unwrap();
        dir.crash_keeping(|_, _| false);
        assert_eq!(indexes(&reopen(&dir), 1).last(), Some(&next));
    }
}

fn many_blocks() -> Bytes {
    Bytes::from(vec![0xa5; 20_000])
}

#[test]
fn a_torn_tail_is_cut_whichever_blocks_are_missing() {
    check_holes(begun, |log, _| log.append(&[entry_of(1, 3, many_blocks())]).map(|_| ()));
}

#[test]
fn a_torn_tail_that_made_the_file_longer_is_cut_whichever_blocks_are_missing() {
    let prepare = || {
        let (dir, mut log) = begun();
        log.append(&[vote(1, 2, 2)]).unwrap();
        (dir, log)
    };
    check_holes(prepare, |log, _| log.append(&[entry_of(1, 3, many_blocks())]).map(|_| ()));
}

#[test]
fn a_torn_checkpoint_is_cut_whichever_blocks_are_missing() {
    let prepare = || {
        let (dir, mut log) = begun();
        log.append(&[entry_of(1, 3, many_blocks())]).unwrap();
        log.preparer().prepare().unwrap();
        (dir, log)
    };
    check_holes(prepare, |log, recovered| log.rotate(&checkpoint(recovered, 0)));
}

#[test]
fn a_torn_checkpoint_in_a_segment_that_was_used_before_is_cut_whichever_blocks_are_missing() {
    let prepare = || {
        let (dir, mut log) = with_stale_spare();
        log.append(&[entry_of(1, 9, many_blocks())]).unwrap();
        (dir, log)
    };
    check_holes(prepare, |log, recovered| log.rotate(&checkpoint(recovered, 7)));
}
