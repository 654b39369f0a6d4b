//! Rebuilds the core from what a crash left: the Raft log and the tablets.
//!
//! A replica's tablet says how far it had applied; the log says everything else. Where the tablet lost
//! its unsynced end, the log replays it; a tablet behind what the log knows to be durable is damage,
//! and the node says so instead of serving less than it acknowledged.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::ops::Bound;
use std::time::Duration;

use bytes::Bytes;
use stator_catalog::{Catalog, Change, Founding, FoundingError, NewNode};
use stator_log::{Recovered, RecoveredGroup};
use stator_model::{LogIndex, NodeId, PartitionId, ReplicaId, TabletId};
use stator_store::state::PartitionState;
use stator_store::{Engine, keys};

use crate::core::Core;
use crate::event::LogTaskId;
use crate::group::{Error as GroupError, GroupStart, Installed, Past};
use crate::machine::{CatalogMachine, Machine, catalog_members};
use crate::message::Post;

/// Who this node is, and which cluster it forms, or forms with others, if it is blank.
#[derive(Clone, Copy, Debug)]
pub struct Forming {
    /// The cluster's id, minted once.
    pub cluster: [u8; 16],
    /// This node.
    pub node: NodeId,
    /// The id of the first replica of a group; it is this node's where that is alone.
    pub replica: ReplicaId,
}

/// What a core is rebuilt from.
pub struct Start<'a> {
    /// What the Raft log holds.
    pub recovered: Recovered,
    /// The tablets.
    pub engine: &'a dyn Engine,
    /// Who this node is.
    pub forming: Forming,
    /// The nodes that form the cluster, this one among them; none if it is a cluster by itself. Every one
    /// of them is handed the same.
    pub nodes: Vec<NewNode>,
    /// The time on the clock of [`Now::running`](crate::Now::running).
    pub now: Duration,
    /// Random: when replicas stand for election follows from it.
    pub seed: u64,
}

