//! How much a test does, and what it leaves behind for `docs/evidence`.

use std::env;
use std::fmt::Display;
use std::os::unix::fs::MetadataExt;

/// How many cases to run where `base` are enough for every day: `base` times `STATOR_CASES`, the
/// multiplier that all tests of the workspace understand.
///
/// # Panics
/// If `STATOR_CASES` is not a number.
pub fn cases(base: u64) -> u64 {
    base.saturating_mul(number("STATOR_CASES").unwrap_or(1))
}

/// How often the crash test kills the node: `STATOR_KILLS`, or `base`.
///
/// # Panics
/// If `STATOR_KILLS` is not a number.
pub fn kills(base: u64) -> u64 {
    number("STATOR_KILLS").unwrap_or(base)
}

/// Whether this process may mount file systems. If it may not, says why the test that asks is skipped.
///
/// # Panics
/// If it may not although `CI` is `true`: there, nothing may be skipped.
pub fn can_mount() -> bool {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !is_root {
        assert!(env::var("CI").as_deref() != Ok("true"), "only root may mount file systems");
        println!("skipped: only root may mount file systems");
    }
    is_root
}

/// Prints what a test counted, in the one form that `make accept` collects:
/// `evidence: <name> <figure>=<value> …`.
pub fn evidence(name: &str, figures: &[(&str, &dyn Display)]) {
    let figures: Vec<String> =
        figures.iter().map(|(figure, value)| format!("{figure}={value}")).collect();
    println!("evidence: {name} {}", figures.join(" "));
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text:?}")))
}
