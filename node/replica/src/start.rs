//! Rebuilds the core from what a crash left: the Raft log and the tablets.
//!
//! A replica's tablet says how far it had applied; the log says everything else. Where the tablet lost
//! its unsynced end, the log replays it; a tablet behind what the log knows to be durable is damage,
//! and the node says so instead of serving less than it acknowledged.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::ops::Bound;

use bytes::Bytes;
use stator_catalog::Catalog;
use stator_log::{Recovered, RecoveredGroup};
use stator_model::{LogIndex, NodeId, PartitionId, ReplicaId, TabletId};
use stator_store::state::PartitionState;
use stator_store::{Engine, keys};

use crate::core::{Core, LogTaskId};
use crate::group::{Error as GroupError, GroupStart, Installed};
use crate::machine::{CatalogMachine, Machine};

/// Who this node is, and which cluster it forms if it is blank.
#[derive(Clone, Copy, Debug)]
pub struct Forming {
    /// The cluster's id, minted once.
    pub cluster: [u8; 16],
    /// This node.
    pub node: NodeId,
    /// The id of its replicas.
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
        let Start { recovered, engine, forming } = start;
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
        };
        let named: HashSet<TabletId> = recovered.groups.iter().map(|group| group.tablet).collect();
        core.drop = engine.tablets()?.into_iter().filter(|id| !named.contains(id)).collect();
        let count = recovered.groups.len();
        for group in recovered.groups {
            core.reopen(group, engine, forming)?;
        }
        if core.catalog_machine().is_none() {
            if count > 0 {
                return Err(StartError::CatalogMissing { groups: count });
            }
            let machine = CatalogMachine::new(Catalog::default(), forming);
            let state = PartitionState::blank(vec![forming.replica]);
            core.install(
                PartitionId::CATALOG,
                forming.replica,
                state,
                Machine::Catalog(Box::new(machine)),
            )?;
        }
        Ok(core)
    }

    /// How many entries the log holds that the store does not: before the first flush, those that are
    /// about to be replayed.
    pub fn entries_to_replay(&self) -> usize {
        self.replicas.values().map(|replica| replica.group.entries_held()).sum()
    }

    fn reopen(
        &mut self,
        group: RecoveredGroup,
        engine: &dyn Engine,
        forming: Forming,
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
        let entries: Vec<_> =
            group.entries.into_iter().filter(|entry| entry.index > state.applied).collect();
        if let Some(first) = entries.first()
            && first.index > state.applied.next()
        {
            return Err(StartError::Gap { partition, applied: state.applied, first: first.index });
        }
        let reached = entries.last().map_or(state.applied, |entry| entry.index);
        let committed = group.hard_state.commit;
        if committed > reached {
            return Err(StartError::Lost { partition, reached, committed });
        }
        let machine = if partition == PartitionId::CATALOG {
            let catalog = load_catalog(engine, group.tablet)?;
            Machine::Catalog(Box::new(CatalogMachine::new(catalog, forming)))
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
        };
        Ok(self.open(start, state, machine)?)
    }
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
