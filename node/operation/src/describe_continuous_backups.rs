//! DescribeContinuousBackups: whether a table can be restored to a point in time
//! ("DescribeContinuousBackups", API reference). None can yet: UpdateContinuousBackups is not built.
//! ContinuousBackupsStatus is ENABLED for every table, which says only that the other could be.

use stator_catalog::Catalog;
use stator_protocol::{ApiError, JsonWriter};

use crate::only_table::{Named, only_table};
use crate::{ServiceInfo, TableReference};

/// A DescribeContinuousBackups request, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    table: TableReference,
}

impl Named for Input {
    const INPUT: &'static str = "DescribeContinuousBackupsInput";
}

impl Input {
    /// Reads and checks a body.
    ///
    /// # Errors
    /// SerializationException and ValidationException.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        Ok(Self { table: only_table::<Self>(body)? })
    }

    /// Whether there is something to answer, whatever the table's status.
    ///
    /// # Errors
    /// TableNotFoundException if there is no such table.
    pub fn check(&self, catalog: &Catalog, service: &ServiceInfo) -> Result<(), ApiError> {
        let name = self.table.local_name(service);
        let found = name.and_then(|name| catalog.table_by_name(name));
        found.map(|_| ()).ok_or_else(|| ApiError::no_table_to_back_up(self.table.name()))
    }
}

/// Writes what DescribeContinuousBackups answers.
pub(crate) fn write_json(writer: &mut JsonWriter) {
    writer.object(|reply| {
        reply.member("ContinuousBackupsDescription").object(|description| {
            description.member("ContinuousBackupsStatus").text("ENABLED");
            description.member("PointInTimeRecoveryDescription").object(|recovery| {
                recovery.member("PointInTimeRecoveryStatus").text("DISABLED");
            });
        });
    });
}
