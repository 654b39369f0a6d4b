//! The admin port.

use std::net::TcpListener;
use std::sync::Arc;

use stator_server::admin::{Admin, Health, Phase};
use stator_server::metrics::Metrics;

use crate::support::*;

struct AdminPort {
    admin: Admin,
    health: Arc<Health>,
}

impl AdminPort {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let health = Arc::new(Health::default());
        let metrics = Arc::new(Metrics::new().expect("names differ"));
        let admin = Admin::start(listener, Arc::clone(&health), metrics).expect("starts");
        Self { admin, health }
    }

    fn get(&self, path: &str) -> Response {
        let mut client = Client::connect(self.admin.address());
        client.send(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"));
        client.response()
    }
}

#[test]
fn readiness_follows_the_node_and_liveness_does_not() {
    let port = AdminPort::start();
    for (phase, status, text) in [
        (Phase::Starting, "503 Service Unavailable", "starting\n"),
        (Phase::Ready, "200 OK", "ready\n"),
        (Phase::Stopping, "503 Service Unavailable", "stopping\n"),
    ] {
        port.health.set(phase);
        port.get("/readyz").expect(status, text);
        port.get("/healthz").expect("200 OK", "ok\n");
    }
}

#[test]
fn metrics_are_in_the_text_format() {
    let port = AdminPort::start();
    let reply = port.get("/metrics");
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4"));
    let text = reply.text();
    for name in [
        "stator_server_requests_total",
        "stator_server_request_duration_seconds",
        "stator_server_connections",
        "process_cpu_seconds_total",
        "process_open_fds",
    ] {
        assert!(text.contains(&format!("# TYPE {name} ")), "{name} is missing");
    }
}

#[test]
fn nothing_else_is_there() {
    let port = AdminPort::start();
    assert_eq!(port.get("/").status, "HTTP/1.1 404 Not Found");
    assert_eq!(port.get("/debug").status, "HTTP/1.1 404 Not Found");
}
