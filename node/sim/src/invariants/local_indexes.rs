//! **A local index is the projection of its items.** In one view of the store, each index holds an entry for
//! every item that has its sort key, and no other; each entry is what the index projects of the item; and
//! the size of every item collection and the figures of every index are those of a recount. Item and
//! entries are in one write set, so that this holds at any moment, not only at rest.
//!
//! Reference: "Local secondary indexes", DynamoDB developer guide.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use stator_model::index::{collection, entry_location};
use stator_model::{Item, ItemView, LocalIndexId, Location, TableDescription, TabletId};
use stator_replica::Published;
use stator_store::keys::{self, Key};
use stator_store::state::{IndexTotals, PartitionState};
use stator_store::{Engine, ReadView, StoredItem, collection as sizes};

use crate::violation::{Verdict, Violation, ensure};

const NAME: &str = "local_indexes";

/// What lies in a tablet, or should.
#[derive(Default, PartialEq, Eq)]
struct Content {
    entries: BTreeMap<Location, Item>,
    collections: BTreeMap<Bytes, u64>,
    totals: BTreeMap<LocalIndexId, (u64, u64)>,
}

/// Compares the local indexes of every partition with its items.
///
/// # Errors
/// The first violation.
pub fn hold(picture: &Published, engine: &dyn Engine) -> Verdict {
    let view = engine.snapshot().map_err(|error| broken(&error))?;
    for partition in picture.catalog.partitions() {
        let table = picture.catalog.table(&partition.table);
        let (Some(handle), Some(table)) = (picture.replicas.get(&partition.id), table) else {
            continue;
        };
        let state = view.get(handle.tablet(), &keys::state_key(partition.id));
        let Some(state) = state.map_err(|error| broken(&error))? else { continue };
        let state = PartitionState::decode(&state).map_err(|error| broken(&error))?;
        let (items, found) = read(&*view, handle.tablet(), &state)?;
        let expected = expected(table, &items)?;
        let differs = |what: &str| {
            let seen = format!("{} of {}: {what} of the indexes differ", partition.id, table.name);
            Violation::new(NAME, seen)
        };
        for (location, entry) in &found.entries {
            ensure(expected.entries.get(location) == Some(entry), NAME, || {
                format!("{} of {} holds an entry of no item: {entry:?}", partition.id, table.name)
            })?;
        }
        if found.entries != expected.entries {
            return Err(differs("entries"));
        }
        if found.collections != expected.collections {
            return Err(differs("collections"));
        }
        if found.totals != expected.totals {
            return Err(differs("figures"));
        }
    }
    Ok(())
}

fn broken(error: &dyn std::fmt::Display) -> Violation {
    Violation::new(NAME, error.to_string())
}

/// What a tablet holds: its items, and what belongs to indexes.
fn read(
    view: &dyn ReadView,
    tablet: TabletId,
    state: &PartitionState,
) -> Result<(Vec<(Location, StoredItem)>, Content), Violation> {
    let (mut items, mut content) = (Vec::new(), Content::default());
    for entry in view.scan(tablet, Bound::Unbounded, Bound::Unbounded) {
        let (key, value) = entry.map_err(|error| broken(&error))?;
        match Key::parse(&key).map_err(|error| broken(&error))? {
            Key::Item(location) => {
                items.push((location, StoredItem::parse(value).map_err(|error| broken(&error))?));
            }
            Key::LocalIndexEntry(location) => {
                let entry = StoredItem::parse(value).map_err(|error| broken(&error))?;
                content.entries.insert(location, entry.to_item());
            }
            Key::CollectionSize(place) => {
                let bytes = sizes::decode(&value).map_err(|error| broken(&error))?;
                content.collections.insert(place, bytes);
            }
            Key::State(_) | Key::Counter(..) | Key::CatalogRecord(_) => {}
        }
    }
    let held = state.local_indexes.iter().filter(|totals| totals.entries > 0);
    let totals = |totals: &IndexTotals| (totals.index, (totals.entries, totals.bytes));
    content.totals = held.map(totals).collect();
    Ok((items, content))
}

/// What the items say that there should be.
fn expected(
    table: &TableDescription,
    items: &[(Location, StoredItem)],
) -> Result<Content, Violation> {
    let mut content = Content::default();
    if table.local_indexes.is_empty() {
        return Ok(content);
    }
    let no_location = || broken(&"an item has a location of another table");
    let partition = table.key_schema.partition.key_type;
    for (location, item) in items {
        let place = collection(location.as_bytes(), partition).ok_or_else(no_location)?;
        let held = content.collections.entry(Bytes::copy_from_slice(place)).or_default();
        *held += u64::from(item.size().0);
        for index in &table.local_indexes {
            let Some(entry) = index.entry(&table.key_schema, item) else { continue };
            let bytes = u64::from(entry.item.size().0);
            *held += bytes;
            let totals = content.totals.entry(index.id).or_default();
            *totals = (totals.0 + 1, totals.1 + bytes);
            let at = entry_location(location, partition, index.id, &entry.sort);
            content.entries.insert(at.ok_or_else(no_location)?, entry.item);
        }
    }
    Ok(content)
}
