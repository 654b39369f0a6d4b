//! DescribeTimeToLive: whether items of a table expire ("DescribeTimeToLive", API reference). No table's
//! do yet: UpdateTimeToLive is not built.

use stator_catalog::Catalog;
use stator_model::TableStatus;
use stator_protocol::{ApiError, JsonWriter};

use crate::only_table::{Named, only_table};
use crate::{ServiceInfo, TableReference};

/// A DescribeTimeToLive request, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    table: TableReference,
}

impl Named for Input {
    const INPUT: &'static str = "DescribeTimeToLiveInput";
}

impl Input {
    /// Reads and checks a body.
    ///
    /// # Errors
    /// SerializationException and ValidationException.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        Ok(Self { table: only_table::<Self>(body)? })
    }

    /// Whether there is something to answer.
    ///
    /// # Errors
    /// ResourceNotFoundException if there is no such table; ValidationException if it does not serve.
    pub fn check(&self, catalog: &Catalog, service: &ServiceInfo) -> Result<(), ApiError> {
        let name = self.table.local_name(service);
        let table = name.and_then(|name| catalog.table_by_name(name));
        let table = table.ok_or_else(|| ApiError::named_table_not_found(self.table.name()))?;
        match table.status {
            TableStatus::Active => Ok(()),
            status @ (TableStatus::Creating | TableStatus::Deleting) => {
                let state = status.name();
                Err(ApiError::validation(format!(
                    "Cannot describe time to live while table is in {state} state: Current table \
                     state is {state}"
                )))
            }
        }
    }
}

/// Writes what DescribeTimeToLive answers.
pub(crate) fn write_json(writer: &mut JsonWriter) {
    writer.object(|reply| {
        reply.member("TimeToLiveDescription").object(|description| {
            description.member("TimeToLiveStatus").text("DISABLED");
        });
    });
}
