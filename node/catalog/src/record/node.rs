//! The record of a node.

use bytes::Bytes;
use stator_model::{NodeId, ReplicaId, StartNumber};

use super::{open, parse, seal};
use crate::{
    Addresses, CatalogRole, Error, FeatureLevel, FeatureRange, Generation, NodeDescription,
    NodeState, RecordKind,
};

const KIND: RecordKind = RecordKind::Node;

mod v1 {
    pub(super) const VERSION: u8 = 1;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Node {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(string, tag = "2")]
        pub(super) zone: String,
        #[prost(string, tag = "3")]
        pub(super) pool: String,
        #[prost(string, tag = "4")]
        pub(super) client: String,
        #[prost(string, tag = "5")]
        pub(super) peer: String,
        /// 1 active, 2 draining, 3 lost.
        #[prost(uint32, tag = "6")]
        pub(super) state: u32,
        #[prost(uint32, tag = "7")]
        pub(super) start: u32,
        #[prost(uint32, tag = "8")]
        pub(super) min_level: u32,
        #[prost(uint32, tag = "9")]
        pub(super) max_level: u32,
        /// 1 voter, 2 learner.
        #[prost(uint32, tag = "10")]
        pub(super) role: u32,
        #[prost(uint64, tag = "11")]
        pub(super) replica: u64,
        #[prost(uint64, tag = "12")]
        pub(super) generation: u64,
    }
}

pub(crate) fn encode(node: &NodeDescription) -> Bytes {
    let message = v1::Node {
        name: node.name.clone(),
        zone: node.zone.clone(),
        pool: node.pool.clone(),
        client: node.addresses.client.clone(),
        peer: node.addresses.peer.clone(),
        state: match node.state {
            NodeState::Active => 1,
            NodeState::Draining => 2,
            NodeState::Lost => 3,
        },
        start: node.start.0,
        min_level: node.features.min().get(),
        max_level: node.features.max().get(),
        role: match node.role {
            CatalogRole::Voter => 1,
            CatalogRole::Learner => 2,
        },
        replica: node.replica.get(),
        generation: node.generation.get(),
    };
    seal(v1::VERSION, &message)
}

pub(crate) fn decode(id: NodeId, value: &[u8]) -> Result<NodeDescription, Error> {
    match open(KIND, value)? {
        (v1::VERSION, message) => from_v1(id, parse(KIND, message)?),
        (version, _) => Err(Error::UnknownVersion { record: KIND, version }),
    }
}

fn from_v1(id: NodeId, message: v1::Node) -> Result<NodeDescription, Error> {
    let invalid = |field| Error::Field { record: KIND, field };
    if message.name.is_empty() {
        return Err(invalid("name"));
    }
    let level = FeatureLevel::new;
    let features = FeatureRange::new(level(message.min_level), level(message.max_level));
    Ok(NodeDescription {
        id,
        name: message.name,
        zone: message.zone,
        pool: message.pool,
        addresses: Addresses { client: message.client, peer: message.peer },
        state: state(message.state).ok_or(invalid("state"))?,
        start: StartNumber(message.start),
        features: features.ok_or(invalid("feature range"))?,
        role: role(message.role).ok_or(invalid("role"))?,
        replica: ReplicaId::new(message.replica),
        generation: Generation::new(message.generation),
    })
}

const fn state(number: u32) -> Option<NodeState> {
    match number {
        1 => Some(NodeState::Active),
        2 => Some(NodeState::Draining),
        3 => Some(NodeState::Lost),
        _ => None,
    }
}

const fn role(number: u32) -> Option<CatalogRole> {
    match number {
        1 => Some(CatalogRole::Voter),
        2 => Some(CatalogRole::Learner),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use stator_model::{NodeId, ReplicaId, StartNumber};

    use super::{decode, encode};
    use crate::{
        Addresses, CatalogRole, Error, FeatureLevel, FeatureRange, Generation, NodeDescription,
        NodeState, RecordKind,
    };

    const ID: NodeId = NodeId::new(9);

    fn node() -> NodeDescription {
        NodeDescription {
            id: ID,
            name: "stator-a-0".to_owned(),
            zone: "a".to_owned(),
            pool: "default".to_owned(),
            addresses: Addresses { client: "c:8000".to_owned(), peer: "p:8001".to_owned() },
            state: NodeState::Draining,
            start: StartNumber(300),
            features: FeatureRange::new(FeatureLevel::new(1), FeatureLevel::new(2)).unwrap(),
            role: CatalogRole::Learner,
            replica: ReplicaId::new(4),
            generation: Generation::new(5),
        }
    }

    #[test]
    fn the_bytes_are_golden() {
        let golden = b"\x01\x0a\x0astator-a-0\x12\x01a\x1a\x07default\x22\x06c:8000\x2a\x06p:8001\
            \x30\x02\x38\xac\x02\x40\x01\x48\x02\x50\x02\x58\x04\x60\x05";
        assert_eq!(encode(&node()), golden.as_slice());
        assert_eq!(decode(ID, golden), Ok(node()));

        let bare = NodeDescription {
            name: "n".to_owned(),
            zone: String::new(),
            pool: String::new(),
            addresses: Addresses::default(),
            state: NodeState::Active,
            start: StartNumber(0),
            role: CatalogRole::Voter,
            ..node()
        };
        let golden = b"\x01\x0a\x01n\x30\x01\x40\x01\x48\x02\x50\x01\x58\x04\x60\x05";
        assert_eq!(encode(&bare), golden.as_slice());
        assert_eq!(decode(ID, golden), Ok(bare));
        let lost = NodeDescription { state: NodeState::Lost, ..node() };
        assert_eq!(decode(ID, &encode(&lost)), Ok(lost));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let record = RecordKind::Node;
        let check = |bytes: &[u8], field| {
            assert_eq!(decode(ID, bytes), Err(Error::Field { record, field }), "{bytes:?}");
        };
        check(b"\x01", "name");
        check(b"\x01\x0a\x01n\x40\x01\x48\x02\x50\x01", "state");
        check(b"\x01\x0a\x01n\x30\x04\x40\x01\x48\x02\x50\x01", "state");
        check(b"\x01\x0a\x01n\x30\x01\x48\x02\x50\x01", "feature range");
        check(b"\x01\x0a\x01n\x30\x01\x40\x02\x48\x01\x50\x01", "feature range");
        check(b"\x01\x0a\x01n\x30\x01\x40\x01\x48\x02", "role");
        check(b"\x01\x0a\x01n\x30\x01\x40\x01\x48\x02\x50\x03", "role");
        assert_eq!(decode(ID, b""), Err(Error::Empty { record }));
        assert_eq!(decode(ID, b"\x02"), Err(Error::UnknownVersion { record, version: 2 }));
        assert!(matches!(decode(ID, b"\x01\x0a\x7f"), Err(Error::Malformed { .. })));
    }
}
