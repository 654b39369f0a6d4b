//! DescribeLimits: the quotas of provisioned capacity ("DescribeLimits", API reference). The service's
//! defaults; here nothing keeps to them.

use serde::de::MapAccess;
use stator_protocol::{ApiError, Found, JsonWriter, Scope, Shape, parse, read_members};

/// Units that all tables together may have.
const ACCOUNT: u64 = 80_000;
/// Units that one table may have.
const TABLE: u64 = 40_000;

struct Members;

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("DescribeLimitsInput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        read_members(object, scope, |_, member| member.ignore())?;
        Ok(Self)
    }
}

/// A DescribeLimits request, checked. It asks for nothing in particular.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input;

impl Input {
    /// Reads a body.
    ///
    /// # Errors
    /// SerializationException.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let Members = parse(body)?;
        Ok(Self)
    }
}

/// Writes what DescribeLimits answers.
pub(crate) fn write_json(writer: &mut JsonWriter) {
    writer.object(|reply| {
        reply.member("AccountMaxReadCapacityUnits").integer(ACCOUNT);
        reply.member("AccountMaxWriteCapacityUnits").integer(ACCOUNT);
        reply.member("TableMaxReadCapacityUnits").integer(TABLE);
        reply.member("TableMaxWriteCapacityUnits").integer(TABLE);
    });
}
