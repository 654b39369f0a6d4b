//! The client port: HTTP/1.1 in, one operation per request, JSON out.
//!
//! Owns sockets, limits, timeouts and the order in which a request is checked. It
//! never decides what an operation does: a parsed request goes to a [`Service`], whose reply it
//! writes. Nothing here survives a crash, and nothing here needs to.
//!
//! ```text
//! listen ──► guard (bytes, time) ──► hyper ──► answer: body ► checks ► Service ► reply
//! ```
//!
//! A client that goes away does not cancel its request: connections may be half closed, so hyper does
//! not look for the client's end while an answer is being made. The answer is made to its end and
//! dropped.

mod answer;
mod body;
mod budget;
mod framing;
mod guard;
mod limits;
mod listen;
mod reply;

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use stator_operation::{Reply, Request};
use stator_protocol::ApiError;
use tokio::sync::Semaphore;

pub use framing::{Framing, Refusal, Refused, Stage};
pub use limits::Limits;
pub use listen::Port;

use self::budget::Budget;
use crate::metrics::Metrics;

/// What answers requests: the node, behind its threads.
pub trait Service: Send + Sync + 'static {
    /// Carries out a request that passed every check that needs no table.
    ///
    /// # Errors
    /// What the client is told instead.
    fn call(&self, request: Request) -> impl Future<Output = Result<Reply, ApiError>> + Send;
}

/// The edge of one node.
pub struct Edge<S> {
    service: S,
    limits: Arc<Limits>,
    metrics: Arc<Metrics>,
    budget: Arc<Budget>,
    /// Permits to make an answer that may be large.
    large_answers: Semaphore,
    /// What `GET /` answers.
    healthy: Bytes,
}

impl<S: Service> Edge<S> {
    /// An edge in front of `service`, which calls itself `region`.
    pub fn new(service: S, region: &str, limits: Limits, metrics: Arc<Metrics>) -> Self {
        Self {
            service,
            budget: Arc::new(Budget::new(limits.bytes_in_flight)),
            large_answers: Semaphore::new(limits.large_answers),
            limits: Arc::new(limits),
            metrics,
            healthy: Bytes::from(format!("healthy: dynamodb.{region}.amazonaws.com ")),
        }
    }

    /// The service behind it.
    pub const fn service(&self) -> &S {
        &self.service
    }
}
