//! The disk under the Raft log, and what may go wrong with it.
//!
//! [`Disk`] passes every operation on to the log crate's simulated directory, which knows what was
//! synced and what not. It counts them, and at the one that was chosen beforehand the process dies in
//! the middle, or the operation fails. From then on nothing reaches the disk any more.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stator_log::{Error, LogDir, LogFile, MemoryDir};

/// Writes are cut at multiples of this: a disk keeps a sector whole.
const SECTOR: usize = 512;

/// What the log does with its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A file is written.
    Write,
    /// A file is synced.
    Sync,
    /// A file is made.
    Create,
    /// A file gets another name.
    Rename,
    /// A file goes.
    Remove,
    /// The directory is synced.
    SyncDir,
}

/// What the log is doing, as far as crashes are aimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It opens: recovery.
    Open,
    /// It appends a batch.
    Append,
    /// It appends a batch with an `Installed` record.
    Install,
    /// It appends a batch with a `Destroyed` record.
    Destroy,
    /// It begins a segment with a checkpoint.
    Rotate,
    /// It releases segments.
    Release,
    /// It makes a segment ready.
    Prepare,
    /// It writes a marker.
    Mark,
}

/// How a chosen operation goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process dies in it; `seed` says how much of it was done.
    Dies {
        /// Chooses how much.
        seed: u64,
    },
    /// It reports an error: a write is half done, a sync has lost what it should have saved.
    Fails,
}

/// Which operation goes wrong, and how.
#[derive(Clone, Copy, Debug)]
pub struct Aim {
    /// Only in this phase, if given.
    pub phase: Option<Phase>,
    /// Only operations of this kind, if given.
    pub operation: Option<Operation>,
    /// After so many that fit.
    pub after: u64,
    /// What happens then.
    pub fault: Fault,
}

/// Lies that a disk may tell, to prove that the simulator finds them out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lies {
    /// A sync does nothing and says that it did.
    pub sync_ignored: bool,
    /// The sync of a directory does nothing and says that it did.
    pub dir_sync_ignored: bool,
    /// A failed sync is reported as done.
    pub failure_swallowed: bool,
}

#[derive(Default)]
struct State {
    phase: Option<Phase>,
    aim: Option<Aim>,
    /// What went wrong, once it did.
    hit: Option<(Fault, String)>,
    operations: u64,
    lies: Lies,
}

/// See the module. Clones are the same disk.
#[derive(Clone)]
pub struct Disk {
    inner: MemoryDir,
    state: Arc<Mutex<State>>,
}

/// What to do with an operation.
enum Go {
    On,
    /// Let it fail as disks fail, and say so, unless the disk lies.
    Fail,
    /// Do this much of it (of 256); the process is dead.
    Die(u64),
}

impl Disk {
    /// A disk with this content.
    pub fn new(inner: MemoryDir, lies: Lies, aim: Option<Aim>) -> Self {
        let state = State { lies, aim, ..State::default() };
        Self { inner, state: Arc::new(Mutex::new(state)) }
    }

    /// What is on it.
    pub fn content(&self) -> &MemoryDir {
        &self.inner
    }

    /// Says what the log is about to do.
    pub fn enter(&self, phase: Phase) {
        self.lock().phase = Some(phase);
    }

