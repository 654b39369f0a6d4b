//! What the catalog says about this node, carried out: replicas come and go.
//!
//! Levels are compared, never changes followed: a crash in between, or a catalog that arrives late, leaves
//! nothing undone.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use stator_catalog::{Catalog, Command, PartitionDescription};
use stator_log::Record;
use stator_model::{DescriptionVersion, PartitionId, ReplicaId, TableStatus, TabletId};
use stator_store::KEYSPACES;
use stator_store::state::PartitionState;

use super::{Closing, Core, Replica};
use crate::apply::ApplyTask;
use crate::event::{CatalogRequest, LogTaskId};
use crate::group::{Error, Group, GroupStart, Installed, Members, Past};
use crate::handle::ReplicaHandle;
use crate::machine::Machine;

/// What the catalog asks of this node.
enum Todo {
    Create(Arc<PartitionDescription>, ReplicaId),
    Destroy(PartitionId),
    Report(Command),
    /// To the leader of the catalog, elsewhere.
    ReportReady(PartitionId),
}

impl Core {
    /// Carries out what the catalog says about this node: creates and destroys replicas, and reports
    /// what was done. Compares levels, so that it may be called at any time.
    pub(super) fn reconcile(&mut self, now: Duration) -> Result<(), Error> {
        self.learn_members();
        for todo in self.todo() {
            match todo {
                Todo::Create(partition, replica) => self.create(&partition, replica, now)?,
                Todo::Destroy(partition) => self.destroy(partition),
                Todo::Report(command) => self.queue_catalog(CatalogRequest {
                    command,
                    // A report that fails is found missing by the next comparison.
                    responder: Box::new(|_| ()),
                }),
                Todo::ReportReady(partition) => {
                    let catalog = self.replicas.get(&PartitionId::CATALOG);
                    if let Some(leader) = catalog.and_then(|replica| replica.group.leader()) {
                        self.post.ready(leader, partition);
                    }
                }
            }
        }
        Ok(())
    }

    /// Tells every group on which nodes its members are.
    fn learn_members(&mut self) {
        let Some(machine) = self.catalog_machine() else { return };
        let here = self.replicas.keys().filter_map(|id| machine.catalog().partition(*id));
        let (here, catalog): (Vec<_>, _) = (here.cloned().collect(), machine.members());
        for partition in here {
            if let Some(Replica { group, .. }) = self.replicas.get_mut(&partition.id) {
                group.learn_members(&partition.replicas);
                group.set_unreported(!partition.ready);
            }
        }
        if let Some(Replica { group, .. }) = self.replicas.get_mut(&PartitionId::CATALOG) {
            group.learn_members(&catalog);
        }
    }

    fn todo(&self) -> Vec<Todo> {
        let Some(machine) = self.catalog_machine() else { return Vec::new() };
        let catalog = machine.catalog();
        // Whoever decides alone knows all there is to know once it has replayed its log, and waits for that.
        if self.is_alone() && machine.deciding().is_none() {
            return Vec::new();
        }
        let mut todo = self.gone(catalog);
        for partition in catalog.partitions() {
            let here = partition.replicas.iter().find(|(node, _)| *node == self.node);
            let id = partition.id;
            let doomed = catalog
                .table(&partition.table)
                .is_none_or(|table| table.status == TableStatus::Deleting);
            // What this replica has decided, if it leads the catalog, may be ahead of what is applied.
            let decides = machine.deciding().is_some();
            let decided = machine.deciding().unwrap_or(catalog).partition(id);
            match (doomed, here, self.replicas.get(&id)) {
                // A catalog that lags behind may name what is destroyed already.
                (false, Some((_, replica)), None) if !self.is_destroyed(id, *replica) => {
                    todo.push(Todo::Create(Arc::clone(partition), *replica));
                }
                (false, _, Some(here)) if here.group.is_leading() => {
                    match decided.map(|partition| partition.ready) {
                        Some(false) if decides => {
                            todo.push(Todo::Report(Command::PartitionReady { partition: id }));
                        }
                        Some(false) => todo.push(Todo::ReportReady(id)),
                        Some(true) | None => {}
                    }
                }
                (false, _, _) => {}
                (true, _, Some(_)) => todo.push(Todo::Destroy(id)),
                // Other nodes destroy theirs when they see it: what the catalog does not name any more
                // goes, whenever that is noticed.
                (true, _, None) if decides && decided.is_some() && !self.is_closing(id) => {
                    todo.push(Todo::Report(Command::PartitionDestroyed { partition: id }));
                }
                (true, _, None) => {}
            }
        }
        todo
    }

