//! A simulated disk that forgets what was not synced.
//!
//! Every file has two contents: what a running process reads (the page cache) and what a power cut
//! leaves. A write changes the first; a sync of the file carries it to the second. The same holds for
//! the directory: creations, renames and removals are durable once the directory is synced.
//!
//! [`crash`](MemoryDir::crash) cuts the power: of every unsynced 4 KiB block any version written since
//! the last sync may be what is left, or a mixture of two, sector by sector; of the unsynced directory
//! changes any may be missing. [`kill`](MemoryDir::kill) ends the process alone: the page cache stays.
//! A failed sync does what Linux does: the pages count as clean, are still read, and may not be there
//! after a power cut.
//!
//! Everything is decided by the seed; nothing here reads a clock or a random number.

mod content;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::codec::{disk_length, memory_length};
use crate::dir::{LogDir, LogFile};
use crate::error::Error;

use content::{Content, Dice};

/// A directory on a simulated disk. Clones are the same directory.
#[derive(Clone, Default)]
pub struct MemoryDir {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Clone, Default)]
struct Disk {
    /// What a process sees.
    names: BTreeMap<String, usize>,
    /// What a power cut leaves for sure.
    synced_names: BTreeMap<String, usize>,
    changes: Vec<Change>,
    files: Vec<Content>,
    /// Handles from before a crash are dead.
    boot: u64,
    operations: u64,
    faults: VecDeque<(u64, Fault)>,
    powerless: bool,
}

#[derive(Clone)]
enum Change {
    Create { name: String, file: usize },
    Rename { from: String, to: String },
    Remove { name: String },
}

/// What happens instead of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The power goes: the operation may be half done, and it and all that follow fail.
    PowerCut,
    /// The operation alone fails. A write is half done; a sync loses what it should have kept.
    Failure,
}

/// A change of the disk, as faults count them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Write,
    Sync,
    Directory,
}

impl std::fmt::Debug for MemoryDir {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryDir").field("names", &self.names()).finish_non_exhaustive()
    }
}

