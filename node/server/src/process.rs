//! The life of the process: listeners, runtimes, logs, signals, exit codes.
//!
//! ```text
//! manifests ──► listen ──► admin ──► node    ──► tables of ──► serving ──signal──► requests ──► node
//! are read                 port      starts      manifests                         end          stops
//!                          /readyz 503                         /readyz 200         /readyz 503
//! log:                     starting  recovered                 serving    stopping              stopped
//! ```
//!
//! Ports are taken before the data is opened: a second process fails on the port, not half-way into
//! the directory. Whatever goes wrong before serving is one sentence on stderr that says what to do,
//! the last of the log, and an exit code other than 0. A panic anywhere ends the process: what was acknowledged is in the
//! log, and a node that limps on with half its threads helps nobody.

use std::error::Error;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use stator_admin::TableDefinition;
use stator_operation::ServiceInfo;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

use crate::admin::{Admin, Health, Phase};
use crate::cli::{Cli, Command, Dev, LogFormat};
use crate::clock;
use crate::edge::{Edge, Limits, Port};
use crate::greeting::{greeting, place};
use crate::manifests::{self, Manifests};
use crate::metrics::Metrics;
use crate::node::{self, Node};

/// The process could not start.
const EXIT_START: u8 = 1;
/// The command line asks for something that is refused (clap's own errors have this code too).
const EXIT_USAGE: u8 = 2;
/// A second signal came before the first was done with: 128 and SIGINT, as shells have it.
const EXIT_IMPATIENT: i32 = 130;

/// The account that ARNs name: all zeros, as in DynamoDB Local.
const ACCOUNT: &str = "000000000000";
/// How long work that was cut off may take to notice.
const ABANDON_TIME: Duration = Duration::from_secs(1);
/// Files that the process may have open beside its connections: segments, tables, threads.
const FILES_RESERVED: u64 = 2_000;
/// More open files than this are of no use.
const FILES_WANTED: u64 = 1_048_576;

