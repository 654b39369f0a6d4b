//! Requests whose client, or whose server, goes away before they are done.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use stator_server::edge::Limits;
use tokio::sync::Semaphore;

use crate::support::*;

fn gated(limits: Limits) -> (Server, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    (Server::with(Script::Gate(Arc::clone(&gate)), limits), gate)
}

#[test]
fn a_client_that_has_finished_sending_still_gets_its_answer() {
    let (server, gate) = gated(Limits::default());
    let mut client = server.connect();
    client.send(list_tables("", "{}"));
    client.finish();
    server.await_calls(1, 0);
    gate.add_permits(1);
    client.response().expect("200 OK", &reply_json(0));
    client.expect_end();
}

#[test]
fn a_client_that_goes_away_does_not_cancel_its_request() {
    let (server, gate) = gated(Limits::default());
    let mut client = server.connect();
    client.send(list_tables("", "{}"));
    server.await_calls(1, 0);
    drop(client);
    // Another connection comes and goes, so that the server has had its chance to notice.
    drop(server.connect());
    gate.add_permits(1);
    server.await_calls(1, 1);
    server.await_metric("stator_server_connections 0");
}

#[test]
fn a_client_that_resets_its_connection_does_not_cancel_its_request() {
    let (server, gate) = gated(Limits::default());
    let mut client = server.connect();
    gate.add_permits(1);
    client.send([list_tables("", "{}"), list_tables("", "{}")].concat());
    server.await_calls(2, 1);
    server.await_metric(r#"stator_server_requests_total{operation="ListTables",outcome="ok"} 1"#);
    // Closing with the first answer unread is a reset.
    eventually("the answer is there", || client.stream.peek(&mut [0; 1]).is_ok());
    drop(client);
    gate.add_permits(1);
    server.await_calls(2, 2);
    server.await_metric("stator_server_connections 0");
}

#[test]
fn idleness_does_not_begin_before_the_answer() {
    let idle_time = Duration::from_millis(20);
    let (server, gate) = gated(Limits { idle_time, head_time: idle_time, ..Limits::default() });
    let mut waiting = server.connect();
    waiting.send(list_tables("", "{}"));
    server.await_calls(1, 0);
    // This connection is idle for as long as it may be, after the other one began to wait.
    server.connect().expect_end();
    gate.add_permits(1);
    waiting.response().expect("200 OK", &reply_json(0));
}

#[test]
fn stopping_lets_requests_finish_and_no_others_begin() {
    let (mut server, gate) = gated(Limits::default());
    let mut idle = server.connect();
    let mut busy = server.connect();
    busy.send(list_tables("", "{}"));
    server.await_calls(1, 0);
    server.await_metric("stator_server_connections 2");
    server.stop();
    idle.expect_end();
    let address = server.address;
    eventually("connections are refused", || TcpStream::connect(address).is_err());
    gate.add_permits(1);
    let reply = busy.response();
    reply.expect("200 OK", &reply_json(0));
    assert_eq!(reply.header("connection"), Some("close"));
    busy.expect_end();
    assert_eq!(server.await_stop(), 0);
}

#[test]
fn stopping_does_not_wait_for_ever() {
    let stop_time = Duration::from_millis(20);
    let (mut server, _gate) = gated(Limits { stop_time, ..Limits::default() });
    let mut client = server.connect();
    client.send(list_tables("", "{}"));
    server.await_calls(1, 0);
    server.stop();
    assert_eq!(server.await_stop(), 1);
    client.expect_end();
}
