//! The head of a request: content type, target, shape of the credentials.
//!
//! Nothing here verifies a signature: like any server that accepts all credentials, this one only
//! insists that there are some. The order of these checks among the others is the server's business:
//! content type, JSON syntax, target, credentials, then the body.

use crate::ApiError;

/// The body of the 404 that answers any other verb or content type.
pub const UNKNOWN_OPERATION_PAGE: &str = "<UnknownOperationException/>\n";

/// A content type that the API speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentType {
    /// `application/x-amz-json-1.0`.
    AmzJson,
    /// `application/json`.
    Json,
}

impl ContentType {
    /// The content type that the reply has, from the request's header: the same one. `None` is a type
    /// that the API does not speak: 404 with [`UNKNOWN_OPERATION_PAGE`]. A request without a body may
    /// have any type; it fails later, and properly.
    pub fn negotiate(header: Option<&str>, has_body: bool) -> Option<Self> {
        let named = header.unwrap_or("").split(';').next().unwrap_or("").trim();
        [Self::AmzJson, Self::Json]
            .into_iter()
            .find(|known| named.eq_ignore_ascii_case(known.name()))
            .or((!has_body).then_some(Self::AmzJson))
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AmzJson => "application/x-amz-json-1.0",
            Self::Json => "application/json",
        }
    }
}

/// Which of the two APIs a target names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// `DynamoDB_20120810`.
    DynamoDb,
    /// `DynamoDBStreams_20120810`.
    Streams,
}

/// `X-Amz-Target`, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The API.
    pub service: Service,
    /// The operation's name, not looked up yet.
    pub operation: &'a str,
}

impl<'a> Target<'a> {
    /// Takes the header apart: case-sensitive, exactly one dot.
    ///
    /// # Errors
    /// UnknownOperationException if it is missing or of another form.
    pub fn parse(header: Option<&'a str>) -> Result<Self, ApiError> {
        let (service, operation) =
            header.and_then(|text| text.split_once('.')).ok_or(ApiError::unknown_operation())?;
        let service = match service {
            "DynamoDB_20120810" => Service::DynamoDb,
            "DynamoDBStreams_20120810" => Service::Streams,
            _ => return Err(ApiError::unknown_operation()),
        };
        if operation.is_empty() || operation.contains('.') {
            return Err(ApiError::unknown_operation());
        }
        Ok(Self { service, operation })
    }
}

/// Where a request may carry its credentials.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credentials<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The query string, without the question mark.
    pub query: Option<&'a str>,
    /// Whether there is an `X-Amz-Date` or a `Date` header.
    pub has_date: bool,
}

