//! A failed write or sync is the end of the process, and what it left is told right.

use std::collections::HashMap;

use stator_log::memory_dir::Fault;
use stator_log::{Checkpoint, Error, MemoryDir};

use crate::support::{entry, indexes, install, open, reopen, try_open};

#[test]
fn after_a_failed_write_or_sync_nothing_is_tried_again() {
    for after in 0..2 {
        let dir = MemoryDir::new();
        let (mut log, _) = open(&dir);
        log.append(&[install(1)]).unwrap();
        dir.inject(after, Fault::Failure);
        assert!(matches!(log.append(&[entry(1, 1)]), Err(Error::Io { .. })));
        let before = dir.operations();
        assert!(matches!(log.append(&[entry(1, 1)]), Err(Error::Poisoned)));
        assert!(matches!(log.mark(), Err(Error::Poisoned)));
        assert!(matches!(log.rotate(&Checkpoint::default()), Err(Error::Poisoned)));
        assert!(matches!(log.release(&HashMap::new()), Err(Error::Poisoned)));
        assert_eq!(dir.operations(), before, "the disk is left alone");
    }
}

#[test]
fn an_io_error_names_the_file() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    dir.inject(1, Fault::Failure);
    let error = log.append(&[install(1)]).unwrap_err().to_string();
    assert!(error.contains("0000000000000000.log") && error.contains("sync"), "{error}");
}

#[test]
fn what_was_recovered_from_the_page_cache_alone_is_on_the_disk_before_open_returns() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1)]).unwrap();
    // The sync fails: the kernel shows the entry to whoever reads, and will never write it.
    dir.inject(1, Fault::Failure);
    assert!(log.append(&[entry(1, 1)]).is_err());
    let recovered = reopen(&dir);
    assert_eq!(indexes(&recovered, 1), [1]);
    dir.crash_keeping(|_, _| false);
    assert_eq!(indexes(&reopen(&dir), 1), [1], "it was answered for, and is gone");
}

#[test]
fn a_release_that_was_read_from_the_page_cache_alone_is_on_the_disk_before_files_go() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.rotate(&Checkpoint::default()).unwrap();
    // HORIZON is written, but its sync fails.
    dir.inject(1, Fault::Failure);
    assert!(log.release(&HashMap::new()).is_err());
    dir.kill();
    let whole = dir.fork();
    let before = whole.operations();
    drop(open(&whole));
    for after in 0..whole.operations() - before {
        let dir = dir.fork();
        dir.inject(after, Fault::PowerCut);
        assert!(try_open(&dir).is_err());
        dir.crash_keeping(|_, _| false);
        drop(open(&dir));
    }
}

#[test]
fn a_spare_segment_that_cannot_be_made_harms_nothing() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    for after in 0..4 {
        dir.inject(after, Fault::Failure);
        let prepared = log.preparer().prepare();
        assert!(prepared.is_err(), "{after}");
        log.append(&[install(1)]).unwrap();
    }
    log.preparer().prepare().unwrap();
    log.rotate(&Checkpoint::default()).unwrap();
    assert_eq!(reopen(&dir).groups, []);
}

#[test]
fn a_start_whose_disk_fails_leaves_the_next_one_all_there_was() {
    let dir = MemoryDir::new();
    let (mut log, _) = open(&dir);
    log.append(&[install(1), entry(1, 1)]).unwrap();
    dir.kill();
    let start = |dir: &MemoryDir| {
        let before = dir.operations();
        drop(open(dir));
        dir.operations() - before
    };
    let operations = start(&dir.fork());
    for after in 0..operations {
        for fault in [Fault::Failure, Fault::PowerCut] {
            for seed in 0..10 {
                let dir = dir.fork();
                dir.inject(after, fault);
                assert!(try_open(&dir).is_err());
                dir.crash(seed);
                assert_eq!(indexes(&reopen(&dir), 1), [1]);
            }
        }
    }
}
