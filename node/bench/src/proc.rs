//! The process table: what a process cost, whatever else the machine did meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crate::error::{Error, Result, io};

/// What each thread of a process has used and written, at one moment.
#[derive(Clone, Debug)]
pub struct Usage {
    threads: BTreeMap<u64, Thread>,
    user_ticks: u64,
    system_ticks: u64,
}

#[derive(Clone, Debug)]
struct Thread {
    name: String,
    cpu_nanos: u64,
    writes: u64,
    written: u64,
}

/// What a process did between two moments.
#[derive(Clone, Debug)]
pub struct Spent {
    /// Time on a core, user and system, of all threads.
    pub cpu: Duration,
    /// The part of it that is user time, by the kernel's ticks.
    pub user_share: f64,
    /// By the name of threads, those of one name together.
    pub threads: BTreeMap<String, Part>,
}

/// The part of threads of one name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part {
    /// Time on a core.
    pub cpu: Duration,
    /// Calls of `write` and its kin.
    pub writes: u64,
    /// Bytes that these wrote, to files, sockets and pipes.
    pub written: u64,
}

impl Usage {
    /// What the process has used so far. Threads that have ended are not in it: servers keep theirs.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn of(pid: u32) -> Result<Self> {
        let mut threads = BTreeMap::new();
        let folder = format!("/proc/{pid}/task");
        for entry in fs::read_dir(&folder).map_err(io(format!("list {folder}")))? {
            let entry = entry.map_err(io(format!("list {folder}")))?;
            let name = entry.file_name();
            let id = name.to_str().and_then(|name| name.parse().ok());
            // A thread may end while it is looked at.
            if let Some(id) = id
                && let Ok(thread) = thread(&format!("{folder}/{id}"))
            {
                threads.insert(id, thread);
            }
        }
        let stat = read(&format!("/proc/{pid}/stat"))?;
        // The name in the second field may have blanks in it; the rest begins behind its bracket.
        let fields: Vec<&str> =
            stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse().ok()).unwrap_or(0);
        Ok(Self { threads, user_ticks: ticks(11), system_ticks: ticks(12) })
    }

    /// Time on a core since the process began, of threads that live.
    pub fn all(&self) -> Duration {
        Duration::from_nanos(self.threads.values().map(|thread| thread.cpu_nanos).sum())
    }

    /// What was used since an earlier moment.
    pub fn since(&self, earlier: &Self) -> Spent {
        let mut threads: BTreeMap<String, Part> = BTreeMap::new();
        let mut cpu = 0;
        for (id, thread) in &self.threads {
            let before = earlier.threads.get(id);
            let grown =
                |now: u64, field: fn(&Thread) -> u64| now.saturating_sub(before.map_or(0, field));
            let nanos = grown(thread.cpu_nanos, |thread| thread.cpu_nanos);
            let part = threads.entry(thread.name.clone()).or_default();
            part.cpu += Duration::from_nanos(nanos);
            part.writes += grown(thread.writes, |thread| thread.writes);
            part.written += grown(thread.written, |thread| thread.written);
            cpu += nanos;
        }
        let user = self.user_ticks.saturating_sub(earlier.user_ticks) as f64;
        let system = self.system_ticks.saturating_sub(earlier.system_ticks) as f64;
        let user_share = if user + system > 0.0 { user / (user + system) } else { 0.0 };
        Spent { cpu: Duration::from_nanos(cpu), user_share, threads }
    }
}

impl Spent {
    /// CPU time for each of so many requests, in microseconds.
    pub fn micros_each(&self, requests: u64) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / requests.max(1) as f64
    }

    /// The part of the threads of this name.
    pub fn part(&self, name: &str) -> Part {
        self.threads.get(name).copied().unwrap_or_default()
    }

    /// Where the time of so many requests went, in words.
    pub fn describe(&self, requests: u64) -> String {
        let user = self.user_share * 100.0;
        format!("us by thread: {}; {user:.0} % user time", self.by_thread(requests))
    }

    /// `edge 31.2, core 4.1, …`: microseconds for each of so many requests by the name of threads.
    fn by_thread(&self, requests: u64) -> String {
        let each = |part: &Part| part.cpu.as_secs_f64() * 1e6 / requests.max(1) as f64;
        let mut parts: Vec<(&str, f64)> =
            self.threads.iter().map(|(name, part)| (name.as_str(), each(part))).collect();
        parts.sort_by(|left, right| right.1.total_cmp(&left.1));
        let parts = parts.iter().filter(|(_, micros)| *micros >= 0.05);
        parts.map(|(name, micros)| format!("{name} {micros:.1}")).collect::<Vec<_>>().join(", ")
    }
}

