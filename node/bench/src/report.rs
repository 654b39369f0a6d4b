//! The results: a page for people, and a file with every sample for programs.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::error::{Result, io};
use crate::figure::{Basis, Better, Goal, Row};
use crate::machine::Circumstances;

/// Above this load average before the run, the wall clock is not believed.
const QUIET_LOAD: f64 = 0.3;
/// Nor if others used more than this share of the machine while a figure was measured.
const QUIET_SHARE: f64 = 0.05;

/// All that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Of what, when and where.
    pub circumstances: Circumstances,
    /// The command that made it.
    pub command: String,
    /// The figures.
    pub figures: Vec<Measured>,
}

/// A figure that was measured.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// Its name on the command line.
    pub name: &'static str,
    /// What was asked.
    pub title: &'static str,
    /// How it was measured.
    pub how: &'static str,
    /// How long that took, in seconds.
    pub seconds: f64,
    /// The share of the machine that others used meanwhile, 0 to 1.
    pub neighbours: f64,
    /// The answers.
    pub rows: Vec<Row>,
}

impl Report {
    /// Writes every sample to `DIR/results.json`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_json(&self, dir: &Path) -> Result<()> {
        let path = dir.join("results.json");
        fs::create_dir_all(dir).map_err(io(format!("make {}", dir.display())))?;
        let text = serde_json::to_string_pretty(self)?;
        fs::write(&path, text).map_err(io(format!("write {}", path.display())))
    }

    /// Writes the page.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_page(&self, path: &Path) -> Result<()> {
        fs::write(path, self.page()).map_err(io(format!("write {}", path.display())))
    }

    /// The page, as Markdown.
    pub fn page(&self) -> String {
        let mut page = String::from(INTRODUCTION);
        self.put_circumstances(&mut page);
        self.put_goals(&mut page);
        for figure in &self.figures {
            put_figure(figure, &mut page);
        }
        page
    }

    fn put_circumstances(&self, page: &mut String) {
        let it = &self.circumstances;
        let _ = write!(
            page,
            "- commit: `{}`\n- command: `{}`, {} UTC\n- machine: {}, {} cores, {} GiB, Linux {}, {}\n\
             - load average before the first figure: {:.2}{}\n\n",
            it.commit,
            self.command,
            it.date,
            it.processor,
            it.cores,
            it.memory_gib,
            it.kernel,
            it.disk,
            it.load_before,
            if it.load_before > QUIET_LOAD {
                ": **not quiet, figures by the wall clock are void**"
            } else {
                ""
            }
        );
    }

    fn put_goals(&self, page: &mut String) {
        page.push_str("## Against the goals\n\n");
        page.push_str("| figure | result | 95 % interval | goal | floor | verdict | by |\n");
        page.push_str("|---|---|---|---|---|---|---|\n");
        for figure in &self.figures {
            for row in &figure.rows {
                let Some(goal) = &row.goal else { continue };
                let _ = writeln!(
                    page,
                    "| {} | {} | {} | {} | {} | {} | {} |",
                    row.what,
                    with_unit(row.value.median, row.unit),
                    interval(row),
                    bound(goal, goal.goal),
                    bound(goal, goal.floor),
                    self.verdict(figure, row, goal),
                    row.basis
                );
            }
        }
        page.push('\n');
    }

    fn verdict(&self, figure: &Measured, row: &Row, goal: &Goal) -> String {
        let verdict = goal.verdict(row.value.median);
        let [low, high] = [row.value.low, row.value.high].map(|end| goal.verdict(end));
        if row.value.median.is_nan() {
            "cannot be told, see below".to_owned()
        } else if self.is_trusted(figure, row.basis) && low == high {
            verdict.to_string()
        } else if self.is_trusted(figure, row.basis) {
            format!("{verdict}, but not for certain: see the interval")
        } else {
            format!(
                "void, {:.0} % of the machine was in use by others; ({verdict})",
                figure.neighbours * 100.0
            )
        }
    }

    fn is_trusted(&self, figure: &Measured, basis: Basis) -> bool {
        match basis {
            Basis::Count | Basis::Cpu | Basis::Memory => true,
            Basis::Wall => {
                self.circumstances.load_before <= QUIET_LOAD && figure.neighbours <= QUIET_SHARE
            }
        }
    }
}

