//! Finding the table file behind a failure.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use fjall::{AbstractTree, Keyspace};

use super::tables;
use crate::Error;
use crate::error::{Damage, EngineFailure};

/// How much is read to find out why a worker failed: seconds, in which the process that is about to end
/// does not answer.
const MOST_READ: u64 = 4 << 30;

/// The table files that were looked through because a read failed, and where each is damaged. A file is
/// read once, however often a key in it is asked for. Not on disk: files do not heal, and a start looks
/// anew.
#[derive(Debug, Default)]
pub(super) struct Search {
    searched: Mutex<BTreeMap<PathBuf, Option<u64>>>,
}

impl Search {
    /// The error of a read of keys from `first` to `last`, or to the last of all: it names the damaged
    /// table, if one is.
    pub(super) fn explain(
        &self,
        keyspace: &Keyspace,
        first: &[u8],
        last: Option<&[u8]>,
        failure: fjall::Error,
    ) -> Error {
        let version = keyspace.tree.current_version();
        let covering = version.iter_tables().filter(|table| {
            let range = &table.metadata.key_range;
            last.is_none_or(|last| **range.min() <= *last) && **range.max() >= *first
        });
        let source = EngineFailure(failure);
        for table in covering {
            let file = table.path.to_path_buf();
            if let Some(offset) = self.damage(&file) {
                return Error::Unreadable { file, offset, source };
            }
        }
        Error::Engine(source)
    }

    /// The error of a write or sync. If it was refused because a worker of fjall has failed before, and
    /// that because a table which it compacts is damaged, it names the table: fjall only says that a
    /// worker failed.
    pub(super) fn explain_write(&self, keyspaces: &[Keyspace], failure: fjall::Error) -> Error {
        let by_worker = matches!(failure, fjall::Error::Poisoned);
        let damaged = by_worker.then(|| self.damaged_table(keyspaces)).flatten();
        damaged.unwrap_or_else(|| Error::write(failure))
    }

    fn damaged_table(&self, keyspaces: &[Keyspace]) -> Option<Error> {
        let mut left = MOST_READ;
        for keyspace in keyspaces {
            for table in keyspace.tree.current_version().iter_tables() {
                left = left.checked_sub(table.metadata.file_size)?;
                let file = table.path.to_path_buf();
                if let Some(offset) = self.damage(&file) {
                    return Some(Error::Damage { file, offset, problem: Damage::Checksum });
                }
            }
        }
        None
    }

    fn damage(&self, file: &PathBuf) -> Option<u64> {
        let mut searched = self.searched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = searched.get(file) {
            return *known;
        }
        // A file that cannot be read at all is damaged from its beginning.
        let damage = tables::first_misfit(file).unwrap_or(Some(0));
        searched.insert(file.clone(), damage);
        damage
    }
}
