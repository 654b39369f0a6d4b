//! What records mean to the one who recovers, and what the log refuses.

use std::collections::HashMap;

use bytes::Bytes;
use stator_log::{
    Checkpoint, Contradiction, Error, GroupCheckpoint, HardState, Log, LogEntry, LogId, MemoryDir,
    Options, Record, RecoveredGroup,
};
use stator_model::{StartNumber, Term};

use crate::support::{
    BLOCK, ID, entry, entry_of, expecting, group, index, indexes, install, install_at, open,
    options, reopen, replica, segments, tablet, vote,
};

/// Group 1 as a checkpoint says it, with these entries.
fn said(durable: u64, entries: &[u64]) -> GroupCheckpoint {
    GroupCheckpoint {
        group: group(1),
        replica: replica(1),
        hard_state: HardState { term: Term::new(5), vote: Some(replica(1)), commit: index(9) },
        tablet: tablet(1000),
        installed: (index(0), Term::new(1)),
        state: Bytes::from_static(b"state"),
        durable_applied: index(durable),
        entries: entries
            .iter()
            .map(|at| LogEntry {
                term: Term::new(1),
                index: index(*at),
                body: format!("entry {at}").into(),
            })
            .collect(),
    }
}

fn of(groups: Vec<GroupCheckpoint>) -> Checkpoint {
    Checkpoint { groups, destroyed: Vec::new() }
}

fn entries(from: u64, to: u64) -> Vec<Record> {
    (from..=to).map(|at| entry(1, at)).collect()
}

#[test]
fn a_new_log_is_empty_and_has_the_id_it_was_given() {
    let dir = MemoryDir::new();
    let (log, recovered) = open(&dir);
    assert_eq!((log.id(), recovered.id), (LogId::from_bytes(ID), LogId::from_bytes(ID)));
    assert_eq!((recovered.start, recovered.groups), (StartNumber(1), Vec::new()));
    assert_eq!(recovered.destroyed, Vec::new());
}

#[test]
fn each_start_has_the_next_number() {
    let dir = MemoryDir::new();
    for number in 1..5 {
        assert_eq!(reopen(&dir).start, StartNumber(number));
    }
}

#[test]
fn everything_that_was_appended_comes_back() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1), vote(1, 7, 2), entry(1, 1)]).unwrap();
    log.append(&[entry(1, 2)]).unwrap();
    let body = |at: u64| Bytes::from(format!("entry {at}"));
    let entries =
        [1, 2].map(|at| LogEntry { term: Term::new(1), index: index(at), body: body(at) });
    let expected = RecoveredGroup {
        group: group(1),
        replica: replica(1),
        hard_state: HardState { term: Term::new(7), vote: Some(replica(2)), commit: index(0) },
        tablet: tablet(1000),
        installed: (index(0), Term::new(1)),
        state: Bytes::from_static(b"state"),
        durable_applied: index(0),
        entries: entries.to_vec(),
    };
    assert_eq!(reopen(&dir).groups, [expected]);
}

#[test]
fn an_entry_replaces_all_that_are_not_below_it() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1)]).unwrap();
    log.append(&entries(1, 5)).unwrap();
    log.append(&[entry_of(1, 3, Bytes::from_static(b"another"))]).unwrap();
    let recovered = reopen(&dir);
    assert_eq!(indexes(&recovered, 1), [1, 2, 3]);
    assert_eq!(recovered.groups[0].entries[2].body, "another");
}

#[test]
fn an_installed_snapshot_forgets_the_entries_and_keeps_the_vote() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1), vote(1, 7, 2)]).unwrap();
    log.append(&entries(1, 5)).unwrap();
    log.append(&[install_at(1, 1, 20), entry(1, 21)]).unwrap();
    let recovered = reopen(&dir);
    assert_eq!(indexes(&recovered, 1), [21]);
    let found = &recovered.groups[0];
    assert_eq!((found.installed.0, found.durable_applied), (index(20), index(20)));
    assert_eq!(found.tablet, tablet(1020));
    assert_eq!((found.hard_state.term, found.hard_state.vote), (Term::new(7), Some(replica(2))));
}