/// Why the process could not start.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(
        "{option} {address} can be reached by other machines, and anybody there could read and \
         change everything: listen on 127.0.0.1, or add --insecure-listen-anywhere"
    )]
    Exposed { option: &'static str, address: SocketAddr },
    #[error("cannot listen on {address}: {}", bind_hint(source, option))]
    Bind { option: &'static str, address: SocketAddr, source: io::Error },
    #[error("cannot start threads: raise the limit of processes or of memory")]
    Threads(#[source] io::Error),
    #[error(transparent)]
    Manifests(#[from] manifests::Error),
    #[error("cannot set up metrics")]
    Metrics(#[from] prometheus::Error),
    #[error(transparent)]
    Node(#[from] node::Error),
}

impl StartError {
    const fn bind(option: &'static str, address: SocketAddr, source: io::Error) -> Self {
        Self::Bind { option, address, source }
    }

    const fn exit_code(&self) -> u8 {
        match self {
            Self::Exposed { .. } => EXIT_USAGE,
            Self::Bind { .. }
            | Self::Threads(_)
            | Self::Manifests(_)
            | Self::Metrics(_)
            | Self::Node(_) => EXIT_START,
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "io::ErrorKind is not ours and has no end")]
fn bind_hint(error: &io::Error, option: &str) -> String {
    let (is_so, what_to_do) = match error.kind() {
        io::ErrorKind::AddrInUse => ("another process does already", "stop it, or choose another"),
        io::ErrorKind::PermissionDenied => ("it needs privileges", "choose a port above 1023"),
        io::ErrorKind::AddrNotAvailable => ("this machine has no such address", "choose another"),
        _ => ("the system refuses it", "choose another address"),
    };
    format!("{is_so}; {what_to_do} with {option}")
}

/// Runs what the command line asks for, and returns when it is done.
pub fn run(cli: Cli) -> ExitCode {
    match cli.command {
        Command::Version => {
            println(concat!("stator-node ", env!("CARGO_PKG_VERSION")));
            ExitCode::SUCCESS
        }
        Command::Dev(options) => match dev(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain(&error, options.log_format);
                ExitCode::from(error.exit_code())
            }
        },
    }
}

fn dev(options: &Dev) -> Result<(), StartError> {
    let began = clock::running();
    write_logs(options.log_format);
    end_on_panic();
    if let Some((option, address)) = options.exposed() {
        return Err(StartError::Exposed { option, address });
    }
    let mut manifests = Manifests::read(options.manifests.clone(), options.manifests_seed_only)?;
    let limits = Limits { connections: connections(raise_open_files()), ..Limits::default() };
    let port = Port::take(options.listen)
        .map_err(|source| StartError::bind("--listen", options.listen, source))?;
    let admin = TcpListener::bind(options.admin_listen)
        .map_err(|source| StartError::bind("--admin-listen", options.admin_listen, source))?;

    let metrics = Arc::new(Metrics::new()?);
    let health = Arc::new(Health::default());
    let admin = Admin::start(admin, Arc::clone(&health), Arc::clone(&metrics))
        .map_err(StartError::Threads)?;
    let runtime = workers().map_err(StartError::Threads)?;
    let (version, data) = (env!("CARGO_PKG_VERSION"), place(&options.storage()));
    tracing::info!(version, data, admin = %admin.address(), "starting");
    let service = ServiceInfo { region: options.region.clone(), account: ACCOUNT.to_owned() };
    let (node, running) = Node::start(node::Options::new(options.storage(), service), &metrics)?;

    let stopped = runtime.block_on(async {
        node.ready().await;
        manifests.apply(&node).await;
        let tables: Vec<TableDefinition> = manifests.tables().cloned().collect();
        let edge = Arc::new(Edge::new(node, &options.region, limits, Arc::clone(&metrics)));
        let node = Arc::clone(&edge);
        tokio::spawn(async move { manifests.follow(node.service()).await });
        let listener = port.listen().map_err(StartError::Threads)?;
        // Before anybody is told that we serve: from then on a signal must end us properly.
        let stop = first_signal(&admin).map_err(StartError::Threads)?;
        let address = listener.local_addr().map_err(StartError::Threads)?;
        health.set(Phase::Ready);
        tracing::info!(%address, millis = clock::millis_since(began), "serving");
        println(&greeting(address, admin.address(), options, &tables));
        Ok::<_, StartError>(serve(edge, listener, stop, &health, &metrics).await)
    });
    // Requests that were cut off go with it, and with them the last handles of the node.
    runtime.shutdown_timeout(ABANDON_TIME);
    running.stop();
    let Stopped { began, finished, cut_off } = stopped?;
    tracing::info!(finished, cut_off, millis = clock::millis_since(began), "stopped");
    Ok(())
}

/// How serving ended.
struct Stopped {
    /// When the signal came.
    began: Duration,
    /// Requests that were in flight then and were answered.
    finished: usize,
    /// Connections that were cut off, because their requests took too long.
    cut_off: usize,
}

/// Serves until the first signal, and then until requests in flight are answered.
async fn serve(
    edge: Arc<Edge<Node>>,
    listener: tokio::net::TcpListener,
    stop: oneshot::Receiver<&'static str>,
    health: &Health,
    metrics: &Metrics,
) -> Stopped {
    let mut stopped = Stopped { began: Duration::ZERO, finished: 0, cut_off: 0 };
    let stop = async {
        let signal = stop.await.unwrap_or("none");
        health.set(Phase::Stopping);
        stopped.began = clock::running();
        let requests = usize::try_from(metrics.requests_in_flight.get()).unwrap_or(0);
        stopped.finished = requests;
        tracing::info!(signal, requests, connections = metrics.connections.get(), "stopping");
    };
    let cut_off = edge.serve(listener, stop).await;
    Stopped { cut_off, finished: stopped.finished.saturating_sub(cut_off), ..stopped }
}

/// Waits for the first signal; ends the process at the second, whatever it is doing then. On the runtime
/// of the admin port: the clients' is gone while the store is waited for.
fn first_signal(admin: &Admin) -> io::Result<oneshot::Receiver<&'static str>> {
    let closed = || io::Error::other("the admin port is closed");
    let runtime = admin.runtime().ok_or_else(closed)?;
    let _inside = runtime.enter();
    let mut signals = Signals::new()?;
    let (first, stop) = oneshot::channel();
    runtime.spawn(async move {
        let _ = first.send(signals.next().await);
        let signal = signals.next().await;
        tracing::warn!(signal, "ending at once: a second signal came");
        std::process::exit(EXIT_IMPATIENT);
    });
    Ok(stop)
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The name of the next.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// The runtime of the client port. Reads of the store block its threads, hence so many.
fn workers() -> io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads((4 * cores).max(8))
        .thread_name("edge")
        .enable_all()
        .build()
}

/// Prints a line. Nobody need read it: a closed pipe is no reason to stop.
fn println(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Says why the process does not start: to a person, or as a line like all others to a program.
fn complain(error: &(dyn Error + 'static), format: LogFormat) {
    match format {
        LogFormat::Text => _ = writeln!(io::stderr(), "stator-node: {}", Chain(error)),
        LogFormat::Json => tracing::error!(error = %Chain(error), "cannot start"),
    }
}

/// An error with what caused it, on one line.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, " ({error})")?;
            cause = error.source();
        }
        Ok(())
    }
}

fn write_logs(format: LogFormat) {
    // The engine tells every file that it opens at INFO; that is its own developers' concern.
    let quiet = "info,fjall=warn,lsm_tree=warn";
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new(quiet));
    let logs = tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(filter);
    // Fails only if there is a subscriber already, which then is somebody's choice.
    let _ = match format {
        LogFormat::Text => logs.with_ansi(false).try_init(),
        LogFormat::Json => logs.json().try_init(),
    };
}

fn end_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
}

/// Lets the process open as many files as it is allowed to. Returns how many that are.
fn raise_open_files() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.unwrap_or(FILES_WANTED).min(FILES_WANTED);
    let current = limit.current.unwrap_or(FILES_WANTED);
    if current >= allowed {
        return current;
    }
    limit.current = Some(allowed);
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => allowed,
        Err(error) => {
            tracing::warn!(%error, current, "cannot raise the limit of open files");
            current
        }
    }
}

/// Connections that fit into so many open files, at most as many as the edge wants.
fn connections(open_files: u64) -> usize {
    let wanted = Limits::default().connections;
    let possible = open_files.saturating_sub(FILES_RESERVED).max(open_files / 2);
    usize::try_from(possible).unwrap_or(usize::MAX).min(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_store() {
        assert_eq!(connections(1_024), 512);
        assert_eq!(connections(20_000), 18_000);
        assert_eq!(connections(1_048_576), 20_000);
    }
}
