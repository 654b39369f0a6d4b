//! How long a node takes from its start until it serves.

use std::path::Path;
use std::time::Duration;

use super::put_rate::CONNECTIONS;
use super::work::{Acknowledged, Gets};
use crate::bench::{Bench, say};
use crate::clock;
use crate::dynamo::{Session, TABLE};
use crate::error::Result;
use crate::figure::{Basis, Figure, Goal, Row};
use crate::load::{Fleet, Until, Work};
use crate::process::Server;
use crate::strace::Trace;

/// See the module.
pub const FIGURE: Figure = Figure {
    name: "start",
    title: "Start",
    how: "From the start of the process to the first reply to a ListTables, on both cores: on a new \
          directory; on one that holds a table and was stopped in order; and after SIGKILL while 64 \
          connections wrote, after which 1,000 of the acknowledged items are read back.",
    run,
};

/// How many of the acknowledged items are looked at.
const LOOKED_AT: usize = 1_000;

fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut empty = Samples::default();
    for _ in 0..bench.scale.pairs() {
        empty.add(start(bench, &bench.fresh("start-empty"))?)?;
    }
    say(&format!("empty: {:?} ms", empty.millis));
    let stock = bench.stock()?;
    let mut full = Samples::default();
    for _ in 0..bench.scale.pairs() {
        let started = start(bench, &stock.data)?;
        check_some(&started.node, &(0..stock.items).collect::<Vec<_>>())?;
        full.add(started)?;
    }
    say(&format!("{} items: {:?} ms", stock.items, full.millis));
    let mut killed = Samples::default();
    let data = bench.fresh("start-killed");
    let first = bench.node_on_both(&data)?;
    Session::open(first.address())?.create_table(TABLE)?;
    first.stop()?;
    let mut acknowledged = Vec::new();
    for round in 0..bench.scale.pairs() {
        kill_under_load(bench, &data, (round as u64) << 32, &mut acknowledged)?;
        let started = start(bench, &data)?;
        check_some(&started.node, &acknowledged)?;
        killed.add(started)?;
    }
    say(&format!("after SIGKILL: {:?} ms", killed.millis));
    let syncs = syncs_of_first_start(bench)?;
    let items = format!("{} items", stock.items);
    let written = format!("{} items acknowledged before the last start", acknowledged.len());
    Ok(vec![
        empty.row("start on a new directory", Goal::at_most(50.0, 200.0), syncs),
        full.row("start with a table", Goal::at_most(400.0, 1_000.0), items),
        killed.row("start after SIGKILL under load", Goal::at_most(2_000.0, 6_000.0), written),
    ])
}

/// How often a first start waits for the disk: what makes it slow where the disk is.
fn syncs_of_first_start(bench: &Bench) -> Result<String> {
    if !Trace::is_possible() {
        return Ok(String::new());
    }
    let began = clock::wall();
    let (node, trace) = bench.node_traced(&bench.fresh("start-traced"), "fdatasync,fsync")?;
    let serves = clock::wall();
    node.stop()?;
    Ok(format!("{} syncs", trace.count(began, serves)?))
}

/// What several starts took.
#[derive(Default)]
struct Samples {
    millis: Vec<f64>,
    cpu_millis: Vec<f64>,
}

/// A start, and the node that came of it.
struct Started {
    node: Server,
    took: Duration,
    cpu: Duration,
}

impl Samples {
    fn add(&mut self, started: Started) -> Result<()> {
        self.millis.push(started.took.as_secs_f64() * 1e3);
        self.cpu_millis.push(started.cpu.as_secs_f64() * 1e3);
        started.node.stop()
    }

    fn row(self, what: &str, goal: Option<Goal>, note: String) -> Row {
        let cpu = crate::stats::median(&self.cpu_millis);
        let note = if note.is_empty() { note } else { format!("{note}; ") };
        Row::sampled(what, "ms", Basis::Wall, self.millis)
            .held_to(goal)
            .noted(format!("{note}{cpu:.0} ms of CPU until it served"))
    }
}

fn start(bench: &Bench, data: &Path) -> Result<Started> {
    let began = clock::now();
    let node = bench.node_on_both(data)?;
    Session::open(node.address())?.list_tables()?;
    let took = clock::now().saturating_duration_since(began);
    let cpu = node.usage()?.all();
    Ok(Started { node, took, cpu })
}

/// Writes items from `first` on until the node is killed; adds those that were acknowledged.
fn kill_under_load(
    bench: &Bench,
    data: &Path,
    first: u64,
    acknowledged: &mut Vec<u64>,
) -> Result<()> {
    let node = bench.node_on_both(data)?;
    let mut fleet = Fleet::open(node.address(), CONNECTIONS, first)?;
    let length = Duration::from_secs(bench.scale.choose(1, 3, 10));
    let work = Acknowledged::default();
    std::thread::scope(|scope| {
        let load = scope.spawn(|| fleet.closed(Until::Requests(u64::MAX / 2), &work));
        clock::wait_until(clock::now() + length);
        let killed = node.kill();
        // Its connections break: that is the point.
        let _ = load.join().expect("load does not panic");
        killed
    })?;
    acknowledged.extend(work.0.into_inner().expect("nobody panics with it"));
    Ok(())
}

/// Reads items back, evenly chosen from these numbers.
fn check_some(node: &Server, numbers: &[u64]) -> Result<()> {
    let mut session = Session::open(node.address())?;
    let mut scratch = Vec::new();
    let gets = Gets { keys: u64::MAX };
    for number in numbers.iter().step_by((numbers.len() / LOOKED_AT).max(1)) {
        let reply = session.connection.call(session.requests.get_item(*number))?;
        gets.check(*number, &reply, &mut scratch)?;
    }
    Ok(())
}