    /// What went wrong, if it did.
    pub fn hit(&self) -> Option<(Fault, String)> {
        self.lock().hit.clone()
    }

    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, operation: Operation) -> Go {
        let mut state = self.lock();
        if let Some((fault, _)) = &state.hit {
            let goes_on = state.lies.failure_swallowed && matches!(fault, Fault::Fails);
            return if goes_on { Go::On } else { Go::Die(0) };
        }
        state.operations += 1;
        let phase = state.phase;
        let Some(aim) = &mut state.aim else { return Go::On };
        // A segment that cannot be made ahead of need is no reason to stop: see the server's threads.
        let is_fatal = matches!(aim.fault, Fault::Dies { .. }) || phase != Some(Phase::Prepare);
        let fits = is_fatal
            && aim.phase.is_none_or(|wanted| Some(wanted) == phase)
            && aim.operation.is_none_or(|wanted| wanted == operation);
        if !fits {
            return Go::On;
        }
        if let Some(left) = aim.after.checked_sub(1) {
            aim.after = left;
            return Go::On;
        }
        let fault = aim.fault;
        let phase = phase.map_or_else(String::new, |phase| format!("{phase:?} "));
        state.hit = Some((fault, format!("{phase}{operation:?}")));
        match fault {
            Fault::Fails => Go::Fail,
            Fault::Dies { seed } => Go::Die(seed % 257),
        }
    }

    /// Runs an operation of which the directory below knows how it fails.
    fn fail<T>(&self, run: impl FnOnce() -> Result<T, Error>) -> Result<Option<T>, Error> {
        self.inner.inject(0, stator_log::memory_dir::Fault::Failure);
        let result = run();
        if self.lock().lies.failure_swallowed { Ok(None) } else { result.map(Some) }
    }

    fn broken(&self, name: &str) -> Error {
        let source = io::Error::other("injected by the simulator");
        Error::Io { action: "use", path: self.inner.path(name), source }
    }

    /// Does an operation that is done or not.
    fn whole(
        &self,
        operation: Operation,
        name: &str,
        run: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self.begin(operation) {
            Go::On => run(),
            Go::Fail => self.fail(run).map(|_| ()),
            Go::Die(done) => {
                if done > 128 {
                    run()?;
                }
                Err(self.broken(name))
            }
        }
    }

    fn file(&self, name: &str, inner: Box<dyn LogFile>) -> Box<dyn LogFile> {
        Box::new(DiskFile { disk: self.clone(), name: name.to_owned(), inner })
    }
}

impl LogDir for Disk {
    fn path(&self, name: &str) -> PathBuf {
        self.inner.path(name)
    }

    fn list(&self) -> Result<Vec<String>, Error> {
        self.inner.list()
    }

    fn create(&self, name: &str) -> Result<Box<dyn LogFile>, Error> {
        let mut made = None;
        self.whole(Operation::Create, name, || {
            made = Some(self.inner.create(name)?);
            Ok(())
        })?;
        made.map(|inner| self.file(name, inner)).ok_or_else(|| self.broken(name))
    }

    fn open(&self, name: &str) -> Result<Box<dyn LogFile>, Error> {
        Ok(self.file(name, self.inner.open(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        self.whole(Operation::Rename, from, || self.inner.rename(from, to))
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        self.whole(Operation::Remove, name, || self.inner.remove(name))
    }

    fn sync(&self) -> Result<(), Error> {
        let lies = self.lock().lies;
        self.whole(Operation::SyncDir, "", || {
            if lies.dir_sync_ignored { Ok(()) } else { self.inner.sync() }
        })
    }
}

struct DiskFile {
    disk: Disk,
    name: String,
    inner: Box<dyn LogFile>,
}

impl LogFile for DiskFile {
    fn size(&self) -> Result<u64, Error> {
        self.inner.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.inner.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        match self.disk.begin(Operation::Write) {
            Go::On => self.inner.write_at(offset, bytes),
            Go::Fail => self.disk.fail(|| self.inner.write_at(offset, bytes)).map(|_| ()),
            Go::Die(done) => {
                let share = usize::try_from(done).unwrap_or(0);
                let cut = (bytes.len() / SECTOR).saturating_mul(share) / 256 * SECTOR;
                if let Some(first) = bytes.get(..cut).filter(|first| !first.is_empty()) {
                    self.inner.write_at(offset, first)?;
                }
                Err(self.disk.broken(&self.name))
            }
        }
    }

    fn sync(&self) -> Result<(), Error> {
        let lies = self.disk.lock().lies;
        self.disk.whole(Operation::Sync, &self.name, || {
            if lies.sync_ignored { Ok(()) } else { self.inner.sync() }
        })
    }
}
