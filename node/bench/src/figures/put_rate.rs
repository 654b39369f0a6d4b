//! How many durable writes there are beside what the disk and the engine can do at all.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::time::Duration;

use super::work::NewItems;
use crate::bare::writes::Written;
use crate::bench::{Bench, say};
use crate::dynamo::{Session, TABLE, must_be_put};
use crate::error::{Result, io};
use crate::figure::{Basis, Figure, Goal, Row};
use crate::item::ITEM_BYTES;
use crate::load::{Fleet, Until};
use crate::process::Server;
use crate::side::Side;

/// See the module.
pub const FIGURE: Figure = Figure {
    name: "put-rate",
    title: "Durable PutItem, 64 clients",
    how: "64 keep-alive connections put new items of 1 KB, each acknowledged after its sync. The bare \
          program appends batches to a file that was written before, syncs each once, and puts its items \
          into fjall without a sync: as many items a batch, and as many bytes, as the node's log just had \
          (from the writes of its log thread). In turns bare, node, bare, echo; the guard is bare / bare. The \
          bare loop hears no clients: an axum handler that reads the same requests and returns the bytes \
          of one of the node's replies costs what it leaves out, and a server on one core that wasted \
          nothing would do both.",
    run,
};

/// Clients at once.
pub const CONNECTIONS: usize = 64;

fn run(bench: &Bench) -> Result<Vec<Row>> {
    let node = bench.node(&bench.fresh("put-rate"))?;
    let mut session = Session::open(node.address())?;
    session.create_table(TABLE)?;
    let echo = echo(bench, &mut session)?;
    let mut echoes = Side::open(&echo, CONNECTIONS, 0, NewItems)?;
    let mut fleet = Fleet::open(node.address(), CONNECTIONS, 0)?;
    let slice = Duration::from_secs_f64(bench.scale.choose(1.0, 2.0, 5.0));
    fleet.closed(Until::Elapsed(slice / 2), &NewItems)?;

    let bare_dir = bench.fresh("bare-writes");
    let (mut ratios, mut guards, mut batches) = (Vec::new(), Vec::new(), Vec::new());
    let (mut micros, mut bare_micros) = (Vec::new(), Vec::new());
    let (mut rates, mut bare_rates) = (Vec::new(), Vec::new());
    let (mut ceilings, mut shares) = (Vec::new(), Vec::new());
    let mut note = String::new();
    let mut shape = Shape { batch: 8.0, log_bytes: 12_288 };
    for pair in 0..=bench.scale.pairs() {
        let bare = |shape| {
            bench.bare::<Written>(
                &arguments(&bare_dir, shape, slice).each_ref().map(OsString::as_os_str),
            )
        };
        let before = bare(shape)?;
        let usage = node.usage()?;
        let outcome = fleet.closed(Until::Elapsed(slice), &NewItems)?;
        let spent = node.usage()?.since(&usage);
        let log = spent.part("log");
        shape = Shape {
            batch: outcome.requests as f64 / log.writes.max(1) as f64,
            log_bytes: log.written / log.writes.max(1),
        };
        let after = bare(shape)?;
        let heard = echoes.turn(Until::Elapsed(slice / 2))?.micros;
        if pair == 0 {
            // The first only finds the shape of a batch.
            continue;
        }
        let (rate, one, two) = (outcome.rate(), before.rate(), after.rate());
        say(&format!(
            "pair {pair}: {rate:.0}/s in batches of {:.1}, bare {one:.0}/s and {two:.0}/s",
            shape.batch
        ));
        ratios.push(rate / ((one + two) / 2.0));
        guards.push(two / one);
        batches.push(shape.batch);
        let (put, written) =
            (spent.micros_each(outcome.requests), (before.cpu_micros + after.cpu_micros) / 2.0);
        micros.push(put);
        bare_micros.push(written);
        ceilings.push(written / (heard + written));
        shares.push(put / (heard + written));
        rates.push(rate);
        bare_rates.push((one + two) / 2.0);
        note = spent.describe(outcome.requests);
    }
    Ok(vec![
        Row::sampled("durable PutItem / bare loop", "of its rate", Basis::Wall, ratios)
            .held_to(Goal::at_least(0.7, 0.5)),
        Row::sampled("guard: bare / bare", "x", Basis::Wall, guards),
        Row::sampled("items of a batch", "", Basis::Count, batches),
        Row::sampled("CPU of a PutItem", "us", Basis::Cpu, micros).noted(note),
        Row::sampled("CPU of an item in the bare loop", "us", Basis::Cpu, bare_micros),
        Row::sampled("CPU of a bare echo of a PutItem", "us", Basis::Cpu, echoes.micros),
        Row::sampled("bare loop / (echo + bare loop)", "of its rate", Basis::Cpu, ceilings)
            .noted("what a server on one core could reach at most"),
        Row::sampled("CPU of a PutItem / (echo + bare loop)", "x", Basis::Cpu, shares),
        Row::sampled("PutItem, server on one core", "/s", Basis::Wall, rates),
        Row::sampled("bare loop", "/s", Basis::Wall, bare_rates),
    ])
}

/// A bare server that answers as the node answers a PutItem.
fn echo(bench: &Bench, session: &mut Session) -> Result<Server> {
    let reply = session.connection.call(session.requests.put_item(u64::MAX, 0))?;
    must_be_put(&reply)?;
    let recorded = bench.fresh("reply");
    fs::write(&recorded, [reply.head, reply.body].concat()).map_err(io("write the reply"))?;
    bench.bare_server(&["echo".as_ref(), "--reply".as_ref(), recorded.as_os_str()])
}

/// What a batch of the node's log looks like, on average.
#[derive(Clone, Copy)]
struct Shape {
    batch: f64,
    log_bytes: u64,
}

impl Written {
    fn rate(&self) -> f64 {
        self.items as f64 / self.seconds
    }
}

fn arguments(dir: &std::path::Path, shape: Shape, length: Duration) -> [OsString; 11] {
    let text = |text: &str| OsStr::new(text).to_os_string();
    [
        text("writes"),
        text("--dir"),
        dir.as_os_str().to_os_string(),
        text("--batch"),
        text(&shape.batch.to_string()),
        text("--log-bytes"),
        text(&shape.log_bytes.to_string()),
        text("--item-bytes"),
        text(&ITEM_BYTES.to_string()),
        text("--seconds"),
        text(&length.as_secs_f64().to_string()),
    ]
}
