//! Records as they lie on disk: a version byte, then a protobuf message of that version.
//!
//! Each kind has its file, with one module for every version ever written; what is decoded is the
//! present type, whatever the version. The id of a table or partition is in the key, not in the value.

use bytes::Bytes;
use prost::Message;

use crate::{Error, RecordKind};

mod local_index;
pub(crate) mod meta;
pub(crate) mod node;
pub(crate) mod partition;
pub(crate) mod table;

/// The bytes of a record.
pub(crate) fn seal(version: u8, message: &impl Message) -> Bytes {
    let mut bytes = Vec::with_capacity(1 + message.encoded_len());
    bytes.push(version);
    bytes.extend_from_slice(&message.encode_to_vec());
    bytes.into()
}

/// The version of a record, and its message.
pub(crate) fn open(record: RecordKind, value: &[u8]) -> Result<(u8, &[u8]), Error> {
    let (version, message) = value.split_first().ok_or(Error::Empty { record })?;
    Ok((*version, message))
}

/// Parses the message of one version.
pub(crate) fn parse<M: Message + Default>(record: RecordKind, message: &[u8]) -> Result<M, Error> {
    M::decode(message).map_err(|source| Error::Malformed { record, source })
}

/// The array that is in a field of fixed length.
pub(crate) fn array<const N: usize>(
    record: RecordKind,
    field: &'static str,
    bytes: &[u8],
) -> Result<[u8; N], Error> {
    bytes.try_into().map_err(|_| Error::Field { record, field })
}
