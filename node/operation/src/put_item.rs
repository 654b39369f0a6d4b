//! PutItem: creates an item, or replaces it whole ("PutItem", API reference).

use std::sync::Arc;

use serde::de::MapAccess;
use stator_model::{
    DescriptionVersion, Item, ItemSize, ItemView, Location, SharedItem, TableDescription, TableId,
};
use stator_protocol::{ApiError, Attributes, Found, Scope, Shape, parse, read_members};

use crate::capacity::{CapacityUnits, Charge};
use crate::condition::Precondition;
use crate::constraint::{Violations, enveloped, enveloped_value};
use crate::local_index::LocalIndexes;
use crate::options::{ReturnItemCollectionMetrics, ReturnValues};
use crate::write_members::WriteMembers;
use crate::{Evaluation, ItemWrite, ReturnConsumedCapacity, TableReference, Written, keys};

/// A body, as it was read.
#[derive(Default)]
struct Members {
    table_name: Option<String>,
    item: Option<Attributes>,
    write: WriteMembers,
}

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("PutItemInput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "TableName" => member.set(&mut it.table_name),
            "Item" => member.set(&mut it.item),
            _ => it.write.read(name, member),
        })?;
        Ok(it)
    }
}

/// A PutItem request, checked by every rule that needs no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    pub(crate) table: TableReference,
    pub(crate) item: Item,
    pub(crate) size: ItemSize,
    pub(crate) precondition: Precondition,
    pub(crate) return_old: bool,
    pub(crate) return_capacity: ReturnConsumedCapacity,
    pub(crate) return_metrics: ReturnItemCollectionMetrics,
}

impl Input {
    /// Reads and checks a body. Expressions are checked before values, those before `ReturnValues`, then the
    /// item's size, and last what is expected, as the service does.
    ///
    /// # Errors
    /// SerializationException and ValidationException.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let it: Members = parse(body)?;
        let table = TableReference::of_items(it.table_name)?;
        let mut violations = Violations::new();
        let return_capacity = it.write.capacity(&mut violations);
        let item = violations.required("item", it.item);
        let words = it.write.words(&mut violations);
        violations.finish()?;
        let conditions = it.write.conditions()?;
        let Attributes(item) = item.expect("an absent item is a violation");
        let item = item.map_err(enveloped_value)?;
        let return_old = returns_old(words.return_values.unwrap_or_default())?;
        let size = item.size();
        if !size.is_allowed() {
            return Err(ApiError::validation("Item size has exceeded the maximum allowed size"));
        }
        let precondition = conditions.precondition(&words)?;
        let return_capacity = return_capacity.unwrap_or_default();
        let return_metrics = words.metrics;
        Ok(Self { table, item, size, precondition, return_old, return_capacity, return_metrics })
    }

    /// The table that the request names.
    pub fn table(&self) -> &TableReference {
        &self.table
    }

    /// Makes this a command on `table`: the condition leaves keys whole, and the key attributes are there,
    /// of the right type and size.
    ///
    /// # Errors
    /// ValidationException.
    pub fn validate(self, table: &Arc<TableDescription>) -> Result<PutItem, ApiError> {
        self.precondition.check_paths(table)?;
        let key = keys::of_item(&self.item, &table.key_schema)?;
        let local_indexes = LocalIndexes::of(table, &self.item, self.return_metrics);
        if let Some(indexes) = &local_indexes {
            indexes.check_put(&self.item, self.size)?;
        }
        Ok(PutItem {
            table: table.id,
            version: table.version,
            location: key.location(&table.hash_secret),
            item: Arc::new(self.item),
            size: self.size,
            precondition: self.precondition,
            return_old: self.return_old,
            charge: Charge::new(self.return_capacity, &self.table),
            local_indexes,
        })
    }
}

fn returns_old(return_values: ReturnValues) -> Result<bool, ApiError> {
    match return_values {
        ReturnValues::None => Ok(false),
        ReturnValues::AllOld => Ok(true),
        ReturnValues::AllNew | ReturnValues::UpdatedOld | ReturnValues::UpdatedNew => {
            Err(enveloped("ReturnValues can only be ALL_OLD or NONE"))
        }
    }
}

/// A PutItem on one table, validated.
#[derive(Clone, Debug)]
pub struct PutItem {
    pub(crate) table: TableId,
    pub(crate) version: DescriptionVersion,
    pub(crate) location: Location,
    pub(crate) item: Arc<Item>,
    pub(crate) size: ItemSize,
    pub(crate) precondition: Precondition,
    pub(crate) return_old: bool,
    pub(crate) charge: Charge,
    pub(crate) local_indexes: Option<LocalIndexes>,
}

impl PutItem {
    /// The same request on another description of the table.
    pub(crate) fn validated_again(self, table: &Arc<TableDescription>) -> Result<Self, ApiError> {
        let input = Input {
            table: self.charge.reference()?,
            item: Arc::unwrap_or_clone(self.item),
            size: self.size,
            precondition: self.precondition,
            return_old: self.return_old,
            return_capacity: self.charge.wanted(),
            return_metrics: LocalIndexes::wanted(self.local_indexes.as_ref()),
        };
        input.validate(table)
    }

    /// Replaces whatever is there; returns it if that was asked for. Charged for the larger of both.
    pub fn evaluate(&self, current: Option<SharedItem>) -> Evaluation {
        if let Err(refusal) = self.precondition.check(current.as_ref()) {
            return Evaluation::refused(refusal);
        }
        let before = current.as_ref().map_or(ItemSize::default(), |item| item.size());
        Evaluation {
            write: Some(ItemWrite::Put(Arc::clone(&self.item))),
            local: None,
            reply: Ok(Written::new(
                current.filter(|_| self.return_old),
                CapacityUnits::of_write(before, self.size),
                self.charge.clone(),
            )),
        }
    }
}