#[test]
fn another_replica_of_the_group_begins_with_no_vote() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1), vote(1, 7, 2)]).unwrap();
    log.append(&[Record::Destroyed { group: group(1), replica: replica(1) }]).unwrap();
    log.append(&[install_at(1, 2, 20)]).unwrap();
    let recovered = reopen(&dir);
    assert_eq!(recovered.groups[0].replica, replica(2));
    assert_eq!(recovered.groups[0].hard_state, HardState::default());
    assert_eq!(recovered.destroyed, [(group(1), replica(1))]);
}

#[test]
fn a_checkpoint_replaces_what_was_said_before() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1), install(2), vote(1, 7, 2)]).unwrap();
    let tombstone = (group(3), replica(9));
    let checkpoint = Checkpoint { groups: vec![said(0, &[])], destroyed: vec![tombstone] };
    log.rotate(&checkpoint).unwrap();
    let recovered = reopen(&dir);
    assert_eq!(recovered.groups.len(), 1, "a group that the checkpoint does not say is gone");
    assert_eq!(recovered.groups[0].hard_state, said(0, &[]).hard_state);
    assert_eq!(recovered.destroyed, [tombstone]);
}

#[test]
fn entries_above_the_durable_index_outlive_a_checkpoint_that_does_not_say_them() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1)]).unwrap();
    log.append(&entries(1, 6)).unwrap();
    log.rotate(&of(vec![said(2, &[5, 6])])).unwrap();
    log.append(&entries(7, 7)).unwrap();
    assert_eq!(indexes(&reopen(&dir), 1), [3, 4, 5, 6, 7]);
}

#[test]
fn a_segment_goes_when_the_store_has_synced_what_only_it_holds() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1)]).unwrap();
    log.append(&entries(1, 6)).unwrap();
    // 5 and 6 are said again; 1 to 4 are in the first segment alone.
    log.rotate(&of(vec![said(2, &[5, 6])])).unwrap();
    log.release(&HashMap::from([(group(1), index(3))])).unwrap();
    assert_eq!(segments(&dir).len(), 2, "entry 4 is needed");
    log.release(&HashMap::new()).unwrap();
    assert_eq!(segments(&dir).len(), 2, "nothing is known to be durable");
    log.release(&HashMap::from([(group(1), index(4))])).unwrap();
    assert_eq!(segments(&dir).len(), 1);
    assert_eq!(indexes(&reopen(&dir), 1), [5, 6]);
}

#[test]
fn a_replica_that_is_gone_holds_no_segment() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1), install(2)]).unwrap();
    log.append(&entries(1, 6)).unwrap();
    log.append(&[entry(2, 1)]).unwrap();
    log.append(&[Record::Destroyed { group: group(1), replica: replica(1) }]).unwrap();
    let second = GroupCheckpoint { group: group(2), ..said(0, &[1]) };
    log.rotate(&of(vec![second])).unwrap();
    log.release(&HashMap::from([(group(2), index(0))])).unwrap();
    assert_eq!(segments(&dir).len(), 1);
}

#[test]
fn replaced_entries_hold_no_segment() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1)]).unwrap();
    log.append(&entries(1, 6)).unwrap();
    log.rotate(&of(vec![said(1, &[2, 3, 4, 5, 6])])).unwrap();
    log.append(&entries(2, 2)).unwrap();
    log.rotate(&of(vec![said(2, &[])])).unwrap();
    log.release(&HashMap::from([(group(1), index(2))])).unwrap();
    assert_eq!(segments(&dir).len(), 1);
    assert_eq!(indexes(&reopen(&dir), 1), [] as [u64; 0]);
}

#[test]
fn what_is_released_is_used_again_and_its_batches_are_never_read() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1)]).unwrap();
    let mut last = 0;
    for _ in 0..12 {
        log.append(&entries(last + 1, last + 3)).unwrap();
        last += 3;
        log.rotate(&of(vec![said(last, &[])])).unwrap();
        log.release(&HashMap::from([(group(1), index(last))])).unwrap();
        assert_eq!(segments(&dir).len(), 1);
        assert!(dir.names().len() <= 4, "{:?}", dir.names());
    }
    let current = segments(&dir).remove(0);
    let stale = dir.contents(&current)[usize::try_from(BLOCK).unwrap()..].to_vec();
    assert!(stale.iter().any(|byte| *byte != 0), "the segment was never used before");
    let recovered = reopen(&dir);
    assert_eq!(indexes(&recovered, 1), [] as [u64; 0]);
    assert_eq!(recovered.groups[0].durable_applied, index(36));
}

