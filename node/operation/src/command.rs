//! Commands on one item: what a partition's leader evaluates.

use std::sync::Arc;

use stator_model::{DescriptionVersion, Item, Location, SharedItem, TableId};
use stator_protocol::ApiError;

use crate::Reply;
use crate::put_item::PutItem;

/// A write of one item, validated against one version of its table.
#[derive(Clone, Debug)]
pub enum ItemCommand {
    /// PutItem.
    Put(PutItem),
}

/// What a command comes to. Evaluating changes nothing.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// What it writes; `None` leaves the item as it is.
    pub write: Option<ItemWrite>,
    /// The answer, owed once the write is applied, or the refusal that depends on the item.
    pub reply: Result<Reply, ApiError>,
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
            Self::Put(put) => put.table(),
        }
    }

    /// The version of the table's description that it was validated against.
    pub fn version(&self) -> DescriptionVersion {
        match self {
            Self::Put(put) => put.version(),
        }
    }

    /// Where the item lies.
    pub fn location(&self) -> &Location {
        match self {
            Self::Put(put) => put.location(),
        }
    }

    /// What the command comes to if this is the item now.
    pub fn evaluate(&self, current: Option<SharedItem>) -> Evaluation {
        match self {
            Self::Put(put) => put.evaluate(current),
        }
    }
}
