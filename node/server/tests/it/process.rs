//! The binary: what it prints, how it ends.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::*;

pub(crate) fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stator-node"));
    command.args(arguments).current_dir(directory).stdin(Stdio::null()).env_remove("RUST_LOG");
    command
}

fn run(arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().expect("a directory");
    command(directory.path(), arguments).output().expect("starts")
}

/// Asserts that the process refuses to start, and says this on one line.
#[track_caller]
fn check_refusal(arguments: &[&str], code: i32, says: &[&str]) {
    let output = run(arguments);
    let text = String::from_utf8(output.stderr).expect("is text");
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    for part in says {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

/// A running `stator-node dev`, killed when dropped.
pub(crate) struct Process {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// Read all the time: a pipe that is full would hold up the process.
    logs: Option<JoinHandle<String>>,
    pub(crate) client: SocketAddr,
}

impl Process {
    pub(crate) fn start(directory: &Path, arguments: &[&str]) -> Self {
        Self::with_logs(directory, arguments, "info")
    }

    /// One that logs what this filter lets pass.
    pub(crate) fn with_logs(directory: &Path, arguments: &[&str], filter: &str) -> Self {
        let all = [["dev", "--listen", "127.0.0.1:0"].as_slice(), arguments].concat();
        let mut command = command(directory, &all);
        command.env("RUST_LOG", filter);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut stderr = child.stderr.take().expect("piped");
        let logs = std::thread::spawn(move || {
            let mut logs = String::new();
            stderr.read_to_string(&mut logs).expect("is text");
            logs
        });
        let first = line(&mut stdout);
        let client = first.strip_prefix("stator-node listening on http://");
        let client = client.and_then(|text| text.parse().ok());
        Self {
            child,
            stdout,
            logs: Some(logs),
            client: client.unwrap_or_else(|| panic!("first line: {first:?}")),
        }
    }

    /// Where the admin port is; to be asked before any other line is read.
    pub(crate) fn admin(&mut self) -> SocketAddr {
        self.line();
        self.admin_line()
    }

    fn admin_line(&mut self) -> SocketAddr {
        let line = self.line();
        let address = line.strip_prefix("admin  http://").and_then(|text| text.split(' ').next());
        address.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{line:?}"))
    }

    pub(crate) fn line(&mut self) -> String {
        line(&mut self.stdout)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("runs");
    }

    /// How it ended, and what it logged.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().expect("ends").code();
        let logs = self.logs.take().map(|logs| logs.join().expect("is text"));
        (code, logs.unwrap_or_default())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already if the test came to its end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn line(stdout: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).expect("is text");
    line.trim_end().to_owned()
}

#[test]
fn the_first_line_names_the_port_and_the_next_say_what_to_do() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut process = Process::start(directory.path(), &["--in-memory", "--region", "local"]);
    assert_ne!(process.client.port(), 0);
    assert_eq!(process.line(), "data   in memory only, gone when this process ends");
    let admin = process.admin_line();
    assert_eq!(process.line(), "Any credentials are accepted. Next:");
    let next = process.line();
    let endpoint = format!("--endpoint-url http://{} --region local", process.client);
    assert!(next.contains("aws dynamodb list-tables") && next.ends_with(&endpoint), "{next}");

    let mut client = Client::connect(process.client);
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    client.response().expect("200 OK", "healthy: dynamodb.local.amazonaws.com ");
    client.send(list_tables("", "{}"));
    client.response().expect("200 OK", r#"{"TableNames":[]}"#);
    let mut client = Client::connect(admin);
    client.send("GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n");
    client.response().expect("200 OK", "ready\n");
    client.send("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
    let counted = r#"stator_server_requests_total{operation="ListTables",outcome="ok"} 1"#;
    assert!(client.response().text().lines().any(|line| line == counted));
}

#[test]
fn either_signal_ends_it_well() {
    let directory = tempfile::tempdir().expect("a directory");
    for signal in [Signal::TERM, Signal::INT] {
        let process = Process::start(directory.path(), &["--in-memory"]);
        let mut idle = Client::connect(process.client);
        idle.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        idle.response();
        let address = process.client;
        process.signal(signal);
        idle.expect_end();
        let (code, logs) = process.end();
        assert_eq!(code, Some(0), "{logs}");
        assert!(!logs.contains("WARN") && !logs.contains("ERROR"), "{logs}");
        assert!(TcpStream::connect(address).is_err());
    }
}

#[test]
fn data_goes_where_it_says() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut process = Process::start(directory.path(), &[]);
    let path = directory.path().canonicalize().expect("exists").join("stator-data");
    assert_eq!(process.line(), format!("data   in {}", path.display()));
    assert!(path.is_dir());
    process.signal(Signal::TERM);
    assert_eq!(process.end().0, Some(0));
}

#[test]
fn logs_are_json_if_asked_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let process = Process::start(directory.path(), &["--in-memory", "--log-format", "json"]);
    process.signal(Signal::TERM);
    let (_, logs) = process.end();
    assert!(logs.contains(r#""message":"serving""#), "{logs}");
    assert!(logs.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "{logs}");
}

#[test]
fn a_port_that_is_taken_is_named_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let hint = "another process does already; stop it, or choose another with";
    let free = "127.0.0.1:0";
    check_refusal(&["dev", "--in-memory", "--listen", &address], 1, &[&address, hint, "--listen"]);
    check_refusal(
        &["dev", "--in-memory", "--listen", free, "--admin-listen", &address],
        1,
        &[&address, hint, "--admin-listen"],
    );
}

#[test]
fn other_machines_are_kept_out_unless_let_in() {
    for option in ["--listen", "--admin-listen"] {
        let says = [option, "0.0.0.0:0", "127.0.0.1", "--insecure-listen-anywhere"];
        check_refusal(&["dev", "--in-memory", option, "0.0.0.0:0"], 2, &says);
    }
}

#[test]
fn the_command_line_explains_itself() {
    let version = run(&["version"]);
    let expected = concat!("stator-node ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(String::from_utf8_lossy(&version.stdout), expected);
    let help = String::from_utf8(run(&["dev", "--help"]).stdout).expect("is text");
    for part in ["127.0.0.1:8000", "./stator-data", "us-east-1", "RUST_LOG", "Examples:"] {
        assert!(help.contains(part), "{part:?} is not in {help}");
    }
    assert_eq!(run(&["dev", "--nonsense"]).status.code(), Some(2));
}
