//! Opening the store's directory.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fjall::compaction::Leveled;
use fjall::compaction::filter::Factory;
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, LsmError, PersistMode};

use super::filter::{DropFilters, Dropped};
use super::format::{self, Format};
use super::sealed::{self, Note};
use super::{FjallEngine, gate, memory, reclaim};
use crate::error::EngineFailure;
use crate::journal::Found;
use crate::{Error, KEYSPACES, Result, journal};

const MIB: u64 = 1024 * 1024;

/// fjall seals a journal past 64 MB.
const JOURNAL_BYTES: u64 = 64 * MIB;

/// The size of a table. What a dropped tablet leaves behind lies in tables shared with others, at
/// most two a level: smaller tables leave less.
const TABLE_BYTES: u64 = 16 * MIB;

/// How the store uses memory and threads.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of all memtables together (`storage.writeBuffer`). Each keyspace's share of it is fixed
    /// when the store is made; the bound on all of them is not.
    pub write_buffer: u64,
    /// Bytes of the cache of blocks.
    pub block_cache: u64,
    /// Threads that flush and compact; `None` for one a core and at most 4.
    pub workers: Option<NonZeroUsize>,
}

impl Default for Options {
    fn default() -> Self {
        Self { write_buffer: 128 * MIB, block_cache: 64 * MIB, workers: None }
    }
}

impl Options {
    /// Bytes at which one keyspace's memtable is sealed: 16 MiB by default. More than an equal share, for
    /// writes are seldom spread evenly, and a busy keyspace is compacted the less the larger its tables
    /// are; [`memory::Bound`] seals the largest when all together need too much. Not much more either: all
    /// versions of an item stay in the memtable, and a scan crosses them.
    fn memtable(&self) -> u64 {
        (self.write_buffer / 8).clamp(4 * 1024, JOURNAL_BYTES)
    }

    /// Bytes of journals beyond which keyspaces are flushed to let the oldest go: 256 MiB by default.
    fn journaling(&self) -> u64 {
        self.write_buffer.saturating_mul(2).max(2 * JOURNAL_BYTES)
    }
}

/// fjall syncs this directory before it makes the keyspaces in it, and never again: a power loss may take
/// any of them. IMPORTANT: before the format file says that they are all there.
fn sync_keyspaces(path: &Path) -> Result<()> {
    let keyspaces = path.join("keyspaces");
    fs::File::open(&keyspaces)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| Error::io("syncing", &keyspaces, error))
}

/// Opens or makes the store.
pub(super) fn open(path: &Path, options: Options) -> Result<FjallEngine> {
    fs::create_dir_all(path).map_err(|error| Error::io("making", path, error))?;
    let (existing, journals) = check(path)?;
    let note = Arc::new(Note::new(path, journals.sealed)?);
    let dropped = Arc::new(Dropped::default());
    let opened = open_database(path, &options, &dropped)
        .and_then(|db| open_keyspaces(path, &db, &options).map(|keyspaces| (db, keyspaces)));
    let (db, keyspaces) = opened.map_err(|error| name_file(path, existing.as_ref(), error))?;
    let format = Format { keyspaces: keyspaces.iter().map(|keyspace| keyspace.id()).collect() };
    match existing {
        Some(existing) if existing == format => {}
        Some(_) => return Err(format::names_lost(path)),
        None => {
            db.persist(PersistMode::SyncAll).map_err(|failure| opening(path, failure))?;
            sync_keyspaces(path)?;
            format::write(path, &format)?;
        }
    }
    Ok(FjallEngine {
        path: path.to_path_buf(),
        memory: memory::Bound(options.write_buffer),
        gate: gate::Gate::default(),
        keyspaces,
        dropped,
        graveyard: reclaim::Graveyard::default(),
        search: Arc::default(),
        note,
        cut: journals.cut,
        poisoned: Arc::new(AtomicBool::new(false)),
        db,
    })
}

/// Checks what is there before fjall sees it, cuts the newest journal's torn end, and returns the
/// store's format, if there is a store, and what its journals are.
fn check(path: &Path) -> Result<(Option<Format>, Found)> {
    // IMPORTANT: nothing may be cut while another process writes. fjall takes the same lock after
    // this one is dropped; whoever comes in between finds a checked store.
    let _lock = lock(path)?;
    let format = format::read(path)?;
    let mut journals = Found::default();
    match &format {
        Some(format) => {
            format::check_keyspaces(path, format)?;
            journals = journal::check(path)?;
            sealed::check(path, &journals.sealed, |keyspace| format::flushed(path, keyspace))?;
        }
        None => format::clear_unfinished(path)?,
    }
    Ok((format, journals))
}

fn lock(path: &Path) -> Result<File> {
    let file = path.join("lock");
    let open = OpenOptions::new().create(true).truncate(false).write(true).open(&file);
    let lock = open.map_err(|error| Error::io("opening", &file, error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { path: path.to_path_buf() }),
        Err(TryLockError::Error(error)) => Err(Error::io("locking", &file, error)),
    }
}

fn open_database(path: &Path, options: &Options, dropped: &Arc<Dropped>) -> Result<Database> {
    let dropped = Arc::clone(dropped);
    let filters = move |name: &str| {
        let keyspace = (0..KEYSPACES).find(|&id| keyspace_name(id) == name)?;
        let filters = DropFilters { keyspace, dropped: Arc::clone(&dropped) };
        Some(Arc::new(filters) as Arc<dyn Factory>)
    };
    let mut builder = Database::builder(path)
        .manual_journal_persist(true)
        .journal_compression(CompressionType::None)
        .max_journaling_size(options.journaling())
        .cache_size(options.block_cache)
        .with_compaction_filter_factories(Arc::new(filters));
    if let Some(workers) = options.workers {
        builder = builder.worker_threads(workers.get());
    }
    builder.open().map_err(|failure| opening(path, failure))
}

fn open_keyspaces(path: &Path, db: &Database, options: &Options) -> Result<Arc<[Keyspace]>> {
    let create = || {
        KeyspaceCreateOptions::default()
            .manual_journal_persist(true)
            .max_memtable_size(options.memtable())
            .compaction_strategy(Arc::new(Leveled::default().with_table_target_size(TABLE_BYTES)))
    };
    (0..KEYSPACES)
        .map(|id| db.keyspace(&keyspace_name(id), create))
        .collect::<fjall::Result<_>>()
        .map_err(|failure| opening(path, failure))
}

/// The error of a store that fjall does not open: if a table is damaged, that, with its file.
fn name_file(path: &Path, format: Option<&Format>, error: Error) -> Error {
    match (&error, format) {
        (Error::Open { .. }, Some(format)) => {
            format::find_damage(path, format).err().unwrap_or(error)
        }
        (_, Some(_) | None) => error,
    }
}

/// Names are on disk and never change.
fn keyspace_name(id: u8) -> String {
    format!("t{id:02}")
}

/// The error of opening a store.
#[expect(clippy::wildcard_enum_match_arm, reason = "the errors of fjall are not ours to list")]
fn opening(path: &Path, failure: fjall::Error) -> Error {
    match failure {
        fjall::Error::Locked => Error::Locked { path: path.to_path_buf() },
        fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => {
            Error::io("opening", path, error)
        }
        other => Error::Open { path: path.to_path_buf(), source: EngineFailure(other) },
    }
}
