//! What answers, and their absence, go down as in the history.

use serde_json::{Value, json};
use stator_model::{TableId, TableStatus};
use stator_operation::Reply;
use stator_protocol::{ApiError, ErrorCode};

use super::{Ask, keys, kind_of, table_name};
use crate::content::{self, KeyNumber, WriteNumber};
use crate::edge::About;
use crate::history::{Get, History, NameOperation, Outcome, Put, Register};
use crate::linear::Moment;
use crate::violation::Violation;

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
        | Ask::Query { .. }
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
        Ask::Query { .. } => queried(history, keys_of_tables, at, ask, about, &body)?,
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

/// The items of a page come in order; a page of all shows what is not there, too.
fn queried(
    history: &mut History,
    keys_of_tables: u64,
    (called, returned): (Moment, Moment),
    ask: Ask,
    about: About,
    body: &Value,
) -> Result<(), Violation> {
    let Ask::Query { name, group, by_write, consistent, forward, limit } = ask else {
        return Ok(());
    };
    let table = about.table.ok_or_else(|| strange(ask, "no table"))?;
    let mut items = body.get("Items").and_then(Value::as_array).cloned().unwrap_or_default();
    if limit > 0 && u64::try_from(items.len()).is_ok_and(|count| count > limit) {
        return Err(strange(ask, "more items than it wanted"));
    }
    let sort = if by_write { "/write/N" } else { "/sk/N" };
    let order = |item: &Value| {
        let number: Option<u64> =
            item.pointer(sort).and_then(Value::as_str).and_then(|text| text.parse().ok());
        number
    };
    let in_order = match forward {
        true => items.is_sorted_by(|left, right| order(left) < order(right)),
        false => items.is_sorted_by(|left, right| order(left) > order(right)),
    };
    if !in_order {
        return Err(strange(ask, "items out of order"));
    }
    let is_all = body.get("LastEvaluatedKey").is_none();
    let of_group = |key: &KeyNumber| kind_of(name).group(*key) == group;
    for key in keys(KeyNumber(0), keys_of_tables).filter(of_group) {
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
            Ask::Get { .. } | Ask::GetBatch { .. } | Ask::Scan { .. } | Ask::Query { .. },
            ErrorCode::ResourceNotFoundException,
        )
        | (
            Ask::Get { .. }
            | Ask::GetBatch { .. }
            | Ask::Scan { .. }
            | Ask::Query { .. }
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
