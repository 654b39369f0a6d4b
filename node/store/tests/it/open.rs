//! Opening a store: whole, torn, damaged, in use, unfinished, too new.

use std::fs;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use stator_model::TabletId;
use stator_store::error::Damage;
use stator_store::{Batch, Engine, Error, FjallEngine};
use tempfile::TempDir;

use crate::support::{contents, image, put, tablet, tiny, tiny_store, used};

const HERE: TabletId = TabletId { keyspace: 5, prefix: 1 << 32 };

/// An image of a store with `count` batches in its journal and nothing in its tables.
fn written(count: u8) -> TempDir {
    let (dir, engine) = tiny_store();
    for number in 0..count {
        put(&engine, HERE, &[number], &[number; 10]);
    }
    engine.persist().unwrap();
    image(dir.path())
}

fn keys(directory: &Path) -> Vec<u8> {
    let engine = FjallEngine::open(directory, tiny()).unwrap();
    let view = engine.snapshot().unwrap();
    contents(&*view, HERE).into_iter().map(|(key, _)| key[0]).collect()
}

fn refusal(directory: &Path) -> Error {
    FjallEngine::open(directory, tiny()).map(drop).unwrap_err()
}

#[track_caller]
fn check_damage(directory: &Path, file: &str, expected: Damage) {
    let error = refusal(directory);
    let Error::Damage { file: found, problem, .. } = &error else { panic!("{error:?}") };
    assert_eq!((found.strip_prefix(directory).unwrap(), *problem), (Path::new(file), expected));
}

/// Changes a file.
fn change(path: PathBuf, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_was_written_is_there_after_a_clean_end() {
    let (dir, engine) = tiny_store();
    let mut batch = Batch::new();
    batch.put(HERE, b"a", &b"1"[..]);
    batch.put(HERE, b"b", &b"2"[..]);
    batch.delete(HERE, b"a");
    engine.commit(batch).unwrap();
    engine.persist().unwrap();
    drop(engine);
    let engine = FjallEngine::open(dir.path(), tiny()).unwrap();
    assert_eq!(engine.get(HERE, b"a").unwrap(), None);
    assert_eq!(engine.get(HERE, b"b").unwrap().as_deref(), Some(&b"2"[..]));
    assert_eq!(engine.tablets().unwrap(), [HERE]);
}

#[test]
fn a_store_in_use_is_not_opened_twice() {
    let (dir, engine) = tiny_store();
    let error = refusal(dir.path());
    assert!(matches!(&error, Error::Locked { path } if path == dir.path()), "{error:?}");
    assert!(error.to_string().contains("in use by another process"));
    drop(engine);
    FjallEngine::open(dir.path(), tiny()).unwrap();
}

#[test]
fn the_journal_of_a_store_in_use_is_not_cut() {
    let (dir, engine) = tiny_store();
    // Larger than the buffer that journals are written through: the file ends inside a batch.
    put(&engine, HERE, b"key", &[1; 20_000]);
    put(&engine, HERE, b"key", &[2; 100]);
    let journal = || fs::read(dir.path().join("0.jnl")).unwrap();
    let before = journal();
    assert!(matches!(refusal(dir.path()), Error::Locked { .. }));
    // A worker of the running store may have added what was in its buffer; nothing may be gone.
    let written = before.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let after = journal();
    assert!(after.len() >= before.len() && after.starts_with(&before[..written]));
    drop(engine);
}

#[test]
fn a_newer_format_is_refused() {
    let dir = written(0);
    let format = dir.path().join("format");
    let bytes = fs::read(&format).unwrap();
    change(format.clone(), |bytes| bytes[11] = 9);
    let error = refusal(dir.path());
    assert!(matches!(error, Error::NewerVersion { found: 9, supported: 1, .. }), "{error:?}");
    assert!(error.to_string().contains(format.to_str().unwrap()), "{error}");
    fs::write(&format, bytes).unwrap();
    change(dir.path().join("version"), |bytes| bytes[3] = 4);
    let error = refusal(dir.path());
    assert!(matches!(error, Error::NewerVersion { found: 4, supported: 3, .. }), "{error:?}");
}

#[test]
fn a_path_that_cannot_be_a_store_is_named_in_the_error() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    assert!(refusal(&file).to_string().contains(file.to_str().unwrap()));
}

