//! `STATOR_CASES` multiplies how many seeds run, `STATOR_SEED` says which one to replay.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use stator_sim::{Plan, Summary, replay, run};

use crate::number;

/// Seeds of every day.
const SEEDS: u64 = 2_000;

fn add(sum: &mut Summary, one: &Summary) {
    sum.steps += one.steps;
    sum.millis += one.millis;
    sum.answered += one.answered;
    sum.unknown += one.unknown;
    sum.updated += one.updated;
    sum.refused += one.refused;
    sum.undecided += one.undecided;
    sum.aimed += one.aimed;
    sum.disk_operations += one.disk_operations;
    sum.checked += one.checked;
    sum.skipped += one.skipped;
    sum.fell_behind += one.fell_behind;
    for (cause, count) in &one.deaths {
        *sum.deaths.entry(cause.clone()).or_default() += count;
    }
}

/// Runs seeds 0 to `cases` on all cores; stops at the first failure, or, if `STATOR_GO_ON` is set, prints
/// each and fails with the first in the end.
fn run_all(cases: u64) -> Summary {
    let next = AtomicU64::new(0);
    let total = Mutex::new(Summary::default());
    let failed = Mutex::new(None);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= cases {
                return;
            }
            match run(&Plan::drawn(seed)) {
                Ok(summary) => {
                    add(&mut total.lock().unwrap_or_else(PoisonError::into_inner), &summary);
                }
                Err(failure) => {
                    if std::env::var_os("STATOR_GO_ON").is_some() {
                        println!("seed {seed}: {:.250}", failure.violation.to_string());
                    } else {
                        next.store(cases, Ordering::Relaxed);
                    }
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
                }
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        (0..cores).for_each(|_| {
            scope.spawn(work);
        });
    });
    if let Some(failure) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        panic!("seed {}: {failure}", failure.seed);
    }
    total.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn seeds_find_nothing() {
    if let Some(seed) = number("STATOR_SEED") {
        match replay(&Plan::drawn(seed)) {
            Ok((summary, trace)) => {
                trace.iter().for_each(|line| println!("{line}"));
                println!("{summary:#?}");
            }
            Err(failure) => panic!("{failure}"),
        }
        return;
    }
    let seeds = SEEDS * number("STATOR_CASES").unwrap_or(1).max(1);
    let total = run_all(seeds);
    println!(
        "evidence: simulator seeds={seeds} steps={} answered={} updated={} refused={} undecided={} \
         simulated_seconds={} violations=0",
        total.steps,
        total.answered,
        total.updated,
        total.refused,
        total.undecided,
        total.millis / 1000
    );
    assert_busy(seeds, &total);
}

/// A run that does little finds little: the seeds together must have gone everywhere.
fn assert_busy(cases: u64, total: &Summary) {
    assert!(total.answered > cases * 50, "{total:#?}");
    assert!(total.unknown > cases, "{total:#?}");
    assert!(total.undecided <= cases / 1000, "{total:#?}");
    assert!(total.updated > cases * 2 && total.refused > cases, "{total:#?}");
    assert!(total.aimed > cases, "{total:#?}");
    assert!(total.skipped > cases && total.fell_behind > cases / 20, "{total:#?}");
    let deaths: &BTreeMap<String, u64> = &total.deaths;
    for cause in [
        "Append Write",
        "Append Sync",
        "Install Write",
        "Destroy Write",
        "Rotate Write",
        "Rotate Rename",
        "Release Write",
        "Prepare Write",
        "Mark Write",
        "Open Write",
        "Open Sync",
        "LogSynced",
        "InstalledSynced",
        "DestroyedSynced",
        "BeforeApply",
        "AfterApply",
        "BeforePersist",
        "AfterPersist",
        "BeforeDrop",
        "AfterDrop",
        "the store",
        "a step",
    ] {
        assert!(deaths.contains_key(cause), "no process died of {cause}: {deaths:#?}");
    }
}

#[test]
fn a_seed_means_the_same_run() {
    for seed in 0..20 {
        let runs: Vec<_> = (0..2)
            .map(|_| match replay(&Plan::drawn(seed)) {
                Ok((_, trace)) => trace,
                Err(failure) => failure.trace,
            })
            .collect();
        assert!(runs[0] == runs[1], "seed {seed} went two ways");
        assert!(runs[0].len() > 50);
    }
}
