//! UpdateItem: changes some attributes of an item, or creates it ("UpdateItem", API reference).

use std::sync::Arc;

use serde::de::MapAccess;
use stator_expression::{Path, Update, UpdateError, Updated};
use stator_model::{
    AttributeMap, DescriptionVersion, Item, ItemSize, ItemView as _, Location, SharedItem,
    TableDescription, TableId, to_item,
};
use stator_protocol::{ApiError, Attributes, Entries, Found, Scope, Shape, parse, read_members};

use crate::capacity::{CapacityUnits, Charge};
use crate::condition::Precondition;
use crate::constraint::{Violations, enveloped_value};
use crate::legacy::attribute_updates::{self, AttributeUpdate};
use crate::local_index::LocalIndexes;
use crate::options::{ReturnItemCollectionMetrics, ReturnValues};
use crate::write_members::{WriteMembers, worded};
use crate::{Evaluation, ItemWrite, ReturnConsumedCapacity, TableReference, Written, keys};

/// A body, as it was read.
#[derive(Default)]
struct Members {
    table_name: Option<String>,
    key: Option<Attributes>,
    update_expression: Option<String>,
    attribute_updates: Option<Entries<AttributeUpdate>>,
    write: WriteMembers,
}

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("UpdateItemInput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "TableName" => member.set(&mut it.table_name),
            "Key" => member.set(&mut it.key),
            "UpdateExpression" => member.set(&mut it.update_expression),
            "AttributeUpdates" => member.set(&mut it.attribute_updates),
            _ => it.write.read(name, member),
        })?;
        Ok(it)
    }
}

/// An UpdateItem request, checked by every rule that needs no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    pub(crate) table: TableReference,
    pub(crate) key: AttributeMap,
    pub(crate) update: Update,
    pub(crate) form: Form,
    pub(crate) precondition: Precondition,
    pub(crate) return_values: ReturnValues,
    pub(crate) return_capacity: ReturnConsumedCapacity,
    pub(crate) return_metrics: ReturnItemCollectionMetrics,
}

/// How the changes were written, which decides how an operand of the wrong type is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Expression,
    AttributeUpdates,
}

impl Form {
    fn refusal(self, error: UpdateError) -> ApiError {
        match (self, error) {
            (Self::AttributeUpdates, UpdateError::OperandType) => {
                ApiError::validation("Type mismatch for attribute to update")
            }
            (Self::Expression | Self::AttributeUpdates, error) => {
                ApiError::validation(error.to_string())
            }
        }
    }
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
        attribute_updates::check_words(it.attribute_updates.as_ref(), &mut violations);
        violations.finish()?;
        let is_legacy = it.attribute_updates.is_some();
        let (update, conditions) = it.write.update(it.update_expression.as_deref(), is_legacy)?;
        let Attributes(key) = key.expect("an absent key is a violation");
        let key = key.map_err(enveloped_value)?;
        let (update, form) = match it.attribute_updates {
            Some(updates) => {
                (attribute_updates::update(updates).map_err(worded)?, Form::AttributeUpdates)
            }
            None => (update.unwrap_or_default(), Form::Expression),
        };
        Ok(Self {
            table,
            key,
            update,
            form,
            precondition: conditions.precondition(&words)?,
            return_values: words.return_values.unwrap_or_default(),
            return_capacity: return_capacity.unwrap_or_default(),
            return_metrics: words.metrics,
        })
    }

    /// The table that the request names.
    pub fn table(&self) -> &TableReference {
        &self.table
    }

    /// Makes this a command on `table`: expressions leave keys whole and as they are, and the key is one of
    /// its keys.
    ///
    /// # Errors
    /// ValidationException.
    pub fn validate(self, table: &Arc<TableDescription>) -> Result<UpdateItem, ApiError> {
        self.check_paths(table)?;
        let key = keys::of_parameter(&self.key, &table.key_schema)?;
        let local_indexes = LocalIndexes::of(table, &self.key, self.return_metrics);
        if let Some(indexes) = &local_indexes {
            indexes.check_literals(&self.update)?;
        }
        Ok(UpdateItem {
            table: table.id,
            version: table.version,
            location: key.location(&table.hash_secret),
            local_indexes,
            key: self.key,
            update: self.update,
            form: self.form,
            precondition: self.precondition,
            return_values: self.return_values,
            charge: Charge::new(self.return_capacity, &self.table),
        })
    }

    fn check_paths(&self, table: &TableDescription) -> Result<(), ApiError> {
        let is_key = |path: &&Path| table.key_schema.attributes().any(|key| key.name == *path.head);
        let mut whole = self.update.written().filter(|path| !path.is_nested());
        if let Some(path) = whole.find(is_key) {
            return Err(keys::must_not_change(&path.head));
        }
        keys::must_be_scalar(&self.update.nested_attributes(), table)?;
        self.precondition.check_paths(table)
    }
}

