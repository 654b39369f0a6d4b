//! What nodes tell each other while a cluster forms, and what each writes down.
//!
//! Both are bytes of other people's disks and networks: a version byte, then a protobuf message of that
//! version, with bounds on everything that can be long.

use std::collections::BTreeSet;

use bytes::Bytes;
use stator_model::{NodeId, StartNumber};

use super::INITIAL_NODES;
use crate::record::{array, open, parse, seal};
use crate::{Addresses, Error, FeatureLevel, FeatureRange, Founding, NewNode, RecordKind};

/// A name, zone, pool or address, at most; the longest DNS name has 253.
const TEXT_BYTES: usize = 320;

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The cluster that it belongs to, or will.
    pub cluster: [u8; 16],
    /// The nodes that form the cluster, as it is configured.
    pub initial: BTreeSet<String>,
    /// Itself.
    pub node: NewNode,
    /// Where it stands.
    pub standing: Standing,
}

/// Where a node stands: what it must not forget.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It has done nothing that anybody could know of.
    #[default]
    Blank,
    /// It has asked the others to form the cluster so.
    Proposed(Proposal),
    /// It has promised to take part.
    Promised(Promise),
    /// The cluster was formed so, with this node.
    Formed(Proposal),
    /// The catalog let it in later.
    Joined,
}

impl Standing {
    /// Whether the cluster exists and has this node.
    pub const fn is_member(&self) -> bool {
        match self {
            Self::Formed(_) | Self::Joined => true,
            Self::Blank | Self::Proposed(_) | Self::Promised(_) => false,
        }
    }
}

/// To whom a node has promised itself, and for which of its proposals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// The node that asked.
    pub to: NodeId,
    /// Counts its proposals, from 1.
    pub ballot: u64,
}

/// How a cluster is to be formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Who asks, and for the how manieth time.
    pub promise: Promise,
    /// With whom.
    pub founding: Founding,
}

impl Proposal {
    /// Whether this node, with this data directory, is part of it.
    pub fn names(&self, node: &NewNode) -> bool {
        self.founding.nodes.iter().any(|it| it.id == node.id && it.name == node.name)
    }
}

mod v1 {
    use bytes::Bytes;

    pub(super) const VERSION: u8 = 1;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Report {
        /// 16 bytes.
        #[prost(bytes = "bytes", tag = "1")]
        pub(super) cluster: Bytes,
        #[prost(string, repeated, tag = "2")]
        pub(super) initial: Vec<String>,
        #[prost(message, optional, tag = "3")]
        pub(super) node: Option<Node>,
        #[prost(message, optional, tag = "4")]
        pub(super) standing: Option<Standing>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Node {
        #[prost(uint64, tag = "1")]
        pub(super) id: u64,
        #[prost(string, tag = "2")]
        pub(super) name: String,
        #[prost(string, tag = "3")]
        pub(super) zone: String,
        #[prost(string, tag = "4")]
        pub(super) pool: String,
        #[prost(string, tag = "5")]
        pub(super) client: String,
        #[prost(string, tag = "6")]
        pub(super) peer: String,
        #[prost(uint32, tag = "7")]
        pub(super) start: u32,
        #[prost(uint32, tag = "8")]
        pub(super) min_level: u32,
        #[prost(uint32, tag = "9")]
        pub(super) max_level: u32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Standing {
        /// 1 blank, 2 proposed, 3 promised, 4 formed, 5 joined.
        #[prost(uint32, tag = "1")]
        pub(super) kind: u32,
        /// With 2, 3 and 4.
        #[prost(uint64, tag = "2")]
        pub(super) to: u64,
        /// With 2, 3 and 4.
        #[prost(uint64, tag = "3")]
        pub(super) ballot: u64,
        /// With 2 and 4: 16 bytes.
        #[prost(bytes = "bytes", tag = "4")]
        pub(super) cluster: Bytes,
        /// With 2 and 4.
        #[prost(message, repeated, tag = "5")]
        pub(super) nodes: Vec<Node>,
    }
}

impl Report {
    /// The bytes that are sent.
    pub fn encode(&self) -> Bytes {
        let message = v1::Report {
            cluster: Bytes::copy_from_slice(&self.cluster),
            initial: self.initial.iter().cloned().collect(),
            node: Some(node_message(&self.node)),
            standing: Some(standing_message(&self.standing)),
        };
        seal(v1::VERSION, &message)
    }

    /// The report that these bytes are.
    ///
    /// # Errors
    /// If they are none, or one of a later version.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        const KIND: RecordKind = RecordKind::Report;
        let message: v1::Report = match open(KIND, bytes)? {
            (v1::VERSION, message) => parse(KIND, message)?,
            (version, _) => return Err(Error::UnknownVersion { record: KIND, version }),
        };
        let invalid = |field| Error::Field { record: KIND, field };
        let few = message.initial.len() <= INITIAL_NODES;
        if !few || message.initial.iter().any(|name| !is_name(name)) {
            return Err(invalid("initial nodes"));
        }
        let standing = message.standing.ok_or(invalid("standing"))?;
        Ok(Self {
            cluster: array(KIND, "cluster", &message.cluster)?,
            initial: message.initial.into_iter().collect(),
            node: message.node.and_then(node).ok_or(invalid("node"))?,
            standing: self::standing(KIND, standing)?,
        })
    }
}

impl Standing {
    /// The bytes that are written down.
    pub fn encode(&self) -> Bytes {
        seal(v1::VERSION, &standing_message(self))
    }

