//! What tests of routes share: a catalog with a table.

use std::num::NonZeroU32;
use std::time::Duration;

use stator_catalog::{Catalog, Command, NewTable};
use stator_model::{
    Billing, HashSecret, KeyAttribute, KeySchema, KeyType, NodeId, PartitionId, ReplicaId, TableId,
    TableSettings, UnixMillis,
};

/// A moment before the deadline.
pub(crate) const NOW: Duration = Duration::from_secs(1);
pub(crate) const DEADLINE: Duration = Duration::from_secs(2);
/// The one node of the catalog.
pub(crate) const HERE: crate::Alone = crate::Alone::new(NodeId::new(1));

pub(crate) fn decide(catalog: &mut Catalog, command: &Command) {
    for change in catalog.decide(command, UnixMillis(1)).unwrap().changes {
        catalog.apply(&change);
    }
}

/// A catalog with the active table `music` in four partitions.
pub(crate) fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for change in Catalog::form([1; 16], NodeId::new(1), ReplicaId::new(1)) {
        catalog.apply(&change);
    }
    let partition = KeyAttribute { name: "pk".to_owned(), key_type: KeyType::S };
    let table = NewTable {
        id: TableId::from_random([5; 16]),
        name: "music".to_owned(),
        key_schema: KeySchema { partition, sort: None },
        local_indexes: Vec::new(),
        billing: Billing::PayPerRequest,
        deletion_protection: false,
        settings: TableSettings::default(),
        warm: None,
        hash_secret: HashSecret::from_bytes([6; 16]),
        partitions: NonZeroU32::new(4).unwrap(),
    };
    decide(&mut catalog, &Command::CreateTable(Box::new(table)));
    let made: Vec<PartitionId> = catalog.partitions().map(|partition| partition.id).collect();
    for partition in made {
        decide(&mut catalog, &Command::PartitionReady { partition });
    }
    catalog
}
