//! The errors that a client sees: a closed catalogue.

use std::borrow::Cow;
use std::fmt;

use stator_model::{Billing, Item};

use crate::JsonWriter;

/// Which error, by its name on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// A request that the service's rules refuse.
    ValidationException,
    /// A body that is not JSON, or a JSON value of the wrong kind.
    SerializationException,
    /// A target that the API has never had.
    UnknownOperationException,
    /// No credentials.
    MissingAuthenticationTokenException,
    /// Credentials with parts missing.
    IncompleteSignatureException,
    /// Credentials that contradict each other.
    InvalidSignatureException,
    /// Something that belongs to somebody else.
    AccessDeniedException,
    /// No such table.
    ResourceNotFoundException,
    /// No such table: what operations on backups answer.
    TableNotFoundException,
    /// A table in a state that forbids the operation.
    ResourceInUseException,
    /// Too many tables, or too many changes of tables at once.
    LimitExceededException,
    /// A write whose condition does not hold.
    ConditionalCheckFailedException,
    /// An item collection that would grow beyond its limit.
    ItemCollectionSizeLimitExceededException,
    /// A provisioned table that is asked for more than it can do now.
    ProvisionedThroughputExceededException,
    /// An on-demand table that is asked for more than it can do now.
    ThrottlingException,
    /// The node failed. What became of a write is unknown.
    InternalServerError,
    /// The node cannot answer now.
    ServiceUnavailable,
}

/// The member of the body that carries the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextKey {
    Lower,
    Upper,
    None,
}

impl ErrorCode {
    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ValidationException => "ValidationException",
            Self::SerializationException => "SerializationException",
            Self::UnknownOperationException => "UnknownOperationException",
            Self::MissingAuthenticationTokenException => "MissingAuthenticationTokenException",
            Self::IncompleteSignatureException => "IncompleteSignatureException",
            Self::InvalidSignatureException => "InvalidSignatureException",
            Self::AccessDeniedException => "AccessDeniedException",
            Self::ResourceNotFoundException => "ResourceNotFoundException",
            Self::TableNotFoundException => "TableNotFoundException",
            Self::ResourceInUseException => "ResourceInUseException",
            Self::LimitExceededException => "LimitExceededException",
            Self::ConditionalCheckFailedException => "ConditionalCheckFailedException",
            Self::ItemCollectionSizeLimitExceededException => {
                "ItemCollectionSizeLimitExceededException"
            }
            Self::ProvisionedThroughputExceededException => {
                "ProvisionedThroughputExceededException"
            }
            Self::ThrottlingException => "ThrottlingException",
            Self::InternalServerError => "InternalServerError",
            Self::ServiceUnavailable => "ServiceUnavailable",
        }
    }

    /// What stands before the `#` of `__type`. Clients use only the name behind it.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::ValidationException => "com.amazon.coral.validate",
            Self::SerializationException
            | Self::UnknownOperationException
            | Self::MissingAuthenticationTokenException
            | Self::IncompleteSignatureException
            | Self::InvalidSignatureException
            | Self::AccessDeniedException
            | Self::ServiceUnavailable => "com.amazon.coral.service",
            Self::ThrottlingException => "com.amazon.coral.availability",
            Self::ResourceNotFoundException
            | Self::TableNotFoundException
            | Self::ResourceInUseException
            | Self::LimitExceededException
            | Self::ConditionalCheckFailedException
            | Self::ItemCollectionSizeLimitExceededException
            | Self::ProvisionedThroughputExceededException
            | Self::InternalServerError => "com.amazonaws.dynamodb.v20120810",
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::ValidationException
            | Self::SerializationException
            | Self::UnknownOperationException
            | Self::MissingAuthenticationTokenException
            | Self::IncompleteSignatureException
            | Self::InvalidSignatureException
            | Self::AccessDeniedException
            | Self::ResourceNotFoundException
            | Self::TableNotFoundException
            | Self::ResourceInUseException
            | Self::LimitExceededException
            | Self::ConditionalCheckFailedException
            | Self::ItemCollectionSizeLimitExceededException
            | Self::ProvisionedThroughputExceededException
            | Self::ThrottlingException => 400,
            Self::InternalServerError => 500,
            Self::ServiceUnavailable => 503,
        }
    }

    /// Whether SDKs send the request again by themselves.
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::ProvisionedThroughputExceededException
            | Self::ThrottlingException
            | Self::InternalServerError
            | Self::ServiceUnavailable => true,
            Self::ValidationException
            | Self::SerializationException
            | Self::UnknownOperationException
            | Self::MissingAuthenticationTokenException
            | Self::IncompleteSignatureException
            | Self::InvalidSignatureException
            | Self::AccessDeniedException
            | Self::ResourceNotFoundException
            | Self::TableNotFoundException
            | Self::ResourceInUseException
            | Self::LimitExceededException
            | Self::ConditionalCheckFailedException
            | Self::ItemCollectionSizeLimitExceededException => false,
        }
    }

    const fn text_key(self) -> TextKey {
        match self {
            Self::SerializationException | Self::AccessDeniedException => TextKey::Upper,
            Self::UnknownOperationException => TextKey::None,
            Self::ValidationException
            | Self::MissingAuthenticationTokenException
            | Self::IncompleteSignatureException
            | Self::InvalidSignatureException
            | Self::ResourceNotFoundException
            | Self::TableNotFoundException
            | Self::ResourceInUseException
            | Self::LimitExceededException
            | Self::ConditionalCheckFailedException
            | Self::ItemCollectionSizeLimitExceededException
            | Self::ProvisionedThroughputExceededException
            | Self::ThrottlingException
            | Self::InternalServerError
            | Self::ServiceUnavailable => TextKey::Lower,
        }
    }
}

