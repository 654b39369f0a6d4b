//! From keys to partitions.

use std::sync::Arc;

use stator_catalog::{Catalog, PartitionDescription};
use stator_model::{Location, TableDescription, TableId, TableStatus};
use stator_protocol::ApiError;

/// A table that was found before, if it is still there to be read and written.
///
/// # Errors
/// ResourceNotFoundException once it is gone, or on its way out.
pub(crate) fn serving(
    catalog: &Catalog,
    table: TableId,
) -> Result<&Arc<TableDescription>, ApiError> {
    let found = catalog.table(&table).filter(|table| table.status != TableStatus::Deleting);
    found.ok_or_else(ApiError::table_not_found)
}

/// The partition that holds `location`; `None` once the table has begun to be taken apart.
pub(crate) fn partition_of<'a>(
    catalog: &'a Catalog,
    table: TableId,
    location: &Location,
) -> Option<&'a Arc<PartitionDescription>> {
    catalog.locate(table, location)
}
