//! The rules of a `Table`: those of CreateTable ("CreateTable" and "Quotas and limits", AWS), told
//! with the paths of a manifest. All that is wrong is listed, in the order of the fields.

use std::collections::HashSet;
use std::num::NonZeroU32;

use stator_model::{
    Billing, KeyAttribute, KeySchema, KeyType, LocalIndex, OnDemandCaps, TableSettings, limits,
};

use crate::spec::{
    AttributeDefinition, AttributeType, BillingMode, KeyRole, KeySchemaElement, OnDemandThroughput,
    Partitioning, ProvisionedThroughput, TableClass, TableSpec,
};
use crate::tags;

mod local_indexes;

/// With how many partitions a table may begin: what one decision of the catalog makes.
pub const MOST_MIN_PARTITIONS: u32 = 1024;
/// Characters of a table's name.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=255;
/// The most units that may be provisioned.
const MOST_UNITS: i64 = 1_000_000_000_000;
/// The most violations that are told of one table.
const MOST_VIOLATIONS: usize = 10;

/// A table that can be made: what a valid [`TableSpec`] says, in the model's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDefinition {
    /// Its name.
    pub name: String,
    /// Its primary key.
    pub key_schema: KeySchema,
    /// Its local secondary indexes.
    pub local_indexes: Vec<LocalIndex>,
    /// How it is paid for.
    pub billing: Billing,
    /// Whether DeleteTable is refused.
    pub deletion_protection: bool,
    /// What else is set of it.
    pub settings: TableSettings,
    /// At least so many partitions, at most [`MOST_MIN_PARTITIONS`]; the server's default if `None`.
    pub min_partitions: Option<NonZeroU32>,
}

/// A rule that a manifest breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Violation {
    /// Where, such as `spec.keySchema[0].attributeName`.
    pub path: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// Rules that are broken.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<Violation>);

impl Violations {
    pub(crate) fn add(&mut self, path: impl Into<String>, problem: impl Into<String>) {
        if self.0.len() < MOST_VIOLATIONS {
            self.0.push(Violation { path: path.into(), problem: problem.into() });
        }
    }

    pub(crate) fn into_list(self) -> Vec<Violation> {
        self.0
    }
}

impl TableSpec {
    /// Checks the table that the object of this name describes.
    ///
    /// # Errors
    /// The rules that it breaks, at most ten of them and at least one.
    pub fn validate(&self, object_name: &str) -> Result<TableDefinition, Vec<Violation>> {
        let mut violations = Violations::default();
        let name = match &self.table_name {
            Some(name) => {
                check_name(&mut violations, "spec.tableName", "a table's name", name);
                name
            }
            None => {
                check_name(&mut violations, "metadata.name", "a table's name", object_name);
                object_name
            }
        };
        check_definitions(&mut violations, &self.attribute_definitions);
        let definitions = &self.attribute_definitions;
        check_used(&mut violations, self);
        let path = "spec.keySchema";
        let key_schema = key_schema_of(&mut violations, path, &self.key_schema, definitions);
        let indexes = &self.local_secondary_indexes;
        let table = key_schema.as_ref();
        let indexes = local_indexes::local_indexes(&mut violations, indexes, table, definitions);
        let mode = self.billing_mode.unwrap_or_default();
        let billing = billing(&mut violations, mode, self.provisioned_throughput);
        let on_demand = caps(&mut violations, mode, self.on_demand_throughput);
        let tags = tags::check(&mut violations, self.tags.as_deref().unwrap_or_default());
        let min_partitions = min_partitions(&mut violations, self.partitioning);
        match (key_schema.zip(indexes), billing, violations.into_list()) {
            (Some((key_schema, local_indexes)), Some(billing), violations)
                if violations.is_empty() =>
            {
                let deletion_protection = self.deletion_protection_enabled.unwrap_or(false);
                let name = name.to_owned();
                let class = match self.table_class.unwrap_or_default() {
                    TableClass::Standard => stator_model::TableClass::Standard,
                    TableClass::StandardInfrequentAccess => {
                        stator_model::TableClass::InfrequentAccess
                    }
                };
                let settings = TableSettings { class, on_demand, tags };
                Ok(TableDefinition {
                    name,
                    key_schema,
                    local_indexes,
                    billing,
                    deletion_protection,
                    settings,
                    min_partitions,
                })
            }
            (_, _, violations) => Err(violations),
        }
    }
}

