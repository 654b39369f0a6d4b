//! The record of a partition.

use bytes::Bytes;
use stator_model::{Epoch, KeyRange, NodeId, PartitionId, ReplicaId, TableId};

use super::{array, open, parse, seal};
use crate::{Error, PartitionDescription, RecordKind};

const KIND: RecordKind = RecordKind::Partition;

mod v1 {
    use bytes::Bytes;

    pub(super) const VERSION: u8 = 1;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Partition {
        /// 16 bytes.
        #[prost(bytes = "bytes", tag = "1")]
        pub(super) table: Bytes,
        /// Empty: from the beginning.
        #[prost(bytes = "bytes", tag = "2")]
        pub(super) start: Bytes,
        /// Absent: to the end.
        #[prost(bytes = "bytes", optional, tag = "3")]
        pub(super) end: Option<Bytes>,
        #[prost(uint64, tag = "4")]
        pub(super) epoch: u64,
        #[prost(message, repeated, tag = "5")]
        pub(super) replicas: Vec<Replica>,
        #[prost(bool, tag = "6")]
        pub(super) ready: bool,
    }

    #[derive(Clone, Copy, PartialEq, prost::Message)]
    pub(super) struct Replica {
        #[prost(uint64, tag = "1")]
        pub(super) node: u64,
        #[prost(uint64, tag = "2")]
        pub(super) id: u64,
    }
}

pub(crate) fn encode(partition: &PartitionDescription) -> Bytes {
    let replica =
        |&(node, id): &(NodeId, ReplicaId)| v1::Replica { node: node.get(), id: id.get() };
    let message = v1::Partition {
        table: Bytes::copy_from_slice(partition.table.as_bytes()),
        start: partition.range.start.clone(),
        end: partition.range.end.clone(),
        epoch: partition.epoch.get(),
        replicas: partition.replicas.iter().map(replica).collect(),
        ready: partition.ready,
    };
    seal(v1::VERSION, &message)
}

pub(crate) fn decode(id: PartitionId, value: &[u8]) -> Result<PartitionDescription, Error> {
    match open(KIND, value)? {
        (v1::VERSION, message) => from_v1(id, parse(KIND, message)?),
        (version, _) => Err(Error::UnknownVersion { record: KIND, version }),
    }
}

fn from_v1(id: PartitionId, message: v1::Partition) -> Result<PartitionDescription, Error> {
    let invalid = |field| Err(Error::Field { record: KIND, field });
    let v1::Partition { table, start, end, epoch, replicas, ready } = message;
    if id == PartitionId::CATALOG {
        return invalid("id");
    }
    if end.as_ref().is_some_and(|end| *end <= start) {
        return invalid("range");
    }
    if replicas.is_empty() {
        return invalid("replicas");
    }
    let replica = |replica: v1::Replica| (NodeId::new(replica.node), ReplicaId::new(replica.id));
    Ok(PartitionDescription {
        id,
        table: TableId::from_bytes(array(KIND, "table", &table)?),
        range: KeyRange { start, end },
        epoch: Epoch::new(epoch),
        replicas: replicas.into_iter().map(replica).collect(),
        ready,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use stator_model::{Epoch, KeyRange, NodeId, PartitionId, ReplicaId, TableId};

    use super::{decode, encode};
    use crate::{Error, PartitionDescription, RecordKind};

    const ID: PartitionId = PartitionId::new(9);

    fn partition() -> PartitionDescription {
        PartitionDescription {
            id: ID,
            table: TableId::from_bytes(*b"0123456789abcdef"),
            range: KeyRange {
                start: Bytes::from_static(&[0x40, 0]),
                end: Some(Bytes::from_static(&[0x80])),
            },
            epoch: Epoch::new(1),
            replicas: vec![
                (NodeId::new(7), ReplicaId::new(1)),
                (NodeId::new(300), ReplicaId::new(2)),
            ],
            ready: true,
        }
    }

    #[test]
    fn the_bytes_are_golden() {
        let golden = b"\x01\x0a\x100123456789abcdef\x12\x02\x40\x00\x1a\x01\x80\x20\x01\
            \x2a\x04\x08\x07\x10\x01\x2a\x05\x08\xac\x02\x10\x02\x30\x01";
        assert_eq!(encode(&partition()), golden.as_slice());
        assert_eq!(decode(ID, golden), Ok(partition()));

        let whole = PartitionDescription {
            range: KeyRange::ALL,
            replicas: vec![(NodeId::new(7), ReplicaId::new(1))],
            ready: false,
            ..partition()
        };
        let golden = b"\x01\x0a\x100123456789abcdef\x20\x01\x2a\x04\x08\x07\x10\x01";
        assert_eq!(encode(&whole), golden.as_slice());
        assert_eq!(decode(ID, golden), Ok(whole));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let check = |change: fn(&mut PartitionDescription), field| {
            let mut partition = partition();
            change(&mut partition);
            let refused = Err(Error::Field { record: RecordKind::Partition, field });
            assert_eq!(decode(partition.id, &encode(&partition)), refused);
        };
        check(|partition| partition.id = PartitionId::CATALOG, "id");
        check(|partition| partition.replicas.clear(), "replicas");
        check(|partition| partition.range.end = Some(Bytes::new()), "range");
        check(|partition| partition.range.end = Some(partition.range.start.clone()), "range");
        let record = RecordKind::Partition;
        assert_eq!(decode(ID, b"\x01\x2a\x00"), Err(Error::Field { record, field: "table" }));
        assert_eq!(decode(ID, b""), Err(Error::Empty { record }));
        assert_eq!(decode(ID, b"\x07x"), Err(Error::UnknownVersion { record, version: 7 }));
        assert!(matches!(
            decode(ID, b"\x01\x0a\xff\xff\xff\xff\x0f"),
            Err(Error::Malformed { .. })
        ));
    }
}