#[test]
fn a_batch_that_does_not_fit_makes_its_segment_longer() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1)]).unwrap();
    let large = Bytes::from(vec![7; 100_000]);
    log.append(&[entry_of(1, 1, large.clone())]).unwrap();
    assert!(log.wants_checkpoint());
    log.append(&entries(2, 2)).unwrap();
    log.rotate(&of(vec![said(0, &[])])).unwrap();
    log.append(&entries(3, 3)).unwrap();
    let recovered = reopen(&dir);
    assert_eq!(indexes(&recovered, 1), [1, 2, 3]);
    assert_eq!(recovered.groups[0].entries[0].body, large);
}

#[test]
fn a_checkpoint_that_does_not_fit_makes_its_segment_longer_and_is_not_followed_by_another_at_once()
{
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1)]).unwrap();
    let large = Bytes::from(vec![7; 100_000]);
    log.append(&[entry_of(1, 1, large.clone())]).unwrap();
    let mut checkpoint = said(0, &[1]);
    checkpoint.entries[0].body = large.clone();
    log.rotate(&of(vec![checkpoint])).unwrap();
    assert!(!log.wants_checkpoint());
    drop(log);
    dir.crash(3);
    let (mut log, recovered) = open(&dir);
    assert_eq!(recovered.groups[0].entries[0].body, large);
    assert!(!log.wants_checkpoint(), "nor after a restart");
    log.append(&[entry_of(1, 2, large)]).unwrap();
    assert!(log.wants_checkpoint());
}

#[test]
fn a_checkpoint_is_wanted_before_the_segment_is_full() {
    let dir = MemoryDir::new();
    let options = Options { first_segment_bytes: 16 * BLOCK, ..options() };
    let (mut log, _) = Log::open(dir, options).unwrap();
    log.append(&[install(1)]).unwrap();
    let mut batches = 2;
    while !log.wants_checkpoint() {
        log.append(&[vote(1, batches, 1)]).unwrap();
        batches += 1;
    }
    assert_eq!(batches, 14, "an eighth of 16 blocks is left");
}

#[test]
fn a_prepared_segment_is_used_and_a_crash_leaves_no_half_made_one() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.preparer().prepare().unwrap();
    log.preparer().prepare().unwrap();
    let spares = |dir: &MemoryDir| {
        dir.names().into_iter().filter(|name| name.starts_with("spare")).collect::<Vec<_>>()
    };
    assert_eq!(spares(&dir).len(), 1, "one is enough");
    let before = dir.operations();
    log.rotate(&Checkpoint::default()).unwrap();
    let done = dir.operations() - before;
    assert!(done <= 6, "{done} operations: a prepared segment is not written with zeros again");
    assert_eq!(spares(&dir).len(), 0);
    dir.inject(2, stator_log::memory_dir::Fault::PowerCut);
    assert!(log.preparer().prepare().is_err());
    dir.crash_keeping(|_, _| true);
    assert!(spares(&dir)[0].ends_with(".new"));
    drop(open(&dir));
    assert_eq!(spares(&dir).len(), 0);
}

#[test]
fn an_append_is_one_write_and_one_sync() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    let before = dir.operations();
    log.append(&[install(1), vote(1, 7, 2), entry(1, 1), entry(1, 2)]).unwrap();
    assert_eq!(dir.operations() - before, 2);
}

#[test]
fn a_second_marker_in_a_row_is_not_written() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1)]).unwrap();
    log.mark().unwrap();
    let before = dir.operations();
    log.mark().unwrap();
    assert_eq!(dir.operations(), before);
}

