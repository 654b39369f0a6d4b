//! What another node answers to a part of a read.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use stator_model::binary::BinaryItem;
use stator_model::{KeyRange, NodeId, SharedItem};
use stator_protocol::ApiError;

use super::part::{RangeMessage, range, range_message};
use super::refusal::{self, RefusalMessage};
use super::{Error, open, seal};
use crate::read::{Found, Order, Part, Place, Row, Rows, Source, Walk};

/// What came of a part of a read at another node.
#[derive(Clone)]
pub enum ReadAnswer {
    /// What that node's replica holds of it.
    Found(Found),
    /// Its replica may not answer: for a consistent read it does not lead, for another it is not fresh
    /// enough. Who leads, as far as it knows.
    NotServing(Option<NodeId>),
    /// It could not read.
    Failed(ApiError),
}

#[derive(Clone, PartialEq, Message)]
struct AnswerMessage {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(message, tag = "1")]
    Item(ItemMessage),
    #[prost(message, tag = "2")]
    Rows(RowsMessage),
    #[prost(message, tag = "3")]
    NotServing(NotServingMessage),
    #[prost(message, tag = "4")]
    Failed(RefusalMessage),
}

#[derive(Clone, PartialEq, Message)]
struct ItemMessage {
    #[prost(bytes = "bytes", optional, tag = "1")]
    item: Option<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct RowsMessage {
    #[prost(message, repeated, tag = "1")]
    rows: Vec<RowMessage>,
    #[prost(message, optional, tag = "2")]
    unseen: Option<RangeMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct RowMessage {
    #[prost(bytes = "bytes", tag = "1")]
    item: Bytes,
    #[prost(bytes = "bytes", optional, tag = "2")]
    behind: Option<Bytes>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct NotServingMessage {
    #[prost(uint64, optional, tag = "1")]
    leader: Option<u64>,
}

impl ReadAnswer {
    /// The bytes of the answer.
    pub fn encode(&self) -> Bytes {
        let kind = match self {
            Self::Found(Found::Item(item)) => {
                Kind::Item(ItemMessage { item: item.as_ref().map(bytes) })
            }
            Self::Found(Found::Rows(rows)) => Kind::Rows(rows_message(rows)),
            Self::NotServing(leader) => {
                Kind::NotServing(NotServingMessage { leader: leader.map(NodeId::get) })
            }
            Self::Failed(error) => Kind::Failed(refusal::message(error)),
        };
        seal(&AnswerMessage { kind: Some(kind) })
    }

    /// The answer in these bytes, to this part. Items share the buffer.
    ///
    /// # Errors
    /// If the bytes are no answer, or none to this part: more than there was room for, or no progress.
    pub fn decode(bytes: Bytes, part: &Part) -> Result<Self, Error> {
        let message: AnswerMessage = open(bytes)?;
        match (message.kind.ok_or(Error::Field("answer"))?, &part.place) {
            (Kind::Item(message), Place::Item(_)) => {
                let found = message.item.map(|bytes| item("item", bytes)).transpose()?;
                Ok(Self::Found(Found::Item(found)))
            }
            (Kind::Rows(message), Place::Range(walk)) => {
                rows(message, walk).map(|rows| Self::Found(Found::Rows(rows)))
            }
            (Kind::Item(_) | Kind::Rows(_), Place::Item(_) | Place::Range(_)) => {
                Err(Error::Field("answer"))
            }
            (Kind::NotServing(message), _) => Ok(Self::NotServing(message.leader.map(NodeId::new))),
            (Kind::Failed(message), _) => refusal::error(message, false).map(Self::Failed),
        }
    }
}

fn bytes(item: &SharedItem) -> Bytes {
    let mut bytes = Vec::with_capacity(item.size().0 as usize + 64);
    item.put_binary(&mut bytes);
    bytes.into()
}

fn item(field: &'static str, bytes: Bytes) -> Result<SharedItem, Error> {
    let item = BinaryItem::parse(bytes);
    let item = item.map_err(|source| Error::Attributes { field, source })?;
    Ok(Arc::new(item))
}

fn rows_message(rows: &Rows) -> RowsMessage {
    let row =
        |row: &Row| RowMessage { item: bytes(&row.item), behind: row.behind.as_ref().map(bytes) };
    RowsMessage {
        rows: rows.rows.iter().map(row).collect(),
        unseen: rows.unseen.as_ref().map(range_message),
    }
}

fn rows(message: RowsMessage, walk: &Walk) -> Result<Rows, Error> {
    let with_items = match walk.source {
        Source::Items => false,
        Source::LocalIndex(source) => source.with_items,
    };
    let mut room = walk.room;
    let mut rows = Vec::with_capacity(message.rows.len());
    for RowMessage { item: bytes, behind } in message.rows {
        if room.is_used_up() || behind.is_some() != with_items {
            return Err(Error::Field("row"));
        }
        let behind = behind.map(|bytes| item("item behind an entry", bytes)).transpose()?;
        let row = Row { item: item("item", bytes)?, behind };
        room.take(&row);
        rows.push(row);
    }
    let unseen = message.unseen.map(range).transpose()?;
    if unseen.as_ref().is_some_and(|unseen| !gets_on(walk, unseen)) {
        return Err(Error::Field("unseen"));
    }
    Ok(Rows { rows, unseen })
}

/// Whether what was not seen of a walk's range is less than all of it, and its end.
fn gets_on(walk: &Walk, unseen: &KeyRange) -> bool {
    match walk.order {
        Order::Ascending => unseen.start > walk.range.start && unseen.end == walk.range.end,
        Order::Descending => {
            let is_less = match (&unseen.end, &walk.range.end) {
                (Some(unseen), Some(all)) => unseen < all,
                (Some(_), None) => true,
                (None, _) => false,
            };
            is_less && unseen.start == walk.range.start
        }
    }
}
