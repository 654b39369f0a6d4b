//! What the peer port does with those that are not nodes, and with nodes that misbehave.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use stator_server::clock;
use stator_server::peer::{Lane, Limits};

use super::rig::{CLUSTER, Node, Plan, eventually, narrow, quick};

mod wire {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Answer {
        #[prost(message, optional, tag = "1")]
        pub(super) hello: Option<Hello>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Hello {
        #[prost(bytes = "vec", tag = "1")]
        pub(super) cluster: Vec<u8>,
        #[prost(uint64, tag = "2")]
        pub(super) node: u64,
        #[prost(string, tag = "3")]
        pub(super) name: String,
        #[prost(uint32, tag = "4")]
        pub(super) start: u32,
        #[prost(uint32, tag = "5")]
        pub(super) min_level: u32,
        #[prost(uint32, tag = "6")]
        pub(super) max_level: u32,
        #[prost(uint32, tag = "7")]
        pub(super) lane: u32,
        #[prost(bytes = "vec", tag = "8")]
        pub(super) process: Vec<u8>,
        #[prost(bytes = "vec", tag = "9")]
        pub(super) draw: Vec<u8>,
    }
}

const DRAW: [u8; 16] = [4; 16];

/// A node `n9` that speaks the protocol as far as tests let it.
struct Fake {
    tcp: TcpStream,
    theirs: wire::Hello,
    frames: u64,
}

/// What `n9`, named `node-9`, says first.
pub(super) fn hello(lane: u32) -> Vec<u8> {
    use prost::Message as _;
    let hello = wire::Hello {
        cluster: CLUSTER.to_vec(),
        node: 9,
        name: "node-9".to_owned(),
        start: 1,
        min_level: 1,
        max_level: 2,
        lane,
        process: vec![3; 16],
        draw: DRAW.to_vec(),
    };
    let message = wire::Answer { hello: Some(hello) }.encode_to_vec();
    let length = u16::try_from(message.len()).expect("the stream works").to_be_bytes();
    let mut out = [&b"STPR\x01"[..], &length, &message].concat();
    let sum = crc32c::crc32c(&out);
    out.extend_from_slice(&sum.to_be_bytes());
    out
}

fn read_hello(tcp: &mut TcpStream) -> wire::Hello {
    use prost::Message as _;
    let mut head = [0; 7];
    tcp.read_exact(&mut head).expect("the stream works");
    let [.., high, low] = head;
    let mut message = vec![0; usize::from(u16::from_be_bytes([high, low]))];
    tcp.read_exact(&mut message).expect("the stream works");
    tcp.read_exact(&mut [0; 4]).expect("the stream works");
    wire::Answer::decode(&message[..]).expect("the stream works").hello.expect("it says hello")
}

impl Fake {
    fn dial(address: SocketAddr, lane: u32) -> Self {
        let mut tcp = connect(address);
        tcp.write_all(&hello(lane)).expect("the stream works");
        let theirs = read_hello(&mut tcp);
        Self { tcp, theirs, frames: 0 }
    }

    fn frame(&mut self, length: u32, kind: u8, message: &[u8]) -> Vec<u8> {
        let lane = u8::try_from(self.theirs.lane).expect("the stream works");
        let parts: [&[u8]; 7] = [
            &DRAW,
            &self.theirs.draw,
            &[lane],
            &self.frames.to_be_bytes(),
            &length.to_be_bytes(),
            &[kind],
            message,
        ];
        let sum = crc32c::crc32c(&parts.concat());
        self.frames += 1;
        [&length.to_be_bytes()[..], &[kind], &sum.to_be_bytes(), message].concat()
    }

    fn send(&mut self, message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(message.len()).expect("the stream works");
        let frame = self.frame(length, 1, message);
        self.tcp.write_all(&frame).expect("the stream works");
        frame
    }

