//! The record of the catalog itself.

use bytes::Bytes;
use stator_model::{NodeId, PartitionId, ReplicaId};

use super::{array, open, parse, seal};
use crate::{Error, Meta, RecordKind};

const KIND: RecordKind = RecordKind::Meta;

mod v1 {
    use bytes::Bytes;

    pub(super) const VERSION: u8 = 1;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Meta {
        /// The format of the catalog as a whole; a build refuses one that it does not know.
        #[prost(uint32, tag = "1")]
        pub(super) format: u32,
        /// 16 bytes.
        #[prost(bytes = "bytes", tag = "2")]
        pub(super) cluster: Bytes,
        #[prost(uint64, tag = "3")]
        pub(super) node: u64,
        #[prost(uint64, tag = "4")]
        pub(super) replica: u64,
        #[prost(uint64, tag = "5")]
        pub(super) next_partition: u64,
    }
}

/// The only format of the catalog so far.
const FORMAT: u32 = 1;

pub(crate) fn encode(meta: &Meta) -> Bytes {
    let message = v1::Meta {
        format: FORMAT,
        cluster: Bytes::copy_from_slice(&meta.cluster),
        node: meta.node.get(),
        replica: meta.replica.get(),
        next_partition: meta.next_partition.get(),
    };
    seal(v1::VERSION, &message)
}

pub(crate) fn decode(value: &[u8]) -> Result<Meta, Error> {
    match open(KIND, value)? {
        (v1::VERSION, message) => parse::<v1::Meta>(KIND, message)?.try_into(),
        (version, _) => Err(Error::UnknownVersion { record: KIND, version }),
    }
}

impl TryFrom<v1::Meta> for Meta {
    type Error = Error;

    fn try_from(message: v1::Meta) -> Result<Self, Error> {
        let invalid = |field| Err(Error::Field { record: KIND, field });
        if message.format != FORMAT {
            return invalid("format");
        }
        if message.next_partition == PartitionId::CATALOG.get() {
            return invalid("next partition");
        }
        Ok(Self {
            cluster: array(KIND, "cluster", &message.cluster)?,
            node: NodeId::new(message.node),
            replica: ReplicaId::new(message.replica),
            next_partition: PartitionId::new(message.next_partition),
        })
    }
}

#[cfg(test)]
mod tests {
    use stator_model::{NodeId, PartitionId, ReplicaId};

    use super::{decode, encode};
    use crate::{Error, Meta, RecordKind};

    #[test]
    fn the_bytes_are_golden() {
        let meta = Meta {
            cluster: *b"0123456789abcdef",
            node: NodeId::new(7),
            replica: ReplicaId::new(1),
            next_partition: PartitionId::new(300),
        };
        let golden = b"\x01\x08\x01\x12\x100123456789abcdef\x18\x07\x20\x01\x28\xac\x02";
        assert_eq!(encode(&meta), golden.as_slice());
        assert_eq!(decode(golden), Ok(meta));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let field = |field| Err(Error::Field { record: RecordKind::Meta, field });
        assert_eq!(decode(b""), Err(Error::Empty { record: RecordKind::Meta }));
        assert_eq!(
            decode(b"\x02"),
            Err(Error::UnknownVersion { record: RecordKind::Meta, version: 2 })
        );
        assert!(matches!(decode(b"\x01\x12\x7f"), Err(Error::Malformed { .. })));
        assert_eq!(decode(b"\x01"), field("format"));
        assert_eq!(decode(b"\x01\x08\x02"), field("format"));
        assert_eq!(decode(b"\x01\x08\x01"), field("next partition"));
        assert_eq!(decode(b"\x01\x08\x01\x28\x01\x12\x01x"), field("cluster"));
    }
}
