//! What a write of one item answers.

use std::fmt;

use stator_model::SharedItem;
use stator_protocol::JsonWriter;

use crate::CapacityUnits;
use crate::capacity::Charge;

/// The answer of an operation that writes one item.
#[derive(Clone)]
pub struct Written {
    pub(crate) attributes: Option<SharedItem>,
    pub(crate) units: CapacityUnits,
    pub(crate) charge: Charge,
}

impl Written {
    /// What the write was charged.
    pub fn units(&self) -> CapacityUnits {
        self.units
    }

    /// Writes the body.
    pub fn write_json(&self, writer: &mut JsonWriter) {
        writer.object(|reply| {
            if let Some(item) = &self.attributes {
                reply.member("Attributes").item(item.as_ref());
            }
            self.charge.write_member(self.units, reply);
        });
    }
}

impl fmt::Debug for Written {
    /// Without the attributes: contents of items stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written").field("units", &self.units).finish_non_exhaustive()
    }
}
