//! One of two servers that take turns: its load, and what each turn cost.

use crate::error::Result;
use crate::load::{Fleet, Outcome, Until, Work};
use crate::proc::Spent;
use crate::process::Server;

/// A server under one kind of load.
#[derive(Debug)]
pub struct Side<'a, W> {
    server: &'a Server,
    fleet: Fleet,
    work: W,
    /// CPU time of a request in each turn, in microseconds.
    pub micros: Vec<f64>,
    /// Requests a second in each turn.
    pub rates: Vec<f64>,
}

impl<'a, W: Work> Side<'a, W> {
    /// Opens connections to a server; the first request will have number `first`.
    ///
    /// # Errors
    /// If it does not take them.
    pub fn open(server: &'a Server, connections: usize, first: u64, work: W) -> Result<Self> {
        let fleet = Fleet::open(server.address(), connections, first)?;
        Ok(Self { server, fleet, work, micros: Vec::new(), rates: Vec::new() })
    }

    /// Load that is not counted: caches fill, a virtual machine compiles.
    ///
    /// # Errors
    /// If a reply is wrong.
    pub fn warm_up(&mut self, until: Until) -> Result<()> {
        self.fleet.closed(until, &self.work).map(drop)
    }

    /// One turn.
    ///
    /// # Errors
    /// If a reply is wrong.
    pub fn turn(&mut self, until: Until) -> Result<Turn> {
        let before = self.server.usage()?;
        let outcome = self.fleet.closed(until, &self.work)?;
        let spent = self.server.usage()?.since(&before);
        let micros = spent.micros_each(outcome.requests);
        self.micros.push(micros);
        self.rates.push(outcome.rate());
        Ok(Turn { outcome, spent, micros })
    }
}

/// What a turn gave.
#[derive(Debug)]
pub struct Turn {
    /// What the client saw.
    pub outcome: Outcome,
    /// What the server used.
    pub spent: Spent,
    /// CPU time of a request, in microseconds.
    pub micros: f64,
}

impl Turn {
    /// Where the CPU time of its requests went, in words.
    pub fn describe(&self) -> String {
        self.spent.describe(self.outcome.requests)
    }
}
