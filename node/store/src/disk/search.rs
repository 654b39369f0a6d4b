//! Finding the table file behind a read that failed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use fjall::{AbstractTree, Keyspace};

use super::tables;
use crate::Error;
use crate::error::EngineFailure;

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
