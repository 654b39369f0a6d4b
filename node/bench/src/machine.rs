//! What was measured, where, and who else was there.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

use crate::clock;
use crate::error::Result;
use crate::proc::{Machine, load_average, own_seconds};

/// What every report says about itself.
#[derive(Clone, Debug, Serialize)]
pub struct Circumstances {
    /// When it began, UTC.
    pub date: String,
    /// Of what commit this program is, with a mark if files differ from it.
    pub commit: String,
    /// The processor.
    pub processor: String,
    /// How many cores may be used.
    pub cores: usize,
    /// The kernel.
    pub kernel: String,
    /// Memory in GiB.
    pub memory_gib: u64,
    /// The file system and the device that the data was on.
    pub disk: String,
    /// The load average before the first figure.
    pub load_before: f64,
}

impl Circumstances {
    /// As of now.
    ///
    /// # Errors
    /// If the process table cannot be read.
    pub fn now(data: &Path, cores: usize) -> Result<Self> {
        Ok(Self {
            date: clock::date_and_time(),
            commit: commit(),
            processor: value("/proc/cpuinfo", "model name"),
            cores,
            kernel: text("/proc/sys/kernel/osrelease"),
            memory_gib: memory_gib(),
            disk: disk(data),
            load_before: load_average()?,
        })
    }
}

/// How much of the machine others use, from one moment to another.
#[derive(Clone, Copy, Debug)]
pub struct Neighbours {
    machine: Machine,
    own: f64,
}

impl Neighbours {
    /// Begins to watch.
    ///
    /// # Errors
    /// If the process table cannot be read.
    pub fn watch() -> Result<Self> {
        Ok(Self { machine: Machine::now()?, own: own_seconds()? })
    }

    /// The share of all cores that neither this process nor its children used: 0 to 1. All children
    /// must have ended.
    ///
    /// # Errors
    /// If the process table cannot be read.
    pub fn share(&self) -> Result<f64> {
        let (busy, whole) = Machine::now()?.since(self.machine);
        let own = own_seconds()? - self.own;
        Ok(if whole > 0.0 { ((busy - own) / whole).clamp(0.0, 1.0) } else { 0.0 })
    }
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "HEAD"]) else { return "unknown".to_owned() };
    // What reports say of earlier commits is no change of the program.
    let changed = git(&["status", "--porcelain", "--", ".", ":!docs"]);
    let mark = if changed.is_none_or(|list| !list.is_empty()) { " with changes" } else { "" };
    format!("{commit}{mark}")
}

fn text(path: &str) -> String {
    fs::read_to_string(path).map_or("unknown".to_owned(), |text| text.trim().to_owned())
}

/// The first value of this name in a file of `name: value` lines.
fn value(path: &str, name: &str) -> String {
    let text = text(path);
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let found = fields.find(|(field, _)| field.trim() == name);
    found.map_or("unknown".to_owned(), |(_, value)| value.trim().to_owned())
}

fn memory_gib() -> u64 {
    let kib = value("/proc/meminfo", "MemTotal");
    let kib: u64 = kib.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0);
    kib.div_ceil(1024 * 1024)
}

/// The mount that holds a path: the longest one that it begins with.
fn disk(path: &Path) -> String {
    let mounts = text("/proc/self/mounts");
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let holds =
        |line: &&str| line.split_whitespace().nth(1).is_some_and(|mount| path.starts_with(mount));
    let mount = mounts
        .lines()
        .filter(holds)
        .max_by_key(|line| line.split_whitespace().nth(1).map(str::len));
    let mut fields = mount.unwrap_or_default().split_whitespace();
    let (device, kind) = (fields.next().unwrap_or("unknown"), fields.nth(1).unwrap_or("unknown"));
    format!("{kind} on {device}")
}
