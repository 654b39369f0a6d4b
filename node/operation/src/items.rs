//! Operations on items, before and after their tables are known.

use std::sync::Arc;

use stator_catalog::Catalog;
use stator_model::TableDescription;
use stator_protocol::ApiError;

use crate::batch_write_item::BatchWriteItem;
use crate::table::serving;
use crate::{
    ItemCommand, ReadCommand, ServiceInfo, TableReference, batch_get_item, batch_write_item,
    delete_item, get_item, put_item, query, scan, update_item,
};

/// A request about items, checked by every rule that needs no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemRequest {
    /// PutItem.
    PutItem(put_item::Input),
    /// UpdateItem.
    UpdateItem(update_item::Input),
    /// DeleteItem.
    DeleteItem(delete_item::Input),
    /// BatchWriteItem.
    BatchWriteItem(batch_write_item::Input),
    /// GetItem.
    GetItem(get_item::Input),
    /// BatchGetItem.
    BatchGetItem(batch_get_item::Input),
    /// Query.
    Query(query::Input),
    /// Scan.
    Scan(scan::Input),
}

/// What a request about items comes to.
#[derive(Debug)]
pub enum ItemWork {
    /// A write of one item.
    Write(Box<ItemCommand>),
    /// Writes that stand each for itself.
    Batch(BatchWriteItem),
    /// A read.
    Read(ReadCommand),
}

impl ItemRequest {
    /// Finds the tables that are meant and checks the request against them.
    ///
    /// # Errors
    /// ResourceNotFoundException if a table is not there or does not serve; ValidationException.
    pub fn validate(self, catalog: &Catalog, service: &ServiceInfo) -> Result<ItemWork, ApiError> {
        let table = |reference: &TableReference| serving(catalog, service, reference);
        Ok(match self {
            Self::PutItem(input) => {
                let table = table(input.table())?;
                ItemWork::Write(Box::new(ItemCommand::Put(input.validate(table)?)))
            }
            Self::UpdateItem(input) => {
                let table = table(input.table())?;
                ItemWork::Write(Box::new(ItemCommand::Update(input.validate(table)?)))
            }
            Self::DeleteItem(input) => {
                let table = table(input.table())?;
                ItemWork::Write(Box::new(ItemCommand::Delete(input.validate(table)?)))
            }
            Self::BatchWriteItem(input) => {
                let tables = all(input.tables().map(table))?;
                ItemWork::Batch(input.validate(&tables)?)
            }
            Self::GetItem(input) => {
                let table = table(input.table())?;
                ItemWork::Read(ReadCommand::GetItem(input.validate(table)?))
            }
            Self::BatchGetItem(input) => {
                let tables = all(input.tables().map(table))?;
                ItemWork::Read(ReadCommand::BatchGetItem(input.validate(&tables)?))
            }
            Self::Query(input) => {
                let table = table(input.table())?;
                ItemWork::Read(ReadCommand::Page(Box::new(input.validate(table)?)))
            }
            Self::Scan(input) => {
                let table = table(input.table())?;
                ItemWork::Read(ReadCommand::Page(Box::new(input.validate(table)?)))
            }
        })
    }
}

fn all<'a>(
    found: impl Iterator<Item = Result<&'a Arc<TableDescription>, ApiError>>,
) -> Result<Vec<Arc<TableDescription>>, ApiError> {
    found.map(|table| table.cloned()).collect()
}
