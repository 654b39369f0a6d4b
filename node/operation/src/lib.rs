//! DynamoDB's operations, one module each: input, validation, evaluation, output.
//!
//! A request passes through types that know ever more. `Input` is what a body said, checked by every
//! rule that needs no table ([`Request::parse`]); `validate` makes it a command of the catalog or work on
//! items ([`ItemWork`]): an [`ItemCommand`] is evaluated against one item, a [`ReadCommand`] is shown item
//! after item, and both end in a [`Reply`]. After each step nothing is checked again.
//!
//! The order of the checks is the service's: JSON, kinds of JSON values, the table's name alone, model
//! constraints together, rules across parameters, then whether the table is there and serves, then its
//! key schema.
//!
//! A parameter of the real API that does not work here yet is refused by its name, never ignored.
//!
//! Nothing here does I/O, reads a clock, draws a random number or knows Raft.

pub mod batch_get_item;
pub mod batch_write_item;
mod billing;
mod capacity;
mod command;
mod condition;
mod constraint;
mod control;
pub mod create_table;
pub mod delete_item;
pub mod delete_table;
pub mod describe_continuous_backups;
pub mod describe_endpoints;
pub mod describe_limits;
pub mod describe_table;
pub mod describe_time_to_live;
mod description;
mod expressions;
pub mod get_item;
mod items;
mod keys;
mod legacy;
pub mod list_tables;
pub mod list_tags_of_resource;
mod local_index;
mod moment;
mod only_table;
mod options;
pub mod page;
mod page_members;
mod projected;
pub mod put_item;
pub mod query;
pub mod read;
mod refusal;
mod request;
pub mod scan;
mod table;
pub mod tag_resource;
mod tags;
mod unbuilt;
pub mod untag_resource;
pub mod update_item;
pub mod update_table;
pub mod wire;
mod write_members;
mod written;

use stator_protocol::{ApiError, Service, Target};

pub use capacity::{CapacityUnits, Consumed};
pub use command::{Current, Evaluation, ItemCommand, ItemWrite};
pub use control::{Alteration, Look};
pub use description::{DescribedTable, TableStatistics};
pub use items::{ItemRequest, ItemWork};
pub use local_index::{EntryWrite, LocalWrites};
pub use options::ReturnConsumedCapacity;
pub use read::ReadCommand;
pub use request::{Reply, Request};
pub use table::{ServiceInfo, TableReference};
pub use written::Written;

/// An operation of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// CreateTable.
    CreateTable,
    /// DescribeTable.
    DescribeTable,
    /// ListTables.
    ListTables,
    /// UpdateTable.
    UpdateTable,
    /// DeleteTable.
    DeleteTable,
    /// TagResource.
    TagResource,
    /// UntagResource.
    UntagResource,
    /// ListTagsOfResource.
    ListTagsOfResource,
    /// DescribeTimeToLive.
    DescribeTimeToLive,
    /// DescribeContinuousBackups.
    DescribeContinuousBackups,
    /// DescribeLimits.
    DescribeLimits,
    /// DescribeEndpoints.
    DescribeEndpoints,
    /// PutItem.
    PutItem,
    /// UpdateItem.
    UpdateItem,
    /// DeleteItem.
    DeleteItem,
    /// BatchWriteItem.
    BatchWriteItem,
    /// GetItem.
    GetItem,
    /// BatchGetItem.
    BatchGetItem,
    /// Query.
    Query,
    /// Scan.
    Scan,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reads items.
    Read,
    /// Writes items.
    Write,
    /// Reads or changes tables.
    Control,
}

/// An operation, as the rest of the server needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationSpec {
    /// Which.
    pub operation: Operation,
    /// Its name in `X-Amz-Target`.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
    /// The permission that it needs.
    pub action: &'static str,
}

