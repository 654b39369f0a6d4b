//! What every figure needs: the binary, the cores, a place on disk, how much to do.

use std::cell::{Cell, OnceCell};
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::de::DeserializeOwned;
use tempfile::TempDir;

use crate::cores::Cores;
use crate::error::{Error, Result, io};
use crate::process::{Server, run_to_end};
use crate::stock::Stock;
use crate::strace::Trace;

/// How much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Minutes: to see that it works, and large changes.
    Quick,
    /// What a report is made of.
    Normal,
    /// The sizes that the goals name.
    Full,
}

impl Scale {
    /// One of three values.
    pub fn choose<T>(self, quick: T, normal: T, full: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Normal => normal,
            Self::Full => full,
        }
    }

    /// How often the bare program and ours take turns.
    pub fn pairs(self) -> usize {
        self.choose(3, 7, 9)
    }

    /// Items of a table that counts as large.
    pub fn items(self) -> u64 {
        self.choose(50_000, 200_000, 1_000_000)
    }
}

/// A run.
pub struct Bench {
    /// How much to do.
    pub scale: Scale,
    /// Which core does what.
    pub cores: Cores,
    node: PathBuf,
    dir: TempDir,
    stock: OnceCell<Stock>,
    folders: Cell<u32>,
}

impl Bench {
    /// A run of this binary, with its files below `dir`.
    ///
    /// # Errors
    /// If there is no such binary or directory.
    pub fn new(node: PathBuf, dir: &Path, scale: Scale) -> Result<Self> {
        if !node.is_file() {
            return Err(Error::NoBinary { path: node });
        }
        std::fs::create_dir_all(dir).map_err(io(format!("make {}", dir.display())))?;
        let made = tempfile::Builder::new().prefix("run-").tempdir_in(dir);
        let made = made.map_err(io(format!("make a directory in {}", dir.display())))?;
        let cores = Cores::choose()?;
        cores.become_client()?;
        let (stock, folders) = (OnceCell::new(), Cell::new(0));
        Ok(Self { scale, cores, node, dir: made, stock, folders })
    }

    /// A path for files that nobody used before.
    pub fn fresh(&self, name: &str) -> PathBuf {
        let number = self.folders.get();
        self.folders.set(number + 1);
        self.dir.path().join(format!("{number}-{name}"))
    }

    /// Where files of this run are.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A data directory with [`Scale::items`] items, made when it is first asked for.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn stock(&self) -> Result<&Stock> {
        if let Some(stock) = self.stock.get() {
            return Ok(stock);
        }
        let stock = Stock::make(self)?;
        Ok(self.stock.get_or_init(|| stock))
    }

    /// The node on this data, on the server's core.
    ///
    /// # Errors
    /// If it does not serve.
    pub fn node(&self, data: &Path) -> Result<Server> {
        self.cores.on_server(|| self.start(Command::new(&self.node), data))
    }

    /// Another build of the node on this data, on the server's core.
    ///
    /// # Errors
    /// If there is no such binary, or it does not serve.
    pub fn other_node(&self, binary: &Path, data: &Path) -> Result<Server> {
        if !binary.is_file() {
            return Err(Error::NoBinary { path: binary.to_path_buf() });
        }
        self.cores.on_server(|| self.start(Command::new(binary), data))
    }

    /// The node on this data, on both cores: for what is not measured against a bare program.
    ///
    /// # Errors
    /// If it does not serve.
    pub fn node_on_both(&self, data: &Path) -> Result<Server> {
        self.cores.on_both(|| self.start(Command::new(&self.node), data))
    }

    /// The node on this data, on the server's core, with its system calls counted.
    ///
    /// # Errors
    /// If it does not serve.
    pub fn node_traced(&self, data: &Path, calls: &str) -> Result<(Server, Trace)> {
        let (command, trace) = Trace::command(&self.node, calls, self.fresh("strace"));
        let server = self.cores.on_server(|| self.start(command, data))?;
        Ok((server, trace))
    }

    fn start(&self, mut command: Command, data: &Path) -> Result<Server> {
        command.args(["dev", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        // Only what must be said is written.
        command.env("RUST_LOG", "warn");
        Server::start(command, &self.log())
    }

    /// A bare program that serves, on the server's core.
    ///
    /// # Errors
    /// If it does not serve.
    pub fn bare_server(&self, arguments: &[&OsStr]) -> Result<Server> {
        self.cores.on_server(|| Server::start(bare(arguments)?, &self.log()))
    }

    /// A server that somebody else made, on the server's core. It was told to listen at `address`.
    ///
    /// # Errors
    /// If it does not serve.
    pub fn peer(&self, command: Command, address: SocketAddr) -> Result<Server> {
        self.cores.on_server(|| Server::start_at(command, address, &self.log()))
    }

    /// What a bare program prints at its end, on the server's core.
    ///
    /// # Errors
    /// If it fails.
    pub fn bare<T: DeserializeOwned>(&self, arguments: &[&OsStr]) -> Result<T> {
        self.cores.on_server(|| run_to_end(bare(arguments)?, &self.log()))
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("stderr.log")
    }
}

/// This same program, as a bare denominator.
fn bare(arguments: &[&OsStr]) -> Result<Command> {
    let own = std::env::current_exe().map_err(io("find this program"))?;
    let mut command = Command::new(own);
    command.arg("bare").args(arguments);
    Ok(command)
}

/// Says what goes on.
pub fn say(text: &str) {
    eprintln!("   {text}");
}
