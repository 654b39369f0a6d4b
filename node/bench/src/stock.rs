//! A data directory with many items: made once a run, and used by every figure that needs one.

use std::path::PathBuf;
use std::time::Duration;

use crate::bench::{Bench, say};
use crate::clock;
use crate::dynamo::{Requests, Session, TABLE, must_be_ok, wrong};
use crate::error::Result;
use crate::http::Response;
use crate::load::{Fleet, Until, Work};
use crate::proc::{Usage, resident};

/// The most items of a BatchWriteItem.
const BATCH: u64 = 25;
/// Connections that fill it.
const CONNECTIONS: usize = 8;
/// How long the store may take until flushes and compactions are through.
const SETTLE_LIMIT: Duration = Duration::from_secs(60);
/// A process that uses less of a core than this has nothing left to do.
const SETTLED_SHARE: f64 = 0.02;

/// See the module.
#[derive(Debug)]
pub struct Stock {
    /// Where it lies. The node that made it was stopped in order.
    pub data: PathBuf,
    /// Items 0 to this.
    pub items: u64,
    /// Resident memory of the node before the first item, in bytes.
    pub resident_empty: u64,
    /// Resident memory of the node after the last, with nothing left to do.
    pub resident_full: u64,
}

impl Stock {
    /// Fills a data directory.
    ///
    /// # Errors
    /// If the node refuses.
    pub fn make(bench: &Bench) -> Result<Self> {
        let (data, items) = (bench.fresh("stock"), bench.scale.items());
        say(&format!("filling a table with {items} items"));
        let node = bench.node_on_both(&data)?;
        Session::open(node.address())?.create_table(TABLE)?;
        let resident_empty = resident(node.pid())?;
        fill(&mut Fleet::open(node.address(), CONNECTIONS, 0)?, items)?;
        settle(node.pid())?;
        let resident_full = resident(node.pid())?;
        node.stop()?;
        Ok(Self { data, items, resident_empty, resident_full })
    }
}

/// Writes items 0 to `items`, which should be a multiple of 25.
///
/// # Errors
/// If the server refuses.
pub fn fill(fleet: &mut Fleet, items: u64) -> Result<()> {
    fleet.closed(Until::Requests(items / BATCH), &Fill).map(drop)
}

struct Fill;

impl Work for Fill {
    fn request<'a>(&self, number: u64, requests: &'a mut Requests) -> &'a [u8] {
        requests.put_batch(number * BATCH..(number + 1) * BATCH)
    }

    fn check(&self, _number: u64, reply: &Response<'_>, _scratch: &mut Vec<u8>) -> Result<()> {
        must_be_ok("BatchWriteItem", reply)?;
        if reply.body.starts_with(b"{\"UnprocessedItems\":{}") {
            Ok(())
        } else {
            Err(wrong("BatchWriteItem", reply, "some items were not written"))
        }
    }
}

/// Waits until a process has nothing left to do, or long enough.
fn settle(pid: u32) -> Result<()> {
    let step = Duration::from_millis(500);
    let deadline = clock::now() + SETTLE_LIMIT;
    let mut before = Usage::of(pid)?;
    while clock::now() < deadline {
        clock::wait_until(clock::now() + step);
        let now = Usage::of(pid)?;
        if now.since(&before).cpu.as_secs_f64() < SETTLED_SHARE * step.as_secs_f64() {
            return Ok(());
        }
        before = now;
    }
    Ok(())
}
