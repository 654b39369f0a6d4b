//! CreateTable: makes a table ("CreateTable", API reference).

mod local_indexes;
pub(crate) mod members;
pub(crate) mod schema;

use std::num::NonZeroU32;

use stator_catalog::{Command, NewTable, Refusal};
use stator_model::{
    Billing, HashSecret, KeySchema, LocalIndex, TableId, TableSettings, TableStatus, Warmth,
};
use stator_protocol::{ApiError, JsonWriter, parse};

use crate::constraint::{Violations, none_refused};
use crate::{DescribedTable, ServiceInfo, TableReference, billing, refusal, tags};

use members::Members;

/// A CreateTable request, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    table: TableReference,
    key_schema: KeySchema,
    local_indexes: Vec<LocalIndex>,
    billing: Billing,
    deletion_protection: bool,
    settings: TableSettings,
    warm: Option<Warmth>,
}

impl Input {
    /// Reads and checks a body.
    ///
    /// # Errors
    /// SerializationException and ValidationException.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let mut it: Members = parse(body)?;
        let table = TableReference::of_tables(it.table_name.take())?;
        let mut violations = Violations::new();
        let definitions = schema::definitions(&mut violations, it.attribute_definitions.take());
        let mode = violations.choice("billingMode", it.billing_mode.as_deref());
        let throughput = it.provisioned_throughput.take().map(|units| units.check(&mut violations));
        let elements = schema::elements(&mut violations, "keySchema", it.key_schema.take());
        let local_indexes = local_indexes::asked(&mut violations, it.local_indexes.take());
        let class = violations.choice("tableClass", it.table_class.as_deref());
        if let Some(stream) = &it.stream {
            stream.check(&mut violations);
        }
        violations.finish()?;

        none_refused("CreateTable", &it.refused()?)?;
        if let Some(stream) = &it.stream {
            stream.check_view()?;
        }
        let billing = billing::in_mode(mode.unwrap_or_default(), throughput.flatten())?;
        let on_demand =
            it.on_demand_throughput.take().map(|caps| caps.caps(billing)).transpose()?;
        let definitions = definitions.expect("absent definitions are a violation");
        let elements = elements.expect("an absent key schema is a violation");
        let key_schema = schema::key_schema(&definitions, elements)?;
        let local_indexes = local_indexes::local_indexes(local_indexes, &key_schema, &definitions)?;
        schema::check_used(&definitions, &key_schema, &local_indexes)?;
        let warm = it.warm_throughput.take().map(|warm| warm.of_new(billing)).transpose()?;
        let deletion_protection = it.deletion_protection_enabled.unwrap_or(false);
        let settings = TableSettings {
            class: class.unwrap_or_default(),
            on_demand: on_demand.unwrap_or_default(),
            tags: tags::checked(it.tags.take().unwrap_or_default())?,
        };
        let warm = warm.flatten();
        Ok(Self { table, key_schema, local_indexes, billing, deletion_protection, settings, warm })
    }

    /// The table that the request names.
    pub fn table(&self) -> &TableReference {
        &self.table
    }

    /// Makes this a command of the catalog. The random bits become the table's id and the secret
    /// under which its keys are hashed, so they must not be guessable.
    ///
    /// # Errors
    /// ValidationException for the ARN of a table elsewhere.
    pub fn validate(
        self,
        service: &ServiceInfo,
        random: [u8; 32],
        partitions: NonZeroU32,
    ) -> Result<Command, ApiError> {
        let name = self.table.local_name(service).ok_or_else(|| {
            let given = self.table.given();
            ApiError::validation(format!(
                "Invalid TableArn: Invalid ResourceArn provided as input {given}"
            ))
        })?;
        let (mut id, mut secret) = ([0; 16], [0; 16]);
        let (left, right) = random.split_at(16);
        id.copy_from_slice(left);
        secret.copy_from_slice(right);
        Ok(Command::CreateTable(Box::new(NewTable {
            id: TableId::from_random(id),
            name: name.to_owned(),
            key_schema: self.key_schema,
            local_indexes: self.local_indexes,
            billing: self.billing,
            deletion_protection: self.deletion_protection,
            settings: self.settings,
            warm: self.warm,
            hash_secret: HashSecret::from_bytes(secret),
            partitions,
        })))
    }
}

/// What the client is told when the catalog refuses.
pub fn refused(refusal: &Refusal) -> ApiError {
    match refusal {
        Refusal::TableInUse { name, status: TableStatus::Active | TableStatus::Creating } => {
            refusal::already_exists(name)
        }
        Refusal::TableInUse { status: TableStatus::Deleting, .. }
        | Refusal::TableNotFound { .. }
        | Refusal::DeletionProtected { .. }
        | Refusal::NotProvisioned { .. }
        | Refusal::UnitsUnchanged { .. }
        | Refusal::DecreasesSpent { .. }
        | Refusal::NotOnDemand { .. }
        | Refusal::WarmLowered { .. }
        | Refusal::TooManyTags { .. }
        | Refusal::TableIdTaken { .. }
        | Refusal::TooManyPartitions { .. }
        | Refusal::PartitionIdsSpent
        | Refusal::PartitionNotFound { .. }
        | Refusal::AlreadyReady { .. }
        | Refusal::NotDeleting { .. }
        | Refusal::NoPlace
        | Refusal::Node(_)
        | Refusal::NotFormed => refusal::error(refusal),
    }
}

/// What CreateTable answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    table: DescribedTable,
}

impl Output {
    /// The answer for a table that is being created.
    pub fn new(table: DescribedTable) -> Self {
        Self { table }
    }

    /// Writes the body.
    pub fn write_json(&self, writer: &mut JsonWriter) {
        writer.object(|reply| self.table.write(reply.member("TableDescription")));
    }
}
