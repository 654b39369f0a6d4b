//! One item that everybody writes: how many serial writes a second, and whether it stays so.

use std::time::Duration;

use super::put_rate::CONNECTIONS;
use super::work::OneKey;
use crate::bench::{Bench, say};
use crate::dynamo::{Session, TABLE};
use crate::error::Result;
use crate::figure::{Basis, Figure, Goal, Row};
use crate::load::{Fleet, Until};
use crate::stats::median;

/// See the module.
pub const FIGURE: Figure = Figure {
    name: "hot-item",
    title: "One hot item, 64 clients",
    how: "64 keep-alive connections put one key, each time another item of 1 KB. The run is cut into ten \
          windows; the slope is the last three windows against the first three.",
    run,
};

const WINDOWS: u32 = 10;

fn run(bench: &Bench) -> Result<Vec<Row>> {
    let node = bench.node(&bench.fresh("hot-item"))?;
    Session::open(node.address())?.create_table(TABLE)?;
    let mut fleet = Fleet::open(node.address(), CONNECTIONS, 0)?;
    let whole = Duration::from_secs(bench.scale.choose(10, 60, 600));
    let (mut rates, mut micros, mut note) = (Vec::new(), Vec::new(), String::new());
    for window in 1..=WINDOWS {
        let usage = node.usage()?;
        let outcome = fleet.closed(Until::Elapsed(whole / WINDOWS), &OneKey)?;
        let spent = node.usage()?.since(&usage);
        rates.push(outcome.rate());
        micros.push(spent.micros_each(outcome.requests));
        note = spent.describe(outcome.requests);
        say(&format!(
            "window {window}: {:.0}/s, {:.1} us of CPU each",
            outcome.rate(),
            spent.micros_each(outcome.requests)
        ));
    }
    let slope = |samples: &[f64]| {
        let first = samples.get(..3).unwrap_or(samples);
        let last = samples.get(samples.len().saturating_sub(3)..).unwrap_or(samples);
        median(last) / median(first)
    };
    let (rate_slope, cpu_slope) = (slope(&rates), slope(&micros));
    let seconds = whole.as_secs();
    Ok(vec![
        Row::sampled("writes of one item", "/s", Basis::Wall, rates)
            .held_to(Goal::at_least(20_000.0, 8_000.0)),
        Row::single("rate at the end / at the beginning", "x", Basis::Wall, rate_slope)
            .held_to(Goal::at_least(0.9, 0.75))
            .noted(format!("over {seconds} s")),
        Row::single("CPU of a write at the end / at the beginning", "x", Basis::Cpu, cpu_slope)
            .held_to(Goal::at_most(1.1, 1.25)),
        Row::sampled("CPU of a write", "us", Basis::Cpu, micros).noted(note),
    ])
}
