//! The load generator against the bare echo, both as they run in a measurement.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stator_bench::dynamo::{Requests, must_be_ok, wrong};
use stator_bench::error::{Error, Result};
use stator_bench::http::Response;
use stator_bench::load::{Fleet, Until, Work};
use stator_bench::process::Server;

const REPLY: &str = "HTTP/1.1 200 OK\r\nx-amz-crc32: 7\r\ncontent-length: 2\r\n\r\n{}";

/// Asks for items, and finds the reply to one of them wrong.
struct Asked {
    checked: AtomicU64,
    wrong: Option<u64>,
}

impl Work for Asked {
    fn request<'a>(&self, number: u64, requests: &'a mut Requests) -> &'a [u8] {
        requests.get_item(number)
    }

    fn check(&self, number: u64, reply: &Response<'_>, _scratch: &mut Vec<u8>) -> Result<()> {
        must_be_ok("echo", reply)?;
        self.checked.fetch_add(1, Ordering::Relaxed);
        let as_recorded = reply.body == b"{}" && Some(number) != self.wrong;
        if as_recorded { Ok(()) } else { Err(wrong("echo", reply, "it should be empty")) }
    }
}

fn asked(wrong: Option<u64>) -> Asked {
    Asked { checked: AtomicU64::new(0), wrong }
}

fn with_echo(test: impl FnOnce(&mut Fleet)) {
    let dir = tempfile::tempdir().expect("there is room");
    let reply = dir.path().join("reply");
    fs::write(&reply, REPLY).expect("there is room");
    let mut command = Command::new(env!("CARGO_BIN_EXE_stator-bench"));
    command.args(["bare", "echo", "--reply"]).arg(&reply);
    let server = Server::start(command, &dir.path().join("log")).expect("it serves");
    test(&mut Fleet::open(server.address(), 4, 10).expect("it listens"));
    server.kill().expect("it is ours");
}

#[test]
fn a_closed_loop_asks_as_often_as_it_is_told_and_checks_every_reply() {
    with_echo(|fleet| {
        for round in 1..=2 {
            let work = asked(None);
            let outcome = fleet.closed(Until::Requests(1_000), &work).unwrap();
            assert_eq!((outcome.requests, work.checked.into_inner()), (1_000, 1_000));
            assert_eq!(fleet.next(), 10 + round * 1_000);
        }
    });
}

#[test]
fn a_scheduled_load_asks_at_its_rate_and_counts_from_when_a_request_was_due() {
    with_echo(|fleet| {
        let length = Duration::from_millis(500);
        let outcome = fleet.scheduled(1_000.0, length, &asked(None)).unwrap();
        assert_eq!(outcome.requests, 500);
        assert!(outcome.elapsed >= Duration::from_millis(499), "{outcome:?}");
        // Far more than any server answers: waiting for one's turn is part of the latency.
        let outcome = fleet.scheduled(1e9, Duration::from_micros(20), &asked(None)).unwrap();
        assert_eq!(outcome.requests, 20_000);
        let longest = Duration::from_nanos(outcome.latency.max());
        assert!(longest * 10 >= outcome.elapsed * 8, "{longest:?} of {:?}", outcome.elapsed);
    });
}

#[test]
fn one_wrong_reply_ends_the_measurement() {
    with_echo(|fleet| {
        let work = asked(Some(500));
        let result = fleet.closed(Until::Requests(100_000), &work);
        assert!(matches!(result, Err(Error::WrongReply { operation: "echo", .. })), "{result:?}");
        assert!(work.checked.into_inner() < 10_000);
    });
}
