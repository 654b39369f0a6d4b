//! The admin port: liveness, readiness, metrics.
//!
//! Runs on a small runtime of its own that never touches the store, so that a node whose workers all
//! wait for the disk still answers. `/healthz` says that the process runs and depends on nothing
//! else, no peer above all: whoever restarts a node because its peers are gone loses the cluster.
//! `/readyz` says whether it takes requests. Not for clients: it belongs on loopback or inside the
//! cluster.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::Semaphore;

use crate::metrics::Metrics;

/// Scrapers and probes; one more waits in the kernel's queue.
const CONNECTIONS: usize = 64;
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long to wait when the host is out of something that accepting needs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where a node is in its life.
///
/// ```text
/// Starting ──log replayed, partitions led──► Ready ──signal──► Stopping
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Reading its log; takes no requests yet.
    Starting,
    /// Takes requests.
    Ready,
    /// Finishes what it has begun.
    Stopping,
}

impl Phase {
    const ALL: [Self; 3] = [Self::Starting, Self::Ready, Self::Stopping];

    const fn text(self) -> &'static str {
        match self {
            Self::Starting => "starting\n",
            Self::Ready => "ready\n",
            Self::Stopping => "stopping\n",
        }
    }
}

/// The phase, shared by who changes it and who reports it.
#[derive(Debug, Default)]
pub struct Health(AtomicU8);

impl Health {
    /// What `/readyz` answers from now on.
    pub fn set(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Relaxed);
    }

    /// The present phase.
    pub fn phase(&self) -> Phase {
        let raw = self.0.load(Ordering::Relaxed);
        Phase::ALL.into_iter().find(|phase| *phase as u8 == raw).unwrap_or(Phase::Starting)
    }
}

/// A running admin port. Dropping it closes the port.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Admin {
    /// Serves `listener` on a runtime of its own.
    ///
    /// # Errors
    /// If the runtime's threads cannot be made, or the listener cannot be used.
    pub fn start(
        listener: std::net::TcpListener,
        health: Arc<Health>,
        metrics: Arc<Metrics>,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("admin")
            .enable_all()
            .build()?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = runtime.block_on(async { TcpListener::from_std(listener) })?;
        runtime.spawn(serve(listener, router(health, metrics)));
        Ok(Self { address, runtime: Some(runtime) })
    }

    /// Its runtime, for what must go on while the store is waited for. `None` once it is closed.
    pub fn runtime(&self) -> Option<&Handle> {
        self.runtime.as_ref().map(Runtime::handle)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn router(health: Arc<Health>, metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready).with_state(health))
        .route("/metrics", get(scrape).with_state(metrics))
}

async fn serve(listener: TcpListener, router: Router) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    loop {
        // The semaphore is never closed.
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _peer)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections on the admin port");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "admin connection failed");
            }
            drop(slot);
        });
    }
}

async fn ready(State(health): State<Arc<Health>>) -> (StatusCode, &'static str) {
    let phase = health.phase();
    let status = match phase {
        Phase::Ready => StatusCode::OK,
        Phase::Starting | Phase::Stopping => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, phase.text())
}

async fn scrape(State(metrics): State<Arc<Metrics>>) -> Response {
    match metrics.to_text() {
        Ok(text) => ([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
