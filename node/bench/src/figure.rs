//! What a figure is: a question, rows of answers, and the goals that they are held to.

use std::fmt;

use serde::Serialize;

use crate::bench::Bench;
use crate::error::Result;
use crate::stats::Estimate;

/// One question to the node.
#[derive(Clone, Copy)]
pub struct Figure {
    /// What the command line calls it.
    pub name: &'static str,
    /// What is asked, for the report.
    pub title: &'static str,
    /// How it is measured, for the report: what, against what, how often.
    pub how: &'static str,
    /// Measures it.
    pub run: fn(&Bench) -> Result<Vec<Row>>,
}

/// One answer.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// The median and its interval.
    pub value: Estimate,
    /// Its unit.
    pub unit: &'static str,
    /// What can be concluded from it on a machine that others use.
    pub basis: Basis,
    /// What it is held to; nothing if it only explains another row.
    pub goal: Option<Goal>,
    /// What the median was taken of.
    pub samples: Vec<f64>,
    /// What else should be known.
    pub note: String,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Basis {
    /// Counted: exact, whatever else the machine does.
    Count,
    /// Time on a core from the process table: holds within some 15 % beside neighbours.
    Cpu,
    /// Resident memory from the process table.
    Memory,
    /// The wall clock: means something on a quiet machine only.
    Wall,
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Count => "counted",
            Self::Cpu => "CPU time",
            Self::Memory => "memory",
            Self::Wall => "wall clock",
        })
    }
}

/// What a value should be.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Goal {
    /// What we want.
    pub goal: f64,
    /// What we would be ashamed of.
    pub floor: f64,
    /// Which way is better.
    pub better: Better,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Better {
    /// As little as possible.
    Less,
    /// As much as possible.
    More,
}

/// How a value stands to its goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// As good as wanted, or better.
    Meets,
    /// Between goal and floor.
    Misses,
    /// Worse than the floor.
    BelowFloor,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Meets => "meets its goal",
            Self::Misses => "**misses its goal**",
            Self::BelowFloor => "**misses its floor**",
        })
    }
}

impl Goal {
    /// At most `goal`, and by no means more than `floor`.
    pub const fn at_most(goal: f64, floor: f64) -> Option<Self> {
        Some(Self { goal, floor, better: Better::Less })
    }

    /// At least `goal`, and by no means less than `floor`.
    pub const fn at_least(goal: f64, floor: f64) -> Option<Self> {
        Some(Self { goal, floor, better: Better::More })
    }

    /// How a value stands to it. What is no number misses everything.
    pub fn verdict(&self, value: f64) -> Verdict {
        let reaches = |bound: f64| match self.better {
            Better::Less => value <= bound,
            Better::More => value >= bound,
        };
        if reaches(self.goal) {
            Verdict::Meets
        } else if reaches(self.floor) {
            Verdict::Misses
        } else {
            Verdict::BelowFloor
        }
    }
}

impl Row {
    /// A row of samples, without a goal.
    pub fn sampled(
        what: impl Into<String>,
        unit: &'static str,
        basis: Basis,
        samples: Vec<f64>,
    ) -> Self {
        let (what, value) = (what.into(), Estimate::of(&samples));
        Self { what, value, unit, basis, goal: None, samples, note: String::new() }
    }

    /// A row of one value that was counted or measured once.
    pub fn single(what: impl Into<String>, unit: &'static str, basis: Basis, value: f64) -> Self {
        let (what, samples) = (what.into(), vec![value]);
        let value = Estimate::exact(value);
        Self { what, value, unit, basis, goal: None, samples, note: String::new() }
    }

    /// The same, held to a goal.
    #[must_use]
    pub fn held_to(mut self, goal: Option<Goal>) -> Self {
        self.goal = goal;
        self
    }

    /// The same, with a note.
    #[must_use]
    pub fn noted(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_held_to_goal_and_floor_either_way() {
        let less = Goal::at_most(1.4, 1.8).unwrap();
        let verdicts = [1.4, 1.5, 1.8, 1.81].map(|value| less.verdict(value));
        use Verdict::{BelowFloor, Meets, Misses};
        assert_eq!(verdicts, [Meets, Misses, Misses, BelowFloor]);
        let more = Goal::at_least(0.7, 0.5).unwrap();
        let verdicts = [0.7, 0.69, 0.5, 0.49].map(|value| more.verdict(value));
        assert_eq!(verdicts, [Meets, Misses, Misses, BelowFloor]);
        assert_eq!(more.verdict(f64::NAN), BelowFloor);
    }
}
