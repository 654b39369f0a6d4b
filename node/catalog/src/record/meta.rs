//! The record of the catalog itself.

use bytes::Bytes;
use stator_model::{NodeId, PartitionId, ReplicaId};

use super::{array, open, parse, seal};
use crate::{Error, FeatureLevel, FeatureRange, Meta, RecordKind};

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

/// All of version 1, under the same numbers, and what came with records of nodes. A version of its own, so
/// that a program that knows nothing of them refuses the catalog.
mod v2 {
    use bytes::Bytes;

    pub(super) const VERSION: u8 = 2;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Meta {
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
        #[prost(uint32, tag = "6")]
        pub(super) level: u32,
        #[prost(uint64, tag = "7")]
        pub(super) next_catalog_replica: u64,
    }
}

/// A catalog of version 1 has one node, and so one replica.
impl From<v1::Meta> for v2::Meta {
    fn from(meta: v1::Meta) -> Self {
        Self {
            format: meta.format,
            cluster: meta.cluster,
            node: meta.node,
            replica: meta.replica,
            next_partition: meta.next_partition,
            level: FeatureLevel::ONE_NODE.get(),
            next_catalog_replica: meta.replica.saturating_add(1),
        }
    }
}

/// The only format of the catalog so far.
const FORMAT: u32 = 1;

pub(crate) fn encode(meta: &Meta) -> Bytes {
    let format = FORMAT;
    let cluster = Bytes::copy_from_slice(&meta.cluster);
    let (node, replica) = (meta.node.get(), meta.replica.get());
    let next_partition = meta.next_partition.get();
    if meta.level < FeatureLevel::NODES {
        let message = v1::Meta { format, cluster, node, replica, next_partition };
        return seal(v1::VERSION, &message);
    }
    let level = meta.level.get();
    let next_catalog_replica = meta.next_catalog_replica.get();
    let message =
        v2::Meta { format, cluster, node, replica, next_partition, level, next_catalog_replica };
    seal(v2::VERSION, &message)
}

pub(crate) fn decode(value: &[u8]) -> Result<Meta, Error> {
    match open(KIND, value)? {
        (v1::VERSION, message) => v2::Meta::from(parse::<v1::Meta>(KIND, message)?).try_into(),
        (v2::VERSION, message) => {
            let meta: Meta = parse::<v2::Meta>(KIND, message)?.try_into()?;
            // A lower level is written as version 1: each record has one form.
            if meta.level < FeatureLevel::NODES {
                return Err(Error::Field { record: KIND, field: "level" });
            }
            Ok(meta)
        }
        (version, _) => Err(Error::UnknownVersion { record: KIND, version }),
    }
}

impl TryFrom<v2::Meta> for Meta {
    type Error = Error;

    fn try_from(message: v2::Meta) -> Result<Self, Error> {
        let invalid = |field| Err(Error::Field { record: KIND, field });
        if message.format != FORMAT {
            return invalid("format");
        }
        if message.next_partition == PartitionId::CATALOG.get() {
            return invalid("next partition");
        }
        let level = FeatureLevel::new(message.level);
        if !FeatureRange::SUPPORTED.contains(level) {
            return Err(Error::UnknownLevel { level });
        }
        Ok(Self {
            cluster: array(KIND, "cluster", &message.cluster)?,
            node: NodeId::new(message.node),
            replica: ReplicaId::new(message.replica),
            next_partition: PartitionId::new(message.next_partition),
            level,
            next_catalog_replica: ReplicaId::new(message.next_catalog_replica),
        })
    }
}

#[cfg(test)]
mod tests {
    use stator_model::{NodeId, PartitionId, ReplicaId};

    use super::{decode, encode};
    use crate::{Error, FeatureLevel, Meta, RecordKind};

    #[test]
    fn the_bytes_are_golden() {
        let meta = Meta {
            cluster: *b"0123456789abcdef",
            node: NodeId::new(7),
            replica: ReplicaId::new(1),
            next_partition: PartitionId::new(300),
            level: FeatureLevel::ONE_NODE,
            next_catalog_replica: ReplicaId::new(2),
        };
        let golden = b"\x01\x08\x01\x12\x100123456789abcdef\x18\x07\x20\x01\x28\xac\x02";
        assert_eq!(encode(&meta), golden.as_slice());
        assert_eq!(decode(golden), Ok(meta.clone()));

        let newer =
            Meta { level: FeatureLevel::NODES, next_catalog_replica: ReplicaId::new(5), ..meta };
        let golden =
            b"\x02\x08\x01\x12\x100123456789abcdef\x18\x07\x20\x01\x28\xac\x02\x30\x02\x38\x05";
        assert_eq!(encode(&newer), golden.as_slice());
        assert_eq!(decode(golden), Ok(newer));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let field = |field| Err(Error::Field { record: RecordKind::Meta, field });
        assert_eq!(decode(b""), Err(Error::Empty { record: RecordKind::Meta }));
        assert_eq!(
            decode(b"\x03"),
            Err(Error::UnknownVersion { record: RecordKind::Meta, version: 3 })
        );
        assert!(matches!(decode(b"\x01\x12\x7f"), Err(Error::Malformed { .. })));
        assert_eq!(decode(b"\x01"), field("format"));
        assert_eq!(decode(b"\x01\x08\x02"), field("format"));
        assert_eq!(decode(b"\x01\x08\x01"), field("next partition"));
        assert_eq!(decode(b"\x01\x08\x01\x28\x01\x12\x01x"), field("cluster"));
        let level = |raw| Err(Error::UnknownLevel { level: FeatureLevel::new(raw) });
        assert_eq!(decode(b"\x02\x08\x01\x28\x01"), level(0));
        assert_eq!(decode(b"\x02\x08\x01\x28\x01\x30\x03"), level(3));
        let first =
            b"\x02\x08\x01\x12\x100123456789abcdef\x18\x07\x20\x01\x28\xac\x02\x30\x01\x38\x05";
        assert_eq!(decode(first), field("level"));
    }
}
