//! DescribeEndpoints: where to send requests ("DescribeEndpoints", API reference). The answer is the host
//! that this request was sent to: whatever lies between, a client that got here gets here again.

use serde::de::MapAccess;
use stator_protocol::{ApiError, Found, JsonWriter, Scope, Shape, parse, read_members};

/// For so long clients may keep the answer.
const MINUTES: u64 = 1440;
/// For a request that names no host, which HTTP/1.0 allows.
const NO_HOST: &str = "localhost";

struct Members;

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("DescribeEndpointsRequest")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        read_members(object, scope, |_, member| member.ignore())?;
        Ok(Self)
    }
}

/// A DescribeEndpoints request, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    host: Option<String>,
}

impl Input {
    /// Reads a body.
    ///
    /// # Errors
    /// SerializationException.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let Members = parse(body)?;
        Ok(Self { host: None })
    }

    /// The same, sent to this host, which may name a port.
    pub(crate) fn sent_to(self, host: &str) -> Self {
        Self { host: Some(host.to_owned()) }
    }

    /// The answer.
    pub fn reply(self) -> Output {
        Output { address: self.host.unwrap_or_else(|| NO_HOST.to_owned()) }
    }
}

/// What DescribeEndpoints answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    address: String,
}

impl Output {
    /// Writes the body.
    pub fn write_json(&self, writer: &mut JsonWriter) {
        writer.object(|reply| {
            reply.member("Endpoints").array(|list| {
                list.object(|endpoint| {
                    endpoint.member("Address").text(&self.address);
                    endpoint.member("CachePeriodInMinutes").integer(MINUTES);
                });
            });
        });
    }
}