/// Checks the name of a table or index; `what` is "a table's name" or likewise.
fn check_name(violations: &mut Violations, path: &str, what: &str, name: &str) {
    let length = name.chars().count();
    if !NAME_CHARS.contains(&length) {
        let (least, most) = (NAME_CHARS.start(), NAME_CHARS.end());
        violations.add(path, format!("{what} has {least} to {most} characters, not {length}"));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if !name.bytes().all(allowed) {
        violations.add(path, format!("{what} has only a-z, A-Z, 0-9, '_', '.' and '-'"));
    }
}

fn check_attribute_name(violations: &mut Violations, path: String, name: &str) {
    let length = name.chars().count();
    if !(1..=limits::KEY_NAME_BYTES).contains(&length) {
        let most = limits::KEY_NAME_BYTES;
        let problem =
            format!("the name of a key attribute has 1 to {most} characters, not {length}");
        violations.add(path, problem);
    }
}

fn check_definitions(violations: &mut Violations, definitions: &[AttributeDefinition]) {
    let mut seen = HashSet::new();
    for (place, definition) in definitions.iter().enumerate() {
        let path = format!("spec.attributeDefinitions[{place}].attributeName");
        let name = &definition.attribute_name;
        check_attribute_name(violations, path.clone(), name);
        if !seen.insert(name) {
            violations.add(path, format!("{name:?} is defined twice"));
        }
    }
}

/// Every definition is of an attribute of a key.
fn check_used(violations: &mut Violations, spec: &TableSpec) {
    let of_indexes = spec.local_secondary_indexes.iter().map(|index| &index.key_schema);
    let elements: Vec<&KeySchemaElement> =
        std::iter::once(&spec.key_schema).chain(of_indexes).flatten().collect();
    for (place, definition) in spec.attribute_definitions.iter().enumerate() {
        let name = &definition.attribute_name;
        if !elements.iter().any(|element| element.attribute_name == *name) {
            let path = format!("spec.attributeDefinitions[{place}].attributeName");
            violations.add(path, format!("{name:?} is defined, but no key has it"));
        }
    }
}

/// The key that the elements at `path` make; `None` if a violation was noted.
fn key_schema_of(
    violations: &mut Violations,
    path: &str,
    elements: &[KeySchemaElement],
    definitions: &[AttributeDefinition],
) -> Option<KeySchema> {
    let (partition, sort) = match elements {
        [partition] => (partition, None),
        [partition, sort] => (partition, Some(sort)),
        _ => {
            let problem = format!(
                "a key has one attribute (HASH) or two (HASH, RANGE), not {}",
                elements.len()
            );
            violations.add(path, problem);
            return None;
        }
    };
    check_roles(violations, path, partition, sort);
    let partition = key_attribute(violations, &format!("{path}[0]"), partition, definitions);
    let sort = sort.map(|sort| key_attribute(violations, &format!("{path}[1]"), sort, definitions));
    Some(KeySchema { partition: partition?, sort: sort.map_or(Some(None), |sort| sort.map(Some))? })
}

fn check_roles(
    violations: &mut Violations,
    path: &str,
    partition: &KeySchemaElement,
    sort: Option<&KeySchemaElement>,
) {
    if partition.key_type != KeyRole::Hash {
        violations.add(format!("{path}[0].keyType"), "the first attribute of a key is HASH");
    }
    let Some(sort) = sort else { return };
    if sort.key_type != KeyRole::Range {
        violations.add(format!("{path}[1].keyType"), "the second attribute of a key is RANGE");
    }
    if sort.attribute_name == partition.attribute_name {
        let path = format!("{path}[1].attributeName");
        violations.add(path, "the two attributes of a key have different names");
    }
}

fn key_attribute(
    violations: &mut Violations,
    path: &str,
    element: &KeySchemaElement,
    definitions: &[AttributeDefinition],
) -> Option<KeyAttribute> {
    let name = &element.attribute_name;
    let path = format!("{path}.attributeName");
    check_attribute_name(violations, path.clone(), name);
    let Some(definition) = definitions.iter().find(|other| other.attribute_name == *name) else {
        violations.add(path, format!("{name:?} is not in spec.attributeDefinitions"));
        return None;
    };
    let key_type = match definition.attribute_type {
        AttributeType::S => KeyType::S,
        AttributeType::N => KeyType::N,
        AttributeType::B => KeyType::B,
    };
    Some(KeyAttribute { name: name.clone(), key_type })
}

/// How the table is paid for; `None` if a violation was noted.
fn billing(
    violations: &mut Violations,
    mode: BillingMode,
    throughput: Option<ProvisionedThroughput>,
) -> Option<Billing> {
    let path = "spec.provisionedThroughput";
    match (mode, throughput) {
        (BillingMode::PayPerRequest, None) => Some(Billing::PayPerRequest),
        (BillingMode::PayPerRequest, Some(_)) => {
            violations.add(path, "cannot be given when billingMode is PAY_PER_REQUEST");
            None
        }
        (BillingMode::Provisioned, None) => {
            let problem = "is required unless billingMode is PAY_PER_REQUEST";
            violations.add(path, problem);
            None
        }
        (BillingMode::Provisioned, Some(units)) => {
            let read = capacity(violations, "readCapacityUnits", units.read_capacity_units);
            let write = capacity(violations, "writeCapacityUnits", units.write_capacity_units);
            Some(Billing::Provisioned { read: read?, write: write? })
        }
    }
}

fn capacity(violations: &mut Violations, field: &str, units: i64) -> Option<u64> {
    if !(1..=MOST_UNITS).contains(&units) {
        let path = format!("spec.provisionedThroughput.{field}");
        violations.add(path, format!("is 1 to {MOST_UNITS}, not {units}"));
    }
    u64::try_from(units).ok()
}

/// The caps; none if a violation was noted.
fn caps(
    violations: &mut Violations,
    mode: BillingMode,
    throughput: Option<OnDemandThroughput>,
) -> OnDemandCaps {
    let mut cap = |field: &str, units: Option<i64>| {
        let units = units?;
        let path = format!("spec.onDemandThroughput.{field}");
        let valid = u64::try_from(units).ok().filter(|units| *units > 0);
        match mode {
            BillingMode::Provisioned => {
                violations.add(path, "cannot be given unless billingMode is PAY_PER_REQUEST");
            }
            BillingMode::PayPerRequest if valid.is_none() => {
                violations.add(path, format!("is at least 1, not {units}"));
            }
            BillingMode::PayPerRequest => {}
        }
        valid
    };
    let OnDemandThroughput { max_read_request_units, max_write_request_units } = throughput
        .unwrap_or(OnDemandThroughput {
            max_read_request_units: None,
            max_write_request_units: None,
        });
    OnDemandCaps {
        read: cap("maxReadRequestUnits", max_read_request_units),
        write: cap("maxWriteRequestUnits", max_write_request_units),
    }
}

fn min_partitions(
    violations: &mut Violations,
    partitioning: Option<Partitioning>,
) -> Option<NonZeroU32> {
    let count = partitioning?.min_partitions?;
    let valid = u32::try_from(count).ok().filter(|count| *count <= MOST_MIN_PARTITIONS);
    let valid = valid.and_then(NonZeroU32::new);
    if valid.is_none() {
        let problem = format!("is 1 to {MOST_MIN_PARTITIONS}, not {count}");
        violations.add("spec.partitioning.minPartitions", problem);
    }
    valid
}
