//! Tables as replies describe them.

use std::collections::BTreeMap;
use std::sync::Arc;

use stator_model::{
    Billing, KeyAttribute, KeySchema, LocalIndexId, OnDemandCaps, Projection, TableClass,
    TableDescription, TableStatus, UnixMillis,
};
use stator_protocol::JsonWriter;

use crate::ServiceInfo;
use crate::options::ProjectionType;

/// What a table holds, as far as is known. The service renews these every six hours or so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableStatistics {
    /// Items.
    pub items: u64,
    /// Their bytes, by the rule for the size of items.
    pub bytes: u64,
    /// Entries of each local index, and their bytes by the same rule.
    pub local_indexes: BTreeMap<LocalIndexId, (u64, u64)>,
}

impl TableStatistics {
    /// Adds what a partition holds of a local index.
    pub fn add_local_index(&mut self, index: LocalIndexId, entries: u64, bytes: u64) {
        let sum = self.local_indexes.entry(index).or_default();
        *sum = (sum.0 + entries, sum.1 + bytes);
    }
}

/// A table with everything that `TableDescription` says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedTable {
    table: Arc<TableDescription>,
    statistics: TableStatistics,
    arn: String,
    status: &'static str,
    decreases_today: u32,
}

impl DescribedTable {
    /// Describes a table as it is now.
    pub fn new(
        table: Arc<TableDescription>,
        statistics: TableStatistics,
        service: &ServiceInfo,
        now: UnixMillis,
    ) -> Self {
        let (arn, status) = (service.table_arn(&table.name), table.status.name());
        let decreases_today = table.history.decreases_today(now);
        Self { table, statistics, arn, status, decreases_today }
    }

    /// The same table while a change of it is under way.
    pub(crate) fn updating(self) -> Self {
        Self { status: "UPDATING", ..self }
    }

    /// Writes the `TableDescription` that CreateTable and DescribeTable answer with. What has its
    /// default is left out, as the service leaves it out.
    pub(crate) fn write(&self, writer: &mut JsonWriter) {
        writer.object(|description| {
            let schema = &self.table.key_schema;
            description.member("AttributeDefinitions").array(|list| {
                self.key_attributes()
                    .iter()
                    .for_each(|attribute| write_definition(list, attribute));
            });
            description.member("KeySchema").array(|list| write_key_schema(list, schema));
            self.write_local_indexes(description);
            description.member("CreationDateTime").timestamp(self.table.created);
            self.write_rest(description, self.status);
        });
    }

    /// The key attributes of the table and of its indexes.
    fn key_attributes(&self) -> Vec<&KeyAttribute> {
        let mut attributes: Vec<&KeyAttribute> = self.table.key_schema.attributes().collect();
        for index in &self.table.local_indexes {
            if attributes.iter().all(|known| known.name != index.sort.name) {
                attributes.push(&index.sort);
            }
        }
        attributes
    }

    fn write_local_indexes(&self, description: &mut JsonWriter) {
        if self.table.local_indexes.is_empty() {
            return;
        }
        description.member("LocalSecondaryIndexes").array(|list| {
            for index in &self.table.local_indexes {
                let held = self.statistics.local_indexes.get(&index.id);
                let (entries, bytes) = held.copied().unwrap_or_default();
                list.object(|description| {
                    description.member("IndexName").text(&index.name);
                    let schema = index.key_schema(&self.table.key_schema);
                    description.member("KeySchema").array(|list| write_key_schema(list, &schema));
                    write_projection(description.member("Projection"), &index.projection);
                    description.member("IndexSizeBytes").integer(bytes);
                    description.member("ItemCount").integer(entries);
                    let arn = format!("{}/index/{}", self.arn, index.name);
                    description.member("IndexArn").text(&arn);
                });
            }
        });
    }

    /// Writes the `TableDescription` that DeleteTable answers with: without the schema.
    pub(crate) fn write_deleting(&self, writer: &mut JsonWriter) {
        writer.object(|description| self.write_rest(description, "DELETING"));
    }

    fn write_rest(&self, description: &mut JsonWriter, status: &str) {
        description.member("TableName").text(&self.table.name);
        description.member("TableStatus").text(status);
        self.write_billing(description);
        description.member("TableSizeBytes").integer(self.statistics.bytes);
        description.member("ItemCount").integer(self.statistics.items);
        description.member("TableArn").text(&self.arn);
        description.member("TableId").text(&self.table.id.to_string());
        description.member("DeletionProtectionEnabled").flag(self.table.deletion_protection);
        self.write_class(description);
        self.write_caps(description);
        self.write_warmth(description);
    }

