//! The compaction filter that destroys what dropped tablets left in tables shared with others.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use fjall::compaction::filter::{
    CompactionFilter, CompactionFilterResult, Context, Factory, ItemAccessor, Verdict,
};
use stator_model::TabletId;

/// The dropped tablets of which something may be left. Prefixes are never reused, so nothing that
/// lives can get into this set. Not on disk: at start the caller drops again what no group names.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    tablets: RwLock<Arc<BTreeSet<TabletId>>>,
}

impl Dropped {
    /// All of them.
    pub(super) fn all(&self) -> Arc<BTreeSet<TabletId>> {
        Arc::clone(&self.tablets.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds tablets.
    pub(super) fn add(&self, tablets: &[TabletId]) {
        self.change(|set| set.extend(tablets));
    }

    /// Forgets a tablet of which nothing is left.
    pub(super) fn forget(&self, tablet: TabletId) {
        self.change(|set| {
            set.remove(&tablet);
        });
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<TabletId>)) {
        let mut tablets = self.tablets.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut tablets));
    }
}

/// Makes the filters of one keyspace.
pub(super) struct DropFilters {
    pub(super) keyspace: u8,
    pub(super) dropped: Arc<Dropped>,
}

impl Factory for DropFilters {
    fn name(&self) -> &str {
        "stator-dropped-tablets"
    }

    fn make_filter(&self, _context: &Context) -> Box<dyn CompactionFilter> {
        let dropped = self.dropped.all();
        let prefixes = dropped.iter().filter(|tablet| tablet.keyspace == self.keyspace);
        Box::new(DropFilter {
            prefixes: prefixes.map(|tablet| tablet.prefix.to_be_bytes()).collect(),
            last: None,
        })
    }
}

struct DropFilter {
    prefixes: BTreeSet<[u8; 8]>,
    /// The prefix asked about last, and whether it is dropped: keys come in order.
    last: Option<([u8; 8], bool)>,
}

impl DropFilter {
    fn is_dropped(&mut self, key: &[u8]) -> bool {
        let Some(prefix) = key.first_chunk::<8>().filter(|_| !self.prefixes.is_empty()) else {
            return false;
        };
        match self.last {
            Some((last, dropped)) if last == *prefix => dropped,
            Some(_) | None => {
                let dropped = self.prefixes.contains(prefix);
                self.last = Some((*prefix, dropped));
                dropped
            }
        }
    }
}

impl CompactionFilter for DropFilter {
    fn filter_item(
        &mut self,
        item: ItemAccessor<'_>,
        _context: &Context,
    ) -> CompactionFilterResult {
        // Destroy leaves no tombstone: older versions below may show again, to nobody.
        Ok(if self.is_dropped(item.key()) { Verdict::Destroy } else { Verdict::Keep })
    }
}
