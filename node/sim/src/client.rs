//! Clients: what they ask.

use std::num::NonZeroU32;

use stator_model::SharedItem;
use stator_operation::Request;
use stator_protocol::ApiError;

use crate::change::{Change, Condition, Field};
use crate::content::{KeyKind, KeyNumber, WriteNumber};
use crate::edge::{Draw, Flight, FlightId};
use crate::history::Versions;
use crate::linear::Moment;
use crate::plan::Plan;
use crate::random::Random;
use crate::violation::Violation;

mod answers;
mod bodies;

pub use answers::{answered, lost};

/// Bytes of padding of a large item, at most: an item may have 400 KB.
const LARGE: u64 = 390_000;

/// What a client asks.
#[derive(Clone, Copy, Debug)]
pub enum Ask {
    /// PutItem, UpdateItem or DeleteItem.
    Write(Writing),
    /// GetItem.
    Get {
        /// Of this name.
        name: u64,
        /// This key.
        key: KeyNumber,
        /// With `ConsistentRead`.
        consistent: bool,
    },
    /// BatchWriteItem of keys that follow each other.
    WriteBatch {
        /// Of this name.
        name: u64,
        /// From this key on.
        from: KeyNumber,
        /// The number of the first write; those of the others follow.
        write: WriteNumber,
        /// How many.
        count: u64,
        /// A bit for each that deletes.
        deletes: u64,
    },
    /// BatchGetItem of keys that follow each other.
    GetBatch {
        /// Of this name.
        name: u64,
        /// From this key on.
        from: KeyNumber,
        /// How many.
        count: u64,
        /// With `ConsistentRead`.
        consistent: bool,
    },
    /// Scan, one page.
    Scan {
        /// Of this name.
        name: u64,
        /// With `ConsistentRead`.
        consistent: bool,
        /// With this `Limit`; 0 for none.
        limit: u64,
        /// One of so many segments, the first.
        segments: u64,
    },
    /// Query, one page, with all attributes.
    Query {
        /// Of this name.
        name: u64,
        /// Of the keys of this group.
        group: u64,
        /// By the index that holds every item that was put, or by the table's key.
        by_write: bool,
        /// With `ConsistentRead`.
        consistent: bool,
        /// With `ScanIndexForward`.
        forward: bool,
        /// With this `Limit`; 0 for none.
        limit: u64,
    },
    /// CreateTable.
    Create {
        /// With this name.
        name: u64,
    },
    /// DeleteTable.
    Delete {
        /// With this name.
        name: u64,
    },
    /// DescribeTable.
    Describe {
        /// With this name.
        name: u64,
    },
    /// ListTables, all of them.
    List,
}

/// What a client asks of one item.
#[derive(Clone, Copy, Debug)]
pub struct Writing {
    /// Of this name.
    pub name: u64,
    /// This key.
    pub key: KeyNumber,
    /// The number of this write.
    pub number: WriteNumber,
    /// What it does.
    pub change: Change,
    /// With so much padding, if it puts.
    pub padding: usize,
    /// If this holds.
    pub condition: Option<Condition>,
    /// With these `ReturnValues`.
    pub wants: Wants,
    /// With `ReturnValuesOnConditionCheckFailure: ALL_OLD`.
    pub wants_refused: bool,
}

/// What a write is to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// `NONE`.
    Nothing,
    /// `ALL_OLD`.
    Old,
    /// `ALL_NEW`.
    New,
    /// `UPDATED_OLD`.
    FieldOld,
    /// `UPDATED_NEW`.
    FieldNew,
}

/// The name of the so-and-so-manieth table.
pub fn table_name(name: u64) -> String {
    format!("table-{name}")
}

/// How the keys of tables of this name are made.
pub fn kind_of(name: u64) -> KeyKind {
    if name.is_multiple_of(2) { KeyKind::Simple } else { KeyKind::Composite }
}

impl Ask {
    /// Draws what a client asks next; `versions` is what clients have seen.
    pub fn draw(plan: &Plan, random: &mut Random, writes: &mut u64, versions: &Versions) -> Self {
        let name = random.below(plan.names);
        let key = if random.chance(1, 2) {
            KeyNumber(random.below(plan.hot_keys))
        } else {
            KeyNumber(random.below(plan.keys))
        };
        let erases = random.chance(plan.erases, 100);
        match random.below(100) {
            drawn if erases || drawn < 42 => {
                *writes += 1;
                let target = (name, key, WriteNumber(*writes));
                Self::Write(Writing::draw(target, erases, plan, random, versions))
            }
            ..48 => {
                let count = random.within(1, plan.keys.min(6));
                let write = WriteNumber(*writes + 1);
                *writes += count;
                let deletes = random.bits() & random.bits();
                let from = KeyNumber(random.within(0, plan.keys - count));
                Self::WriteBatch { name, from, write, count, deletes }
            }
            48..68 => Self::Get { name, key, consistent: true },
            68..76 => Self::Get { name, key, consistent: false },
            76..80 => {
                let count = random.within(1, plan.keys.min(6));
                let from = KeyNumber(random.within(0, plan.keys - count));
                Self::GetBatch { name, from, count, consistent: random.chance(2, 3) }
            }
            80..84 => Self::Scan {
                name,
                consistent: random.chance(2, 3),
                limit: if random.chance(1, 2) { random.within(1, 8) } else { 0 },
                segments: if random.chance(1, 3) { random.within(2, 4) } else { 1 },
            },
            84..88 => Self::Query {
                name,
                group: kind_of(name).group(key),
                by_write: kind_of(name) == KeyKind::Composite && random.chance(2, 3),
                consistent: random.chance(2, 3),
                forward: random.chance(1, 2),
                limit: if random.chance(1, 2) { random.within(1, 4) } else { 0 },
            },
            88..91 => Self::Create { name },
            91..94 => Self::Delete { name },
            94..98 => Self::Describe { name },
            _ => Self::List,
        }
    }

