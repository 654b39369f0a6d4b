//! The body of CreateTable, as it was read.

use serde::de::MapAccess;
use stator_protocol::{AnyList, ApiError, Found, Scope, Shape, read_members};

use crate::billing::{OnDemandThroughput, Throughput, WarmThroughput};
use crate::constraint::Violations;
use crate::options::Choice;
use crate::tags::Tag;

/// Parameters of the API that do not work here yet, whatever they say. `StreamSpecification`,
/// `SSESpecification` and lists of indexes are read, because some of what they can say is how every table
/// is.
const NOT_YET: &[&str] = &[
    "GlobalTableSettingsReplicationMode",
    "GlobalTableSourceArn",
    "ResourcePolicy",
    "VectorIndexes",
];

#[derive(Default)]
pub(super) struct Members {
    pub(super) table_name: Option<String>,
    pub(super) attribute_definitions: Option<Vec<AttributeDefinition>>,
    pub(super) key_schema: Option<Vec<KeySchemaElement>>,
    pub(super) billing_mode: Option<String>,
    pub(super) provisioned_throughput: Option<Throughput>,
    pub(super) deletion_protection_enabled: Option<bool>,
    pub(super) table_class: Option<String>,
    pub(super) stream: Option<StreamSpecification>,
    pub(super) encryption: Option<Encryption>,
    pub(super) on_demand_throughput: Option<OnDemandThroughput>,
    pub(super) warm_throughput: Option<WarmThroughput>,
    pub(super) tags: Option<Vec<Tag>>,
    pub(super) global_indexes: Option<AnyList>,
    pub(super) local_indexes: Option<Vec<LocalIndexMember>>,
    present: Vec<&'static str>,
}

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("CreateTableInput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "TableName" => member.set(&mut it.table_name),
            "AttributeDefinitions" => member.set(&mut it.attribute_definitions),
            "KeySchema" => member.set(&mut it.key_schema),
            "BillingMode" => member.set(&mut it.billing_mode),
            "ProvisionedThroughput" => member.set(&mut it.provisioned_throughput),
            "DeletionProtectionEnabled" => member.set(&mut it.deletion_protection_enabled),
            "TableClass" => member.set(&mut it.table_class),
            "StreamSpecification" => member.set(&mut it.stream),
            "SSESpecification" => member.set(&mut it.encryption),
            "OnDemandThroughput" => member.set(&mut it.on_demand_throughput),
            "WarmThroughput" => member.set(&mut it.warm_throughput),
            "Tags" => member.set(&mut it.tags),
            "GlobalSecondaryIndexes" => member.set(&mut it.global_indexes),
            "LocalSecondaryIndexes" => member.set(&mut it.local_indexes),
            _ => member.note(NOT_YET, &mut it.present),
        })?;
        Ok(it)
    }
}

impl Members {
    /// The parameters that are there and do not work here yet.
    ///
    /// # Errors
    /// The service's own text for a list of indexes that is there and empty.
    pub(super) fn refused(&self) -> Result<Vec<&'static str>, ApiError> {
        let mut refused = self.present.clone();
        let mut refuse = |name, is_refused: bool| refused.extend(is_refused.then_some(name));
        refuse("StreamSpecification", self.stream.as_ref().is_some_and(StreamSpecification::is_on));
        refuse("SSESpecification", self.encryption.as_ref().is_some_and(Encryption::is_on));
        refuse("GlobalSecondaryIndexes", has_indexes(self.global_indexes)?);
        Ok(refused)
    }
}

fn has_indexes(list: Option<AnyList>) -> Result<bool, ApiError> {
    match list {
        None => Ok(false),
        Some(AnyList { is_empty: false }) => Ok(true),
        Some(AnyList { is_empty: true }) => Err(ApiError::validation(
            "One or more parameter values were invalid: List of GlobalSecondaryIndexes is empty",
        )),
    }
}

/// `AttributeDefinition`.
#[derive(Default)]
pub(crate) struct AttributeDefinition {
    pub(super) name: Option<String>,
    pub(super) key_type: Option<String>,
}

