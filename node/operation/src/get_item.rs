//! GetItem: reads one item by its whole primary key ("GetItem", API reference).

use std::fmt;

use serde::de::MapAccess;
use stator_expression::Projection;
use stator_model::{AttributeMap, ItemSize, Location, SharedItem, TableDescription, TableId};
use stator_protocol::{ApiError, Attributes, Found, JsonWriter, Scope, Shape, parse, read_members};

use crate::capacity::{CapacityUnits, Charge};
use crate::constraint::Violations;
use crate::expressions::PlaceholderMembers;
use crate::legacy::attributes_to_get;
use crate::projected::{only_projection, projected};
use crate::read::{Part, Place};
use crate::{ReturnConsumedCapacity, TableReference, keys};

/// A body, as it was read.
#[derive(Default)]
struct Members {
    table_name: Option<String>,
    key: Option<Attributes>,
    consistent_read: Option<bool>,
    return_consumed_capacity: Option<String>,
    projection_expression: Option<String>,
    placeholders: PlaceholderMembers,
    attributes_to_get: Option<Vec<String>>,
}

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("GetItemInput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "TableName" => member.set(&mut it.table_name),
            "Key" => member.set(&mut it.key),
            "ConsistentRead" => member.set(&mut it.consistent_read),
            "ReturnConsumedCapacity" => member.set(&mut it.return_consumed_capacity),
            "ProjectionExpression" => member.set(&mut it.projection_expression),
            "ExpressionAttributeNames" => it.placeholders.read(name, member),
            "AttributesToGet" => member.set(&mut it.attributes_to_get),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

/// A GetItem request, checked by every rule that needs no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    table: TableReference,
    key: AttributeMap,
    projection: Option<Projection>,
    consistent: bool,
    return_capacity: ReturnConsumedCapacity,
}

impl Input {
    /// Reads and checks a body. Reads are not enveloped.
    ///
    /// # Errors
    /// SerializationException and ValidationException.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let it: Members = parse(body)?;
        let table = TableReference::of_items(it.table_name)?;
        let mut violations = Violations::new();
        let return_capacity =
            violations.choice("returnConsumedCapacity", it.return_consumed_capacity.as_deref());
        let key = violations.required("key", it.key);
        attributes_to_get::check_length(
            it.attributes_to_get.as_ref(),
            "attributesToGet",
            &mut violations,
        );
        violations.finish()?;
        let projection = only_projection(
            it.projection_expression.as_deref(),
            it.placeholders,
            it.attributes_to_get.as_deref(),
        )?;
        let Attributes(key) = key.expect("an absent key is a violation");
        Ok(Self {
            table,
            key: key?,
            projection,
            consistent: it.consistent_read.unwrap_or(false),
            return_capacity: return_capacity.unwrap_or_default(),
        })
    }

    /// The table that the request names.
    pub fn table(&self) -> &TableReference {
        &self.table
    }

    /// Makes this a command on `table`: the projection leaves keys whole, and the key is one of its keys.
    ///
    /// # Errors
    /// ValidationException.
    pub fn validate(self, table: &TableDescription) -> Result<GetItem, ApiError> {
        if let Some(projection) = &self.projection {
            keys::must_be_scalar(&projection.nested_attributes(), table)?;
        }
        let key = keys::of_parameter(&self.key, &table.key_schema)?;
        Ok(GetItem {
            table: table.id,
            location: key.location(&table.hash_secret),
            projection: self.projection,
            consistent: self.consistent,
            charge: Charge::new(self.return_capacity, &self.table),
            found: None,
        })
    }
}

/// A GetItem on one table, validated.
pub struct GetItem {
    table: TableId,
    location: Location,
    projection: Option<Projection>,
    consistent: bool,
    charge: Charge,
    /// What was found, once it was looked for.
    found: Option<Option<SharedItem>>,
}

impl GetItem {
    pub(crate) fn part(&self) -> Option<Part> {
        let place = Place::Item(self.location.clone());
        let part = Part { table: self.table, consistent: self.consistent, place };
        self.found.is_none().then_some(part)
    }

    pub(crate) fn found(&mut self, item: Option<SharedItem>) {
        self.found = Some(item);
    }

    /// The answer. An item that is not there is charged as the smallest.
    pub(crate) fn reply(self) -> Output {
        let item = self.found.flatten();
        let size = item.as_ref().map_or(ItemSize::default(), |item| item.size());
        let units = CapacityUnits::of_read(size, self.consistent);
        let item = item.map(|item| projected(self.projection.as_ref(), item));
        Output { item, units, charge: self.charge }
    }
}

impl fmt::Debug for GetItem {
    /// Without the item: contents of items stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetItem").field("table", &self.table).finish_non_exhaustive()
    }
}

/// What GetItem answers. An item that is not there has no member.
#[derive(Clone)]
pub struct Output {
    item: Option<SharedItem>,
    units: CapacityUnits,
    charge: Charge,
}

impl Output {
    /// Writes the body.
    pub fn write_json(&self, writer: &mut JsonWriter) {
        writer.object(|reply| {
            if let Some(item) = &self.item {
                reply.member("Item").item(item.as_ref());
            }
            self.charge.write_member(&self.units.into(), reply);
        });
    }
}

impl fmt::Debug for Output {
    /// Without the item: contents of items stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("units", &self.units).finish_non_exhaustive()
    }
}
