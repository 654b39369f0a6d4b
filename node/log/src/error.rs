//! What can go wrong, and what it means for the node.

use std::fmt;
use std::io;
use std::path::PathBuf;

use stator_model::{LogIndex, PartitionId, ReplicaId};

use crate::id::LogId;

/// The log cannot be opened, or cannot go on.
///
/// After any error from a [`Log`](crate::Log) every later call returns [`Error::Poisoned`]: what is on
/// the disk is unknown, and a failed sync must never be retried (the kernel drops the dirty pages and
/// the second call succeeds). The process ends, and recovery finds out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error("cannot {action} {path}: check the disk, its free space and the permissions")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Bytes that had been synced, and perhaps acknowledged, are gone or changed.
    #[error(
        "{path} is damaged at byte {offset}: {lost}; nothing was changed: put back the file as it \
         was, or rebuild this node's replicas under new ids from their peers"
    )]
    Damage {
        /// The damaged file; the missing one if a file is missing.
        path: PathBuf,
        /// The first byte in it that does not say what it must.
        offset: u64,
        /// What is lost.
        lost: Lost,
    },
    /// There is no log where one must be.
    #[error(
        "{path} holds no segment of a Raft log, though {}: put back its files, or rebuild this \
         node's replicas under new ids from their peers",
        expectation(expected.as_ref())
    )]
    Absent {
        /// The directory.
        path: PathBuf,
        /// The log that should be there, if the caller named one.
        expected: Option<LogId>,
    },
    /// There is another log than the one that must be.
    #[error(
        "{path} belongs to log {found}, not to {expected}: files of two nodes were mixed up; put \
         back the right ones"
    )]
    OtherLog {
        /// The file that told.
        path: PathBuf,
        /// The log that should be there.
        expected: LogId,
        /// The log that is.
        found: LogId,
    },
    /// Written by a later program.
    #[error(
        "{path} holds {what} of format {found}, and this program reads up to {supported}: start a \
         newer stator-node"
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// What has the later format.
        what: &'static str,
        /// Its format.
        found: u16,
        /// The latest that this program reads.
        supported: u16,
    },
    /// The owner asked to append what no recovery could make sense of. A defect of the owner.
    #[error("a record contradicts those before it")]
    Contradiction(#[from] Contradiction),
    /// More than one batch can hold.
    #[error("a batch of {bytes} bytes is more than the {} that one can hold", u32::MAX)]
    TooLarge {
        /// How many bytes it would have.
        bytes: u64,
    },
    /// The process was started 2^32 times.
    #[error("this data directory was started too often: its start number cannot be raised")]
    StartsExhausted,
    /// An earlier call failed.
    #[error("the Raft log failed before: the process must end and recover")]
    Poisoned,
}

fn expectation(expected: Option<&LogId>) -> String {
    match expected {
        Some(id) => format!("log {id} must be there"),
        None => "its HORIZON file says that there was one".to_owned(),
    }
}

/// What a damaged file no longer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The batch there, and with it all that follows up to at least this position, was synced.
    Synced {
        /// The position of the damage.
        from: u64,
        /// The position up to which the log is known to have been synced.
        to: u64,
    },
    /// The checkpoint that the file begins with.
    Checkpoint,
    /// The file is not there.
    File,
    /// The file's end.
    End {
        /// How many bytes the file must have.
        expected: u64,
    },
    /// A batch has the right checksum and no meaning.
    Meaning,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Synced { from, to } => {
                write!(f, "the log was synced up to position {to}, and is readable up to {from}")
            }
            Self::Checkpoint => f.write_str("it does not begin with a readable checkpoint"),
            Self::File => f.write_str("the file is missing"),
            Self::End { expected } => write!(f, "it must have {expected} bytes"),
            Self::Meaning => f.write_str("the batch there has no meaning"),
        }
    }
}

/// A record that recovery could not make sense of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// An entry would leave a gap.
    #[error("{group}: the last entry is {last}, and the next one cannot be {index}")]
    Gap {
        /// The group.
        group: PartitionId,
        /// Its last entry.
        last: LogIndex,
        /// The entry that does not follow it.
        index: LogIndex,
    },
    /// An entry lies below where the replica began.
    #[error("{group}: the replica was installed at {installed}, and entry {index} is not above it")]
    BelowInstalled {
        /// The group.
        group: PartitionId,
        /// Where the replica began.
        installed: LogIndex,
        /// The entry.
        index: LogIndex,
    },
    /// A record names a replica that was never installed, or is not any more.
    #[error("{group}: replica {replica} is not installed")]
    NotInstalled {
        /// The group.
        group: PartitionId,
        /// The replica.
        replica: ReplicaId,
    },
    /// A checkpoint says that a replica lives and that it is destroyed.
    #[error("{group}: replica {replica} cannot be alive and destroyed in one checkpoint")]
    Destroyed {
        /// The group.
        group: PartitionId,
        /// The replica.
        replica: ReplicaId,
    },
    /// A group stands twice in one checkpoint.
    #[error("{group} stands twice in one checkpoint")]
    Twice {
        /// The group.
        group: PartitionId,
    },
}
