//! Reads of the store, once a replica may answer: see [`ReplicaHandle::read_point`].

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use stator_model::{IndexLocation, KeyRange, LocalIndexId, Location, SharedItem, TabletId};
use stator_operation::ItemCommand;
use stator_operation::read::{Found, IndexSource, Order, Place, Row, Rows, Source, Walk};
use stator_store::{Engine, Entries, Error, ReadView, StoredItem, Value, collection, keys};

use crate::{Prefetched, ReplicaHandle};

/// Entries of local indexes that are looked at in one go. All indexes of a table lie beside each other, so
/// that a Scan of one passes the entries of the others; so that none blocks its thread for long, whoever
/// asked is told how far the look came, and asks for the rest.
const LOOK: usize = 4096;

/// Entries of other indexes that are passed one by one; then the walk goes on where the next of its own may
/// be: to begin anew costs more than a few steps and less than all entries of a large collection.
const PASSED: usize = 16;

/// Looks a part of a read up. What was found counts only if the replica still serves afterwards: one that
/// does not may have lost its tablet meanwhile.
///
/// # Errors
/// If the store fails, or holds what is not an item.
pub fn read(engine: &dyn Engine, handle: &ReplicaHandle, place: &Place) -> Result<Found, Error> {
    match place {
        Place::Item(location) => read_item(engine, handle, location).map(Found::Item),
        Place::Range(walk) => read_range(engine, handle, walk).map(Found::Rows),
    }
}

/// Reads ahead what a command will be evaluated against.
///
/// # Errors
/// If the store fails, or holds what it should not.
pub fn prefetch(
    engine: &dyn Engine,
    handle: &ReplicaHandle,
    command: &ItemCommand,
) -> Result<Prefetched, Error> {
    // The applied index is read first: what is read then is at least as new.
    let applied = handle.applied();
    let item = read_item(engine, handle, command.location())?;
    let collection_bytes = match command.collection() {
        None => 0,
        Some(collection) => {
            let value = engine.get(handle.tablet(), &keys::collection_key(collection))?;
            value.map_or(Ok(0), |value| collection::decode(&value))?
        }
    };
    Ok(Prefetched { applied, item, collection_bytes })
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

/// What lies in a range at one moment, until the room is used up.
fn read_range(engine: &dyn Engine, handle: &ReplicaHandle, walk: &Walk) -> Result<Rows, Error> {
    let view = engine.snapshot()?;
    let tablet = handle.tablet();
    match walk.source {
        Source::Items => {
            let end = walk.range.end.as_deref();
            let end = end.map_or_else(|| keys::items_end().to_vec(), keys::item_bound);
            let mut entries = scan(&*view, tablet, &keys::item_bound(&walk.range.start), &end);
            let mut room = walk.room;
            let mut rows = Vec::new();
            while !room.is_used_up()
                && let Some(entry) = next(&mut entries, walk.order)
            {
                let (_, value) = entry?;
                let row = Row { item: Arc::new(StoredItem::parse(value)?), behind: None };
                room.take(&row);
                rows.push(row);
            }
            Ok(Rows { rows, unseen: None })
        }
        Source::LocalIndex(source) => read_entries(&*view, tablet, walk, source),
    }
}

/// The entries of one index. Where others lie between, this ends after a while: see [`LOOK`].
fn read_entries(
    view: &dyn ReadView,
    tablet: TabletId,
    walk: &Walk,
    source: IndexSource,
) -> Result<Rows, Error> {
    let end = walk.range.end.as_deref();
    let end = end.map_or_else(|| keys::entries_end().to_vec(), keys::entry_bound);
    let mut entries = scan(view, tablet, &keys::entry_bound(&walk.range.start), &end);
    let mut found = Rows::default();
    let (mut room, mut looks, mut passed) = (walk.room, 0, 0);
    while !room.is_used_up()
        && let Some(entry) = next(&mut entries, walk.order)
    {
        let (key, value) = entry?;
        let location = keys::entry_location(&key).unwrap_or_default();
        if looks == LOOK {
            found.unseen = Some(unseen(&walk.range, location, walk.order));
            break;
        }
        looks += 1;
        let apart = IndexLocation::parse(location, source.partition).ok_or(Error::IndexEntry)?;
        if apart.index != source.index {
            passed += 1;
            if passed == PASSED && walk.order == Order::Ascending {
                passed = 0;
                entries =
                    scan(view, tablet, &keys::entry_bound(&ahead(&apart, source.index)), &end);
            }
            continue;
        }
        passed = 0;
        let item: SharedItem = Arc::new(StoredItem::parse(value)?);
        let behind = if source.with_items {
            let location = apart.item(source.sort).ok_or(Error::IndexEntry)?;
            let value = view.get(tablet, &keys::item_key(&location))?.ok_or(Error::IndexEntry)?;
            Some(Arc::new(StoredItem::parse(value)?) as SharedItem)
        } else {
            None
        };
        let row = Row { item, behind };
        room.take(&row);
        found.rows.push(row);
    }
    Ok(found)
}

/// Where the next entry of `index` may be, behind one of another index: in the same collection or in the
/// next.
fn ahead(passed: &IndexLocation<'_>, index: LocalIndexId) -> Vec<u8> {
    let from = if passed.index < index { index.0 } else { u8::MAX };
    [passed.collection, &[from]].concat()
}

/// What of a range is left if the walk ends in front of `location`.
fn unseen(range: &KeyRange, location: &[u8], order: Order) -> KeyRange {
    let here = Location::from_bytes(Bytes::copy_from_slice(location));
    match order {
        Order::Ascending => {
            KeyRange { start: Bytes::copy_from_slice(location), end: range.end.clone() }
        }
        Order::Descending => KeyRange { start: range.start.clone(), end: Some(here.successor()) },
    }
}

fn scan<'a>(view: &'a dyn ReadView, tablet: TabletId, start: &[u8], end: &[u8]) -> Entries<'a> {
    view.scan(tablet, Bound::Included(start), Bound::Excluded(end))
}

fn next(entries: &mut Entries<'_>, order: Order) -> Option<stator_store::Result<(Bytes, Value)>> {
    match order {
        Order::Ascending => entries.next(),
        Order::Descending => entries.next_back(),
    }
}