#[test]
fn damage_that_fjall_would_take_for_an_empty_store_is_found() {
    let whole = written(3);
    let check = |file: &str, damage: &dyn Fn(PathBuf), problem| {
        let dir = image(whole.path());
        damage(dir.path().join(file));
        check_damage(dir.path(), file, problem);
    };
    let remove = |path: PathBuf| fs::remove_file(path).unwrap();
    let flip = |path: PathBuf| change(path, |bytes| bytes[20] ^= 1);
    check("format", &remove, Damage::Missing);
    check("format", &flip, Damage::Content);
    check("version", &remove, Damage::Missing);
    check("version", &|path| change(path, |bytes| bytes[0] ^= 1), Damage::Content);
    for keyspace in ["0", "7"] {
        check(&format!("keyspaces/{keyspace}/current"), &remove, Damage::Missing);
        check(
            &format!("keyspaces/{keyspace}/current"),
            &|path| change(path, |bytes| bytes.truncate(10)),
            Damage::Content,
        );
        let pointer = fs::read(whole.path().join(format!("keyspaces/{keyspace}/current"))).unwrap();
        let number = u64::from_le_bytes(*pointer.first_chunk().unwrap());
        let manifest = format!("keyspaces/{keyspace}/v{number}");
        check(&manifest, &remove, Damage::Missing);
        check(&manifest, &flip, Damage::Checksum);
    }
    check("keyspaces/stray", &|path| fs::create_dir(path).unwrap(), Damage::Content);
    check("stray.jnl", &|path| fs::write(path, b"").unwrap(), Damage::Content);
    assert_eq!(keys(whole.path()), [0, 1, 2]);
}

#[test]
fn a_flipped_byte_in_a_sealed_journal_is_damage_with_its_place() {
    let whole = written(20);
    // With a newer one behind it the journal is a sealed one.
    fs::write(whole.path().join("1.jnl"), b"").unwrap();
    let length = used(&fs::read(whole.path().join("0.jnl")).unwrap());
    for at in (0..length).step_by(length / 10) {
        let dir = image(whole.path());
        let file = dir.path().join("0.jnl");
        change(file.clone(), |bytes| bytes[at] ^= 0x40);
        let error = refusal(dir.path());
        assert!(error.is_fatal());
        let Error::Damage { file: found, offset, .. } = &error else { panic!("{error:?}") };
        assert_eq!(found, &file);
        assert!(*offset <= at as u64);
        assert!(error.to_string().contains(&format!("0.jnl is damaged at byte {offset}")));
    }
    assert_eq!(keys(whole.path()).len(), 20);
}

#[test]
fn a_newest_journal_torn_anywhere_opens_with_what_is_whole() {
    let whole = written(8);
    let journal = fs::read(whole.path().join("0.jnl")).unwrap();
    let length = journal.iter().rposition(|&byte| byte != 0).unwrap() + 1;
    for torn in (0..length).step_by(29) {
        let dir = image(whole.path());
        change(dir.path().join("0.jnl"), |bytes| {
            // A page that did not reach the disk, with later bytes that did.
            let end = (torn + 30).min(length);
            bytes[torn..end].fill(0);
        });
        let kept = torn * 8 / length;
        let expected: Vec<u8> = (0..u8::try_from(kept).unwrap()).collect();
        assert_eq!(keys(dir.path()), expected, "torn at {torn}");
        assert_eq!(keys(dir.path()), expected, "opened again");
    }
}

