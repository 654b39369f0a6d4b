//! How often the disk is waited for, and how much is written, for each acknowledged write.

use std::time::Duration;

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
use crate::process::Server;
use crate::strace::Trace;

/// See the module.
pub const FIGURE: Figure = Figure {
    name: "put-syncs",
    title: "Syncs and bytes of a PutItem, 64 clients",
    how: "64 keep-alive connections put new items of 1 KB. Bytes are those that the node's log thread and \
          apply thread hand to `write`, from the process table, divided by the items' size by the \
          service's rule. The log thread writes once and syncs once for each batch, so its writes are its \
          syncs: strace, in a second run, sees all syncs of the node, shows that this is so, and how many \
          other threads add.",
    run,
};

/// Threads that write the Raft log, and those that write fjall's journal.
const LOG: &[&str] = &["log"];
const JOURNAL: &[&str] = &["apply", "persist"];
/// Threads that write to sockets.
const SOCKETS: &str = "edge";

fn run(bench: &Bench) -> Result<Vec<Row>> {
    let count = bench.scale.choose(20_000, 100_000, 1_000_000);
    let spent = load(&bench.node(&bench.fresh("put-bytes"))?, count)?.spent;
    let log = spent.part("log").writes;
    let mut rows = vec![syncs(bench, count, log)?];
    rows.extend(bytes(&spent, count, log));
    Ok(rows)
}

/// A load, and what it cost.
struct Loaded {
    spent: Spent,
    /// When it began and ended, since the epoch.
    from: Duration,
    until: Duration,
}

fn load(node: &Server, count: u64) -> Result<Loaded> {
    Session::open(node.address())?.create_table(TABLE)?;
    let mut fleet = Fleet::open(node.address(), CONNECTIONS, 0)?;
    fleet.closed(Until::Requests(count / 10), &NewItems)?;
    let (from, usage) = (clock::wall(), node.usage()?);
    fleet.closed(Until::Requests(count), &NewItems)?;
    Ok(Loaded { spent: node.usage()?.since(&usage), from, until: clock::wall() })
}

/// `log` is how often the log was written when nobody counted.
fn syncs(bench: &Bench, count: u64, log: u64) -> Result<Row> {
    let each = |number: u64| number as f64 / count as f64;
    let row = |all, note: String| {
        Row::single("syncs of an acknowledged PutItem", "", Basis::Count, each(all))
            .held_to(Goal::at_most(0.05, 0.15))
            .noted(note)
    };
    if !Trace::is_possible() {
        return Ok(row(log, "those of the log alone: there is no strace here".to_owned()));
    }
    let (node, trace) = bench.node_traced(&bench.fresh("put-syncs"), "fdatasync,fsync")?;
    let traced = load(&node, count)?;
    node.stop()?;
    let all = trace.count(traced.from, traced.until)?;
    let traced_log = traced.spent.part("log").writes;
    let others = all.saturating_sub(traced_log);
    let note = format!(
        "{:.3} of the log; under strace, which makes batches smaller, {:.3} in all, {:.3} of them the log's",
        each(log),
        each(all),
        each(traced_log)
    );
    Ok(row(log + others, note))
}

fn bytes(spent: &Spent, count: u64, log_writes: u64) -> Vec<Row> {
    let each = |bytes: u64| bytes as f64 / (count * ITEM_BYTES) as f64;
    let (log, journal) = (written(spent, LOG), written(spent, JOURNAL));
    let sockets = spent.part(SOCKETS).written;
    let all: u64 = spent.threads.values().map(|part| part.written).sum::<u64>() - sockets;
    let batch = count as f64 / log_writes.max(1) as f64;
    vec![
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
        Row::single(
            "the same with flushes, compactions, new segments",
            "x",
            Basis::Count,
            each(all),
        )
        .noted("only as far as they came during the load"),
    ]
}

fn written(spent: &Spent, threads: &[&str]) -> u64 {
    threads.iter().map(|name| spent.part(name).written).sum()
}
