use std::io::{Cursor, Write as _};
use std::num::NonZeroUsize;
use std::sync::OnceLock;

use stator_model::TabletId;
use tempfile::TempDir;

use super::*;
use crate::{Batch, Engine, FjallEngine, Options};

const TABLET: TabletId = TabletId { keyspace: 3, prefix: 1 << 32 };

/// A journal as fjall itself writes it: three batches of two writes each, without the zeros.
fn written_by_fjall() -> Vec<u8> {
    static WRITTEN: OnceLock<Vec<u8>> = OnceLock::new();
    WRITTEN.get_or_init(write_with_fjall).clone()
}

fn write_with_fjall() -> Vec<u8> {
    let dir = TempDir::new().unwrap();
    let options = Options { workers: NonZeroUsize::new(1), ..Options::default() };
    let engine = FjallEngine::open(dir.path(), options).unwrap();
    for value in 1u8..=3 {
        let mut batch = Batch::new();
        batch.put(TABLET, b"key", vec![value; 40]);
        batch.delete(TABLET, &[value]);
        engine.commit(batch).unwrap();
    }
    engine.persist().unwrap();
    let bytes = fs::read(dir.path().join("0.jnl")).unwrap();
    let end = bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1;
    bytes[..end].to_vec()
}

fn check(directory: &Path) -> Result<()> {
    super::check(directory).map(drop)
}

/// Where each batch begins and which number it has.
fn batches(bytes: &[u8]) -> Vec<(u64, u64)> {
    let mut reader = Reader::new(Cursor::new(bytes), bytes.len() as u64);
    let mut found = Vec::new();
    while let Next::Batch { offset, seqno } = reader.batch().unwrap() {
        found.push((offset, seqno));
    }
    found
}

/// A directory with these journals, the newest last.
fn directory(journals: &[&[u8]]) -> TempDir {
    let dir = TempDir::new().unwrap();
    fill(dir.path(), journals);
    dir
}

fn fill(directory: &Path, journals: &[&[u8]]) {
    for (number, bytes) in journals.iter().enumerate() {
        // Not truncated first: ext4 writes a file out that is truncated and written again.
        let path = directory.join(format!("{number}.jnl"));
        let mut options = OpenOptions::new();
        let mut file = options.create(true).truncate(false).write(true).open(path).unwrap();
        file.write_all(bytes).unwrap();
        file.set_len(bytes.len() as u64).unwrap();
    }
}

