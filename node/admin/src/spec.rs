//! `spec` of a `Table`, as it is written. Field names are those of ACK, which are those of the API
//! reference in camel case; `partitioning` is ours.
//!
//! What is missing here is not built: it is refused as an unknown field.

use serde::Deserialize;

/// What a table is to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TableSpec {
    /// The table's name; the object's name if absent. Cannot be changed.
    pub table_name: Option<String>,
    /// The types of the key attributes, and of no others.
    pub attribute_definitions: Vec<AttributeDefinition>,
    /// The primary key: HASH, then RANGE if there is one. Cannot be changed.
    pub key_schema: Vec<KeySchemaElement>,
    /// Its local secondary indexes. Cannot be changed.
    #[serde(default)]
    pub local_secondary_indexes: Vec<LocalSecondaryIndex>,
    /// How the table is paid for; PROVISIONED if absent, as in CreateTable.
    pub billing_mode: Option<BillingMode>,
    /// The units a second, with PROVISIONED and only then.
    pub provisioned_throughput: Option<ProvisionedThroughput>,
    /// Whether DeleteTable is refused; `false` if absent.
    pub deletion_protection_enabled: Option<bool>,
    /// STANDARD if absent.
    pub table_class: Option<TableClass>,
    /// The most that an on-demand table may be asked for, with PAY_PER_REQUEST and only then.
    pub on_demand_throughput: Option<OnDemandThroughput>,
    /// The table's tags, and there are no others.
    pub tags: Option<Vec<Tag>>,
    /// How the table is cut into partitions.
    pub partitioning: Option<Partitioning>,
}

/// An attribute and its type.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttributeDefinition {
    /// The attribute's name.
    pub attribute_name: String,
    /// Its type.
    pub attribute_type: AttributeType,
}

/// The type of a key attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum AttributeType {
    /// String.
    S,
    /// Number.
    N,
    /// Binary.
    B,
}

/// An attribute of the primary key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeySchemaElement {
    /// The attribute's name.
    pub attribute_name: String,
    /// Its part in the key.
    pub key_type: KeyRole,
}

/// A local secondary index.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocalSecondaryIndex {
    /// Its name.
    pub index_name: String,
    /// The table's partition key, then the index's sort key.
    pub key_schema: Vec<KeySchemaElement>,
    /// Which attributes it holds.
    pub projection: Projection,
}

/// Which attributes an index holds, besides keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Projection {
    /// All, none, or those that are named.
    pub projection_type: ProjectionType,
    /// Those, with INCLUDE and only then.
    pub non_key_attributes: Option<Vec<String>>,
}

/// What an index holds besides keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProjectionType {
    /// All attributes.
    All,
    /// None.
    KeysOnly,
    /// Those that are named.
    Include,
}

/// The part that an attribute has in a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyRole {
    /// The partition key.
    Hash,
    /// The sort key.
    Range,
}

/// How a table is paid for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BillingMode {
    /// By provisioned units.
    #[default]
    Provisioned,
    /// By request.
    PayPerRequest,
}

/// Units a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProvisionedThroughput {
    /// To read.
    pub read_capacity_units: i64,
    /// To write.
    pub write_capacity_units: i64,
}

/// The class of storage. A matter of price alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TableClass {
    /// For what is used often.
    #[default]
    Standard,
    /// For what is not.
    StandardInfrequentAccess,
}

/// Units a second, at most; as many as there are where one is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OnDemandThroughput {
    /// To read.
    pub max_read_request_units: Option<i64>,
    /// To write.
    pub max_write_request_units: Option<i64>,
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// How a table is cut into partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Partitioning {
    /// The table begins with so many partitions and never has fewer.
    pub min_partitions: Option<i64>,
}
