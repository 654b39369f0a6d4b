//! Decisions: which changes a command comes to, or why it is refused.
//!
//! ```text
//! table       (none) ──CreateTable──► CREATING ──last PartitionReady──► ACTIVE
//!                                                                         │ DeleteTable
//!             (none) ◄──last PartitionDestroyed── DELETING ◄──────────────┘
//! ```
//!
//! Every other arrow is refused, except DeleteTable of a table that is DELETING, which succeeds and
//! changes nothing (DeleteTable, API reference). UpdateTable is for an ACTIVE table, which stays
//! ACTIVE: what it changes is done once it is decided.

mod node;
mod update;

use std::num::NonZeroU32;
use std::sync::Arc;

use stator_model::{
    DescriptionVersion, Epoch, KeyRange, NodeId, PartitionId, ReplicaId, TableDescription,
    TableHistory, TableId, TableStatus, UnixMillis, limits,
};

use crate::placement::Placement;
use crate::{
    Catalog, Change, Command, Decision, Meta, NewTable, Outcome, PartitionDescription, Refusal,
    TableUpdate,
};

#[cfg(test)]
mod tests;

/// With how many partitions a table may begin: a decision is one entry in the Raft log, and this
/// keeps it under 150 KB. Tables grow beyond it by splits.
pub const INITIAL_PARTITIONS: u32 = 1024;

impl Catalog {
    /// What `command` comes to in this state. Pure: the same state, command and time give the same
    /// decision. Nothing changes until the decision's changes are [applied](Catalog::apply).
    ///
    /// # Errors
    /// A [`Refusal`] if the state does not allow the command.
    pub fn decide(&self, command: &Command, now: UnixMillis) -> Result<Decision, Refusal> {
        match command {
            Command::CreateTable(new) => self.create_table(new, now),
            Command::UpdateTable(update) => self.update_table(update, now),
            Command::DeleteTable { name } => self.delete_table(name),
            Command::PartitionReady { partition } => self.partition_ready(*partition),
            Command::PartitionDestroyed { partition } => self.partition_destroyed(*partition),
            Command::Node(command) => self.decide_node(command),
        }
    }

    fn create_table(&self, new: &NewTable, now: UnixMillis) -> Result<Decision, Refusal> {
        let meta = self.meta().ok_or(Refusal::NotFormed)?;
        if let Some(table) = self.table_by_name(&new.name) {
            return Err(in_use(table));
        }
        if self.table(&new.id).is_some() {
            return Err(Refusal::TableIdTaken { id: new.id });
        }
        if new.partitions.get() > INITIAL_PARTITIONS {
            return Err(Refusal::TooManyPartitions { asked: new.partitions });
        }
        check_tags(new.settings.tags.len())?;
        let first = meta.next_partition.get();
        let spent = first.checked_add(new.partitions.get().into());
        let next_partition = PartitionId::new(spent.ok_or(Refusal::PartitionIdsSpent)?);
        let table = Arc::new(describe(new, now));
        let mut changes = vec![
            Change::PutMeta(Arc::new(Meta { next_partition, ..Meta::clone(meta) })),
            Change::PutTable(Arc::clone(&table)),
        ];
        let ids = (first..next_partition.get()).map(PartitionId::new);
        let mut placement = Placement::new(self);
        for (id, range) in ids.zip(even_ranges(new.partitions)) {
            let nodes = placement.place();
            if nodes.is_empty() {
                return Err(Refusal::NoPlace);
            }
            let partition = new_partition(members(meta, nodes), new.id, id, range);
            changes.push(Change::PutPartition(Arc::new(partition)));
        }
        Ok(Decision { changes, outcome: Outcome::Creating(table) })
    }

    fn update_table(&self, update: &TableUpdate, now: UnixMillis) -> Result<Decision, Refusal> {
        let table = self.named(&update.name)?;
        match table.status {
            TableStatus::Active => {}
            TableStatus::Creating | TableStatus::Deleting => return Err(in_use(table)),
        }
        let updated = Arc::new(update::updated(table, update, now)?);
        let changes = if updated == *table {
            Vec::new()
        } else {
            vec![Change::PutTable(Arc::clone(&updated))]
        };
        Ok(Decision { changes, outcome: Outcome::Updated(updated) })
    }

