//! What the catalog is asked to do, and what it answers.

use std::num::NonZeroU32;
use std::sync::Arc;

use stator_model::{
    Billing, HashSecret, KeySchema, LocalIndex, PartitionId, TableClass, TableDescription, TableId,
    TableSettings, TableStatus, Tags, UnixMillis, Warmth,
};

use crate::{Change, NodeCommand, NodeOutcome, NodeRefusal};

/// What the catalog is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Make a table and its partitions.
    CreateTable(Box<NewTable>),
    /// Change what can be changed of a table while it serves.
    UpdateTable(TableUpdate),
    /// Begin to delete a table.
    DeleteTable {
        /// Its name.
        name: String,
    },
    /// A partition has had its first leader.
    PartitionReady {
        /// The partition.
        partition: PartitionId,
    },
    /// No replica of a partition is left.
    PartitionDestroyed {
        /// The partition.
        partition: PartitionId,
    },
    /// Something about nodes or the feature level.
    Node(NodeCommand),
}

/// A table to be made. Validated: the catalog checks only what depends on its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTable {
    /// The id of this life of the table, random.
    pub id: TableId,
    /// Its name.
    pub name: String,
    /// Its primary key.
    pub key_schema: KeySchema,
    /// Its local secondary indexes.
    pub local_indexes: Vec<LocalIndex>,
    /// How it is paid for.
    pub billing: Billing,
    /// Whether DeleteTable is refused.
    pub deletion_protection: bool,
    /// What else is set of it.
    pub settings: TableSettings,
    /// What it is to be ready for at once, if that is more than its billing says.
    pub warm: Option<Warmth>,
    /// The secret that spreads its partition keys, random.
    pub hash_secret: HashSecret,
    /// With how many partitions it begins, at most [`INITIAL_PARTITIONS`](crate::INITIAL_PARTITIONS).
    pub partitions: NonZeroU32,
}

/// What is to be changed of a table; `None` and `Keep` leave it as it is. Validated, as [`NewTable`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableUpdate {
    /// The table's name.
    pub name: String,
    /// How it is paid for.
    pub billing: Option<BillingUpdate>,
    /// The most that it may be asked for on demand.
    pub on_demand: OnDemandUpdate,
    /// What it is ready for at once: no less than now.
    pub warm: WarmUpdate,
    /// Its class.
    pub class: Option<TableClass>,
    /// Whether DeleteTable is refused.
    pub deletion_protection: Option<bool>,
    /// Its tags.
    pub tags: TagUpdate,
}

/// How a table is to be paid for from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BillingUpdate {
    /// So, whatever is so now and however often that changed: a manifest says how things are.
    Declared(Billing),
    /// In this mode, as UpdateTable's BillingMode asks: other units than now if it is PROVISIONED already.
    Mode(Billing),
    /// By these units, as UpdateTable's ProvisionedThroughput alone asks: the table is PROVISIONED, and
    /// by other units.
    Units {
        /// ReadCapacityUnits.
        read: u64,
        /// WriteCapacityUnits.
        write: u64,
    },
}

impl BillingUpdate {
    /// What it comes to where it is not refused.
    pub const fn billing(self) -> Billing {
        match self {
            Self::Declared(billing) | Self::Mode(billing) => billing,
            Self::Units { read, write } => Billing::Provisioned { read, write },
        }
    }
}

/// What becomes of the caps of an on-demand table. They are merged member by member; a table that
/// becomes PROVISIONED loses them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnDemandUpdate {
    /// MaxReadRequestUnits.
    pub read: CapUpdate,
    /// MaxWriteRequestUnits.
    pub write: CapUpdate,
}

/// What becomes of one cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CapUpdate {
    /// Nothing.
    #[default]
    Keep,
    /// It goes, if there is one.
    Remove,
    /// It is this.
    Set(u64),
}

impl CapUpdate {
    /// The cap, if it was `before`.
    pub const fn applied_to(self, before: Option<u64>) -> Option<u64> {
        match self {
            Self::Keep => before,
            Self::Remove => None,
            Self::Set(cap) => Some(cap),
        }
    }
}

/// What a table is to be ready for at once; `None` as it is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WarmUpdate {
    /// ReadUnitsPerSecond.
    pub read: Option<u64>,
    /// WriteUnitsPerSecond.
    pub write: Option<u64>,
}

