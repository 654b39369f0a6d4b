//! Load: many connections, each driven by a thread that waits for its reply.
//!
//! A **closed loop** sends the next request when the reply is there: it finds the peak rate, and lies
//! about latency, because a slow server is asked less often. An **open loop** sends by a schedule and
//! counts from the moment at which a request was due, so that waiting behind a slow one is seen. All
//! connections draw from one sequence of numbers, and are opened before the measurement begins.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, OnceLock};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::clock;
use crate::dynamo::Requests;
use crate::error::Result;
use crate::http::{Connection, Response};

/// Up to a minute in nanoseconds, with three digits.
const LONGEST_NANOS: u64 = 60_000_000_000;

/// What is asked, and what the replies must be.
pub trait Work: Sync {
    /// The request with this number.
    fn request<'a>(&self, number: u64, requests: &'a mut Requests) -> &'a [u8];

    /// Checks the reply to it.
    ///
    /// # Errors
    /// If it is not the right one.
    fn check(&self, number: u64, reply: &Response<'_>, scratch: &mut Vec<u8>) -> Result<()>;
}

/// When to stop asking.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After this many requests.
    Requests(u64),
    /// After this long.
    Elapsed(Duration),
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// Requests answered, all of them rightly.
    pub requests: u64,
    /// From the first request to the last reply.
    pub elapsed: Duration,
    /// Nanoseconds from when a request was sent, or was due, until its reply was there.
    pub latency: Histogram<u64>,
}

impl Outcome {
    /// Requests a second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// A quantile of the latency, in microseconds.
    pub fn micros(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1_000.0
    }
}

/// Open connections to one server.
#[derive(Debug)]
pub struct Fleet {
    address: SocketAddr,
    connections: Vec<Connection>,
    /// The number of the next request; it goes on from one run to the next.
    next: AtomicU64,
}

impl Fleet {
    /// Opens so many connections. The first request will have number `first`.
    ///
    /// # Errors
    /// If one cannot be opened.
    pub fn open(address: SocketAddr, connections: usize, first: u64) -> Result<Self> {
        let connections = (0..connections).map(|_| Connection::open(address));
        let connections = connections.collect::<Result<_>>()?;
        Ok(Self { address, connections, next: AtomicU64::new(first) })
    }

    /// The number that the next request would have.
    pub fn next(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Asks as fast as replies come.
    ///
    /// # Errors
    /// If a connection fails or a reply is wrong; the others then stop.
    pub fn closed(&mut self, until: Until, work: &impl Work) -> Result<Outcome> {
        let first = self.next();
        let end = match until {
            Until::Requests(count) => first.saturating_add(count),
            Until::Elapsed(_) => u64::MAX,
        };
        self.run(work, |start, number| {
            let over = matches!(until, Until::Elapsed(limit) if clock::now() >= start + limit);
            (number < end && !over).then(clock::now)
        })
    }

    /// Asks `rate` times a second for `length`, whatever the replies do.
    ///
    /// # Errors
    /// If a connection fails or a reply is wrong; the others then stop.
    pub fn scheduled(&mut self, rate: f64, length: Duration, work: &impl Work) -> Result<Outcome> {
        let first = self.next();
        self.run(work, |start, number| {
            let due = Duration::from_secs_f64((number - first) as f64 / rate);
            (due < length).then(|| start + due)
        })
    }

    /// `due` says when the request with a number is due, given when all began; `None` ends a connection.
    fn run(
        &mut self,
        work: &impl Work,
        due: impl Fn(Instant, u64) -> Option<Instant> + Sync,
    ) -> Result<Outcome> {
        let (address, next) = (self.address, &self.next);
        let ready = Barrier::new(self.connections.len() + 1);
        // The moment at which the first connection begins; all count from it.
        let origin = OnceLock::new();
        let (ready, due, origin) = (&ready, &due, &origin);
        let results = std::thread::scope(|scope| {
            let drive = |connection| {
                scope.spawn(move || {
                    ready.wait();
                    let mut driver = Driver::new(address, connection, next);
                    let result = driver.drive(*origin.get_or_init(clock::now), work, due);
                    if result.is_err() {
                        // The others must not go on for a measurement that is lost.
                        next.store(u64::MAX / 2, Ordering::Relaxed);
                    }
                    result.map(|()| driver.latency)
                })
            };
            let threads: Vec<_> = self.connections.iter_mut().map(drive).collect();
            ready.wait();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                thread.join().expect("a driver does not panic")
            };
            threads.into_iter().map(join).collect::<Vec<Result<_>>>()
        });
        let start = *origin.get_or_init(clock::now);
        let elapsed = clock::now().saturating_duration_since(start);
        let mut latency = histogram();
        for result in results {
            let part = result?;
            latency.add(part).expect("all histograms have the same bounds");
        }
        Ok(Outcome { requests: latency.len(), elapsed, latency })
    }
}

/// An empty histogram of nanoseconds.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NANOS, 3).expect("the bounds are in order")
}

/// One connection at work.
struct Driver<'a> {
    connection: &'a mut Connection,
    requests: Requests,
    next: &'a AtomicU64,
    latency: Histogram<u64>,
}

impl<'a> Driver<'a> {
    fn new(address: SocketAddr, connection: &'a mut Connection, next: &'a AtomicU64) -> Self {
        Self { connection, requests: Requests::to(address), next, latency: histogram() }
    }

    fn drive(
        &mut self,
        start: Instant,
        work: &impl Work,
        due: impl Fn(Instant, u64) -> Option<Instant>,
    ) -> Result<()> {
        let mut scratch = Vec::new();
        loop {
            let number = self.next.load(Ordering::Relaxed);
            let Some(moment) = due(start, number) else { return Ok(()) };
            // Drawn only if it is used: numbers have no holes.
            if self.next.compare_exchange(number, number + 1, Ordering::Relaxed, Ordering::Relaxed)
                != Ok(number)
            {
                continue;
            }
            let request = work.request(number, &mut self.requests);
            clock::wait_until(moment);
            let reply = self.connection.call(request)?;
            let took = clock::now().saturating_duration_since(moment);
            work.check(number, &reply, &mut scratch)?;
            let nanos = u64::try_from(took.as_nanos()).unwrap_or(LONGEST_NANOS);
            self.latency.saturating_record(nanos.max(1));
        }
    }
}