/// The node must not serve.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A tablet does not hold what was durable: files of the store are missing or older copies.
    #[error(
        "{partition}: the store holds it up to {applied}, but had synced it up to {durable}: \
         files of the store are missing or were replaced by older copies; restore them"
    )]
    StoreBehind {
        /// The partition.
        partition: PartitionId,
        /// What the tablet says.
        applied: LogIndex,
        /// What the log says.
        durable: LogIndex,
    },
    /// The log misses entries between the tablet and its first.
    #[error(
        "{partition}: the store holds it up to {applied}, but the Raft log begins at {first}: \
         files of one of them are missing or were replaced by older copies; restore them"
    )]
    Gap {
        /// The partition.
        partition: PartitionId,
        /// What the tablet says.
        applied: LogIndex,
        /// The log's first entry.
        first: LogIndex,
    },
    /// Neither has what the log knows to be committed: it lay in segments that were let go because the
    /// store had it.
    #[error(
        "{partition}: store and Raft log hold it up to {reached}, but it was committed up to \
         {committed}: files of the store are missing or were replaced by older copies; restore them"
    )]
    Lost {
        /// The partition.
        partition: PartitionId,
        /// Where tablet and log end.
        reached: LogIndex,
        /// What the log says.
        committed: LogIndex,
    },
    /// The log knows groups, but not the catalog.
    #[error("the Raft log names {groups} replicas but no catalog: files of the log are missing")]
    CatalogMissing {
        /// How many replicas.
        groups: usize,
    },
    /// The cluster begins, and this node is not one of those that form it.
    #[error("{node} is not among the nodes that form the cluster")]
    NoFounder {
        /// This node.
        node: NodeId,
    },
    /// The nodes cannot form a cluster.
    #[error("the cluster cannot be formed")]
    Founding(#[from] FoundingError),
    /// The store failed, or a record in it does not decode.
    #[error("the store could not be read")]
    Store(#[from] stator_store::Error),
    /// The catalog's records do not decode.
    #[error("the catalog could not be read")]
    Catalog(#[from] stator_catalog::Error),
    /// A group's log does not decode.
    #[error("a replica could not be restarted")]
    Group(#[from] GroupError),
}

impl Core {
    /// The core of a node with this past. Its first flush opens the replicas in the applier and drops
    /// tablets that no replica owns.
    ///
    /// # Errors
    /// If log and store do not fit each other, or hold what does not decode.
    pub fn start(start: Start<'_>) -> Result<Self, StartError> {
        let Start { recovered, engine, forming, nodes, now, seed } = start;
        let founding = founding(forming, nodes)?;
        let mut core = Self {
            node: forming.node,
            start: recovered.start,
            next_tablet: 0,
            replicas: BTreeMap::new(),
            destroyed: recovered.destroyed,
            records: Vec::new(),
            apply: Vec::new(),
            drop: Vec::new(),
            next_task: 0,
            wants_checkpoint: false,
            last_checkpoint: LogTaskId::default(),
            release: None,
            active: BTreeSet::new(),
            in_log: VecDeque::new(),
            closing: Vec::new(),
            behind: BTreeSet::new(),
            changed: true,
            compare: false,
            settled: Vec::new(),
            seed,
            ticked: now,
            post: Post::default(),
            refused: Vec::new(),
            kept_bytes: 0,
        };
        let named: HashSet<TabletId> = recovered.groups.iter().map(|group| group.tablet).collect();
        core.drop = engine.tablets()?.into_iter().filter(|id| !named.contains(id)).collect();
        let count = recovered.groups.len();
        for group in recovered.groups {
            core.reopen(group, engine, &founding, now)?;
        }
        if core.catalog_machine().is_none() {
            if count > 0 {
                return Err(StartError::CatalogMissing { groups: count });
            }
            core.found(forming.node, founding, now)?;
        }
        Ok(core)
    }

    /// How many entries the log holds that the store does not: before the first flush, those that are
    /// about to be replayed.
    pub fn entries_to_replay(&self) -> usize {
        self.replicas.values().map(|replica| replica.group.entries_held()).sum()
    }

    /// This node's replica of the catalog of a cluster that begins.
    fn found(
        &mut self,
        node: NodeId,
        founding: Vec<Change>,
        now: Duration,
    ) -> Result<(), StartError> {
        let mut catalog = Catalog::default();
        founding.iter().for_each(|change| catalog.apply(change));
        let members = catalog_members(&catalog);
        let here =
            members.iter().find(|(at, _)| *at == node).ok_or(StartError::NoFounder { node })?;
        let mut state = PartitionState::blank(catalog.voters().map(|(_, id)| id).collect());
        state.conf_state.learners = catalog.learners().map(|(_, id)| id).collect();
        let machine = Machine::Catalog(Box::new(CatalogMachine::new(Catalog::default(), founding)));
        Ok(self.install(PartitionId::CATALOG, here.1, (state, &members), machine, now)?)
    }

    /// The members of a group, as far as the catalog here says. It is the first of the groups to be opened.
    pub(crate) fn members_of(&self, partition: PartitionId) -> Vec<(NodeId, ReplicaId)> {
        let Some(machine) = self.catalog_machine() else { return Vec::new() };
        if partition == PartitionId::CATALOG {
            return machine.members();
        }
        let record = machine.catalog().partition(partition);
        record.map_or_else(Vec::new, |record| record.replicas.clone())
    }

    fn reopen(
        &mut self,
        group: RecoveredGroup,
        engine: &dyn Engine,
        founding: &[Change],
        now: Duration,
    ) -> Result<(), StartError> {
        let partition = group.group;
        let state = match engine.get(group.tablet, &keys::state_key(partition))? {
            Some(state) => PartitionState::decode(&state),
            // The tablet's copy was not durable yet; the log's is where the replica began.
            None => PartitionState::decode(&group.state),
        }
        .map_err(stator_store::Error::from)?;
        if state.applied < group.durable_applied {
            return Err(StartError::StoreBehind {
                partition,
                applied: state.applied,
                durable: group.durable_applied,
            });
        }
        let entries = group.entries;
        if let Some(first) = entries.first()
            && first.index > state.applied.next()
        {
            return Err(StartError::Gap { partition, applied: state.applied, first: first.index });
        }
        let reached = entries.last().map_or(state.applied, |entry| entry.index.max(state.applied));
        let committed = group.hard_state.commit;
        if committed > reached {
            return Err(StartError::Lost { partition, reached, committed });
        }
        let machine = if partition == PartitionId::CATALOG {
            let catalog = load_catalog(engine, group.tablet)?;
            Machine::Catalog(Box::new(CatalogMachine::new(catalog, founding.to_vec())))
        } else {
            Machine::Table(Box::default())
        };
        let (index, term) = group.installed;
        let installed = Installed { tablet: group.tablet, index, term, state: group.state };
        let start = GroupStart {
            partition,
            replica: group.replica,
            installed,
            hard_state: group.hard_state,
            applied: (state.applied, state.applied_term),
            durable: group.durable_applied,
            entries,
            past: Past::Restarted,
            now,
            seed: self.seed,
        };
        let members = match &machine {
            Machine::Catalog(machine) => machine.members(),
            Machine::Table(_) => self.members_of(partition),
        };
        Ok(self.open(start, state, &members, machine)?)
    }
}

/// The first changes of the catalog.
fn founding(forming: Forming, nodes: Vec<NewNode>) -> Result<Vec<Change>, StartError> {
    let Forming { cluster, node, replica } = forming;
    if nodes.is_empty() {
        return Ok(Catalog::form(cluster, node, replica));
    }
    Ok(Founding { cluster, nodes }.changes(replica)?)
}

fn load_catalog(engine: &dyn Engine, tablet: TabletId) -> Result<Catalog, StartError> {
    let view = engine.snapshot()?;
    let (start, end) = keys::catalog_range();
    let mut records = Vec::new();
    for pair in view.scan(tablet, Bound::Included(&start), Bound::Excluded(&end)) {
        let (key, value) = pair?;
        let record = keys::catalog_record(&key).unwrap_or(&[]);
        records.push((Bytes::copy_from_slice(record), Bytes::copy_from_slice(&value)));
    }
    Ok(Catalog::load(records)?)
}
