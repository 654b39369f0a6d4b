//! ListTagsOfResource: the tags of a table, in byte order of their keys ("ListTagsOfResource", API
//! reference). As many as a table may have are one page, so that no answer has a `NextToken`; one that a
//! request brings is not looked at, as the service does with one that it did not issue.

use serde::de::MapAccess;
use stator_catalog::Catalog;
use stator_model::Tags;
use stator_protocol::{ApiError, Found, JsonWriter, Scope, Shape, parse, read_members};

use crate::{ServiceInfo, TableReference};

#[derive(Default)]
struct Members {
    resource_arn: Option<String>,
    next_token: Option<String>,
}

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("ListTagsOfResourceInput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "ResourceArn" => member.set(&mut it.resource_arn),
            "NextToken" => member.set(&mut it.next_token),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

/// A ListTagsOfResource request, checked.
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
        let arn = it.resource_arn.ok_or_else(TableReference::no_resource)?;
        Ok(Self { table: TableReference::of_resource(arn)? })
    }

    /// The answer, whatever the table's status.
    ///
    /// # Errors
    /// ResourceNotFoundException if there is no such table; AccessDeniedException and
    /// ValidationException for the ARN of a table elsewhere.
    pub fn reply(&self, catalog: &Catalog, service: &ServiceInfo) -> Result<Output, ApiError> {
        let table = catalog.table_by_name(self.table.resource_name(service)?);
        let table = table.ok_or_else(|| ApiError::resource_not_found(self.table.given()))?;
        Ok(Output { tags: table.settings.tags.clone() })
    }
}

/// What ListTagsOfResource answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    tags: Tags,
}

impl Output {
    /// Writes the body.
    pub fn write_json(&self, writer: &mut JsonWriter) {
        writer.object(|reply| {
            reply.member("Tags").array(|list| {
                for (key, value) in self.tags.iter() {
                    list.object(|tag| {
                        tag.member("Key").text(key);
                        tag.member("Value").text(value);
                    });
                }
            });
        });
    }
}