/// An error as the client is told it. What the log is told is another matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    code: ErrorCode,
    message: Option<Cow<'static, str>>,
    /// The item that a failed condition looked at, if the request wants to see it.
    item: Option<Box<Item>>,
}

/// A message: a text of the service, or one made from it.
type Message = Cow<'static, str>;

impl ApiError {
    fn new(code: ErrorCode, message: impl Into<Message>) -> Self {
        Self { code, message: Some(message.into()), item: None }
    }

    /// A request that the service's rules refuse.
    pub fn validation(message: impl Into<Message>) -> Self {
        Self::new(ErrorCode::ValidationException, message)
    }

    /// A JSON value of the wrong kind.
    pub fn serialization(message: impl Into<Message>) -> Self {
        Self::new(ErrorCode::SerializationException, message)
    }

    /// A body that is not JSON: the one SerializationException without a message.
    pub const fn unparsable() -> Self {
        Self { code: ErrorCode::SerializationException, message: None, item: None }
    }

    /// A target that the API has never had.
    pub const fn unknown_operation() -> Self {
        Self { code: ErrorCode::UnknownOperationException, message: None, item: None }
    }

    /// No credentials.
    pub fn missing_authentication_token() -> Self {
        let message = "Request is missing Authentication Token";
        Self::new(ErrorCode::MissingAuthenticationTokenException, message)
    }

    /// Credentials with parts missing.
    pub fn incomplete_signature(message: impl Into<Message>) -> Self {
        Self::new(ErrorCode::IncompleteSignatureException, message)
    }

    /// Credentials that contradict each other.
    pub fn invalid_signature(message: impl Into<Message>) -> Self {
        Self::new(ErrorCode::InvalidSignatureException, message)
    }

    /// No such table, or one that does not serve yet or any more: what operations on items answer.
    pub fn table_not_found() -> Self {
        Self::new(ErrorCode::ResourceNotFoundException, "Requested resource not found")
    }

    /// No such table: what operations on tables answer.
    pub fn named_table_not_found(name: &str) -> Self {
        let message = format!("Requested resource not found: Table: {name} not found");
        Self::new(ErrorCode::ResourceNotFoundException, message)
    }

    /// No such table: what operations answer that name it by its ARN. The misspelling is the service's.
    pub fn resource_not_found(arn: &str) -> Self {
        let message = format!("Requested resource not found: ResourcArn: {arn} not found");
        Self::new(ErrorCode::ResourceNotFoundException, message)
    }

    /// No such table: what operations on backups answer.
    pub fn no_table_to_back_up(name: &str) -> Self {
        Self::new(ErrorCode::TableNotFoundException, format!("Table not found: {name}"))
    }

    /// A table of another account.
    pub fn access_denied() -> Self {
        Self::new(ErrorCode::AccessDeniedException, "Access is denied")
    }

    /// A table in a state that forbids the operation.
    pub fn resource_in_use(message: impl Into<Message>) -> Self {
        Self::new(ErrorCode::ResourceInUseException, message)
    }

    /// Too many tables, or too many changes of tables at once.
    pub fn limit_exceeded(message: impl Into<Message>) -> Self {
        Self::new(ErrorCode::LimitExceededException, message)
    }

    /// A write whose condition does not hold. `item` is shown to the client as the one that it does not
    /// hold for.
    pub fn conditional_check_failed(item: Option<Item>) -> Self {
        let code = ErrorCode::ConditionalCheckFailedException;
        let message = Some("The conditional request failed".into());
        Self { code, message, item: item.map(Box::new) }
    }

    /// An item collection that would grow beyond its limit.
    pub fn collection_too_large() -> Self {
        Self::new(ErrorCode::ItemCollectionSizeLimitExceededException, "Collection size exceeded.")
    }

    /// A table that is asked for more than it can do now, by its billing mode. SDKs back off and send the
    /// request again.
    pub fn throttled(billing: &Billing) -> Self {
        match billing {
            Billing::Provisioned { .. } => Self::new(
                ErrorCode::ProvisionedThroughputExceededException,
                "The level of configured provisioned throughput for the table was exceeded. Consider \
                 increasing your provisioning level with the UpdateTable API.",
            ),
            Billing::PayPerRequest => Self::new(
                ErrorCode::ThrottlingException,
                "Throughput exceeds the current capacity of your table or index. DynamoDB is \
                 automatically scaling your table or index so please try again shortly.",
            ),
        }
    }

