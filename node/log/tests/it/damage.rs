//! Bytes that were synced and are not there any more: always found, never fewer entries in silence.

use std::collections::HashMap;

use bytes::Bytes;
use stator_log::{
    Checkpoint, Error, GroupCheckpoint, HardState, Log, LogEntry, LogId, Lost, MemoryDir, Options,
    Record, Recovered,
};
use stator_model::Term;

use crate::support::{
    BLOCK, Placed, batches, entry, entry_of, expecting, group, index, install, open, options,
    reopen, replica, segments, tablet, try_open, vote,
};

fn checkpoint(durable: u64, unapplied: &[u64]) -> Checkpoint {
    let entries = unapplied.iter().map(|at| LogEntry {
        term: Term::new(1),
        index: index(*at),
        body: format!("entry {at}").into(),
    });
    let known = GroupCheckpoint {
        group: group(1),
        replica: replica(1),
        hard_state: HardState { term: Term::new(5), vote: Some(replica(1)), commit: index(9) },
        tablet: tablet(1000),
        installed: (index(0), Term::new(1)),
        state: Bytes::from_static(b"state"),
        durable_applied: index(durable),
        entries: entries.collect(),
    };
    Checkpoint { groups: vec![known], destroyed: vec![(group(2), replica(2))] }
}

/// What the log says, but for the start number.
fn contents(recovered: Recovered) -> Recovered {
    Recovered { start: stator_model::StartNumber(0), ..recovered }
}

/// What brings the log of these tests about.
enum Step {
    Append(Vec<Record>),
    Rotate(Checkpoint),
    Release(u64),
    Mark,
    Restart,
}

fn steps() -> Vec<Step> {
    vec![
        Step::Append(vec![install(1), entry(1, 1)]),
        Step::Rotate(checkpoint(1, &[])),
        Step::Release(1),
        Step::Append(vec![entry(1, 2), vote(1, 5, 1)]),
        Step::Append(vec![entry_of(1, 3, Bytes::from(vec![0xa5; 9000]))]),
        Step::Mark,
        Step::Append(vec![entry(1, 4)]),
        Step::Rotate(checkpoint(1, &[4])),
        Step::Append(vec![entry(1, 5)]),
        Step::Append(vec![vote(1, 6, 3)]),
        Step::Rotate(checkpoint(2, &[4, 5])),
        Step::Append(vec![entry(1, 6), entry(1, 7)]),
        Step::Restart,
        Step::Append(vec![entry(1, 8)]),
        Step::Append(vec![entry(1, 9)]),
        Step::Mark,
    ]
}

/// A log of three segments, the oldest of which was released, with every kind of batch, marked and
/// closed. Every step on the way is handed to `watch`.
fn built(mut watch: impl FnMut(&MemoryDir)) -> MemoryDir {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    for step in steps() {
        match step {
            Step::Append(records) => log.append(&records).map(|_| ()).unwrap(),
            Step::Rotate(checkpoint) => log.rotate(&checkpoint).unwrap(),
            Step::Release(to) => log.release(&HashMap::from([(group(1), index(to))])).unwrap(),
            Step::Mark => log.mark().unwrap(),
            Step::Restart => {
                dir.kill();
                log = open(&dir).0;
            }
        }
        watch(&dir);
    }
    dir.kill();
    assert_eq!(segments(&dir).len(), 3);
    dir
}

fn log() -> MemoryDir {
    built(|_| ())
}

/// Says that this file and no other is damaged, and where.
#[track_caller]
fn damage(dir: &MemoryDir, file: &str, what: &str) -> (u64, Lost) {
    let before: Vec<_> = dir.names().iter().map(|name| dir.contents(name)).collect();
    match try_open(dir) {
        Err(Error::Damage { path, offset, lost }) => {
            assert!(path.ends_with(file), "{what}: {} is named, not {file}", path.display());
            let after: Vec<_> = dir.names().iter().map(|name| dir.contents(name)).collect();
            assert!(before == after, "{what}: a damaged log was written to");
            (offset, lost)
        }
        Err(other) => panic!("{what}: {other}"),
        Ok((_, recovered)) => panic!("{what} was not found: {recovered:?}"),
    }
}

/// One place of each kind in a batch: every field of the header, the body, the padding.
fn places(batch: &Placed) -> Vec<u64> {
    let header = [0, 8, 10, 11, 12, 16, 31, 32, 40, 47, 48, 52, 56, 60, 64, 67];
    let mut places = header.to_vec();
    if batch.body > 0 {
        places.extend([68, 68 + batch.body / 2, 67 + batch.body]);
    }
    places.extend((1..batch.size / BLOCK).map(|block| block * BLOCK));
    places.extend([68 + batch.body, batch.size - 1].iter().filter(|at| **at < batch.size));
    places
}