#[test]
fn positions_rise() {
    let dir = MemoryDir::new();
    let mut last = None;
    for round in 0..4 {
        dir.kill();
        let (mut log, _) = open(&dir);
        for _ in 0..3 {
            let position = log.append(&[install(1)]).unwrap();
            assert!(last < Some(position), "{last:?} is not before {position}");
            last = Some(position);
        }
        if round % 2 == 0 {
            log.rotate(&of(vec![said(0, &[])])).unwrap();
        }
    }
}

#[test]
fn a_log_that_must_be_there_is_not_created() {
    let dir = MemoryDir::new();
    let error = Log::open(dir.clone(), expecting()).unwrap_err();
    assert!(matches!(&error, Error::Absent { expected: Some(id), .. } if *id.as_bytes() == ID));
    assert_eq!(dir.names(), [] as [String; 0], "nothing was touched");
    drop(open(&dir));
    assert!(Log::open(dir.clone(), expecting()).is_ok());
    let other = Options { expect: Some(LogId::from_bytes([1; 16])), ..options() };
    let error = Log::open(dir, other).unwrap_err();
    assert!(matches!(error, Error::OtherLog { .. }), "{error}");
}

#[test]
fn a_log_whose_creation_was_cut_short_is_created_again() {
    let whole = MemoryDir::new();
    drop(open(&whole));
    for after in 0..whole.operations() {
        for seed in 0..20 {
            let dir = MemoryDir::new();
            dir.inject(after, stator_log::memory_dir::Fault::PowerCut);
            assert!(Log::open(dir.clone(), options()).is_err());
            dir.crash(seed);
            let (mut log, _) = open(&dir);
            log.append(&[install(1)]).unwrap();
            assert_eq!(reopen(&dir).groups.len(), 1);
        }
    }
}

/// What the log says to this record, after group 1 was installed at 10 and has entries up to 12.
fn refusal(record: Record) -> Contradiction {
    let (mut log, _) = open(&MemoryDir::new());
    log.append(&[install_at(1, 1, 10), entry(1, 11), entry(1, 12)]).unwrap();
    let refused = log.append(&[record]).unwrap_err();
    assert!(matches!(log.append(&[]), Err(Error::Poisoned)));
    let Error::Contradiction(contradiction) = refused else { panic!("{refused}") };
    contradiction
}

#[test]
fn records_that_contradict_those_before_are_refused() {
    let (group1, replica1) = (group(1), replica(1));
    let gap = Contradiction::Gap { group: group1, last: index(12), index: index(14) };
    assert_eq!(refusal(entry(1, 14)), gap);
    let below =
        Contradiction::BelowInstalled { group: group1, installed: index(10), index: index(10) };
    assert_eq!(refusal(entry(1, 10)), below);
    let unknown = Contradiction::NotInstalled { group: group(2), replica: replica1 };
    assert_eq!(refusal(entry(2, 1)), unknown);
    assert_eq!(refusal(vote(2, 1, 1)), unknown);
}

#[test]
fn a_checkpoint_that_contradicts_itself_is_refused() {
    let refusal = |checkpoint: Checkpoint| {
        let (mut log, _) = open(&MemoryDir::new());
        let error = log.rotate(&checkpoint).unwrap_err();
        assert!(matches!(error, Error::Contradiction(_)), "{error}");
    };
    refusal(of(vec![said(0, &[1, 3])]));
    refusal(of(vec![said(0, &[]), said(0, &[])]));
    refusal(Checkpoint { groups: vec![said(0, &[])], destroyed: vec![(group(1), replica(1))] });
}

#[test]
fn a_checkpoint_may_run_ahead_of_the_records_behind_it() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    let tombstone = (group(2), replica(1));
    log.rotate(&Checkpoint { groups: vec![said(0, &[])], destroyed: vec![tombstone] }).unwrap();
    log.append(&[
        install(1),
        entry(1, 1),
        install(2),
        Record::Destroyed { group: group(2), replica: replica(1) },
    ])
    .unwrap();
    let recovered = reopen(&dir);
    assert_eq!(indexes(&recovered, 1), [1]);
    assert_eq!((recovered.groups.len(), recovered.destroyed), (1, vec![tombstone]));
}
