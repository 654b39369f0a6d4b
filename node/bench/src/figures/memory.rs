//! How much memory items take beside the caches that were asked for.

use crate::bench::Bench;
use crate::error::Result;
use crate::figure::{Basis, Figure, Goal, Row};

/// See the module.
pub const FIGURE: Figure = Figure {
    name: "memory",
    title: "Resident memory",
    how: "A node is filled with items of 1 KB by BatchWriteItem from 8 connections, and left alone until \
          it has nothing to do. From its resident memory, the write buffer (128 MiB) and the block cache \
          (64 MiB) that it is configured with are subtracted, and the rest is divided by the items.",
    run,
};

const MIB: f64 = 1024.0 * 1024.0;
/// What `stator-node dev` is configured with.
const WRITE_BUFFER_MIB: f64 = 128.0;
const BLOCK_CACHE_MIB: f64 = 64.0;

fn run(bench: &Bench) -> Result<Vec<Row>> {
    let stock = bench.stock()?;
    let millions = stock.items as f64 / 1e6;
    let full = stock.resident_full as f64 / MIB;
    let caches = WRITE_BUFFER_MIB + BLOCK_CACHE_MIB;
    let empty = stock.resident_empty as f64 / MIB;
    let items = stock.items;
    // Less than the caches may take: they are not full, and what lies beside them cannot be told. For a
    // million items that is the answer that the goal asks for; for fewer, it says nothing of a million.
    let beyond = match full - caches {
        beyond if beyond > 0.0 => beyond / millions,
        _ if millions >= 1.0 => 0.0,
        _ => f64::NAN,
    };
    let note = if full > caches { "" } else { ", less than the caches alone may take" };
    Ok(vec![
        Row::single("memory of a million items", "MiB", Basis::Memory, beyond)
            .held_to(Goal::at_most(40.0, 80.0))
            .noted(format!("{items} items: {full:.0} MiB resident in all{note}")),
        Row::single(
            "the same if no cache held anything",
            "MiB",
            Basis::Memory,
            (full - empty) / millions,
        )
        .noted("a bound from above: all that came with the items"),
        Row::single("an empty node", "MiB", Basis::Memory, empty)
            .held_to(Goal::at_most(25.0, 60.0)),
    ])
}
