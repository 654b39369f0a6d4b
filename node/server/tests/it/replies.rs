//! What answers look like, to the byte where clients look at bytes.

use std::io::Read;
use std::sync::Arc;

use flate2::read::{GzDecoder, ZlibDecoder};
use stator_protocol::ApiError;
use stator_server::edge::Limits;
use tokio::sync::Semaphore;

use crate::support::*;

const NOT_FOUND: &str = "<UnknownOperationException/>\n";

// Rule: wire.request-id, wire.checksum
#[test]
fn a_success_has_exactly_the_headers_of_the_service() {
    let server = Server::with(Script::Name(2), Limits::default());
    let mut client = server.connect();
    client.send(list_tables("", "{}"));
    let reply = client.response();
    reply.expect("200 OK", &reply_json(2));
    let mut names = reply.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    names.sort_unstable();
    let expected =
        ["content-length", "content-type", "date", "server", "x-amz-crc32", "x-amzn-requestid"];
    assert_eq!(names, expected);
    assert_eq!(reply.header("content-type"), Some("application/x-amz-json-1.0"));
    assert_eq!(reply.header("server"), Some("Stator"));
    let checksum = crc32fast::hash(&reply.body).to_string();
    assert_eq!(reply.header("x-amz-crc32"), Some(checksum.as_str()));
    let id = reply.header("x-amzn-requestid").expect("has an id");
    assert!(id.len() == 52 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
    client.send(list_tables("", "{}"));
    assert_ne!(client.response().header("x-amzn-requestid"), Some(id));
}

// Rule: wire.content-type
#[test]
fn the_content_type_is_echoed() {
    let server = Server::start();
    let headers = format!("{AUTHORIZATION}{TARGET}content-type: application/json; charset=x\r\n");
    let reply = server.ask(post(&headers, "{}"));
    reply.expect("200 OK", &reply_json(0));
    assert_eq!(reply.header("content-type"), Some("application/json"));
}

// Rule: wire.verbs
#[test]
fn the_root_says_that_it_is_healthy() {
    let server = Server::start();
    let reply = server.ask("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    reply.expect("200 OK", "healthy: dynamodb.us-east-1.amazonaws.com ");
    // From a captured reply of the service.
    assert_eq!(reply.header("x-amz-crc32"), Some("3128867991"));
    server.ask("GET /x HTTP/1.1\r\nhost: x\r\n\r\n").expect("404 Not Found", NOT_FOUND);
}

// Rule: wire.verbs, wire.content-type
#[test]
fn other_verbs_and_content_types_are_not_found() {
    let server = Server::start();
    let mut client = server.connect();
    for verb in ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "BREW"] {
        client.send(format!("{verb} / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}"));
        let reply = client.response();
        reply.expect("404 Not Found", NOT_FOUND);
        assert_eq!(reply.header("x-amz-crc32"), Some("3552371480"));
    }
    client.send("HEAD / HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(client.response_head().status, "HTTP/1.1 404 Not Found");
    for content_type in [
        "",
        "content-type: application/x-amz-json-1.1\r\n",
        "content-type: text/plain\r\n",
        "content-type: application/json\r\ncontent-type: application/json\r\n",
    ] {
        client.send(post(&format!("{AUTHORIZATION}{TARGET}{content_type}"), "{}"));
        client.response().expect("404 Not Found", NOT_FOUND);
    }
    server.await_calls(0, 0);
}

#[test]
fn a_connect_is_the_last_request_of_its_connection() {
    let server = Server::start();
    let mut client = server.connect();
    client.send("CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n");
    client.response().expect("404 Not Found", NOT_FOUND);
    client.expect_end();
}

// Rule: wire.cors
#[test]
fn browsers_are_let_in_from_everywhere() {
    let server = Server::start();
    let reply = server.ask(list_tables("origin: http://a\r\n", "{}"));
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.header("access-control-max-age"), None);
    let reply = server.ask(
        "OPTIONS / HTTP/1.1\r\nhost: x\r\norigin: http://a\r\n\
         access-control-request-method: POST\r\n\
         access-control-request-headers: x-amz-target, x-amz-date\r\n\r\n",
    );
    reply.expect("200 OK", "");
    assert_eq!(reply.header("content-length"), Some("0"));
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.header("access-control-allow-methods"), Some("POST"));
    let headers = reply.header("access-control-allow-headers");
    assert_eq!(headers, Some("x-amz-target, x-amz-date"));
    assert_eq!(reply.header("access-control-max-age"), Some("172800"));
    let reply = server.ask(list_tables("", "{}"));
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

// Rule: order.head-before-body, wire.credentials, wire.not-json
#[test]
fn checks_come_in_the_order_of_the_service() {
    let server = Server::start();
    let serialization = r#"{"__type":"com.amazon.coral.service#SerializationException"}"#;
    let unknown = r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#;
    let missing = concat!(
        r#"{"__type":"com.amazon.coral.service#MissingAuthenticationTokenException","#,
        r#""message":"Request is missing Authentication Token"}"#
    );
    let bad_target = "x-amz-target: DynamoDB_20120810.Nothing\r\n";
    for (headers, body, expected) in [
        (TYPE.to_owned(), "{", serialization),
        (TYPE.to_owned(), "", serialization),
        (format!("{TYPE}{bad_target}"), "{", serialization),
        (TYPE.to_owned(), "{}", unknown),
        (format!("{TYPE}{bad_target}"), "{}", unknown),
        (format!("{TYPE}{bad_target}{AUTHORIZATION}"), "{}", unknown),
        (format!("{TYPE}{TARGET}{TARGET}{AUTHORIZATION}"), "{}", unknown),
        (format!("{TYPE}{TARGET}"), "{}", missing),
        (format!("{TYPE}{TARGET}"), "{", serialization),
        (format!("{TYPE}{TARGET}{AUTHORIZATION}{AUTHORIZATION}"), "{}", missing),
        (format!("{TYPE}{TARGET}{AUTHORIZATION}"), "{", serialization),
        (format!("{TYPE}{TARGET}{AUTHORIZATION}"), "{} {}", serialization),
    ] {
        let reply = server.ask(post(&headers, body));
        assert_eq!((&*reply.status, reply.text()), ("HTTP/1.1 400 Bad Request", expected));
        assert_eq!(reply.header("content-type"), Some("application/x-amz-json-1.0"));
        assert_eq!(reply.header("x-amz-crc32"), Some(&*crc32fast::hash(&reply.body).to_string()));
    }
    server.await_calls(0, 0);
}

#[test]
fn errors_of_the_service_keep_their_status_and_body() {
    for (error, status) in [
        (ApiError::table_not_found(), "400 Bad Request"),
        (ApiError::internal(), "500 Internal Server Error"),
        (ApiError::unavailable(), "503 Service Unavailable"),
    ] {
        let body = String::from_utf8(error.to_body()).expect("is text");
        let server = Server::with(Script::Fail(error), Limits::default());
        server.ask(list_tables("", "{}")).expect(status, &body);
    }
}

// Rule: wire.compressed-answers, wire.checksum
#[test]
fn only_large_replies_are_compressed_and_only_if_accepted() {
    // 19 characters around the name, 4096 in all.
    let small = Server::with(Script::Name(4077), Limits::default());
    let reply = small.ask(list_tables("accept-encoding: gzip\r\n", "{}"));
    assert_eq!(reply.header("content-encoding"), None);
    reply.expect("200 OK", &reply_json(4077));

    let large = Server::with(Script::Name(4078), Limits::default());
    let json = reply_json(4078);
    large.ask(list_tables("accept-encoding: identity\r\n", "{}")).expect("200 OK", &json);
    for encoding in ["gzip", "deflate"] {
        let reply = large.ask(list_tables(&format!("accept-encoding: {encoding}\r\n"), "{}"));
        assert_eq!(reply.header("content-encoding"), Some(encoding));
        let checksum = crc32fast::hash(&reply.body).to_string();
        assert_eq!(reply.header("x-amz-crc32"), Some(&*checksum), "covers the bytes on the wire");
        let mut text = String::new();
        match encoding {
            "gzip" => GzDecoder::new(&*reply.body).read_to_string(&mut text),
            _ => ZlibDecoder::new(&*reply.body).read_to_string(&mut text),
        }
        .expect("inflates");
        assert_eq!(text, json);
    }
}

#[test]
fn requests_are_counted_by_operation_and_outcome() {
    let server = Server::start();
    server.ask(list_tables("", "{}"));
    server.ask(list_tables("", "{"));
    server.ask(post(TYPE, "{}"));
    for line in [
        r#"stator_server_requests_total{operation="ListTables",outcome="ok"} 1"#,
        r#"stator_server_requests_total{operation="ListTables",outcome="client_error"} 1"#,
        r#"stator_server_requests_total{operation="other",outcome="client_error"} 1"#,
        r#"stator_server_request_duration_seconds_count{operation="ListTables"} 2"#,
        "stator_server_requests_in_flight 0",
    ] {
        server.await_metric(line);
    }
}

#[test]
fn few_answers_that_may_be_large_are_made_at_one_time() {
    let gate = Arc::new(Semaphore::new(0));
    let limits = Limits { large_answers: 1, ..Limits::default() };
    let server = Server::with(Script::Gate(Arc::clone(&gate)), limits);
    let scan = call("Scan", r#"{"TableName": "tab"}"#);
    let mut clients: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    clients[0].send(&scan);
    server.await_calls(1, 0);
    clients[1].send(&scan);
    // Another one passes by.
    clients[2].send(call("ListTables", "{}"));
    server.await_calls(2, 0);
    gate.add_permits(2);
    server.await_calls(3, 2);
    gate.add_permits(1);
    for client in &mut clients {
        client.response().expect("200 OK", &reply_json(0));
    }
}

#[test]
fn an_answer_that_may_be_large_is_not_begun_without_room() {
    // A large reply that nobody reads takes all the room there is.
    let limits = Limits { bytes_in_flight: 20 << 20, ..Limits::default() };
    let server = Server::with(Script::Name(24 << 20), limits);
    let mut reader = server.connect();
    reader.send(call("ListTables", "{}"));
    server.await_calls(1, 1);
    let busy = String::from_utf8(ApiError::unavailable().to_body()).expect("is text");
    let scan = call("Scan", r#"{"TableName": "tab"}"#);
    eventually("a scan to be refused", || server.ask(&scan).text() == busy);
    reader.response().expect("200 OK", &reply_json(24 << 20));
    eventually("a scan to be let in again", || server.ask(&scan).text() != busy);
}