#[test]
fn one_flipped_byte_in_any_place_of_any_batch_is_found() {
    let log = log();
    let batches = batches(&log);
    assert!(batches.len() > 12);
    for batch in batches {
        for place in places(&batch) {
            let dir = log.fork();
            dir.flip(&batch.file, batch.offset + place, 1 << (place % 8));
            let what = format!("byte {place} flipped in {batch:?}");
            assert_eq!(damage(&dir, &batch.file, &what).0, batch.offset, "{what}");
        }
    }
}

#[test]
fn without_horizon_a_flipped_byte_is_found_in_all_but_the_last_marker_which_holds_nothing() {
    let log = log();
    let whole = contents(reopen(&log.fork()));
    let mut batches = batches(&log);
    let marker = batches.pop().unwrap();
    for batch in batches {
        for place in places(&batch) {
            let dir = log.fork();
            dir.lose("HORIZON");
            dir.flip(&batch.file, batch.offset + place, 1 << (place % 8));
            let what = format!("byte {place} flipped in {batch:?}");
            assert_eq!(damage(&dir, &batch.file, &what).0, batch.offset, "{what}");
        }
    }
    for place in places(&marker) {
        let dir = log.fork();
        dir.lose("HORIZON");
        dir.flip(&marker.file, marker.offset + place, 1);
        assert_eq!(contents(open(&dir).1), whole);
    }
}

#[test]
fn a_flipped_byte_between_the_batches_and_the_end_of_a_segment_changes_nothing() {
    let log = log();
    let whole = contents(reopen(&log.fork()));
    for file in segments(&log) {
        let end = batches(&log)
            .iter()
            .filter(|batch| batch.file == file)
            .map(|batch| batch.offset + batch.size)
            .max()
            .unwrap();
        let size = u64::try_from(log.contents(&file).len()).unwrap();
        for place in [end, end + 64, size - 1] {
            let dir = log.fork();
            dir.flip(&file, place, 1);
            assert_eq!(contents(open(&dir).1), whole);
        }
    }
}

#[test]
fn a_shorter_file_is_found() {
    let log = log();
    for file in segments(&log) {
        let size = u64::try_from(log.contents(&file).len()).unwrap();
        for length in [0, 1, 67, BLOCK - 1, BLOCK, BLOCK + 1, size / 2, size - BLOCK, size - 1] {
            let dir = log.fork();
            dir.truncate(&file, length);
            damage(&dir, &file, &format!("{file} cut to {length} bytes"));
        }
    }
}

#[test]
fn zeros_are_found() {
    let log = log();
    for file in segments(&log) {
        let dir = log.fork();
        dir.zero(&file, 0..u64::MAX);
        assert_eq!(damage(&dir, &file, &format!("{file} zeroed")).0, 0);
    }
    for batch in batches(&log) {
        // To the end of the segment: nothing in the file itself can tell.
        let dir = log.fork();
        dir.zero(&batch.file, batch.offset..u64::MAX);
        let what = format!("{batch:?} and what follows zeroed");
        assert_eq!(damage(&dir, &batch.file, &what).0, batch.offset);
        let dir = log.fork();
        dir.zero(&batch.file, batch.offset..batch.offset + 512);
        assert_eq!(damage(&dir, &batch.file, &format!("{batch:?} zeroed")).0, batch.offset);
    }
}

#[test]
fn a_missing_file_is_found_and_named() {
    let log = log();
    for file in segments(&log) {
        let dir = log.fork();
        dir.lose(&file);
        assert_eq!(damage(&dir, &file, &format!("{file} missing")), (0, Lost::File));
    }
    let dir = log.fork();
    segments(&log).iter().for_each(|file| dir.lose(file));
    let error = try_open(&dir).unwrap_err();
    assert!(matches!(error, Error::Absent { expected: None, .. }), "{error}");
    dir.lose("HORIZON");
    let error = Log::open(dir, expecting()).unwrap_err();
    assert!(matches!(error, Error::Absent { expected: Some(_), .. }), "{error}");
}

#[test]
fn a_segment_that_vanishes_right_after_it_was_begun_is_found() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1), entry(1, 1)]).unwrap();
    log.rotate(&checkpoint(1, &[])).unwrap();
    dir.kill();
    let begun = segments(&dir).remove(1);
    let missing = dir.fork();
    missing.lose(&begun);
    assert_eq!(damage(&missing, &begun, "the newest segment missing"), (0, Lost::File));
    dir.zero(&begun, 0..u64::MAX);
    assert_eq!(damage(&dir, &begun, "the newest segment zeroed"), (0, Lost::Checkpoint));
}

#[test]
fn an_older_copy_of_a_file_is_found() {
    let mut copies: Vec<(String, Vec<u8>)> = Vec::new();
    let log = built(|dir| {
        copies.extend(segments(dir).into_iter().map(|file| (file.clone(), dir.contents(&file))));
    });
    let mut found = 0;
    for (file, copy) in copies {
        if !segments(&log).contains(&file) || log.contents(&file) == copy {
            continue;
        }
        let dir = log.fork();
        dir.replace(&file, &copy);
        damage(&dir, &file, "an older copy");
        found += 1;
    }
    assert!(found >= 10, "only {found} older copies were tried");
}

