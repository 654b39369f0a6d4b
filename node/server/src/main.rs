//! The `stator-node` binary.

use std::process::ExitCode;

use clap::Parser;
use stator_server::cli::Cli;
use stator_server::process;
use tikv_jemallocator::Jemalloc;

// The store makes and frees many small pieces on many threads; the C library's allocator keeps too
// much of that memory.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    process::run(Cli::parse())
}
