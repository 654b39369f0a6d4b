//! From keys to partitions.

use std::sync::Arc;

use stator_catalog::{Catalog, PartitionDescription};
use stator_model::{Location, TableId, TableStatus};
use stator_protocol::ApiError;

/// Whether a table that was found before is still there to be read and written.
///
/// # Errors
/// ResourceNotFoundException once it is gone, or on its way out.
pub(crate) fn serving(catalog: &Catalog, table: TableId) -> Result<(), ApiError> {
    let found = catalog.table(&table);
    if found.is_none_or(|table| table.status == TableStatus::Deleting) {
        return Err(ApiError::table_not_found());
    }
    Ok(())
}

/// The partition that holds `location`; `None` once the table has begun to be taken apart.
pub(crate) fn partition_of<'a>(
    catalog: &'a Catalog,
    table: TableId,
    location: &Location,
) -> Option<&'a Arc<PartitionDescription>> {
    catalog.locate(table, location)
}
