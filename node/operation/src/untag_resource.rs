//! UntagResource: takes tags from a table ("UntagResource", API reference). To take one that is not there
//! succeeds.

use serde::de::MapAccess;
use stator_catalog::{Command, Refusal, TableUpdate, TagUpdate};
use stator_protocol::{ApiError, Found, Scope, Shape, parse, read_members};

use crate::constraint::Violations;
use crate::{ServiceInfo, TableReference, refusal, tags};

#[derive(Default)]
struct Members {
    resource_arn: Option<String>,
    tag_keys: Option<Vec<String>>,
}

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("UntagResourceInput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "ResourceArn" => member.set(&mut it.resource_arn),
            "TagKeys" => member.set(&mut it.tag_keys),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

/// An UntagResource request, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    table: TableReference,
    keys: Vec<String>,
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
        let keys = violations.required("tagKeys", it.tag_keys);
        violations.finish()?;
        let table = TableReference::of_resource(arn)?;
        let keys = keys.expect("absent keys are a violation");
        if keys.is_empty() {
            return Err(ApiError::validation("Atleast one Tag Key needs to be provided as Input."));
        }
        tags::checked_keys(&keys)?;
        Ok(Self { table, keys })
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
            tags: TagUpdate::Remove(self.keys.clone()),
            ..TableUpdate::default()
        }))
    }

    /// What the client is told when the catalog refuses.
    pub fn refused(&self, refusal: &Refusal) -> ApiError {
        refusal::of_resource(&self.table, refusal)
    }
}
