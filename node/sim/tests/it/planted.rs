//! Defects made on purpose: each must be found, or the simulator proves nothing.

use stator_sim::disk::Lies;
use stator_sim::plan::Planted;
use stator_sim::{Plan, run};

/// Runs seeds until one finds the defect.
fn is_found(planted: Planted, within: u64) {
    found_by(planted, within, |_| true);
}

/// Runs seeds until what clients saw of items shows the defect.
fn is_seen_by_clients(planted: Planted, within: u64) {
    found_by(planted, within, |invariant| invariant == "registers");
}

fn found_by(planted: Planted, within: u64, counts: fn(&str) -> bool) {
    for seed in 0..within {
        let plan = Plan { planted, ..Plan::drawn(seed) };
        if let Err(failure) = run(&plan)
            && counts(failure.violation.invariant)
        {
            println!("{planted:?} found by seed {seed}: {}", first_line(&failure.violation.seen));
            return;
        }
    }
    panic!("{planted:?} was not found by {within} seeds");
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().get(..200).unwrap_or(text)
}

fn lies(lies: Lies) -> Planted {
    Planted { lies, ..Planted::default() }
}

#[test]
fn a_sync_that_does_nothing() {
    is_found(lies(Lies { sync_ignored: true, ..Lies::default() }), 100);
}

#[test]
fn a_directory_sync_that_does_nothing() {
    is_found(lies(Lies { dir_sync_ignored: true, ..Lies::default() }), 300);
}

#[test]
fn a_failed_sync_that_is_ignored() {
    is_found(lies(Lies { failure_swallowed: true, ..Lies::default() }), 1_000);
}

#[test]
fn a_tablet_that_is_dropped_before_its_replica_is_gone() {
    is_found(Planted { dropped_too_early: true, ..Planted::default() }, 300);
}

#[test]
fn an_answer_before_the_log_is_synced() {
    is_found(Planted { synced_too_early: true, ..Planted::default() }, 100);
}

#[test]
fn a_store_that_loses_what_it_synced() {
    is_found(Planted { persist_ignored: true, ..Planted::default() }, 200);
}

#[test]
fn a_node_that_serves_before_it_is_ready() {
    is_found(Planted { served_too_early: true, ..Planted::default() }, 500);
}

#[test]
fn a_leader_that_evaluates_before_its_own_no_op_is_applied() {
    is_seen_by_clients(Planted { evaluated_too_early: true, ..Planted::default() }, 500);
}

#[test]
fn an_update_of_what_was_read_before_others_wrote() {
    is_seen_by_clients(Planted { evaluated_at_edge: true, ..Planted::default() }, 100);
}

#[test]
fn a_condition_that_sees_the_key_of_what_is_not_there() {
    is_seen_by_clients(Planted { key_materialised: true, ..Planted::default() }, 100);
}

#[test]
fn a_refusal_before_what_it_looked_at_is_committed() {
    is_seen_by_clients(Planted { unchanged_answered_early: true, ..Planted::default() }, 500);
}

#[test]
fn a_vote_that_is_not_logged() {
    is_found(Planted { votes_dropped: true, ..Planted::default() }, 50);
}

#[test]
fn entries_of_an_index_that_stay_when_their_items_move() {
    is_found(Planted { entries_kept: true, ..Planted::default() }, 50);
}

#[test]
fn entries_that_overtake_those_of_a_skipped_keyspace() {
    is_found(Planted { skipped_reordered: true, ..Planted::default() }, 100);
}