/// An UpdateItem on one table, validated.
#[derive(Clone, Debug)]
pub struct UpdateItem {
    pub(crate) table: TableId,
    pub(crate) version: DescriptionVersion,
    pub(crate) location: Location,
    pub(crate) local_indexes: Option<LocalIndexes>,
    pub(crate) key: AttributeMap,
    pub(crate) update: Update,
    pub(crate) form: Form,
    pub(crate) precondition: Precondition,
    pub(crate) return_values: ReturnValues,
    pub(crate) charge: Charge,
}

impl UpdateItem {
    /// The same request on another description of the table.
    pub(crate) fn validated_again(self, table: &Arc<TableDescription>) -> Result<Self, ApiError> {
        let input = Input {
            table: self.charge.reference()?,
            key: self.key,
            update: self.update,
            form: self.form,
            precondition: self.precondition,
            return_values: self.return_values,
            return_capacity: self.charge.wanted(),
            return_metrics: LocalIndexes::wanted(self.local_indexes.as_ref()),
        };
        input.validate(table)
    }

    /// Changes what is there, or creates it; writes nothing if it stays as it is. Charged for the larger
    /// of the items before and after.
    pub fn evaluate(&self, current: Option<SharedItem>) -> Evaluation {
        if let Err(refusal) = self.precondition.check(current.as_ref()) {
            return Evaluation::refused(refusal);
        }
        let before = current.as_ref().map(|item| to_item(item.as_ref()));
        let updated = self.update.apply(before.as_ref(), &self.key);
        let updated = updated.map_err(|error| self.form.refusal(error));
        match updated.and_then(|updated| self.check(&updated).map(|()| updated)) {
            Ok(updated) => self.evaluation(current, updated),
            Err(refusal) => Evaluation::refused(refusal),
        }
    }

    /// Whether the item may become what the update makes of it.
    fn check(&self, updated: &Updated<'_>) -> Result<(), ApiError> {
        let size = updated.gauged_size(&self.key);
        if !size.is_allowed() {
            return Err(ApiError::validation(UpdateError::TooLarge.to_string()));
        }
        match (&self.local_indexes, updated.after()) {
            (Some(indexes), Some(item)) => indexes.check_update(item, size),
            (Some(_) | None, _) => Ok(()),
        }
    }

    fn evaluation(&self, current: Option<SharedItem>, updated: Updated<'_>) -> Evaluation {
        let size = |item: Option<&Item>| item.map_or(ItemSize::default(), Item::size);
        let units = CapacityUnits::of_write(size(updated.before()), size(updated.after()));
        let touched = match self.return_values {
            ReturnValues::UpdatedOld => updated.updated_old(),
            ReturnValues::UpdatedNew => updated.updated_new(),
            ReturnValues::None | ReturnValues::AllOld | ReturnValues::AllNew => None,
        };
        let is_unchanged = updated.is_unchanged();
        let after = updated.into_after().map(Arc::new);
        let attributes = match self.return_values {
            ReturnValues::None => None,
            ReturnValues::AllOld => current,
            ReturnValues::AllNew => after.clone().map(|item| item as SharedItem),
            ReturnValues::UpdatedOld | ReturnValues::UpdatedNew => {
                touched.map(|item| Arc::new(item) as SharedItem)
            }
        };
        let write = after.filter(|_| !is_unchanged).map(ItemWrite::Put);
        let reply = Ok(Written::new(attributes, units, self.charge.clone()));
        Evaluation { write, local: None, reply }
    }
}
