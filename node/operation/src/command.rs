//! Commands on one item: what a partition's leader evaluates.

use std::sync::Arc;

use stator_model::{DescriptionVersion, Item, Location, SharedItem, TableId};
use stator_protocol::ApiError;

use crate::Written;
use crate::delete_item::DeleteItem;
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
    /// The answer, owed once the write is applied, or the refusal that depends on the item.
    pub reply: Result<Written, ApiError>,
}

impl Evaluation {
    /// Nothing is written, and the client is told why.
    pub(crate) const fn refused(refusal: ApiError) -> Self {
        Self { write: None, reply: Err(refusal) }
    }
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

    /// What the command comes to if this is the item now.
    pub fn evaluate(&self, current: Option<SharedItem>) -> Evaluation {
        match self {
            Self::Put(put) => put.evaluate(current),
            Self::Update(update) => update.evaluate(current),
            Self::Delete(delete) => delete.evaluate(current),
        }
    }
}
