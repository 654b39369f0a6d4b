//! BatchGetItem: reads up to 100 items of any tables, each by its whole primary key ("BatchGetItem", API
//! reference).
//!
//! The answer ends at 16 MB; keys that found no room are returned as unprocessed, and so are those that
//! could not be read in time. The service also stops after 1 MB of one partition, of which clients know
//! nothing; here a partition may be a whole table, and only the 16 MB count.

use std::fmt;
use std::sync::Arc;

use serde::de::MapAccess;
use stator_expression::Projection;
use stator_model::{AttributeMap, ItemSize, Location, SharedItem, TableDescription, TableId};
use stator_protocol::{
    ApiError, Attributes, Entries, Entry, Found, JsonWriter, Scope, Shape, WrittenKey, parse,
    read_members,
};

use crate::capacity::{CapacityUnits, Charge};
use crate::constraint::Violations;
use crate::expressions::PlaceholderMembers;
use crate::legacy::attributes_to_get;
use crate::projected::{check_projections, only_projection, projected, worded};
use crate::read::{Part, Place};
use crate::{ReturnConsumedCapacity, TableReference, keys};

/// The most keys of a request.
const KEYS: usize = 100;
/// The most bytes of items in an answer.
const ANSWER_BYTES: usize = 16 << 20;

/// A body, as it was read.
#[derive(Default)]
struct Members {
    request_items: Option<Entries<KeysOfTable>>,
    return_consumed_capacity: Option<String>,
}

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("BatchGetItemInput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "RequestItems" => member.set(&mut it.request_items),
            "ReturnConsumedCapacity" => member.set(&mut it.return_consumed_capacity),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

/// `KeysAndAttributes`: what is asked of one table.
#[derive(Default)]
struct KeysOfTable {
    keys: Option<Vec<WrittenKey>>,
    consistent_read: Option<bool>,
    projection_expression: Option<String>,
    placeholders: PlaceholderMembers,
    attributes_to_get: Option<Vec<String>>,
}

impl Entry for KeysOfTable {
    const JAVA: &'static str = "com.amazonaws.dynamodb.v20120810.KeysAndAttributes";
}

impl Shape for KeysOfTable {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("KeysAndAttributes")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "Keys" => member.set(&mut it.keys),
            "ConsistentRead" => member.set(&mut it.consistent_read),
            "ProjectionExpression" => member.set(&mut it.projection_expression),
            "ExpressionAttributeNames" => it.placeholders.read(name, member),
            "AttributesToGet" => member.set(&mut it.attributes_to_get),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

/// A BatchGetItem request, checked by every rule that needs no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    tables: Vec<Wanted>,
    return_capacity: ReturnConsumedCapacity,
}

/// What is wanted of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    table: TableReference,
    keys: Vec<AttributeMap>,
    projection: Option<Given>,
    consistent: bool,
}

/// A projection, as it was given and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    form: Form,
    projection: Projection,
}

/// How a projection was given.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Expression { text: String, names: Vec<(String, String)> },
    Attributes(Vec<String>),
}

