//! Capacity units: what a request would be charged.

use std::ops::AddAssign;
use std::sync::Arc;

use stator_model::ItemSize;
use stator_protocol::JsonWriter;

use crate::{ReturnConsumedCapacity, TableReference};

/// Capacity units. Reads count in halves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CapacityUnits {
    halves: u32,
}

impl CapacityUnits {
    /// A read of an item of this size, 0 if there is none: one unit for every 4 KB begun, half of it
    /// if it may be out of date ("Capacity unit consumption for read operations", developer guide).
    pub const fn of_read(size: ItemSize, consistent: bool) -> Self {
        Self { halves: if consistent { 2 * size.read_units() } else { size.read_units() } }
    }

    /// A write that found and left items of these sizes, 0 if there is none: one unit for every 1 KB
    /// begun of the larger ("Capacity unit consumption for write operations", developer guide).
    pub fn of_write(before: ItemSize, after: ItemSize) -> Self {
        Self { halves: 2 * before.max(after).write_units() }
    }

    /// As on the wire.
    pub fn as_double(self) -> f64 {
        f64::from(self.halves) / 2.0
    }
}

impl AddAssign for CapacityUnits {
    fn add_assign(&mut self, more: Self) {
        self.halves = self.halves.saturating_add(more.halves);
    }
}

/// Whether a request wants to hear what it is charged, and what it calls the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Charge {
    wanted: ReturnConsumedCapacity,
    table: Arc<str>,
}

impl Charge {
    /// The charge of a request that names the table so.
    pub(crate) fn new(wanted: ReturnConsumedCapacity, table: &TableReference) -> Self {
        Self { wanted, table: Arc::clone(table.given()) }
    }

    /// Writes the member `ConsumedCapacity`, if the request wants it.
    pub(crate) fn write_member(&self, units: CapacityUnits, reply: &mut JsonWriter) {
        if self.is_wanted() {
            self.write(units, reply.member("ConsumedCapacity"));
        }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        match self.wanted {
            ReturnConsumedCapacity::None => false,
            ReturnConsumedCapacity::Total | ReturnConsumedCapacity::Indexes => true,
        }
    }

    /// Writes the figures of one table. INDEXES lists what was touched: without indexes, the table.
    pub(crate) fn write(&self, units: CapacityUnits, writer: &mut JsonWriter) {
        writer.object(|consumed| {
            consumed.member("TableName").text(&self.table);
            consumed.member("CapacityUnits").double(units.as_double());
            if self.wanted == ReturnConsumedCapacity::Indexes {
                consumed.member("Table").object(|table| {
                    table.member("CapacityUnits").double(units.as_double());
                });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: u32, consistent: bool) -> f64 {
        CapacityUnits::of_read(ItemSize(bytes), consistent).as_double()
    }

    fn write(before: u32, after: u32) -> f64 {
        CapacityUnits::of_write(ItemSize(before), ItemSize(after)).as_double()
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "halves are exact")]
    fn units_are_rounded_up_and_at_least_one() {
        assert_eq!(
            [read(0, true), read(1, true), read(4096, true), read(4097, true)],
            [1.0, 1.0, 1.0, 2.0]
        );
        assert_eq!([read(0, false), read(4096, false), read(4097, false)], [0.5, 0.5, 1.0]);
        assert_eq!([write(0, 1), write(0, 1024), write(0, 1025)], [1.0, 1.0, 2.0]);
        assert_eq!([write(5000, 1), write(1, 5000), write(409_600, 0)], [5.0, 5.0, 400.0]);
    }
}
