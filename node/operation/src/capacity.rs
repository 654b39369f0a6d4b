//! Capacity units: what a request would be charged.

use stator_model::ItemSize;
use stator_protocol::JsonWriter;

use crate::ReturnConsumedCapacity;

/// Capacity units. Reads count in halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// `ConsumedCapacity` of a request to one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumedCapacity {
    table: String,
    units: CapacityUnits,
    by_index: bool,
}

impl ConsumedCapacity {
    /// What is returned of `units` taken from `table`, which is named as the request named it.
    pub(crate) fn new(
        wanted: ReturnConsumedCapacity,
        table: &str,
        units: CapacityUnits,
    ) -> Option<Self> {
        let by_index = match wanted {
            ReturnConsumedCapacity::None => return None,
            ReturnConsumedCapacity::Total => false,
            ReturnConsumedCapacity::Indexes => true,
        };
        Some(Self { table: table.to_owned(), units, by_index })
    }

    /// Writes the member `ConsumedCapacity`. INDEXES lists what was touched: without indexes, the
    /// table.
    pub(crate) fn write_member(&self, reply: &mut JsonWriter) {
        reply.member("ConsumedCapacity").object(|consumed| {
            consumed.member("TableName").text(&self.table);
            consumed.member("CapacityUnits").double(self.units.as_double());
            if self.by_index {
                consumed.member("Table").object(|table| {
                    table.member("CapacityUnits").double(self.units.as_double());
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