impl Shape for AttributeDefinition {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("AttributeDefinition")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "AttributeName" => member.set(&mut it.name),
            "AttributeType" => member.set(&mut it.key_type),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

/// `KeySchemaElement`.
#[derive(Default)]
pub(super) struct KeySchemaElement {
    pub(super) name: Option<String>,
    pub(super) role: Option<String>,
}

impl Shape for KeySchemaElement {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("KeySchemaElement")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "AttributeName" => member.set(&mut it.name),
            "KeyType" => member.set(&mut it.role),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

/// `LocalSecondaryIndex`.
#[derive(Default)]
pub(super) struct LocalIndexMember {
    pub(super) name: Option<String>,
    pub(super) key_schema: Option<Vec<KeySchemaElement>>,
    pub(super) projection: Option<ProjectionMember>,
}

impl Shape for LocalIndexMember {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("LocalSecondaryIndex")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "IndexName" => member.set(&mut it.name),
            "KeySchema" => member.set(&mut it.key_schema),
            "Projection" => member.set(&mut it.projection),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

/// `Projection`.
#[derive(Default)]
pub(super) struct ProjectionMember {
    pub(super) kind: Option<String>,
    pub(super) non_key_attributes: Option<Vec<String>>,
}

impl Shape for ProjectionMember {
    fn mismatch(found: Found) -> String {
        found.instead_of_member("Projection")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "ProjectionType" => member.set(&mut it.kind),
            "NonKeyAttributes" => member.set(&mut it.non_key_attributes),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

/// `StreamSpecification`. Only a stream that is off works.
#[derive(Default)]
pub(crate) struct StreamSpecification {
    enabled: Option<bool>,
    view: Option<String>,
}

/// `StreamViewType`.
#[derive(Clone, Copy)]
enum StreamView {
    NewImage,
    OldImage,
    NewAndOldImages,
    KeysOnly,
}

impl Choice for StreamView {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("NEW_IMAGE", Self::NewImage),
        ("OLD_IMAGE", Self::OldImage),
        ("NEW_AND_OLD_IMAGES", Self::NewAndOldImages),
        ("KEYS_ONLY", Self::KeysOnly),
    ];
}

impl StreamSpecification {
    pub(crate) fn check(&self, violations: &mut Violations) {
        violations.required("streamSpecification.streamEnabled", self.enabled);
        let path = "streamSpecification.streamViewType";
        let _: Option<StreamView> = violations.choice(path, self.view.as_deref());
    }

    pub(super) fn is_on(&self) -> bool {
        self.enabled == Some(true)
    }

    /// Whether there is no view type, once the stream is known to be off.
    pub(super) fn check_view(&self) -> Result<(), ApiError> {
        if self.view.is_none() {
            return Ok(());
        }
        Err(ApiError::validation(
            "One or more parameter values were invalid: Table is being created with a stream \
             disabled, UpdateViewType should not be specified",
        ))
    }
}

impl Shape for StreamSpecification {
    fn mismatch(found: Found) -> String {
        found.instead_of_member("StreamSpecification")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "StreamEnabled" => member.set(&mut it.enabled),
            "StreamViewType" => member.set(&mut it.view),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

/// `SSESpecification`. Only the default works: encryption under a key that is not the client's.
#[derive(Default)]
pub(crate) struct Encryption {
    enabled: Option<bool>,
    others: Vec<&'static str>,
}

impl Encryption {
    /// Whether it asks for a key of the client's.
    pub(super) fn is_on(&self) -> bool {
        self.enabled == Some(true) || !self.others.is_empty()
    }
}

impl Shape for Encryption {
    fn mismatch(found: Found) -> String {
        found.instead_of_member("SSESpecification")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "Enabled" => member.set(&mut it.enabled),
            _ => member.note(&["SSEType", "KMSMasterKeyId"], &mut it.others),
        })?;
        Ok(it)
    }
}
