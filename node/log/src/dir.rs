//! The file operations that a log needs, and nothing more: what a simulated disk must imitate.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::{horizon, segment};

/// What a file of a log is for, by its name: for those who count what is done to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A segment: batches go here.
    Segment,
    /// A file that may become a segment.
    Spare,
    /// HORIZON.
    Horizon,
}

impl FileKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Segment, Self::Spare, Self::Horizon];

    /// What the file with this name is for.
    pub fn of(name: &str) -> Self {
        if name.starts_with(segment::SPARE) {
            Self::Spare
        } else if name.starts_with(horizon::NAME) {
            Self::Horizon
        } else {
            Self::Segment
        }
    }
}

/// A directory that holds one log.
pub trait LogDir: Send + Sync {
    /// Where a file lies, for messages; the directory itself for `""`.
    fn path(&self, name: &str) -> PathBuf;

    /// The names of all files, in any order.
    ///
    /// # Errors
    /// If the directory cannot be read.
    fn list(&self) -> Result<Vec<String>, Error>;

    /// Creates a file, or empties the one of that name.
    ///
    /// # Errors
    /// If it cannot be created.
    fn create(&self, name: &str) -> Result<Box<dyn LogFile>, Error>;

    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// If it cannot be opened.
    fn open(&self, name: &str) -> Result<Box<dyn LogFile>, Error>;

    /// Gives a file another name, atomically; a file that had it is gone. Durable after [`sync`](Self::sync).
    ///
    /// # Errors
    /// If it cannot be renamed.
    fn rename(&self, from: &str, to: &str) -> Result<(), Error>;

    /// Removes a file. Durable after [`sync`](Self::sync).
    ///
    /// # Errors
    /// If it cannot be removed.
    fn remove(&self, name: &str) -> Result<(), Error>;

    /// Makes all creations, renames and removals so far durable.
    ///
    /// # Errors
    /// If that failed; nothing is known then.
    fn sync(&self) -> Result<(), Error>;
}

/// An open file of a log.
pub trait LogFile: Send + Sync {
    /// Its length in bytes.
    ///
    /// # Errors
    /// If it cannot be told.
    fn size(&self) -> Result<u64, Error>;

    /// Fills the buffer with the bytes at `offset`.
    ///
    /// # Errors
    /// If they cannot be read, or the file ends before.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error>;

    /// Writes all bytes at `offset`, with one call if the system takes them, making the file longer if
    /// need be. Durable after [`sync`](Self::sync).
    ///
    /// # Errors
    /// If not all could be written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), Error>;

    /// Makes all writes so far durable, the length included: `fdatasync`.
    ///
    /// # Errors
    /// If that failed; which writes are durable is unknown then, and asking again tells nothing.
    fn sync(&self) -> Result<(), Error>;
}

/// A directory of the file system. It does not lock: its owner makes sure that one process uses it.
#[derive(Debug)]
pub struct RealDir {
    path: PathBuf,
}

impl RealDir {
    /// The directory at this path, created if it is missing.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        if !path.is_dir() {
            fs::create_dir_all(&path).map_err(io_error("create", &path))?;
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                sync_dir(parent)?;
            }
        }
        Ok(Self { path })
    }

    fn file(&self, name: &str, action: &'static str, how: &OpenOptions) -> Result<RealFile, Error> {
        let path = self.path.join(name);
        let file = how.open(&path).map_err(io_error(action, &path))?;
        Ok(RealFile { file, path })
    }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io { action, path, source }
}

fn sync_dir(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(io_error("sync the directory", path))
}

impl LogDir for RealDir {
    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.path.clone() } else { self.path.join(name) }
    }

    fn list(&self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(io_error("list", &self.path))? {
            let entry = entry.map_err(io_error("list", &self.path))?;
            // A name that is not text is not one of ours.
            if let Ok(name) = entry.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> Result<Box<dyn LogFile>, Error> {
        let how = OpenOptions::new().read(true).write(true).create(true).truncate(true).clone();
        Ok(Box::new(self.file(name, "create", &how)?))
    }

    fn open(&self, name: &str) -> Result<Box<dyn LogFile>, Error> {
        let how = OpenOptions::new().read(true).write(true).clone();
        Ok(Box::new(self.file(name, "open", &how)?))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        let from = self.path.join(from);
        fs::rename(&from, self.path.join(to)).map_err(io_error("rename", &from))
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.path.join(name);
        fs::remove_file(&path).map_err(io_error("remove", &path))
    }

    fn sync(&self) -> Result<(), Error> {
        sync_dir(&self.path)
    }
}

#[derive(Debug)]
struct RealFile {
    file: File,
    path: PathBuf,
}

impl LogFile for RealFile {
    fn size(&self) -> Result<u64, Error> {
        let metadata = self.file.metadata().map_err(io_error("tell the length of", &self.path))?;
        Ok(metadata.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.file.read_exact_at(buffer, offset).map_err(io_error("read", &self.path))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all_at(bytes, offset).map_err(io_error("write to", &self.path))
    }

    fn sync(&self) -> Result<(), Error> {
        self.file.sync_data().map_err(io_error("sync", &self.path))
    }
}
