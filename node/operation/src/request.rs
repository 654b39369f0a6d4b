//! Any request and any reply.

use stator_protocol::{ApiError, JsonWriter};

use crate::{
    Operation, TableReference, create_table, delete_table, describe_table, get_item, list_tables,
    put_item,
};

/// What a body asked for, checked by every rule that needs no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// CreateTable.
    CreateTable(create_table::Input),
    /// DescribeTable.
    DescribeTable(describe_table::Input),
    /// ListTables.
    ListTables(list_tables::Input),
    /// DeleteTable.
    DeleteTable(delete_table::Input),
    /// PutItem.
    PutItem(put_item::Input),
    /// GetItem.
    GetItem(get_item::Input),
}

impl Request {
    /// Reads and checks the body of a request.
    ///
    /// # Errors
    /// SerializationException and ValidationException, in the service's order: see the crate.
    pub fn parse(operation: Operation, body: &[u8]) -> Result<Self, ApiError> {
        Ok(match operation {
            Operation::CreateTable => Self::CreateTable(create_table::Input::parse(body)?),
            Operation::DescribeTable => Self::DescribeTable(describe_table::Input::parse(body)?),
            Operation::ListTables => Self::ListTables(list_tables::Input::parse(body)?),
            Operation::DeleteTable => Self::DeleteTable(delete_table::Input::parse(body)?),
            Operation::PutItem => Self::PutItem(put_item::Input::parse(body)?),
            Operation::GetItem => Self::GetItem(get_item::Input::parse(body)?),
        })
    }

    /// The operation.
    pub fn operation(&self) -> Operation {
        match self {
            Self::CreateTable(_) => Operation::CreateTable,
            Self::DescribeTable(_) => Operation::DescribeTable,
            Self::ListTables(_) => Operation::ListTables,
            Self::DeleteTable(_) => Operation::DeleteTable,
            Self::PutItem(_) => Operation::PutItem,
            Self::GetItem(_) => Operation::GetItem,
        }
    }

    /// The table that it names, if it names one.
    pub fn table(&self) -> Option<&TableReference> {
        match self {
            Self::CreateTable(input) => Some(input.table()),
            Self::DescribeTable(input) => Some(input.table()),
            Self::ListTables(_) => None,
            Self::DeleteTable(input) => Some(input.table()),
            Self::PutItem(input) => Some(input.table()),
            Self::GetItem(input) => Some(input.table()),
        }
    }
}

/// The answer to a request that succeeded.
#[derive(Clone, Debug)]
pub enum Reply {
    /// CreateTable.
    CreateTable(create_table::Output),
    /// DescribeTable.
    DescribeTable(describe_table::Output),
    /// ListTables.
    ListTables(list_tables::Output),
    /// DeleteTable.
    DeleteTable(delete_table::Output),
    /// PutItem.
    PutItem(put_item::Output),
    /// GetItem.
    GetItem(get_item::Output),
}

impl Reply {
    /// Writes the body.
    pub fn write_json(&self, writer: &mut JsonWriter) {
        match self {
            Self::CreateTable(output) => output.write_json(writer),
            Self::DescribeTable(output) => output.write_json(writer),
            Self::ListTables(output) => output.write_json(writer),
            Self::DeleteTable(output) => output.write_json(writer),
            Self::PutItem(output) => output.write_json(writer),
            Self::GetItem(output) => output.write_json(writer),
        }
    }

    /// The body.
    pub fn to_body(&self) -> Vec<u8> {
        let mut writer = JsonWriter::new();
        self.write_json(&mut writer);
        writer.into_bytes()
    }
}
