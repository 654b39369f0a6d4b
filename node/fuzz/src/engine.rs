//! Random changes of known inputs, without knowledge of coverage: what the tests do, and what makes
//! inputs long.

use std::panic::{self, AssertUnwindSafe};

use fastrand::Rng;

use crate::corpus::escape;
use crate::{Finding, Meter, Target, mutate};

/// How long changed inputs may be.
const LONGEST: usize = 4096;
/// How much of a finding's input is shown.
const SHOWN: usize = 4096;

/// Changes inputs of one target and runs it on them.
#[derive(Debug)]
pub struct Engine {
    meter: Meter,
    target: &'static Target,
    known: Vec<Vec<u8>>,
    random: Rng,
}

/// What an input did that it must not do.
#[derive(Debug, thiserror::Error)]
#[error("{target}: {what}\ninput of {} bytes: {}", input.len(), shown(input))]
pub struct Failure {
    /// The target.
    pub target: &'static str,
    /// What happened.
    pub what: String,
    /// The input.
    pub input: Vec<u8>,
}

fn shown(input: &[u8]) -> String {
    let mut line = escape(input.get(..SHOWN).unwrap_or(input));
    if input.len() > SHOWN {
        line.push('…');
    }
    line
}

impl Engine {
    /// With these inputs to begin with.
    pub fn new(target: &'static Target, known: Vec<Vec<u8>>, seed: u64) -> Self {
        Self { meter: Meter::new(target), target, known, random: Rng::with_seed(seed) }
    }

    /// The meter of what was run.
    pub const fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Runs every known input.
    ///
    /// # Errors
    /// The first finding.
    pub fn replay(&mut self) -> Result<(), Failure> {
        let known = std::mem::take(&mut self.known);
        let done = known.iter().try_for_each(|input| self.run(input));
        self.known = known;
        done
    }

    /// Runs a change of a known input.
    ///
    /// # Errors
    /// If it is a finding.
    pub fn change(&mut self) -> Result<(), Failure> {
        let first = self.random.choice(&self.known).map_or(&[][..], Vec::as_slice);
        let second = self.random.choice(&self.known).map_or(&[][..], Vec::as_slice);
        let input = mutate::change(first, second, LONGEST, &mut self.random);
        self.run(&input)
    }

    /// Runs a known input made this long.
    ///
    /// # Errors
    /// If it is a finding.
    pub fn stretch(&mut self, length: usize) -> Result<(), Failure> {
        let known = self.random.choice(&self.known).map_or(&[][..], Vec::as_slice);
        let input = mutate::stretch(known, length, &mut self.random);
        input.map_or(Ok(()), |input| self.run(&input))
    }

    fn run(&mut self, input: &[u8]) -> Result<(), Failure> {
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| self.meter.run(input)));
        let what = match outcome {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(finding @ (Finding::Memory { .. } | Finding::Time { .. }))) => {
                finding.to_string()
            }
            Err(payload) => format!("panic: {}", text_of(&*payload)),
        };
        Err(Failure { target: self.target.name, what, input: input.to_vec() })
    }
}

fn text_of(payload: &(dyn std::any::Any + Send)) -> String {
    let owned = payload.downcast_ref::<String>().cloned();
    owned
        .or_else(|| payload.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_default()
}
