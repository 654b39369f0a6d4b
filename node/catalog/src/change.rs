//! Changes: what a decision does to the state, and the form in which it is replicated and stored.
//!
//! A change puts or removes one record. Its key says which one, its value is the whole record:
//!
//! ```text
//! meta       01                              no other meta record
//! table      02 │ table id, 16 bytes
//! partition  03 │ partition id, 8 bytes, big endian
//! node       04 │ node id, 8 bytes, big endian
//! ```
//!
//! Keys and values are on disk: they never change, new versions of records come beside the old ones.

use std::sync::Arc;

use bytes::Bytes;
use stator_model::{NodeId, PartitionId, TableDescription, TableId};

use crate::record::{meta, node, partition, table};
use crate::{Error, Meta, NodeDescription, PartitionDescription};

const META: u8 = 1;
const TABLE: u8 = 2;
const PARTITION: u8 = 3;
const NODE: u8 = 4;

/// One record put or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// What the catalog says of itself is this.
    PutMeta(Arc<Meta>),
    /// The table is this.
    PutTable(Arc<TableDescription>),
    /// The table is gone.
    RemoveTable(TableId),
    /// The partition is this.
    PutPartition(Arc<PartitionDescription>),
    /// The partition is gone.
    RemovePartition(PartitionId),
    /// The node is this.
    PutNode(Arc<NodeDescription>),
    /// The node is gone.
    RemoveNode(NodeId),
}

impl Change {
    /// The record's key, and its value; `None` removes it.
    pub fn encode(&self) -> (Bytes, Option<Bytes>) {
        match self {
            Self::PutMeta(meta) => (Bytes::from_static(&[META]), Some(meta::encode(meta))),
            Self::PutTable(table) => (table_key(table.id), Some(table::encode(table))),
            Self::RemoveTable(id) => (table_key(*id), None),
            Self::PutPartition(partition) => {
                (partition_key(partition.id), Some(partition::encode(partition)))
            }
            Self::RemovePartition(id) => (partition_key(*id), None),
            Self::PutNode(node) => (node_key(node.id), Some(node::encode(node))),
            Self::RemoveNode(id) => (node_key(*id), None),
        }
    }

    /// The change with this key and value.
    ///
    /// # Errors
    /// If the key is of no record, or the value not a record of that key.
    pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Self, Error> {
        match (Key::parse(key)?, value) {
            (Key::Meta, Some(value)) => Ok(Self::PutMeta(Arc::new(meta::decode(value)?))),
            (Key::Meta, None) => Err(Error::MetaRemoved),
            (Key::Table(id), Some(value)) => {
                Ok(Self::PutTable(Arc::new(table::decode(id, value)?)))
            }
            (Key::Table(id), None) => Ok(Self::RemoveTable(id)),
            (Key::Partition(id), Some(value)) => {
                Ok(Self::PutPartition(Arc::new(partition::decode(id, value)?)))
            }
            (Key::Partition(id), None) => Ok(Self::RemovePartition(id)),
            (Key::Node(id), Some(value)) => Ok(Self::PutNode(Arc::new(node::decode(id, value)?))),
            (Key::Node(id), None) => Ok(Self::RemoveNode(id)),
        }
    }
}

/// Which record a key is of.
enum Key {
    Meta,
    Table(TableId),
    Partition(PartitionId),
    Node(NodeId),
}

impl Key {
    fn parse(key: &[u8]) -> Result<Self, Error> {
        match key.split_first() {
            Some((&META, [])) => Ok(Self::Meta),
            Some((&TABLE, rest)) => {
                let id = rest.try_into().map_err(|_| Error::UnknownKey)?;
                Ok(Self::Table(TableId::from_bytes(id)))
            }
            Some((&PARTITION, rest)) => {
                let id = rest.try_into().map_err(|_| Error::UnknownKey)?;
                Ok(Self::Partition(PartitionId::new(u64::from_be_bytes(id))))
            }
            Some((&NODE, rest)) => {
                let id = rest.try_into().map_err(|_| Error::UnknownKey)?;
                Ok(Self::Node(NodeId::new(u64::from_be_bytes(id))))
            }
            Some(_) | None => Err(Error::UnknownKey),
        }
    }
}

fn table_key(id: TableId) -> Bytes {
    let mut key = vec![TABLE];
    key.extend_from_slice(id.as_bytes());
    key.into()
}

fn partition_key(id: PartitionId) -> Bytes {
    let mut key = vec![PARTITION];
    key.extend_from_slice(&id.get().to_be_bytes());
    key.into()
}

fn node_key(id: NodeId) -> Bytes {
    let mut key = vec![NODE];
    key.extend_from_slice(&id.get().to_be_bytes());
    key.into()
}
