//! The state of the catalog, and how changes make it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use stator_model::{
    Location, NodeId, PartitionId, ReplicaId, TableDescription, TableId, TableStatus,
};

use crate::founding::implied_node;
use crate::{
    CatalogRole, Change, Contradiction, Error, Meta, NodeDescription, NodeState,
    PartitionDescription,
};

#[cfg(test)]
mod tests;

/// The cluster's metadata at one moment. A clone shares every description with its original, so that
/// the routing map of a node is a clone handed out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// `None` until the cluster is formed.
    meta: Option<Arc<Meta>>,
    tables: BTreeMap<TableId, Arc<TableDescription>>,
    /// The same tables; byte order of names is the order of ListTables.
    names: BTreeMap<Arc<str>, Arc<TableDescription>>,
    partitions: BTreeMap<PartitionId, Arc<PartitionDescription>>,
    /// The same partitions, table by table, ordered by the start of their ranges.
    ranges: BTreeMap<TableId, Arc<Vec<Arc<PartitionDescription>>>>,
    /// Never empty once the cluster is formed: the node that formed it is implied while none has a record.
    nodes: BTreeMap<NodeId, Arc<NodeDescription>>,
}

impl Catalog {
    /// The catalog that these records make, in any order. No records make a catalog that is not formed.
    ///
    /// # Errors
    /// If a record cannot be read, or records contradict each other.
    pub fn load<K, V>(records: impl IntoIterator<Item = (K, V)>) -> Result<Self, Error>
    where
        K: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let (mut catalog, mut meta) = (Self::default(), None);
        for (key, value) in records {
            let change = Change::decode(key.as_ref(), Some(value.as_ref()))?;
            catalog.refuse_second_name(&change)?;
            match &change {
                // Last: it implies a node only where no record of one is there.
                Change::PutMeta(_) => meta = Some(change),
                Change::PutTable(_)
                | Change::RemoveTable(_)
                | Change::PutPartition(_)
                | Change::RemovePartition(_)
                | Change::PutNode(_)
                | Change::RemoveNode(_) => catalog.apply(&change),
            }
        }
        meta.iter().for_each(|meta| catalog.apply(meta));
        catalog.check()?;
        Ok(catalog)
    }

    /// Makes a change that was decided. Changes of one decision are applied in its order, decisions
    /// in the order in which they were made.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::PutMeta(meta) => self.put_meta(meta),
            Change::PutTable(table) => self.put_table(table),
            Change::RemoveTable(id) => self.remove_table(*id),
            Change::PutPartition(partition) => self.put_partition(partition),
            Change::RemovePartition(id) => self.remove_partition(*id),
            Change::PutNode(node) => drop(self.nodes.insert(node.id, Arc::clone(node))),
            Change::RemoveNode(id) => drop(self.nodes.remove(id)),
        }
    }

    /// What the catalog says of itself; `None` until the cluster is formed.
    pub const fn meta(&self) -> Option<&Arc<Meta>> {
        self.meta.as_ref()
    }

    /// A table by its id.
    pub fn table(&self, id: &TableId) -> Option<&Arc<TableDescription>> {
        self.tables.get(id)
    }

    /// A table by its name.
    pub fn table_by_name(&self, name: &str) -> Option<&Arc<TableDescription>> {
        self.names.get(name)
    }

    /// All tables, in byte order of their names.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<TableDescription>> {
        self.names.values()
    }

    /// The tables whose names follow `name`, which need not be one of theirs, in byte order.
    pub fn tables_after(&self, name: &str) -> impl Iterator<Item = &Arc<TableDescription>> {
        let after = (Bound::Excluded(name), Bound::Unbounded);
        self.names.range::<str, _>(after).map(|(_, table)| table)
    }

    /// A partition.
    pub fn partition(&self, id: PartitionId) -> Option<&Arc<PartitionDescription>> {
        self.partitions.get(&id)
    }

    /// All partitions, in order of their ids.
    pub fn partitions(&self) -> impl Iterator<Item = &Arc<PartitionDescription>> {
        self.partitions.values()
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> Option<&Arc<NodeDescription>> {
        self.nodes.get(&id)
    }

    /// The node that has this name; one that is lost has none any more.
    pub fn node_by_name(&self, name: &str) -> Option<&Arc<NodeDescription>> {
        self.nodes().find(|node| node.state != NodeState::Lost && node.name == name)
    }

    /// All nodes, in order of their ids. Not empty once the cluster is formed.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<NodeDescription>> {
        self.nodes.values()
    }

    /// The voters of the group that replicates the catalog, in order of their nodes.
    pub fn voters(&self) -> impl Iterator<Item = (NodeId, ReplicaId)> {
        self.members(CatalogRole::Voter)
    }

    /// The learners of that group: all other nodes that are not lost.
    pub fn learners(&self) -> impl Iterator<Item = (NodeId, ReplicaId)> {
        self.members(CatalogRole::Learner)
    }

    fn members(&self, role: CatalogRole) -> impl Iterator<Item = (NodeId, ReplicaId)> {
        let has_role = move |node: &&Arc<NodeDescription>| {
            node.role == role && (role == CatalogRole::Voter || node.state != NodeState::Lost)
        };
        self.nodes().filter(has_role).map(|node| (node.id, node.replica))
    }

    /// The partitions of a table, in order of their ranges. None if there is no such table.
    pub fn partitions_of(&self, table: TableId) -> &[Arc<PartitionDescription>] {
        self.ranges.get(&table).map_or(&[], |partitions| partitions.as_slice())
    }

    /// The partition that holds a location. `None` if there is no such table, or it is DELETING and
    /// that partition is gone.
    pub fn locate(
        &self,
        table: TableId,
        location: &Location,
    ) -> Option<&Arc<PartitionDescription>> {
        let partitions = self.partitions_of(table);
        let starts_at_or_before =
            |partition: &Arc<PartitionDescription>| partition.range.start <= *location.as_bytes();
        let at = partitions.partition_point(starts_at_or_before).checked_sub(1)?;
        partitions.get(at).filter(|partition| partition.range.contains(location))
    }

    /// The partition that holds the last locations before `end`, or the last of all. `None` as for
    /// [`locate`](Self::locate).
    pub fn locate_before(
        &self,
        table: TableId,
        end: Option<&[u8]>,
    ) -> Option<&Arc<PartitionDescription>> {
        let partitions = self.partitions_of(table);
        let starts_before = |partition: &Arc<PartitionDescription>| {
            end.is_none_or(|end| *partition.range.start < *end)
        };
        let at = partitions.partition_point(starts_before).checked_sub(1)?;
        partitions.get(at).filter(|partition| match (&partition.range.end, end) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(ends), Some(end)) => **ends >= *end,
        })
    }

    fn put_meta(&mut self, meta: &Arc<Meta>) {
        self.meta = Some(Arc::clone(meta));
        if self.nodes.is_empty() {
            self.nodes.insert(meta.node, Arc::new(implied_node(meta)));
        }
    }

    fn put_table(&mut self, table: &Arc<TableDescription>) {
        self.remove_table(table.id);
        self.tables.insert(table.id, Arc::clone(table));
        self.names.insert(table.name.as_str().into(), Arc::clone(table));
    }

    fn remove_table(&mut self, id: TableId) {
        if let Some(table) = self.tables.remove(&id) {
            self.names.remove(table.name.as_str());
        }
    }

    fn put_partition(&mut self, partition: &Arc<PartitionDescription>) {
        self.remove_partition(partition.id);
        self.partitions.insert(partition.id, Arc::clone(partition));
        let ranges = Arc::make_mut(self.ranges.entry(partition.table).or_default());
        let place = (&partition.range.start, partition.id);
        let at = ranges.partition_point(|other| (&other.range.start, other.id) < place);
        ranges.insert(at, Arc::clone(partition));
    }

    fn remove_partition(&mut self, id: PartitionId) {
        let Some(partition) = self.partitions.remove(&id) else { return };
        if let Some(ranges) = self.ranges.get_mut(&partition.table) {
            let ranges = Arc::make_mut(ranges);
            ranges.retain(|other| other.id != id);
            if ranges.is_empty() {
                self.ranges.remove(&partition.table);
            }
        }
    }

    /// Names are unique in the state whatever is applied; on load, a second table of one name is
    /// damage and must not silently hide the first.
    fn refuse_second_name(&self, change: &Change) -> Result<(), Contradiction> {
        let Change::PutTable(table) = change else { return Ok(()) };
        match self.table_by_name(&table.name) {
            Some(other) if other.id != table.id => Err(Contradiction::NameTwice(table.id)),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the invariants of the crate hold.
    fn check(&self) -> Result<(), Contradiction> {
        let Some(meta) = &self.meta else {
            let empty =
                self.tables.is_empty() && self.partitions.is_empty() && self.nodes.is_empty();
            return if empty { Ok(()) } else { Err(Contradiction::NotFormed) };
        };
        for partition in self.partitions.values() {
            let table =
                self.tables.get(&partition.table).ok_or(Contradiction::Orphan(partition.id))?;
            if partition.id >= meta.next_partition {
                return Err(Contradiction::NeverMinted(partition.id));
            }
            if table.status == TableStatus::Active && !partition.ready {
                return Err(Contradiction::NotReady(partition.id));
            }
            let gone = partition.replicas.iter().find(|(node, _)| !self.nodes.contains_key(node));
            if let Some((node, _)) = gone {
                return Err(Contradiction::UnknownNode(partition.id, *node));
            }
        }
        self.check_nodes(meta)?;
        self.tables.values().try_for_each(|table| self.check_table(table))
    }

    fn check_nodes(&self, meta: &Meta) -> Result<(), Contradiction> {
        let (mut names, mut replicas) = (BTreeSet::new(), BTreeSet::new());
        for node in self.nodes.values() {
            let mine = replicas.insert(node.replica) && node.replica < meta.next_catalog_replica;
            if !mine {
                return Err(Contradiction::CatalogReplica(node.id));
            }
            if node.state == NodeState::Lost {
                continue;
            }
            if !names.insert(&node.name) {
                return Err(Contradiction::NodeNameTwice(node.id));
            }
            if !node.features.contains(meta.level) {
                return Err(Contradiction::NodeLevel(node.id));
            }
        }
        self.voters().next().map(|_| ()).ok_or(Contradiction::NoVoter)
    }

    fn check_table(&self, table: &TableDescription) -> Result<(), Contradiction> {
        let partitions = self.partitions_of(table.id);
        if !cover(partitions, table.status == TableStatus::Deleting) {
            return Err(Contradiction::Ranges(table.id));
        }
        let waiting = partitions.iter().find(|partition| !partition.ready);
        match (table.status, waiting) {
            (TableStatus::Creating, None) => Err(Contradiction::AllReady(table.id)),
            (TableStatus::Active, Some(partition)) => Err(Contradiction::NotReady(partition.id)),
            (TableStatus::Creating | TableStatus::Active | TableStatus::Deleting, _) => Ok(()),
        }
    }
}

/// Whether ranges, ordered by their starts, cover the key space once; with `gaps`, at most once.
fn cover(partitions: &[Arc<PartitionDescription>], gaps: bool) -> bool {
    let (Some(first), Some(last)) = (partitions.first(), partitions.last()) else { return false };
    let joined = partitions.array_windows().all(|[left, right]| match &left.range.end {
        Some(end) if gaps => *end <= right.range.start,
        Some(end) => *end == right.range.start,
        None => false,
    });
    joined && (gaps || (first.range.start.is_empty() && last.range.end.is_none()))
}
