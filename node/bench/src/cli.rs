//! The command line of `stator-bench`.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::bare::{self, writes};
use crate::bench::{Bench, Scale};
use crate::clock;
use crate::drive::{self, Drive};
use crate::error::{Error, Result};
use crate::figure::{Figure, Row};
use crate::figures::FIGURES;
use crate::machine::{Circumstances, Neighbours};
use crate::peers;
use crate::report::{Measured, Report};
use crate::versus;

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
    /// Measure beside DynamoDB Local, which .ci/dynamodb-local fetches; needs Java
    Peers(Peers),
    /// Measure what a change costs: two builds of the node, in turns
    Versus(Versus),
    /// Say which figures there are, and how each is measured
    List,
    /// Load a server that runs already, to profile it or to look at its latency
    Drive(Drive),
    /// Be one of the bare programs that the node is compared with
    #[command(subcommand, hide = true)]
    Bare(Bare),
}

const EXAMPLES: &str = "\
Examples:
  stator-bench run --quick                 # a few minutes, to see large changes
  stator-bench run                         # what docs/BENCHMARKS.md is made of (make bench)
  stator-bench run read-cpu scan           # two figures
  stator-bench run --full memory start     # a million items
  stator-bench versus ../before/stator-node  # this build beside an older one
  stator-bench drive 127.0.0.1:8000 put    # load on a node that runs, for a profiler";

#[derive(Debug, Args)]
struct Run {
    /// Figures to measure, by their names in `stator-bench list`
    #[arg(value_name = "FIGURE")]
    figures: Vec<String>,

    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Peers {
    /// Folder with the jars of DynamoDB Local and its SQLite library
    #[arg(long, value_name = "DIR", default_value = "target/dynamodb-local/lib")]
    dynamodb_local: PathBuf,

    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Versus {
    /// The build before the change; the one after it is `--node`
    #[arg(value_name = "OLDER")]
    older: PathBuf,

    #[command(flatten)]
    place: Place,
}

/// How much to do, with what, and where.
#[derive(Debug, Args)]
struct Place {
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

    /// Where the page goes [default: beside results.json]
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
        Command::Peers(peers) => compare(&peers),
        Command::Versus(versus) => take_turns(&versus),
        Command::Drive(plan) => drive::run(&plan),
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
}

impl Place {
    fn node(&self) -> PathBuf {
        let beside = || {
            let own = std::env::current_exe().unwrap_or_default();
            own.parent().unwrap_or(Path::new("")).join("stator-node")
        };
        self.node.clone().unwrap_or_else(beside)
    }

    fn scale(&self) -> Scale {
        match (self.quick, self.full) {
            (true, _) => Scale::Quick,
            (false, true) => Scale::Full,
            (false, false) => Scale::Normal,
        }
    }
}

/// A run, and the report that grows with it.
struct Reporter<'a> {
    bench: Bench,
    report: Report,
    place: &'a Place,
    page: PathBuf,
}

impl<'a> Reporter<'a> {
    /// `command` is the command again as it should stand in a report: without paths of this machine.
    fn new(place: &'a Place, command: &str, page: &str) -> Result<Self> {
        let bench = Bench::new(place.node(), &place.dir, place.scale())?;
        let circumstances = Circumstances::now(bench.dir(), bench.cores.count)?;
        eprintln!("== load average {:.2}", circumstances.load_before);
        let command = format!("{command}{}", place.scale().choose(" --quick", "", " --full"));
        let report = Report { circumstances, command, figures: Vec::new() };
        let page = place.page.clone().unwrap_or_else(|| place.out.join(page));
        Ok(Self { bench, report, place, page })
    }

    /// Measures, and writes what there is so far: it is kept if a later figure fails.
    fn add(
        &mut self,
        (name, title, how): (&'static str, &'static str, &'static str),
        run: impl FnOnce(&Bench) -> Result<Vec<Row>>,
    ) -> Result<()> {
        eprintln!("== {name}: {title}");
        let (neighbours, began) = (Neighbours::watch()?, clock::now());
        let rows = run(&self.bench)?;
        let seconds = clock::now().saturating_duration_since(began).as_secs_f64();
        let neighbours = neighbours.share()?;
        self.report.figures.push(Measured { name, title, how, seconds, neighbours, rows });
        self.report.write_json(&self.place.out)?;
        self.report.write_page(&self.page)
    }

    fn finish(&self) {
        let json = self.place.out.join("results.json");
        eprintln!("== written to {} and {}", self.page.display(), json.display());
    }
}

fn measure(run: &Run) -> Result<()> {
    let chosen = run.chosen()?;
    let names: String = run.figures.iter().map(|name| format!(" {name}")).collect();
    let mut reporter =
        Reporter::new(&run.place, &format!("stator-bench run{names}"), "BENCHMARKS.md")?;
    for Figure { name, title, how, run } in chosen {
        reporter.add((name, title, how), run)?;
    }
    reporter.finish();
    Ok(())
}

fn compare(peers: &Peers) -> Result<()> {
    let mut reporter = Reporter::new(&peers.place, "stator-bench peers", "PEERS.md")?;
    let title = "Beside DynamoDB Local";
    reporter.add(("peers", title, peers::HOW), |bench| peers::run(bench, &peers.dynamodb_local))?;
    reporter.finish();
    Ok(())
}

fn take_turns(Versus { older, place }: &Versus) -> Result<()> {
    let mut reporter = Reporter::new(place, "stator-bench versus OLDER", "VERSUS.md")?;
    let title = "Two builds of the node";
    reporter.add(("versus", title, versus::HOW), |bench| versus::run(bench, older))?;
    reporter.finish();
    Ok(())
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
            other @ (Command::Peers(_)
            | Command::Versus(_)
            | Command::List
            | Command::Drive(_)
            | Command::Bare(_)) => panic!("{other:?}"),
        };
        let all = run(&["stator-bench", "run"]);
        assert_eq!(all.chosen().unwrap().len(), FIGURES.len());
        let one = run(&["stator-bench", "run", "--quick", "scan"]);
        assert_eq!(one.chosen().unwrap()[0].name, "scan");
        assert_eq!(one.place.scale(), Scale::Quick);
        let none = run(&["stator-bench", "run", "spoon"]);
        assert!(matches!(none.chosen(), Err(Error::NoFigure { name }) if name == "spoon"));
    }
}
