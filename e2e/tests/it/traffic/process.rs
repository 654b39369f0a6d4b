//! The binary under test, on any directory and in any environment.

use std::fmt::{self, Display};
use std::fs::{self, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use stator_e2e::site::binary;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const READY: &str = "stator-node listening on http://";

/// How long a node may take until it serves, on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long a process that stopped answering may take to end.
const END_LIMIT: Duration = Duration::from_secs(30);

/// A process that does not serve.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// How it ended; none if it had to be given up.
    pub(crate) status: Option<ExitStatus>,
    /// The end of what it wrote to standard error.
    pub(crate) log: String,
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "it refuses to start ({status}):\n{}", self.log),
            None => write!(f, "it does not serve after {START_LIMIT:?}:\n{}", self.log),
        }
    }
}

/// A process that serves.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    log: PathBuf,
}

impl Process {
    /// Starts one and waits until it serves; if it does not, says why.
    pub(crate) async fn start(
        data: &Path,
        log: &Path,
        environment: &[(&'static str, PathBuf)],
    ) -> Result<Self, Refusal> {
        let stderr = OpenOptions::new().create(true).append(true).open(log);
        let mut child = Command::new(binary())
            .args(["dev", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr.expect("the log can be written"))
            .kill_on_drop(true)
            .spawn()
            .expect("the binary can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let ready = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(address) = line.strip_prefix(READY) {
                    return address.parse::<SocketAddr>().ok();
                }
            }
            None
        };
        match tokio::time::timeout(START_LIMIT, ready).await {
            Ok(Some(address)) => Ok(Self { child, address, log: log.to_path_buf() }),
            Ok(None) => {
                let status = child.wait().await.expect("our own child can be waited for");
                Err(Refusal { status: Some(status), log: tail(log) })
            }
            Err(_) => Err(Refusal { status: None, log: tail(log) }),
        }
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        self.child.wait().await.expect("our own child can be waited for")
    }

    /// Ends it by SIGKILL. How it ended, if it had before.
    pub(crate) async fn kill(mut self) -> Option<ExitStatus> {
        let ended = self.child.try_wait().expect("our own child can be waited for");
        self.child.kill().await.expect("our own child can be killed");
        ended
    }

    /// Waits until it has ended of itself; none if it does not.
    pub(crate) async fn gone(mut self) -> Option<ExitStatus> {
        tokio::time::timeout(END_LIMIT, self.ended()).await.ok()
    }

    /// Asks it to end and waits until it has.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        let id = self.child.id().expect("it was not waited for").to_string();
        let sent = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]).status().await;
        assert!(sent.is_ok_and(|status| status.success()), "SIGTERM could not be sent to {id}");
        self.ended().await
    }

    /// The end of what it wrote to standard error.
    pub(crate) fn log_tail(&self) -> String {
        tail(&self.log)
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let skipped = text.lines().count().saturating_sub(12);
    text.lines().skip(skipped).collect::<Vec<_>>().join("\n")
}
