//! What can go wrong in the store.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use stator_model::TabletId;

use crate::record::Malformed;

/// The result of a call on the store.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. Errors about a directory name it and say what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has the directory open.
    #[error(
        "the store at {} is in use by another process: stop that process, or give this one a data \
         directory of its own",
        path.display()
    )]
    Locked {
        /// The store's directory.
        path: PathBuf,
    },
    /// The directory cannot be written to.
    #[error(
        "the store at {} cannot be written to: mount it read-write and give its owner, the user of \
         this process, permission to write",
        path.display()
    )]
    ReadOnly {
        /// The file or directory that refused.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file was written by a newer version of this program, or the number in it has changed.
    #[error(
        "{} says format {found}, and this program knows formats up to {supported}: run the newer \
         program that wrote it, or restore the file if none did",
        file.display()
    )]
    NewerVersion {
        /// The file that says so.
        file: PathBuf,
        /// The format found.
        found: u32,
        /// The newest format known.
        supported: u32,
    },
    /// A file does not hold what was once synced to it. Fatal: the replicas of this store have to be
    /// rebuilt from others.
    #[error(
        "{} is damaged at byte {offset} ({problem}): rebuild this node's replicas from the other \
         nodes, or restore a backup",
        file.display()
    )]
    Damage {
        /// The damaged file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        problem: Damage,
    },
    /// A table holds bytes that are not those that were written, and something was read there. What the
    /// other tables hold can be read still.
    #[error(
        "{} is damaged at byte {offset} ({}): rebuild this node's replicas from the other nodes, or \
         restore a backup",
        file.display(),
        Damage::Checksum
    )]
    Unreadable {
        /// The damaged file.
        file: PathBuf,
        /// Where in it the first damaged block begins.
        offset: u64,
        /// How the read failed.
        #[source]
        source: EngineFailure,
    },
    /// A record is not of its format.
    #[error(transparent)]
    Record(#[from] Malformed),
    /// A file operation failed.
    #[error("{} failed on {}", operation, path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The engine refuses to open its files: one is missing or not readable.
    #[error(
        "the store at {} cannot be opened: rebuild this node's replicas from the other nodes, or \
         restore a backup",
        path.display()
    )]
    Open {
        /// The store's directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: EngineFailure,
    },
    /// A read failed in the engine.
    #[error("the storage engine failed")]
    Engine(#[source] EngineFailure),
    /// A write or sync failed, now or earlier, and with it every later one. Fatal: what the disk
    /// holds is unknown until the store is opened again.
    #[error("a write to the store failed, what the disk holds is unknown: restart the process")]
    Poisoned {
        /// The failure, where it is known.
        #[source]
        source: Option<EngineFailure>,
    },
    /// An entry of a local index whose key is none, or whose item is not there although both are written
    /// together.
    #[error("an entry of a local index has no key of its kind, or no item")]
    IndexEntry,
    /// The tablet names a keyspace that does not exist, or a prefix that is the store's own.
    #[error("{tablet} cannot exist")]
    NoSuchTablet {
        /// The tablet.
        tablet: TabletId,
    },
}

impl Error {
    /// Whether the process has to end: going on would answer from a state that the disk may not have.
    pub const fn is_fatal(&self) -> bool {
        match self {
            Self::Damage { .. } | Self::Poisoned { .. } => true,
            Self::Locked { .. }
            | Self::ReadOnly { .. }
            | Self::NewerVersion { .. }
            | Self::Unreadable { .. }
            | Self::Record(_)
            | Self::Io { .. }
            | Self::Open { .. }
            | Self::Engine(_)
            | Self::IndexEntry
            | Self::NoSuchTablet { .. } => false,
        }
    }

    /// The error of a file operation; refusals to write are told apart.
    pub(crate) fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        if refuses_writes(&source) {
            Self::ReadOnly { path, source }
        } else {
            Self::Io { operation, path, source }
        }
    }

    /// The error of asking the engine about itself.
    pub(crate) fn read(failure: fjall::Error) -> Self {
        Self::Engine(EngineFailure(failure))
    }

    /// The error of a write in the engine.
    pub(crate) fn write(failure: fjall::Error) -> Self {
        Self::Poisoned { source: Some(EngineFailure(failure)) }
    }
}

/// Whether the operation failed because nothing may be written here.
pub(crate) fn refuses_writes(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// A byte that begins no entry of a journal.
    UnknownEntry,
    /// An entry that cannot stand where it stands.
    MisplacedEntry,
    /// A field of an entry has a value that is never written.
    ImpossibleField,
    /// An entry reaches beyond the end of the file.
    CutShort,
    /// Bytes do not fit their checksum.
    Checksum,
    /// A batch is not newer than the one before it, or newer by far.
    OutOfOrder,
    /// Something follows the zeros that end a journal, which begin here.
    NotZero,
    /// The file is not there.
    Missing,
    /// The file does not hold what such a file holds.
    Content,
    /// The file does not end as it was written.
    End,
    /// The directory holds no journal, and there always is one.
    NoJournal,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownEntry => "no entry begins with this byte",
            Self::MisplacedEntry => "an entry where none of its kind can be",
            Self::ImpossibleField => "a field with a value that is never written",
            Self::CutShort => "an entry that reaches beyond the end of the file",
            Self::Checksum => "bytes that do not fit their checksum",
            Self::OutOfOrder => "a batch whose sequence number does not follow the one before",
            Self::NotZero => "zeros in front of other bytes",
            Self::Missing => "the file is missing",
            Self::Content => "not what such a file holds",
            Self::NoJournal => "its newest journal, N.jnl, is missing",
            Self::End => "not the end that such a file has: it was cut short or overwritten",
        })
    }
}

/// A failure inside the storage engine, its type hidden.
#[derive(Debug)]
pub struct EngineFailure(pub(crate) fjall::Error);

impl fmt::Display for EngineFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for EngineFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_to_write_is_told_from_other_failures() {
        let path = Path::new("/data/store");
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem] {
            let error = Error::io("opening", path, kind.into());
            assert!(matches!(error, Error::ReadOnly { .. }));
            assert_eq!(
                error.to_string(),
                "the store at /data/store cannot be written to: mount it read-write and give its \
                 owner, the user of this process, permission to write"
            );
        }
        let error = Error::io("opening", path, io::ErrorKind::NotFound.into());
        assert_eq!(error.to_string(), "opening failed on /data/store");
    }
}
