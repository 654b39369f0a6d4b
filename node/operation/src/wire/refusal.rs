//! Errors for clients, as another node made them.

use bytes::Bytes;
use prost::Message;
use stator_model::{ItemView as _, binary};
use stator_protocol::{ApiError, ErrorCode};

use super::Error;

#[derive(Clone, PartialEq, Message)]
pub(super) struct RefusalMessage {
    #[prost(uint32, tag = "1")]
    code: u32,
    #[prost(string, optional, tag = "2")]
    message: Option<String>,
    #[prost(bytes = "bytes", optional, tag = "3")]
    item: Option<Bytes>,
}

/// The codes by their numbers, counted from 1.
const CODES: [ErrorCode; 17] = [
    ErrorCode::ValidationException,
    ErrorCode::SerializationException,
    ErrorCode::UnknownOperationException,
    ErrorCode::MissingAuthenticationTokenException,
    ErrorCode::IncompleteSignatureException,
    ErrorCode::InvalidSignatureException,
    ErrorCode::AccessDeniedException,
    ErrorCode::ResourceNotFoundException,
    ErrorCode::TableNotFoundException,
    ErrorCode::ResourceInUseException,
    ErrorCode::LimitExceededException,
    ErrorCode::ConditionalCheckFailedException,
    ErrorCode::ItemCollectionSizeLimitExceededException,
    ErrorCode::ProvisionedThroughputExceededException,
    ErrorCode::ThrottlingException,
    ErrorCode::InternalServerError,
    ErrorCode::ServiceUnavailable,
];

/// A number that no code loses when the catalogue grows.
const fn number(code: ErrorCode) -> u32 {
    match code {
        ErrorCode::ValidationException => 1,
        ErrorCode::SerializationException => 2,
        ErrorCode::UnknownOperationException => 3,
        ErrorCode::MissingAuthenticationTokenException => 4,
        ErrorCode::IncompleteSignatureException => 5,
        ErrorCode::InvalidSignatureException => 6,
        ErrorCode::AccessDeniedException => 7,
        ErrorCode::ResourceNotFoundException => 8,
        ErrorCode::TableNotFoundException => 9,
        ErrorCode::ResourceInUseException => 10,
        ErrorCode::LimitExceededException => 11,
        ErrorCode::ConditionalCheckFailedException => 12,
        ErrorCode::ItemCollectionSizeLimitExceededException => 13,
        ErrorCode::ProvisionedThroughputExceededException => 14,
        ErrorCode::ThrottlingException => 15,
        ErrorCode::InternalServerError => 16,
        ErrorCode::ServiceUnavailable => 17,
    }
}

pub(super) fn message(error: &ApiError) -> RefusalMessage {
    let bytes = |item: &stator_model::Item| {
        let mut bytes = Vec::new();
        item.put_binary(&mut bytes);
        bytes.into()
    };
    RefusalMessage {
        code: number(error.code()),
        message: error.message().map(str::to_owned),
        item: error.item().map(bytes),
    }
}

/// The error of a message, which has an item only if one may be shown.
pub(super) fn error(message: RefusalMessage, may_show: bool) -> Result<ApiError, Error> {
    let code = CODES.into_iter().find(|code| number(*code) == message.code);
    let code = code.ok_or(Error::Field("code"))?;
    let shows = may_show && code == ErrorCode::ConditionalCheckFailedException;
    if message.item.is_some() && !shows {
        return Err(Error::Field("item"));
    }
    let item = message.item.map(binary::parse_attributes).transpose();
    let item = item.map_err(|source| Error::Attributes { field: "item", source })?;
    Ok(ApiError::from_parts(code, message.message, item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_number_of_its_own_and_comes_back() {
        for (at, code) in (1..).zip(CODES) {
            assert_eq!(number(code), at);
            let sent = ApiError::from_parts(code, Some("text".to_owned()), None);
            assert_eq!(error(message(&sent), false), Ok(sent));
        }
        for code in [0, 18] {
            let unknown = RefusalMessage { code, ..RefusalMessage::default() };
            assert_eq!(error(unknown, false), Err(Error::Field("code")));
        }
    }
}
