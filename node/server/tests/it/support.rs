//! A server in front of a service that does as the test says, and a client that speaks bytes.

use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use stator_operation::{Operation, Reply, Request};
use stator_protocol::ApiError;
use stator_server::clock;
use stator_server::edge::{Edge, Limits, Port, Service};
use stator_server::metrics::Metrics;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, oneshot};

/// How long a test waits for what must happen. Never used up unless something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What the service double does with each call.
#[derive(Clone)]
pub(crate) enum Script {
    /// Answers with a name of this many characters; 0 is no name.
    Name(usize),
    /// Waits for a permit of the gate, then answers with no name.
    Gate(Arc<Semaphore>),
    /// Answers with this error.
    Fail(ApiError),
}

/// Calls by how far they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) began: usize,
    pub(crate) ended: usize,
}

pub(crate) struct Double {
    script: Script,
    calls: Arc<(Mutex<Calls>, Condvar)>,
}

impl Service for Double {
    fn call(&self, request: Request) -> impl Future<Output = Result<Reply, ApiError>> + Send {
        let script = self.script.clone();
        let calls = Arc::clone(&self.calls);
        async move {
            note(&calls, |calls| calls.began += 1);
            let answer = match script {
                Script::Name(chars) => Ok(named(request, chars)),
                Script::Gate(gate) => {
                    gate.acquire().await.expect("never closed").forget();
                    Ok(named(request, 0))
                }
                Script::Fail(error) => Err(error),
            };
            note(&calls, |calls| calls.ended += 1);
            answer
        }
    }
}

fn note(calls: &(Mutex<Calls>, Condvar), change: impl FnOnce(&mut Calls)) {
    change(&mut calls.0.lock().expect("no panic"));
    calls.1.notify_all();
}

fn named(request: Request, chars: usize) -> Reply {
    let Request::ListTables(input) = request else {
        // The double has no tables to read: it answers as if it were asked for their names.
        assert!(request.may_answer_much(), "the tests ask for nothing else");
        let other = Request::parse(Operation::ListTables, b"{}");
        return named(other.expect("a good request"), chars);
    };
    let name = "x".repeat(chars);
    Reply::ListTables(input.reply((chars > 0).then_some(name.as_str())))
}