impl MemoryDir {
    /// An empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// An independent copy of the whole disk, page cache included.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { disk: Arc::new(Mutex::new(self.lock().clone())) }
    }

    /// How many writes, syncs and directory changes there were so far.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Lets the operation happen that many operations from now (0 is the next) meet a fault.
    pub fn inject(&self, after: u64, fault: Fault) {
        let mut disk = self.lock();
        let at = disk.operations + after;
        disk.faults.push_back((at, fault));
    }

    /// Ends the process: its handles are dead, the page cache stays.
    pub fn kill(&self) {
        self.lock().restart();
    }

    /// Cuts the power: what was not synced is kept, lost or torn as the seed decides.
    pub fn crash(&self, seed: u64) {
        let mut disk = self.lock();
        let mut dice = Dice(seed);
        let odds = dice.below(5);
        let names = disk.surviving_names(|| dice.below(4) < odds);
        disk.settle_names(names);
        for file in &mut disk.files {
            file.crash(&mut dice, odds);
        }
        disk.restart();
    }

    /// Cuts the power: of the unsynced blocks exactly those are kept that `keep` chooses by file name
    /// and number, each as last written; all directory changes are kept.
    pub fn crash_keeping(&self, mut keep: impl FnMut(&str, u64) -> bool) {
        let mut disk = self.lock();
        for (name, file) in disk.names.clone() {
            if let Some(content) = disk.files.get_mut(file) {
                content.crash_keeping(|block| keep(&name, disk_length(block)));
            }
        }
        let names = disk.names.clone();
        disk.settle_names(names);
        disk.restart();
    }

    /// The blocks that a power cut may lose, by file name and number.
    pub fn unsynced_blocks(&self) -> Vec<(String, u64)> {
        let disk = self.lock();
        let blocks = |(name, file): (&String, &usize)| {
            let numbers = disk.files.get(*file).into_iter().flat_map(|file| file.unsynced.keys());
            numbers.map(|block| (name.clone(), disk_length(*block))).collect::<Vec<_>>()
        };
        disk.names.iter().flat_map(blocks).collect()
    }

    /// The names of all files, in order.
    pub fn names(&self) -> Vec<String> {
        self.lock().names.keys().cloned().collect()
    }

    /// What a process reads of a file; nothing if there is none.
    pub fn contents(&self, name: &str) -> Vec<u8> {
        let disk = self.lock();
        let file = disk.names.get(name).and_then(|file| disk.files.get(*file));
        file.map(|file| file.cached.clone()).unwrap_or_default()
    }

    /// Damages a file: these bits of one byte are the other way round, for good.
    pub fn flip(&self, name: &str, offset: u64, bits: u8) {
        self.damage(name, |bytes| {
            if let Some(byte) = bytes.get_mut(memory_length(offset)) {
                *byte ^= bits;
            }
        });
    }

    /// Damages a file: it ends after this many bytes.
    pub fn truncate(&self, name: &str, length: u64) {
        self.damage(name, |bytes| bytes.truncate(memory_length(length)));
    }

    /// Damages a file: these bytes are zeros.
    pub fn zero(&self, name: &str, range: Range<u64>) {
        self.damage(name, |bytes| {
            let range = memory_length(range.start)..memory_length(range.end).min(bytes.len());
            if let Some(bytes) = bytes.get_mut(range) {
                bytes.fill(0);
            }
        });
    }

    /// Damages a file: it has other contents, for example older ones. Creates it if there is none.
    pub fn replace(&self, name: &str, contents: &[u8]) {
        if !self.names().iter().any(|known| known == name) {
            let mut disk = self.lock();
            let file = disk.files.len();
            disk.files.push(Content::default());
            disk.names.insert(name.to_owned(), file);
            disk.synced_names.insert(name.to_owned(), file);
        }
        self.damage(name, |bytes| contents.clone_into(bytes));
    }

    /// Damages the directory: the file is not there.
    pub fn lose(&self, name: &str) {
        let mut disk = self.lock();
        disk.names.remove(name);
        disk.synced_names.remove(name);
    }

    /// Damage is there at once and for good, whatever was synced.
    fn damage(&self, name: &str, change: impl Fn(&mut Vec<u8>)) {
        let mut disk = self.lock();
        let Some(file) = disk.names.get(name).copied() else { return };
        let Some(content) = disk.files.get_mut(file) else { return };
        content.unsynced.clear();
        change(&mut content.cached);
        content.synced.clone_from(&content.cached);
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(
        &self,
        action: &'static str,
        name: &str,
        change: impl FnOnce(&mut Disk) -> io::Result<()>,
    ) -> Result<(), Error> {
        let mut disk = self.lock();
        let failed = |source| Error::Io { action, path: self.path(name), source };
        if disk.powerless {
            return disk.count(Operation::Directory).map_err(failed);
        }
        match disk.count(Operation::Directory) {
            Ok(()) => change(&mut disk).map_err(failed),
            Err(source) => {
                // A change under way when the power goes may be there or not.
                if disk.powerless {
                    drop(change(&mut disk));
                }
                Err(failed(source))
            }
        }
    }

    fn handle(&self, name: &str, file: usize) -> Box<dyn LogFile> {
        let boot = self.lock().boot;
        Box::new(MemoryFile { dir: self.clone(), name: name.to_owned(), file, boot })
    }
}

impl LogDir for MemoryDir {
    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("memory").join(name)
    }

    fn list(&self) -> Result<Vec<String>, Error> {
        Ok(self.names())
    }

    fn create(&self, name: &str) -> Result<Box<dyn LogFile>, Error> {
        self.change("create", name, |disk| {
            let file = disk.files.len();
            disk.files.push(Content::default());
            disk.apply(Change::Create { name: name.to_owned(), file })
        })?;
        self.open(name)
    }

    fn open(&self, name: &str) -> Result<Box<dyn LogFile>, Error> {
        let file = self.lock().names.get(name).copied();
        file.map(|file| self.handle(name, file)).ok_or_else(|| Error::Io {
            action: "open",
            path: self.path(name),
            source: io::ErrorKind::NotFound.into(),
        })
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        let change = Change::Rename { from: from.to_owned(), to: to.to_owned() };
        self.change("rename", from, |disk| disk.apply(change))
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        self.change("remove", name, |disk| disk.apply(Change::Remove { name: name.to_owned() }))
    }

    fn sync(&self) -> Result<(), Error> {
        let mut disk = self.lock();
        let counted = disk.count(Operation::Sync);
        counted.map_err(|source| Error::Io {
            action: "sync the directory",
            path: self.path(""),
            source,
        })?;
        disk.synced_names = disk.names.clone();
        disk.changes.clear();
        Ok(())
    }
}

