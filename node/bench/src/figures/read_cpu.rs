//! What a GetItem costs beside the bare minimum of an HTTP request.

use std::fs;

use crate::bench::{Bench, say};
use crate::dynamo::{Session, TABLE, must_be_ok};
use crate::error::{Result, io};
use crate::figure::{Basis, Figure, Goal, Row};
use crate::load::{Fleet, Until, Work};
use crate::proc::Spent;
use crate::process::Server;
use crate::{figures::work, stock};

/// See the module.
pub const FIGURE: Figure = Figure {
    name: "read-cpu",
    title: "CPU of a GetItem",
    how: "32 keep-alive connections ask for 1,000 items of 1 KB, strongly consistent, all in the cache, \
          signatures sent but not checked. The bare program is an axum handler that reads the same \
          request and returns the bytes of one of the node's replies, headers included. In turns echo, \
          node, echo; the ratio is node / mean of both echoes, the guard is echo / echo.",
    run,
};

const CONNECTIONS: usize = 32;
const KEYS: u64 = 1_000;

fn run(bench: &Bench) -> Result<Vec<Row>> {
    let node = bench.node(&bench.fresh("read-cpu"))?;
    let mut session = Session::open(node.address())?;
    session.create_table(TABLE)?;
    stock::fill(&mut Fleet::open(node.address(), 1, 0)?, KEYS)?;

    let reply = session.connection.call(session.requests.get_item(0))?;
    must_be_ok("GetItem", &reply)?;
    let (recorded, body_bytes) = (bench.fresh("reply"), reply.body.len());
    fs::write(&recorded, [reply.head, reply.body].concat()).map_err(io("write the reply"))?;
    let echo = bench.bare_server(&["echo".as_ref(), "--reply".as_ref(), recorded.as_os_str()])?;

    let count = bench.scale.choose(10_000, 40_000, 100_000);
    let mut ours = Side::new(&node, work::Gets { keys: KEYS })?;
    let mut bare = Side::new(&echo, work::Echoes { keys: KEYS, body_bytes })?;
    ours.slice(count / 4)?;
    bare.slice(count / 4)?;
    (ours.micros, ours.rates, bare.micros, bare.rates) = Default::default();
    let (mut ratios, mut guards) = (Vec::new(), Vec::new());
    let mut note = String::new();
    for pair in 1..=bench.scale.pairs() {
        let (before, _) = bare.slice(count)?;
        let (get, spent) = ours.slice(count)?;
        let (after, _) = bare.slice(count)?;
        ratios.push(get / ((before + after) / 2.0));
        guards.push(after / before);
        say(&format!("pair {pair}: GetItem {get:.1} us, echo {before:.1} and {after:.1} us"));
        note = spent.describe(count);
    }
    Ok(vec![
        Row::sampled("CPU of a GetItem / CPU of a bare echo", "x", Basis::Cpu, ratios)
            .held_to(Goal::at_most(1.4, 1.8)),
        Row::sampled("CPU of a GetItem", "us", Basis::Cpu, ours.micros).noted(note),
        Row::sampled("CPU of a bare echo", "us", Basis::Cpu, bare.micros),
        Row::sampled("guard: echo / echo", "x", Basis::Cpu, guards),
        Row::sampled("GetItem, closed loop, server on one core", "/s", Basis::Wall, ours.rates),
        Row::sampled("bare echo, the same way", "/s", Basis::Wall, bare.rates),
    ])
}

/// A server under one kind of load, with what all its slices gave.
struct Side<'a, W> {
    server: &'a Server,
    fleet: Fleet,
    work: W,
    micros: Vec<f64>,
    rates: Vec<f64>,
}

impl<'a, W: Work> Side<'a, W> {
    fn new(server: &'a Server, work: W) -> Result<Self> {
        let fleet = Fleet::open(server.address(), CONNECTIONS, 0)?;
        Ok(Self { server, fleet, work, micros: Vec::new(), rates: Vec::new() })
    }

    /// Asks so often; returns the CPU time of a request, in microseconds, and where it went.
    fn slice(&mut self, count: u64) -> Result<(f64, Spent)> {
        let before = self.server.usage()?;
        let outcome = self.fleet.closed(Until::Requests(count), &self.work)?;
        let spent = self.server.usage()?.since(&before);
        let micros = spent.micros_each(outcome.requests);
        self.micros.push(micros);
        self.rates.push(outcome.rate());
        Ok((micros, spent))
    }
}
