//! What fjall 3.1.13 does that the store is built around. Where a test shows the hazard itself, it
//! fails when a new version no longer has it: then what is built around it may go.

use std::fs;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use fjall::{Database, KeyspaceCreateOptions, Readable};
use stator_store::error::Damage;
use stator_store::{Batch, Engine, Error, FjallEngine, Options, Pressure};
use tempfile::TempDir;

use crate::support::{contents, image, put, store, tablet, tiny_store};

const MIB: u64 = 1 << 20;

/// Runs `write` with rising numbers in a thread of its own while `read` runs here.
fn beside<T>(write: impl Fn(u64) + Send, read: impl FnOnce() -> T) -> T {
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| (0..).take_while(|_| !done.load(Ordering::Relaxed)).for_each(write));
        // Dropped when `read` fails, too: otherwise the scope would wait for ever.
        let _stop = Stop(&done);
        read()
    })
}

#[test]
fn a_gated_snapshot_never_holds_half_a_batch() {
    let (_dir, engine) = store(Options { write_buffer: 16 * MIB, ..Options::default() });
    let tablets = [tablet(0, 1), tablet(1, 1)];
    let written = AtomicU64::new(0);
    let write = |number: u64| {
        let mut batch = Batch::new();
        for key in 0u8..200 {
            batch.put(tablets[0], &[key], number.to_be_bytes().repeat(10));
        }
        batch.put(tablets[1], b"key", number.to_be_bytes().repeat(10));
        engine.commit(batch).unwrap();
        written.store(number, Ordering::Relaxed);
    };
    write(0);
    beside(write, || {
        let mut snapshots = 0;
        while written.load(Ordering::Relaxed) < 1_000 {
            let view = engine.snapshot().unwrap();
            let key = |tablet, key: &[u8]| view.get(tablet, key).unwrap().unwrap();
            let first = key(tablets[0], &[0]);
            assert_eq!(first, key(tablets[0], &[199]));
            assert_eq!(first, key(tablets[1], b"key"));
            assert_eq!(first, key(tablets[0], &[0]), "read again");
            snapshots += 1;
        }
        assert!(snapshots >= 100, "only {snapshots} snapshots beside 1,000 commits");
    });
}

#[test]
fn an_ungated_snapshot_of_fjall_does() {
    let dir = TempDir::new().unwrap();
    let db = Database::builder(dir.path()).manual_journal_persist(true).open().unwrap();
    // Large enough for flushes to keep up: a commit that sleeps inserts nothing.
    let options = || KeyspaceCreateOptions::default().max_memtable_size(1 << 20);
    let keyspace = db.keyspace("a", options).unwrap();
    let write = |number: u64| {
        let mut batch = db.batch();
        for key in 0u8..200 {
            batch.insert(&keyspace, [key], number.to_be_bytes().repeat(10));
        }
        batch.commit().unwrap();
    };
    write(0);
    let written = AtomicU64::new(0);
    let count = |number| {
        write(number);
        written.store(number, Ordering::Relaxed);
    };
    let torn = beside(count, || {
        while written.load(Ordering::Relaxed) < 100_000 {
            let snapshot = db.snapshot();
            let [first, last] = [0, 199].map(|key| snapshot.get(&keyspace, [key]).unwrap());
            if first != last {
                return true;
            }
        }
        false
    });
    println!("batches until a snapshot was torn: {written:?}");
    assert!(torn, "no torn snapshot was seen: is the gate still needed?");
}

/// Writes this many MiB to a tablet, each value new.
fn fill(engine: &FjallEngine, keyspace: u8, mib: u32) {
    let mut persister = engine.persister();
    for number in 0..mib {
        while engine.pressure(keyspace).should_skip() {
            persister.write_out().unwrap();
        }
        put(engine, tablet(keyspace, 1), &number.to_be_bytes(), &vec![1; 1 << 20]);
    }
}

/// fjall keeps a journal until the newest sequence number in the tables of every keyspace that had
/// something in memory when it was sealed is past it. A drop takes that number back.
#[test]
fn a_dropped_tablet_does_not_hold_journals() {
    let (_dir, engine) = store(Options { workers: NonZeroUsize::new(2), ..Options::default() });
    put(&engine, tablet(0, 1), b"key", b"value");
    put(&engine, tablet(2, 1), b"key", b"value");
    fill(&engine, 1, 80);
    let journals = || engine.usage().unwrap().journals;
    // A worker begins the next journal, some time after this one is full.
    let held = (0..10_000).any(|_| {
        engine.persist().unwrap();
        journals() > 100 * MIB
    });
    assert!(held, "keyspaces 0 and 2 hold the first journal");
    engine.drop_tablet(tablet(0, 1)).unwrap();
    // What is dropped here does not exist: this flushes the keyspaces. Journals go in a worker, some time
    // after a flush has ended.
    let gone = (0..1_000).any(|_| {
        engine.drop_tablets(&[tablet(1, 9), tablet(2, 9)]).unwrap();
        journals() < 100 * MIB
    });
    assert!(gone, "{} MiB of journals", journals() / MIB);
}

