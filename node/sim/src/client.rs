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
        match random.below(100) {
            0..48 => {
                *writes += 1;
                let padding = padding(plan, random);
                let wants_old = random.chance(1, 4);
                Self::Put { name, key, write: WriteNumber(*writes), padding, wants_old }
            }
            48..72 => Self::Get { name, key, consistent: true },
            72..82 => Self::Get { name, key, consistent: false },
            82..85 => Self::Create { name },
            85..88 => Self::Delete { name },
            88..97 => Self::Describe { name },
            _ => Self::List,
        }
    }

    /// The name of the table whose item it is about.
    pub fn item_name(self) -> Option<u64> {
        match self {
            Self::Put { name, .. } | Self::Get { name, .. } => Some(name),
            Self::Create { .. } | Self::Delete { .. } | Self::Describe { .. } | Self::List => None,
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
        Ask::Put { key, write, .. } => {
            // A request that had not found its table yet did nothing.
            if let Some(table) = about.table.filter(|_| about.begun) {
                let put = Put { write, old: None, outcome: Outcome::Unknown };
                history.put(Register { table, key }, called, None, put);
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
        Ask::Get { .. } | Ask::Describe { .. } | Ask::List => {}
    }
    history.unknown += 1;
}

/// Notes an answer.
///
/// # Errors
/// If the answer is not one that the API gives to this request.
pub fn answered(
    history: &mut History,
    names: u64,
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
        Ask::Put { name, key, write, wants_old, .. } => {
            let old = item_of(ask, name, key, body.get("Attributes"))?;
            let put = Put { write, old: wants_old.then_some(old), outcome: Outcome::Done };
            let table = about.table.ok_or_else(|| strange(ask, "no table"))?;
            history.put(Register { table, key }, called, Some(returned), put);
        }
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
        (Ask::Put { key, write, .. }, ErrorCode::ResourceNotFoundException)
        | (Ask::Put { key, write, .. }, ErrorCode::ServiceUnavailable) => {
            if let Some(table) = about.table {
                let put = Put { write, old: None, outcome: Outcome::NotDone };
                history.put(Register { table, key }, called, Some(returned), put);
            }
        }
        (
            Ask::Put { .. } | Ask::Create { .. } | Ask::Delete { .. },
            ErrorCode::InternalServerError,
        ) => {
            lost(history, ask, called, about);
        }
        (Ask::Get { .. }, ErrorCode::ResourceNotFoundException)
        | (
            Ask::Get { .. } | Ask::Create { .. } | Ask::Delete { .. },
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
