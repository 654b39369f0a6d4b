//! The command line of `stator-bench`.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::bare::{self, writes};
use crate::bench::{Bench, Scale};
use crate::clock;
use crate::error::{Error, Result};
use crate::figure::Figure;
use crate::figures::FIGURES;
use crate::machine::{Circumstances, Neighbours};
use crate::report::{Measured, Report};

/// Measure a storage node of Stator against what this machine can do at all
#[derive(Debug, Parser)]
#[command(name = "stator-bench", version, propagate_version = true, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure figures, all unless some are named
    ///
    /// Progress goes to standard error, the results to a Markdown page and to a JSON file with every
    /// sample. On a machine that others use, figures by the wall clock are marked as void.
    Run(Run),
    /// Say which figures there are, and how each is measured
    List,
    /// Be one of the bare programs that the node is compared with
    #[command(subcommand, hide = true)]
    Bare(Bare),
}

const EXAMPLES: &str = "\
Examples:
  stator-bench run --quick                 # a few minutes, to see large changes
  stator-bench run                         # what docs/BENCHMARKS.md is made of (make bench)
  stator-bench run read-cpu scan           # two figures
  stator-bench run --full memory start     # a million items";

#[derive(Debug, Args)]
struct Run {
    /// Figures to measure, by their names in `stator-bench list`
    #[arg(value_name = "FIGURE")]
    figures: Vec<String>,

    /// Fewer rounds and smaller tables
    #[arg(long, conflicts_with = "full")]
    quick: bool,

    /// The sizes and times that the goals name: about an hour
    #[arg(long)]
    full: bool,

    /// The binary to measure [default: stator-node beside this program]
    #[arg(long, value_name = "PATH")]
    node: Option<PathBuf>,

    /// Where data goes while measuring: on the disk in question, not in memory
    #[arg(long, value_name = "DIR", default_value = "target/bench/data")]
    dir: PathBuf,

    /// Where results.json goes
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    out: PathBuf,

    /// Where the page goes [default: BENCHMARKS.md beside results.json]
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Bare {
    /// An HTTP server that returns what it has
    Echo {
        #[arg(long)]
        reply: PathBuf,
    },
    /// One sync after the other
    Syncs {
        #[arg(long)]
        file: PathBuf,
        #[arg(long)]
        count: u64,
    },
    /// Batches of items: append, sync, fjall
    Writes(writes::Plan),
}

/// Does what the command line asks for.
///
/// # Errors
/// If it cannot be done.
pub fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Run(run) => measure(&run),
        Command::List => {
            list();
            Ok(())
        }
        Command::Bare(Bare::Echo { reply }) => bare::echo::serve(&reply),
        Command::Bare(Bare::Syncs { file, count }) => print(&bare::syncs::run(&file, count)?),
        Command::Bare(Bare::Writes(plan)) => print(&writes::run(&plan)?),
    }
}

fn list() {
    for figure in FIGURES {
        println!("{:<12} {}\n             {}", figure.name, figure.title, figure.how);
    }
}

fn print(value: &impl serde::Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(value)?);
    Ok(())
}

impl Run {
    fn scale(&self) -> Scale {
        match (self.quick, self.full) {
            (true, _) => Scale::Quick,
            (false, true) => Scale::Full,
            (false, false) => Scale::Normal,
        }
    }

    fn chosen(&self) -> Result<Vec<&'static Figure>> {
        if self.figures.is_empty() {
            return Ok(FIGURES.iter().collect());
        }
        let find = |name: &String| {
            let found = FIGURES.iter().find(|figure| figure.name == name);
            found.ok_or_else(|| Error::NoFigure { name: name.clone() })
        };
        self.figures.iter().map(find).collect()
    }

    fn node(&self) -> PathBuf {
        let beside = || {
            let own = std::env::current_exe().unwrap_or_default();
            own.parent().unwrap_or(Path::new("")).join("stator-node")
        };
        self.node.clone().unwrap_or_else(beside)
    }

    /// The command again, as it should stand in a report: without paths of this machine.
    fn command(&self) -> String {
        let scale = self.scale().choose(" --quick", "", " --full");
        let figures: String = self.figures.iter().map(|name| format!(" {name}")).collect();
        format!("stator-bench run{scale}{figures}")
    }
}

fn measure(run: &Run) -> Result<()> {
    let chosen = run.chosen()?;
    let bench = Bench::new(run.node(), &run.dir, run.scale())?;
    let circumstances = Circumstances::now(bench.dir(), bench.cores.count)?;
    eprintln!("== load average {:.2}", circumstances.load_before);
    let mut report = Report { circumstances, command: run.command(), figures: Vec::new() };
    let page = run.page.clone().unwrap_or_else(|| run.out.join("BENCHMARKS.md"));
    for figure in chosen {
        eprintln!("== {}: {}", figure.name, figure.title);
        report.figures.push(measure_one(figure, &bench)?);
        // After each: what was measured is kept if a later one fails.
        report.write_json(&run.out)?;
        report.write_page(&page)?;
    }
    eprintln!("== written to {} and {}", page.display(), run.out.join("results.json").display());
    Ok(())
}

fn measure_one(figure: &Figure, bench: &Bench) -> Result<Measured> {
    let (neighbours, began) = (Neighbours::watch()?, clock::now());
    let rows = (figure.run)(bench)?;
    let seconds = clock::now().saturating_duration_since(began).as_secs_f64();
    let neighbours = neighbours.share()?;
    let Figure { name, title, how, .. } = *figure;
    Ok(Measured { name, title, how, seconds, neighbours, rows })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn figures_are_chosen_by_name() {
        let run = |line: &[&str]| match Cli::try_parse_from(line).unwrap().command {
            Command::Run(run) => run,
            other @ (Command::List | Command::Bare(_)) => panic!("{other:?}"),
        };
        let all = run(&["stator-bench", "run"]);
        assert_eq!(all.chosen().unwrap().len(), FIGURES.len());
        let one = run(&["stator-bench", "run", "--quick", "scan"]);
        assert_eq!(one.chosen().unwrap()[0].name, "scan");
        assert_eq!(one.command(), "stator-bench run --quick scan");
        let none = run(&["stator-bench", "run", "spoon"]);
        assert!(matches!(none.chosen(), Err(Error::NoFigure { name }) if name == "spoon"));
    }
}