    /// The name of the table whose items it is about.
    pub fn item_name(self) -> Option<u64> {
        match self {
            Self::Write(Writing { name, .. })
            | Self::Get { name, .. }
            | Self::WriteBatch { name, .. }
            | Self::GetBatch { name, .. }
            | Self::Scan { name, .. }
            | Self::Query { name, .. } => Some(name),
            Self::Create { .. } | Self::Delete { .. } | Self::Describe { .. } | Self::List => None,
        }
    }

    /// The item that has nothing but the key of the one that it writes.
    pub fn key_item(self) -> Option<SharedItem> {
        let Self::Write(Writing { name, key, .. }) = self else { return None };
        Some(kind_of(name).item(key))
    }

    /// What it writes: key, number, what is done and on what that depends.
    fn writes(self) -> Vec<(KeyNumber, WriteNumber, Change, Option<Condition>)> {
        match self {
            Self::Write(Writing { key, number, change, condition, .. }) => {
                vec![(key, number, change, condition)]
            }
            Self::WriteBatch { from, write, count, deletes, .. } => {
                let writes = batch(from, write, count, deletes);
                writes.map(|(key, number, change)| (key, number, change, None)).collect()
            }
            Self::Get { .. }
            | Self::GetBatch { .. }
            | Self::Scan { .. }
            | Self::Query { .. }
            | Self::Create { .. }
            | Self::Delete { .. }
            | Self::Describe { .. }
            | Self::List => Vec::new(),
        }
    }

    /// The request, as a server reads it from its body.
    ///
    /// # Errors
    /// The API's refusal: none is expected.
    pub fn request(self) -> Result<Request, ApiError> {
        let (operation, body) = self.body();
        Request::parse(operation, body.to_string().as_bytes())
    }
}

impl Writing {
    fn draw(
        (name, key, number): (u64, KeyNumber, WriteNumber),
        erases: bool,
        plan: &Plan,
        random: &mut Random,
        versions: &Versions,
    ) -> Self {
        let change = match random.below(100) {
            _ if erases => Change::Erase,
            drawn if drawn >= plan.updates => Change::Put,
            _ => *draw_from(random, &UPDATES),
        };
        let padding = if change == Change::Put { padding(plan, random) } else { 0 };
        let depends = change == Change::SetVersion || random.chance(plan.conditions, 100);
        let condition = depends.then(|| {
            let seen = versions.get(&(name, key)).copied().flatten();
            match (change, random.below(4)) {
                (Change::SetVersion, _) => Condition::Version(seen),
                (Change::Put, 0..3) | (_, 0) => Condition::Absent,
                (_, 1..3) => Condition::Present,
                (_, _) => Condition::Version(seen),
            }
        });
        let wants = match change.field() {
            None if random.chance(1, 3) => Wants::Old,
            None => Wants::Nothing,
            Some(_) => *draw_from(random, &WANTS),
        };
        let wants_refused = random.chance(2, 3);
        Self { name, key, number, change, padding, condition, wants, wants_refused }
    }
}

/// Counters most of all.
const UPDATES: [Change; 8] = [
    Change::Add,
    Change::Add,
    Change::SetVersion,
    Change::SetVersion,
    Change::SetFirst,
    Change::Remove(Field::Hits),
    Change::Remove(Field::Version),
    Change::Remove(Field::First),
];

const WANTS: [Wants; 6] =
    [Wants::Nothing, Wants::Old, Wants::New, Wants::FieldOld, Wants::FieldNew, Wants::FieldNew];

fn draw_from<'t, T>(random: &mut Random, from: &'t [T]) -> &'t T {
    from.get(random.place(from.len())).expect("a place in something that is not empty")
}

/// Keys that follow each other.
fn keys(from: KeyNumber, count: u64) -> impl Iterator<Item = KeyNumber> {
    (from.0..from.0 + count).map(KeyNumber)
}

/// The writes of a batch: key, number and what is done.
fn batch(
    from: KeyNumber,
    write: WriteNumber,
    count: u64,
    deletes: u64,
) -> impl Iterator<Item = (KeyNumber, WriteNumber, Change)> {
    (0..count).map(move |at| {
        let change = if deletes >> at & 1 == 1 { Change::Erase } else { Change::Put };
        (KeyNumber(from.0 + at), WriteNumber(write.0 + at), change)
    })
}

fn padding(plan: &Plan, random: &mut Random) -> usize {
    let padding = match random.below(plan.large) {
        0 => random.within(4_000, LARGE),
        1..4 => random.within(500, 9_000),
        _ => random.below(60),
    };
    usize::try_from(padding).unwrap_or(0)
}

/// A request on its way and what to note of it.
pub struct Call {
    /// What was asked.
    pub ask: Ask,
    /// When.
    pub called: Moment,
    /// The request in the node.
    pub flight: Flight,
}

impl Call {
    /// Asks.
    ///
    /// # Errors
    /// If the node's parser refuses what clients may send.
    pub fn begin(
        ask: Ask,
        id: FlightId,
        called: Moment,
        random: &mut Random,
    ) -> Result<Self, Violation> {
        let request = ask.request().map_err(|error| {
            Violation::new("replies", format!("{ask:?} was refused: {error:?}"))
        })?;
        let partitions = u32::try_from(random.within(1, 3)).ok().and_then(NonZeroU32::new);
        let partitions = partitions.unwrap_or(NonZeroU32::MIN);
        let draw = Draw { random: random.secret(), partitions };
        Ok(Self { ask, called, flight: Flight::new(id, request, draw) })
    }
}
