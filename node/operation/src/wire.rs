//! Work on items, on its way to the node that can do it, and the answers on their way back.
//!
//! A request may reach a node that does not lead the partition that it is about. What is forwarded then is
//! not the request but what came of it: a validated [`ItemCommand`], or a [`Part`] of a read. Filters,
//! projections and the putting together of a page stay at the edge.
//!
//! ```text
//! request: version 1 byte │ protobuf: time left, and a write or a part of a read
//! answer:  version 1 byte │ protobuf
//! ```
//!
//! The messages are our own. Items are in the form in which they are stored, so that one that is read is
//! copied and not decoded; expressions as [`stator_expression::wire`] has them. What the sender of a
//! request still knows is not sent back: an answer is read together with the command or part that it
//! answers, and may not say more than was asked.
//!
//! Bytes of another node are believed no more than those of a client. A command passes the checks by which
//! requests become commands once more, against the description here, and has no other meaning afterwards
//! than if the request had come here. What it takes in memory is in proportion to the bytes.

mod answer;
mod command;
mod found;
mod part;
mod refusal;

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::Message;
use stator_catalog::Catalog;
use stator_model::binary::Malformed;
use stator_model::{TableId, ValueRule};
use stator_protocol::{ApiError, ErrorCode};

use crate::ItemCommand;
use crate::read::Part;

pub use answer::{NotDone, WriteAnswer};
pub use found::ReadAnswer;

const VERSION: u8 = 1;

/// The longest that work is done for another node, whatever it asks for.
const LONGEST: Duration = Duration::from_secs(60);

/// What another node asks for.
#[derive(Debug)]
pub struct Request {
    /// How long an answer is of use. Clocks of two nodes do not agree, so that no moment is sent.
    pub remaining: Duration,
    /// What is to be done.
    pub work: Work,
}

/// Work for another node.
#[derive(Debug)]
pub enum Work {
    /// To evaluate a command at the leader of its partition.
    Write(Box<ItemCommand>),
    /// To look a part of a read up.
    Read(Part),
}

/// Why bytes of another node are not what they should be. None of it shows what a client sent.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// No bytes, not even a version.
    #[error("message is empty")]
    Empty,
    /// Written by a later program.
    #[error("message has unknown version {0}")]
    Version(u8),
    /// The bytes behind the version are no message.
    #[error("message does not decode")]
    Malformed(#[from] prost::DecodeError),
    /// A field is missing, or holds what cannot be.
    #[error("message has no valid {0}")]
    Field(&'static str),
    /// A field holds no attributes.
    #[error("{field} is none")]
    Attributes {
        /// The field.
        field: &'static str,
        /// Where it is wrong.
        #[source]
        source: Malformed,
    },
    /// A field holds attributes that no request can have.
    #[error("{field} is none that a request can have")]
    Rule {
        /// The field.
        field: &'static str,
        /// The rule that it breaks.
        #[source]
        source: ValueRule,
    },
    /// Not the expressions of a request.
    #[error("expressions of a command")]
    Expression(#[from] stator_expression::wire::Error),
    /// The command would have been refused where it comes from.
    #[error("command would be refused with {}", .0.name())]
    Refused(ErrorCode),
    /// One of the nodes does not know of a change of the table yet. Nothing is wrong with the message.
    #[error("table {0} has another description here, or none")]
    Stale(TableId),
}

impl From<ApiError> for Error {
    /// The text may show what the client sent.
    fn from(refusal: ApiError) -> Self {
        Self::Refused(refusal.code())
    }
}

#[derive(Clone, PartialEq, Message)]
struct RequestMessage {
    #[prost(uint64, tag = "1")]
    remaining_micros: u64,
    #[prost(oneof = "WorkMessage", tags = "2, 3")]
    work: Option<WorkMessage>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum WorkMessage {
    #[prost(message, tag = "2")]
    Write(command::WriteMessage),
    #[prost(message, tag = "3")]
    Read(part::PartMessage),
}

/// The bytes of a command that is to be carried out within the time that remains.
pub fn write_request(command: &ItemCommand, remaining: Duration) -> Bytes {
    request(WorkMessage::Write(command::message(command)), remaining)
}

/// The bytes of a part that is to be looked up within the time that remains.
pub fn read_request(part: &Part, remaining: Duration) -> Bytes {
    request(WorkMessage::Read(part::message(part)), remaining)
}

fn request(work: WorkMessage, remaining: Duration) -> Bytes {
    let remaining_micros = u64::try_from(remaining.as_micros()).unwrap_or(u64::MAX);
    seal(&RequestMessage { remaining_micros, work: Some(work) })
}

impl Request {
    /// The request in these bytes, for the tables as they are known here.
    ///
    /// # Errors
    /// If the bytes are no request, or one that no edge would send; [`Error::Stale`] if it is about a table
    /// that is not known here, or not in that version.
    pub fn decode(bytes: Bytes, catalog: &Catalog) -> Result<Self, Error> {
        let message: RequestMessage = open(bytes)?;
        let remaining = Duration::from_micros(message.remaining_micros).min(LONGEST);
        let work = match message.work.ok_or(Error::Field("work"))? {
            WorkMessage::Write(write) => Work::Write(Box::new(command::command(write, catalog)?)),
            WorkMessage::Read(part) => Work::Read(part::part(part, catalog)?),
        };
        Ok(Self { remaining, work })
    }
}

fn seal(message: &impl Message) -> Bytes {
    let mut bytes = BytesMut::with_capacity(1 + message.encoded_len());
    bytes.put_u8(VERSION);
    message.encode(&mut bytes).expect("the buffer grows");
    bytes.freeze()
}

/// The message behind the version. Fields of bytes share the buffer.
fn open<M: Message + Default>(mut bytes: Bytes) -> Result<M, Error> {
    match bytes.first() {
        None => Err(Error::Empty),
        Some(&VERSION) => Ok(M::decode(bytes.split_off(1))?),
        Some(&version) => Err(Error::Version(version)),
    }
}

fn table_id(bytes: &[u8]) -> Result<TableId, Error> {
    let id = bytes.try_into().map_err(|_| Error::Field("table"))?;
    Ok(TableId::from_bytes(id))
}