    /// What the table is ready for. A reply that a table is being created tells it only if the request
    /// said something of it, one that a table is being deleted never.
    fn write_warmth(&self, description: &mut JsonWriter) {
        let history = &self.table.history;
        let status = match self.table.status {
            TableStatus::Active => "ACTIVE",
            TableStatus::Creating if history.warm.is_some() => "UPDATING",
            TableStatus::Creating | TableStatus::Deleting => return,
        };
        let warmth = history.warmth(self.table.billing);
        description.member("WarmThroughput").object(|throughput| {
            throughput.member("ReadUnitsPerSecond").integer(warmth.read);
            throughput.member("WriteUnitsPerSecond").integer(warmth.write);
            throughput.member("Status").text(status);
        });
    }

    /// Left out until the class is another than the default, or once was.
    fn write_class(&self, description: &mut JsonWriter) {
        let (class, changed) = (self.table.settings.class, self.table.history.class);
        if class == TableClass::Standard && changed.is_none() {
            return;
        }
        description.member("TableClassSummary").object(|summary| {
            summary.member("TableClass").text(class.name());
            if let Some(changed) = changed {
                summary.member("LastUpdateDateTime").timestamp(changed);
            }
        });
    }

    fn write_caps(&self, description: &mut JsonWriter) {
        let caps = self.table.settings.on_demand;
        if caps == OnDemandCaps::default() {
            return;
        }
        description.member("OnDemandThroughput").object(|throughput| {
            if let Some(read) = caps.read {
                throughput.member("MaxReadRequestUnits").integer(read);
            }
            if let Some(write) = caps.write {
                throughput.member("MaxWriteRequestUnits").integer(write);
            }
        });
    }

    /// Throughput is zero where it is not provisioned. There is a summary of the mode once a table was
    /// on demand.
    fn write_billing(&self, description: &mut JsonWriter) {
        let (mode, read, write) = match self.table.billing {
            Billing::Provisioned { read, write } => ("PROVISIONED", read, write),
            Billing::PayPerRequest => ("PAY_PER_REQUEST", 0, 0),
        };
        let history = &self.table.history;
        if let Some(on_demand) = history.on_demand {
            description.member("BillingModeSummary").object(|summary| {
                summary.member("BillingMode").text(mode);
                summary.member("LastUpdateToPayPerRequestDateTime").timestamp(on_demand);
            });
        }
        description.member("ProvisionedThroughput").object(|throughput| {
            if let Some(increase) = history.increase {
                throughput.member("LastIncreaseDateTime").timestamp(increase);
            }
            if let Some(decrease) = history.decrease {
                throughput.member("LastDecreaseDateTime").timestamp(decrease);
            }
            throughput.member("NumberOfDecreasesToday").integer(self.decreases_today.into());
            throughput.member("ReadCapacityUnits").integer(read);
            throughput.member("WriteCapacityUnits").integer(write);
        });
    }
}

fn write_definition(list: &mut JsonWriter, attribute: &KeyAttribute) {
    list.object(|definition| {
        definition.member("AttributeName").text(&attribute.name);
        definition.member("AttributeType").text(attribute.key_type.name());
    });
}

fn write_projection(writer: &mut JsonWriter, projection: &Projection) {
    let (kind, names) = match projection {
        Projection::All => (ProjectionType::All, None),
        Projection::KeysOnly => (ProjectionType::KeysOnly, None),
        Projection::Include(names) => (ProjectionType::Include, Some(names)),
    };
    writer.object(|projection| {
        projection.member("ProjectionType").text(kind.name());
        if let Some(names) = names {
            projection.member("NonKeyAttributes").array(|list| {
                names.iter().for_each(|name| list.text(name));
            });
        }
    });
}

fn write_key_schema(list: &mut JsonWriter, schema: &KeySchema) {
    let mut element = |attribute: &KeyAttribute, role: &str| {
        list.object(|element| {
            element.member("AttributeName").text(&attribute.name);
            element.member("KeyType").text(role);
        });
    };
    element(&schema.partition, "HASH");
    if let Some(sort) = &schema.sort {
        element(sort, "RANGE");
    }
}
