//! Clients that mean harm, or know no better.

use std::time::Duration;

use stator_server::edge::Limits;

use crate::support::*;

/// Short enough that a test waits gladly, and nothing that it needs takes as long.
const SHORT: Duration = Duration::from_millis(50);

#[test]
fn ambiguous_lengths_are_refused_and_nothing_behind_them_is_read() {
    let server = Server::start();
    for lengths in [
        "content-length: 2\r\ncontent-length: 2\r\n",
        "content-length: 2\r\ncontent-length: 3\r\n",
        "content-length: 2, 2\r\n",
        "content-length: 2\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 2\r\n",
        "transfer-encoding: gzip, chunked\r\n",
        "content-length: +2\r\n",
        "content-length : 2\r\n",
        "host: y\r\n content-length: 2\r\n",
    ] {
        let headers = format!("{AUTHORIZATION}{TARGET}{TYPE}{lengths}");
        let request = format!("POST / HTTP/1.1\r\nhost: x\r\n{headers}\r\n{{}}");
        let mut client = server.connect();
        client.send([request.as_bytes(), &list_tables("", "{}")].concat());
        let reply = client.response();
        reply.expect("400 Bad Request", "");
        assert_eq!(reply.header("connection"), Some("close"), "{lengths}");
        client.expect_end();
    }
    server.await_calls(0, 0);
}

#[test]
fn a_head_that_comes_in_pieces_is_judged_as_a_whole() {
    let server = Server::start();
    let mut client = server.connect();
    client.stream.set_nodelay(true).expect("connected");
    let request = list_tables("content-length: 2\r\n", "{}");
    for piece in request.chunks(7) {
        // The server may have seen enough, and closed.
        if std::io::Write::write_all(&mut client.stream, piece).is_err() {
            break;
        }
    }
    client.response().expect("400 Bad Request", "");
    let mut client = server.connect();
    client.stream.set_nodelay(true).expect("connected");
    list_tables("", "{}").chunks(7).for_each(|piece| client.send(piece));
    client.response().expect("200 OK", &reply_json(0));
}

// Rule: wire.head-limit
#[test]
fn heads_are_limited_to_the_byte() {
    let server = Server::start();
    let line = |bytes: usize| format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(bytes - 16));
    assert_eq!(server.ask(line(16 * 1024)).status, "HTTP/1.1 404 Not Found");
    server.ask(line(16 * 1024 + 1)).expect("400 Bad Request", "");
    let header = |bytes: usize| format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(bytes - 7));
    assert_eq!(server.ask(header(16 * 1024)).status, "HTTP/1.1 200 OK");
    server.ask(header(16 * 1024 + 1)).expect("400 Bad Request", "");
    let lines = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(count));
    assert_eq!(server.ask(lines(96)).status, "HTTP/1.1 200 OK");
    server.ask(lines(97)).expect("400 Bad Request", "");
}

#[test]
fn a_client_that_is_refused_while_it_sends_still_reads_why() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(format!("GET / HTTP/1.1\r\na: {}", "x".repeat(4 << 20)));
    client.response().expect("400 Bad Request", "");
    client.expect_end();
    server.await_metric("stator_server_heads_refused_total 1");
}

#[test]
fn what_is_no_http_is_refused() {
    let server = Server::start();
    for garbage in [
        "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\na\0b: c\r\n\r\n",
    ] {
        let mut client = server.connect();
        client.send(garbage);
        client.response().expect("400 Bad Request", "");
        client.expect_end();
    }
    // A client that insists on HTTP/2 would not understand an answer.
    let mut client = server.connect();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    client.expect_end();
}

#[test]
fn a_head_that_breaks_off_is_dropped() {
    let server = Server::start();
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nhost: x\r\nconte");
    client.finish();
    client.expect_end();
    server.await_metric("stator_server_connections 0");
}

#[test]
fn a_body_that_breaks_off_is_refused() {
    let server = Server::start();
    let mut client = server.connect();
    let request = list_tables("", "{}");
    client.send(&request[..request.len() - 1]);
    client.finish();
    client.response().expect("400 Bad Request", "");
    client.expect_end();
    server.await_calls(0, 0);
}

#[test]
fn a_slow_head_is_given_up() {
    let server = Server::with(Script::Name(0), Limits { head_time: SHORT, ..Limits::default() });
    let mut client = server.connect();
    client.send(list_tables("", "{}"));
    client.response().expect("200 OK", &reply_json(0));
    client.send("POST / HTTP/1.1\r\nhost: x\r\n");
    client.expect_end();
    server.await_metric("stator_server_connections 0");
}

#[test]
fn a_slow_body_is_given_up() {
    let limits = Limits { body_time: SHORT, ..Limits::default() };
    let server = Server::with(Script::Name(0), limits);
    let mut client = server.connect();
    let request = list_tables("", "{}");
    client.send(&request[..request.len() - 1]);
    let reply = client.response();
    reply.expect("408 Request Timeout", "");
    assert_eq!(reply.header("connection"), Some("close"));
    server.await_calls(0, 0);
}

#[test]
fn idle_connections_are_closed_after_a_while() {
    let server = Server::with(Script::Name(0), Limits { idle_time: SHORT, ..Limits::default() });
    let mut used = server.connect();
    used.send(list_tables("", "{}"));
    used.response().expect("200 OK", &reply_json(0));
    used.expect_end();
    server.connect().expect_end();
    server.await_metric("stator_server_connections 0");
}

#[test]
fn a_client_that_never_reads_is_cut_off() {
    let limits = Limits { write_time: SHORT, ..Limits::default() };
    let server = Server::with(Script::Name(10_000_000), limits);
    let mut client = server.connect();
    client.send(list_tables("", "{}"));
    server.await_calls(1, 1);
    server.await_metric("stator_server_connections 0");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = Server::start();
    let mut client = server.connect();
    let good = list_tables("", "{}");
    let unknown = post(TYPE, "{}");
    let bad = b"GET / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\nx".to_vec();
    client.send([good.clone(), unknown, good.clone(), bad, good].concat());
    assert_eq!(client.response().status, "HTTP/1.1 200 OK");
    assert_eq!(client.response().status, "HTTP/1.1 400 Bad Request");
    assert_eq!(client.response().status, "HTTP/1.1 200 OK");
    client.response().expect("400 Bad Request", "");
    client.expect_end();
    server.await_calls(2, 2);
}

#[test]
fn one_more_connection_than_allowed_is_closed() {
    let server = Server::with(Script::Name(0), Limits { connections: 2, ..Limits::default() });
    let mut first = server.connect();
    let mut second = server.connect();
    server.await_metric("stator_server_connections 2");
    server.connect().expect_end();
    server.await_metric("stator_server_connections_refused_total 1");
    for client in [&mut first, &mut second] {
        client.send(list_tables("", "{}"));
        client.response().expect("200 OK", &reply_json(0));
    }
    drop(first);
    server.await_metric("stator_server_connections 1");
    server.ask(list_tables("", "{}")).expect("200 OK", &reply_json(0));
}

#[test]
fn two_thousand_idle_connections_leave_the_others_alone() {
    let server = Server::start();
    let mut idle = (0..2_000).map(|_| server.connect()).collect::<Vec<_>>();
    server.await_metric("stator_server_connections 2000");
    server.ask(list_tables("", "{}")).expect("200 OK", &reply_json(0));
    for client in idle.iter_mut().step_by(100) {
        client.send(list_tables("", "{}"));
        client.response().expect("200 OK", &reply_json(0));
    }
    drop(idle);
    server.await_metric("stator_server_connections 0");
}
