//! Any request and any reply.

use stator_protocol::{ApiError, JsonWriter};

use crate::page::Paged;
use crate::{
    Alteration, ItemRequest, Look, Operation, Written, batch_get_item, batch_write_item,
    create_table, delete_item, delete_table, describe_continuous_backups, describe_endpoints,
    describe_limits, describe_table, describe_time_to_live, get_item, list_tables,
    list_tags_of_resource, put_item, query, scan, tag_resource, untag_resource, update_item,
    update_table,
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
    /// A change of a table.
    Alter(Alteration),
    /// A look at the catalog.
    Look(Look),
    /// An operation on items.
    Items(ItemRequest),
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
            Operation::UpdateTable => {
                let input = update_table::Input::parse(body)?;
                Self::Alter(Alteration::UpdateTable(input.into()))
            }
            Operation::TagResource => {
                let input = tag_resource::Input::parse(body)?;
                Self::Alter(Alteration::TagResource(input.into()))
            }
            Operation::UntagResource => {
                let input = untag_resource::Input::parse(body)?;
                Self::Alter(Alteration::UntagResource(input.into()))
            }
            Operation::ListTagsOfResource => {
                let input = list_tags_of_resource::Input::parse(body)?;
                Self::Look(Look::ListTagsOfResource(input))
            }
            Operation::DescribeTimeToLive => {
                let input = describe_time_to_live::Input::parse(body)?;
                Self::Look(Look::DescribeTimeToLive(input))
            }
            Operation::DescribeContinuousBackups => {
                let input = describe_continuous_backups::Input::parse(body)?;
                Self::Look(Look::DescribeContinuousBackups(input))
            }
            Operation::DescribeLimits => {
                Self::Look(Look::DescribeLimits(describe_limits::Input::parse(body)?))
            }
            Operation::DescribeEndpoints => {
                Self::Look(Look::DescribeEndpoints(describe_endpoints::Input::parse(body)?))
            }
            Operation::PutItem => Self::Items(ItemRequest::PutItem(put_item::Input::parse(body)?)),
            Operation::UpdateItem => {
                Self::Items(ItemRequest::UpdateItem(update_item::Input::parse(body)?))
            }
            Operation::DeleteItem => {
                Self::Items(ItemRequest::DeleteItem(delete_item::Input::parse(body)?))
            }
            Operation::BatchWriteItem => {
                Self::Items(ItemRequest::BatchWriteItem(batch_write_item::Input::parse(body)?))
            }
            Operation::GetItem => Self::Items(ItemRequest::GetItem(get_item::Input::parse(body)?)),
            Operation::BatchGetItem => {
                Self::Items(ItemRequest::BatchGetItem(batch_get_item::Input::parse(body)?))
            }
            Operation::Query => Self::Items(ItemRequest::Query(query::Input::parse(body)?)),
            Operation::Scan => Self::Items(ItemRequest::Scan(scan::Input::parse(body)?)),
        })
    }
}

impl Request {
    /// The same request, sent to this host.
    #[must_use]
    pub fn sent_to(self, host: &str) -> Self {
        match self {
            Self::Look(Look::DescribeEndpoints(input)) => {
                Self::Look(Look::DescribeEndpoints(input.sent_to(host)))
            }
            Self::CreateTable(_)
            | Self::DescribeTable(_)
            | Self::ListTables(_)
            | Self::DeleteTable(_)
            | Self::Alter(_)
            | Self::Look(_)
            | Self::Items(_) => self,
        }
    }

    /// Whether the answer may be many times larger than the request: whoever makes it should not make
    /// many at once.
    pub const fn may_answer_much(&self) -> bool {
        match self {
            Self::Items(
                ItemRequest::BatchGetItem(_) | ItemRequest::Query(_) | ItemRequest::Scan(_),
            ) => true,
            Self::Items(
                ItemRequest::PutItem(_)
                | ItemRequest::UpdateItem(_)
                | ItemRequest::DeleteItem(_)
                | ItemRequest::BatchWriteItem(_)
                | ItemRequest::GetItem(_),
            )
            | Self::CreateTable(_)
            | Self::DescribeTable(_)
            | Self::ListTables(_)
            | Self::DeleteTable(_)
            | Self::Alter(_)
            | Self::Look(_) => false,
        }
    }
}

/// The answer to a request that succeeded.
#[derive(Debug)]
pub enum Reply {
    /// CreateTable.
    CreateTable(create_table::Output),
    /// DescribeTable.
    DescribeTable(describe_table::Output),
    /// ListTables.
    ListTables(list_tables::Output),
    /// DeleteTable.
    DeleteTable(delete_table::Output),
    /// UpdateTable.
    UpdateTable(update_table::Output),
    /// TagResource and UntagResource. The one reply whose body is not JSON: it is empty.
    Tagged,
    /// ListTagsOfResource.
    ListTagsOfResource(list_tags_of_resource::Output),
    /// DescribeTimeToLive.
    DescribeTimeToLive,
    /// DescribeContinuousBackups.
    DescribeContinuousBackups,
    /// DescribeLimits.
    DescribeLimits,
    /// DescribeEndpoints.
    DescribeEndpoints(describe_endpoints::Output),
    /// Any operation that writes one item.
    Written(Written),
    /// BatchWriteItem.
    BatchWriteItem(batch_write_item::Output),
    /// GetItem.
    GetItem(get_item::Output),
    /// BatchGetItem.
    BatchGetItem(batch_get_item::Output),
    /// Query or Scan.
    Page(Paged),
}

impl Reply {
    /// Writes the body.
    pub fn write_json(&self, writer: &mut JsonWriter) {
        match self {
            Self::CreateTable(output) => output.write_json(writer),
            Self::DescribeTable(output) => output.write_json(writer),
            Self::ListTables(output) => output.write_json(writer),
            Self::DeleteTable(output) => output.write_json(writer),
            Self::UpdateTable(output) => output.write_json(writer),
            Self::Tagged => {}
            Self::ListTagsOfResource(output) => output.write_json(writer),
            Self::DescribeTimeToLive => describe_time_to_live::write_json(writer),
            Self::DescribeContinuousBackups => describe_continuous_backups::write_json(writer),
            Self::DescribeLimits => describe_limits::write_json(writer),
            Self::DescribeEndpoints(output) => output.write_json(writer),
            Self::Written(written) => written.write_json(writer),
            Self::BatchWriteItem(output) => output.write_json(writer),
            Self::GetItem(output) => output.write_json(writer),
            Self::BatchGetItem(output) => output.write_json(writer),
            Self::Page(page) => page.write_json(writer),
        }
    }

    /// The body.
    pub fn to_body(&self) -> Vec<u8> {
        let mut writer = JsonWriter::new();
        self.write_json(&mut writer);
        writer.into_bytes()
    }
}
