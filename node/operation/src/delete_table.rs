//! DeleteTable: begins to delete a table and all its items ("DeleteTable", API reference).

use stator_catalog::{Command, Refusal};
use stator_protocol::{ApiError, JsonWriter};

use crate::only_table::{Named, only_table};
use crate::{DescribedTable, ServiceInfo, TableReference, refusal};

/// A DeleteTable request, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    table: TableReference,
}

impl Named for Input {
    const INPUT: &'static str = "DeleteTableInput";
}

impl Input {
    /// Reads and checks a body.
    ///
    /// # Errors
    /// SerializationException and ValidationException.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        Ok(Self { table: only_table::<Self>(body)? })
    }

    /// The table that the request names.
    pub fn table(&self) -> &TableReference {
        &self.table
    }

    /// Makes this a command of the catalog.
    ///
    /// # Errors
    /// ResourceNotFoundException for the ARN of a table elsewhere.
    pub fn validate(self, service: &ServiceInfo) -> Result<Command, ApiError> {
        match self.table.local_name(service) {
            Some(name) => Ok(Command::DeleteTable { name: name.to_owned() }),
            None => Err(ApiError::named_table_not_found(self.table.name())),
        }
    }
}

/// What the client is told when the catalog refuses.
pub fn refused(refusal: &Refusal) -> ApiError {
    refusal::error(refusal)
}

/// What DeleteTable answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    table: DescribedTable,
}

impl Output {
    /// The answer for a table that is being deleted, now or already.
    pub fn new(table: DescribedTable) -> Self {
        Self { table }
    }

    /// Writes the body: the description without the schema.
    pub fn write_json(&self, writer: &mut JsonWriter) {
        writer.object(|reply| self.table.write_deleting(reply.member("TableDescription")));
    }
}
