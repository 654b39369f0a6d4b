//! How long a table takes to be made, and whether a node bears many.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::time::Duration;

use crate::bare::syncs::Syncs;
use crate::bench::{Bench, say};
use crate::clock;
use crate::dynamo::Session;
use crate::error::{Error, Result};
use crate::figure::{Basis, Figure, Goal, Row};
use crate::proc::resident;

/// See the module.
pub const FIGURE: Figure = Figure {
    name: "tables",
    title: "Tables",
    how: "One client creates tables, one after the other, and asks DescribeTable until each is ACTIVE; the \
          median, less that of one fdatasync of 4 KiB. Then all are listed, deleted, and waited for until \
          none is left.",
    run,
};

const MIB: f64 = 1024.0 * 1024.0;
/// How long the last deletion may take to be carried out.
const GONE_LIMIT: Duration = Duration::from_secs(120);

fn run(bench: &Bench) -> Result<Vec<Row>> {
    let count: usize = bench.scale.choose(100, 1_000, 1_000);
    let file = bench.fresh("bare-syncs");
    let arguments: [&OsStr; 5] =
        ["syncs".as_ref(), "--file".as_ref(), file.as_ref(), "--count".as_ref(), "200".as_ref()];
    let sync = || -> Result<f64> { Ok(bench.bare::<Syncs>(&arguments)?.p50_micros / 1e3) };
    let sync_before = sync()?;
    let node = bench.node(&bench.fresh("tables"))?;
    let mut session = Session::open(node.address())?;
    let empty = resident(node.pid())?;

    let usage = node.usage()?;
    let began = clock::now();
    let names: BTreeSet<String> = (0..count).map(|number| format!("table-{number:04}")).collect();
    let mut millis = Vec::with_capacity(count);
    for name in &names {
        let asked = clock::now();
        session.create_table(name)?;
        millis.push(clock::now().saturating_duration_since(asked).as_secs_f64() * 1e3);
    }
    let created = clock::now().saturating_duration_since(began).as_secs_f64();
    let sync = f64::midpoint(sync_before, sync()?);
    millis.iter_mut().for_each(|took| *took -= sync);
    let grown = resident(node.pid())?.saturating_sub(empty);
    let listed: BTreeSet<String> = session.list_tables()?.into_iter().collect();
    if listed != names {
        return Err(Error::Http("ListTables does not list what was created"));
    }
    say(&format!("{count} tables created in {created:.1} s"));
    let began = clock::now();
    for name in &names {
        session.delete_table(name)?;
    }
    let mut left = names.len();
    let mut failed = None;
    let gone = clock::poll(GONE_LIMIT, || match session.list_tables() {
        Ok(names) => {
            left = names.len();
            left == 0
        }
        Err(error) => {
            failed = Some(error);
            true
        }
    });
    if let Some(error) = failed {
        return Err(error);
    }
    if !gone {
        let seconds = GONE_LIMIT.as_secs();
        return Err(Error::TooLong { what: "the deletion of all tables", seconds });
    }
    let deleted = clock::now().saturating_duration_since(began).as_secs_f64();
    let cpu = node.usage()?.since(&usage).cpu.as_secs_f64() * 1e3 / count as f64;
    node.stop()?;
    Ok(vec![
        Row::sampled("CreateTable to ACTIVE, p50, beyond one sync", "ms", Basis::Wall, millis)
            .held_to(Goal::at_most(20.0, 100.0))
            .noted(format!("a sync took {sync:.2} ms")),
        Row::single(format!("creating {count} tables"), "s", Basis::Wall, created)
            .noted(format!("then listed; {cpu:.1} ms of CPU for a table's whole life")),
        Row::single(format!("deleting {count} tables"), "s", Basis::Wall, deleted),
        Row::single(format!("memory of {count} tables"), "MiB", Basis::Memory, grown as f64 / MIB),
    ])
}
