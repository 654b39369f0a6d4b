//! DescribeTable: what is known of a table ("DescribeTable", API reference).

use serde::de::MapAccess;
use stator_protocol::{ApiError, Found, JsonWriter, Scope, Shape, parse, read_members};

use crate::{DescribedTable, TableReference};

#[derive(Default)]
struct Members {
    table_name: Option<String>,
}

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("DescribeTableInput")
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

/// A DescribeTable request, checked.
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