/// Every operation that is built.
pub const OPERATIONS: &[OperationSpec] = &[
    OperationSpec {
        operation: Operation::CreateTable,
        name: "CreateTable",
        kind: Kind::Control,
        action: "dynamodb:CreateTable",
    },
    OperationSpec {
        operation: Operation::DescribeTable,
        name: "DescribeTable",
        kind: Kind::Control,
        action: "dynamodb:DescribeTable",
    },
    OperationSpec {
        operation: Operation::ListTables,
        name: "ListTables",
        kind: Kind::Control,
        action: "dynamodb:ListTables",
    },
    OperationSpec {
        operation: Operation::UpdateTable,
        name: "UpdateTable",
        kind: Kind::Control,
        action: "dynamodb:UpdateTable",
    },
    OperationSpec {
        operation: Operation::DeleteTable,
        name: "DeleteTable",
        kind: Kind::Control,
        action: "dynamodb:DeleteTable",
    },
    OperationSpec {
        operation: Operation::TagResource,
        name: "TagResource",
        kind: Kind::Control,
        action: "dynamodb:TagResource",
    },
    OperationSpec {
        operation: Operation::UntagResource,
        name: "UntagResource",
        kind: Kind::Control,
        action: "dynamodb:UntagResource",
    },
    OperationSpec {
        operation: Operation::ListTagsOfResource,
        name: "ListTagsOfResource",
        kind: Kind::Control,
        action: "dynamodb:ListTagsOfResource",
    },
    OperationSpec {
        operation: Operation::DescribeTimeToLive,
        name: "DescribeTimeToLive",
        kind: Kind::Control,
        action: "dynamodb:DescribeTimeToLive",
    },
    OperationSpec {
        operation: Operation::DescribeContinuousBackups,
        name: "DescribeContinuousBackups",
        kind: Kind::Control,
        action: "dynamodb:DescribeContinuousBackups",
    },
    OperationSpec {
        operation: Operation::DescribeLimits,
        name: "DescribeLimits",
        kind: Kind::Control,
        action: "dynamodb:DescribeLimits",
    },
    OperationSpec {
        operation: Operation::DescribeEndpoints,
        name: "DescribeEndpoints",
        kind: Kind::Control,
        action: "dynamodb:DescribeEndpoints",
    },
    OperationSpec {
        operation: Operation::PutItem,
        name: "PutItem",
        kind: Kind::Write,
        action: "dynamodb:PutItem",
    },
    OperationSpec {
        operation: Operation::UpdateItem,
        name: "UpdateItem",
        kind: Kind::Write,
        action: "dynamodb:UpdateItem",
    },
    OperationSpec {
        operation: Operation::DeleteItem,
        name: "DeleteItem",
        kind: Kind::Write,
        action: "dynamodb:DeleteItem",
    },
    OperationSpec {
        operation: Operation::BatchWriteItem,
        name: "BatchWriteItem",
        kind: Kind::Write,
        action: "dynamodb:BatchWriteItem",
    },
    OperationSpec {
        operation: Operation::GetItem,
        name: "GetItem",
        kind: Kind::Read,
        action: "dynamodb:GetItem",
    },
    OperationSpec {
        operation: Operation::BatchGetItem,
        name: "BatchGetItem",
        kind: Kind::Read,
        action: "dynamodb:BatchGetItem",
    },
    OperationSpec {
        operation: Operation::Query,
        name: "Query",
        kind: Kind::Read,
        action: "dynamodb:Query",
    },
    OperationSpec {
        operation: Operation::Scan,
        name: "Scan",
        kind: Kind::Read,
        action: "dynamodb:Scan",
    },
];

impl Operation {
    /// The operation that a target names.
    ///
    /// # Errors
    /// UnknownOperationException for a name that the API has never had. An operation that the API has
    /// and this server does not is a ValidationException that says so: UnknownOperationException has
    /// no message, and clients should learn more than a bare name.
    pub fn from_target(target: Target<'_>) -> Result<Self, ApiError> {
        let unbuilt = match target.service {
            Service::DynamoDb => {
                let built = OPERATIONS.iter().find(|spec| spec.name == target.operation);
                if let Some(spec) = built {
                    return Ok(spec.operation);
                }
                unbuilt::DYNAMODB
            }
            Service::Streams => unbuilt::STREAMS,
        };
        if unbuilt.contains(&target.operation) {
            let message =
                format!("Operation {} is not supported by this server yet", target.operation);
            return Err(ApiError::validation(message));
        }
        Err(ApiError::unknown_operation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(target: &str) -> Result<Operation, ApiError> {
        Operation::from_target(Target::parse(Some(target))?)
    }

    #[test]
    fn every_operation_is_found_by_its_name_and_needs_its_action() {
        for spec in OPERATIONS {
            assert_eq!(named(&format!("DynamoDB_20120810.{}", spec.name)), Ok(spec.operation));
            assert_eq!(spec.action, format!("dynamodb:{}", spec.name));
            assert!(!unbuilt::DYNAMODB.contains(&spec.name));
        }
    }

    #[test]
    fn an_operation_that_is_not_built_is_named_and_one_that_never_was_is_unknown() {
        let error = named("DynamoDB_20120810.TransactWriteItems").unwrap_err();
        assert_eq!(
            error.message(),
            Some("Operation TransactWriteItems is not supported by this server yet")
        );
        assert!(named("DynamoDBStreams_20120810.GetRecords").unwrap_err().message().is_some());
        for unknown in [
            "DynamoDB_20120810.putItem",
            "DynamoDB_20120810.GetRecords",
            "DynamoDBStreams_20120810.PutItem",
            "DynamoDB_20120810.Nonsense",
        ] {
            assert_eq!(named(unknown), Err(ApiError::unknown_operation()));
        }
    }
}
