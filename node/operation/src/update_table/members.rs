//! The body of UpdateTable, as it was read.

use serde::de::MapAccess;
use stator_protocol::{AnyList, Found, Scope, Shape, read_members};

use crate::billing::{OnDemandThroughput, Throughput, WarmThroughput};
use crate::constraint::Violations;
use crate::create_table::members::{AttributeDefinition, Encryption, StreamSpecification};
use crate::options::Choice;

/// Parameters of the API that do not work here yet, whatever they say.
const NOT_YET: &[&str] =
    &["DisassociationProtectionEnabled", "GlobalTableWitnessUpdates", "VectorIndexUpdates"];

#[derive(Default)]
pub(super) struct Members {
    pub(super) table_name: Option<String>,
    pub(super) attribute_definitions: Option<Vec<AttributeDefinition>>,
    pub(super) billing_mode: Option<String>,
    pub(super) provisioned_throughput: Option<Throughput>,
    pub(super) on_demand_throughput: Option<OnDemandThroughput>,
    pub(super) warm_throughput: Option<WarmThroughput>,
    pub(super) table_class: Option<String>,
    pub(super) deletion_protection_enabled: Option<bool>,
    stream: Option<StreamSpecification>,
    encryption: Option<Encryption>,
    index_updates: Option<AnyList>,
    replica_updates: Option<AnyList>,
    consistency: Option<String>,
    replication: Option<String>,
    present: Vec<&'static str>,
}

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("UpdateTableInput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "TableName" => member.set(&mut it.table_name),
            "AttributeDefinitions" => member.set(&mut it.attribute_definitions),
            "BillingMode" => member.set(&mut it.billing_mode),
            "ProvisionedThroughput" => member.set(&mut it.provisioned_throughput),
            "OnDemandThroughput" => member.set(&mut it.on_demand_throughput),
            "WarmThroughput" => member.set(&mut it.warm_throughput),
            "TableClass" => member.set(&mut it.table_class),
            "DeletionProtectionEnabled" => member.set(&mut it.deletion_protection_enabled),
            "StreamSpecification" => member.set(&mut it.stream),
            "SSESpecification" => member.set(&mut it.encryption),
            "GlobalSecondaryIndexUpdates" => member.set(&mut it.index_updates),
            "ReplicaUpdates" => member.set(&mut it.replica_updates),
            "MultiRegionConsistency" => member.set(&mut it.consistency),
            "GlobalTableSettingsReplicationMode" => member.set(&mut it.replication),
            _ => member.note(NOT_YET, &mut it.present),
        })?;
        Ok(it)
    }
}

impl Members {
    /// Notes the violations of what does not work here yet.
    pub(super) fn check_refused(&self, violations: &mut Violations) {
        if let Some(stream) = &self.stream {
            stream.check(violations);
        }
        if self.replica_updates.is_some_and(|updates| updates.is_empty) {
            let constraint = "have length greater than or equal to 1";
            violations.add("[]", "replicaUpdates", constraint);
        }
        let consistency = self.consistency.as_deref();
        let _: Option<Consistency> = violations.choice("multiRegionConsistency", consistency);
        let path = "globalTableSettingsReplicationMode";
        let _: Option<Replication> = violations.choice(path, self.replication.as_deref());
    }

    /// The parameters that are there and do not work here yet. An empty list of index updates is none.
    pub(super) fn refused(&self) -> Vec<&'static str> {
        let mut refused = self.present.clone();
        let mut refuse = |name, is_refused: bool| refused.extend(is_refused.then_some(name));
        refuse("StreamSpecification", self.stream.is_some());
        refuse("SSESpecification", self.encryption.is_some());
        refuse(
            "GlobalSecondaryIndexUpdates",
            self.index_updates.is_some_and(|updates| !updates.is_empty),
        );
        refuse("ReplicaUpdates", self.replica_updates.is_some());
        refuse("MultiRegionConsistency", self.consistency.is_some());
        refuse("GlobalTableSettingsReplicationMode", self.replication.is_some());
        refused
    }
}

/// `MultiRegionConsistency`.
#[derive(Clone, Copy)]
enum Consistency {
    Eventual,
    Strong,
}

impl Choice for Consistency {
    const WORDS: &'static [(&'static str, Self)] =
        &[("EVENTUAL", Self::Eventual), ("STRONG", Self::Strong)];
}

/// `GlobalTableSettingsReplicationMode`.
#[derive(Clone, Copy)]
enum Replication {
    Enabled,
    Disabled,
    EnabledWithOverrides,
}

impl Choice for Replication {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("ENABLED", Self::Enabled),
        ("DISABLED", Self::Disabled),
        ("ENABLED_WITH_OVERRIDES", Self::EnabledWithOverrides),
    ];
}
