//! The real node on a real disk, with short segments of the log: what many lives and much writing leave
//! behind.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use stator_operation::{Operation, Request, ServiceInfo};
use stator_protocol::{ApiError, ErrorCode};
use stator_server::cli::Storage;
use stator_server::edge::Service;
use stator_server::metrics::Metrics;
use stator_server::node::{Node, Options, Running};
use tokio::runtime::Runtime;

use crate::support::eventually;

const SEGMENT: u64 = 64 * 1024;
/// Segments that a start lets pass, and what a life, or the writes during one sync of the store, fill.
const SEGMENTS: u64 = 4 + 3;
/// Writes that fill some 200 segments: each is a batch of its own, of two blocks.
const WRITES: usize = 1_500;
/// Where a life of another process is lived.
const DIRECTORY: &str = "STATOR_TEST_DIRECTORY";

struct Living {
    node: Node,
    running: Running,
    runtime: Runtime,
}

impl Living {
    fn start(directory: &Path) -> Self {
        let metrics = Metrics::new().expect("names differ");
        let service = ServiceInfo { region: "local".to_owned(), account: "0".repeat(12) };
        let options = Options::new(Storage::Directory(directory.to_owned()), service);
        let (node, running) =
            Node::start(Options { segment_bytes: SEGMENT, ..options }, &metrics).expect("starts");
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("threads");
        runtime.block_on(node.ready());
        Self { node, running, runtime }
    }

    /// Stops the node and closes its store.
    fn stop(self) {
        drop(self.node);
        self.running.stop();
    }

    fn ask(&self, operation: Operation, body: &str) -> Result<String, ApiError> {
        let request = Request::parse(operation, body.as_bytes()).expect("is valid");
        let reply = self.runtime.block_on(self.node.call(request))?;
        Ok(String::from_utf8(reply.to_body()).expect("is text"))
    }

    /// Makes a table and waits until it serves.
    fn create(&self, table: &str) {
        let body = format!(
            r#"{{"TableName":"{table}","BillingMode":"PAY_PER_REQUEST",
                "AttributeDefinitions":[{{"AttributeName":"k","AttributeType":"S"}}],
                "KeySchema":[{{"AttributeName":"k","KeyType":"HASH"}}]}}"#
        );
        self.ask(Operation::CreateTable, &body).expect("is new");
        eventually("the table is active", || self.describes(table).contains(r#""ACTIVE""#));
    }

    fn delete(&self, table: &str) {
        let body = format!(r#"{{"TableName":"{table}"}}"#);
        self.ask(Operation::DeleteTable, &body).expect("is there");
        eventually("the table is gone", || self.describes(table).is_empty());
    }

    /// What DescribeTable says; nothing if there is no such table.
    fn describes(&self, table: &str) -> String {
        match self.ask(Operation::DescribeTable, &format!(r#"{{"TableName":"{table}"}}"#)) {
            Ok(text) => text,
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::ResourceNotFoundException);
                String::new()
            }
        }
    }

    fn put(&self, table: &str, key: &str, bytes: usize) {
        let value = "x".repeat(bytes);
        let item = format!(r#"{{"k":{{"S":"{key}"}},"v":{{"S":"{value}"}}}}"#);
        let body = format!(r#"{{"TableName":"{table}","Item":{item}}}"#);
        self.ask(Operation::PutItem, &body).expect("is written");
    }

    fn has(&self, table: &str, key: &str) -> bool {
        let body = format!(
            r#"{{"TableName":"{table}","Key":{{"k":{{"S":"{key}"}}}},"ConsistentRead":true}}"#
        );
        self.ask(Operation::GetItem, &body).expect("is read").contains("Item")
    }
}

/// Bytes of the log's segments, without spares.
fn log_bytes(directory: &Path) -> u64 {
    let files = std::fs::read_dir(directory.join("log")).expect("exists");
    let segments = files.map(|file| file.expect("readable").path());
    let segments = segments.filter(|path| path.extension().is_some_and(|end| end == "log"));
    segments.map(|path| path.metadata().map_or(0, |meta| meta.len())).sum()
}

#[test]
fn many_short_lives_leave_a_short_log() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut longest = 0;
    for life in 0..30 {
        let mut child = Command::new(std::env::current_exe().expect("this test"));
        child.args(["--exact", "lives::one_life"]).env(DIRECTORY, directory.path());
        let ended = child.output().expect("starts");
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert_eq!(ended.status.code(), None, "life {life} was not killed: {said}");
        longest = longest.max(log_bytes(directory.path()));
    }
    println!("the longest log had {longest} bytes");
    assert!(longest <= SEGMENTS * SEGMENT, "{longest} bytes in segments of {SEGMENT}");
    let life = Living::start(directory.path());
    assert!((0..20).all(|key| life.has("tab", &format!("k{key}"))));
    life.stop();
}

#[test]
fn the_log_does_not_grow_with_what_was_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let life = Living::start(directory.path());
    // Written once and never again: neither may hold the segments that its entries lie in.
    life.create("idle");
    life.put("idle", "k", 3_000);
    life.create("gone");
    life.put("gone", "k", 3_000);
    life.delete("gone");
    life.stop();
    // This start syncs the store while those entries lie in the current segment, which cannot go yet.
    let life = Living::start(directory.path());
    life.create("busy");
    let mut longest = 0;
    for write in 0..WRITES {
        life.put("busy", &format!("k{}", write % 10), 5_000);
        longest = longest.max(log_bytes(directory.path()));
    }
    println!("the longest log had {longest} bytes");
    assert!(longest <= SEGMENTS * SEGMENT, "{longest} bytes in segments of {SEGMENT}");
    life.stop();

    let again = Living::start(directory.path());
    assert!(again.has("idle", "k") && (0..10).all(|key| again.has("busy", &format!("k{key}"))));
    assert!(again.describes("gone").is_empty());
    again.stop();
}

/// One life of [`many_short_lives_leave_a_short_log`], which runs it in a process of its own: killed as
/// soon as it has written a little. By itself it has nowhere to live.
#[test]
fn one_life() {
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let life = Living::start(&directory);
    if life.describes("tab").is_empty() {
        life.create("tab");
    }
    for key in 0..20 {
        life.put("tab", &format!("k{key}"), 3_000);
    }
    kill_process(getpid(), Signal::KILL).expect("kills");
    std::thread::park_timeout(Duration::from_secs(60));
}
