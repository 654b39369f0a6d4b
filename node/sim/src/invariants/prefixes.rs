//! **No tablet prefix is used twice**, whatever was lost in between: not for two tablets, not in two
//! keyspaces. A reused prefix would show the old tablet's leftovers as a new table's items.
//!
//! Reference: docs/ARCHITECTURE.md, "What must stay true": ids are minted once.

use std::collections::BTreeSet;

use stator_log::{Record, Recovered};
use stator_model::StartNumber;

use crate::violation::{Verdict, ensure};

const NAME: &str = "prefixes";

/// All that was ever minted.
#[derive(Default)]
pub struct Watch {
    prefixes: BTreeSet<u64>,
    start: StartNumber,
}

impl Watch {
    /// A process has its start number.
    ///
    /// # Errors
    /// If a process before had it or a later one.
    pub fn restarted(&mut self, recovered: &Recovered) -> Verdict {
        let (before, now) = (self.start, recovered.start);
        ensure(before < now, NAME, || format!("{now:?} follows {before:?}"))?;
        self.start = now;
        Ok(())
    }

    /// The core hands these out.
    ///
    /// # Errors
    /// If one names a tablet that was named before.
    pub fn minted(&mut self, records: &[Record]) -> Verdict {
        for record in records {
            if let Record::Installed { group, tablet, .. } = record {
                let is_new = self.prefixes.insert(tablet.prefix);
                ensure(is_new, NAME, || format!("{group} gets {tablet} for the second time"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use stator_model::{LogIndex, PartitionId, ReplicaId, TabletId, Term};

    use super::*;

    #[test]
    fn a_prefix_in_another_keyspace_is_the_same_prefix() {
        let installed = |keyspace, prefix| Record::Installed {
            group: PartitionId::new(1),
            replica: ReplicaId::new(1),
            tablet: TabletId { keyspace, prefix },
            index: LogIndex::default(),
            term: Term::default(),
            state: bytes::Bytes::new(),
        };
        let mut watch = Watch::default();
        assert_eq!(watch.minted(&[installed(0, 7), installed(0, 8)]), Ok(()));
        assert!(watch.minted(&[installed(1, 7)]).is_err());
    }
}
