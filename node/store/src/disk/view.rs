//! A gated snapshot.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use fjall::{Keyspace, Readable, Snapshot};
use stator_model::TabletId;

use super::search::Search;
use crate::batch::full_key;
use crate::engine::{check_tablet, full_bounds, is_empty_range, prefix_end};
use crate::{Entries, Error, ReadView, Result, Value};

/// A gated snapshot of every keyspace.
pub(super) struct View {
    snapshot: Snapshot,
    keyspaces: Arc<[Keyspace]>,
    search: Arc<Search>,
}

impl View {
    /// A view through a snapshot that was taken inside the gate.
    pub(super) fn new(snapshot: Snapshot, keyspaces: Arc<[Keyspace]>, search: Arc<Search>) -> Self {
        Self { snapshot, keyspaces, search }
    }

    /// The first prefix from `from` on under which there is a key.
    pub(super) fn first_prefix(&self, keyspace: u8, from: u64) -> Result<Option<u64>> {
        self.first_prefix_in(keyspace, Bound::Included(from.to_be_bytes()), Bound::Unbounded)
    }

    /// Whether there is any key under the prefix of a tablet.
    pub(super) fn holds(&self, tablet: TabletId) -> Result<bool> {
        let start = Bound::Included(tablet.prefix.to_be_bytes());
        let end = prefix_end(tablet.prefix).map_or(Bound::Unbounded, Bound::Excluded);
        self.first_prefix_in(tablet.keyspace, start, end).map(|found| found.is_some())
    }

    fn first_prefix_in(
        &self,
        keyspace: u8,
        start: Bound<[u8; 8]>,
        end: Bound<[u8; 8]>,
    ) -> Result<Option<u64>> {
        let keyspace = self.keyspace(TabletId { keyspace, prefix: 0 })?;
        let first = self.snapshot.range(keyspace, (start, end)).next();
        let first = first.map(fjall::Guard::key).transpose().map_err(|failure| {
            let start = bound(&start).unwrap_or_default();
            self.search.explain(keyspace, start, bound(&end), failure)
        })?;
        Ok(first.and_then(|key| key.first_chunk().copied()).map(u64::from_be_bytes))
    }

    fn keyspace(&self, tablet: TabletId) -> Result<&Keyspace> {
        self.keyspaces.get(usize::from(tablet.keyspace)).ok_or(Error::NoSuchTablet { tablet })
    }
}

impl ReadView for View {
    fn get(&self, tablet: TabletId, key: &[u8]) -> Result<Option<Value>> {
        check_tablet(tablet)?;
        let (keyspace, key) = (self.keyspace(tablet)?, full_key(tablet, key));
        match self.snapshot.get(keyspace, &key) {
            Ok(found) => Ok(found.map(Value::from_slice)),
            Err(failure) => Err(self.search.explain(keyspace, &key, Some(&key), failure)),
        }
    }

    fn scan(&self, tablet: TabletId, start: Bound<&[u8]>, end: Bound<&[u8]>) -> Entries<'_> {
        let bounds = full_bounds(tablet, start, end);
        match check_tablet(tablet).and_then(|()| self.keyspace(tablet)) {
            Err(error) => Box::new(std::iter::once(Err(error))),
            Ok(_) if is_empty_range(&bounds.0, &bounds.1) => Box::new(std::iter::empty()),
            Ok(keyspace) => Box::new(self.snapshot.range(keyspace, bounds).map(move |entry| {
                let (key, value) = entry.into_inner().map_err(|failure| {
                    let end = prefix_end(tablet.prefix);
                    let end = end.as_ref().map(<[u8; 8]>::as_slice);
                    self.search.explain(keyspace, &tablet.prefix.to_be_bytes(), end, failure)
                })?;
                let key = Bytes::copy_from_slice(key.get(8..).unwrap_or_default());
                Ok((key, Value::from_slice(value)))
            })),
        }
    }
}

/// The key of a bound; `None` if there is none.
fn bound(bound: &Bound<[u8; 8]>) -> Option<&[u8]> {
    match bound {
        Bound::Included(key) | Bound::Excluded(key) => Some(key),
        Bound::Unbounded => None,
    }
}
