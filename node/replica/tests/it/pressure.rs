//! What happens while the store is behind with the flushes of a keyspace.

use std::sync::Arc;
use std::time::Duration;

use stator_replica::{Answer, Applier, Limits, NotDone, Pace};
use stator_store::{Engine, Pressure};

use crate::rig::{Rig, Slot, is_done, is_open};

/// A node with the tables `tab` and `other`, in keyspaces of their own.
fn two_tables() -> Rig {
    let mut rig = Rig::with_table();
    rig.create_table("other");
    assert_ne!(rig.handle("tab").tablet().keyspace, rig.handle("other").tablet().keyspace);
    rig
}

/// The keyspace of this table has as many sealed memtables.
fn press(rig: &Rig, name: &str, sealed_memtables: usize) {
    let pressure = Pressure { sealed_memtables, ..Pressure::default() };
    rig.engine.set_pressure(rig.handle(name).tablet().keyspace, pressure);
}

fn is_throttled(slot: &Slot<Answer>) -> bool {
    matches!(*slot.lock().unwrap(), Some(Answer::NotDone(NotDone::Throttled, Some(_))))
}

#[test]
fn a_keyspace_that_is_behind_holds_up_nobody_else() {
    let mut rig = two_tables();
    press(&rig, "tab", Pressure::SKIP_SEALED);
    let (held, other) = (rig.put("k", "1"), rig.put_on("other", "k", "1"));
    rig.settle();
    assert!(is_open(&held) && is_done(&other));
    assert_eq!(rig.stored("k"), None);
    press(&rig, "tab", Pressure::SKIP_SEALED - 1);
    rig.settle();
    assert!(is_done(&held));
    assert_eq!(rig.stored("k").as_deref(), Some("1"));
}

#[test]
fn entries_of_a_skipped_keyspace_are_applied_in_order_once_it_has_drained() {
    let mut rig = two_tables();
    press(&rig, "tab", Pressure::SKIP_SEALED);
    let mut answers = Vec::new();
    for value in 0..20 {
        answers.push(rig.put("k", &value.to_string()));
        rig.settle();
    }
    assert!(answers.iter().all(is_open));
    press(&rig, "tab", 0);
    // One write that comes while the others still wait.
    answers.push(rig.put("k", "last"));
    rig.settle();
    assert!(answers.iter().all(is_done));
    assert_eq!(rig.stored("k").as_deref(), Some("last"));
}

#[test]
fn writes_are_refused_once_the_oldest_has_waited_too_long_and_taken_again_after() {
    let mut rig = two_tables();
    press(&rig, "tab", Pressure::SKIP_SEALED);
    let held = rig.put("k", "1");
    rig.settle();
    rig.uptime += Limits::default().wait;
    rig.settle();
    let still_taken = rig.put("k", "2");
    rig.settle();
    assert!(is_open(&still_taken));

    rig.uptime += Duration::from_millis(1);
    rig.settle();
    let (refused, other) = (rig.put("k", "3"), rig.put_on("other", "k", "3"));
    rig.settle();
    assert!(is_throttled(&refused) && is_done(&other));

    press(&rig, "tab", 0);
    rig.settle();
    assert!(is_done(&held) && is_done(&still_taken));
    let again = rig.put("k", "4");
    rig.settle();
    assert!(is_done(&again));
    assert_eq!(rig.stored("k").as_deref(), Some("4"));
}

#[test]
fn writes_are_refused_once_too_much_waits() {
    let mut rig = Rig::blank();
    let limits = Limits { bytes: 10_000, ..Limits::default() };
    rig.applier = Applier::with_limits(Arc::clone(&rig.engine) as Arc<dyn Engine>, limits);
    rig.settle();
    rig.create_table("tab");
    press(&rig, "tab", Pressure::SKIP_SEALED);
    let value = "x".repeat(4_000);
    for _ in 0..3 {
        let held = rig.put("k", &value);
        rig.settle();
        assert!(is_open(&held));
    }
    let refused = rig.put("k", "1");
    assert!(is_throttled(&refused));
}

#[test]
fn a_node_that_stops_applies_what_waits_however_far_the_store_is_behind() {
    let mut rig = two_tables();
    press(&rig, "tab", Pressure::SKIP_SEALED);
    let held = rig.put("k", "1");
    rig.settle();
    while !rig.applier.is_idle() {
        rig.apply_round(Pace::Regardless);
    }
    assert!(is_done(&held));
    assert_eq!(rig.stored("k").as_deref(), Some("1"));
}

#[test]
fn a_long_queue_is_applied_in_rounds_between_which_the_store_is_asked_again() {
    let mut rig = two_tables();
    press(&rig, "tab", Pressure::SKIP_SEALED);
    let value = "x".repeat(300_000);
    let answers: Vec<_> = (0..40).map(|key| rig.put(&format!("k{key}"), &value)).collect();
    rig.settle();
    press(&rig, "tab", 0);
    let mut rounds = 0;
    while !rig.applier.is_idle() {
        assert!(rig.apply_round(Pace::Considerate).committed);
        rounds += 1;
    }
    assert!(rounds >= 3, "{rounds} rounds for 12 MB");
    assert!(answers.iter().all(is_done));
}