#[test]
fn two_files_that_changed_places_are_found() {
    let log = log();
    let files = segments(&log);
    for (one, other) in [(0, 1), (1, 2), (0, 2)] {
        let dir = log.fork();
        dir.replace(&files[one], &log.contents(&files[other]));
        dir.replace(&files[other], &log.contents(&files[one]));
        damage(&dir, &files[one], "changed places");
    }
}

#[test]
fn a_file_of_another_log_is_found_and_named() {
    let log = log();
    let other = MemoryDir::new();
    drop(Log::open(other.clone(), Options::new([1; 16])).unwrap());
    let strange = other.contents(&segments(&other)[0]);
    for file in segments(&log).into_iter().chain(["HORIZON".to_owned()]) {
        let dir = log.fork();
        let copy = if file == "HORIZON" { other.contents("HORIZON") } else { strange.clone() };
        dir.replace(&file, &copy);
        match Log::open(dir, expecting()) {
            Err(Error::OtherLog { path, found, .. }) => {
                assert!(path.ends_with(&file), "{} is named", path.display());
                assert_eq!(found, LogId::from_bytes([1; 16]));
            }
            Err(other) => panic!("{file}: {other}"),
            Ok(_) => panic!("{file} was not found"),
        }
    }
}

#[test]
fn horizon_may_be_damaged_or_missing_without_loss() {
    let log = log();
    let whole = contents(reopen(&log.fork()));
    let size = u64::try_from(log.contents("HORIZON").len()).unwrap();
    for at in (0..70).chain(BLOCK..BLOCK + 70).chain([size - 1]) {
        let dir = log.fork();
        dir.flip("HORIZON", at, 4);
        assert_eq!(contents(open(&dir).1), whole, "byte {at}");
        assert_eq!(contents(reopen(&dir)), whole);
    }
    for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 10] {
        let dir = log.fork();
        dir.truncate("HORIZON", length);
        assert_eq!(contents(open(&dir).1), whole, "cut to {length}");
        assert_eq!(contents(reopen(&dir)), whole);
    }
    let dir = log.fork();
    dir.lose("HORIZON");
    assert_eq!(contents(open(&dir).1), whole);
}

#[test]
fn a_damaged_horizon_does_not_ask_for_segments_that_were_just_released() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1), entry(1, 1)]).unwrap();
    log.rotate(&checkpoint(1, &[])).unwrap();
    log.release(&HashMap::from([(group(1), index(1))])).unwrap();
    assert_eq!(segments(&dir).len(), 1);
    for block in [0, BLOCK] {
        let dir = dir.fork();
        dir.kill();
        dir.flip("HORIZON", block + 40, 1);
        drop(open(&dir));
    }
}

#[test]
fn any_two_damaged_bytes_are_found_or_change_nothing() {
    use proptest::prelude::*;
    let log = log();
    let whole = contents(reopen(&log.fork()));
    let names = log.names();
    let place = (prop::sample::select(names), any::<prop::sample::Index>(), 0..8_u32);
    let places = prop::collection::vec(place, 2);
    let config = ProptestConfig { cases: crate::support::cases(100), ..ProptestConfig::default() };
    proptest!(config, |(places in places)| {
        let dir = log.fork();
        for (name, at, bit) in places {
            let size = dir.contents(&name).len();
            dir.flip(&name, u64::try_from(at.index(size.max(1))).unwrap(), 1 << bit);
        }
        match Log::open(dir, options()) {
            Ok((_, recovered)) => prop_assert_eq!(contents(recovered), whole.clone()),
            Err(error) => prop_assert!(matches!(error, Error::Damage { .. }), "{}", error),
        }
    });
}

#[test]
fn a_file_name_beyond_all_positions_is_refused() {
    let log = log();
    log.replace("fffffffffffff000.log", &[0; 8192]);
    assert!(matches!(try_open(&log), Err(Error::Damage { .. })));
}

#[test]
fn a_spare_segment_may_be_damaged_without_loss() {
    let log = log();
    let whole = contents(reopen(&log.fork()));
    let (opened, _) = open(&log);
    opened.preparer().prepare().unwrap();
    drop(opened);
    log.kill();
    let spare = log.names().into_iter().find(|name| name.starts_with("spare")).unwrap();
    for length in [0, 5000] {
        let dir = log.fork();
        dir.truncate(&spare, length);
        let (mut opened, recovered) = open(&dir);
        assert_eq!(contents(recovered), whole);
        opened.rotate(&checkpoint(2, &[])).unwrap();
        drop(reopen(&dir));
    }
}
