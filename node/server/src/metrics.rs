//! What the node counts, for Prometheus: `docs/metrics.md` lists every family.
//!
//! `stator_server_` here, and a file each for the log, the store and the replicas. Labels are enums, so
//! that their number is known; the one exception, a table's name, is bounded ([`replica`]). The children
//! of hot families are looked up once, at start: a request or a batch touches atomics only. The crates
//! below the server know nothing of it: the threads count what passes through them.

mod log;
mod replica;
mod store;

use std::sync::Arc;
use std::time::Duration;

use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};
use stator_operation::{OPERATIONS, Operation};
use stator_protocol::ErrorCode;

pub(crate) use self::log::{LogMetrics, MeteredDir};
pub(crate) use self::replica::{ReplicaMetrics, Replicas};
pub(crate) use self::store::StoreMetrics;

/// Upper bounds in seconds: from a cached read to the longest that a client waits.
const DURATIONS: &[f64] = &[
    0.000_1, 0.000_2, 0.000_4, 0.000_8, 0.001_6, 0.003_2, 0.006_4, 0.012_5, 0.025, 0.05, 0.1, 0.25,
    0.5, 1.0, 2.5, 5.0, 10.0,
];

/// How a request ended, as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx.
    Ok,
    /// 4xx: the client's doing.
    ClientError,
    /// 5xx: ours.
    ServerError,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Ok, Self::ClientError, Self::ServerError];

    /// The outcome that a status stands for.
    pub const fn of_status(status: u16) -> Self {
        match status {
            0..400 => Self::Ok,
            400..500 => Self::ClientError,
            500.. => Self::ServerError,
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
        }
    }
}

/// The counters of one operation.
struct PerOperation {
    /// In the order of [`Outcome::ALL`].
    outcomes: [IntCounter; 3],
    duration: Histogram,
}

/// The families of the server.
pub struct Metrics {
    registry: Registry,
    /// In the order of [`OPERATIONS`].
    operations: Vec<PerOperation>,
    /// Requests that name no operation of ours.
    other: PerOperation,
    /// By operation and code. Looked up when a request fails, which need not be fast.
    errors: IntCounterVec,
    /// Requests being answered.
    pub(crate) requests_in_flight: IntGauge,
    /// Connections open.
    pub(crate) connections: IntGauge,
    /// Connections closed at once because too many were open.
    pub(crate) connections_refused: IntCounter,
    /// Request heads refused before they were parsed: ambiguous or too large.
    pub(crate) heads_refused: IntCounter,
    /// Bytes read from clients.
    pub(crate) bytes_received: IntCounter,
    /// Bytes written to clients.
    pub(crate) bytes_sent: IntCounter,
}

/// The families of the threads below the edge.
pub(crate) struct NodeMetrics {
    pub(crate) log: Arc<LogMetrics>,
    pub(crate) store: StoreMetrics,
    pub(crate) replica: ReplicaMetrics,
    /// For what is known at a scrape only.
    pub(crate) registry: Registry,
}

