//! How requests name tables, and where this cluster is in AWS's words.

use std::sync::Arc;

use stator_catalog::Catalog;
use stator_model::{TableDescription, TableStatus};
use stator_protocol::ApiError;

use crate::constraint::Violations;

/// Characters of an ARN.
const ARN_CHARS: usize = 1024;
/// Characters of an ARN that names a table to tag: there is room for those of indexes, too.
const RESOURCE_ARN_CHARS: usize = 1283;
/// Characters of a table's name.
pub(crate) const NAME_CHARS: usize = 255;
/// Least characters of a table's name.
pub(crate) const NAME_CHARS_LEAST: usize = 3;

/// The region and account that ARNs of this cluster name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceInfo {
    /// The region.
    pub region: String,
    /// The account: 12 digits.
    pub account: String,
}

impl ServiceInfo {
    /// The ARN of a table.
    pub fn table_arn(&self, name: &str) -> String {
        format!("arn:aws:dynamodb:{}:{}:table/{name}", self.region, self.account)
    }
}

/// A table as a request names it: by its name or by its ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableReference {
    given: Arc<str>,
    /// Where the name begins in `given`; 0 unless it is an ARN.
    name_at: usize,
}

impl TableReference {
    /// The table that an operation on items names. Names of one or two characters pass, to be not
    /// found later: so does the service, because it takes ARNs here.
    ///
    /// # Errors
    /// A ValidationException with nothing but what is wrong with the name.
    pub(crate) fn of_items(given: Option<String>) -> Result<Self, ApiError> {
        let mut violations = Violations::new();
        let given = violations.required("tableName", given);
        violations.finish()?;
        Self::parse(given.expect("an absent name is a violation"), 1)
    }

    /// The table that an operation on tables names.
    ///
    /// # Errors
    /// A ValidationException with nothing but what is wrong with the name.
    pub(crate) fn of_tables(given: Option<String>) -> Result<Self, ApiError> {
        let given = given.ok_or_else(|| {
            ApiError::validation(
                "The parameter 'TableName' is required but was not present in the request",
            )
        })?;
        Self::parse(given, NAME_CHARS_LEAST)
    }

    /// A table that a batch names, as a name in the map `requestItems`.
    ///
    /// # Errors
    /// A ValidationException with nothing but what is wrong with the name.
    pub(crate) fn of_batch(given: String) -> Result<Self, ApiError> {
        let refused = format!(
            "1 validation error detected: Value '{{{given}}}' at 'requestItems' failed to satisfy \
             constraint: Map keys must satisfy constraint: [Member must have length less than or \
             equal to {ARN_CHARS}, Member must have length greater than or equal to 1, Member must \
             satisfy regular expression pattern: [a-zA-Z0-9_.-]+]"
        );
        Self::parse(given, 1).map_err(|_| ApiError::validation(refused))
    }

    /// The table that `ResourceArn` names.
    ///
    /// # Errors
    /// A ValidationException for anything but the ARN of a table.
    pub(crate) fn of_resource(given: String) -> Result<Self, ApiError> {
        let name_at = name_in_arn(&given).filter(|_| given.chars().count() <= RESOURCE_ARN_CHARS);
        match name_at.filter(|at| given.len() - at >= NAME_CHARS_LEAST) {
            Some(name_at) => Ok(Self { given: given.into(), name_at }),
            None => Err(not_an_arn(&given)),
        }
    }

    /// What a request without its `ResourceArn` is told.
    pub(crate) fn no_resource() -> ApiError {
        ApiError::validation("Invalid TableArn")
    }

    /// The name of a table of this cluster, named by its ARN.
    ///
    /// # Errors
    /// AccessDeniedException for the table of another account, ValidationException for one of another
    /// region.
    pub(crate) fn resource_name(&self, service: &ServiceInfo) -> Result<&str, ApiError> {
        if let Some(name) = self.local_name(service) {
            return Ok(name);
        }
        let account = self.given.split(':').nth(4);
        if account == Some(service.account.as_str()) {
            Err(not_an_arn(&self.given))
        } else {
            Err(ApiError::access_denied())
        }
    }

    fn parse(given: String, least: usize) -> Result<Self, ApiError> {
        let mut violations = Violations::new();
        if given.starts_with("arn:") {
            violations.length("tableName", &given, 1, ARN_CHARS);
            violations.finish()?;
            let name_at = name_in_arn(&given).ok_or_else(|| not_an_arn(&given))?;
            return Ok(Self { given: given.into(), name_at });
        }
        violations.length("tableName", &given, least, NAME_CHARS);
        violations.name_pattern("tableName", &given);
        violations.finish()?;
        Ok(Self { given: given.into(), name_at: 0 })
    }

    /// What the request said; answers echo it.
    pub fn given(&self) -> &Arc<str> {
        &self.given
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        self.given.get(self.name_at..).unwrap_or("")
    }

    /// The table's name, if the table can be one of this cluster: an ARN of another region or account
    /// names a table that is not found.
    pub fn local_name(&self, service: &ServiceInfo) -> Option<&str> {
        let is_arn = self.name_at > 0;
        let is_local = !is_arn || *self.given == *service.table_arn(self.name());
        is_local.then(|| self.name())
    }
}

/// What a client is told whose ARN is none of a table, or not of one that can be meant.
fn not_an_arn(given: &str) -> ApiError {
    ApiError::validation(format!("Invalid TableArn: Invalid ResourceArn provided as input {given}"))
}

/// Where the name begins in `arn:<partition>:dynamodb:<region>:<account>:table/<name>`.
fn name_in_arn(arn: &str) -> Option<usize> {
    let mut parts = arn.splitn(6, ':');
    let (scheme, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let name = resource.strip_prefix("table/")?;
    let mut violations = Violations::new();
    violations.length("tableName", name, 1, NAME_CHARS);
    violations.name_pattern("tableName", name);
    let is_arn = scheme == "arn"
        && !partition.is_empty()
        && service == "dynamodb"
        && !region.is_empty()
        && !account.is_empty()
        && violations.finish().is_ok();
    is_arn.then(|| arn.len() - name.len())
}

/// The table that an operation on items means, if it serves. A table that is being created or deleted
/// is not found.
///
/// # Errors
/// ResourceNotFoundException.
pub(crate) fn serving<'a>(
    catalog: &'a Catalog,
    service: &ServiceInfo,
    reference: &TableReference,
) -> Result<&'a Arc<TableDescription>, ApiError> {
    reference
        .local_name(service)
        .and_then(|name| catalog.table_by_name(name))
        .filter(|table| table.status == TableStatus::Active)
        .ok_or_else(ApiError::table_not_found)
}
