//! The crash points of the write path, one by one: in each life the process dies exactly there, by kill
//! and by power loss; then the node serves, and everything holds.

use stator_sim::plan::{CrashPoint, Loss};
use stator_sim::{Plan, replay, run};

use crate::number;

const SEEDS: u64 = 60;

fn dies_at(point: CrashPoint) {
    if let Some(seed) = number("STATOR_SEED") {
        for loss in [Loss::Process, Loss::Power] {
            if let Err(failure) = replay(&Plan::steered(seed, point, Some(loss))) {
                panic!("{point:?} {loss:?}: {failure}");
            }
        }
        return;
    }
    for loss in [Loss::Process, Loss::Power] {
        let mut aimed = 0;
        for seed in 0..SEEDS {
            let plan = Plan::steered(1_000_000 + seed, point, Some(loss));
            match run(&plan) {
                Ok(summary) => aimed += summary.aimed,
                Err(failure) => panic!("{point:?} {loss:?}: {failure}"),
            }
        }
        assert!(aimed >= SEEDS / 4, "{point:?} was reached {aimed} times only");
    }
}

#[test]
fn while_the_log_is_written() {
    dies_at(CrashPoint::LogWrite);
}

#[test]
fn while_the_log_is_synced() {
    dies_at(CrashPoint::LogSync);
}

#[test]
fn around_apply() {
    dies_at(CrashPoint::Apply);
}

#[test]
fn around_persist() {
    dies_at(CrashPoint::Persist);
}

#[test]
fn while_a_checkpoint_is_written() {
    dies_at(CrashPoint::Checkpoint);
}

#[test]
fn while_a_segment_is_reused() {
    dies_at(CrashPoint::SegmentReuse);
}

#[test]
fn around_the_installed_record() {
    dies_at(CrashPoint::Installed);
}

#[test]
fn around_the_destroyed_record() {
    dies_at(CrashPoint::Destroyed);
}

#[test]
fn around_the_drop_of_a_tablet() {
    dies_at(CrashPoint::DropTablet);
}

#[test]
fn during_recovery() {
    dies_at(CrashPoint::Recovery);
}
