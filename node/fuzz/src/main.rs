//! The `stator-fuzz` binary.

use std::process::ExitCode;

use clap::Parser;
use stator_fuzz::cli::{self, Cli};

fn main() -> ExitCode {
    match cli::run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stator-fuzz: {error}");
            ExitCode::FAILURE
        }
    }
}
