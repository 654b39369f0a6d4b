//! How fast a table is read from end to end.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::bench::{Bench, say};
use crate::dynamo::{Requests, Session, must_be_ok, wrong};
use crate::error::{Error, Result};
use crate::figure::{Basis, Figure, Goal, Row};
use crate::item::ITEM_BYTES;

/// See the module.
pub const FIGURE: Figure = Figure {
    name: "scan",
    title: "Scan of a whole table",
    how: "One client reads a table of items of 1 KB, page after page, in one segment, and counts the items. \
          Item bytes by the service's rule, divided by the CPU time of the node. In turns without and with a \
          FilterExpression that looks at one number of each item and lets all pass.",
    run,
};

/// What a page says, without what it holds.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page<'a> {
    count: u64,
    #[serde(borrow)]
    last_evaluated_key: Option<&'a RawValue>,
}

fn run(bench: &Bench) -> Result<Vec<Row>> {
    let stock = bench.stock()?;
    let node = bench.node(&stock.data)?;
    let (mut speeds, mut ratios, mut note) = (Vec::new(), Vec::new(), String::new());
    pass(&mut Session::open(node.address())?, Requests::scan)?;
    for number in 1..=bench.scale.pairs() {
        let measured = |page: AskPage| {
            let usage = node.usage()?;
            let items = pass(&mut Session::open(node.address())?, page)?;
            let spent = node.usage()?.since(&usage);
            if items != stock.items {
                say(&format!("IMPORTANT: {items} items were found, {} were written", stock.items));
            }
            Ok::<_, Error>((items, spent))
        };
        let (items, spent) = measured(Requests::scan)?;
        let (_, filtered) = measured(Requests::filtered_scan)?;
        let speed = (items * ITEM_BYTES) as f64 / 1e6 / spent.cpu.as_secs_f64();
        let ratio = filtered.cpu.as_secs_f64() / spent.cpu.as_secs_f64();
        say(&format!(
            "pass {number}: {items} items, {speed:.0} MB for a second of CPU; with a filter {ratio:.2} \
             times the CPU"
        ));
        speeds.push(speed);
        ratios.push(ratio);
        note = format!("for an item, {}", spent.describe(items));
    }
    node.stop()?;
    Ok(vec![
        Row::sampled("items scanned for a second of CPU", "MB/s", Basis::Cpu, speeds)
            .held_to(Goal::at_least(250.0, 120.0))
            .noted(note),
        Row::sampled("CPU of a scan with a filter / without", "x", Basis::Cpu, ratios)
            .held_to(Goal::at_most(1.3, 1.3)),
    ])
}

/// Makes the request for a page that begins there.
pub type AskPage = for<'a> fn(&'a mut Requests, Option<&[u8]>) -> &'a [u8];

/// Reads all pages; returns how many items there were.
///
/// # Errors
/// If the server refuses, or a reply is no page.
pub fn pass(session: &mut Session, ask: AskPage) -> Result<u64> {
    let (mut items, mut start) = (0, None::<Vec<u8>>);
    loop {
        let reply = session.connection.call(ask(&mut session.requests, start.as_deref()))?;
        must_be_ok("Scan", &reply)?;
        let page: Page<'_> = serde_json::from_slice(reply.body)?;
        if page.count == 0 && page.last_evaluated_key.is_some() {
            return Err(wrong("Scan", &reply, "an empty page says that more follows"));
        }
        items += page.count;
        match page.last_evaluated_key {
            Some(key) => start = Some(key.get().as_bytes().to_vec()),
            None => return Ok(items),
        }
    }
}