    /// The node failed. The message says nothing of how: that is for the log.
    pub fn internal() -> Self {
        Self::new(ErrorCode::InternalServerError, "Internal server error")
    }

    /// The node cannot answer now; trying again soon may work.
    pub fn unavailable() -> Self {
        let message = "The service is temporarily unable to handle the request; try again";
        Self::new(ErrorCode::ServiceUnavailable, message)
    }

    /// The node keeps what is left of its disk for itself. The service has no such error; SDKs try this
    /// one again, which is right once somebody has made room.
    pub fn disk_full() -> Self {
        let message = "The disk of this node is nearly full: it takes no new data until there is \
                       more space. Reads and deletes go on";
        Self::new(ErrorCode::ServiceUnavailable, message)
    }

    /// The error that another node speaks of: that with this code, this message and this item.
    pub fn from_parts(code: ErrorCode, message: Option<String>, item: Option<Item>) -> Self {
        Self { code, message: message.map(Cow::Owned), item: item.map(Box::new) }
    }

    /// Which error.
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        self.code.status()
    }

    /// Whether SDKs send the request again by themselves.
    pub const fn is_retryable(&self) -> bool {
        self.code.is_retryable()
    }

    /// The message, if there is one.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The item that a failed condition looked at, if the client is to see it.
    pub fn item(&self) -> Option<&Item> {
        self.item.as_deref()
    }

    /// The body of the answer: `{"__type":"<prefix>#<name>","message":"…"}`, and the `Item` of a condition
    /// that failed.
    pub fn to_body(&self) -> Vec<u8> {
        let mut writer = JsonWriter::new();
        writer.object(|body| {
            body.member("__type").text(&format!("{}#{}", self.code.prefix(), self.code.name()));
            let key = match self.code.text_key() {
                TextKey::Lower => Some("message"),
                TextKey::Upper => Some("Message"),
                TextKey::None => None,
            };
            if let (Some(key), Some(message)) = (key, &self.message) {
                body.member(key).text(message);
            }
            if let Some(item) = &self.item {
                body.member("Item").item(&**item);
            }
        });
        writer.into_bytes()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{}: {message}", self.code.name()),
            None => f.write_str(self.code.name()),
        }
    }
}

impl std::error::Error for ApiError {}

#[cfg(test)]
mod tests {
    use stator_model::AttributeValue;

    use super::*;

    fn body(error: &ApiError) -> String {
        String::from_utf8(error.to_body()).unwrap()
    }

    // Rule: wire.error-body
    #[test]
    fn bodies_have_the_prefix_and_text_key_of_their_error() {
        let validation = ApiError::validation("a \"quoted\" text");
        assert_eq!(
            body(&validation),
            r#"{"__type":"com.amazon.coral.validate#ValidationException","message":"a \"quoted\" text"}"#
        );
        assert_eq!(
            body(&ApiError::serialization("Unexpected field type")),
            r#"{"__type":"com.amazon.coral.service#SerializationException","Message":"Unexpected field type"}"#
        );
        assert_eq!(
            body(&ApiError::unparsable()),
            r#"{"__type":"com.amazon.coral.service#SerializationException"}"#
        );
        assert_eq!(
            body(&ApiError::unknown_operation()),
            r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#
        );
        assert_eq!(
            body(&ApiError::named_table_not_found("t")),
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found: Table: t not found"}"#
        );
    }

    #[test]
    fn a_failed_condition_shows_the_item_if_there_is_one_to_show() {
        let failed = ApiError::conditional_check_failed(None);
        let start = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed""#;
        assert_eq!(body(&failed), format!("{start}}}"));
        assert_eq!((failed.status(), failed.is_retryable()), (400, false));
        let item = vec![("k".to_owned(), AttributeValue::Bool(true))];
        let failed = ApiError::conditional_check_failed(Item::from_pairs(item).ok());
        assert_eq!(body(&failed), format!(r#"{start},"Item":{{"k":{{"BOOL":true}}}}}}"#));
    }

    #[test]
    fn only_what_may_pass_is_retryable() {
        assert_eq!(
            (ApiError::internal().status(), ApiError::internal().is_retryable()),
            (500, true)
        );
        assert_eq!(
            (ApiError::unavailable().status(), ApiError::unavailable().is_retryable()),
            (503, true)
        );
        let throttled = ApiError::throttled(&Billing::PayPerRequest);
        assert_eq!((throttled.status(), throttled.is_retryable()), (400, true));
        assert_eq!(throttled.code(), ErrorCode::ThrottlingException);
        assert!(body(&throttled).starts_with(
            r#"{"__type":"com.amazon.coral.availability#ThrottlingException","message":"Through"#
        ));
        let refused = ApiError::table_not_found();
        assert_eq!((refused.status(), refused.is_retryable()), (400, false));
    }
}
