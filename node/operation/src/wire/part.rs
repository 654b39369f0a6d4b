//! Parts of reads.

use bytes::Bytes;
use prost::Message;
use stator_catalog::Catalog;
use stator_model::{KeyRange, LocalIndexId, Location, TableDescription};

use super::{Error, table_id};
use crate::page::PAGE_BYTES;
use crate::read::{IndexSource, Order, Part, Place, Room, Source, Walk};

#[derive(Clone, PartialEq, Message)]
pub(super) struct PartMessage {
    #[prost(bytes = "bytes", tag = "1")]
    table: Bytes,
    #[prost(bool, tag = "2")]
    consistent: bool,
    #[prost(oneof = "PlaceMessage", tags = "3, 4")]
    place: Option<PlaceMessage>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum PlaceMessage {
    /// The location of an item.
    #[prost(bytes = "bytes", tag = "3")]
    Item(Bytes),
    #[prost(message, tag = "4")]
    Walk(WalkMessage),
}

#[derive(Clone, PartialEq, Message)]
struct WalkMessage {
    /// Items of the table, if there is none.
    #[prost(message, optional, tag = "1")]
    index: Option<IndexMessage>,
    #[prost(message, optional, tag = "2")]
    range: Option<RangeMessage>,
    #[prost(bool, tag = "3")]
    descending: bool,
    #[prost(uint64, tag = "4")]
    items: u64,
    #[prost(uint64, tag = "5")]
    bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct IndexMessage {
    #[prost(uint32, tag = "1")]
    index: u32,
    #[prost(bool, tag = "2")]
    with_items: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct RangeMessage {
    #[prost(bytes = "bytes", tag = "1")]
    start: Bytes,
    #[prost(bytes = "bytes", optional, tag = "2")]
    end: Option<Bytes>,
}

pub(super) fn message(part: &Part) -> PartMessage {
    let place = match &part.place {
        Place::Item(location) => PlaceMessage::Item(Bytes::copy_from_slice(location.as_bytes())),
        Place::Range(walk) => PlaceMessage::Walk(walk_message(walk)),
    };
    PartMessage {
        table: Bytes::copy_from_slice(part.table.as_bytes()),
        consistent: part.consistent,
        place: Some(place),
    }
}

fn walk_message(walk: &Walk) -> WalkMessage {
    let index = match walk.source {
        Source::Items => None,
        Source::LocalIndex(IndexSource { index, with_items, .. }) => {
            Some(IndexMessage { index: index.0.into(), with_items })
        }
    };
    let (items, bytes) = walk.room.parts();
    WalkMessage {
        index,
        range: Some(range_message(&walk.range)),
        descending: walk.order == Order::Descending,
        items: items as u64,
        bytes: bytes as u64,
    }
}

pub(super) fn range_message(range: &KeyRange) -> RangeMessage {
    RangeMessage { start: range.start.clone(), end: range.end.clone() }
}

pub(super) fn range(message: RangeMessage) -> Result<KeyRange, Error> {
    let range = KeyRange { start: message.start, end: message.end };
    if range.is_empty() { Err(Error::Field("range")) } else { Ok(range) }
}

/// The part that a message says, of a table as it is known here.
pub(super) fn part(message: PartMessage, catalog: &Catalog) -> Result<Part, Error> {
    let id = table_id(&message.table)?;
    let table = catalog.table(&id).ok_or(Error::Stale(id))?;
    let place = match message.place.ok_or(Error::Field("place"))? {
        PlaceMessage::Item(location) => {
            let location = Location::from_bytes(location);
            table.key_schema.key_at(&location).ok_or(Error::Field("location"))?;
            Place::Item(location)
        }
        PlaceMessage::Walk(message) => Place::Range(walk(message, table)?),
    };
    Ok(Part { table: id, consistent: message.consistent, place })
}

fn walk(message: WalkMessage, table: &TableDescription) -> Result<Walk, Error> {
    // No limit is more than a machine has room for.
    let items = usize::try_from(message.items).unwrap_or(usize::MAX);
    let bytes = usize::try_from(message.bytes).ok().filter(|bytes| *bytes <= PAGE_BYTES);
    let room = Room::new(items, bytes.ok_or(Error::Field("room"))?);
    if room.is_used_up() {
        return Err(Error::Field("room"));
    }
    Ok(Walk {
        source: message.index.map_or(Ok(Source::Items), |index| source(index, table))?,
        range: range(message.range.ok_or(Error::Field("range"))?)?,
        order: if message.descending { Order::Descending } else { Order::Ascending },
        room,
    })
}

/// The index, with the types that its keys have here: entries are taken apart by them.
fn source(message: IndexMessage, table: &TableDescription) -> Result<Source, Error> {
    let id = u8::try_from(message.index).map(LocalIndexId).ok();
    let index = table.local_indexes.iter().find(|index| Some(index.id) == id);
    let index = index.ok_or(Error::Field("index"))?;
    Ok(Source::LocalIndex(IndexSource {
        index: index.id,
        partition: table.key_schema.partition.key_type,
        sort: index.sort.key_type,
        with_items: message.with_items,
    }))
}
