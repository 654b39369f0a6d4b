//! The local secondary indexes of a new table ("CreateTable", API reference).

use stator_model::{KeyAttribute, KeySchema, LocalIndex, LocalIndexId, Projection, limits};
use stator_protocol::ApiError;

use super::members::{LocalIndexMember, ProjectionMember};
use super::schema::{elements, typed_schema};
use crate::constraint::{Violations, invalid};
use crate::options::{KeyRole, ProjectionType};
use crate::table::{NAME_CHARS, NAME_CHARS_LEAST};

/// A local index as it was asked for, checked by the model's constraints.
pub(super) struct Asked {
    name: String,
    key_schema: Vec<(String, KeyRole)>,
    projection: Option<ProjectionType>,
    non_key_attributes: Option<Vec<String>>,
}

/// `LocalSecondaryIndexes`, checked by the model's constraints: one of each, or a violation is noted.
pub(super) fn asked(
    violations: &mut Violations,
    given: Option<Vec<LocalIndexMember>>,
) -> Option<Vec<Asked>> {
    let asked = given?.into_iter().zip(1..).filter_map(|(index, place)| {
        let path = format!("localSecondaryIndexes.{place}.member");
        let name = name(violations, &format!("{path}.indexName"), index.name);
        let key_schema = elements(violations, &format!("{path}.keySchema"), index.key_schema);
        let path = format!("{path}.projection");
        let projection = violations.required(&path, index.projection);
        let projection = projection.map(|it| projection_type(violations, &path, it));
        let ((name, key_schema), (projection, non_key_attributes)) =
            name.zip(key_schema).zip(projection)?;
        Some(Asked { name, key_schema, projection, non_key_attributes })
    });
    Some(asked.collect())
}

fn name(violations: &mut Violations, path: &str, name: Option<String>) -> Option<String> {
    let name = violations.required(path, name)?;
    violations.length(path, &name, NAME_CHARS_LEAST, NAME_CHARS);
    violations.name_pattern(path, &name);
    Some(name)
}

fn projection_type(
    violations: &mut Violations,
    path: &str,
    given: ProjectionMember,
) -> (Option<ProjectionType>, Option<Vec<String>>) {
    let kind = violations.choice(format!("{path}.projectionType"), given.kind.as_deref());
    let path = format!("{path}.nonKeyAttributes");
    if let Some(names) = &given.non_key_attributes {
        let shown = || format!("[{}]", names.join(", "));
        if names.is_empty() {
            violations.add(shown(), &path, "have length greater than or equal to 1");
        } else if names.len() > limits::NON_KEY_ATTRIBUTES {
            let most = limits::NON_KEY_ATTRIBUTES;
            let constraint = format!("have length less than or equal to {most}");
            violations.add(shown(), &path, &constraint);
        }
        for (name, place) in names.iter().zip(1..) {
            let path = format!("{path}.{place}.member");
            violations.length(&path, name, 1, limits::KEY_NAME_BYTES);
        }
    }
    (kind, given.non_key_attributes)
}

/// The indexes of a table with this key, in the service's order of checks.
///
/// # Errors
/// ValidationException.
pub(super) fn local_indexes(
    asked: Option<Vec<Asked>>,
    table: &KeySchema,
    definitions: &[KeyAttribute],
) -> Result<Vec<LocalIndex>, ApiError> {
    let Some(asked) = asked else { return Ok(Vec::new()) };
    if asked.is_empty() {
        return Err(invalid("List of LocalSecondaryIndexes is empty"));
    }
    if table.sort.is_none() {
        return Err(invalid(
            "Table KeySchema does not have a range key, which is required when specifying a \
             LocalSecondaryIndex",
        ));
    }
    let mut indexes: Vec<LocalIndex> = Vec::new();
    for (asked, id) in asked.into_iter().zip(1..) {
        if indexes.len() == limits::LOCAL_INDEXES {
            return Err(invalid(format!(
                "Number of LocalSecondaryIndexes exceeds per-table limit of {}",
                limits::LOCAL_INDEXES
            )));
        }
        let name = &asked.name;
        if indexes.iter().any(|index| index.name == *name) {
            return Err(invalid(format!("Duplicate index name: {name}")));
        }
        let sort = sort_key(name, asked.key_schema, table, definitions)?;
        let projection = projection(asked.projection, asked.non_key_attributes)?;
        indexes.push(LocalIndex { id: LocalIndexId(id), name: asked.name, sort, projection });
    }
    Ok(indexes)
}

fn sort_key(
    index: &str,
    elements: Vec<(String, KeyRole)>,
    table: &KeySchema,
    definitions: &[KeyAttribute],
) -> Result<KeyAttribute, ApiError> {
    let schema = typed_schema(definitions, elements)?;
    let (own, tables) = (&schema.partition.name, &table.partition.name);
    if own != tables {
        return Err(invalid(format!(
            "Index KeySchema does not have the same leading hash key as table KeySchema for index: \
             {index}. index hash key: {own}, table hash key: {tables}"
        )));
    }
    schema.sort.ok_or_else(|| {
        invalid(format!("Index KeySchema does not have a range key for index: {index}"))
    })
}

fn projection(
    kind: Option<ProjectionType>,
    names: Option<Vec<String>>,
) -> Result<Projection, ApiError> {
    let Some(kind) = kind else { return Err(invalid("Unknown ProjectionType: null")) };
    match (kind, names) {
        (ProjectionType::All, None) => Ok(Projection::All),
        (ProjectionType::KeysOnly, None) => Ok(Projection::KeysOnly),
        (ProjectionType::Include, Some(names)) => Ok(Projection::Include(names)),
        (ProjectionType::Include, None) => {
            Err(invalid("ProjectionType is INCLUDE, but NonKeyAttributes is not specified"))
        }
        (ProjectionType::All | ProjectionType::KeysOnly, Some(_)) => Err(invalid(format!(
            "ProjectionType is {}, but NonKeyAttributes is specified",
            kind.name()
        ))),
    }
}
