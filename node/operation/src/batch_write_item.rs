//! BatchWriteItem: puts and deletes up to 25 items of any tables ("BatchWriteItem", API reference).
//!
//! All of it is checked before anything is written. Then each write stands for itself: it is atomic, and
//! one that could not be carried out is returned as unprocessed, for the client to send again.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::de::{MapAccess, SeqAccess};
use stator_model::{AttributeMap, Item, ItemSize, ItemView, TableDescription};
use stator_protocol::{
    ApiError, Attributes, Entries, Entry, Found, JsonWriter, Scope, Shape, parse, read_members,
};

use crate::capacity::{Charge, Consumed};
use crate::condition::Precondition;
use crate::constraint::Violations;
use crate::delete_item::DeleteItem;
use crate::local_index::{CollectionMetrics, LocalIndexes};
use crate::options::ReturnItemCollectionMetrics;
use crate::put_item::PutItem;
use crate::{ItemCommand, Reply, ReturnConsumedCapacity, TableReference, Written, keys};

/// The most writes of a request.
const WRITES: usize = 25;

/// A body, as it was read.
#[derive(Default)]
struct Members {
    request_items: Option<Entries<Writes>>,
    return_consumed_capacity: Option<String>,
    return_item_collection_metrics: Option<String>,
}

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("BatchWriteItemInput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "RequestItems" => member.set(&mut it.request_items),
            "ReturnConsumedCapacity" => member.set(&mut it.return_consumed_capacity),
            "ReturnItemCollectionMetrics" => member.set(&mut it.return_item_collection_metrics),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

/// What is asked of one table.
struct Writes(Vec<WriteRequest>);

impl Entry for Writes {
    const JAVA: &'static str = "java.util.List<com.amazonaws.dynamodb.v20120810.WriteRequest>";
}

impl Shape for Writes {
    fn mismatch(found: Found) -> String {
        found.instead_of_list()
    }

    fn from_array<'de, A: SeqAccess<'de>>(array: A, scope: &Scope) -> Result<Self, A::Error> {
        Vec::from_array(array, scope).map(Self)
    }
}

/// `WriteRequest`: a put or a delete.
#[derive(Default)]
struct WriteRequest {
    put: Option<PutRequest>,
    delete: Option<DeleteRequest>,
}

impl Shape for WriteRequest {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("WriteRequest")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "PutRequest" => member.set(&mut it.put),
            "DeleteRequest" => member.set(&mut it.delete),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

struct PutRequest(Option<Attributes>);

impl Shape for PutRequest {
    fn mismatch(found: Found) -> String {
        found.instead_of_member("PutRequest")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        only_member(object, scope, "Item").map(Self)
    }
}

struct DeleteRequest(Option<Attributes>);

impl Shape for DeleteRequest {
    fn mismatch(found: Found) -> String {
        found.instead_of_member("DeleteRequest")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        only_member(object, scope, "Key").map(Self)
    }
}

/// The one member that a structure has.
fn only_member<'de, A: MapAccess<'de>>(
    object: A,
    scope: &Scope,
    known: &str,
) -> Result<Option<Attributes>, A::Error> {
    let mut value = None;
    read_members(object, scope, |name, member| {
        if name == known { member.set(&mut value) } else { member.ignore() }
    })?;
    Ok(value)
}

/// A BatchWriteItem request, checked by every rule that needs no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    tables: Vec<(TableReference, Vec<Write>)>,
    return_capacity: ReturnConsumedCapacity,
    return_metrics: ReturnItemCollectionMetrics,
}

/// A write of a batch. Shared, because it is needed again if it cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Write {
    Put(Arc<Item>, ItemSize),
    Delete(Arc<AttributeMap>),
}

