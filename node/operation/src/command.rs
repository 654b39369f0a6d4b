//! Commands on one item: what a partition's leader evaluates.

use std::sync::Arc;

use stator_model::{DescriptionVersion, Item, Location, SharedItem, TableDescription, TableId};
use stator_protocol::ApiError;

use crate::Written;
use crate::delete_item::DeleteItem;
use crate::local_index::{LocalIndexes, LocalWrites};
use crate::put_item::PutItem;
use crate::update_item::UpdateItem;

/// A write of one item, validated against one version of its table.
#[derive(Clone, Debug)]
pub enum ItemCommand {
    /// PutItem.
    Put(PutItem),
    /// UpdateItem.
    Update(UpdateItem),
    /// DeleteItem.
    Delete(DeleteItem),
}

/// What a command comes to. Evaluating changes nothing.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// What it writes; `None` leaves the item as it is.
    pub write: Option<ItemWrite>,
    /// What it writes beside the item, in a table with local indexes.
    pub local: Option<LocalWrites>,
    /// The answer, owed once the write is applied, or the refusal that depends on the item.
    pub reply: Result<Written, ApiError>,
}

impl Evaluation {
    /// Nothing is written, and the client is told why.
    pub(crate) const fn refused(refusal: ApiError) -> Self {
        Self { write: None, local: None, reply: Err(refusal) }
    }
}

/// What a command finds.
#[derive(Clone, Default)]
pub struct Current {
    /// The item.
    pub item: Option<SharedItem>,
    /// Bytes of the item's collection; of no interest in a table without local indexes.
    pub collection_bytes: u64,
}

/// What becomes of an item.
#[derive(Clone, Debug)]
pub enum ItemWrite {
    /// This. Shared with the command, so that the one core thread copies no item.
    Put(Arc<Item>),
    /// Nothing.
    Delete,
}

impl ItemCommand {
    /// The life of the table that the command was validated for.
    pub fn table(&self) -> TableId {
        match self {
            Self::Put(put) => put.table,
            Self::Update(update) => update.table,
            Self::Delete(delete) => delete.table,
        }
    }

    /// The version of the table's description that it was validated against.
    pub fn version(&self) -> DescriptionVersion {
        match self {
            Self::Put(put) => put.version,
            Self::Update(update) => update.version,
            Self::Delete(delete) => delete.version,
        }
    }

    /// The same command on another description of its table: what a change of the table asks for.
    ///
    /// # Errors
    /// ValidationException, if the table is no longer one on which the request can be made.
    pub fn validated_again(self, table: &Arc<TableDescription>) -> Result<Self, ApiError> {
        match self {
            Self::Put(put) => put.validated_again(table).map(Self::Put),
            Self::Update(update) => update.validated_again(table).map(Self::Update),
            Self::Delete(delete) => delete.validated_again(table).map(Self::Delete),
        }
    }

    /// Where the item lies.
    pub fn location(&self) -> &Location {
        match self {
            Self::Put(put) => &put.location,
            Self::Update(update) => &update.location,
            Self::Delete(delete) => &delete.location,
        }
    }

    /// Whether it may leave more data than it finds.
    pub fn adds_data(&self) -> bool {
        match self {
            Self::Put(_) | Self::Update(_) => true,
            Self::Delete(_) => false,
        }
    }

    /// What the locations of the item's collection begin with, if evaluating asks for the collection's size:
    /// in a table with local indexes.
    pub fn collection(&self) -> Option<&[u8]> {
        self.local_indexes().map(|indexes| indexes.collection(self.location()))
    }

    pub(crate) fn local_indexes(&self) -> Option<&LocalIndexes> {
        match self {
            Self::Put(put) => put.local_indexes.as_ref(),
            Self::Update(update) => update.local_indexes.as_ref(),
            Self::Delete(delete) => delete.local_indexes.as_ref(),
        }
    }

    /// What the command comes to if it finds this.
    pub fn evaluate(&self, current: Current) -> Evaluation {
        let Current { item, collection_bytes } = current;
        let before = self.local_indexes().and(item.clone());
        let evaluation = match self {
            Self::Put(put) => put.evaluate(item),
            Self::Update(update) => update.evaluate(item),
            Self::Delete(delete) => delete.evaluate(item),
        };
        match self.local_indexes() {
            None => evaluation,
            Some(indexes) => {
                indexes.complete(self.location(), before.as_ref(), collection_bytes, evaluation)
            }
        }
    }
}
