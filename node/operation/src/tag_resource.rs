//! TagResource: gives a table tags ("TagResource", API reference). A tag whose key is there gets the new
//! value. All of a request's tags are given or none.

use serde::de::MapAccess;
use stator_catalog::{Command, Refusal, TableUpdate, TagUpdate};
use stator_model::Tags;
use stator_protocol::{ApiError, Found, Scope, Shape, parse, read_members};

use crate::constraint::Violations;
use crate::tags::{self, Tag};
use crate::{ServiceInfo, TableReference, refusal};

#[derive(Default)]
struct Members {
    resource_arn: Option<String>,
    tags: Option<Vec<Tag>>,
}

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("TagResourceInput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "ResourceArn" => member.set(&mut it.resource_arn),
            "Tags" => member.set(&mut it.tags),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

/// A TagResource request, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    table: TableReference,
    tags: Tags,
}

impl Input {
    /// Reads and checks a body.
    ///
    /// # Errors
    /// SerializationException and ValidationException.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let it: Members = parse(body)?;
        let arn = it.resource_arn.ok_or_else(TableReference::no_resource)?;
        let mut violations = Violations::new();
        let given = violations.required("tags", it.tags);
        violations.finish()?;
        let table = TableReference::of_resource(arn)?;
        let given = given.expect("absent tags are a violation");
        if given.is_empty() {
            return Err(ApiError::validation("Atleast one Tag needs to be provided as Input."));
        }
        Ok(Self { table, tags: tags::checked(given)? })
    }

    /// The table that the request names.
    pub fn table(&self) -> &TableReference {
        &self.table
    }

    /// Makes this a command of the catalog.
    ///
    /// # Errors
    /// AccessDeniedException and ValidationException for the ARN of a table elsewhere.
    pub fn validate(&self, service: &ServiceInfo) -> Result<Command, ApiError> {
        Ok(Command::UpdateTable(TableUpdate {
            name: self.table.resource_name(service)?.to_owned(),
            tags: TagUpdate::Add(self.tags.clone()),
            ..TableUpdate::default()
        }))
    }

    /// What the client is told when the catalog refuses.
    pub fn refused(&self, refusal: &Refusal) -> ApiError {
        refusal::of_resource(&self.table, refusal)
    }
}