impl Input {
    /// Reads and checks a body. Reads are not enveloped.
    ///
    /// # Errors
    /// SerializationException and ValidationException.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let it: Members = parse(body)?;
        let mut violations = Violations::new();
        let return_capacity =
            violations.choice("returnConsumedCapacity", it.return_consumed_capacity.as_deref());
        let tables = violations.required("requestItems", it.request_items);
        for (name, asked) in tables.iter().flat_map(|Entries(tables)| tables) {
            check_count(name, asked, &mut violations);
            attributes_to_get::check_length(
                asked.attributes_to_get.as_ref(),
                format!("requestItems.{name}.member.attributesToGet"),
                &mut violations,
            );
        }
        violations.finish()?;
        let Entries(tables) = tables.expect("an absent map is a violation");
        if tables.is_empty() {
            return Err(ApiError::validation(
                "The requestItems parameter is required for BatchGetItem",
            ));
        }
        let tables = tables
            .into_iter()
            .map(|(name, asked)| Ok((TableReference::of_batch(name)?, asked)))
            .collect::<Result<Vec<_>, ApiError>>()?;
        check_mixture(&tables)?;
        let tables =
            tables.into_iter().map(Wanted::checked).collect::<Result<Vec<_>, ApiError>>()?;
        if tables.iter().map(|wanted| wanted.keys.len()).sum::<usize>() > KEYS {
            return Err(ApiError::validation("Too many items requested for the BatchGetItem call"));
        }
        Ok(Self { tables, return_capacity: return_capacity.unwrap_or_default() })
    }

    /// The tables that the request names.
    pub fn tables(&self) -> impl Iterator<Item = &TableReference> {
        self.tables.iter().map(|wanted| &wanted.table)
    }

    /// Makes this a read of `tables`, those that were named, in their order.
    ///
    /// # Errors
    /// ValidationException.
    pub fn validate(self, tables: &[Arc<TableDescription>]) -> Result<BatchGetItem, ApiError> {
        let mut batch = BatchGetItem {
            tables: Vec::with_capacity(tables.len()),
            keys: Vec::new(),
            next: 0,
            room: ANSWER_BYTES,
            is_full: false,
        };
        for (wanted, table) in self.tables.into_iter().zip(tables) {
            let of_table = batch.tables.len();
            if let Some(Given { projection, .. }) = &wanted.projection {
                keys::must_be_scalar(&projection.nested_attributes(), table)?;
            }
            for key in wanted.keys {
                let primary = keys::of_parameter(&key, &table.key_schema)?;
                let location = primary.location(&table.hash_secret);
                batch.keys.push(Key { of_table, location, given: key });
            }
            batch.tables.push(OfTable {
                table: table.id,
                given: Arc::clone(wanted.table.given()),
                consistent: wanted.consistent,
                projection: wanted.projection,
                items: Vec::new(),
                units: CapacityUnits::default(),
                charge: Charge::new(self.return_capacity, &wanted.table),
            });
        }
        Ok(batch)
    }
}

fn check_count(table: &str, asked: &KeysOfTable, violations: &mut Violations) {
    let path = format!("requestItems.{table}.member.keys");
    let keys = violations.required(path, asked.keys.as_ref());
    let bound = match keys.map(Vec::len) {
        Some(0) => "greater than or equal to 1".to_owned(),
        Some(count) if count > KEYS => format!("less than or equal to {KEYS}"),
        Some(_) | None => return,
    };
    let path = format!("RequestItems.{table}.member.Keys");
    violations.add_unshown(path, &format!("have length {bound}"));
}

/// All tables of a request say in one form what is wanted of their items.
fn check_mixture(tables: &[(TableReference, KeysOfTable)]) -> Result<(), ApiError> {
    let legacy = tables.iter().any(|(_, asked)| asked.attributes_to_get.is_some());
    let expression = tables.iter().any(|(_, asked)| asked.projection_expression.is_some());
    check_projections(legacy, expression).map_err(worded)
}

impl Wanted {
    fn checked((table, asked): (TableReference, KeysOfTable)) -> Result<Self, ApiError> {
        let names = asked.placeholders.names().cloned();
        let projection = only_projection(
            asked.projection_expression.as_deref(),
            asked.placeholders,
            asked.attributes_to_get.as_deref(),
        )?;
        let expression = asked.projection_expression.map(|text| {
            let names = names.map_or_else(Vec::new, |Entries(names)| names);
            Form::Expression { text, names }
        });
        let form = expression.or(asked.attributes_to_get.map(Form::Attributes));
        let projection = form.zip(projection).map(|(form, projection)| Given { form, projection });
        let keys = distinct(asked.keys.unwrap_or_default())?;
        Ok(Self { table, keys, projection, consistent: asked.consistent_read.unwrap_or(false) })
    }
}

/// The keys, none of which stands twice. One whose numbers are written in another way is taken for another,
/// and its item returned again: that was observed of reads, while BatchWriteItem goes by value.
fn distinct(given: Vec<WrittenKey>) -> Result<Vec<AttributeMap>, ApiError> {
    let mut seen: Vec<(AttributeMap, Vec<String>)> = Vec::new();
    for WrittenKey { attributes: Attributes(key), numbers } in given {
        let key = (key?, numbers);
        if seen.contains(&key) {
            return Err(ApiError::validation("Provided list of item keys contains duplicates"));
        }
        seen.push(key);
    }
    Ok(seen.into_iter().map(|(key, _)| key).collect())
}