/// What becomes of a table's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TagUpdate {
    /// Nothing.
    #[default]
    Keep,
    /// They are these.
    Declared(Tags),
    /// These come in, and take the place of those that have their keys.
    Add(Tags),
    /// Those with these keys go, as far as they are there.
    Remove(Vec<String>),
}

/// What a command that is not refused comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What to replicate and [apply](crate::Catalog::apply), in this order and all of it or nothing.
    /// Empty if there is nothing to do.
    pub changes: Vec<Change>,
    /// How things stand once the changes are applied.
    pub outcome: Outcome,
}

/// How things stand once a decision is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The table is CREATING; its partitions are to be made.
    Creating(Arc<TableDescription>),
    /// The table is as it was asked to be.
    Updated(Arc<TableDescription>),
    /// The table is DELETING; its partitions are to be destroyed.
    Deleting(Arc<TableDescription>),
    /// The partition is ready. The table is ACTIVE if it was the last one.
    Ready(Arc<TableDescription>),
    /// The partition is gone.
    Destroyed {
        /// The table that it belonged to.
        table: TableId,
        /// Whether it was the last one, so that the table is gone too.
        last: bool,
    },
    /// Nodes or the feature level are so.
    Node(NodeOutcome),
}

/// Why a command is refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The table's status forbids the command. CreateTable: the name is taken, by a table that exists
    /// (ACTIVE), is being created or is being deleted. UpdateTable: it is one of the latter two.
    /// DeleteTable: the table is being created.
    #[error("table {name:?} is {}", status.name())]
    TableInUse {
        /// The table.
        name: String,
        /// Where it is in its life.
        status: TableStatus,
    },
    /// There is no table of this name.
    #[error("there is no table {name:?}")]
    TableNotFound {
        /// The name.
        name: String,
    },
    /// The table is protected against deletion.
    #[error("table {name:?} is protected against deletion")]
    DeletionProtected {
        /// The table.
        name: String,
    },
    /// Units are for a table that is PROVISIONED.
    #[error("table {name:?} is on demand")]
    NotProvisioned {
        /// The table.
        name: String,
    },
    /// The units are what they are now.
    #[error("the table has these units: {read} to read, {write} to write")]
    UnitsUnchanged {
        /// ReadCapacityUnits.
        read: u64,
        /// WriteCapacityUnits.
        write: u64,
    },
    /// Units went down too often.
    #[error("units went down {today} times today")]
    DecreasesSpent {
        /// NumberOfDecreasesToday.
        today: u32,
        /// LastDecreaseDateTime.
        last: UnixMillis,
        /// When they may go down again.
        next: UnixMillis,
    },
    /// Caps are for a table that is on demand.
    #[error("table {name:?} is provisioned")]
    NotOnDemand {
        /// The table.
        name: String,
        /// Whether a cap for reads is among those that were to be changed.
        read: bool,
    },
    /// A table never is ready for less than it was.
    #[error("the table is ready for more")]
    WarmLowered {
        /// Whether it is reads that would be fewer.
        read: bool,
    },
    /// More tags than a table may have.
    #[error("a table cannot have {count} tags")]
    TooManyTags {
        /// How many there would be.
        count: usize,
    },
    /// Another table has this id. Ids are random: draw another one.
    #[error("another table has id {id}")]
    TableIdTaken {
        /// The id.
        id: TableId,
    },
    /// More partitions than a table may begin with.
    #[error("a table cannot begin with {asked} partitions")]
    TooManyPartitions {
        /// How many were asked for.
        asked: NonZeroU32,
    },
    /// All 2^64 ids of partitions are spent.
    #[error("no id is left for a partition")]
    PartitionIdsSpent,
    /// There is no such partition, or not any more.
    #[error("there is no partition {partition}")]
    PartitionNotFound {
        /// The partition.
        partition: PartitionId,
    },
    /// The partition was ready before. Whoever reports it twice may ignore this.
    #[error("partition {partition} was ready before")]
    AlreadyReady {
        /// The partition.
        partition: PartitionId,
    },
    /// The partition's table is not being deleted, so the partition cannot be gone.
    #[error("partition {partition} belongs to a table that is {}", status.name())]
    NotDeleting {
        /// The partition.
        partition: PartitionId,
        /// Where its table is in its life.
        status: TableStatus,
    },
    /// No node gets new replicas: all are DRAINING or LOST.
    #[error("no node gets new replicas")]
    NoPlace,
    /// It was about nodes or the feature level.
    #[error(transparent)]
    Node(NodeRefusal),
    /// The cluster was not formed yet.
    #[error("the cluster is not formed")]
    NotFormed,
}