    /// The standing that these bytes are.
    ///
    /// # Errors
    /// If they are none, or one of a later version.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        const KIND: RecordKind = RecordKind::Standing;
        match open(KIND, bytes)? {
            (v1::VERSION, message) => standing(KIND, parse(KIND, message)?),
            (version, _) => Err(Error::UnknownVersion { record: KIND, version }),
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= TEXT_BYTES
}

fn node_message(node: &NewNode) -> v1::Node {
    v1::Node {
        id: node.id.get(),
        name: node.name.clone(),
        zone: node.zone.clone(),
        pool: node.pool.clone(),
        client: node.addresses.client.clone(),
        peer: node.addresses.peer.clone(),
        start: node.start.0,
        min_level: node.features.min().get(),
        max_level: node.features.max().get(),
    }
}

/// `None` if it cannot be.
fn node(message: v1::Node) -> Option<NewNode> {
    let v1::Node { id, name, zone, pool, client, peer, start, min_level, max_level } = message;
    let short = [&zone, &pool, &client, &peer].into_iter().all(|text| text.len() <= TEXT_BYTES);
    let level = FeatureLevel::new;
    let features = FeatureRange::new(level(min_level), level(max_level))?;
    let addresses = Addresses { client, peer };
    let (id, start) = (NodeId::new(id), StartNumber(start));
    (short && is_name(&name)).then_some(NewNode {
        id,
        name,
        zone,
        pool,
        addresses,
        start,
        features,
    })
}

fn standing_message(standing: &Standing) -> v1::Standing {
    let promised = |kind, promise: &Promise| v1::Standing {
        kind,
        to: promise.to.get(),
        ballot: promise.ballot,
        ..v1::Standing::default()
    };
    let proposed = |kind, proposal: &Proposal| v1::Standing {
        cluster: Bytes::copy_from_slice(&proposal.founding.cluster),
        nodes: proposal.founding.nodes.iter().map(node_message).collect(),
        ..promised(kind, &proposal.promise)
    };
    match standing {
        Standing::Blank => v1::Standing { kind: 1, ..v1::Standing::default() },
        Standing::Proposed(proposal) => proposed(2, proposal),
        Standing::Promised(promise) => promised(3, promise),
        Standing::Formed(proposal) => proposed(4, proposal),
        Standing::Joined => v1::Standing { kind: 5, ..v1::Standing::default() },
    }
}

fn standing(record: RecordKind, message: v1::Standing) -> Result<Standing, Error> {
    let promise = Promise { to: NodeId::new(message.to), ballot: message.ballot };
    let kind = message.kind;
    match kind {
        1 => Ok(Standing::Blank),
        2 => Ok(Standing::Proposed(proposal(record, promise, message)?)),
        3 => Ok(Standing::Promised(promise)),
        4 => Ok(Standing::Formed(proposal(record, promise, message)?)),
        5 => Ok(Standing::Joined),
        _ => Err(Error::Field { record, field: "standing" }),
    }
}

fn proposal(
    record: RecordKind,
    promise: Promise,
    message: v1::Standing,
) -> Result<Proposal, Error> {
    let invalid = Error::Field { record, field: "proposal" };
    let cluster = array(record, "proposal", &message.cluster)?;
    if message.nodes.len() > INITIAL_NODES {
        return Err(invalid);
    }
    let nodes: Option<Vec<_>> = message.nodes.into_iter().map(node).collect();
    let nodes = nodes.filter(|nodes| !nodes.is_empty()).ok_or(invalid)?;
    Ok(Proposal { promise, founding: Founding { cluster, nodes } })
}
