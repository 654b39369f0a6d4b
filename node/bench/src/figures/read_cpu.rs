//! What a GetItem costs beside the bare minimum of an HTTP request.

use std::fs;

use crate::bench::{Bench, say};
use crate::dynamo::{Session, TABLE, must_be_ok};
use crate::error::{Result, io};
use crate::figure::{Basis, Figure, Goal, Row};
use crate::load::{Fleet, Until};
use crate::side::Side;
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
    let mut ours = Side::open(&node, CONNECTIONS, 0, work::Gets { keys: KEYS })?;
    let echoes = work::Echoes { keys: KEYS, body_bytes };
    let mut bare = Side::open(&echo, CONNECTIONS, 0, echoes)?;
    ours.warm_up(Until::Requests(count / 4))?;
    bare.warm_up(Until::Requests(count / 4))?;
    let count = Until::Requests(count);
    let (mut ratios, mut guards) = (Vec::new(), Vec::new());
    let mut note = String::new();
    for pair in 1..=bench.scale.pairs() {
        let before = bare.turn(count)?.micros;
        let turn = ours.turn(count)?;
        let (get, after) = (turn.micros, bare.turn(count)?.micros);
        ratios.push(get / ((before + after) / 2.0));
        guards.push(after / before);
        say(&format!("pair {pair}: GetItem {get:.1} us, echo {before:.1} and {after:.1} us"));
        note = turn.describe();
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