/// fjall takes a sealed journal that is not there for one that it let go, and one that ends early for one
/// that was never longer; what is in the next one then hides what is missing.
#[test]
fn a_sealed_journal_that_is_gone_or_ends_early_is_named() {
    let (dir, engine) = store(Options::default());
    put(&engine, tablet(0, 1), b"key", b"in the sealed journal alone");
    fill(&engine, 1, 70);
    // A worker seals it.
    while !dir.path().join("1.jnl").exists() {
        engine.persist().unwrap();
    }
    put(&engine, tablet(0, 1), b"other", b"in the newest");
    engine.persist().unwrap();
    let whole = image(dir.path());
    drop(engine);
    let journal = whole.path().join("0.jnl");
    let bytes = fs::read(&journal).unwrap();
    let check = |expected: Damage| {
        let error = FjallEngine::open(whole.path(), Options::default()).map(drop).unwrap_err();
        let Error::Damage { file, problem, .. } = &error else { panic!("{error:?}") };
        assert_eq!((file, *problem), (&journal, expected));
    };
    fs::remove_file(&journal).unwrap();
    check(Damage::Missing);
    fs::write(&journal, vec![0; bytes.len()]).unwrap();
    check(Damage::End);
    // The first batch alone, which is whole.
    let first = bytes.windows(4).position(|window| window == b"FJL\x03").unwrap() + 4;
    fs::write(&journal, &bytes[..first]).unwrap();
    check(Damage::End);
    fs::write(&journal, &bytes).unwrap();
    let engine = FjallEngine::open(whole.path(), Options::default()).unwrap();
    assert_eq!(contents(&*engine.snapshot().unwrap(), tablet(0, 1)).len(), 2);
    // Once the tables have everything fjall lets it go, and that is no damage, even if they are dropped.
    drop(engine);
    let engine = FjallEngine::open(whole.path(), Options::default()).unwrap();
    let gone = (0..20).any(|_| {
        engine.drop_tablets(&[tablet(0, 9), tablet(1, 1)]).unwrap();
        !journal.exists()
    });
    assert!(gone, "it is not needed any more");
    let survivor = image(whole.path());
    drop(engine);
    let engine = FjallEngine::open(survivor.path(), Options::default()).unwrap();
    assert_eq!(contents(&*engine.snapshot().unwrap(), tablet(0, 1)).len(), 2);
}

/// fjall reads no sequence numbers from the tables if it finds no journal: it counts from 0 again, and a
/// snapshot does not see what the tables hold.
#[test]
fn a_store_without_its_journal_is_refused_because_fjall_would_show_nothing() {
    let (dir, engine) = tiny_store();
    put(&engine, tablet(0, 1), b"key", b"value");
    engine.drop_tablets(&[tablet(0, 9)]).unwrap();
    drop(engine);
    fs::remove_file(dir.path().join("0.jnl")).unwrap();
    let error = FjallEngine::open(dir.path(), Options::default()).map(drop).unwrap_err();
    assert!(matches!(error, Error::Damage { problem: Damage::NoJournal, .. }), "{error:?}");
    let db = Database::builder(dir.path()).open().unwrap();
    let keyspace = db.keyspace("t00", KeyspaceCreateOptions::default).unwrap();
    assert_eq!(
        db.snapshot().iter(&keyspace).count(),
        0,
        "fjall no longer loses them: see `sealed`"
    );
}

/// fjall issue 257: one worker, and so many sealed memtables at the start that writes wait for it.
#[test]
fn a_store_with_many_sealed_memtables_opens_and_writes_with_one_worker() {
    let (dir, engine) = store(Options { workers: NonZeroUsize::new(2), ..Options::default() });
    // Four journals, each with a write to keyspace 0, which never fills a memtable.
    for number in 0u8..4 {
        put(&engine, tablet(0, 1), &[number], b"value");
        fill(&engine, 1, 70);
    }
    put(&engine, tablet(0, 1), &[4], b"value");
    engine.persist().unwrap();
    let survivor = image(dir.path());
    let one_worker = Options { workers: NonZeroUsize::new(1), ..Options::default() };
    let engine = FjallEngine::open(survivor.path(), one_worker).unwrap();
    for keyspace in 0..2 {
        put(&engine, tablet(keyspace, 1), b"key", b"value");
    }
    let view = engine.snapshot().unwrap();
    assert_eq!(contents(&*view, tablet(0, 1)).len(), 6);
    assert_eq!(contents(&*view, tablet(1, 1)).len(), 71);
}

#[test]
fn memtables_of_all_keyspaces_have_one_bound() {
    let (dir, engine) = tiny_store();
    drop(engine);
    // The keyspaces' shares stay those that the store was made with; the bound is the one given now.
    let bound = 24 << 10;
    let options = Options { write_buffer: bound, workers: NonZeroUsize::new(1), block_cache: MIB };
    let engine = FjallEngine::open(dir.path(), options).unwrap();
    let mut persister = engine.persister();
    let mut waited = false;
    for number in 0u32..1_500 {
        let keyspace = u8::try_from(number % 16).unwrap();
        while engine.pressure(keyspace).should_skip() {
            persister.write_out().unwrap();
            waited = true;
        }
        put(&engine, tablet(keyspace, 1), &number.to_be_bytes(), &[7; 200]);
        let memtables = engine.usage().unwrap().memtables;
        assert!(memtables < bound * 3 / 2 + 1_000, "{memtables} bytes");
    }
    assert!(waited, "the disk was faster than the writes: write more");
}

#[test]
fn pressure_shows_what_waits() {
    assert!(!Pressure { sealed_memtables: 2, l0_runs: 17, memory_full: false }.should_skip());
    assert!(Pressure { sealed_memtables: 3, ..Pressure::default() }.should_skip());
    assert!(Pressure { l0_runs: 18, ..Pressure::default() }.should_skip());

    let (_dir, engine) = tiny_store();
    let quiet = engine.pressure(1);
    let seen = Arc::new(AtomicBool::new(false));
    for number in 0u32..100_000 {
        put(&engine, tablet(0, 1), &number.to_be_bytes(), &[1; 2_000]);
        if engine.pressure(0).sealed_memtables > 0 {
            seen.store(true, Ordering::Relaxed);
            break;
        }
    }
    assert!(seen.load(Ordering::Relaxed), "nothing was ever sealed");
    assert_eq!(engine.pressure(1), quiet);
    assert_eq!(engine.pressure(200), Pressure::default());
}
