//! One item that everybody writes: how many serial writes a second, and whether it stays so.

use std::time::Duration;

use super::put_rate::CONNECTIONS;
use super::work::Additions;
use crate::bench::{Bench, say};
use crate::dynamo::{Session, TABLE, must_be_ok, must_be_put, wrong};
use crate::error::Result;
use crate::figure::{Basis, Figure, Goal, Row};
use crate::item;
use crate::load::{Fleet, Until};
use crate::stats::median;

/// See the module.
pub const FIGURE: Figure = Figure {
    name: "hot-item",
    title: "One hot item, 64 clients",
    how: "64 keep-alive connections add one to a number of one item of 1 KB, by UpdateItem. The run is cut \
          into ten windows; the slope is the last three windows against the first three. In the end the \
          number must be what was acknowledged.",
    run,
};

const WINDOWS: u32 = 10;

fn run(bench: &Bench) -> Result<Vec<Row>> {
    let node = bench.node(&bench.fresh("hot-item"))?;
    let mut session = Session::open(node.address())?;
    session.create_table(TABLE)?;
    must_be_put(&session.connection.call(session.requests.put_item(0, 0))?)?;
    let mut fleet = Fleet::open(node.address(), CONNECTIONS, 0)?;
    let whole = Duration::from_secs(bench.scale.choose(10, 60, 600));
    let (mut rates, mut micros, mut note) = (Vec::new(), Vec::new(), String::new());
    let mut added = 0;
    for window in 1..=WINDOWS {
        let usage = node.usage()?;
        let outcome = fleet.closed(Until::Elapsed(whole / WINDOWS), &Additions)?;
        let spent = node.usage()?.since(&usage);
        added += outcome.requests;
        rates.push(outcome.rate());
        micros.push(spent.micros_each(outcome.requests));
        note = spent.describe(outcome.requests);
        say(&format!(
            "window {window}: {:.0}/s, {:.1} us of CPU each",
            outcome.rate(),
            spent.micros_each(outcome.requests)
        ));
    }
    // The session of the beginning may have been idle for longer than a connection may be.
    check_sum(&mut Session::open(node.address())?, added)?;
    let slope = |samples: &[f64]| {
        let first = samples.get(..3).unwrap_or(samples);
        let last = samples.get(samples.len().saturating_sub(3)..).unwrap_or(samples);
        median(last) / median(first)
    };
    let (rate_slope, cpu_slope) = (slope(&rates), slope(&micros));
    let seconds = whole.as_secs();
    Ok(vec![
        Row::sampled("additions to one item", "/s", Basis::Wall, rates)
            .held_to(Goal::at_least(20_000.0, 8_000.0)),
        Row::single("rate at the end / at the beginning", "x", Basis::Wall, rate_slope)
            .held_to(Goal::at_least(0.9, 0.75))
            .noted(format!("over {seconds} s")),
        Row::single("CPU of an addition at the end / at the beginning", "x", Basis::Cpu, cpu_slope)
            .held_to(Goal::at_most(1.1, 1.25)),
        Row::sampled("CPU of an addition", "us", Basis::Cpu, micros).noted(note),
    ])
}

/// Whether no acknowledged addition is lost and none was made twice.
fn check_sum(session: &mut Session, added: u64) -> Result<()> {
    let reply = session.connection.call(session.requests.get_item(0))?;
    must_be_ok("GetItem", &reply)?;
    let expected = format!("\"visits\":{{\"N\":\"{}\"}}", item::VISITS + added);
    match std::str::from_utf8(reply.body) {
        Ok(body) if body.contains(&expected) => Ok(()),
        _ => Err(wrong("GetItem", &reply, "the sum should be that of all additions")),
    }
}