impl Credentials<'_> {
    /// Whether there are credentials with all their parts, in one place.
    ///
    /// # Errors
    /// MissingAuthenticationToken, IncompleteSignature or InvalidSignature, with the
    /// service's texts.
    pub fn check(&self) -> Result<(), ApiError> {
        let in_query = self.query_has("X-Amz-Algorithm");
        match self.authorization {
            Some(_) if in_query => Err(ApiError::invalid_signature(
                "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
            )),
            Some(header) if header.trim_start().starts_with("AWS4-") => self.check_header(header),
            None if in_query => self.check_query(),
            Some(_) | None => Err(ApiError::missing_authentication_token()),
        }
    }

    fn check_header(&self, header: &str) -> Result<(), ApiError> {
        // One pass over bytes: this is done for every request.
        let [mut credential, mut signature, mut signed_headers] = [false; 3];
        for part in header.as_bytes().split(|byte| matches!(byte, b',' | b' ')) {
            let has = |name: &[u8]| part.strip_prefix(name).is_some_and(|value| !value.is_empty());
            match part.first() {
                Some(b'C') => credential |= has(b"Credential="),
                Some(b'S') => {
                    signature |= has(b"Signature=");
                    signed_headers |= has(b"SignedHeaders=");
                }
                Some(_) | None => {}
            }
        }
        let mut missing = String::new();
        for (name, is_there) in [
            ("Credential", credential),
            ("Signature", signature),
            ("SignedHeaders", signed_headers),
        ] {
            if !is_there {
                missing.push_str(&format!("Authorization header requires '{name}' parameter. "));
            }
        }
        if !self.has_date {
            missing.push_str(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
            );
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(ApiError::incomplete_signature(format!("{missing}Authorization={header}")))
    }

    fn check_query(&self) -> Result<(), ApiError> {
        let mut missing = String::new();
        for name in ["Credential", "Signature", "SignedHeaders", "Date"] {
            let name = format!("X-Amz-{name}");
            if !self.query_has(&name) {
                missing.push_str(&format!("AWS query-string parameters must include '{name}'. "));
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        missing.push_str("Re-examine the query-string parameters.");
        Err(ApiError::incomplete_signature(missing))
    }

    fn query_has(&self, name: &str) -> bool {
        let mut parts = self.query.unwrap_or("").split('&');
        parts.any(|part| part.split_once('=').map_or(part, |(have, _)| have) == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    // Rule: wire.content-type
    #[test]
    fn the_content_type_is_echoed_and_parameters_are_ignored() {
        let negotiate = |header: &str| ContentType::negotiate(Some(header), true);
        assert_eq!(negotiate("application/x-amz-json-1.0"), Some(ContentType::AmzJson));
        assert_eq!(negotiate("application/json; charset=utf-8"), Some(ContentType::Json));
        assert_eq!(negotiate("application/x-amz-json-1.1"), None);
        assert_eq!(negotiate("text/plain"), None);
        assert_eq!(ContentType::negotiate(None, true), None);
        assert_eq!(ContentType::negotiate(None, false), Some(ContentType::AmzJson));
        assert_eq!(UNKNOWN_OPERATION_PAGE.len(), 29);
    }

    // Rule: wire.target
    #[test]
    fn a_target_has_one_of_two_services_and_one_dot() {
        assert_eq!(
            Target::parse(Some("DynamoDB_20120810.PutItem")),
            Ok(Target { service: Service::DynamoDb, operation: "PutItem" })
        );
        assert_eq!(
            Target::parse(Some("DynamoDBStreams_20120810.GetRecords")),
            Ok(Target { service: Service::Streams, operation: "GetRecords" })
        );
        for bad in [
            None,
            Some(""),
            Some("DynamoDB_20120810"),
            Some("DynamoDB_20120810."),
            Some("DynamoDB_20120810.PutItem."),
            Some("DynamoDB_20120810.Put.Item"),
            Some("dynamodb_20120810.PutItem"),
            Some("DynamoDB_20111205.PutItem"),
            Some(".PutItem"),
        ] {
            assert_eq!(Target::parse(bad), Err(ApiError::unknown_operation()), "{bad:?}");
        }
    }

    #[track_caller]
    fn check(credentials: Credentials<'_>, expected: Result<(), (ErrorCode, &str)>) {
        let found = credentials.check();
        let found = found.as_ref().map_err(|error| (error.code(), error.message().unwrap_or("")));
        assert_eq!(found.copied(), expected);
    }

    const COMPLETE: &str = "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/dynamodb/aws4_request, \
                            SignedHeaders=host;x-amz-date, Signature=abc";

    #[test]
    fn complete_credentials_pass_whoever_signed() {
        check(Credentials { authorization: Some(COMPLETE), query: None, has_date: true }, Ok(()));
        let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=c&X-Amz-Date=d\
                     &X-Amz-SignedHeaders=host&X-Amz-Signature=s";
        check(Credentials { authorization: None, query: Some(query), has_date: false }, Ok(()));
    }

    #[test]
    fn no_credentials_or_others_than_version_4_are_missing() {
        let missing = Err((
            ErrorCode::MissingAuthenticationTokenException,
            "Request is missing Authentication Token",
        ));
        check(Credentials::default(), missing);
        check(Credentials { authorization: Some(""), ..Default::default() }, missing);
        check(Credentials { authorization: Some("Basic eDp5"), ..Default::default() }, missing);
        check(Credentials { authorization: Some("AWS k:s"), ..Default::default() }, missing);
    }

    // Rule: wire.credentials
    #[test]
    fn an_incomplete_header_is_told_everything_that_it_lacks() {
        let lacking = "Authorization header requires 'Credential' parameter. \
                       Authorization header requires 'Signature' parameter. \
                       Authorization header requires 'SignedHeaders' parameter. \
                       Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' \
                       header. Authorization=AWS4-";
        check(
            Credentials { authorization: Some("AWS4-"), ..Default::default() },
            Err((ErrorCode::IncompleteSignatureException, lacking)),
        );
        let header = "AWS4-HMAC-SHA256 Credential=k, SignedHeaders=host, Signature=";
        check(
            Credentials { authorization: Some(header), query: None, has_date: true },
            Err((
                ErrorCode::IncompleteSignatureException,
                "Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256 \
                 Credential=k, SignedHeaders=host, Signature=",
            )),
        );
    }

    // Rule: wire.credentials
    #[test]
    fn credentials_in_the_query_are_told_what_they_lack() {
        check(
            Credentials {
                query: Some("X-Amz-Algorithm=a&X-Amz-Credential=c&X-Amz-Signature=s"),
                ..Default::default()
            },
            Err((
                ErrorCode::IncompleteSignatureException,
                "AWS query-string parameters must include 'X-Amz-SignedHeaders'. AWS query-string \
                 parameters must include 'X-Amz-Date'. Re-examine the query-string parameters.",
            )),
        );
    }

    // Rule: wire.credentials
    #[test]
    fn credentials_in_both_places_contradict_each_other() {
        check(
            Credentials {
                authorization: Some(COMPLETE),
                query: Some("X-Amz-Algorithm"),
                has_date: true,
            },
            Err((
                ErrorCode::InvalidSignatureException,
                "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP \
                 header.",
            )),
        );
    }
}
