//! The rules of `spec.localSecondaryIndexes`.

use std::collections::HashSet;

use stator_model::{KeyAttribute, KeySchema, LocalIndex, LocalIndexId, Projection, limits};

use super::{Violations, check_attribute_name, check_name, key_schema_of};
use crate::spec::{AttributeDefinition, LocalSecondaryIndex, ProjectionType};

/// The indexes of a table with this key; `None` if a violation was noted.
pub(super) fn local_indexes(
    violations: &mut Violations,
    indexes: &[LocalSecondaryIndex],
    table: Option<&KeySchema>,
    definitions: &[AttributeDefinition],
) -> Option<Vec<LocalIndex>> {
    let path = "spec.localSecondaryIndexes";
    if indexes.len() > limits::LOCAL_INDEXES {
        let (most, count) = (limits::LOCAL_INDEXES, indexes.len());
        violations.add(path, format!("a table has at most {most} local indexes, not {count}"));
    }
    if !indexes.is_empty() && table.is_some_and(|table| table.sort.is_none()) {
        violations.add(path, "only a table with a sort key (RANGE) has local indexes");
    }
    let mut names = HashSet::new();
    let checked = indexes.iter().zip(1..).enumerate().map(|(place, (index, id))| {
        let path = format!("{path}[{place}]");
        let name = format!("{path}.indexName");
        check_name(violations, &name, "an index's name", &index.index_name);
        if !names.insert(&index.index_name) {
            violations.add(name, format!("{:?} is the name of another index", index.index_name));
        }
        let sort = sort_key(violations, &path, index, table, definitions);
        let projection = projection(violations, &path, index);
        let id = LocalIndexId(id);
        Some(LocalIndex {
            id,
            name: index.index_name.clone(),
            sort: sort?,
            projection: projection?,
        })
    });
    // Every index is looked at, also behind one that breaks a rule.
    let checked: Vec<Option<LocalIndex>> = checked.collect();
    checked.into_iter().collect()
}

fn sort_key(
    violations: &mut Violations,
    path: &str,
    index: &LocalSecondaryIndex,
    table: Option<&KeySchema>,
    definitions: &[AttributeDefinition],
) -> Option<KeyAttribute> {
    let path = format!("{path}.keySchema");
    let schema = key_schema_of(violations, &path, &index.key_schema, definitions)?;
    if let Some(table) = table
        && schema.partition.name != table.partition.name
    {
        let problem =
            format!("a local index has the table's partition key, {:?}", table.partition.name);
        violations.add(format!("{path}[0].attributeName"), problem);
    }
    if schema.sort.is_none() {
        violations.add(path, "a local index has a sort key (RANGE) of its own");
    }
    schema.sort
}

fn projection(
    violations: &mut Violations,
    path: &str,
    index: &LocalSecondaryIndex,
) -> Option<Projection> {
    let path = format!("{path}.projection.nonKeyAttributes");
    match (index.projection.projection_type, &index.projection.non_key_attributes) {
        (ProjectionType::All, None) => Some(Projection::All),
        (ProjectionType::KeysOnly, None) => Some(Projection::KeysOnly),
        (ProjectionType::Include, Some(names)) => {
            if !(1..=limits::NON_KEY_ATTRIBUTES).contains(&names.len()) {
                let (most, count) = (limits::NON_KEY_ATTRIBUTES, names.len());
                violations.add(path.clone(), format!("names 1 to {most} attributes, not {count}"));
            }
            for (place, name) in names.iter().enumerate() {
                check_attribute_name(violations, format!("{path}[{place}]"), name);
            }
            Some(Projection::Include(names.clone()))
        }
        (ProjectionType::Include, None) => {
            violations.add(path, "is required when projectionType is INCLUDE");
            None
        }
        (ProjectionType::All | ProjectionType::KeysOnly, Some(_)) => {
            violations.add(path, "cannot be given unless projectionType is INCLUDE");
            None
        }
    }
}
