//! Reads of the store, once a replica may answer: see [`ReplicaHandle::read_point`].

use std::ops::Bound;
use std::sync::Arc;

use stator_model::{ItemView, Location, SharedItem};
use stator_operation::read::{Found, Order, Place, Walk};
use stator_store::{Engine, Error, StoredItem, keys};

use crate::ReplicaHandle;

/// Looks a part of a read up. What was found counts only if the replica still serves afterwards: one that
/// does not may have lost its tablet meanwhile.
///
/// # Errors
/// If the store fails, or holds what is not an item.
pub fn read(engine: &dyn Engine, handle: &ReplicaHandle, place: &Place) -> Result<Found, Error> {
    match place {
        Place::Item(location) => read_item(engine, handle, location).map(Found::Item),
        Place::Range(walk) => read_range(engine, handle, walk).map(Found::Items),
    }
}

/// Looks one item up.
///
/// # Errors
/// If the store fails, or holds what is not an item.
pub fn read_item(
    engine: &dyn Engine,
    handle: &ReplicaHandle,
    location: &Location,
) -> Result<Option<SharedItem>, Error> {
    let value = engine.get(handle.tablet(), &keys::item_key(location))?;
    let stored = value.map(StoredItem::parse).transpose()?;
    Ok(stored.map(|item| Arc::new(item) as SharedItem))
}

/// The items of a range at one moment, until the room is used up.
fn read_range(
    engine: &dyn Engine,
    handle: &ReplicaHandle,
    walk: &Walk,
) -> Result<Vec<SharedItem>, Error> {
    let (range, mut room) = (&walk.range, walk.room);
    let start = keys::item_bound(&range.start);
    let end =
        range.end.as_ref().map_or_else(|| keys::items_end().to_vec(), |end| keys::item_bound(end));
    let view = engine.snapshot()?;
    let mut entries = view.scan(
        handle.tablet(),
        Bound::Included(start.as_slice()),
        Bound::Excluded(end.as_slice()),
    );
    let mut items: Vec<SharedItem> = Vec::new();
    while !room.is_used_up() {
        let entry = match walk.order {
            Order::Ascending => entries.next(),
            Order::Descending => entries.next_back(),
        };
        let Some(entry) = entry else { break };
        let (_, value) = entry?;
        let item = StoredItem::parse(value)?;
        room.take(item.size());
        items.push(Arc::new(item));
    }
    Ok(items)
}