/// The reply with a name of this many characters.
pub(crate) fn reply_json(chars: usize) -> String {
    match chars {
        0 => r#"{"TableNames":[]}"#.to_owned(),
        _ => format!(r#"{{"TableNames":["{}"]}}"#, "x".repeat(chars)),
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Arc<Metrics>,
    calls: Arc<(Mutex<Calls>, Condvar)>,
    runtime: Runtime,
    stop: Option<oneshot::Sender<()>>,
    cut_off: Option<oneshot::Receiver<usize>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(Script::Name(0), Limits::default())
    }

    pub(crate) fn with(script: Script, limits: Limits) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("threads");
        let metrics = Arc::new(Metrics::new().expect("names differ"));
        let calls = Arc::new((Mutex::new(Calls::default()), Condvar::new()));
        let double = Double { script, calls: Arc::clone(&calls) };
        let edge = Arc::new(Edge::new(double, "us-east-1", limits, Arc::clone(&metrics)));
        let port = Port::take(([127, 0, 0, 1], 0).into()).expect("a free port");
        let listener = runtime.block_on(async { port.listen() }).expect("nobody else has it");
        let address = listener.local_addr().expect("bound");
        let (stop, stopped) = oneshot::channel();
        let (report, cut_off) = oneshot::channel();
        runtime.spawn(async move {
            let stop = async {
                let _ = stopped.await;
            };
            let _ = report.send(edge.serve(listener, stop).await);
        });
        Self { address, metrics, calls, runtime, stop: Some(stop), cut_off: Some(cut_off) }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// One request on a connection of its own.
    pub(crate) fn ask(&self, request: impl AsRef<[u8]>) -> Response {
        let mut client = self.connect();
        client.send(request);
        client.response()
    }

    /// Waits until the calls are as expected.
    pub(crate) fn await_calls(&self, began: usize, ended: usize) {
        let expected = Calls { began, ended };
        let calls = self.calls.0.lock().expect("no panic");
        let wait = self.calls.1.wait_timeout_while(calls, PATIENCE, |calls| *calls != expected);
        let (calls, timeout) = wait.expect("no panic");
        assert!(!timeout.timed_out(), "calls are {:?}, not {expected:?}", *calls);
    }

    /// Waits until this line stands among the metrics.
    pub(crate) fn await_metric(&self, line: &str) {
        eventually(line, || self.has_metric(line));
    }

    pub(crate) fn has_metric(&self, line: &str) -> bool {
        let text = String::from_utf8(self.metrics.to_text().expect("encodes")).expect("is text");
        text.lines().any(|have| have == line)
    }

    /// Tells the server to stop; [`Server::await_stop`] waits for it.
    pub(crate) fn stop(&mut self) {
        let _ = self.stop.take().expect("stopped once").send(());
    }

    /// How many connections were cut off.
    pub(crate) fn await_stop(mut self) -> usize {
        let cut_off = self.cut_off.take().expect("awaited once");
        let wait = async { tokio::time::timeout(PATIENCE, cut_off).await };
        self.runtime.block_on(wait).expect("stops in time").expect("does not panic")
    }
}

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline: Instant = clock::monotonic() + PATIENCE;
    while !condition() {
        assert!(clock::monotonic() < deadline, "never happened: {what}");
        std::thread::yield_now();
    }
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    /// Read, but not asked for yet.
    ahead: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("valid");
        stream.set_write_timeout(Some(PATIENCE)).expect("valid");
        Self { stream, ahead: Vec::new() }
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server reads");
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).expect("connected");
    }

    fn read_more(&mut self) -> bool {
        let mut space = [0; 16 * 1024];
        let count = self.stream.read(&mut space).expect("no reset, no timeout");
        self.ahead.extend(space.iter().take(count));
        count > 0
    }

    /// Sends a request and reads its response; `None` if the server hangs up instead.
    pub(crate) fn try_ask(&mut self, request: &[u8]) -> Option<Response> {
        self.stream.write_all(request).ok()?;
        match self.stream.peek(&mut [0; 1]) {
            Ok(0) => None,
            Ok(_) => Some(self.response()),
            // It closed the connection before it had read all of this.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            Err(error) => panic!("neither answered nor closed: {error}"),
        }
    }

    /// The next response of a request that is not HEAD.
    #[track_caller]
    pub(crate) fn response(&mut self) -> Response {
        let mut response = self.response_head();
        let length = response.header("content-length").map_or(0, |text| text.parse().expect("is"));
        while self.ahead.len() < length {
            assert!(self.read_more(), "closed in the middle of a body");
        }
        response.body = self.ahead.drain(..length).collect();
        response
    }

    #[track_caller]
    pub(crate) fn response_head(&mut self) -> Response {
        let end = loop {
            match self.ahead.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(at) => break at,
                None => assert!(self.read_more(), "closed instead of a response"),
            }
        };
        let head = self.ahead.drain(..end + 4).collect::<Vec<_>>();
        let head = String::from_utf8(head).expect("is text");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().expect("a status line").to_owned();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").expect("name and value");
            (name.to_owned(), value.to_owned())
        };
        Response { status, headers: lines.map(header).collect(), body: Vec::new() }
    }

    /// Asserts that the server closes the connection, and sends nothing before.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        match self.stream.read(&mut [0; 1]) {
            Ok(0) => assert_eq!(String::from_utf8_lossy(&self.ahead), "", "sent before the end"),
            Ok(_) => panic!("sent something instead of the end"),
            // Closed with bytes of ours unread.
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(have, _)| have == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} stands twice");
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("is text")
    }

    /// Asserts status and body.
    #[track_caller]
    pub(crate) fn expect(&self, status: &str, body: &str) {
        assert_eq!((self.status.as_str(), self.text()), (&*format!("HTTP/1.1 {status}"), body));
    }
}

pub(crate) const AUTHORIZATION: &str = "authorization: AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/\
                                 dynamodb/aws4_request, SignedHeaders=host, Signature=abc\r\n\
                                 x-amz-date: 20260101T000000Z\r\n";
pub(crate) const TARGET: &str = "x-amz-target: DynamoDB_20120810.ListTables\r\n";
pub(crate) const TYPE: &str = "content-type: application/x-amz-json-1.0\r\n";

/// A request for this operation, as an SDK sends it.
pub(crate) fn call(operation: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let target = format!("x-amz-target: DynamoDB_20120810.{operation}\r\n");
    post(&format!("{AUTHORIZATION}{target}{TYPE}"), body)
}

/// A CreateTable of a table with the partition key `k`, a string.
pub(crate) fn create_table(name: &str) -> Vec<u8> {
    let body = format!(
        r#"{{"TableName":"{name}","BillingMode":"PAY_PER_REQUEST",
            "AttributeDefinitions":[{{"AttributeName":"k","AttributeType":"S"}}],
            "KeySchema":[{{"AttributeName":"k","KeyType":"HASH"}}]}}"#
    );
    call("CreateTable", body)
}

/// A PutItem with this key, and so many bytes more.
pub(crate) fn put_item(table: &str, key: &str, bytes: usize) -> Vec<u8> {
    let value = "x".repeat(bytes);
    let item = format!(r#"{{"k":{{"S":"{key}"}},"v":{{"S":"{value}"}}}}"#);
    call("PutItem", format!(r#"{{"TableName":"{table}","Item":{item}}}"#))
}

/// A POST with these header lines, Host and Content-Length.
pub(crate) fn post(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!("POST / HTTP/1.1\r\nhost: x\r\n{headers}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A ListTables request with these header lines beside the usual ones.
pub(crate) fn list_tables(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    post(&format!("{AUTHORIZATION}{TARGET}{TYPE}{headers}"), body)
}
