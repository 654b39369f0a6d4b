//! The same on a file system.

use std::collections::HashMap;
use std::fs;

use stator_log::{Checkpoint, Error, GroupCheckpoint, Log, LogId, Options, RealDir, Recovered};

use crate::support::{ID, entry, expecting, indexes, install, options};

fn open(path: &std::path::Path, options: Options) -> Result<(Log, Recovered), Error> {
    Log::open(RealDir::new(path)?, options)
}

fn checkpoint(recovered: &Recovered) -> Checkpoint {
    let groups = recovered.groups.iter().map(|group| GroupCheckpoint {
        group: group.group,
        replica: group.replica,
        hard_state: group.hard_state.clone(),
        tablet: group.tablet,
        installed: group.installed,
        state: group.state.clone(),
        durable_applied: group.durable_applied,
        entries: group.entries.clone(),
    });
    Checkpoint { groups: groups.collect(), destroyed: recovered.destroyed.clone() }
}

#[test]
fn a_log_lives_in_real_files_through_restarts_and_rotations() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("deep/log");
    let (mut log, recovered) = open(&path, options()).unwrap();
    assert_eq!(recovered.id, LogId::from_bytes(ID));
    log.append(&[install(1), entry(1, 1)]).unwrap();
    drop(log);
    for round in 2..9 {
        let (mut log, recovered) = open(&path, expecting()).unwrap();
        assert_eq!(u64::from(recovered.start.0), round);
        assert_eq!(indexes(&recovered, 1), (1..round).collect::<Vec<_>>());
        let preparer = log.preparer();
        std::thread::spawn(move || preparer.prepare()).join().unwrap().unwrap();
        log.rotate(&checkpoint(&recovered)).unwrap();
        log.append(&[entry(1, round)]).unwrap();
        log.release(&HashMap::from([(recovered.groups[0].group, recovered.groups[0].installed.0)]))
            .unwrap();
        log.mark().unwrap();
    }
    let files: Vec<_> = fs::read_dir(&path).unwrap().collect();
    assert!(files.len() <= 4, "{files:?}");
}

#[test]
fn damage_names_the_file_and_says_what_to_do() {
    let temporary = tempfile::tempdir().unwrap();
    let (mut log, _) = open(temporary.path(), options()).unwrap();
    log.append(&[install(1)]).unwrap();
    log.mark().unwrap();
    drop(log);
    let file = temporary.path().join("0000000000000000.log");
    let mut bytes = fs::read(&file).unwrap();
    bytes[4096 + 100] ^= 1;
    fs::write(&file, bytes).unwrap();
    let error = open(temporary.path(), expecting()).unwrap_err();
    let Error::Damage { path, offset, .. } = &error else { panic!("{error}") };
    assert_eq!((path, *offset), (&file, 4096));
    let message = error.to_string();
    assert!(message.contains("damaged at byte 4096"), "{message}");
    assert!(message.contains("put back"), "{message}");
}

#[test]
fn a_directory_that_cannot_be_read_is_named() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("file");
    fs::write(&path, b"not a directory").unwrap();
    let error = open(&path, options()).unwrap_err();
    assert!(matches!(&error, Error::Io { path: named, .. } if *named == path), "{error}");
}
