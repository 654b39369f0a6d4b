//! DeleteItem: removes one item by its whole primary key ("DeleteItem", API reference). To remove an item
//! that is not there succeeds.

use std::sync::Arc;

use serde::de::MapAccess;
use stator_model::{
    AttributeMap, DescriptionVersion, ItemSize, Location, SharedItem, TableDescription, TableId,
};
use stator_protocol::{ApiError, Attributes, Found, Scope, Shape, parse, read_members};

use crate::capacity::{CapacityUnits, Charge};
use crate::condition::Precondition;
use crate::constraint::{Violations, enveloped_value};
use crate::local_index::LocalIndexes;
use crate::options::{ReturnItemCollectionMetrics, ReturnOld};
use crate::write_members::WriteMembers;
use crate::{Evaluation, ItemWrite, ReturnConsumedCapacity, TableReference, Written, keys};

/// A body, as it was read.
#[derive(Default)]
struct Members {
    table_name: Option<String>,
    key: Option<Attributes>,
    write: WriteMembers,
}

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("DeleteItemInput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "TableName" => member.set(&mut it.table_name),
            "Key" => member.set(&mut it.key),
            _ => it.write.read(name, member),
        })?;
        Ok(it)
    }
}

/// A DeleteItem request, checked by every rule that needs no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    pub(crate) table: TableReference,
    pub(crate) key: AttributeMap,
    pub(crate) precondition: Precondition,
    pub(crate) return_old: bool,
    pub(crate) return_capacity: ReturnConsumedCapacity,
    pub(crate) return_metrics: ReturnItemCollectionMetrics,
}

impl Input {
    /// Reads and checks a body.
    ///
    /// # Errors
    /// SerializationException and ValidationException.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let it: Members = parse(body)?;
        let table = TableReference::of_items(it.table_name)?;
        let mut violations = Violations::new();
        let return_capacity = it.write.capacity(&mut violations);
        let key = violations.required("key", it.key);
        let words = it.write.words(&mut violations);
        violations.finish()?;
        let conditions = it.write.conditions()?;
        let Attributes(key) = key.expect("an absent key is a violation");
        Ok(Self {
            table,
            key: key.map_err(enveloped_value)?,
            precondition: conditions.precondition(&words)?,
            return_old: words.return_values == Some(ReturnOld::AllOld),
            return_capacity: return_capacity.unwrap_or_default(),
            return_metrics: words.metrics,
        })
    }

    /// The table that the request names.
    pub fn table(&self) -> &TableReference {
        &self.table
    }

    /// Makes this a command on `table`: the condition leaves keys whole, and the key is one of its keys.
    ///
    /// # Errors
    /// ValidationException.
    pub fn validate(self, table: &Arc<TableDescription>) -> Result<DeleteItem, ApiError> {
        self.precondition.check_paths(table)?;
        let key = keys::of_parameter(&self.key, &table.key_schema)?;
        let local_indexes = LocalIndexes::of(table, &self.key, self.return_metrics);
        Ok(DeleteItem {
            table: table.id,
            version: table.version,
            location: key.location(&table.hash_secret),
            precondition: self.precondition,
            return_old: self.return_old,
            charge: Charge::new(self.return_capacity, &self.table),
            local_indexes,
        })
    }
}

/// A DeleteItem on one table, validated.
#[derive(Clone, Debug)]
pub struct DeleteItem {
    pub(crate) table: TableId,
    pub(crate) version: DescriptionVersion,
    pub(crate) location: Location,
    pub(crate) precondition: Precondition,
    pub(crate) return_old: bool,
    pub(crate) charge: Charge,
    pub(crate) local_indexes: Option<LocalIndexes>,
}

impl DeleteItem {
    /// The same request on another description of the table. The keys of a table never change, so that the
    /// key is found in the location.
    pub(crate) fn validated_again(self, table: &Arc<TableDescription>) -> Result<Self, ApiError> {
        let input = Input {
            table: self.charge.reference()?,
            key: table.key_schema.key_at(&self.location).ok_or_else(ApiError::internal)?,
            precondition: self.precondition,
            return_old: self.return_old,
            return_capacity: self.charge.wanted(),
            return_metrics: LocalIndexes::wanted(self.local_indexes.as_ref()),
        };
        input.validate(table)
    }

    /// Removes whatever is there and returns it if that was asked for; writes nothing if nothing is
    /// there. Charged for the item that was.
    pub fn evaluate(&self, current: Option<SharedItem>) -> Evaluation {
        if let Err(refusal) = self.precondition.check(current.as_ref()) {
            return Evaluation::refused(refusal);
        }
        let before = current.as_ref().map_or(ItemSize::default(), |item| item.size());
        Evaluation {
            write: current.is_some().then_some(ItemWrite::Delete),
            local: None,
            reply: Ok(Written::new(
                current.filter(|_| self.return_old),
                CapacityUnits::of_write(before, ItemSize::default()),
                self.charge.clone(),
            )),
        }
    }
}
