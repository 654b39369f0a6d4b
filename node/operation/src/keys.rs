//! Primary keys out of items and `Key` parameters, with every rule about their values, and what expressions
//! may not do with their attributes.

use stator_model::{
    AttributeMap, AttributeValue, Item, KeyAttribute, KeySchema, KeyValue, PrimaryKey,
    TableDescription, limits,
};
use stator_protocol::ApiError;

use crate::constraint::invalid;

/// The part of an attribute in the key, which decides its limit.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    Partition,
    Sort,
}

/// The key of an item that is put ("PutItem", API reference: all key attributes, of the right type).
///
/// # Errors
/// ValidationException: missing, of another type, empty, too long; the partition key first.
pub(crate) fn of_item(item: &Item, schema: &KeySchema) -> Result<PrimaryKey, ApiError> {
    let pick = |attribute: &KeyAttribute, part| {
        let value = item
            .get(&attribute.name)
            .ok_or_else(|| invalid(format!("Missing the key {} in the item", attribute.name)))?;
        let key = typed(value, attribute).ok_or_else(|| {
            let (name, expected) = (&attribute.name, attribute.key_type.name());
            let actual = value.type_name();
            invalid(format!("Type mismatch for key {name} expected: {expected} actual: {actual}"))
        })?;
        bounded(key, attribute, part)
    };
    Ok(PrimaryKey {
        partition: pick(&schema.partition, Part::Partition)?,
        sort: schema.sort.as_ref().map(|sort| pick(sort, Part::Sort)).transpose()?,
    })
}

/// The key of an item that a batch puts. Where PutItem tells missing from mistyped, batches do not.
///
/// # Errors
/// ValidationException: missing or of another type; empty; too long.
pub(crate) fn of_item_in_batch(item: &Item, schema: &KeySchema) -> Result<PrimaryKey, ApiError> {
    of_parameter(&schema.key_attributes(item), schema)
}

/// The key that a `Key` parameter names: exactly the key attributes.
///
/// # Errors
/// ValidationException: one missing, too many, of another type; empty; too long.
pub(crate) fn of_parameter(key: &AttributeMap, schema: &KeySchema) -> Result<PrimaryKey, ApiError> {
    let mismatch = || ApiError::validation("The provided key element does not match the schema");
    if key.len() != schema.attributes().count() {
        return Err(mismatch());
    }
    let pick = |attribute: &KeyAttribute, part| {
        let value = key.get(&attribute.name).and_then(|value| typed(value, attribute));
        bounded(value.ok_or_else(mismatch)?, attribute, part)
    };
    Ok(PrimaryKey {
        partition: pick(&schema.partition, Part::Partition)?,
        sort: schema.sort.as_ref().map(|sort| pick(sort, Part::Sort)).transpose()?,
    })
}

/// Checks an expression whose paths lead into these attributes: none may be a key of the table or of one
/// of its indexes, even if the request reads no index (observed on the service).
///
/// # Errors
/// ValidationException for the first key that is one of them, the table's own before those of indexes.
pub(crate) fn must_be_scalar(nested: &[&str], table: &TableDescription) -> Result<(), ApiError> {
    let is_nested = |key: &&KeyAttribute| nested.contains(&key.name.as_str());
    let of_indexes = || table.local_indexes.iter().map(|index| &index.sort);
    let (kind, key) = if let Some(key) = table.key_schema.attributes().find(is_nested) {
        ("Key", key)
    } else if let Some(key) = of_indexes().find(is_nested) {
        ("IndexKey", key)
    } else {
        return Ok(());
    };
    Err(ApiError::validation(format!(
        "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: \
         {kind}: {}",
        key.name
    )))
}

/// The refusal of an update that changes this key attribute.
pub(crate) fn must_not_change(key: &str) -> ApiError {
    invalid(format!("Cannot update attribute {key}. This attribute is part of the key"))
}

/// The value as a key, if it is of the attribute's type.
fn typed(value: &AttributeValue, attribute: &KeyAttribute) -> Option<KeyValue> {
    KeyValue::from_attribute(value).filter(|key| key.key_type() == attribute.key_type)
}

/// The key, if it is not empty and within its limit. The misspelt texts are the service's.
fn bounded(key: KeyValue, attribute: &KeyAttribute, part: Part) -> Result<KeyValue, ApiError> {
    let empty = match &key {
        KeyValue::S(text) if text.is_empty() => Some("string"),
        KeyValue::B(bytes) if bytes.is_empty() => Some("binary"),
        KeyValue::S(_) | KeyValue::B(_) | KeyValue::N(_) => None,
    };
    if let Some(kind) = empty {
        return Err(ApiError::validation(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute \
             cannot contain an empty {kind} value. Key: {}",
            attribute.name
        )));
    }
    let (limit, text) = match part {
        Part::Partition => (
            limits::PARTITION_KEY_BYTES,
            "Size of hashkey has exceeded the maximum size limit of2048 bytes",
        ),
        Part::Sort => (
            limits::SORT_KEY_BYTES,
            "Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
        ),
    };
    if key.fits(limit) { Ok(key) } else { Err(invalid(text)) }
}
