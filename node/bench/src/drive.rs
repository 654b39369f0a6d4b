//! Load on a server that runs already: to look at it with a profiler, or to compare it with another.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::dynamo::{Requests, Session, TABLE};
use crate::error::Result;
use crate::figures::scan;
use crate::figures::work::{Additions, Gets, NewItems};
use crate::load::{Fleet, Outcome, Until};
use crate::{clock, stock};

/// What to ask, and how much.
#[derive(Clone, Debug, Args)]
pub struct Drive {
    /// Where the server listens
    #[arg(value_name = "ADDR")]
    address: SocketAddr,

    /// What to ask for
    #[arg(value_enum)]
    kind: Kind,

    /// Clients at once
    #[arg(long, default_value_t = 32)]
    connections: usize,

    /// For how long
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,

    /// Exactly so many requests, instead of for some time
    #[arg(long, conflicts_with = "seconds")]
    requests: Option<u64>,

    /// Ask by a schedule, so many times a second, instead of as fast as replies come
    #[arg(long, conflicts_with = "requests")]
    rate: Option<f64>,
}

/// What to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// GetItem of 1,000 items
    Get,
    /// PutItem of new items
    Put,
    /// PutItem of one key
    Hot,
    /// Scan from end to end
    Scan,
}

/// How many items are read.
const KEYS: u64 = 1_000;

/// Asks, and says what came of it.
///
/// # Errors
/// If the server fails, or a reply is wrong.
pub fn run(plan: &Drive) -> Result<()> {
    let mut session = Session::open(plan.address)?;
    if !session.list_tables()?.iter().any(|name| name == TABLE) {
        session.create_table(TABLE)?;
    }
    match plan.kind {
        Kind::Scan => {
            let began = clock::now();
            let items = scan::pass(&mut session, Requests::scan)?;
            let seconds = clock::now().saturating_duration_since(began).as_secs_f64();
            println!("{items} items in {seconds:.2} s, {:.0} items/s", items as f64 / seconds);
            return Ok(());
        }
        Kind::Get => stock::fill(&mut Fleet::open(plan.address, 1, 0)?, KEYS)?,
        Kind::Put | Kind::Hot => {}
    }
    // Other items than an earlier run has put.
    let first = u64::try_from(clock::wall().as_millis()).unwrap_or(0) << 16;
    let mut fleet = Fleet::open(plan.address, plan.connections, first)?;
    let outcome = match plan.kind {
        Kind::Get => ask(plan, &mut fleet, &Gets { keys: KEYS }),
        Kind::Put => ask(plan, &mut fleet, &NewItems),
        Kind::Hot | Kind::Scan => ask(plan, &mut fleet, &Additions),
    }?;
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|quantile| outcome.micros(quantile));
    println!(
        "{} requests in {:.2} s, {:.0}/s; p50 {p50:.0}, p99 {p99:.0}, p99.9 {p999:.0} us",
        outcome.requests,
        outcome.elapsed.as_secs_f64(),
        outcome.rate()
    );
    Ok(())
}

fn ask(plan: &Drive, fleet: &mut Fleet, work: &impl crate::load::Work) -> Result<Outcome> {
    let length = Duration::from_secs_f64(plan.seconds);
    match (plan.requests, plan.rate) {
        (Some(count), _) => fleet.closed(Until::Requests(count), work),
        (None, Some(rate)) => fleet.scheduled(rate, length, work),
        (None, None) => fleet.closed(Until::Elapsed(length), work),
    }
}