fn thread(folder: &str) -> Result<Thread> {
    let schedstat = read(&format!("{folder}/schedstat"))?;
    let cpu_nanos = schedstat.split_whitespace().next().and_then(|field| field.parse().ok());
    let cpu_nanos =
        cpu_nanos.ok_or_else(|| Error::ProcessTable { path: format!("{folder}/schedstat") })?;
    let written = read(&format!("{folder}/io"))?;
    Ok(Thread {
        name: thread_name(&read(&format!("{folder}/comm"))?),
        cpu_nanos,
        writes: field(&written, "syscw:").unwrap_or(0),
        written: field(&written, "wchar:").unwrap_or(0),
    })
}

/// Without the number at the end of it: pools count their threads.
fn thread_name(name: &str) -> String {
    name.trim()
        .trim_end_matches(|sign: char| sign.is_ascii_digit() || "-#:_".contains(sign))
        .to_owned()
}

/// The resident memory of a process, in bytes.
///
/// # Errors
/// If there is no such process.
pub fn resident(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let kib = field(&read(&path)?, "VmRSS:").ok_or(Error::ProcessTable { path })?;
    Ok(kib * 1024)
}

/// The load average over the last minute: how many wanted a core.
///
/// # Errors
/// If the system does not say.
pub fn load_average() -> Result<f64> {
    let path = "/proc/loadavg";
    let text = read(path)?;
    let first = text.split_whitespace().next().and_then(|field| field.parse().ok());
    first.ok_or_else(|| Error::ProcessTable { path: path.to_owned() })
}

/// Processor time of the whole machine since it started: what was used, by whomever, and all of it.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    busy: f64,
    whole: f64,
}

impl Machine {
    /// As of now.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn now() -> Result<Self> {
        let text = read("/proc/stat")?;
        let fields: Vec<f64> = text
            .lines()
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .skip(1)
            // user nice system idle iowait irq softirq steal; guest time is in user already
            .take(8)
            .filter_map(|field| field.parse().ok())
            .collect();
        let whole: f64 = fields.iter().sum();
        let idle: f64 = fields.iter().skip(3).take(2).sum();
        let second = rustix::param::clock_ticks_per_second() as f64;
        Ok(Self { busy: (whole - idle) / second, whole: whole / second })
    }

    /// Seconds of all cores together that were used since, and seconds that there were.
    pub fn since(self, earlier: Self) -> (f64, f64) {
        (self.busy - earlier.busy, self.whole - earlier.whole)
    }
}

/// Processor seconds that this process and its children that were waited for have used.
///
/// # Errors
/// If the system does not say.
pub fn own_seconds() -> Result<f64> {
    let stat = read("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: f64 = fields.skip(11).take(4).filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(ticks / rustix::param::clock_ticks_per_second() as f64)
}

/// The number behind a name in a file of `name: number` lines.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).map_err(io(format!("read {path}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen_to_work_and_to_write() {
        let before = Usage::of(std::process::id()).unwrap();
        let started = crate::clock::now();
        let mut sum = 0_u64;
        while started.elapsed() < Duration::from_millis(50) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &[1; 4096]).unwrap();
        let spent = Usage::of(std::process::id()).unwrap().since(&before);
        assert!(spent.cpu >= Duration::from_millis(1), "{spent:?}");
        let written: u64 = spent.threads.values().map(|part| part.written).sum();
        assert!(written >= 4096, "{spent:?}");
        assert!(resident(std::process::id()).unwrap() > 1 << 20);
    }

    #[test]
    fn threads_of_a_pool_have_one_name() {
        assert_eq!(thread_name("edge\n"), "edge");
        assert_eq!(thread_name("tokio-rt-worker-12\n"), "tokio-rt-worker");
        assert_eq!(thread_name("log-prepare\n"), "log-prepare");
    }
}
