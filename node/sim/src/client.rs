//! Clients: what they ask, and what their answers go down as in the history.

use std::num::NonZeroU32;

use serde_json::{Value, json};
use stator_model::{TableId, TableStatus};
use stator_operation::{Operation, Reply, Request};
use stator_protocol::{ApiError, ErrorCode};

use crate::content::{self, KeyKind, KeyNumber, WriteNumber};
use crate::edge::{About, Draw, Flight, FlightId};
use crate::history::{Get, History, NameOperation, Outcome, Put, Register};
use crate::linear::Moment;
use crate::plan::Plan;
use crate::random::Random;
use crate::violation::Violation;

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
            84..87 => Self::Create { name },
            87..90 => Self::Delete { name },
            90..98 => Self::Describe { name },
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
            | Self::Scan { name, .. } => Some(name),
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
            Self::Create { name } => {
                let (definitions, schema) = kind_of(name).schema();
                let body = json!({
                    "TableName": table_name(name),
                    "AttributeDefinitions": definitions,
                    "KeySchema": schema,
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

/// Notes a request that will never be answered: the node is dead.
pub fn lost(history: &mut History, ask: Ask, called: Moment, about: About) {
    match ask {
        Ask::Put { .. } | Ask::Erase { .. } | Ask::WriteBatch { .. } => {
            // A request that had not found its table yet did nothing.
            if let Some(table) = about.table.filter(|_| about.begun) {
                for (key, write, deletes) in ask.writes() {
                    let put = Put { write, deletes, old: None, outcome: Outcome::Unknown };
                    history.put(Register { table, key }, called, None, put);
                }
            }
        }
        Ask::Create { name } => {
            if let Some(id) = about.created.filter(|_| about.begun) {
                history.name(&table_name(name), called, None, NameOperation::Created(id));
            }
        }
        Ask::Delete { name } => {
            if about.begun {
                history.name(&table_name(name), called, None, NameOperation::Deleted(None));
            }
        }
        Ask::Get { .. }
        | Ask::GetBatch { .. }
        | Ask::Scan { .. }
        | Ask::Describe { .. }
        | Ask::List => {}
    }
    history.unknown += 1;
}

/// Notes an answer.
///
/// # Errors
/// If the answer is not one that the API gives to this request.
pub fn answered(
    history: &mut History,
    (names, keys_of_tables): (u64, u64),
    (ask, called, returned): (Ask, Moment, Moment),
    about: About,
    result: &Result<Reply, ApiError>,
) -> Result<(), Violation> {
    let body: Value = match result {
        Ok(reply) => {
            let body = reply.to_body();
            serde_json::from_slice(&body).map_err(|error| strange(ask, &error.to_string()))?
        }
        Err(error) => return refused(history, (ask, called, returned), about, error),
    };
    history.answered += 1;
    let at = (called, returned);
    match ask {
        Ask::Put { name, key, write, wants_old, .. }
        | Ask::Erase { name, key, write, wants_old } => {
            let old = item_of(ask, name, key, body.get("Attributes"))?;
            let deletes = matches!(ask, Ask::Erase { .. });
            let old = wants_old.then_some(old);
            let put = Put { write, deletes, old, outcome: Outcome::Done };
            let table = about.table.ok_or_else(|| strange(ask, "no table"))?;
            history.put(Register { table, key }, called, Some(returned), put);
        }
        Ask::WriteBatch { .. } => batch_written(history, at, ask, about, &body)?,
        Ask::GetBatch { .. } => batch_got(history, at, ask, about, &body)?,
        Ask::Scan { .. } => scanned(history, keys_of_tables, at, ask, about, &body)?,
        Ask::Get { name, key, consistent } => {
            let found = item_of(ask, name, key, body.get("Item"))?;
            let table = about.table.ok_or_else(|| strange(ask, "no table"))?;
            history.get(Register { table, key }, called, returned, Get { consistent, found });
        }
        Ask::Create { name } => {
            let (id, status) = described(ask, body.get("TableDescription"))?;
            let is_new = about.created == Some(id) && status == TableStatus::Creating;
            crate::violation::ensure(is_new, "replies", || format!("{ask:?} answered {body}"))?;
            note(history, name, at, NameOperation::Created(id));
        }
        Ask::Delete { name } => {
            let (id, _) = described(ask, body.get("TableDescription"))?;
            note(history, name, at, NameOperation::Deleted(Some(id)));
        }
        Ask::Describe { name } => {
            let found = described(ask, body.get("Table"))?;
            note(history, name, at, NameOperation::Found(Some(found)));
        }
        Ask::List => listed(history, names, at, ask, &body)?,
    }
    Ok(())
}

/// A batch of writes was answered: what is unprocessed may have been done all the same.
fn batch_written(
    history: &mut History,
    (called, returned): (Moment, Moment),
    ask: Ask,
    about: About,
    body: &Value,
) -> Result<(), Violation> {
    let Ask::WriteBatch { name, .. } = ask else { return Ok(()) };
    let table = about.table.ok_or_else(|| strange(ask, "no table"))?;
    let unprocessed = body.get("UnprocessedItems").and_then(|left| left.get(table_name(name)));
    let left = unprocessed.and_then(Value::as_array).cloned().unwrap_or_default();
    let is_left = |key| {
        left.iter().any(|request| {
            let deleted = request.pointer("/DeleteRequest/Key");
            let item = deleted.or_else(|| request.pointer("/PutRequest/Item"));
            item.is_some_and(|item| has_key(item, name, key))
        })
    };
    for (key, write, deletes) in ask.writes() {
        let (outcome, returned) = match is_left(key) {
            true => (Outcome::Unknown, None),
            false => (Outcome::Done, Some(returned)),
        };
        let put = Put { write, deletes, old: None, outcome };
        history.put(Register { table, key }, called, returned, put);
    }
    Ok(())
}

/// Each key of a batch was read at a moment of its own.
fn batch_got(
    history: &mut History,
    (called, returned): (Moment, Moment),
    ask: Ask,
    about: About,
    body: &Value,
) -> Result<(), Violation> {
    let Ask::GetBatch { name, from, count, consistent } = ask else { return Ok(()) };
    let table = about.table.ok_or_else(|| strange(ask, "no table"))?;
    let all_read = body.get("UnprocessedKeys") == Some(&json!({}));
    let items = body.get("Responses").and_then(|tables| tables.get(table_name(name)));
    let mut items = items.and_then(Value::as_array).cloned().unwrap_or_default();
    for key in keys(from, count) {
        let item = take(&mut items, name, key);
        let found = item_of(ask, name, key, item.as_ref())?;
        if found.is_some() || all_read {
            history.get(Register { table, key }, called, returned, Get { consistent, found });
        }
    }
    if items.is_empty() { Ok(()) } else { Err(strange(ask, "items that nobody asked for")) }
}

/// Each item of a page was read at a moment of its own; a page of all shows what is not there, too.
fn scanned(
    history: &mut History,
    keys_of_tables: u64,
    (called, returned): (Moment, Moment),
    ask: Ask,
    about: About,
    body: &Value,
) -> Result<(), Violation> {
    let Ask::Scan { name, consistent, limit, segments } = ask else { return Ok(()) };
    let table = about.table.ok_or_else(|| strange(ask, "no table"))?;
    let mut items = body.get("Items").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_all = body.get("LastEvaluatedKey").is_none() && segments == 1;
    let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
    if limit > 0 && count > limit {
        return Err(strange(ask, "more items than it wanted"));
    }
    for key in keys(KeyNumber(0), keys_of_tables) {
        let item = take(&mut items, name, key);
        let found = item_of(ask, name, key, item.as_ref())?;
        if found.is_some() || is_all {
            history.get(Register { table, key }, called, returned, Get { consistent, found });
        }
    }
    if items.is_empty() { Ok(()) } else { Err(strange(ask, "an item twice, or one of no key")) }
}

/// Takes the item with this key out.
fn take(items: &mut Vec<Value>, name: u64, key: KeyNumber) -> Option<Value> {
    let at = items.iter().position(|item| has_key(item, name, key))?;
    Some(items.swap_remove(at))
}

fn has_key(item: &Value, name: u64, key: KeyNumber) -> bool {
    let attributes = kind_of(name).attributes(key);
    let mut members = attributes.as_object().into_iter().flatten();
    members.all(|(name, value)| item.get(name) == Some(value))
}

fn note(history: &mut History, name: u64, at: (Moment, Moment), operation: NameOperation) {
    history.name(&table_name(name), at.0, Some(at.1), operation);
}

fn refused(
    history: &mut History,
    (ask, called, returned): (Ask, Moment, Moment),
    about: About,
    error: &ApiError,
) -> Result<(), Violation> {
    let at = (called, returned);
    match (ask, error.code()) {
        (
            Ask::Put { .. } | Ask::Erase { .. },
            ErrorCode::ResourceNotFoundException
            | ErrorCode::ServiceUnavailable
            | ErrorCode::ThrottlingException,
        ) => {
            for (key, write, deletes) in ask.writes() {
                if let Some(table) = about.table {
                    let put = Put { write, deletes, old: None, outcome: Outcome::NotDone };
                    history.put(Register { table, key }, called, Some(returned), put);
                }
            }
        }
        // Of a batch, some may have been written all the same.
        (
            Ask::WriteBatch { .. },
            ErrorCode::ResourceNotFoundException
            | ErrorCode::ServiceUnavailable
            | ErrorCode::ThrottlingException
            | ErrorCode::InternalServerError,
        )
        | (
            Ask::Put { .. } | Ask::Erase { .. } | Ask::Create { .. } | Ask::Delete { .. },
            ErrorCode::InternalServerError,
        ) => {
            lost(history, ask, called, about);
        }
        (
            Ask::Get { .. } | Ask::GetBatch { .. } | Ask::Scan { .. },
            ErrorCode::ResourceNotFoundException,
        )
        | (
            Ask::Get { .. }
            | Ask::GetBatch { .. }
            | Ask::Scan { .. }
            | Ask::Create { .. }
            | Ask::Delete { .. },
            ErrorCode::ServiceUnavailable,
        ) => {}
        (Ask::Create { name }, ErrorCode::ResourceInUseException) => {
            note(history, name, at, NameOperation::CreateRefused);
        }
        (Ask::Delete { name }, ErrorCode::ResourceInUseException) => {
            note(history, name, at, NameOperation::DeleteRefused);
        }
        (Ask::Delete { name } | Ask::Describe { name }, ErrorCode::ResourceNotFoundException) => {
            note(history, name, at, NameOperation::Missing);
        }
        _ => return Err(strange(ask, &format!("{error:?}"))),
    }
    Ok(())
}

fn item_of(
    ask: Ask,
    name: u64,
    key: KeyNumber,
    item: Option<&Value>,
) -> Result<Option<WriteNumber>, Violation> {
    let write = item.map(|item| content::write_of(kind_of(name), key, item)).transpose();
    write.map_err(|torn| strange(ask, &torn))
}

fn described(ask: Ask, table: Option<&Value>) -> Result<(TableId, TableStatus), Violation> {
    let text = |name| table.and_then(|table| table.get(name)).and_then(Value::as_str);
    let id = text("TableId").and_then(|id| u128::from_str_radix(&id.replace('-', ""), 16).ok());
    let known = [TableStatus::Creating, TableStatus::Active, TableStatus::Deleting];
    let status = known.into_iter().find(|status| Some(status.name()) == text("TableStatus"));
    id.map(|id| TableId::from_bytes(id.to_be_bytes()))
        .zip(status)
        .ok_or_else(|| strange(ask, &format!("{table:?}")))
}

/// A page of all tables shows every name at one moment.
fn listed(
    history: &mut History,
    names: u64,
    at: (Moment, Moment),
    ask: Ask,
    body: &Value,
) -> Result<(), Violation> {
    let found: Vec<&str> = body
        .get("TableNames")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .ok_or_else(|| strange(ask, &body.to_string()))?;
    let all: Vec<String> = (0..names).map(table_name).collect();
    let is_sorted = found.is_sorted_by(|left, right| left < right);
    if !is_sorted || found.iter().any(|name| all.iter().all(|known| known != name)) {
        return Err(strange(ask, &body.to_string()));
    }
    for (name, number) in all.iter().zip(0..) {
        let operation = if found.contains(&name.as_str()) {
            NameOperation::Found(None)
        } else {
            NameOperation::Missing
        };
        note(history, number, at, operation);
    }
    Ok(())
}

fn strange(ask: Ask, what: &str) -> Violation {
    Violation::new("replies", format!("{ask:?} got {what}"))
}