/// A BatchGetItem on its way, validated.
pub struct BatchGetItem {
    tables: Vec<OfTable>,
    keys: Vec<Key>,
    /// The key that is read next.
    next: usize,
    /// How many more bytes of items the answer takes.
    room: usize,
    is_full: bool,
}

/// What was found in one table.
struct OfTable {
    table: TableId,
    given: Arc<str>,
    consistent: bool,
    projection: Option<Given>,
    items: Vec<SharedItem>,
    units: CapacityUnits,
    charge: Charge,
}

struct Key {
    of_table: usize,
    location: Location,
    given: AttributeMap,
}

impl BatchGetItem {
    pub(crate) fn part(&self) -> Option<Part> {
        let key = self.keys.get(self.next).filter(|_| !self.is_full)?;
        let OfTable { table, consistent, .. } = self.tables.get(key.of_table)?;
        let place = Place::Item(key.location.clone());
        Some(Part { table: *table, consistent: *consistent, place })
    }

    pub(crate) fn found(&mut self, item: Option<SharedItem>) {
        let Some(key) = self.keys.get(self.next) else { return };
        let Some(of_table) = self.tables.get_mut(key.of_table) else { return };
        let size = item.as_ref().map_or(ItemSize::default(), |item| item.size());
        let Some(room) = self.room.checked_sub(size.0 as usize) else {
            self.is_full = true;
            return;
        };
        self.room = room;
        self.next += 1;
        of_table.units += CapacityUnits::of_read(size, of_table.consistent);
        let projection = of_table.projection.as_ref().map(|given| &given.projection);
        of_table.items.extend(item.map(|item| projected(projection, item)));
    }

    /// Whether anything was read.
    pub(crate) const fn has_begun(&self) -> bool {
        self.next > 0
    }

    pub(crate) fn reply(mut self) -> Output {
        let unread = self.keys.split_off(self.next.min(self.keys.len()));
        Output { tables: self.tables, unread }
    }
}

impl fmt::Debug for BatchGetItem {
    /// Without keys and items: they stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchGetItem").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// What BatchGetItem answers.
pub struct Output {
    tables: Vec<OfTable>,
    unread: Vec<Key>,
}

impl Output {
    /// Writes the body. A table of which nothing was found has an empty list.
    pub fn write_json(&self, writer: &mut JsonWriter) {
        writer.object(|reply| {
            reply.member("Responses").object(|tables| {
                for table in &self.tables {
                    tables.member(&table.given).array(|items| {
                        table.items.iter().for_each(|item| items.item(item.as_ref()));
                    });
                }
            });
            reply.member("UnprocessedKeys").object(|tables| self.write_unprocessed(tables));
            if self.tables.iter().any(|table| table.charge.is_wanted()) {
                reply.member("ConsumedCapacity").array(|list| {
                    self.tables
                        .iter()
                        .for_each(|table| table.charge.write(&table.units.into(), list));
                });
            }
        });
    }

    /// What is left, in the form of a request.
    fn write_unprocessed(&self, writer: &mut JsonWriter) {
        for (at, table) in self.tables.iter().enumerate() {
            let mut keys = self.unread.iter().filter(|key| key.of_table == at).peekable();
            if keys.peek().is_none() {
                continue;
            }
            writer.member(&table.given).object(|asked| {
                asked.member("Keys").array(|list| keys.for_each(|key| list.item(&key.given)));
                asked.member("ConsistentRead").flag(table.consistent);
                if let Some(given) = &table.projection {
                    given.form.write_members(asked);
                }
            });
        }
    }
}

impl Form {
    fn write_members(&self, writer: &mut JsonWriter) {
        match self {
            Self::Attributes(names) => writer
                .member("AttributesToGet")
                .array(|list| names.iter().for_each(|name| list.text(name))),
            Self::Expression { text, names } => {
                writer.member("ProjectionExpression").text(text);
                write_names(names, writer);
            }
        }
    }
}

fn write_names(names: &[(String, String)], writer: &mut JsonWriter) {
    if !names.is_empty() {
        writer.member("ExpressionAttributeNames").object(|members| {
            names.iter().for_each(|(token, name)| members.member(token).text(name));
        });
    }
}

impl fmt::Debug for Output {
    /// Without keys and items: they stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("unread", &self.unread.len()).finish_non_exhaustive()
    }
}
