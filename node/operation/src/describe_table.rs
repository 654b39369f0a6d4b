//! DescribeTable: what is known of a table ("DescribeTable", API reference).

use stator_protocol::{ApiError, JsonWriter};

use crate::only_table::{Named, only_table};
use crate::{DescribedTable, TableReference};

/// A DescribeTable request, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    table: TableReference,
}

impl Named for Input {
    const INPUT: &'static str = "DescribeTableInput";
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

    /// The answer if this is the table, in whatever status it is.
    ///
    /// # Errors
    /// ResourceNotFoundException if there is none.
    pub fn reply(&self, found: Option<DescribedTable>) -> Result<Output, ApiError> {
        let table = found.ok_or_else(|| ApiError::named_table_not_found(self.table.name()))?;
        Ok(Output { table })
    }
}

/// What DescribeTable answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    table: DescribedTable,
}

impl Output {
    /// Writes the body.
    pub fn write_json(&self, writer: &mut JsonWriter) {
        writer.object(|reply| self.table.write(reply.member("Table")));
    }
}
