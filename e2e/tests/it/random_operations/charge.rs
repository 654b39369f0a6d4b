//! What requests may cost, as far as the model knows sizes.

use std::ops::RangeInclusive;

use stator_e2e::oracle::{Item, LocalIndex, Schema, item_size};

/// By how much the model's opinion of a size may be off: it does not know how the service counts the
/// zeros of a fraction, which no figure that clients see has shown yet.
pub(super) const SIZE_DOUBT: usize = 256;

/// A figure that may be anything between two.
pub(super) type Units = RangeInclusive<f64>;

/// What may be charged for an item of `size` bytes: `share` for every started `unit`.
pub(super) fn units(size: usize, unit: usize, share: f64) -> Units {
    units_about(size, SIZE_DOUBT, unit, share)
}

/// The same if the size may be off by `doubt`.
pub(super) fn units_about(size: usize, doubt: usize, unit: usize, share: f64) -> Units {
    let units = |size: usize| {
        let count = u32::try_from(size.max(1).div_ceil(unit)).expect("items are small");
        f64::from(count) * share
    };
    units(size.saturating_sub(doubt))..=units(size + doubt)
}

pub(super) fn sum(one: &Units, two: &Units) -> Units {
    one.start() + two.start()..=one.end() + two.end()
}

fn either(one: &Units, two: &Units) -> Units {
    one.start().max(*two.start())..=one.end().max(*two.end())
}

/// What a write costs that leaves `after` where `before` was: the larger of the two in the table, and what
/// changes in each index ("DynamoDB read and write operations", developer guide).
pub(super) fn write_units(schema: &Schema, before: Option<&Item>, after: Option<&Item>) -> Units {
    let size = |item: Option<&Item>| item.map_or(0, item_size);
    let of_table = units(size(before).max(size(after)), 1024, 1.0);
    let of_indexes = schema.indexes().iter().map(|index| index_units(schema, index, before, after));
    of_indexes.fold(of_table, |all, one| sum(&all, &one))
}

fn index_units(
    schema: &Schema,
    index: &LocalIndex,
    before: Option<&Item>,
    after: Option<&Item>,
) -> Units {
    let view = schema.view(Some(index));
    let entry = |item: Option<&Item>| item.and_then(|item| view.entry(item));
    let cost = |entry: &Item| units(item_size(entry), 1024, 1.0);
    match (entry(before), entry(after)) {
        (None, None) => 0.0..=0.0,
        (Some(entry), None) | (None, Some(entry)) => cost(&entry),
        (Some(old), Some(new)) if old == new => 0.0..=0.0,
        (Some(old), Some(new)) => {
            let key = index.sort_key.name;
            if old.get(key) == new.get(key) {
                either(&cost(&old), &cost(&new))
            } else {
                sum(&cost(&old), &cost(&new))
            }
        }
    }
}

/// Checks a figure of consumed capacity.
#[track_caller]
pub(super) fn assert_charged(consumed: Option<f64>, range: &Units) {
    let consumed = consumed.expect("it was asked for");
    assert!(range.contains(&consumed), "{consumed}, not {range:?}");
}