/// Checks these bytes as the first of two journals, with 100 zeros behind them.
fn check_as_sealed(
    directory: &TempDir,
    bytes: &[u8],
) -> std::result::Result<(), (String, u64, Damage)> {
    fill(directory.path(), &[&[bytes, &[0; 100]].concat(), &[]]);
    match check(directory.path()) {
        Ok(()) => Ok(()),
        Err(Error::Damage { file, offset, problem }) => {
            let name = file.strip_prefix(directory.path()).unwrap();
            Err((name.display().to_string(), offset, problem))
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn the_format_is_that_of_the_pinned_version() {
    let lock = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock"));
    let pinned = "name = \"fjall\"\nversion = \"3.1.13\"\n";
    assert!(
        lock.unwrap().contains(pinned),
        "fjall has another version: compare its journal/entry.rs, journal/writer.rs and \
         journal/recovery.rs with this module before you change this test"
    );
}

#[test]
fn a_journal_that_fjall_wrote_is_read_to_its_end() {
    let bytes = written_by_fjall();
    let batches = batches(&bytes);
    assert_eq!(batches.len(), 3);
    // By the layout: head 13, entries 21 each, keys 8 + 3 and 8 + 1, a value of 40, end 13.
    let length = 13 + 2 * 21 + 11 + 9 + 40 + 13;
    assert_eq!(bytes.len(), 3 * length);
    let expected: Vec<u64> = (0..3).map(|n| n * length as u64).collect();
    assert_eq!(batches.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), expected);
    assert_eq!(check_as_sealed(&directory(&[]), &bytes), Ok(()));
}

#[test]
fn every_changed_byte_of_a_sealed_journal_is_damage() {
    let bytes = written_by_fjall();
    let batches = batches(&bytes);
    let dir = directory(&[]);
    for at in 0..bytes.len() + 100 {
        for flip in [0x01, 0x80, 0xff] {
            let mut changed = [&bytes[..], &[0; 100]].concat();
            changed[at] ^= flip;
            let (batch, _) = *batches.iter().rfind(|(offset, _)| *offset <= at as u64).unwrap();
            match check_as_sealed(&dir, &changed) {
                Err((file, offset, _)) => {
                    assert_eq!(file, "0.jnl");
                    // Where the batch begins, or the zeros; where a sequence number is wrong, the
                    // batch in which that shows.
                    let end = at >= bytes.len() && offset == bytes.len() as u64;
                    let next = batch + (bytes.len() / 3) as u64;
                    let in_seqno = (batch + 5..batch + 13).contains(&(at as u64));
                    assert!(
                        end || offset == batch || in_seqno && offset == next,
                        "byte {at} reported as {offset}"
                    );
                }
                Ok(()) => assert!(is_harmless(&bytes, &changed, batch, at), "byte {at} ^ {flip}"),
            }
        }
    }
}

/// A sequence number that still lies between its neighbours changes nothing that is read.
fn is_harmless(bytes: &[u8], changed: &[u8], batch: u64, at: usize) -> bool {
    let in_seqno = (batch + 5..batch + 13).contains(&(at as u64));
    let seqnos = |bytes: &[u8]| -> Vec<u64> { batches(bytes).iter().map(|(_, n)| *n).collect() };
    in_seqno && seqnos(changed).is_sorted() && seqnos(changed).len() == seqnos(bytes).len()
}

#[test]
fn a_sealed_journal_that_is_cut_short_inside_a_batch_is_damage() {
    let bytes = written_by_fjall();
    let length = bytes.len() / 3;
    let dir = directory(&[]);
    for cut in 1..bytes.len() {
        fill(dir.path(), &[&bytes[..cut], &[]]);
        let whole = cut % length == 0;
        match check(dir.path()) {
            Ok(()) => assert!(whole, "cut at {cut}"),
            Err(Error::Damage { offset, problem, .. }) => {
                assert!(!whole && offset <= cut as u64, "cut at {cut}");
                assert_eq!(problem, Damage::CutShort);
            }
            Err(other) => panic!("{other:?}"),
        }
        // The same with zeros where the rest was: a page that was never written.
        let hole = [&bytes[..cut], &vec![0; bytes.len() - cut][..]].concat();
        assert_eq!(
            check_as_sealed(&dir, &hole).is_ok(),
            whole || bytes[cut..].iter().all(|b| *b == 0)
        );
    }
}

#[test]
fn the_newest_journal_is_cut_at_its_first_torn_batch() {
    let bytes = written_by_fjall();
    let length = bytes.len() / 3;
    let dir = directory(&[]);
    for torn in 0..length {
        let zeros = vec![0; length - torn];
        // The second batch lost its end, with nothing or with the third one behind it.
        for rest in [&[][..], &bytes[2 * length..]] {
            let newest = [&bytes[..length + torn], &zeros[..], rest].concat();
            fill(dir.path(), &[&newest]);
            check(dir.path()).unwrap();
            let left = fs::read(dir.path().join("0.jnl")).unwrap();
            let kept = left.iter().rposition(|&byte| byte != 0).unwrap() + 1;
            let whole = zeros.iter().eq(&bytes[length + torn..2 * length]);
            let expected = if whole { 2 * length + rest.len() } else { length };
            assert_eq!(kept, expected, "torn at {torn}");
            check(dir.path()).unwrap();
        }
    }
}

#[test]
fn journals_have_to_follow_each_other() {
    let bytes = written_by_fjall();
    let length = bytes.len() / 3;
    let (older, newer) = (&bytes[..length], &bytes[length..]);
    check(directory(&[older, newer]).path()).unwrap();
    // A stale copy of a batch, in a sealed journal and in the newest: whole, hence never a torn write.
    for journals in [&[newer, older, &[]][..], &[newer, older], &[older, newer, newer]] {
        let error = check(directory(journals).path()).unwrap_err();
        let Error::Damage { offset: 0, problem: Damage::OutOfOrder, .. } = error else {
            panic!("{error:?}");
        };
    }
}

#[test]
fn journals_are_read_in_the_order_of_their_numbers() {
    let bytes = written_by_fjall();
    let dir = directory(&[]);
    fs::write(dir.path().join("9.jnl"), &bytes[..bytes.len() / 3]).unwrap();
    fs::write(dir.path().join("10.jnl"), &bytes[bytes.len() / 3..]).unwrap();
    fs::write(dir.path().join("version"), b"not a journal").unwrap();
    check(dir.path()).unwrap();
    fs::write(dir.path().join("x.jnl"), b"").unwrap();
    assert!(matches!(check(dir.path()), Err(Error::Damage { problem: Damage::Content, .. })));
}

/// A store that runs lists its journals while fjall lets them go. A link to nothing is what a file looks
/// like that went between the listing and the look at it.
#[test]
fn a_journal_that_goes_while_journals_are_listed_is_no_damage() {
    let dir = directory(&[&written_by_fjall(), &[]]);
    std::os::unix::fs::symlink(dir.path().join("nowhere"), dir.path().join("7.jnl")).unwrap();
    let numbers: Vec<u64> = list(dir.path()).unwrap().iter().map(|it| it.number).collect();
    assert_eq!(numbers.len(), 2);
    assert!(!numbers.contains(&7));
    fs::create_dir(dir.path().join("8.jnl")).unwrap();
    let error = list(dir.path()).unwrap_err();
    assert!(matches!(error, Error::Damage { problem: Damage::Content, .. }), "{error:?}");
}