const INTRODUCTION: &str = "# Benchmarks\n\n\
    Written by `stator-bench`, which also writes every sample to `results.json`. A figure is a ratio to what \
    this machine can do at all, measured in turns in the same minute: a bare program does only what cannot \
    be avoided, on the same core. The node is the release binary, driven over its socket, every reply \
    checked. One core for the server and one for the client, unless a figure says otherwise.\n\n\
    Results by CPU time hold within some 15 % beside neighbours, counted ones are exact. Those by the wall \
    clock are **void** unless the machine was quiet: a load average of at most 0.3 before the run, and at \
    most 5 % of the machine in use by others while the figure was measured.\n\n";

fn put_figure(figure: &Measured, page: &mut String) {
    let _ = write!(
        page,
        "## {}\n\n`{}`: {:.0} s, {:.0} % of the machine in use by others meanwhile. {}\n\n",
        figure.title,
        figure.name,
        figure.seconds,
        figure.neighbours * 100.0,
        figure.how
    );
    page.push_str(
        "| what | result | 95 % interval | samples | by | notes |\n|---|---|---|---|---|---|\n",
    );
    for row in &figure.rows {
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} |",
            row.what,
            with_unit(row.value.median, row.unit),
            interval(row),
            row.samples.len(),
            row.basis,
            row.note
        );
    }
    page.push('\n');
}

fn interval(row: &Row) -> String {
    if row.samples.len() < 2 {
        return "one value".to_owned();
    }
    format!("{} to {}", number(row.value.low), number(row.value.high))
}

fn bound(goal: &Goal, value: f64) -> String {
    let sign = match goal.better {
        Better::Less => "≤",
        Better::More => "≥",
    };
    format!("{sign} {}", number(value))
}

fn with_unit(value: f64, unit: &str) -> String {
    match unit {
        "" => number(value),
        "x" => format!("{}x", number(value)),
        unit => format!("{} {unit}", number(value)),
    }
}

/// Three digits that count, and thousands kept apart.
fn number(value: f64) -> String {
    let size = value.abs();
    if value.is_nan() {
        "?".to_owned()
    } else if size == 0.0 {
        "0".to_owned()
    } else if size < 0.995 {
        format!("{value:.3}")
    } else if size < 9.95 {
        format!("{value:.2}")
    } else if size < 99.5 {
        format!("{value:.1}")
    } else {
        thousands(value)
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(load_before: f64, neighbours: f64, basis: Basis) -> String {
        let row = Row::single("speed", "MB/s", basis, 100.0);
        report_of(load_before, neighbours, row.held_to(Goal::at_least(250.0, 120.0)))
    }

    fn report_of(load_before: f64, neighbours: f64, row: Row) -> String {
        let rows = vec![row, Row::single("aside", "", Basis::Count, 1.0)];
        let figure = Measured { name: "x", title: "X", how: "", seconds: 1.0, neighbours, rows };
        let unknown = String::new();
        let circumstances = Circumstances {
            date: unknown.clone(),
            commit: unknown.clone(),
            processor: unknown.clone(),
            cores: 2,
            kernel: unknown.clone(),
            memory_gib: 1,
            disk: unknown.clone(),
            load_before,
        };
        Report { circumstances, command: unknown, figures: vec![figure] }.page()
    }

    #[test]
    fn a_figure_that_misses_says_so() {
        assert!(report(0.1, 0.01, Basis::Wall).contains("| **misses its floor** | wall clock |"));
        assert!(report(9.0, 0.9, Basis::Cpu).contains("| **misses its floor** | CPU time |"));
    }

    #[test]
    fn an_interval_that_holds_the_goal_decides_nothing() {
        let row = Row::sampled("ratio", "x", Basis::Cpu, vec![1.3, 1.38, 1.6]);
        let page = report_of(0.1, 0.0, row.held_to(Goal::at_most(1.4, 1.8)));
        assert!(page.contains("| meets its goal, but not for certain"), "{page}");
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        let row = Row::single("memory", "MiB", Basis::Memory, f64::NAN);
        let page = report_of(0.1, 0.0, row.held_to(Goal::at_most(40.0, 80.0)));
        assert!(page.contains("| ? MiB | one value | ≤ 40.0 | ≤ 80.0 | cannot be told"), "{page}");
    }

    #[test]
    fn the_wall_clock_is_not_believed_on_a_busy_machine() {
        assert!(report(0.1, 0.2, Basis::Wall).contains("| void, 20 % of the machine"));
        assert!(report(2.0, 0.0, Basis::Wall).contains("| void, "));
    }

    #[test]
    fn numbers_have_three_digits_that_count() {
        let shown = [0.0, 0.0514, 1.418, 12.34, 123.4, 1234.5, 1_234_567.0].map(number);
        assert_eq!(shown, ["0", "0.051", "1.42", "12.3", "123", "1,234", "1,234,567"]);
    }
}
