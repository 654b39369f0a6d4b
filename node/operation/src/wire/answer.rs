//! What another node answers to a command.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use stator_model::binary::BinaryItem;
use stator_model::{NodeId, SharedItem};
use stator_protocol::ApiError;

use super::refusal::{self, RefusalMessage};
use super::{Error, open, seal};
use crate::capacity::{CapacityUnits, Consumed};
use crate::{ItemCommand, Written};

/// What came of a command at another node.
#[derive(Clone, Debug)]
pub enum WriteAnswer {
    /// It was carried out; a refusal that depends on the item is an answer too.
    Done(Result<Written, ApiError>),
    /// It was not carried out, or nobody knows.
    NotDone(NotDone),
}

/// Why a command was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// Another description of the table, or none, is known there. Nothing was done.
    Stale,
    /// That node does not lead the partition; who does, as far as it knows. Nothing was done.
    NotLeader(Option<NodeId>),
    /// It leads and cannot take it on now. Nothing was done.
    Busy,
    /// Its store cannot keep up with the writes to the partition. Nothing was done.
    Throttled,
    /// Perhaps done, perhaps not.
    Unknown,
}

#[derive(Clone, PartialEq, Message)]
struct AnswerMessage {
    #[prost(oneof = "Kind", tags = "1, 2, 3")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(message, tag = "1")]
    Written(WrittenMessage),
    #[prost(message, tag = "2")]
    Refused(RefusalMessage),
    #[prost(message, tag = "3")]
    NotDone(NotDoneMessage),
}

#[derive(Clone, PartialEq, Message)]
struct WrittenMessage {
    #[prost(bytes = "bytes", optional, tag = "1")]
    attributes: Option<Bytes>,
    /// Half units taken of the table.
    #[prost(uint32, tag = "2")]
    halves: u32,
    #[prost(message, repeated, tag = "3")]
    local: Vec<LocalMessage>,
    /// Bytes of the item collection, if the client wants to hear of it.
    #[prost(uint64, optional, tag = "4")]
    collection_bytes: Option<u64>,
}

/// What was taken of a local index.
#[derive(Clone, PartialEq, Message)]
struct LocalMessage {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(uint32, tag = "2")]
    halves: u32,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct NotDoneMessage {
    /// 1 stale, 2 not the leader, 3 busy, 4 throttled, 5 unknown.
    #[prost(uint32, tag = "1")]
    reason: u32,
    #[prost(uint64, optional, tag = "2")]
    leader: Option<u64>,
}

impl WriteAnswer {
    /// The bytes of the answer.
    pub fn encode(&self) -> Bytes {
        let kind = match self {
            Self::Done(Ok(written)) => Kind::Written(written_message(written)),
            Self::Done(Err(error)) => Kind::Refused(refusal::message(error)),
            Self::NotDone(reason) => Kind::NotDone(not_done_message(*reason)),
        };
        seal(&AnswerMessage { kind: Some(kind) })
    }

    /// The answer in these bytes, to this command.
    ///
    /// # Errors
    /// If the bytes are no answer, or none to this command. Nobody knows then what was done.
    pub fn decode(bytes: Bytes, command: &ItemCommand) -> Result<Self, Error> {
        let message: AnswerMessage = open(bytes)?;
        match message.kind.ok_or(Error::Field("answer"))? {
            Kind::Written(message) => Ok(Self::Done(Ok(written(message, command)?))),
            Kind::Refused(message) => refusal::error(message, command.shows_refused_item())
                .map(|error| Self::Done(Err(error))),
            Kind::NotDone(message) => not_done(message).map(Self::NotDone),
        }
    }
}

fn written_message(written: &Written) -> WrittenMessage {
    let bytes = |item: &SharedItem| {
        let mut bytes = Vec::with_capacity(item.size().0 as usize + 64);
        item.put_binary(&mut bytes);
        bytes.into()
    };
    let (table, local) = written.consumed.parts();
    let local =
        local.map(|(name, units)| LocalMessage { name: name.to_owned(), halves: units.halves() });
    WrittenMessage {
        attributes: written.attributes.as_ref().map(bytes),
        halves: table.halves(),
        local: local.collect(),
        collection_bytes: written.collection.as_ref().map(|collection| collection.bytes()),
    }
}

/// What was written, as the client that sent the command is to be told of it.
fn written(message: WrittenMessage, command: &ItemCommand) -> Result<Written, Error> {
    if message.attributes.is_some() && !command.returns_attributes() {
        return Err(Error::Field("attributes"));
    }
    let attributes = message.attributes.map(BinaryItem::parse).transpose();
    let attributes =
        attributes.map_err(|source| Error::Attributes { field: "attributes", source })?;
    let indexes = command.local_indexes();
    let mut consumed = Consumed::from(CapacityUnits::of_halves(message.halves));
    for LocalMessage { name, halves } in message.local {
        if !indexes.is_some_and(|indexes| indexes.has(&name)) {
            return Err(Error::Field("index"));
        }
        consumed.add_local([(name, CapacityUnits::of_halves(halves))]);
    }
    let metrics = indexes.filter(|indexes| indexes.has_metrics());
    let collection = match (metrics, message.collection_bytes) {
        (Some(indexes), Some(bytes)) => indexes.metrics(bytes),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(Error::Field("collection")),
    };
    Ok(Written {
        attributes: attributes.map(|item| Arc::new(item) as SharedItem),
        consumed,
        charge: command.charge().clone(),
        collection,
    })
}

fn not_done_message(reason: NotDone) -> NotDoneMessage {
    let (reason, leader) = match reason {
        NotDone::Stale => (1, None),
        NotDone::NotLeader(leader) => (2, leader),
        NotDone::Busy => (3, None),
        NotDone::Throttled => (4, None),
        NotDone::Unknown => (5, None),
    };
    NotDoneMessage { reason, leader: leader.map(NodeId::get) }
}

fn not_done(message: NotDoneMessage) -> Result<NotDone, Error> {
    match (message.reason, message.leader) {
        (1, None) => Ok(NotDone::Stale),
        (2, leader) => Ok(NotDone::NotLeader(leader.map(NodeId::new))),
        (3, None) => Ok(NotDone::Busy),
        (4, None) => Ok(NotDone::Throttled),
        (5, None) => Ok(NotDone::Unknown),
        _ => Err(Error::Field("reason")),
    }
}