#[test]
fn an_unfinished_first_start_is_begun_anew() {
    let finished = written(0);
    for missing in [
        &["format"][..],
        &["format", "keyspaces/9"],
        &["format", "keyspaces/9/current"],
        &["format", "version"],
        &["format", "version", "keyspaces"],
        &["format", "version", "keyspaces", "0.jnl"],
    ] {
        let dir = image(finished.path());
        for name in missing {
            let path = dir.path().join(name);
            if path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        let engine = FjallEngine::open(dir.path(), tiny()).unwrap();
        put(&engine, tablet(15, 1), b"key", b"value");
        engine.persist().unwrap();
        drop(engine);
        let engine = FjallEngine::open(dir.path(), tiny()).unwrap();
        assert_eq!(engine.tablets().unwrap(), [tablet(15, 1)], "without {missing:?}");
    }
}

#[test]
fn tables_without_a_format_are_not_removed() {
    let (dir, engine) = tiny_store();
    put(&engine, HERE, b"key", &[1; 100]);
    engine.drop_tablet(tablet(5, 2)).unwrap();
    drop(engine);
    fs::remove_file(dir.path().join("format")).unwrap();
    fs::remove_file(dir.path().join("0.jnl")).unwrap();
    check_damage(dir.path(), "format", Damage::Missing);
}

/// An image of a store with a hundred keys in a table, and the table's file.
fn with_a_table() -> (TempDir, PathBuf) {
    let (dir, engine) = tiny_store();
    for number in 0u8..100 {
        put(&engine, HERE, &[number], &[number; 200]);
    }
    engine.drop_tablet(tablet(5, 2)).unwrap();
    let whole = image(dir.path());
    let keyspaces = fs::read_dir(whole.path().join("keyspaces")).unwrap();
    // In keyspace 0 are the names of the others.
    let keyspaces =
        keyspaces.map(|keyspace| keyspace.unwrap()).filter(|keyspace| keyspace.file_name() != "0");
    let tables = keyspaces.flat_map(|keyspace| {
        fs::read_dir(keyspace.path().join("tables")).unwrap().map(|table| table.unwrap())
    });
    let table = tables.map(|table| table.path()).max_by_key(|path| path.metadata().unwrap().len());
    (whole, table.unwrap())
}

#[test]
fn a_flipped_byte_in_a_table_is_an_error_with_its_place_and_no_wrong_answer() {
    let (dir, table) = with_a_table();
    change(table.clone(), |bytes| bytes[2_000] ^= 1);
    let engine = FjallEngine::open(dir.path(), tiny()).unwrap();
    let view = engine.snapshot().unwrap();
    let mut failed = 0;
    for number in 0u8..100 {
        for found in [engine.get(HERE, &[number]), view.get(HERE, &[number])] {
            match found {
                Ok(value) => assert_eq!(value.as_deref(), Some(&[number; 200][..])),
                Err(error) => {
                    check_unreadable(&error, &table, 2_000);
                    failed += 1;
                }
            }
        }
    }
    assert!((1..200).contains(&failed), "{failed} reads failed");
    let scanned = view.scan(HERE, Bound::Unbounded, Bound::Unbounded).find_map(Result::err);
    check_unreadable(&scanned.unwrap(), &table, 2_000);
}

#[track_caller]
fn check_unreadable(error: &Error, table: &Path, flipped: u64) {
    let Error::Unreadable { file, offset, .. } = error else { panic!("{error:?}") };
    assert_eq!(file, table);
    assert!(*offset <= flipped, "the block that holds it begins at {offset}");
    assert!(!error.is_fatal(), "what the other tables hold can be read still");
}

/// fjall refuses these too, and names the store.
#[test]
fn a_table_that_is_missing_or_does_not_end_is_refused_by_its_name() {
    let (whole, table) = with_a_table();
    let name = table.strip_prefix(whole.path()).unwrap();
    let length = fs::metadata(&table).unwrap().len();
    let check = |expected: Damage, at: u64, harm: &dyn Fn(&Path)| {
        let dir = image(whole.path());
        harm(&dir.path().join(name));
        let error = refusal(dir.path());
        let Error::Damage { file, offset, problem } = &error else { panic!("{error:?}") };
        assert_eq!(file.strip_prefix(dir.path()).unwrap(), name);
        assert_eq!((*problem, *offset), (expected, at));
    };
    let harm = |harm: fn(&mut Vec<u8>)| move |path: &Path| change(path.to_path_buf(), harm);
    check(Damage::Missing, 0, &|path| fs::remove_file(path).unwrap());
    check(Damage::End, length / 2 - 38, &harm(|bytes| bytes.truncate(bytes.len() / 2)));
    check(Damage::End, 0, &harm(|bytes| bytes.truncate(30)));
    check(Damage::End, 0, &harm(Vec::clear));
    check(Damage::End, length - 38, &harm(|bytes| bytes.fill(0)));
    for from_the_end in [1, 20, 38, 60] {
        check(Damage::End, length - 38, &|path| {
            change(path.to_path_buf(), |bytes| {
                let at = bytes.len() - from_the_end;
                bytes[at] ^= 0x10;
            });
        });
    }
}

/// A compaction that reads it ends all writes, and fjall does not say why.
#[test]
fn a_damaged_table_that_a_compaction_reads_is_named_when_writes_end() {
    let (dir, table) = with_a_table();
    change(table.clone(), |bytes| bytes[2_000] ^= 1);
    let engine = FjallEngine::open(dir.path(), tiny()).unwrap();
    // As the server does: without a worker to make room a commit that finds none would wait for ever.
    let write = |number: u32| {
        while engine.pressure(HERE.keyspace).should_skip() {
            engine.persist()?;
        }
        let mut batch = Batch::new();
        batch.put(HERE, &[u8::try_from(number % 100).unwrap()], &[7; 1_000][..]);
        engine.commit(batch)?;
        engine.persist()
    };
    let error = (0..100_000).find_map(|number| write(number).err()).expect("a compaction fails");
    let Error::Damage { file, offset, .. } = &error else { panic!("{error:?}") };
    assert_eq!(file, &table);
    assert!(*offset <= 2_000);
    assert!(error.is_fatal());
}

/// Not one byte of a table may be lost in silence: a start is refused with the table's name, or reads
/// fail, or the byte is of no account and everything is right.
#[test]
fn every_flipped_byte_of_a_table_is_found_or_harmless() {
    let (whole, table) = with_a_table();
    let name = table.strip_prefix(whole.path()).unwrap();
    let length = fs::metadata(&table).unwrap().len();
    for at in (0..length).step_by(211) {
        let dir = image(whole.path());
        let file = dir.path().join(name);
        change(file.clone(), |bytes| bytes[usize::try_from(at).unwrap()] ^= 0x10);
        let engine = match FjallEngine::open(dir.path(), tiny()) {
            Ok(engine) => engine,
            Err(Error::Damage { file: found, .. }) if found == file => continue,
            Err(other) => panic!("byte {at}: {other:?}"),
        };
        for number in 0u8..100 {
            match engine.get(HERE, &[number]) {
                Ok(value) => assert_eq!(value.as_deref(), Some(&[number; 200][..]), "byte {at}"),
                Err(error) => check_unreadable(&error, &file, at),
            }
        }
    }
}

#[test]
fn tablets_that_cannot_exist_are_refused() {
    let (_dir, engine) = tiny_store();
    for impossible in [tablet(16, 1), TabletId { keyspace: 0, prefix: 7 }] {
        let mut batch = Batch::new();
        batch.put(HERE, b"key", &b"value"[..]);
        batch.put(impossible, b"key", &b"value"[..]);
        let refused =
            |error| matches!(error, Error::NoSuchTablet { tablet } if tablet == impossible);
        assert!(refused(engine.commit(batch).unwrap_err()));
        assert!(refused(engine.get(impossible, b"key").unwrap_err()));
        assert!(refused(engine.drop_tablet(impossible).unwrap_err()));
    }
    assert_eq!(engine.tablets().unwrap(), []);
}
