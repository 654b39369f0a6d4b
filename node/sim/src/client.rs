//! Clients: what they ask.

use std::num::NonZeroU32;

use serde_json::{Value, json};
use stator_operation::{Operation, Request};
use stator_protocol::ApiError;

use crate::content::{self, KeyKind, KeyNumber, WriteNumber};
use crate::edge::{Draw, Flight, FlightId};
use crate::linear::Moment;
use crate::plan::Plan;
use crate::random::Random;
use crate::violation::Violation;

mod answers;

pub use answers::{answered, lost};

/// Bytes of padding of a large item, at most: an item may have 400 KB.
const LARGE: u64 = 390_000;

/// What a client asks.
#[derive(Clone, Copy, Debug)]
pub enum Ask {
    /// PutItem.
    Put {
        /// Of this name.
        name: u64,
        /// This key.
        key: KeyNumber,
        /// This value.
        write: WriteNumber,
        /// With so much padding.
        padding: usize,
        /// With `ReturnValues: ALL_OLD`.
        wants_old: bool,
    },
    /// GetItem.
    Get {
        /// Of this name.
        name: u64,
        /// This key.
        key: KeyNumber,
        /// With `ConsistentRead`.
        consistent: bool,
    },
    /// DeleteItem.
    Erase {
        /// Of this name.
        name: u64,
        /// This key.
        key: KeyNumber,
        /// The number of this delete.
        write: WriteNumber,
        /// With `ReturnValues: ALL_OLD`.
        wants_old: bool,
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
        /// By the index that holds every item, or by the table's key.
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

/// The name of the so-and-so-manieth table.
pub fn table_name(name: u64) -> String {
    format!("table-{name}")
}

/// How the keys of tables of this name are made.
pub fn kind_of(name: u64) -> KeyKind {
    if name.is_multiple_of(2) { KeyKind::Simple } else { KeyKind::Composite }
}

impl Ask {
    /// Draws what a client asks next.
    pub fn draw(plan: &Plan, random: &mut Random, writes: &mut u64) -> Self {
        let name = random.below(plan.names);
        let key = if random.chance(1, 2) {
            KeyNumber(random.below(plan.hot_keys))
        } else {
            KeyNumber(random.below(plan.keys))
        };
        if random.chance(plan.erases, 100) {
            *writes += 1;
            let wants_old = random.chance(1, 2);
            return Self::Erase { name, key, write: WriteNumber(*writes), wants_old };
        }
        match random.below(100) {
            0..42 => {
                *writes += 1;
                let padding = padding(plan, random);
                let wants_old = random.chance(1, 4);
                Self::Put { name, key, write: WriteNumber(*writes), padding, wants_old }
            }
            42..48 => {
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
            Self::Put { name, .. }
            | Self::Get { name, .. }
            | Self::Erase { name, .. }
            | Self::WriteBatch { name, .. }
            | Self::GetBatch { name, .. }
            | Self::Scan { name, .. }
            | Self::Query { name, .. } => Some(name),
            Self::Create { .. } | Self::Delete { .. } | Self::Describe { .. } | Self::List => None,
        }
    }

    /// What it writes: key, number, and whether it deletes.
    fn writes(self) -> Vec<(KeyNumber, WriteNumber, bool)> {
        match self {
            Self::Put { key, write, .. } => vec![(key, write, false)],
            Self::Erase { key, write, .. } => vec![(key, write, true)],
            Self::WriteBatch { from, write, count, deletes, .. } => {
                batch(from, write, count, deletes).collect()
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

    fn body(self) -> (Operation, Value) {
        match self {
            Self::Put { name, key, write, padding, wants_old } => {
                let mut body = json!({
                    "TableName": table_name(name),
                    "Item": content::item(kind_of(name), key, write, padding),
                });
                if wants_old && let Some(members) = body.as_object_mut() {
                    members.insert("ReturnValues".to_owned(), json!("ALL_OLD"));
                }
                (Operation::PutItem, body)
            }
            Self::Get { name, key, consistent } => {
                let body = json!({
                    "TableName": table_name(name),
                    "Key": kind_of(name).attributes(key),
                    "ConsistentRead": consistent,
                });
                (Operation::GetItem, body)
            }
            Self::Erase { name, key, wants_old, .. } => {
                let body = json!({
                    "TableName": table_name(name),
                    "Key": kind_of(name).attributes(key),
                    "ReturnValues": if wants_old { "ALL_OLD" } else { "NONE" },
                });
                (Operation::DeleteItem, body)
            }
            Self::WriteBatch { name, from, write, count, deletes } => {
                let requests = batch(from, write, count, deletes).map(|(key, write, deletes)| {
                    if deletes {
                        json!({ "DeleteRequest": { "Key": kind_of(name).attributes(key) } })
                    } else {
                        let item = content::item(kind_of(name), key, write, 20);
                        json!({ "PutRequest": { "Item": item } })
                    }
                });
                let requests: Vec<Value> = requests.collect();
                (
                    Operation::BatchWriteItem,
                    json!({ "RequestItems": { table_name(name): requests } }),
                )
            }
            Self::GetBatch { name, from, count, consistent } => {
                let keys = keys(from, count).map(|key| kind_of(name).attributes(key));
                let asked = json!({
                    "Keys": keys.collect::<Vec<Value>>(),
                    "ConsistentRead": consistent,
                });
                (Operation::BatchGetItem, json!({ "RequestItems": { table_name(name): asked } }))
            }
            Self::Scan { name, consistent, limit, segments } => {
                let mut body = json!({
                    "TableName": table_name(name),
                    "ConsistentRead": consistent,
                    "Segment": 0,
                    "TotalSegments": segments,
                });
                if limit > 0
                    && let Some(members) = body.as_object_mut()
                {
                    members.insert("Limit".to_owned(), json!(limit));
                }
                (Operation::Scan, body)
            }
            Self::Query { name, group, by_write, consistent, forward, limit } => {
                let key = json!([kind_of(name).partition(group)]);
                let body = json!({
                    "TableName": table_name(name),
                    "IndexName": by_write.then_some(content::BY_WRITE),
                    "KeyConditions": { "pk": { "ComparisonOperator": "EQ", "AttributeValueList": key } },
                    "Select": "ALL_ATTRIBUTES",
                    "ConsistentRead": consistent,
                    "ScanIndexForward": forward,
                    "Limit": (limit > 0).then_some(limit),
                });
                (Operation::Query, body)
            }
            Self::Create { name } => {
                let (definitions, schema) = kind_of(name).schema();
                let body = json!({
                    "TableName": table_name(name),
                    "AttributeDefinitions": definitions,
                    "KeySchema": schema,
                    "LocalSecondaryIndexes": kind_of(name).local_indexes(),
                    "BillingMode": "PAY_PER_REQUEST",
                });
                (Operation::CreateTable, body)
            }
            Self::Delete { name } => {
                (Operation::DeleteTable, json!({ "TableName": table_name(name) }))
            }
            Self::Describe { name } => {
                (Operation::DescribeTable, json!({ "TableName": table_name(name) }))
            }
            Self::List => (Operation::ListTables, json!({})),
        }
    }
}

/// Keys that follow each other.
fn keys(from: KeyNumber, count: u64) -> impl Iterator<Item = KeyNumber> {
    (from.0..from.0 + count).map(KeyNumber)
}

/// The writes of a batch: key, number, and whether it deletes.
fn batch(
    from: KeyNumber,
    write: WriteNumber,
    count: u64,
    deletes: u64,
) -> impl Iterator<Item = (KeyNumber, WriteNumber, bool)> {
    (0..count)
        .map(move |at| (KeyNumber(from.0 + at), WriteNumber(write.0 + at), deletes >> at & 1 == 1))
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