impl Input {
    /// Reads and checks a body. Batches are not enveloped.
    ///
    /// # Errors
    /// SerializationException and ValidationException.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let it: Members = parse(body)?;
        let mut violations = Violations::new();
        let return_capacity =
            violations.choice("returnConsumedCapacity", it.return_consumed_capacity.as_deref());
        let return_metrics = violations
            .choice("returnItemCollectionMetrics", it.return_item_collection_metrics.as_deref());
        let tables = violations.required("requestItems", it.request_items);
        for (name, Writes(writes)) in tables.iter().flat_map(|Entries(tables)| tables) {
            check_structure(name, writes, &mut violations);
        }
        violations.finish()?;
        let Entries(tables) = tables.expect("an absent map is a violation");
        if tables.is_empty() {
            return Err(ApiError::validation(
                "The requestItems parameter is required for BatchWriteItem",
            ));
        }
        if tables.iter().map(|(_, Writes(writes))| writes.len()).sum::<usize>() > WRITES {
            return Err(ApiError::validation(
                "Too many items requested for the BatchWriteItem call",
            ));
        }
        let checked = |(name, Writes(writes)): (String, Writes)| {
            let table = TableReference::of_batch(name)?;
            let writes = writes.into_iter().map(Write::checked).collect::<Result<_, ApiError>>()?;
            Ok((table, writes))
        };
        let tables = tables.into_iter().map(checked).collect::<Result<_, ApiError>>()?;
        Ok(Self {
            tables,
            return_capacity: return_capacity.unwrap_or_default(),
            return_metrics: return_metrics.unwrap_or_default(),
        })
    }

    /// The tables that the request names.
    pub fn tables(&self) -> impl Iterator<Item = &TableReference> {
        self.tables.iter().map(|(table, _)| table)
    }

    /// Makes this a batch of writes on `tables`, those that were named, in their order.
    ///
    /// # Errors
    /// ValidationException: a bad key, or two writes of one item.
    pub fn validate(self, tables: &[Arc<TableDescription>]) -> Result<BatchWriteItem, ApiError> {
        let mut batch = BatchWriteItem { tables: Vec::new(), writes: Vec::new() };
        let mut targets = HashSet::new();
        for ((reference, writes), table) in self.tables.into_iter().zip(tables) {
            let charge = Charge::new(self.return_capacity, &reference);
            for write in writes {
                let command = write.command(table, &charge, self.return_metrics)?;
                if !targets.insert((command.table(), command.location().clone())) {
                    return Err(ApiError::validation(
                        "Provided list of item keys contains duplicates",
                    ));
                }
                batch.writes.push((batch.tables.len(), write, command));
            }
            batch.tables.push((reference, charge));
        }
        Ok(batch)
    }
}

fn check_structure(table: &str, writes: &[WriteRequest], violations: &mut Violations) {
    if writes.is_empty() || writes.len() > WRITES {
        let value = format!("{{{table}=[{} WriteRequests]}}", writes.len());
        violations.add_map_value(
            value,
            "requestItems",
            &format!(
                "Member must have length less than or equal to {WRITES}, Member must have length \
                 greater than or equal to 1"
            ),
        );
    }
    for (number, write) in (1..).zip(writes) {
        let path = format!("requestItems.{table}.member.{number}.member");
        if let Some(PutRequest(None)) = write.put {
            violations.required::<()>(format!("{path}.putRequest.item"), None);
        }
        if let Some(DeleteRequest(None)) = write.delete {
            violations.required::<()>(format!("{path}.deleteRequest.key"), None);
        }
    }
}

impl Write {
    fn checked(request: WriteRequest) -> Result<Self, ApiError> {
        match (request.put, request.delete) {
            (Some(PutRequest(Some(Attributes(item)))), None) => {
                let item = item?;
                let size = item.size();
                if !size.is_allowed() {
                    return Err(ApiError::validation(
                        "Item size has exceeded the maximum allowed size",
                    ));
                }
                Ok(Self::Put(Arc::new(item), size))
            }
            (None, Some(DeleteRequest(Some(Attributes(key))))) => Ok(Self::Delete(Arc::new(key?))),
            (Some(_), Some(_)) => Err(ApiError::validation(
                "Supplied AttributeValue has more than one datatypes set, must contain exactly \
                 one of the supported datatypes",
            )),
            (Some(PutRequest(None)) | None, None) | (None, Some(DeleteRequest(None))) => {
                Err(ApiError::validation(
                    "Supplied AttributeValue is empty, must contain exactly one of the supported \
                     datatypes",
                ))
            }
        }
    }

    fn command(
        &self,
        table: &Arc<TableDescription>,
        charge: &Charge,
        metrics: ReturnItemCollectionMetrics,
    ) -> Result<ItemCommand, ApiError> {
        let (id, version) = (table.id, table.version);
        let charge = charge.clone();
        Ok(match self {
            Self::Put(item, size) => {
                let key = keys::of_item_in_batch(item, &table.key_schema)?;
                let local_indexes = LocalIndexes::of(table, item, metrics);
                if let Some(indexes) = &local_indexes {
                    indexes.check_put(item, *size)?;
                }
                ItemCommand::Put(PutItem {
                    table: id,
                    version,
                    location: key.location(&table.hash_secret),
                    item: Arc::clone(item),
                    size: *size,
                    precondition: Precondition::default(),
                    return_old: false,
                    charge,
                    local_indexes,
                })
            }
            Self::Delete(key) => {
                let local_indexes = LocalIndexes::of(table, key, metrics);
                let key = keys::of_parameter(key, &table.key_schema)?;
                ItemCommand::Delete(DeleteItem {
                    table: id,
                    version,
                    location: key.location(&table.hash_secret),
                    precondition: Precondition::default(),
                    return_old: false,
                    charge,
                    local_indexes,
                })
            }
        })
    }

