//! Bodies in every form, up to the limit and beyond.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use stator_protocol::ApiError;
use stator_server::edge::Limits;

use crate::support::*;

const LIMIT: usize = 16 * 1024 * 1024;

/// An empty object with as many blanks in it as make it `bytes` long.
fn object(bytes: usize) -> Vec<u8> {
    format!("{{{}}}", " ".repeat(bytes - 2)).into_bytes()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).expect("to memory");
    encoder.finish().expect("to memory")
}

/// A request whose body comes in chunks of this size.
fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let headers = format!("{AUTHORIZATION}{TARGET}{TYPE}transfer-encoding: chunked\r\n");
    let mut bytes = format!("POST / HTTP/1.1\r\nhost: x\r\n{headers}\r\n").into_bytes();
    for chunk in body.chunks(size) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

// Rule: wire.body-limit
#[test]
fn bodies_are_accepted_up_to_16_mib() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(list_tables("", object(LIMIT)));
    client.response().expect("200 OK", &reply_json(0));
    client.send(list_tables("", object(LIMIT + 1)));
    client.response().expect("413 Payload Too Large", "");
    client.expect_end();
    server.await_calls(1, 1);
}

#[test]
fn a_declared_length_beyond_the_limit_is_refused_before_the_body() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", LIMIT + 1));
    let reply = client.response();
    reply.expect("413 Payload Too Large", "");
    assert_eq!(reply.header("connection"), Some("close"));
}

#[test]
fn chunked_bodies_are_bounded_while_they_come() {
    let server = Server::start();
    server.ask(chunked(&object(LIMIT), 1 << 20)).expect("200 OK", &reply_json(0));
    server.ask(chunked(&object(LIMIT + 1), 1 << 20)).expect("413 Payload Too Large", "");
    server.await_calls(1, 1);
}

#[test]
fn a_chunked_request_is_the_last_of_its_connection() {
    let server = Server::start();
    let mut client = server.connect();
    client.send([chunked(b"{}", 1), list_tables("", "{}")].concat());
    let reply = client.response();
    reply.expect("200 OK", &reply_json(0));
    assert_eq!(reply.header("connection"), Some("close"));
    client.expect_end();
    server.await_calls(1, 1);
}

#[test]
fn malformed_chunks_are_refused() {
    let server = Server::start();
    for damage in ["zz\r\n{}\r\n0\r\n\r\n", "2\r\n{}X\r\n0\r\n\r\n", "-2\r\n{}\r\n0\r\n\r\n"] {
        let headers = format!("{AUTHORIZATION}{TARGET}{TYPE}transfer-encoding: chunked\r\n");
        let mut client = server.connect();
        client.send(format!("POST / HTTP/1.1\r\nhost: x\r\n{headers}\r\n{damage}"));
        client.response().expect("400 Bad Request", "");
        client.expect_end();
    }
    server.await_calls(0, 0);
}

#[test]
fn a_client_that_waits_to_be_asked_for_its_body_is_asked() {
    let server = Server::start();
    let mut client = server.connect();
    let request = list_tables("expect: 100-continue\r\n", "{}");
    let (head, body) = request.split_at(request.len() - 2);
    client.send(head);
    assert_eq!(client.response_head().status, "HTTP/1.1 100 Continue");
    client.send(body);
    client.response().expect("200 OK", &reply_json(0));
}

// Rule: wire.compressed-requests
#[test]
fn compressed_bodies_are_inflated() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(list_tables("content-encoding: gzip\r\n", gzip(b"{}")));
    client.response().expect("200 OK", &reply_json(0));
    let members = [gzip(b"{"), gzip(b"}")].concat();
    client.send(list_tables("content-encoding: GZIP\r\n", members));
    client.response().expect("200 OK", &reply_json(0));
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(b"{}").expect("to memory");
    let deflated = encoder.finish().expect("to memory");
    client.send(list_tables("content-encoding: deflate\r\n", deflated));
    client.response().expect("200 OK", &reply_json(0));
    client.send(list_tables("content-encoding: identity\r\n", "{}"));
    client.response().expect("200 OK", &reply_json(0));
}

// Rule: wire.compressed-requests
#[test]
fn undecodable_bodies_are_an_internal_error() {
    let server = Server::start();
    let body = String::from_utf8(ApiError::internal().to_body()).expect("is text");
    let mut client = server.connect();
    let whole = gzip(b"{}");
    for (encoding, bytes) in [
        ("gzip", b"{}".as_slice()),
        ("gzip", &whole[..whole.len() - 1]),
        ("deflate", b"{}"),
        ("br", b"{}"),
        ("gzip, gzip", &whole),
    ] {
        client.send(list_tables(&format!("content-encoding: {encoding}\r\n"), bytes));
        client.response().expect("500 Internal Server Error", &body);
    }
    server.await_calls(0, 0);
}

// Rule: wire.body-limit
#[test]
fn the_limit_holds_for_what_a_body_inflates_to() {
    let server = Server::start();
    let fits = gzip(&object(LIMIT));
    server.ask(list_tables("content-encoding: gzip\r\n", fits)).expect("200 OK", &reply_json(0));
    // Would be 2 GiB.
    let bomb = gzip(&object(LIMIT)).repeat(128);
    assert!(bomb.len() < LIMIT);
    let reply = server.ask(list_tables("content-encoding: gzip\r\n", bomb));
    reply.expect("413 Payload Too Large", "");
    server.await_calls(1, 1);
}

#[test]
fn a_request_that_finds_no_room_for_its_body_is_told_to_come_again() {
    let limits = Limits { bytes_in_flight: 1_000, ..Limits::default() };
    let server = Server::with(Script::Name(0), limits);
    server.ask(list_tables("", object(1_000))).expect("200 OK", &reply_json(0));
    let busy = String::from_utf8(ApiError::unavailable().to_body()).expect("is text");
    server.ask(list_tables("", object(1_001))).expect("503 Service Unavailable", &busy);
    server.ask(chunked(&object(1_001), 100)).expect("503 Service Unavailable", &busy);
    // What was refused holds nothing.
    server.ask(list_tables("", object(1_000))).expect("200 OK", &reply_json(0));
}
