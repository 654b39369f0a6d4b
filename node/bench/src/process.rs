//! Servers as children: started, found out where they listen, ended.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::de::DeserializeOwned;

use crate::clock;
use crate::error::{Error, Result, io};
use crate::proc::Usage;

/// What a server prints once it serves, before the address.
const READY: &str = " listening on http://";
/// How long a start may take: replaying a log on a busy disk is the longest of it.
const START_LIMIT: Duration = Duration::from_secs(120);
/// How long an end may take.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// A child that serves. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    program: String,
    address: SocketAddr,
    lines: Receiver<String>,
}

impl Server {
    /// Starts a program and waits until it says where it listens. Its standard error is appended to
    /// `log`.
    ///
    /// # Errors
    /// If it cannot be started, or ends or stays silent instead.
    pub fn start(mut command: Command, log: &Path) -> Result<Self> {
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server = Self::spawn(&mut command, unknown, log)?;
        server.address = address_in(&server.lines, log, &server.program)?;
        Ok(server)
    }

    /// Starts a program that does not say where it listens, but was told, and waits until somebody does.
    ///
    /// # Errors
    /// If it cannot be started, or nobody listens in time.
    pub fn start_at(mut command: Command, address: SocketAddr, log: &Path) -> Result<Self> {
        let server = Self::spawn(&mut command, address, log)?;
        if clock::poll(START_LIMIT, || TcpStream::connect(address).is_ok()) {
            return Ok(server);
        }
        let (program, log) = (server.program.clone(), log.to_path_buf());
        Err(Error::NotServing { program, why: "nobody listens where it should", log })
    }

    fn spawn(command: &mut Command, address: SocketAddr, log: &Path) -> Result<Self> {
        let program = name_of(command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(append(log)?)
            .spawn()
            .map_err(io(format!("start {program}")))?;
        let lines = lines_of(&mut child);
        Ok(Self { child, program, address, lines })
    }

    /// Where it serves.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// If it is gone.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.pid())
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// If it does not in time.
    pub fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| Error::ProcessTable { path: self.program.clone() })?;
        kill_process(pid, Signal::TERM)
            .map_err(|error| io(format!("end {}", self.program))(error.into()))?;
        if clock::poll(STOP_LIMIT, || matches!(self.child.try_wait(), Ok(Some(_)))) {
            Ok(())
        } else {
            Err(Error::TooLong { what: "the end of a server", seconds: STOP_LIMIT.as_secs() })
        }
    }

    /// Ends it by SIGKILL, which it cannot see coming, and waits until it is gone.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn kill(mut self) -> Result<()> {
        let killed = self.child.kill().and_then(|()| self.child.wait());
        killed.map(drop).map_err(io(format!("kill {}", self.program)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, and nothing else can go wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end and reads what it printed as JSON.
///
/// # Errors
/// If it fails, or prints something else.
pub fn run_to_end<T: DeserializeOwned>(mut command: Command, log: &Path) -> Result<T> {
    let program = name_of(&command);
    let output = command
        .stdin(Stdio::null())
        .stderr(append(log)?)
        .output()
        .map_err(io(format!("run {program}")))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match serde_json::from_str(&text) {
        Ok(value) if output.status.success() => Ok(value),
        Ok(_) | Err(_) => Err(Error::Output { program, text }),
    }
}

fn name_of(command: &Command) -> String {
    let path = PathBuf::from(command.get_program());
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn append(log: &Path) -> Result<File> {
    let open = OpenOptions::new().create(true).append(true).open(log);
    open.map_err(io(format!("write to {}", log.display())))
}

/// The lines of a child's standard output, read by a thread of their own: reading has no time limit,
/// waiting for a message has.
fn lines_of(child: &mut Child) -> Receiver<String> {
    let (send, lines) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let Ok(line) = line else { return };
                // Goes on reading when nobody listens any more: a full pipe would stop the child.
                let _ = send.send(line);
            }
        });
    }
    lines
}

fn address_in(lines: &Receiver<String>, log: &Path, program: &str) -> Result<SocketAddr> {
    let not_serving = |why| {
        let (program, log) = (program.to_owned(), log.to_path_buf());
        Error::NotServing { program, why, log }
    };
    loop {
        match lines.recv_timeout(START_LIMIT) {
            Ok(line) => {
                let Some((_, address)) = line.split_once(READY) else { continue };
                let output = |_| Error::Output { program: program.to_owned(), text: line.clone() };
                return address.parse().map_err(output);
            }
            Err(RecvTimeoutError::Timeout) => return Err(not_serving("it stays silent")),
            Err(RecvTimeoutError::Disconnected) => return Err(not_serving("it has ended")),
        }
    }
}
