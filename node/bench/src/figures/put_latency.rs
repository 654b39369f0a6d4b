//! What the node adds to the one sync that a durable write waits for.

use std::ffi::OsStr;
use std::time::Duration;

use super::put_rate;
use super::work::NewItems;
use crate::bare::syncs::Syncs;
use crate::bench::{Bench, say};
use crate::dynamo::{Session, TABLE};
use crate::error::Result;
use crate::figure::{Basis, Figure, Goal, Row};
use crate::load::{Fleet, Until};

/// See the module.
pub const FIGURE: Figure = Figure {
    name: "put-latency",
    title: "Latency of PutItem",
    how: "One client puts new items of 1 KB, one after the other. The bare program writes and syncs 4 KiB \
          blocks into a file of 64 MiB that was written before. In turns bare, node, bare; the difference \
          is that of the medians, the guard that of both bare ones. Then 64 connections at 70 % of the \
          peak rate, sent by a schedule and timed from when they were due.",
    run,
};

fn run(bench: &Bench) -> Result<Vec<Row>> {
    let node = bench.node(&bench.fresh("put-latency"))?;
    Session::open(node.address())?.create_table(TABLE)?;
    let mut fleet = Fleet::open(node.address(), 1, 0)?;
    let count = bench.scale.choose(200, 500, 2_000);
    fleet.closed(Until::Requests(count), &NewItems)?;

    let file = bench.fresh("bare-syncs");
    let text = count.to_string();
    let arguments: [&OsStr; 5] =
        ["syncs".as_ref(), "--file".as_ref(), file.as_ref(), "--count".as_ref(), text.as_ref()];
    let bare = || bench.bare::<Syncs>(&arguments);
    bare()?;
    let (mut differences, mut guards) = (Vec::new(), Vec::new());
    let (mut puts, mut syncs, mut micros) = (Vec::new(), Vec::new(), Vec::new());
    let mut note = String::new();
    for pair in 1..=bench.scale.pairs() {
        let before = bare()?;
        let usage = node.usage()?;
        let outcome = fleet.closed(Until::Requests(count), &NewItems)?;
        let spent = node.usage()?.since(&usage);
        let after = bare()?;
        let (put, sync) = (outcome.micros(0.5), (before.p50_micros + after.p50_micros) / 2.0);
        say(&format!("pair {pair}: PutItem p50 {put:.0} us, sync p50 {sync:.0} us"));
        differences.push(put - sync);
        guards.push(after.p50_micros - before.p50_micros);
        puts.push(put);
        syncs.push(sync);
        micros.push(spent.micros_each(outcome.requests));
        note = spent.describe(outcome.requests);
    }
    let mut rows = vec![
        Row::sampled(
            "PutItem p50 minus one fdatasync p50, one client",
            "us",
            Basis::Wall,
            differences,
        )
        .held_to(Goal::at_most(150.0, 500.0)),
        Row::sampled("guard: fdatasync p50 minus fdatasync p50", "us", Basis::Wall, guards),
        Row::sampled("PutItem p50, one client", "us", Basis::Wall, puts),
        Row::sampled("fdatasync p50", "us", Basis::Wall, syncs),
        Row::sampled("CPU of a PutItem, one client", "us", Basis::Cpu, micros).noted(note),
    ];
    drop(fleet);
    rows.extend(tail(bench, &node)?);
    Ok(rows)
}

/// Latency at 70 % of the peak rate.
fn tail(bench: &Bench, node: &crate::process::Server) -> Result<Vec<Row>> {
    let length = Duration::from_secs(bench.scale.choose(2, 10, 60));
    let mut fleet = Fleet::open(node.address(), put_rate::CONNECTIONS, 1 << 32)?;
    let peak = fleet.closed(Until::Elapsed(length / 2), &NewItems)?.rate();
    let outcome = fleet.scheduled(0.7 * peak, length, &NewItems)?;
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|quantile| outcome.micros(quantile));
    let note = format!("at {:.0}/s: p50 {p50:.0}, p99 {p99:.0}, p99.9 {p999:.0} us", 0.7 * peak);
    Ok(vec![
        Row::single("p99 / p50 at 70 % of peak", "x", Basis::Wall, p99 / p50)
            .held_to(Goal::at_most(4.0, 8.0))
            .noted(note),
        Row::single("p99.9 / p50 at 70 % of peak", "x", Basis::Wall, p999 / p50)
            .held_to(Goal::at_most(10.0, 25.0)),
    ])
}
