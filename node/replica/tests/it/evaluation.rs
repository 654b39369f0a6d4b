//! When a write is answered, and what it is evaluated against.

use stator_model::LogIndex;
use stator_replica::{Answer, NotDone, Prefetched};

use crate::rig::{Rig, Slot, is_done, is_open};

fn old_value(slot: &Slot<Answer>) -> Option<String> {
    match slot.lock().unwrap().as_ref() {
        Some(Answer::Done(Ok(written))) => {
            let mut writer = stator_protocol::JsonWriter::new();
            written.write_json(&mut writer);
            let json = String::from_utf8(writer.into_bytes()).unwrap();
            let at = json.find(r#""v":{"S":""#)? + 10;
            json[at..].split('"').next().map(str::to_owned)
        }
        other => panic!("{other:?}"),
    }
}

fn refused(slot: &Slot<Answer>) -> NotDone {
    match slot.lock().unwrap().as_ref() {
        Some(Answer::NotDone(reason, Some(_command))) => *reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_answered_before_its_batch_is_synced_and_applied() {
    let mut rig = Rig::with_table();
    let answer = rig.put("k", "1");
    rig.flush();
    assert!(is_open(&answer), "proposed");
    assert!(rig.apply_tasks.is_empty(), "nothing is applied that is not synced");
    rig.sync_one();
    rig.flush();
    assert!(is_open(&answer), "synced, committed");
    rig.apply_all();
    assert!(is_done(&answer));
    assert_eq!(rig.stored("k").as_deref(), Some("1"));
}

#[test]
fn commands_that_wait_together_become_one_entry_and_see_each_other() {
    let mut rig = Rig::with_table();
    let before = rig.handle("tab").applied();
    let answers = ["1", "2", "3"].map(|value| rig.put("hot", value));
    rig.settle();
    assert_eq!(rig.handle("tab").applied(), before.next(), "one entry");
    let old = answers.each_ref().map(old_value);
    assert_eq!(old, [None, Some("1".to_owned()), Some("2".to_owned())]);
    assert_eq!(rig.stored("hot").as_deref(), Some("3"));
}

#[test]
fn a_command_sees_writes_that_are_proposed_and_not_applied() {
    let mut rig = Rig::with_table();
    let first = rig.put("k", "1");
    rig.flush();
    let second = rig.put("k", "2");
    rig.settle();
    assert!(is_done(&first));
    assert_eq!(old_value(&second).as_deref(), Some("1"));
}

#[test]
fn an_item_read_before_an_applied_write_is_not_believed() {
    let mut rig = Rig::with_table();
    let command = rig.put_command("k", "late");
    let stale = rig.prefetch(&command);
    let written = rig.put("k", "1");
    rig.settle();
    assert!(is_done(&written));
    // The overlay remembers the write although it is applied.
    let answer = rig.submit(command, stale);
    rig.settle();
    assert_eq!(old_value(&answer).as_deref(), Some("1"));
}

#[test]
fn an_item_read_before_the_overlays_memory_is_to_be_read_again() {
    let mut rig = Rig::with_table();
    let command = rig.put_command("k", "late");
    let stale = Prefetched { applied: LogIndex::new(0), item: None, collection_bytes: 0 };
    let answer = rig.submit(command, stale);
    rig.settle();
    assert_eq!(refused(&answer), NotDone::PrefetchTooOld);
    assert_eq!(rig.stored("k"), None);
}

#[test]
fn more_than_two_log_tasks_are_never_under_way_and_the_rest_becomes_one_batch() {
    let mut rig = Rig::with_table();
    let answers: Vec<_> = (0..10)
        .map(|n| {
            let answer = rig.put(&format!("k{n}"), "v");
            rig.flush();
            answer
        })
        .collect();
    assert_eq!(rig.log_tasks.len(), 2);
    let before = rig.handle("tab").applied();
    rig.settle();
    assert!(answers.iter().all(is_done));
    assert_eq!(rig.handle("tab").applied().get(), before.get() + 3);
}

#[test]
fn a_delete_removes_the_item_and_returns_it_once() {
    let mut rig = Rig::with_table();
    rig.put("k", "1");
    rig.settle();
    let (first, second) = (rig.delete("k"), rig.delete("k"));
    rig.settle();
    assert_eq!((old_value(&first).as_deref(), old_value(&second)), (Some("1"), None));
    assert_eq!(rig.stored("k"), None);
    assert_eq!(rig.handle("tab").statistics(), (0, 0));
}

/// The second delete writes nothing. What it looked at is the first one's doing, and is lost with it.
#[test]
fn an_answer_that_writes_nothing_waits_for_what_it_looked_at() {
    let mut rig = Rig::with_table();
    rig.put("k", "1");
    rig.settle();
    let first = rig.delete("k");
    rig.flush();
    let second = rig.delete("k");
    rig.flush();
    assert!(is_open(&first) && is_open(&second), "neither is synced");
    rig.settle();
    assert!(is_done(&first) && is_done(&second));
}

/// Whoever is told that an item is gone must not find it by an eventually consistent read, which looks
/// only at what is applied.
#[test]
fn an_answer_that_writes_nothing_waits_until_what_it_looked_at_is_applied() {
    let mut rig = Rig::with_table();
    rig.put("k", "1");
    rig.settle();
    let first = rig.delete("k");
    rig.flush();
    rig.sync_one();
    rig.flush();
    let second = rig.delete("k");
    rig.flush();
    assert!(is_open(&first) && is_open(&second), "committed, and not applied");
    assert_eq!(rig.stored("k").as_deref(), Some("1"));
    rig.settle();
    assert!(is_done(&first) && is_done(&second));
    assert_eq!(rig.stored("k"), None);
}

#[test]
fn an_answer_that_looked_at_nothing_pending_is_given_at_once() {
    let mut rig = Rig::with_table();
    let before = rig.handle("tab").applied();
    let answer = rig.delete("k");
    rig.flush();
    assert!(is_done(&answer) && rig.log_tasks.is_empty());
    assert_eq!(rig.handle("tab").applied(), before);
}

#[test]
fn counters_are_those_of_what_is_stored() {
    let mut rig = Rig::with_table();
    for (key, value) in [("a", "1"), ("b", "22"), ("a", "333")] {
        rig.put(key, value);
        rig.settle();
    }
    // pk + its value + v + its value: 2+1+1+3 and 2+1+1+2.
    assert_eq!(rig.handle("tab").statistics(), (2, 13));
}

#[test]
fn timestamps_never_run_far_ahead_of_a_clock_that_went_back() {
    let mut rig = Rig::with_table();
    rig.put("k", "1");
    rig.settle();
    rig.now.0 -= 10_000;
    let answer = rig.put("k", "2");
    rig.settle();
    assert_eq!(refused(&answer), NotDone::Busy);
    rig.now.0 += 9_800;
    let answer = rig.put("k", "3");
    rig.settle();
    assert!(is_done(&answer));
}
