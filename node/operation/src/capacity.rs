//! Capacity units: what a request would be charged.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::Arc;

use stator_model::ItemSize;
use stator_protocol::{ApiError, JsonWriter};

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

    /// So many half units.
    pub(crate) const fn of_halves(halves: u32) -> Self {
        Self { halves }
    }

    /// How many half units.
    pub(crate) const fn halves(self) -> u32 {
        self.halves
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

/// What a request took of a table and of its local indexes, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consumed {
    table: CapacityUnits,
    local: BTreeMap<String, CapacityUnits>,
}

impl Consumed {
    /// What was taken of the table and of all indexes.
    pub fn total(&self) -> CapacityUnits {
        let mut total = self.table;
        self.local.values().for_each(|&units| total += units);
        total
    }

    /// What was taken of the table, and of each local index.
    pub(crate) fn parts(&self) -> (CapacityUnits, impl Iterator<Item = (&str, CapacityUnits)>) {
        let local = self.local.iter().map(|(name, units)| (name.as_str(), *units));
        (self.table, local)
    }

    /// Adds what was taken of local indexes.
    pub(crate) fn add_local(&mut self, more: impl IntoIterator<Item = (String, CapacityUnits)>) {
        for (name, units) in more {
            *self.local.entry(name).or_default() += units;
        }
    }
}

impl From<CapacityUnits> for Consumed {
    fn from(table: CapacityUnits) -> Self {
        Self { table, local: BTreeMap::new() }
    }
}

impl AddAssign for Consumed {
    fn add_assign(&mut self, more: Self) {
        self.table += more.table;
        self.add_local(more.local);
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

    /// The table as the request named it.
    ///
    /// # Errors
    /// ValidationException for what names no table: not of a request that was validated.
    pub(crate) fn reference(&self) -> Result<TableReference, ApiError> {
        TableReference::of_items(Some(self.table.as_ref().to_owned()))
    }

    /// What the request calls the table.
    pub(crate) fn given(&self) -> &str {
        &self.table
    }

    /// What of the charge the request wants to hear.
    pub(crate) const fn wanted(&self) -> ReturnConsumedCapacity {
        self.wanted
    }

    /// Writes the member `ConsumedCapacity`, if the request wants it.
    pub(crate) fn write_member(&self, consumed: &Consumed, reply: &mut JsonWriter) {
        if self.is_wanted() {
            self.write(consumed, reply.member("ConsumedCapacity"));
        }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        match self.wanted {
            ReturnConsumedCapacity::None => false,
            ReturnConsumedCapacity::Total | ReturnConsumedCapacity::Indexes => true,
        }
    }

    /// Writes the figures of one table. INDEXES lists the table and the indexes that were touched.
    pub(crate) fn write(&self, consumed: &Consumed, writer: &mut JsonWriter) {
        let arm = |writer: &mut JsonWriter, units: CapacityUnits| {
            writer.object(|arm| arm.member("CapacityUnits").double(units.as_double()));
        };
        writer.object(|figures| {
            figures.member("TableName").text(&self.table);
            figures.member("CapacityUnits").double(consumed.total().as_double());
            if self.wanted == ReturnConsumedCapacity::Indexes {
                arm(figures.member("Table"), consumed.table);
                if !consumed.local.is_empty() {
                    figures.member("LocalSecondaryIndexes").object(|indexes| {
                        for (name, units) in &consumed.local {
                            arm(indexes.member(name), *units);
                        }
                    });
                }
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
