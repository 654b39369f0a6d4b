//! DescribeContinuousBackups: whether a table can be restored to a point in time
//! ("DescribeContinuousBackups", API reference). None can yet: UpdateContinuousBackups is not built.
//! ContinuousBackupsStatus is ENABLED for every table, which says only that the other could be.

use serde::de::MapAccess;
use stator_catalog::Catalog;
use stator_protocol::{ApiError, Found, JsonWriter, Scope, Shape, parse, read_members};

use crate::{ServiceInfo, TableReference};

#[derive(Default)]
struct Members {
    table_name: Option<String>,
}

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("DescribeContinuousBackupsInput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "TableName" => member.set(&mut it.table_name),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

/// A DescribeContinuousBackups request, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    table: TableReference,
}

impl Input {
    /// Reads and checks a body.
    ///
    /// # Errors
    /// SerializationException and ValidationException.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let it: Members = parse(body)?;
        Ok(Self { table: TableReference::of_tables(it.table_name)? })
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
