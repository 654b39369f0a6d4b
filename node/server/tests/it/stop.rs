//! How the process ends while it is busy, and what it says about its life.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;

use crate::process::Process;
use crate::support::*;

const WRITERS: usize = 8;
const TABLE: &str = "music";
/// What must never stand in a log.
const SECRET: &str = "c0nf1dent1al";

fn start(directory: &Path) -> Process {
    Process::start(directory, &["--log-format", "json"])
}

fn make_table(address: SocketAddr) {
    let mut client = Client::connect(address);
    client.send(create_table(TABLE));
    client.response();
    eventually("the table is active", || {
        let mut client = Client::connect(address);
        client.send(call("DescribeTable", format!(r#"{{"TableName":"{TABLE}"}}"#)));
        client.response().text().contains(r#""ACTIVE""#)
    });
}

/// Puts items until the server hangs up; returns how many it acknowledged.
fn write_until_the_end(address: SocketAddr, writer: usize, total: &AtomicUsize) -> usize {
    let mut client = Client::connect(address);
    for written in 0.. {
        let put = put_item(TABLE, &format!("w{writer}k{written}"), 500);
        let Some(reply) = client.try_ask(&put) else { return written };
        assert_eq!(reply.status, "HTTP/1.1 200 OK", "{}", reply.text());
        total.fetch_add(1, Ordering::Relaxed);
        if reply.header("connection") == Some("close") {
            client.expect_end();
            return written + 1;
        }
    }
    0
}

/// The value of a field in the one line with this message.
#[track_caller]
fn field(logs: &str, message: &str, name: &str) -> String {
    let mut lines =
        logs.lines().filter(|line| line.contains(&format!("\"message\":\"{message}\"")));
    let line = lines.next().unwrap_or_else(|| panic!("no {message:?} in {logs}"));
    assert!(lines.next().is_none(), "{message:?} stands twice in {logs}");
    let value = line.split_once(&format!("\"{name}\":")).map(|(_, rest)| rest);
    let value = value.and_then(|rest| rest.split([',', '}']).next());
    value.unwrap_or_else(|| panic!("no {name} in {line}")).trim_matches('"').to_owned()
}

#[test]
fn a_node_that_stops_under_load_loses_nothing_and_has_nothing_to_replay() {
    let directory = tempfile::tempdir().expect("a directory");
    let process = start(directory.path());
    let address = process.client;
    make_table(address);
    let total = AtomicUsize::new(0);
    let acknowledged: Vec<usize> = std::thread::scope(|scope| {
        let total = &total;
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| scope.spawn(move || write_until_the_end(address, writer, total)))
            .collect();
        eventually("they write", || total.load(Ordering::Relaxed) > 500);
        process.signal(Signal::TERM);
        writers.into_iter().map(|writer| writer.join().expect("is answered")).collect()
    });
    let (code, logs) = process.end();
    assert_eq!(code, Some(0), "{logs}");
    assert!(!logs.contains("WARN") && !logs.contains("ERROR"), "{logs}");
    assert_eq!(field(&logs, "stopping", "signal"), "SIGTERM");
    assert_eq!(field(&logs, "stopped", "cut_off"), "0");

    let process = start(directory.path());
    let mut client = Client::connect(process.client);
    for (writer, count) in acknowledged.into_iter().enumerate() {
        assert!(count > 0, "writer {writer} was never answered");
        for key in 0..count {
            let key = format!(r#"{{"k":{{"S":"w{writer}k{key}"}}}}"#);
            client.send(call("GetItem", format!(r#"{{"TableName":"{TABLE}","Key":{key}}}"#)));
            assert!(client.response().text().contains("Item"), "{key} is gone");
        }
    }
    process.signal(Signal::TERM);
    let (_, logs) = process.end();
    assert_eq!(field(&logs, "recovered", "replayed"), "0", "{logs}");
    assert_eq!(field(&logs, "recovered", "replicas"), "2");
    assert_eq!(field(&logs, "recovered", "start"), "2");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let process = start(directory.path());
    // A request that never comes to its end is in flight for as long as it may be.
    let mut slow = Client::connect(process.client);
    slow.send(format!("POST / HTTP/1.1\r\nhost: x\r\n{AUTHORIZATION}{TARGET}{TYPE}"));
    slow.send("content-length: 100\r\n\r\n{");
    let address = process.client;
    process.signal(Signal::TERM);
    eventually("it stops", || std::net::TcpStream::connect(address).is_err());
    process.signal(Signal::INT);
    let (code, logs) = process.end();
    assert_eq!(code, Some(130), "{logs}");
}

#[test]
fn logs_tell_the_life_of_the_process_and_nothing_of_the_items() {
    let directory = tempfile::tempdir().expect("a directory");
    let arguments = ["--log-format", "json", "--data", "data"];
    let process = Process::with_logs(directory.path(), &arguments, "debug");
    let address = process.client;
    make_table(address);
    let mut client = Client::connect(address);
    client.send(put_item(TABLE, SECRET, 10));
    assert_eq!(client.response().status, "HTTP/1.1 200 OK");
    let key = format!(r#"{{"k":{{"S":"{SECRET}"}}}}"#);
    client.send(call("GetItem", format!(r#"{{"TableName":"{TABLE}","Key":{key}}}"#)));
    assert!(client.response().text().contains(SECRET));
    // Refused in different depths.
    for body in [
        format!(r#"{{"TableName":"{TABLE}","Item":{{"k":{{"N":"{SECRET}"}}}}}}"#),
        format!(r#"{{"TableName":"{TABLE}","Item":{{"other":{{"S":"{SECRET}"}}}}}}"#),
        format!(r#"{{"TableName":"{TABLE}","Item":{SECRET}}}"#),
    ] {
        client.send(call("PutItem", body));
        assert_eq!(client.response().status, "HTTP/1.1 400 Bad Request");
    }
    process.signal(Signal::TERM);
    let (_, logs) = process.end();
    assert!(!logs.contains(SECRET), "{logs}");
    assert_eq!(field(&logs, "starting", "version"), env!("CARGO_PKG_VERSION"));
    let data = directory.path().canonicalize().expect("exists").join("data");
    assert_eq!(field(&logs, "starting", "data"), format!("in {}", data.display()));
    assert_eq!(field(&logs, "recovered", "entries"), "0");
    assert_eq!(field(&logs, "serving", "address"), address.to_string());
    for (message, name) in [("recovered", "millis"), ("serving", "millis"), ("stopped", "millis")] {
        assert!(field(&logs, message, name).parse::<u64>().is_ok(), "{logs}");
    }
    assert_eq!(field(&logs, "stopped", "finished"), "0");
}

#[test]
fn a_start_that_fails_is_a_line_of_json_too() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("file"), "x").expect("is written");
    let arguments = ["dev", "--listen", "127.0.0.1:0", "--log-format", "json", "--data", "file"];
    let output = crate::process::command(directory.path(), &arguments).output().expect("starts");
    let logs = String::from_utf8(output.stderr).expect("is text");
    assert_eq!(output.status.code(), Some(1), "{logs}");
    assert!(logs.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "{logs}");
    assert!(field(&logs, "cannot start", "error").contains("file"), "{logs}");
}
