//! The node beside DynamoDB Local, which most people run on their machines today.
//!
//! Both speak to the same client, one core for the server and one for the client. DynamoDB Local keeps
//! its data in SQLite files, and in memory as a second row; how durable its files are is not looked at.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::bench::{Bench, say};
use crate::dynamo::{Session, TABLE};
use crate::error::{Error, Result, io};
use crate::figure::{Basis, Goal, Row};
use crate::figures::work::{Gets, NewItems};
use crate::load::{Fleet, Until};
use crate::proc::resident;
use crate::process::Server;
use crate::side::Side;
use crate::stats::median;
use crate::stock;

/// For the report.
pub const HOW: &str = "32 keep-alive connections ask for 1,000 items of 1 KB, strongly consistent, and put \
     new ones; the Java machine is warmed up first. In turns DynamoDB Local and node. Rates are by the \
     wall clock, CPU time is that of the server.";

const CONNECTIONS: usize = 32;
const KEYS: u64 = 1_000;
/// New items begin here.
const NEW: u64 = 1 << 32;
const MIB: f64 = 1024.0 * 1024.0;

/// Measures against the DynamoDB Local in this folder of jars.
///
/// # Errors
/// If either does not serve, or a reply is wrong.
pub fn run(bench: &Bench, jars: &Path) -> Result<Vec<Row>> {
    let mut rows = beside(bench, jars, "file")?;
    rows.extend(beside(bench, jars, "memory")?);
    Ok(rows)
}

fn beside(bench: &Bench, jars: &Path, mode: &'static str) -> Result<Vec<Row>> {
    let node = bench.node(&bench.fresh("peers"))?;
    let local = start(bench, jars, mode)?;
    for server in [&node, &local] {
        Session::open(server.address())?.create_table(TABLE)?;
        stock::fill(&mut Fleet::open(server.address(), 1, 0)?, KEYS)?;
    }
    let turn = Duration::from_secs_f64(bench.scale.choose(1.0, 3.0, 10.0));
    let (is_file, pairs) = (mode == "file", bench.scale.pairs());
    let reads = Pair {
        local: Side::open(&local, CONNECTIONS, 0, Gets { keys: KEYS })?,
        node: Side::open(&node, CONNECTIONS, 0, Gets { keys: KEYS })?,
    };
    let mut rows = reads.measure(
        &format!("GetItem, DynamoDB Local in {mode} mode"),
        turn,
        pairs,
        is_file.then_some(Goal::at_least(15.0, 6.0)).flatten(),
    )?;
    let writes = Pair {
        local: Side::open(&local, CONNECTIONS, NEW, NewItems)?,
        node: Side::open(&node, CONNECTIONS, NEW, NewItems)?,
    };
    rows.extend(writes.measure(
        &format!("durable PutItem, DynamoDB Local in {mode} mode"),
        turn,
        pairs,
        is_file.then_some(Goal::at_least(40.0, 15.0)).flatten(),
    )?);
    for (name, server) in [("node", &node), ("DynamoDB Local", &local)] {
        let what = format!("resident memory of the {name} after it, {mode} mode");
        rows.push(Row::single(what, "MiB", Basis::Memory, resident(server.pid())? as f64 / MIB));
    }
    Ok(rows)
}

/// Both under the same load.
struct Pair<'a, W> {
    local: Side<'a, W>,
    node: Side<'a, W>,
}

impl<W: crate::load::Work> Pair<'_, W> {
    fn measure(
        mut self,
        what: &str,
        turn: Duration,
        pairs: usize,
        goal: Option<Goal>,
    ) -> Result<Vec<Row>> {
        self.local.warm_up(Until::Elapsed(turn * 3))?;
        self.node.warm_up(Until::Elapsed(turn / 4))?;
        let (mut by_rate, mut by_cpu) = (Vec::new(), Vec::new());
        for _ in 0..pairs {
            let local = self.local.turn(Until::Elapsed(turn))?;
            let node = self.node.turn(Until::Elapsed(turn))?;
            by_rate.push(node.outcome.rate() / local.outcome.rate());
            by_cpu.push(local.micros / node.micros);
        }
        let note = |side: &Side<'_, W>| {
            format!("{:.0}/s, {:.0} us of CPU each", median(&side.rates), median(&side.micros))
        };
        let note = format!("DynamoDB Local {}; node {}", note(&self.local), note(&self.node));
        say(&format!("{what}: {note}"));
        Ok(vec![
            Row::sampled(format!("{what}: rate of the node"), "x", Basis::Wall, by_rate)
                .held_to(goal)
                .noted(note),
            Row::sampled(format!("{what}: requests for its CPU time"), "x", Basis::Cpu, by_cpu)
                .held_to(goal),
        ])
    }
}

fn start(bench: &Bench, jars: &Path, mode: &str) -> Result<Server> {
    let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr();
    let address: SocketAddr = free().map_err(io("find a free port"))?;
    if !jars.is_dir() {
        return Err(Error::NoBinary { path: jars.to_path_buf() });
    }
    let mut command = Command::new("java");
    command.arg(format!("-Djava.library.path={}", jars.display()));
    command.args(["-cp", &format!("{}/*", jars.display())]);
    command
        .args(["com.amazonaws.services.dynamodbv2.local.main.ServerRunner", "-disableTelemetry"]);
    command.args(["-port", &address.port().to_string()]);
    if mode == "file" {
        let data = bench.fresh("dynamodb-local");
        std::fs::create_dir_all(&data).map_err(io(format!("make {}", data.display())))?;
        command.arg("-dbPath").arg(data);
    } else {
        command.arg("-inMemory");
    }
    bench.peer(command, address)
}
