//! One request, from its head to its reply: the service's order of checks.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, AsHeaderName, CONTENT_TYPE, DATE, HOST, HeaderMap, ORIGIN};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use stator_operation::{OPERATIONS, Operation, OperationSpec};
use stator_protocol::head::UNKNOWN_OPERATION_PAGE;
use stator_protocol::reply::request_id;
use stator_protocol::{ApiError, ContentType, Credentials, JsonWriter, Target, is_json};
use tokio::sync::SemaphorePermit;
use tracing::Instrument;

use super::body::{self, BodyError};
use super::reply::{Reply, ReplyBytes, allow_preflight};
use super::{Edge, Service};
use crate::metrics::{Metrics, Outcome};
use crate::{clock, random};

/// Room for the reply to a small item, so that writing it does not grow the buffer.
const REPLY_BYTES: usize = 1024;

impl<S: Service> Edge<S> {
    /// Reads a request to its end and answers it.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Response<Full<ReplyBytes>> {
        let mut record = Record::begin(&self.metrics);
        let request_id = request_id(&random::label());
        let (head, body) = request.into_parts();
        let (reply, hold) = match body::read(&head.headers, body, &self.limits, &self.budget).await
        {
            Ok(body) => {
                let span = tracing::debug_span!("request", request_id);
                let reply = self.route(&head, body.bytes, &mut record).instrument(span).await;
                (reply, body.hold)
            }
            Err(error) => (refuse_body(error), self.budget.hold()),
        };
        if reply.status.is_server_error() {
            let (operation, status) = (record.operation_name(), reply.status.as_u16());
            tracing::warn!(request_id, operation, status, "request failed");
        }
        record.end(reply.status);
        let mut response = reply.dress(&head.headers, request_id, hold);
        if is_preflight(&head) {
            allow_preflight(&mut response, &head.headers);
        }
        response
    }

    async fn route(&self, head: &Parts, body: Bytes, record: &mut Record<'_>) -> Reply {
        match head.method {
            Method::POST => self.post(head, &body, record).await,
            Method::GET if head.uri.path() == "/" => {
                Reply { body: self.healthy.clone(), ..Reply::empty(StatusCode::OK) }
            }
            Method::OPTIONS if is_preflight(head) => Reply::empty(StatusCode::OK),
            // What would follow is not HTTP.
            Method::CONNECT => not_found().closing(),
            _ => not_found(),
        }
    }

    async fn post(&self, head: &Parts, body: &[u8], record: &mut Record<'_>) -> Reply {
        let declared = single(&head.headers, CONTENT_TYPE);
        let Some(content_type) = ContentType::negotiate(declared, !body.is_empty()) else {
            return not_found();
        };
        match self.run(head, body, record).await {
            Ok(body) => Reply {
                body: Bytes::from(body),
                content_type: Some(content_type.name()),
                ..Reply::empty(StatusCode::OK)
            },
            Err(error) => {
                self.metrics.failed(record.operation_name(), error.code());
                Reply::of_error(&error, content_type)
            }
        }
    }

    async fn run(
        &self,
        head: &Parts,
        body: &[u8],
        record: &mut Record<'_>,
    ) -> Result<Vec<u8>, ApiError> {
        let target = operation(&head.headers);
        record.operation = target.as_ref().ok().copied();
        // The service looks at the JSON first. Parsing it twice is left to requests that fail anyway.
        let operation = match (target, credentials(head).check()) {
            (Ok(operation), Ok(())) => operation,
            _ if !is_json(body) => return Err(ApiError::unparsable()),
            (Err(error), _) | (Ok(_), Err(error)) => return Err(error),
        };
        let request = stator_operation::Request::parse(operation, body)?;
        let request = match single(&head.headers, HOST) {
            Some(host) if !host.is_empty() => request.sent_to(host),
            Some(_) | None => request,
        };
        let _permit = self.permit(&request).await?;
        let reply = self.service.call(request).await?;
        let mut writer = JsonWriter::in_buffer(Vec::with_capacity(REPLY_BYTES));
        reply.write_json(&mut writer);
        Ok(writer.into_bytes())
    }

    /// Waits until the answer may be made. What it takes is known only once it is made, so there must be
    /// room when it is begun, and few are made at one time.
    async fn permit(
        &self,
        request: &stator_operation::Request,
    ) -> Result<Option<SemaphorePermit<'_>>, ApiError> {
        if !request.may_answer_much() {
            return Ok(None);
        }
        let permit = self.large_answers.acquire().await.map_err(|_closed| ApiError::internal())?;
        if self.budget.has_room() { Ok(Some(permit)) } else { Err(ApiError::unavailable()) }
    }
}

/// The operation that a request names.
fn operation(headers: &HeaderMap) -> Result<Operation, ApiError> {
    let target = Target::parse(single(headers, "x-amz-target"))?;
    Operation::from_target(target)
}

fn spec(operation: Operation) -> Option<&'static OperationSpec> {
    OPERATIONS.iter().find(|spec| spec.operation == operation)
}

fn credentials(head: &Parts) -> Credentials<'_> {
    Credentials {
        authorization: single(&head.headers, AUTHORIZATION),
        query: head.uri.query(),
        has_date: head.headers.contains_key("x-amz-date") || head.headers.contains_key(DATE),
    }
}

/// The value of a header that may stand once. One that stands twice, or is no text, is the empty
/// text, which no check lets pass: two readers must never see two values.
fn single(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    let text = value.to_str().unwrap_or("");
    Some(if values.next().is_none() { text } else { "" })
}

fn is_preflight(head: &Parts) -> bool {
    head.method == Method::OPTIONS && head.headers.contains_key(ORIGIN)
}

/// What any other verb or content type is answered.
fn not_found() -> Reply {
    let body = Bytes::from_static(UNKNOWN_OPERATION_PAGE.as_bytes());
    Reply { body, ..Reply::empty(StatusCode::NOT_FOUND) }
}

fn refuse_body(error: BodyError) -> Reply {
    let json = |error: ApiError| Reply::of_error(&error, ContentType::AmzJson);
    match error {
        BodyError::TooLarge => Reply::empty(StatusCode::PAYLOAD_TOO_LARGE).closing(),
        BodyError::Busy => json(ApiError::unavailable()).closing(),
        BodyError::Undecodable => json(ApiError::internal()),
        BodyError::TimedOut => Reply::empty(StatusCode::REQUEST_TIMEOUT).closing(),
        BodyError::Incomplete => Reply::empty(StatusCode::BAD_REQUEST).closing(),
    }
}

/// A request in the metrics, in flight until dropped.
struct Record<'a> {
    metrics: &'a Metrics,
    began: Instant,
    operation: Option<Operation>,
}

impl<'a> Record<'a> {
    fn begin(metrics: &'a Metrics) -> Self {
        metrics.requests_in_flight.inc();
        Self { metrics, began: clock::monotonic(), operation: None }
    }

    fn operation_name(&self) -> &'static str {
        self.operation.and_then(spec).map_or("other", |spec| spec.name)
    }

    fn end(self, status: StatusCode) {
        let duration = clock::monotonic().saturating_duration_since(self.began);
        self.metrics.answered(self.operation, Outcome::of_status(status.as_u16()), duration);
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        self.metrics.requests_in_flight.dec();
    }
}
