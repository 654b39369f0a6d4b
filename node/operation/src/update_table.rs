//! UpdateTable: changes a table while it serves ("UpdateTable", API reference).
//!
//! Here a change is done once it is decided. The service takes a while for most of them, so that the
//! table is UPDATING in the reply; a client that waits for ACTIVE then sees it at once. Nor are there
//! pauses after a change: the service lets some minutes or days pass between two of one kind.

mod members;

use stator_catalog::{BillingUpdate, Command, OnDemandUpdate, Refusal, TableUpdate, WarmUpdate};
use stator_model::TableClass;
use stator_protocol::{ApiError, JsonWriter, parse};

use crate::constraint::{Violations, invalid, none_refused};
use crate::create_table::schema;
use crate::options::BillingMode;
use crate::{DescribedTable, ServiceInfo, TableReference, billing, refusal};

use members::Members;

/// An UpdateTable request, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    table: TableReference,
    billing: Option<BillingUpdate>,
    on_demand: OnDemandUpdate,
    warm: WarmUpdate,
    class: Option<TableClass>,
    deletion_protection: Option<bool>,
}

impl Input {
    /// Reads and checks a body. AttributeDefinitions mean something only to a new index: without one
    /// they are checked and left, as the service leaves them.
    ///
    /// # Errors
    /// SerializationException and ValidationException.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let mut it: Members = parse(body)?;
        let table = TableReference::of_tables(it.table_name.take())?;
        let mut violations = Violations::new();
        if let Some(definitions) = it.attribute_definitions.take() {
            let _ = schema::definitions(&mut violations, Some(definitions));
        }
        let mode = violations.choice("billingMode", it.billing_mode.as_deref());
        let units = it.provisioned_throughput.take().map(|units| units.check(&mut violations));
        let class = violations.choice("tableClass", it.table_class.as_deref());
        it.check_refused(&mut violations);
        violations.finish()?;

        none_refused("UpdateTable", &it.refused())?;
        let on_demand = it.on_demand_throughput.map(|caps| caps.update()).transpose()?;
        let input = Self {
            table,
            billing: billing_update(mode, units.flatten())?,
            on_demand: on_demand.unwrap_or_default(),
            warm: it.warm_throughput.map(|warm| warm.update()).unwrap_or_default(),
            class,
            deletion_protection: it.deletion_protection_enabled,
        };
        input.check_families()?;
        Ok(input)
    }

    /// Whether the changes are of one family.
    fn check_families(&self) -> Result<(), ApiError> {
        let caps = self.on_demand != OnDemandUpdate::default();
        let warm = self.warm != WarmUpdate::default();
        let class = self.class.is_some();
        let protection = self.deletion_protection.is_some();
        let families = [self.billing.is_some(), caps, warm, class, protection];
        let count = families.into_iter().filter(|present| *present).count();
        let alone = |name| {
            Err(invalid(format!("{name} modification must be the only operation in the request")))
        };
        match self.billing {
            _ if count == 0 => Err(ApiError::validation(
                "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
                 GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
            )),
            _ if class && count > 1 => alone("TableClass"),
            _ if protection && count > 1 => alone("DeletionProtection"),
            _ if warm && count > 1 => {
                Err(invalid("WarmThroughput must be the only operation in the request"))
            }
            Some(BillingUpdate::Units { .. }) if caps => Err(invalid(
                "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request",
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// The table that the request names.
    pub fn table(&self) -> &TableReference {
        &self.table
    }

    /// Makes this a command of the catalog.
    ///
    /// # Errors
    /// ResourceNotFoundException for the ARN of a table elsewhere.
    pub fn validate(&self, service: &ServiceInfo) -> Result<Command, ApiError> {
        let name = self.table.local_name(service);
        let name = name.ok_or_else(|| ApiError::named_table_not_found(self.table.name()))?;
        Ok(Command::UpdateTable(TableUpdate {
            name: name.to_owned(),
            billing: self.billing,
            on_demand: self.on_demand,
            warm: self.warm,
            class: self.class,
            deletion_protection: self.deletion_protection,
            ..TableUpdate::default()
        }))
    }

    /// The answer once the table is as it was asked to be.
    pub fn reply(&self, table: DescribedTable) -> Output {
        // Protection and caps are changed at once by the service too.
        let takes_a_while = self.billing.is_some() || self.class.is_some();
        Output { table: if takes_a_while { table.updating() } else { table } }
    }
}

/// What is asked of how the table is paid for: the mode and the units must fit each other.
fn billing_update(
    mode: Option<BillingMode>,
    units: Option<(i64, i64)>,
) -> Result<Option<BillingUpdate>, ApiError> {
    Ok(match (mode, units) {
        (Some(mode), units) => Some(BillingUpdate::Mode(billing::in_mode(mode, units)?)),
        (None, Some(units)) => {
            let (read, write) = billing::bounded(units)?;
            Some(BillingUpdate::Units { read, write })
        }
        (None, None) => None,
    })
}

/// What the client is told when the catalog refuses.
pub fn refused(refusal: &Refusal) -> ApiError {
    refusal::error(refusal)
}

/// What UpdateTable answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    table: DescribedTable,
}

impl Output {
    /// Writes the body.
    pub fn write_json(&self, writer: &mut JsonWriter) {
        writer.object(|reply| self.table.write(reply.member("TableDescription")));
    }
}
