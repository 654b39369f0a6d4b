//! One run, with whatever goes wrong in it, a panic too, turned into a report.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::plan::Plan;
use crate::trace::Trace;
use crate::violation::Violation;
use crate::world::{Summary, World};

/// A run that found something.
#[derive(Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// The tests among which it is replayed.
    pub tests: &'static str,
    /// What it found.
    pub violation: Violation,
    /// What happened, if that was kept.
    pub trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "{}", self.violation)?;
        write!(
            f,
            "replay: STATOR_SEED={} cargo test -p stator-sim --test it {} -- --nocapture",
            self.seed, self.tests
        )
    }
}

/// Makes the run of this plan.
///
/// # Errors
/// The first violation, or the panic that ended it.
pub fn run(plan: &Plan) -> Result<Summary, Box<Failure>> {
    traced(plan, Trace::silent()).map(|(summary, _)| summary)
}

/// Makes the run of this plan and keeps what happened.
///
/// # Errors
/// The first violation, or the panic that ended it.
pub fn replay(plan: &Plan) -> Result<(Summary, Vec<String>), Box<Failure>> {
    traced(plan, Trace::kept())
}

fn traced(plan: &Plan, mut trace: Trace) -> Result<(Summary, Vec<String>), Box<Failure>> {
    let result = catch_unwind(AssertUnwindSafe(|| World::new(plan, &mut trace).run()));
    let violation = match result {
        Ok(Ok(summary)) => return Ok((summary, trace.lines().to_vec())),
        Ok(Err(violation)) => violation,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Violation::new("panic", text.unwrap_or("the node panicked"))
        }
    };
    let tests = if plan.steer.is_some() { "crash_points" } else { "seeds" };
    Err(Box::new(Failure { seed: plan.seed, tests, violation, trace: trace.lines().to_vec() }))
}
