//! Bounds of time and memory for every input.
//!
//! Memory is counted by the allocator, on the thread that runs the target. Time is that thread's CPU time:
//! a busy machine does not make an input slow.

use std::time::Duration;

use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};

use crate::Target;

/// How many times the median cost of a byte an input may cost.
const TIMES_THE_MEDIAN: u64 = 100;
/// Shorter than this is never slow: a page fault or an interrupt is as long.
const SLOW: Duration = Duration::from_millis(10);
/// Nor is this for each byte, where most inputs are refused at their first bytes.
const SLOW_BYTE: Duration = Duration::from_micros(1);
/// Inputs before the median means something.
const SAMPLES: u64 = 100;
/// What every input is as expensive as, in bytes: setting up costs the same for the shortest.
const SETUP_BYTES: u64 = 512;
/// How often a slow input gets another chance.
const CHANCES: u32 = 3;

/// An input that used more than it may.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// Too much memory.
    #[error("{bytes} bytes of input took {peak} bytes of memory, and may take {allowed}")]
    Memory {
        /// The input's length.
        bytes: usize,
        /// Bytes allocated at one time.
        peak: u64,
        /// How many may be.
        allowed: u64,
    },
    /// Too much time.
    #[error(
        "{bytes} bytes of input took {spent:?}; {allowed:?} are allowed, {TIMES_THE_MEDIAN} times the median or more"
    )]
    Time {
        /// The input's length.
        bytes: usize,
        /// CPU time, the least of several runs.
        spent: Duration,
        /// How much it may take.
        allowed: Duration,
    },
}

/// Runs a target and holds its inputs to their bounds.
#[derive(Debug)]
pub struct Meter {
    target: &'static Target,
    /// Picoseconds that a byte cost, of every input so far.
    costs: Histogram<u64>,
    /// The most of its allowance of memory that an input has used, in thousandths.
    fullest: u64,
}

impl Meter {
    /// Of a target, before its first input.
    pub fn new(target: &'static Target) -> Self {
        let costs = Histogram::new(2).expect("two digits are allowed");
        Self { target, costs, fullest: 0 }
    }

    /// Inputs so far.
    pub fn inputs(&self) -> u64 {
        self.costs.len()
    }

    /// The most of its allowance of memory that an input has used.
    pub fn fullest(&self) -> f64 {
        self.fullest as f64 / 1000.0
    }

    /// Runs the target on an input.
    ///
    /// # Errors
    /// If it used more than it may.
    ///
    /// # Panics
    /// If the target does: that is a finding too.
    pub fn run(&mut self, input: &[u8]) -> Result<(), Finding> {
        let before = cpu_time();
        let allocated = allocation_counter::measure(|| (self.target.run)(input));
        let spent = cpu_time().saturating_sub(before);
        self.check_memory(input.len(), allocated.bytes_max)?;
        self.check_time(input, spent)
    }

    fn check_memory(&mut self, bytes: usize, peak: u64) -> Result<(), Finding> {
        let allowed = self.target.memory.allowed(bytes);
        self.fullest = self.fullest.max(peak.saturating_mul(1000) / allowed.max(1));
        if peak > allowed { Err(Finding::Memory { bytes, peak, allowed }) } else { Ok(()) }
    }

    fn check_time(&mut self, input: &[u8], mut spent: Duration) -> Result<(), Finding> {
        let allowed = self.allowed(input.len());
        for _ in 0..CHANCES {
            if spent <= allowed {
                break;
            }
            let before = cpu_time();
            (self.target.run)(input);
            spent = spent.min(cpu_time().saturating_sub(before));
        }
        self.costs.saturating_record(picoseconds(spent) / weight(input.len()));
        if spent > allowed {
            return Err(Finding::Time { bytes: input.len(), spent, allowed });
        }
        Ok(())
    }

    fn allowed(&self, bytes: usize) -> Duration {
        if self.costs.len() < SAMPLES {
            return Duration::MAX;
        }
        let median = self.costs.value_at_quantile(0.5);
        let picoseconds = median.saturating_mul(weight(bytes)).saturating_mul(TIMES_THE_MEDIAN);
        let each = SLOW_BYTE.saturating_mul(u32::try_from(bytes).unwrap_or(u32::MAX));
        Duration::from_nanos(picoseconds / 1000).max(SLOW).max(each)
    }
}

const fn weight(bytes: usize) -> u64 {
    SETUP_BYTES.saturating_add(bytes as u64)
}

fn picoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().saturating_mul(1000)).unwrap_or(u64::MAX)
}

/// What this thread has used so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;
    use crate::seeds::Seeds;
    use crate::target::Memory;

    const fn target(run: fn(&[u8])) -> Target {
        let memory = Memory { base: 1024, each: 4 };
        Target { name: "planted", about: "a planted fault", run, seeds: Seeds::Numbers, memory }
    }

    #[test]
    fn memory_beyond_the_input_is_a_finding() {
        static GREEDY: Target = target(|input| {
            black_box(vec![0_u8; input.len() * 8]);
        });
        let mut meter = Meter::new(&GREEDY);
        assert_eq!(meter.run(&[0; 100]), Ok(()));
        let found = meter.run(&[0; 1000]);
        assert_eq!(found, Err(Finding::Memory { bytes: 1000, peak: 8000, allowed: 5024 }));
    }

    #[test]
    fn memory_that_is_given_back_does_not_add_up() {
        static TIDY: Target = target(|input| {
            for _ in 0..100 {
                black_box(vec![0_u8; input.len()]);
            }
        });
        assert_eq!(Meter::new(&TIDY).run(&[0; 1000]), Ok(()));
    }

    #[test]
    fn an_input_that_is_far_slower_than_others_is_a_finding() {
        static SLOW_FOR_ONES: Target = target(|input| {
            let times = if input.first() == Some(&1) { 2_000_000 } else { 100 };
            for number in 0..times * 16 {
                black_box(number);
            }
        });
        let mut meter = Meter::new(&SLOW_FOR_ONES);
        for _ in 0..SAMPLES {
            assert_eq!(meter.run(&[0; 10]), Ok(()));
        }
        assert!(matches!(meter.run(&[1; 10]), Err(Finding::Time { bytes: 10, .. })));
    }
}