impl Metrics {
    /// Registers every family of the server, and those of the process, in a new registry.
    ///
    /// # Errors
    /// If two families have one name, which is a mistake in this file.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let requests = IntCounterVec::new(
            Opts::new("stator_server_requests_total", "Requests answered on the client port."),
            &["operation", "outcome"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "stator_server_request_duration_seconds",
                "From a request's head to its reply being ready.",
            )
            .buckets(DURATIONS.to_vec()),
            &["operation"],
        )?;
        registry.register(Box::new(durations.clone()))?;
        let errors = IntCounterVec::new(
            Opts::new(
                "stator_server_errors_total",
                "Requests answered with an error, by its name.",
            ),
            &["operation", "code"],
        )?;
        registry.register(Box::new(errors.clone()))?;
        let build = IntGaugeVec::new(
            Opts::new("stator_server_build_info", "Always 1: the label says what runs."),
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(build))?;
        let per_operation = |name: &str| PerOperation {
            outcomes: Outcome::ALL
                .map(|outcome| requests.with_label_values(&[name, outcome.label()])),
            duration: durations.with_label_values(&[name]),
        };
        Ok(Self {
            operations: OPERATIONS.iter().map(|spec| per_operation(spec.name)).collect(),
            other: per_operation("other"),
            errors,
            requests_in_flight: gauge(
                &registry,
                "stator_server_requests_in_flight",
                "Requests being answered.",
            )?,
            connections: gauge(&registry, "stator_server_connections", "Client connections open.")?,
            connections_refused: counter(
                &registry,
                "stator_server_connections_refused_total",
                "Client connections closed at once because too many were open.",
            )?,
            heads_refused: counter(
                &registry,
                "stator_server_heads_refused_total",
                "Request heads refused unparsed: ambiguous lengths, or too large.",
            )?,
            bytes_received: counter(
                &registry,
                "stator_server_received_bytes_total",
                "Bytes from clients.",
            )?,
            bytes_sent: counter(&registry, "stator_server_sent_bytes_total", "Bytes to clients.")?,
            registry,
        })
    }

    /// Registers the families of the threads below the edge.
    ///
    /// # Errors
    /// If two families have one name, which is a mistake in these files.
    pub(crate) fn of_node(&self) -> prometheus::Result<NodeMetrics> {
        Ok(NodeMetrics {
            log: Arc::new(LogMetrics::new(&self.registry)?),
            store: StoreMetrics::new(&self.registry)?,
            replica: ReplicaMetrics::new(&self.registry)?,
            registry: self.registry.clone(),
        })
    }

    /// Notes a request that is answered with this error.
    pub(crate) fn failed(&self, operation: &str, code: ErrorCode) {
        self.errors.with_label_values(&[operation, code.name()]).inc();
    }

    /// Notes a request that was answered.
    pub(crate) fn answered(
        &self,
        operation: Option<Operation>,
        outcome: Outcome,
        duration: Duration,
    ) {
        let slot = operation
            .and_then(|operation| OPERATIONS.iter().position(|spec| spec.operation == operation));
        let counters = slot.and_then(|slot| self.operations.get(slot)).unwrap_or(&self.other);
        let [ok, client_error, server_error] = &counters.outcomes;
        match outcome {
            Outcome::Ok => ok,
            Outcome::ClientError => client_error,
            Outcome::ServerError => server_error,
        }
        .inc();
        counters.duration.observe(duration.as_secs_f64());
    }

    /// Everything registered, in the text format.
    ///
    /// # Errors
    /// If a family cannot be written, which is a mistake in its collector.
    pub fn to_text(&self) -> prometheus::Result<Vec<u8>> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

fn gauge(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntGauge> {
    let gauge = IntGauge::new(name, help)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

fn counter(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntCounter> {
    let counter = IntCounter::new(name, help)?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

fn histogram(
    registry: &Registry,
    name: &str,
    help: &str,
    buckets: &[f64],
) -> prometheus::Result<Histogram> {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    let histogram = Histogram::with_opts(options)?;
    registry.register(Box::new(histogram.clone()))?;
    Ok(histogram)
}

/// As a gauge has it.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_and_outcome_has_its_series_from_the_start() {
        let metrics = Metrics::new().expect("names differ");
        let text = String::from_utf8(metrics.to_text().expect("encodes")).expect("is text");
        for name in OPERATIONS.iter().map(|spec| spec.name).chain(["other"]) {
            for outcome in Outcome::ALL.map(Outcome::label) {
                let series = format!(
                    "stator_server_requests_total{{operation=\"{name}\",outcome=\"{outcome}\"}} 0"
                );
                assert!(text.contains(&series), "{series} is missing");
            }
        }
        assert!(text.contains("process_resident_memory_bytes"));
    }

    #[test]
    fn an_answer_is_counted_once_in_its_series() {
        let metrics = Metrics::new().expect("names differ");
        let spec = &OPERATIONS[0];
        metrics.answered(Some(spec.operation), Outcome::of_status(503), Duration::from_millis(3));
        let text = String::from_utf8(metrics.to_text().expect("encodes")).expect("is text");
        let name = spec.name;
        for series in [
            format!("requests_total{{operation=\"{name}\",outcome=\"server_error\"}} 1"),
            format!("requests_total{{operation=\"{name}\",outcome=\"ok\"}} 0"),
            format!("request_duration_seconds_bucket{{operation=\"{name}\",le=\"0.0016\"}} 0"),
            format!("request_duration_seconds_bucket{{operation=\"{name}\",le=\"0.0032\"}} 1"),
            format!("request_duration_seconds_count{{operation=\"{name}\"}} 1"),
        ] {
            assert!(text.contains(&format!("stator_server_{series}\n")), "{series} is missing");
        }
    }
}
