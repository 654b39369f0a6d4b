//! What answers, and their absence, go down as in the history.

use serde_json::{Value, json};
use stator_model::{TableId, TableStatus};
use stator_operation::Reply;
use stator_protocol::{ApiError, ErrorCode};

use super::{Ask, Wants, Writing, keys, kind_of, table_name};
use crate::change::{Change, Content, Shown};
use crate::content::{self, KeyNumber};
use crate::edge::About;
use crate::history::{Get, History, NameOperation, Outcome, Register, Write};
use crate::linear::Moment;
use crate::violation::Violation;

/// Notes a request that will never be answered: the node is dead.
pub fn lost(history: &mut History, ask: Ask, called: Moment, about: About) {
    match ask {
        Ask::Write(_) | Ask::WriteBatch { .. } => {
            // A request that had not found its table yet did nothing.
            if let Some(table) = about.table.filter(|_| about.begun) {
                note_writes(history, ask, table, (called, None), Outcome::Unknown);
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

/// Notes all writes of a request, with one outcome.
fn note_writes(
    history: &mut History,
    ask: Ask,
    table: TableId,
    (called, returned): (Moment, Option<Moment>),
    outcome: Outcome,
) {
    for (key, number, change, condition) in ask.writes() {
        let write = Write { number, change, condition, outcome };
        history.write(Register { table, key }, called, returned, write);
    }
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
        Ask::Write(writing) => {
            let table = about.table.ok_or_else(|| strange(ask, "no table"))?;
            let outcome = Outcome::Done(shown(history, writing, body.get("Attributes"))?);
            if writing.change == Change::SetVersion {
                history.versions.insert((writing.name, writing.key), Some(writing.number));
            }
            note_writes(history, ask, table, (called, Some(returned)), outcome);
        }
        Ask::WriteBatch { .. } => batch_written(history, at, ask, about, &body)?,
        Ask::GetBatch { .. } => batch_got(history, at, ask, about, &body)?,
        Ask::Scan { .. } => scanned(history, keys_of_tables, at, ask, about, &body)?,
        Ask::Query { .. } => queried(history, keys_of_tables, at, ask, about, &body)?,
        Ask::Get { name, key, consistent } => {
            let found = item_of(history, ask, name, key, body.get("Item"))?;
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
    for (key, number, change, condition) in ask.writes() {
        let (outcome, returned) = match is_left(key) {
            true => (Outcome::Unknown, None),
            false => (Outcome::Done(Shown::Nothing), Some(returned)),
        };
        let write = Write { number, change, condition, outcome };
        history.write(Register { table, key }, called, returned, write);
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
        let found = item_of(history, ask, name, key, item.as_ref())?;
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
        let found = item_of(history, ask, name, key, item.as_ref())?;
        if found.is_some() || is_all {
            history.get(Register { table, key }, called, returned, Get { consistent, found });
        }
    }
    if items.is_empty() { Ok(()) } else { Err(strange(ask, "an item twice, or one of no key")) }
}

/// The items of a page come in order; a page of all of a table's shows what is not there, too.
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
        let found = item_of(history, ask, name, key, item.as_ref())?;
        // An item that updates alone made has no place in the order of writes.
        if found.is_some() || (is_all && !by_write) {
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
        (Ask::Write(writing), ErrorCode::ConditionalCheckFailedException) => {
            let table = about.table.ok_or_else(|| strange(ask, "no table"))?;
            let seen = refused_item(history, writing, error)?;
            note_writes(history, ask, table, (called, Some(returned)), Outcome::Refused(seen));
        }
        (
            Ask::Write(_),
            ErrorCode::ResourceNotFoundException
            | ErrorCode::ServiceUnavailable
            | ErrorCode::ThrottlingException,
        ) => {
            if let Some(table) = about.table {
                note_writes(history, ask, table, (called, Some(returned)), Outcome::NotDone);
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
            Ask::Write(_) | Ask::Create { .. } | Ask::Delete { .. },
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

/// What a write shows that was made.
fn shown(
    history: &mut History,
    writing: Writing,
    attributes: Option<&Value>,
) -> Result<Shown, Violation> {
    let Writing { name, key, change, wants, .. } = writing;
    let ask = Ask::Write(writing);
    Ok(match wants {
        Wants::Nothing if attributes.is_some() => return Err(strange(ask, "attributes")),
        Wants::Nothing => Shown::Nothing,
        Wants::Old => Shown::Old(item_of(history, ask, name, key, attributes)?),
        Wants::New => Shown::New(item_of(history, ask, name, key, attributes)?),
        Wants::FieldOld => Shown::FieldOld(only(ask, change, attributes)?),
        Wants::FieldNew => Shown::FieldNew(only(ask, change, attributes)?),
    })
}

/// The attribute that the change touches, which must be the only one.
fn only(ask: Ask, change: Change, attributes: Option<&Value>) -> Result<Option<u64>, Violation> {
    let (Some(attributes), Some(field)) = (attributes, change.field()) else { return Ok(None) };
    let value = content::number_of(attributes, field.name());
    let is_only = attributes.as_object().is_some_and(|members| members.len() == 1);
    match value.filter(|_| is_only) {
        Some(value) => Ok(Some(value)),
        None => Err(strange(ask, &attributes.to_string())),
    }
}

/// The item for which a condition did not hold, if that was asked for.
fn refused_item(
    history: &mut History,
    writing: Writing,
    error: &ApiError,
) -> Result<Option<Option<Content>>, Violation> {
    let ask = Ask::Write(writing);
    let body = error.to_body();
    let body: Value =
        serde_json::from_slice(&body).map_err(|error| strange(ask, &error.to_string()))?;
    let item = body.get("Item");
    if !writing.wants_refused {
        return if item.is_none() { Ok(None) } else { Err(strange(ask, "an item")) };
    }
    item_of(history, ask, writing.name, writing.key, item).map(Some)
}

fn item_of(
    history: &mut History,
    ask: Ask,
    name: u64,
    key: KeyNumber,
    item: Option<&Value>,
) -> Result<Option<Content>, Violation> {
    let content = item.map(|item| content::content_of(kind_of(name), key, item)).transpose();
    let content = content.map_err(|torn| strange(ask, &torn))?;
    history.versions.insert((name, key), content.and_then(|content| content.version));
    Ok(content)
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
