//! A planted defect: a store in which entries of local indexes are never removed.

use std::ops::Bound;

use bytes::Bytes;
use stator_model::TabletId;
use stator_store::{Batch, Engine, MemoryEngine, Pressure, ReadView, Result, Value, keys};

/// The simulated store, with the defect.
pub(crate) struct KeepsEntries(pub(crate) MemoryEngine);

impl KeepsEntries {
    /// Every entry of a local index that there is.
    fn entries(&self) -> Result<Vec<(TabletId, Bytes, Value)>> {
        let view = self.0.snapshot()?;
        let (start, end) = (keys::entry_bound(&[]), keys::entries_end());
        let mut found = Vec::new();
        for tablet in self.0.tablets()? {
            for entry in view.scan(tablet, Bound::Included(&start), Bound::Excluded(&end)) {
                let (key, value) = entry?;
                found.push((tablet, key, value));
            }
        }
        Ok(found)
    }
}

impl Engine for KeepsEntries {
    fn commit(&self, batch: Batch) -> Result<()> {
        let before = self.entries()?;
        self.0.commit(batch)?;
        let mut again = Batch::new();
        for (tablet, key, value) in before {
            if self.0.get(tablet, &key)?.is_none() {
                again.put(tablet, &key, value);
            }
        }
        self.0.commit(again)
    }

    fn get(&self, tablet: TabletId, key: &[u8]) -> Result<Option<Value>> {
        self.0.get(tablet, key)
    }

    fn snapshot(&self) -> Result<Box<dyn ReadView>> {
        self.0.snapshot()
    }

    fn persist(&self) -> Result<()> {
        self.0.persist()
    }

    fn drop_tablets(&self, tablets: &[TabletId]) -> Result<()> {
        self.0.drop_tablets(tablets)
    }

    fn reclaim(&self) -> Result<usize> {
        self.0.reclaim()
    }

    fn tablets(&self) -> Result<Vec<TabletId>> {
        self.0.tablets()
    }

    fn pressure(&self, keyspace: u8) -> Pressure {
        self.0.pressure(keyspace)
    }
}
