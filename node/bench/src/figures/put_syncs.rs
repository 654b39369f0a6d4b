//! How often the disk is waited for, and how much is written, for each acknowledged write.

use super::put_rate::CONNECTIONS;
use super::work::NewItems;
use crate::bench::Bench;
use crate::clock;
use crate::dynamo::{Session, TABLE};
use crate::error::Result;
use crate::figure::{Basis, Figure, Goal, Row};
use crate::item::ITEM_BYTES;
use crate::load::{Fleet, Until};
use crate::proc::Spent;
use crate::strace::Trace;

/// See the module.
pub const FIGURE: Figure = Figure {
    name: "put-syncs",
    title: "Syncs and bytes of a PutItem, 64 clients",
    how: "64 keep-alive connections put new items of 1 KB. Bytes are those that the node's log thread and \
          apply thread hand to `write`, from the process table, divided by the items' size by the \
          service's rule. Syncs are counted a second time, by strace, which stops at nothing else.",
    run,
};

/// Threads that write the Raft log, and those that write fjall's journal.
const LOG: &[&str] = &["log"];
const JOURNAL: &[&str] = &["apply", "persist"];
/// Threads that write to sockets.
const SOCKETS: &str = "edge";

fn run(bench: &Bench) -> Result<Vec<Row>> {
    let count = bench.scale.choose(20_000, 100_000, 1_000_000);
    let mut rows = syncs(bench, count)?;
    rows.extend(bytes(bench, count)?);
    Ok(rows)
}

fn syncs(bench: &Bench, count: u64) -> Result<Vec<Row>> {
    const WHAT: &str = "syncs of an acknowledged PutItem";
    let goal = Goal::at_most(0.05, 0.15);
    if !Trace::is_possible() {
        let row = Row::single(WHAT, "", Basis::Count, f64::NAN).held_to(goal);
        return Ok(vec![row.noted("not measured: there is no strace here")]);
    }
    let (node, trace) = bench.node_traced(&bench.fresh("put-syncs"), "fdatasync,fsync")?;
    Session::open(node.address())?.create_table(TABLE)?;
    let mut fleet = Fleet::open(node.address(), CONNECTIONS, 0)?;
    fleet.closed(Until::Requests(count / 10), &NewItems)?;
    let (from, usage) = (clock::wall(), node.usage()?);
    fleet.closed(Until::Requests(count), &NewItems)?;
    let (until, spent) = (clock::wall(), node.usage()?.since(&usage));
    node.stop()?;
    let each = |number: u64| number as f64 / count as f64;
    let by_log = each(spent.part("log").writes);
    Ok(vec![
        Row::single(WHAT, "", Basis::Count, each(trace.count(from, until)?))
            .held_to(goal)
            .noted(format!("{count} writes; those of the log alone: {by_log:.3}")),
    ])
}

fn bytes(bench: &Bench, count: u64) -> Result<Vec<Row>> {
    let node = bench.node(&bench.fresh("put-bytes"))?;
    Session::open(node.address())?.create_table(TABLE)?;
    let mut fleet = Fleet::open(node.address(), CONNECTIONS, 0)?;
    fleet.closed(Until::Requests(count / 10), &NewItems)?;
    let usage = node.usage()?;
    fleet.closed(Until::Requests(count), &NewItems)?;
    let spent = node.usage()?.since(&usage);
    let each = |bytes: u64| bytes as f64 / (count * ITEM_BYTES) as f64;
    let (log, journal) = (written(&spent, LOG), written(&spent, JOURNAL));
    let sockets = spent.part(SOCKETS).written;
    let all: u64 = spent.threads.values().map(|part| part.written).sum::<u64>() - sockets;
    let batch = count as f64 / spent.part("log").writes.max(1) as f64;
    Ok(vec![
        Row::single(
            "bytes to log and journal / item bytes",
            "x",
            Basis::Count,
            each(log + journal),
        )
        .held_to(Goal::at_most(2.2, 3.0))
        .noted(format!(
            "log {:.2}, journal {:.2}, in batches of {batch:.1} items",
            each(log),
            each(journal)
        )),
        Row::single("the same with flushes and compactions so far", "x", Basis::Count, each(all)),
    ])
}

fn written(spent: &Spent, threads: &[&str]) -> u64 {
    threads.iter().map(|name| spent.part(name).written).sum()
}
