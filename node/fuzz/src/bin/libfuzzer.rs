//! A target under libFuzzer: the one that the environment variable STATOR_FUZZ_TARGET names.
//!
//! Built by `.ci/fuzz` with the compiler's pass that counts edges; everything else is libFuzzer's. With a
//! command of `stator-fuzz` as its first argument it does that instead, so that one build is enough.

#![no_main]

use std::cell::RefCell;

use clap::{CommandFactory, Parser};
use libfuzzer_sys::fuzz_target;
use stator_fuzz::cli::{self, Cli};
use stator_fuzz::{Meter, TARGETS, Target};

thread_local! {
    static METER: RefCell<Meter> = RefCell::new(Meter::new(target()));
}

fn target() -> &'static Target {
    let name = std::env::var("STATOR_FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("STATOR_FUZZ_TARGET names no target: {name:?}"))
}

/// Does what the first argument says, if it is a command, and ends the process.
fn obey() {
    let first = std::env::args().nth(1).unwrap_or_default();
    if Cli::command().find_subcommand(&first).is_some() {
        let done = cli::run(Cli::parse().command);
        done.as_ref().err().inspect(|error| eprintln!("stator-fuzz: {error}"));
        std::process::exit(i32::from(done.is_err()));
    }
}

fuzz_target!(init: obey(), |input: &[u8]| {
    METER.with_borrow_mut(|meter| {
        if let Err(finding) = meter.run(input) {
            panic!("{finding}");
        }
    });
});