impl Disk {
    /// Counts an operation; fails if that is what was asked for.
    fn count(&mut self, operation: Operation) -> io::Result<()> {
        if self.powerless {
            return Err(io::Error::other("the power is out"));
        }
        let at = self.operations;
        self.operations += 1;
        let Some(place) = self.faults.iter().position(|(when, _)| *when == at) else {
            return Ok(());
        };
        match self.faults.remove(place).map(|(_, fault)| fault) {
            Some(Fault::PowerCut) => {
                self.powerless = true;
                Err(io::Error::other("the power went out"))
            }
            Some(Fault::Failure) if operation == Operation::Directory => {
                Err(io::ErrorKind::StorageFull.into())
            }
            Some(Fault::Failure) => Err(io::Error::other("input/output error")),
            None => Ok(()),
        }
    }

    /// Makes a change that the next sync of the directory keeps.
    fn apply(&mut self, change: Change) -> io::Result<()> {
        if change.apply(&mut self.names) {
            self.changes.push(change);
            Ok(())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    /// What a power cut leaves of the directory.
    fn surviving_names(&self, mut survives: impl FnMut() -> bool) -> BTreeMap<String, usize> {
        let mut names = self.synced_names.clone();
        for change in &self.changes {
            if survives() {
                change.apply(&mut names);
            }
        }
        names
    }

    fn restart(&mut self) {
        self.boot += 1;
        self.powerless = false;
        self.faults.clear();
    }

    /// The directory is what the power cut left of it.
    fn settle_names(&mut self, names: BTreeMap<String, usize>) {
        self.synced_names.clone_from(&names);
        self.names = names;
        self.changes.clear();
    }
}

impl Change {
    /// Returns whether there was something to change.
    fn apply(&self, names: &mut BTreeMap<String, usize>) -> bool {
        match self {
            Self::Create { name, file } => {
                names.insert(name.clone(), *file);
                true
            }
            Self::Rename { from, to } => match names.remove(from) {
                Some(file) => {
                    names.insert(to.clone(), file);
                    true
                }
                None => false,
            },
            Self::Remove { name } => names.remove(name).is_some(),
        }
    }
}

struct MemoryFile {
    dir: MemoryDir,
    name: String,
    file: usize,
    boot: u64,
}

impl MemoryFile {
    fn with<T>(
        &self,
        action: &'static str,
        run: impl FnOnce(&mut Disk) -> io::Result<T>,
    ) -> Result<T, Error> {
        let mut disk = self.dir.lock();
        let result = if disk.boot == self.boot {
            run(&mut disk)
        } else {
            Err(io::Error::other("the process that opened the file is gone"))
        };
        result.map_err(|source| Error::Io { action, path: self.dir.path(&self.name), source })
    }
}

impl LogFile for MemoryFile {
    fn size(&self) -> Result<u64, Error> {
        self.with("tell the length of", |disk| {
            Ok(disk_length(disk.content(self.file).cached.len()))
        })
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.with("read", |disk| {
            let from = memory_length(offset);
            let cached = &disk.content(self.file).cached;
            let bytes = cached.get(from..from + buffer.len());
            buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.with("write to", |disk| {
            if disk.powerless {
                return disk.count(Operation::Write);
            }
            let counted = disk.count(Operation::Write);
            let whole = counted.is_ok() || disk.powerless;
            let written = if whole { bytes.len() } else { bytes.len() / 2 };
            disk.content(self.file).write(offset, bytes.get(..written).unwrap_or(bytes));
            counted
        })
    }

    fn sync(&self) -> Result<(), Error> {
        self.with("sync", |disk| {
            let counted = disk.count(Operation::Sync);
            if counted.is_ok() {
                disk.content(self.file).sync();
            } else if !disk.powerless {
                disk.content(self.file).lose();
            }
            counted
        })
    }
}

impl Disk {
    fn content(&mut self, file: usize) -> &mut Content {
        self.files.get_mut(file).expect("a handle names a file that was created")
    }
}