    fn expect_end(mut self) {
        ends(&mut self.tcp);
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let tcp = TcpStream::connect(address).expect("the stream works");
    tcp.set_read_timeout(Some(Duration::from_secs(60))).expect("the stream works");
    tcp
}

/// Reads what comes, beats or a refusal, until the other end closes.
fn ends(tcp: &mut TcpStream) {
    let mut sink = [0; 4_096];
    loop {
        match tcp.read(&mut sink) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return,
            Err(error) => panic!("the stream does not end: {error}"),
        }
    }
}

/// A node that is whole: another one can talk to it.
fn serves(node: &mut Node, id: u64) {
    let other = Plan { limits: quick(), ..Plan::new(id) }.start();
    other.know(&[node]);
    other.send(1, Lane::Control, b"still there?");
    eventually("its message comes", || node.message(Lane::Control).bytes == b"still there?"[..]);
}

#[test]
fn a_stream_that_is_no_hello_is_closed() {
    let mut one = Plan::new(1).start();
    let bad_sum = {
        let mut bytes = hello(1);
        *bytes.last_mut().expect("the stream works") ^= 1;
        bytes
    };
    let checks: [&[u8]; 4] =
        [b"GET / HTTP/1.1\r\n\r\n", b"STPR\x01\xff\xff", b"STPR\x63\0\0", &bad_sum];
    for bytes in checks {
        let mut tcp = connect(one.address());
        tcp.write_all(bytes).expect("the stream works");
        ends(&mut tcp);
    }
    serves(&mut one, 2);
}

#[test]
fn a_length_of_four_gigabytes_closes_the_stream() {
    let mut one = Plan::new(1).start();
    for kind in [1, 2, 7] {
        let mut fake = Fake::dial(one.address(), 1);
        let frame = fake.frame(u32::MAX, kind, b"");
        fake.tcp.write_all(&frame).expect("the stream works");
        let began = clock::running();
        fake.expect_end();
        // A node that waited for the four gigabytes would wait for 20 seconds.
        assert!(clock::running() - began < Duration::from_secs(15));
    }
    serves(&mut one, 2);
}

#[test]
fn a_repeated_frame_closes_the_stream() {
    let mut one = Plan::new(1).start();
    let mut fake = Fake::dial(one.address(), 1);
    let frame = fake.send(b"once");
    one.expect_message(9, Lane::Raft, b"once");
    fake.tcp.write_all(&frame).expect("the stream works");
    fake.expect_end();
    // Nor does it do on the next stream of the same node.
    let mut fake = Fake::dial(one.address(), 1);
    fake.tcp.write_all(&frame).expect("the stream works");
    fake.expect_end();
    assert!(one.inbound.lanes.raft.try_recv().is_err());
}

#[test]
fn a_newer_stream_takes_the_place_of_the_older() {
    let mut one = Plan::new(1).start();
    let older = Fake::dial(one.address(), 1);
    let other_lane = Fake::dial(one.address(), 2);
    let mut newer = Fake::dial(one.address(), 1);
    older.expect_end();
    newer.send(b"newer");
    one.expect_message(9, Lane::Raft, b"newer");
    let mut other_lane = other_lane;
    other_lane.send(b"forwarded");
    one.expect_message(9, Lane::Forward, b"forwarded");
}

#[test]
fn strangers_that_say_nothing_are_sent_away() {
    let limits = Limits { strangers: 4, hello_time: Duration::from_millis(200), ..quick() };
    let mut one = Plan { limits, ..Plan::new(1) }.start();
    let mut silent: Vec<_> = (0..12).map(|_| connect(one.address())).collect();
    silent.iter_mut().for_each(ends);
    serves(&mut one, 2);
}

/// Five seconds of nothing end a stream.
#[test]
fn a_node_that_falls_silent_is_down() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the stream works");
    let seeds = vec![listener.local_addr().expect("the stream works").to_string()];
    let mut one = Plan { seeds, ..Plan::new(1) }.start();
    let answering = std::thread::spawn(move || {
        let mut streams = Vec::new();
        for _ in Lane::ALL {
            let (mut tcp, _) = listener.accept().expect("the stream works");
            let theirs = read_hello(&mut tcp);
            tcp.write_all(&hello(theirs.lane)).expect("the stream works");
            streams.push(tcp);
        }
        streams
    });
    one.expect_up(9, 1);
    let streams = answering.join().expect("the stream works");
    one.expect_down(9, 1);
    one.expect_trouble("nothing came for 5 s");
    drop(streams);
}

#[test]
fn another_lane_in_the_answer_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the stream works");
    let seeds = vec![listener.local_addr().expect("the stream works").to_string()];
    let one = Plan { seeds, ..Plan::new(1) }.start();
    let (mut tcp, _) = listener.accept().expect("the stream works");
    read_hello(&mut tcp);
    tcp.write_all(&hello(2)).expect("the stream works");
    one.expect_trouble("another lane");
}

/// `STATOR_CASES` multiplies how many streams of nonsense there are.
#[test]
fn nonsense_never_harms_the_node() {
    let mut one = Plan { limits: narrow(), ..Plan::new(1) }.start();
    let address = one.address();
    let times = std::env::var("STATOR_CASES").ok().and_then(|times| times.parse().ok());
    let cases = 200 * times.unwrap_or(1_u32);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let plan = (
        any::<bool>(),
        1..5_u32,
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..3),
        prop::collection::vec(any::<u8>(), 0..400),
        prop::option::of((any::<prop::sample::Index>(), 1..=255_u8)),
    );
    let run = TestRunner::new(config).run(&plan, |(greets, lane, messages, garbage, flip)| {
        let bytes = if greets {
            let mut fake = Fake::dial(address, lane);
            let mut bytes: Vec<u8> = Vec::new();
            for message in &messages {
                let length = u32::try_from(message.len()).expect("the stream works");
                bytes.extend(fake.frame(length, 1, message));
            }
            bytes.extend(&garbage);
            // The node may close before all is written.
            let _ = fake.tcp.write_all(&bytes);
            return Ok(());
        } else {
            let mut bytes = hello(lane);
            if let Some((at, byte)) = flip {
                let at = at.index(bytes.len());
                bytes[at] ^= byte;
            }
            [bytes, garbage].concat()
        };
        let _ = connect(address).write_all(&bytes);
        Ok(())
    });
    run.expect("the stream works");
    serves(&mut one, 2);
}
