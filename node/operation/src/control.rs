//! Operations on tables that exist, in two kinds that each go one way: a look at the catalog, or a change
//! that the catalog decides.

use std::sync::Arc;

use stator_catalog::{Catalog, Command, Refusal};
use stator_protocol::ApiError;

use crate::{
    DescribedTable, Operation, Reply, ServiceInfo, TableReference, describe_continuous_backups,
    describe_endpoints, describe_limits, describe_time_to_live, list_tags_of_resource,
    tag_resource, untag_resource, update_table,
};

/// A request that a look at the catalog answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// DescribeLimits.
    DescribeLimits(describe_limits::Input),
    /// DescribeEndpoints.
    DescribeEndpoints(describe_endpoints::Input),
    /// DescribeTimeToLive.
    DescribeTimeToLive(describe_time_to_live::Input),
    /// DescribeContinuousBackups.
    DescribeContinuousBackups(describe_continuous_backups::Input),
    /// ListTagsOfResource.
    ListTagsOfResource(list_tags_of_resource::Input),
}

impl Look {
    /// The answer.
    ///
    /// # Errors
    /// Those of the operation; mostly that there is no such table.
    pub fn reply(self, catalog: &Catalog, service: &ServiceInfo) -> Result<Reply, ApiError> {
        Ok(match self {
            Self::DescribeLimits(describe_limits::Input) => Reply::DescribeLimits,
            Self::DescribeEndpoints(input) => Reply::DescribeEndpoints(input.reply()),
            Self::DescribeTimeToLive(input) => {
                input.check(catalog, service)?;
                Reply::DescribeTimeToLive
            }
            Self::DescribeContinuousBackups(input) => {
                input.check(catalog, service)?;
                Reply::DescribeContinuousBackups
            }
            Self::ListTagsOfResource(input) => {
                Reply::ListTagsOfResource(input.reply(catalog, service)?)
            }
        })
    }
}

/// A request to change a table. Shared, because it is needed again once the catalog has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alteration {
    /// UpdateTable.
    UpdateTable(Arc<update_table::Input>),
    /// TagResource.
    TagResource(Arc<tag_resource::Input>),
    /// UntagResource.
    UntagResource(Arc<untag_resource::Input>),
}

impl Alteration {
    /// Which operation this is.
    pub const fn operation(&self) -> Operation {
        match self {
            Self::UpdateTable(_) => Operation::UpdateTable,
            Self::TagResource(_) => Operation::TagResource,
            Self::UntagResource(_) => Operation::UntagResource,
        }
    }

    /// The table that the request names.
    pub fn table(&self) -> &TableReference {
        match self {
            Self::UpdateTable(input) => input.table(),
            Self::TagResource(input) => input.table(),
            Self::UntagResource(input) => input.table(),
        }
    }

    /// Makes this a command of the catalog.
    ///
    /// # Errors
    /// Those of the operation for the ARN of a table elsewhere.
    pub fn validate(&self, service: &ServiceInfo) -> Result<Command, ApiError> {
        match self {
            Self::UpdateTable(input) => input.validate(service),
            Self::TagResource(input) => input.validate(service),
            Self::UntagResource(input) => input.validate(service),
        }
    }

    /// What the client is told when the catalog refuses.
    pub fn refused(&self, refusal: &Refusal) -> ApiError {
        match self {
            Self::UpdateTable(_) => update_table::refused(refusal),
            Self::TagResource(input) => input.refused(refusal),
            Self::UntagResource(input) => input.refused(refusal),
        }
    }

    /// The answer once the table is as it was asked to be.
    pub fn reply(&self, table: DescribedTable) -> Reply {
        match self {
            Self::UpdateTable(input) => Reply::UpdateTable(input.reply(table)),
            Self::TagResource(_) | Self::UntagResource(_) => Reply::Tagged,
        }
    }
}
