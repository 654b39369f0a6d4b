//! The key schema of a new table, and the definitions of its attributes: they must be the same
//! attributes ("CreateTable", API reference).

use std::collections::HashSet;

use stator_model::{KeyAttribute, KeySchema, KeyType, LocalIndex, limits};
use stator_protocol::ApiError;

use super::members::{AttributeDefinition, KeySchemaElement};
use crate::constraint::{Violations, invalid};
use crate::options::KeyRole;

/// Elements of a key schema.
const KEY_ATTRIBUTES: usize = 2;

/// `AttributeDefinitions`, checked by the model's constraints: one of each, or a violation is noted.
pub(crate) fn definitions(
    violations: &mut Violations,
    given: Option<Vec<AttributeDefinition>>,
) -> Option<Vec<KeyAttribute>> {
    let given = violations.required("attributeDefinitions", given)?;
    let typed = given.into_iter().zip(1..).filter_map(|(definition, place)| {
        let path = format!("attributeDefinitions.{place}.member");
        let name = name(violations, &path, definition.name);
        let path = format!("{path}.attributeType");
        let key_type = violations.required(&path, definition.key_type);
        let key_type = violations.choice(&path, key_type.as_deref());
        name.zip(key_type).map(|(name, key_type)| KeyAttribute { name, key_type })
    });
    Some(typed.collect())
}

/// `KeySchema`, checked by the model's constraints: one of each, or a violation is noted.
pub(super) fn elements(
    violations: &mut Violations,
    path: &str,
    given: Option<Vec<KeySchemaElement>>,
) -> Option<Vec<(String, KeyRole)>> {
    let given = violations.required(path, given)?;
    if given.is_empty() {
        violations.add("[]", path, "have length greater than or equal to 1");
    } else if given.len() > KEY_ATTRIBUTES {
        let shown: Vec<String> = given.iter().map(KeySchemaElement::shown).collect();
        let constraint = format!("have length less than or equal to {KEY_ATTRIBUTES}");
        violations.add(format!("[{}]", shown.join(", ")), path, &constraint);
    }
    let typed = given.into_iter().zip(1..).filter_map(|(element, place)| {
        let path = format!("{path}.{place}.member");
        let name = name(violations, &path, element.name);
        let path = format!("{path}.keyType");
        let role = violations.required(&path, element.role);
        name.zip(violations.choice(&path, role.as_deref()))
    });
    Some(typed.collect())
}

impl KeySchemaElement {
    /// As the service shows one in a violation.
    fn shown(&self) -> String {
        let name = self.name.as_deref().unwrap_or("null");
        let role = self.role.as_deref().unwrap_or("null");
        format!("KeySchemaElement(attributeName={name}, keyType={role})")
    }
}

fn name(violations: &mut Violations, path: &str, name: Option<String>) -> Option<String> {
    let path = format!("{path}.attributeName");
    let name = violations.required(&path, name)?;
    violations.length(&path, &name, 1, limits::KEY_NAME_BYTES);
    Some(name)
}

/// The key schema of the table, in the service's order of checks.
pub(super) fn key_schema(
    definitions: &[KeyAttribute],
    elements: Vec<(String, KeyRole)>,
) -> Result<KeySchema, ApiError> {
    check_distinct(definitions)?;
    if elements.len() > definitions.len() {
        return Err(invalid_schema("Some index key attribute have no definition"));
    }
    typed_schema(definitions, elements)
}

/// Whether every definition is of a key attribute of the table or of an index.
pub(super) fn check_used(
    definitions: &[KeyAttribute],
    schema: &KeySchema,
    indexes: &[LocalIndex],
) -> Result<(), ApiError> {
    let names = |attributes: &mut dyn Iterator<Item = &KeyAttribute>| -> Vec<String> {
        attributes.map(|attribute| attribute.name.clone()).collect()
    };
    let mut used = names(&mut schema.attributes());
    for index in indexes {
        if !used.contains(&index.sort.name) {
            used.push(index.sort.name.clone());
        }
    }
    if definitions.len() == used.len() {
        return Ok(());
    }
    if indexes.is_empty() {
        return Err(invalid(
            "Number of attributes in KeySchema does not exactly match number of attributes defined \
             in AttributeDefinitions",
        ));
    }
    Err(invalid(format!(
        "Some AttributeDefinitions are not used. AttributeDefinitions: [{}], keys used: [{}]",
        names(&mut definitions.iter()).join(", "),
        used.join(", ")
    )))
}

/// The key schema that definitions and elements make together.
pub(super) fn typed_schema(
    definitions: &[KeyAttribute],
    elements: Vec<(String, KeyRole)>,
) -> Result<KeySchema, ApiError> {
    check_defined(definitions, &elements)?;
    let mut roles = elements.into_iter();
    let (partition, role) = roles.next().expect("an empty key schema is a violation");
    let sort = roles.next();
    if sort.as_ref().is_some_and(|(name, _)| *name == partition) {
        return Err(ApiError::validation(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ));
    }
    if role != KeyRole::Hash {
        return Err(invalid_schema("The first KeySchemaElement is not a HASH key type"));
    }
    if sort.as_ref().is_some_and(|(_, role)| *role != KeyRole::Range) {
        return Err(invalid_schema("The second KeySchemaElement is not a RANGE key type"));
    }
    let attribute = |name: String| KeyAttribute { key_type: type_of(definitions, &name), name };
    Ok(KeySchema { partition: attribute(partition), sort: sort.map(|(name, _)| attribute(name)) })
}

fn check_distinct(definitions: &[KeyAttribute]) -> Result<(), ApiError> {
    let mut seen = HashSet::new();
    match definitions.iter().find(|definition| !seen.insert(&definition.name)) {
        Some(twice) => {
            Err(ApiError::validation(format!("Attribute Name is duplicated: {}", twice.name)))
        }
        None => Ok(()),
    }
}

fn check_defined(
    definitions: &[KeyAttribute],
    elements: &[(String, KeyRole)],
) -> Result<(), ApiError> {
    let defined: Vec<&str> = definitions.iter().map(|definition| &*definition.name).collect();
    let keys: Vec<&str> = elements.iter().map(|(name, _)| &**name).collect();
    if keys.iter().all(|key| defined.contains(key)) {
        return Ok(());
    }
    Err(invalid(format!(
        "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], \
         AttributeDefinitions: [{}]",
        keys.join(", "),
        defined.join(", ")
    )))
}

fn type_of(definitions: &[KeyAttribute], name: &str) -> KeyType {
    let definition = definitions.iter().find(|definition| definition.name == name);
    definition.expect("every key attribute is defined").key_type
}

fn invalid_schema(text: &str) -> ApiError {
    ApiError::validation(format!("Invalid KeySchema: {text}"))
}
