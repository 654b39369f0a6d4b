//! The `stator-bench` binary.

use std::process::ExitCode;

use clap::Parser;
use stator_bench::{cli, error};
use tikv_jemallocator::Jemalloc;

// The denominators allocate as the node does.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stator-bench: {}", error::chain(&error));
            ExitCode::FAILURE
        }
    }
}
