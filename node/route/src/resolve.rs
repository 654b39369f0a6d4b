//! From keys to partitions.

use stator_catalog::Catalog;
use stator_model::{Location, PartitionId, TableId};

/// The partition that holds `location`; `None` once the table has begun to be taken apart.
pub fn partition_of(catalog: &Catalog, table: TableId, location: &Location) -> Option<PartitionId> {
    catalog.locate(table, location).map(|partition| partition.id)
}
