//! Two builds of the node in turns, the older first: what a change costs.
//!
//! Both run at the same time on the server's core, each on data of its own, and only one of them is asked at
//! a time. CPU time per request is compared within each pair of turns, so that whatever the machine does
//! meanwhile, it does to both.

use std::path::Path;

use crate::bench::{Bench, say};
use crate::dynamo::{Session, TABLE};
use crate::error::Result;
use crate::figure::{Basis, Goal, Row};
use crate::figures::work::{Gets, NewItems};
use crate::load::{Fleet, Until, Work};
use crate::process::Server;
use crate::side::Side;
use crate::stock;

/// For the report.
pub const HOW: &str = "32 keep-alive connections ask for 1,000 items of 1 KB, strongly consistent, and put \
     new ones. In turns older, newer, older, newer, older; the ratio is that of the CPU time of a request, \
     newer / mean of the older before and after, and the guard is older / older.";

const CONNECTIONS: usize = 32;
const KEYS: u64 = 1_000;
/// New items begin here.
const NEW: u64 = 1 << 32;
/// Fewer pairs have no interval worth the name.
const LEAST_PAIRS: usize = 7;

/// Measures the node against an older build of it.
///
/// # Errors
/// If either does not serve, or a reply is wrong.
pub fn run(bench: &Bench, older: &Path) -> Result<Vec<Row>> {
    let old = bench.other_node(older, &bench.fresh("older"))?;
    let new = bench.node(&bench.fresh("newer"))?;
    for server in [&old, &new] {
        Session::open(server.address())?.create_table(TABLE)?;
        stock::fill(&mut Fleet::open(server.address(), 1, 0)?, KEYS)?;
    }
    let pairs = bench.scale.pairs().max(LEAST_PAIRS);
    let gets = Until::Requests(bench.scale.choose(10_000, 40_000, 100_000));
    let puts = Until::Requests(bench.scale.choose(5_000, 20_000, 50_000));
    let mut rows = compare("GetItem", [&old, &new], 0, || Gets { keys: KEYS }, gets, pairs)?;
    rows.extend(compare("PutItem", [&old, &new], NEW, || NewItems, puts, pairs)?);
    Ok(rows)
}

/// Both builds under the same load.
fn compare<W: Work>(
    operation: &str,
    [old, new]: [&Server; 2],
    first: u64,
    work: impl Fn() -> W,
    turn: Until,
    pairs: usize,
) -> Result<Vec<Row>> {
    let mut old = Side::open(old, CONNECTIONS, first, work())?;
    let mut new = Side::open(new, CONNECTIONS, first, work())?;
    old.warm_up(turn)?;
    new.warm_up(turn)?;
    let (mut ratios, mut guards) = (Vec::new(), Vec::new());
    let mut notes = [String::new(), String::new()];
    let mut before = old.turn(turn)?.micros;
    for pair in 1..=pairs {
        let (newer, older) = (new.turn(turn)?, old.turn(turn)?);
        let (between, after) = (newer.micros, older.micros);
        ratios.push(between / ((before + after) / 2.0));
        guards.push(after / before);
        say(&format!("pair {pair}: {operation} {before:.1}, newer {between:.1}, {after:.1} us"));
        notes = [older.describe(), newer.describe()];
        before = after;
    }
    let [old_note, new_note] = notes;
    let (cpu, micros) = (format!("CPU of a {operation}"), Basis::Cpu);
    Ok(vec![
        Row::sampled(format!("{cpu}, newer / older"), "x", micros, ratios)
            .held_to(Goal::at_most(1.05, 1.15)),
        Row::sampled(format!("guard: {operation}, older / older"), "x", micros, guards),
        Row::sampled(format!("{cpu}, older"), "us", micros, old.micros).noted(old_note),
        Row::sampled(format!("{cpu}, newer"), "us", micros, new.micros).noted(new_note),
    ])
}
