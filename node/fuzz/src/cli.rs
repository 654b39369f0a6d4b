//! The command line: what `.ci/fuzz` needs besides libFuzzer, and what shows a finding again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, Subcommand};
use rustix::time::{ClockId, clock_gettime};

use crate::engine::Engine;
use crate::{TARGETS, Target, corpus, seeds};

/// Inputs of fuzz targets: where they come from, and where they are kept
#[derive(Debug, Parser)]
#[command(name = "stator-fuzz")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the names of all targets
    List,
    /// Write all known inputs of a target into a folder, a file for each
    Unpack {
        /// Its name
        target: String,
        /// Where they go
        folder: PathBuf,
    },
    /// Keep inputs of a folder in node/fuzz/corpus, as many as have room
    Pack {
        /// Its name
        target: String,
        /// Where they are
        folder: PathBuf,
    },
    /// Write the words that known inputs of a target are made of, as libFuzzer wants them
    Words {
        /// Its name
        target: String,
        /// Where they go
        file: PathBuf,
    },
    /// Run a target on inputs of up to 256 KiB, and print on how many
    Stretch {
        /// Its name
        target: String,
        /// More inputs to make long
        folder: PathBuf,
        /// For how long
        #[arg(long)]
        seconds: u64,
        /// The same seed makes the same inputs
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Run a target on the inputs in these files
    Run {
        /// Its name
        target: String,
        /// Where they are
        files: Vec<PathBuf>,
    },
}

/// Lengths to which inputs are stretched, in turn.
const LENGTHS: [usize; 3] = [16 << 10, 64 << 10, 256 << 10];

/// Does it.
///
/// # Errors
/// If a file cannot be read or written, or there is a finding.
pub fn run(command: Command) -> io::Result<()> {
    match command {
        Command::List => TARGETS.iter().for_each(|target| println!("{}", target.name)),
        Command::Unpack { target, folder } => unpack(find(&target)?, &folder)?,
        Command::Pack { target, folder } => {
            let kept = corpus::save(find(&target)?, files_in(&folder)?)?;
            println!("{target}: {kept} inputs kept");
        }
        Command::Words { target, file } => fs::write(file, words(find(&target)?)?)?,
        Command::Stretch { target, folder, seconds, seed } => {
            stretch(find(&target)?, &folder, Duration::from_secs(seconds), seed)?;
        }
        Command::Run { target, files } => {
            let inputs = files.iter().map(fs::read).collect::<io::Result<Vec<_>>>()?;
            Engine::new(find(&target)?, inputs, 0).replay().map_err(io::Error::other)?;
        }
    }
    Ok(())
}

fn find(name: &str) -> io::Result<&'static Target> {
    let unknown = || io::Error::other(format!("there is no target {name}; see stator-fuzz list"));
    Target::find(name).ok_or_else(unknown)
}

fn known(target: &Target) -> io::Result<Vec<Vec<u8>>> {
    let mut inputs = seeds::of(target)?;
    inputs.extend(corpus::load(target)?);
    Ok(inputs)
}

fn unpack(target: &Target, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (number, input) in known(target)?.iter().enumerate() {
        fs::write(folder.join(format!("known-{number:05}")), input)?;
    }
    Ok(())
}

fn files_in(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    fs::read_dir(folder)?.map(|entry| fs::read(entry?.path())).collect()
}

fn words(target: &Target) -> io::Result<String> {
    let mut text = String::new();
    for word in seeds::words(&known(target)?) {
        let quoted = corpus::escape(&word).replace("\\n", "\\x0A").replace("\\r", "\\x0D");
        let quoted = quoted.replace("\\t", "\\x09").replace('"', "\\\"");
        text.push_str(&format!("\"{quoted}\"\n"));
    }
    Ok(text)
}

fn stretch(target: &'static Target, folder: &Path, limit: Duration, seed: u64) -> io::Result<()> {
    let mut inputs = known(target)?;
    inputs.extend(files_in(folder)?);
    let mut engine = Engine::new(target, inputs, seed);
    engine.replay().map_err(io::Error::other)?;
    let (began, replayed) = (monotonic(), engine.meter().inputs());
    for length in LENGTHS.iter().cycle() {
        if monotonic().saturating_sub(began) >= limit {
            break;
        }
        engine.stretch(*length).map_err(io::Error::other)?;
    }
    let made = engine.meter().inputs() - replayed;
    eprintln!("at most {:.2} of the memory allowed", engine.meter().fullest());
    println!("{made}");
    Ok(())
}

fn monotonic() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}
