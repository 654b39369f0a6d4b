//! The store of a node: one fjall database, written without sync.
//!
//! Owns the database's directory. Around fjall it adds what fjall 3.1 does not promise by itself:
//!
//! - Its journals and manifests are read and checked before fjall opens them, because fjall cuts a
//!   journal at a damaged byte without a trace and starts an empty keyspace where a manifest is
//!   missing ([`crate::journal`], `format`). The tables that they list are looked at too (`tables`), and
//!   a read that fails names the damaged one (`search`), which fjall does not.
//! - Which sealed journals there are is noted, because a lost one looks like one that fjall let go
//!   (`sealed`).
//! - Snapshots are taken behind a gate around commits (`gate`): a flush that ends in another thread
//!   publishes the sequence number of a batch that is still being inserted, so that an ungated
//!   snapshot holds half of it.
//! - Memory has one bound for all keyspaces; fjall's own setting for that does nothing.
//! - Tablets are dropped and their space comes back (`reclaim`).
//!
//! Never calls `clear()` (what is ingested after it is lost at the next start) or `major_compact`
//! (rewrites everything that lives and holds off other compactions). After a failed write or sync
//! every later one fails: see [`Error::Poisoned`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fjall::{AbstractTree, Database, Keyspace, PersistMode, Slice};
use stator_model::TabletId;

use crate::engine::check_tablet;
use crate::{Batch, Engine, Error, KEYSPACES, Pressure, ReadView, Result, Value, batch};

mod filter;
mod format;
mod gate;
mod memory;
mod open;
mod persist;
mod reclaim;
mod sealed;
mod search;
mod tables;
mod view;

pub use open::Options;
pub use persist::Persister;

/// The store of a node. See the module.
pub struct FjallEngine {
    path: PathBuf,
    memory: memory::Bound,
    gate: gate::Gate,
    keyspaces: Arc<[Keyspace]>,
    dropped: Arc<filter::Dropped>,
    graveyard: reclaim::Graveyard,
    search: Arc<search::Search>,
    note: Arc<sealed::Note>,
    cut: Option<(PathBuf, u64)>,
    poisoned: Arc<AtomicBool>,
    db: Database,
}

/// What the store takes up, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Memtables, those being flushed included.
    pub memtables: u64,
    /// Table files.
    pub tables: u64,
    /// Journals, preallocated space included.
    pub journals: u64,
}

impl FjallEngine {
    /// Opens the store in this directory; makes it if the directory is empty or not there.
    ///
    /// # Errors
    /// Each says what to do: [`Error::Locked`], [`Error::ReadOnly`], [`Error::NewerVersion`],
    /// [`Error::Damage`], [`Error::Io`], [`Error::Open`].
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        open::open(path.as_ref(), options)
    }

    /// The store's directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The newest journal, and where it was cut when the store was opened, if it was. A crash leaves an end
    /// there that is not whole; if the store lacks what was synced, it is the place of a damage.
    pub fn cut(&self) -> Option<(&Path, u64)> {
        self.cut.as_ref().map(|(file, offset)| (file.as_path(), *offset))
    }

    /// What makes the store durable, to be run by a thread of its own.
    pub fn persister(&self) -> Persister {
        Persister::new(self)
    }

    /// What the store takes up now.
    ///
    /// # Errors
    /// If the size of a journal cannot be found.
    pub fn usage(&self) -> Result<Usage> {
        Ok(Usage {
            memtables: self.db.write_buffer_size(),
            tables: self.keyspaces.iter().map(Keyspace::disk_space).sum(),
            journals: self.db.journal_disk_space().map_err(Error::read)?,
        })
    }

    /// A snapshot through the gate.
    fn view(&self) -> view::View {
        let _gate = self.gate.enter();
        let search = Arc::clone(&self.search);
        view::View::new(self.db.snapshot(), Arc::clone(&self.keyspaces), search)
    }

    /// The keyspace of this number.
    fn keyspace(&self, id: u8) -> Result<&Keyspace> {
        let tablet = TabletId { keyspace: id, prefix: 0 };
        self.keyspaces.get(usize::from(id)).ok_or(Error::NoSuchTablet { tablet })
    }

    /// Refuses to write after a failed write.
    fn check_poison(&self) -> Result<()> {
        if self.poisoned.load(Ordering::Acquire) {
            Err(Error::Poisoned { source: None })
        } else {
            Ok(())
        }
    }

    /// Makes the failure of a write the end of all writes.
    fn written<T>(&self, result: fjall::Result<T>) -> Result<T> {
        result.map_err(|failure| {
            // First the cause: once the flag is set other threads end the process without it.
            let error = self.search.explain_write(&self.keyspaces, failure);
            self.poisoned.store(true, Ordering::Release);
            error
        })
    }

    /// Writes a batch, the store's own markers included, behind the gate.
    fn commit_unchecked(&self, batch: Batch) -> Result<()> {
        self.check_poison()?;
        let mut writes = self.db.batch();
        for write in batch.into_writes() {
            let keyspace = self.keyspace(write.keyspace)?;
            let key = Slice::from(write.key);
            match write.value {
                Some(value) => writes.insert(keyspace, key, value.into_slice()),
                None => writes.remove(keyspace, key),
            }
        }
        let _gate = self.gate.enter();
        self.written(writes.commit())
    }
}

impl Engine for FjallEngine {
    fn get(&self, tablet: TabletId, key: &[u8]) -> Result<Option<Value>> {
        check_tablet(tablet)?;
        let keyspace = self.keyspace(tablet.keyspace)?;
        let key = batch::full_key(tablet, key);
        match keyspace.get(&key) {
            Ok(found) => Ok(found.map(Value::from_slice)),
            Err(failure) => Err(self.search.explain(keyspace, &key, Some(&key), failure)),
        }
    }

    fn commit(&self, batch: Batch) -> Result<()> {
        batch.writes().iter().try_for_each(|write| check_tablet(write.tablet()))?;
        self.commit_unchecked(batch)?;
        self.written(self.memory.relieve(&self.db, &self.keyspaces))
    }

    fn snapshot(&self) -> Result<Box<dyn ReadView>> {
        Ok(Box::new(self.view()))
    }

    fn persist(&self) -> Result<()> {
        self.check_poison()?;
        self.written(self.db.persist(PersistMode::SyncData))?;
        self.note.refresh()
    }

    fn drop_tablets(&self, tablets: &[TabletId]) -> Result<()> {
        reclaim::drop_tablets(self, tablets)
    }

    fn reclaim(&self) -> Result<usize> {
        reclaim::reclaim(self)
    }

    fn tablets(&self) -> Result<Vec<TabletId>> {
        let view = self.view();
        let dropped = self.dropped.all();
        let mut found = Vec::new();
        for keyspace in 0..KEYSPACES {
            // Start number 0 is the store's own; see `check_tablet`.
            let mut from = Some(1u64 << 32);
            while let Some(prefix) = from {
                let next = view.first_prefix(keyspace, prefix)?;
                found.extend(next.map(|prefix| TabletId { keyspace, prefix }));
                from = next.and_then(|prefix| prefix.checked_add(1));
            }
        }
        found.retain(|tablet| !dropped.contains(tablet));
        Ok(found)
    }

    fn pressure(&self, keyspace: u8) -> Pressure {
        self.keyspace(keyspace).map_or_else(
            |_| Pressure::default(),
            |keyspace| Pressure {
                sealed_memtables: keyspace.sealed_memtable_count(),
                l0_runs: keyspace.tree.l0_run_count(),
                memory_full: self.memory.is_full(&self.db),
            },
        )
    }
}
