//! A place where a node runs, and the processes that run there one after the other.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use std::{env, thread};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// What a node prints on standard output once it serves, before the address.
const READY: &str = "stator-node listening on http://";

/// How long a node may take from its start until it serves. Recovery of a test's few megabytes takes
/// a fraction of a second; the rest is for a machine that is busy with other things.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long a node may take to end after it was asked to.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// How much of the log is shown when a test fails.
const SHOWN_BYTES: usize = 16 * 1024;

/// The binary under test: `STATOR_NODE`, or the one that cargo built beside this test.
///
/// # Panics
/// If there is none.
pub fn binary() -> PathBuf {
    let path = match env::var_os("STATOR_NODE") {
        Some(path) => PathBuf::from(path),
        None => built_beside_this_test(),
    };
    assert!(
        path.is_file(),
        "no binary at {}: run `cargo build -p stator-server`, or name one in STATOR_NODE",
        path.display()
    );
    path
}

/// A test lies in `<target>/<profile>/deps`, a binary in `<target>/<profile>`.
fn built_beside_this_test() -> PathBuf {
    let test = env::current_exe().expect("a running program has a path");
    let profile = test.ancestors().nth(2).expect("a test lies two folders deep");
    profile.join("stator-node")
}

/// A data directory and the log of every process that ran on it. Removed when dropped, unless the
/// test is failing: then the log is printed and the files stay.
#[derive(Debug)]
pub struct Site {
    dir: Option<TempDir>,
    path: PathBuf,
    arguments: Vec<OsString>,
}

impl Site {
    /// An empty place.
    ///
    /// # Panics
    /// If the system has no room for one.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("stator-e2e-")
            .tempdir()
            .expect("a temporary directory can be made");
        let path = dir.path().to_path_buf();
        Self { dir: Some(dir), path, arguments: Vec::new() }
    }

    /// Gives processes that start from now on one argument more.
    pub fn add_argument(&mut self, argument: impl Into<OsString>) {
        self.arguments.push(argument.into());
    }

    /// Where the test may put files of its own, under names other than `data` and `stderr.log`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the node keeps its data.
    pub fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// What the processes here wrote to standard error, so far.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Starts a process and waits until it serves.
    ///
    /// # Panics
    /// If it ends instead, or does not serve in time.
    pub async fn start(&self) -> Node {
        let mut starting = self.launch();
        match tokio::time::timeout(START_LIMIT, starting.ready()).await {
            Ok(Some(address)) => Node { starting, address },
            Ok(None) => {
                let status = starting.child.wait().await;
                panic!("the node ended before it served: {status:?}");
            }
            Err(_) => panic!("the node does not serve after {START_LIMIT:?}"),
        }
    }

    /// Starts a process and does not wait for it: to kill it while it recovers.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn launch(&self) -> Starting {
        let mut child = Command::new(binary())
            .args(["dev", "--listen", "127.0.0.1:0", "--data"])
            .arg(self.data())
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(self.append_log())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary can be started");
        let stdout = child.stdout.take().expect("standard output is a pipe");
        Starting { child, lines: BufReader::new(stdout).lines() }
    }

    /// Starts a process that must refuse to serve, and returns what it says.
    ///
    /// # Panics
    /// If it serves, or ends with success.
    pub async fn refused_start(&self) -> String {
        let before = self.log().len();
        let status = self.launch().ended().await;
        assert!(!status.success(), "a node that cannot serve ends with a failure");
        self.log().split_off(before)
    }

    /// Fails if a process here logged a warning or an error: in a test that expects none, one is a
    /// defect.
    ///
    /// # Panics
    /// If there is one.
    pub fn assert_quiet(&self) {
        let log = self.log();
        let loud: Vec<&str> = log.lines().filter(|line| is_loud(line)).collect();
        assert!(loud.is_empty(), "unexpected in the log:\n{}", loud.join("\n"));
    }

    fn log_path(&self) -> PathBuf {
        self.path.join("stderr.log")
    }

    fn append_log(&self) -> File {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("the log can be written")
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        if let Some(dir) = self.dir.take() {
            show(&dir.keep(), &self.log());
        }
    }
}

/// Prints the end of a log, where the cause of a failure mostly stands.
fn show(kept: &Path, log: &str) {
    let from = log.len().saturating_sub(SHOWN_BYTES);
    let from = log.ceil_char_boundary(from);
    let tail = log.get(from..).unwrap_or_default();
    // Straight to the stream: a panic while panicking would hide the first one.
    let mut out = io::stderr().lock();
    let _written = writeln!(out, "files kept in {}; the node's log ends:\n{tail}", kept.display());
}

/// Whether a line of the log, in either of its formats, is a warning, an error or a panic.
fn is_loud(line: &str) -> bool {
    [" WARN ", " ERROR ", "\"level\":\"WARN\"", "\"level\":\"ERROR\"", "panicked at"]
        .iter()
        .any(|mark| line.contains(mark))
}

/// A process that may not serve yet.
#[derive(Debug)]
pub struct Starting {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Starting {
    /// Waits until it serves and returns its address; `None` if its output ends before.
    async fn ready(&mut self) -> Option<SocketAddr> {
        while let Some(line) = self.lines.next_line().await.expect("its output is UTF-8") {
            if let Some(address) = line.strip_prefix(READY) {
                return Some(address.parse().expect("the node prints the address it serves"));
            }
        }
        None
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// If it does not in time.
    pub async fn ended(mut self) -> ExitStatus {
        let ended = tokio::time::timeout(START_LIMIT, self.child.wait()).await;
        ended.expect("the process ends by itself").expect("our own child can be waited for")
    }

    /// Ends it by SIGKILL and waits until it is gone.
    ///
    /// # Panics
    /// If the system refuses.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("our own child can be killed");
    }
}

/// A process that serves.
#[derive(Debug)]
pub struct Node {
    starting: Starting,
    address: SocketAddr,
}

impl Node {
    /// Where it serves.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as clients write it.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it by SIGKILL, which it cannot see coming, and waits until it is gone.
    ///
    /// # Panics
    /// If the system refuses.
    pub async fn kill(self) {
        self.starting.kill().await;
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// If it does not end in time.
    pub async fn ended(self) -> ExitStatus {
        self.starting.ended().await
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Panics
    /// If it does not end in time.
    pub async fn stop(mut self) -> ExitStatus {
        let child = &mut self.starting.child;
        let id = child.id().expect("the process was not waited for").to_string();
        // The shell's own `kill`: sending a signal from here would need unsafe code or one more crate.
        let sent = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]).status().await;
        assert!(sent.is_ok_and(|status| status.success()), "SIGTERM could not be sent to {id}");
        let ended = tokio::time::timeout(STOP_LIMIT, child.wait()).await;
        ended.expect("the node ends soon after SIGTERM").expect("our own child can be waited for")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_and_errors_are_loud_in_both_log_formats() {
        assert!(is_loud("2026-11-21T10:00:00Z  WARN stator_server: disk is slow"));
        assert!(is_loud(r#"{"timestamp":"x","level":"ERROR","fields":{}}"#));
        assert!(is_loud("thread 'core' panicked at node/replica/src/lib.rs:1:1:"));
        assert!(!is_loud("2026-11-21T10:00:00Z  INFO stator_server: no WARNING here"));
    }
}