    fn write_json(&self, writer: &mut JsonWriter) {
        writer.object(|request| match self {
            Self::Put(item, _) => request.member("PutRequest").object(|put| {
                put.member("Item").item(item.as_ref());
            }),
            Self::Delete(key) => request.member("DeleteRequest").object(|delete| {
                delete.member("Key").item(key.as_ref());
            }),
        });
    }
}

/// A BatchWriteItem, validated.
#[derive(Clone)]
pub struct BatchWriteItem {
    tables: Vec<(TableReference, Charge)>,
    /// The table's place, the write, and the command that carries it out.
    writes: Vec<(usize, Write, ItemCommand)>,
}

impl BatchWriteItem {
    /// The commands that carry the writes out, each for itself, in any order.
    pub fn commands(&self) -> impl Iterator<Item = ItemCommand> {
        self.writes.iter().map(|(_, _, command)| command.clone())
    }

    /// The answer, from what became of each command, in their order.
    ///
    /// A write that failed in a way that may be tried again is unprocessed; it may have been carried
    /// out all the same, and is the same when it is carried out twice.
    ///
    /// # Errors
    /// The first error, if it may not be tried again, or nothing was written.
    pub fn reply(self, results: Vec<Result<Written, ApiError>>) -> Result<Reply, ApiError> {
        let mut told = vec![Told::default(); self.tables.len()];
        let mut unprocessed = Vec::new();
        let mut first_error = None;
        let count = self.writes.len();
        for ((of_table, write, _), result) in self.writes.into_iter().zip(results) {
            match result {
                Ok(written) => {
                    if let Some(told) = told.get_mut(of_table) {
                        told.consumed += written.consumed;
                        told.collections.extend(written.collection);
                    }
                }
                Err(error) if error.is_retryable() => {
                    unprocessed.push((of_table, write));
                    first_error.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match first_error {
            Some(error) if unprocessed.len() == count => Err(error),
            Some(_) | None => {
                Ok(Reply::BatchWriteItem(Output { tables: self.tables, told, unprocessed }))
            }
        }
    }
}

impl fmt::Debug for BatchWriteItem {
    /// Without the writes: contents of items stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchWriteItem").field("writes", &self.writes.len()).finish_non_exhaustive()
    }
}

/// What is told of the writes to one table.
#[derive(Clone, Default)]
struct Told {
    consumed: Consumed,
    collections: Vec<CollectionMetrics>,
}

/// What BatchWriteItem answers.
#[derive(Clone)]
pub struct Output {
    tables: Vec<(TableReference, Charge)>,
    /// For each table.
    told: Vec<Told>,
    unprocessed: Vec<(usize, Write)>,
}

impl Output {
    /// Writes the body.
    pub fn write_json(&self, writer: &mut JsonWriter) {
        writer.object(|reply| {
            reply.member("UnprocessedItems").object(|tables| self.write_unprocessed(tables));
            if self.tables.iter().any(|(_, charge)| charge.is_wanted()) {
                reply.member("ConsumedCapacity").array(|list| {
                    for ((_, charge), told) in self.tables.iter().zip(&self.told) {
                        charge.write(&told.consumed, list);
                    }
                });
            }
            if self.told.iter().any(|told| !told.collections.is_empty()) {
                reply.member("ItemCollectionMetrics").object(|tables| self.write_metrics(tables));
            }
        });
    }

    /// Of each table with local indexes, what is told of its item collections.
    fn write_metrics(&self, writer: &mut JsonWriter) {
        for ((table, _), told) in self.tables.iter().zip(&self.told) {
            if !told.collections.is_empty() {
                writer.member(table.given()).array(|list| {
                    told.collections.iter().for_each(|collection| collection.write(list));
                });
            }
        }
    }

    /// What is left, in the form of a request.
    fn write_unprocessed(&self, writer: &mut JsonWriter) {
        for (at, (table, _)) in self.tables.iter().enumerate() {
            let mut writes = self.unprocessed.iter().filter(|(of, _)| *of == at).peekable();
            if writes.peek().is_some() {
                writer.member(table.given()).array(|list| {
                    writes.for_each(|(_, write)| write.write_json(list));
                });
            }
        }
    }
}

impl fmt::Debug for Output {
    /// Without the writes: contents of items stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("unprocessed", &self.unprocessed.len())
            .finish_non_exhaustive()
    }
}