    fn delete_table(&self, name: &str) -> Result<Decision, Refusal> {
        let table = self.named(name)?;
        match table.status {
            TableStatus::Creating => Err(in_use(table)),
            TableStatus::Deleting => {
                Ok(Decision { changes: Vec::new(), outcome: Outcome::Deleting(Arc::clone(table)) })
            }
            TableStatus::Active if table.deletion_protection => {
                Err(Refusal::DeletionProtected { name: name.to_owned() })
            }
            TableStatus::Active => {
                let table = with_status(table, TableStatus::Deleting);
                let changes = vec![Change::PutTable(Arc::clone(&table))];
                Ok(Decision { changes, outcome: Outcome::Deleting(table) })
            }
        }
    }

    fn partition_ready(&self, id: PartitionId) -> Result<Decision, Refusal> {
        let (partition, table) = self.partition_and_table(id)?;
        if partition.ready {
            return Err(Refusal::AlreadyReady { partition: id });
        }
        let ready = PartitionDescription { ready: true, ..PartitionDescription::clone(partition) };
        let mut changes = vec![Change::PutPartition(Arc::new(ready))];
        let mut table = Arc::clone(table);
        let waiting = self.partitions_of(table.id).iter().filter(|partition| !partition.ready);
        if waiting.count() == 1 && table.status == TableStatus::Creating {
            table = with_status(&table, TableStatus::Active);
            changes.push(Change::PutTable(Arc::clone(&table)));
        }
        Ok(Decision { changes, outcome: Outcome::Ready(table) })
    }

    fn partition_destroyed(&self, id: PartitionId) -> Result<Decision, Refusal> {
        let (partition, table) = self.partition_and_table(id)?;
        if table.status != TableStatus::Deleting {
            return Err(Refusal::NotDeleting { partition: id, status: table.status });
        }
        let last = self.partitions_of(partition.table).len() == 1;
        let mut changes = vec![Change::RemovePartition(id)];
        if last {
            changes.push(Change::RemoveTable(partition.table));
        }
        Ok(Decision { changes, outcome: Outcome::Destroyed { table: partition.table, last } })
    }

    fn named(&self, name: &str) -> Result<&Arc<TableDescription>, Refusal> {
        self.table_by_name(name).ok_or_else(|| Refusal::TableNotFound { name: name.to_owned() })
    }

    fn partition_and_table(
        &self,
        id: PartitionId,
    ) -> Result<(&Arc<PartitionDescription>, &Arc<TableDescription>), Refusal> {
        let partition = self.partition(id);
        let table = partition.and_then(|partition| self.table(&partition.table));
        partition.zip(table).ok_or(Refusal::PartitionNotFound { partition: id })
    }
}

fn check_tags(count: usize) -> Result<(), Refusal> {
    if count > limits::TAGS { Err(Refusal::TooManyTags { count }) } else { Ok(()) }
}

fn in_use(table: &TableDescription) -> Refusal {
    Refusal::TableInUse { name: table.name.clone(), status: table.status }
}

fn describe(new: &NewTable, now: UnixMillis) -> TableDescription {
    TableDescription {
        id: new.id,
        name: new.name.clone(),
        version: DescriptionVersion::new(1),
        status: TableStatus::Creating,
        created: now,
        key_schema: new.key_schema.clone(),
        local_indexes: new.local_indexes.clone(),
        billing: new.billing,
        deletion_protection: new.deletion_protection,
        settings: new.settings.clone(),
        history: TableHistory { warm: new.warm, ..TableHistory::new(new.billing, now) },
        hash_secret: new.hash_secret,
    }
}

/// A change of status keeps the version: commands are evaluated alike before and after, and a new
/// version would send every command in flight back to be validated again.
fn with_status(table: &TableDescription, status: TableStatus) -> Arc<TableDescription> {
    Arc::new(TableDescription { status, ..table.clone() })
}

/// The first members of a new group on these nodes.
fn members(meta: &Meta, nodes: Vec<NodeId>) -> Vec<(NodeId, ReplicaId)> {
    let ids = std::iter::successors(Some(meta.replica), |id| Some(id.next()));
    nodes.into_iter().zip(ids).collect()
}

fn new_partition(
    replicas: Vec<(NodeId, ReplicaId)>,
    table: TableId,
    id: PartitionId,
    range: KeyRange,
) -> PartitionDescription {
    PartitionDescription { id, table, range, epoch: Epoch::new(1), replicas, ready: false }
}

/// The key space in `count` ranges that hold equal shares of the 2^64 hashes, in order.
fn even_ranges(count: NonZeroU32) -> impl Iterator<Item = KeyRange> {
    (0..count.get()).map(move |number| KeyRange::of_segment(number, count.get()))
}
