//! What a write of one item answers.

use std::fmt;

use stator_model::SharedItem;
use stator_protocol::JsonWriter;

use crate::capacity::{CapacityUnits, Charge, Consumed};
use crate::local_index::CollectionMetrics;

/// The answer of an operation that writes one item.
#[derive(Clone)]
pub struct Written {
    pub(crate) attributes: Option<SharedItem>,
    pub(crate) consumed: Consumed,
    pub(crate) charge: Charge,
    /// What is told of the item collection, in a table with local indexes.
    pub(crate) collection: Option<CollectionMetrics>,
}

impl Written {
    /// The answer of a write that was charged these units for the item.
    pub(crate) fn new(
        attributes: Option<SharedItem>,
        units: CapacityUnits,
        charge: Charge,
    ) -> Self {
        Self { attributes, consumed: units.into(), charge, collection: None }
    }

    /// What the write was charged.
    pub fn consumed(&self) -> &Consumed {
        &self.consumed
    }

    /// Writes the body.
    pub fn write_json(&self, writer: &mut JsonWriter) {
        writer.object(|reply| {
            if let Some(item) = &self.attributes {
                reply.member("Attributes").item(item.as_ref());
            }
            self.charge.write_member(&self.consumed, reply);
            if let Some(collection) = &self.collection {
                collection.write(reply.member("ItemCollectionMetrics"));
            }
        });
    }
}

impl fmt::Debug for Written {
    /// Without the attributes: contents of items stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written").field("consumed", &self.consumed).finish_non_exhaustive()
    }
}