    /// Replicas here of partitions that the catalog has let go. One that it has not minted yet is no such:
    /// this node's catalog may be replaying its log.
    fn gone(&self, catalog: &Catalog) -> Vec<Todo> {
        let Some(meta) = catalog.meta() else { return Vec::new() };
        let tables = self.replicas.keys().filter(|id| **id != PartitionId::CATALOG);
        let gone =
            tables.filter(|id| **id < meta.next_partition && catalog.partition(**id).is_none());
        gone.map(|id| Todo::Destroy(*id)).collect()
    }

    /// Whether this replica alone makes the catalog.
    fn is_alone(&self) -> bool {
        self.replicas.get(&PartitionId::CATALOG).is_some_and(|replica| replica.group.is_alone())
    }

    fn is_destroyed(&self, partition: PartitionId, replica: ReplicaId) -> bool {
        self.destroyed.contains(&(partition, replica))
    }

    fn is_closing(&self, partition: PartitionId) -> bool {
        self.closing.iter().any(|closing| closing.partition == partition)
    }

    /// Creates this node's replica of a new partition.
    fn create(
        &mut self,
        partition: &PartitionDescription,
        replica: ReplicaId,
        now: Duration,
    ) -> Result<(), Error> {
        let version = self
            .catalog_machine()
            .and_then(|machine| machine.catalog().table(&partition.table))
            .map_or_else(DescriptionVersion::default, |table| table.version);
        let voters = partition.replicas.iter().map(|(_, replica)| *replica).collect();
        let state = PartitionState {
            epoch: partition.epoch,
            range: partition.range.clone(),
            table: Some(partition.table),
            description_version: version,
            ..PartitionState::blank(voters)
        };
        let machine = Machine::Table(Box::default());
        self.install(partition.id, replica, (state, &partition.replicas), machine, now)
    }

    /// Installs a blank replica under a fresh tablet. The only voter stands for election at once, and so does
    /// one of several, so that a new group does not wait for somebody to miss a leader.
    pub(crate) fn install(
        &mut self,
        partition: PartitionId,
        replica: ReplicaId,
        (state, members): (PartitionState, &Members),
        machine: Machine,
        now: Duration,
    ) -> Result<(), Error> {
        let tablet = self.mint_tablet();
        let encoded = Bytes::from(state.encode());
        let (index, term) = (state.applied, state.applied_term);
        self.records.push(Record::Installed {
            group: partition,
            replica,
            tablet,
            index,
            term,
            state: encoded.clone(),
        });
        let start = GroupStart {
            partition,
            replica,
            installed: Installed { tablet, index, term, state: encoded },
            hard_state: stator_log::HardState::default(),
            applied: (index, term),
            durable: index,
            entries: Vec::new(),
            past: Past::New,
            now,
            seed: self.seed,
        };
        self.open(start, state, members, machine)
    }

    /// Takes a replica in.
    pub(crate) fn open(
        &mut self,
        start: GroupStart,
        state: PartitionState,
        members: &Members,
        machine: Machine,
    ) -> Result<(), Error> {
        let partition = start.partition;
        let tablet = start.installed.tablet;
        let handle = Arc::new(ReplicaHandle::new(partition, tablet, state.applied));
        let mut group = Group::new(start, &state.conf_state, Arc::clone(&handle))?;
        group.learn_members(members);
        group.begin()?;
        self.kept_bytes += group.kept_bytes();
        self.apply.push(ApplyTask::Open { handle, state: Box::new(state) });
        self.replicas.insert(partition, Replica { group, machine });
        self.active.insert(partition);
        self.changed = true;
        Ok(())
    }

    /// Ends this node's replica of a partition that is no more.
    fn destroy(&mut self, partition: PartitionId) {
        let Some(Replica { group, mut machine }) = self.replicas.remove(&partition) else { return };
        let (replica, tablet) = (group.replica(), group.installed().tablet);
        self.kept_bytes -= group.kept_bytes();
        machine.retire(None);
        group.destroy();
        self.records.push(Record::Destroyed { group: partition, replica });
        self.destroyed.push((partition, replica));
        // The tablet goes only once the log says so: a replica that the log still names must find it.
        self.closing.push(Closing { task: LogTaskId(self.next_task), partition, tablet });
        self.changed = true;
    }

    fn mint_tablet(&mut self) -> TabletId {
        let counter = self.next_tablet;
        self.next_tablet = counter.checked_add(1).expect("no process makes 2^32 tablets");
        // Lives begin at different keyspaces: else the first table of each would share the catalog's.
        let [.., low] = counter.wrapping_add(self.start.0).to_be_bytes();
        TabletId {
            keyspace: low % KEYSPACES,
            prefix: u64::from(self.start.0) << 32 | u64::from(counter),
        }
    }
}
