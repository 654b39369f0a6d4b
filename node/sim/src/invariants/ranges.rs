//! **The ranges of a table cover the key space**, without gap and without overlap, in every picture that
//! edges see; a table that is being deleted may have gaps. Every partition belongs to a table.
//!
//! Reference: stator-catalog, "Invariants".

use std::collections::BTreeSet;

use stator_catalog::Catalog;
use stator_model::{TableDescription, TableStatus};

use crate::violation::{Verdict, ensure};

const NAME: &str = "ranges";

/// Checks every table.
///
/// # Errors
/// The first violation.
pub fn hold(catalog: &Catalog) -> Verdict {
    let tables: BTreeSet<_> = catalog.tables().map(|table| table.id).collect();
    for partition in catalog.partitions() {
        ensure(tables.contains(&partition.table), NAME, || {
            format!("{} belongs to no table", partition.id)
        })?;
    }
    catalog.tables().try_for_each(|table| covered(catalog, table))
}

fn covered(catalog: &Catalog, table: &TableDescription) -> Verdict {
    let ranges: Vec<_> =
        catalog.partitions_of(table.id).iter().map(|partition| &partition.range).collect();
    let name = &table.name;
    ensure(!ranges.is_empty(), NAME, || format!("{name} has no partition"))?;
    let may_have_gaps = table.status == TableStatus::Deleting;
    let mut at = Some(bytes::Bytes::new());
    for range in ranges {
        let joins = match &at {
            Some(at) if may_have_gaps => *at <= range.start,
            Some(at) => *at == range.start,
            None => false,
        };
        ensure(joins, NAME, || format!("{name}: {range:?} follows what ends at {at:?}"))?;
        at.clone_from(&range.end);
    }
    ensure(at.is_none() || may_have_gaps, NAME, || format!("{name} ends at {at:?}"))
}
