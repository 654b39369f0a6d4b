//! What a node finds after a crash.

use stator_model::LogIndex;
use stator_replica::StartError;
use stator_store::MemoryEngine;

use crate::rig::{Rig, create_command, is_done, is_open, options, start};

#[test]
fn acknowledged_writes_are_there_after_the_store_lost_all_that_was_not_synced() {
    for seed in 0..50 {
        let mut rig = Rig::with_table();
        if seed % 3 == 0 {
            rig.persist();
            rig.settle();
        }
        for n in 0..20 {
            let answer = rig.put(&format!("k{n}"), &format!("{n}"));
            rig.settle();
            assert!(is_done(&answer));
        }
        let rig = rig.power_loss(seed);
        for n in 0..20 {
            assert_eq!(rig.stored(&format!("k{n}")), Some(format!("{n}")), "seed {seed}");
        }
        assert_eq!(rig.handle("tab").statistics().0, 20);
    }
}

#[test]
fn a_write_that_was_synced_and_never_answered_is_there_whole() {
    let mut rig = Rig::with_table();
    let answer = rig.put("k", "1");
    rig.flush();
    rig.sync_one();
    assert!(is_open(&answer));
    let rig = rig.power_loss(1);
    assert_eq!(rig.stored("k").as_deref(), Some("1"));
}

#[test]
fn a_write_that_never_reached_the_log_is_not_there() {
    let mut rig = Rig::with_table();
    let answer = rig.put("k", "1");
    rig.flush();
    let rig = rig.power_loss(1);
    assert!(is_open(&answer));
    assert_eq!(rig.stored("k"), None);
}

#[test]
fn a_deletion_that_a_crash_interrupted_is_finished() {
    for steps in 0..12 {
        let mut rig = Rig::with_table();
        rig.put("k", "1");
        rig.settle();
        rig.decide(stator_catalog::Command::DeleteTable { name: "tab".to_owned() });
        for _ in 0..steps {
            rig.flush();
            rig.sync_one();
            rig.apply_all();
        }
        let mut rig = rig.power_loss(steps);
        match rig.catalog().table_by_name("tab") {
            None => rig.create_table("tab"),
            // The decision had not reached the log.
            Some(_) => assert_eq!(rig.stored("k").as_deref(), Some("1")),
        }
    }
}

#[test]
fn a_creation_that_a_crash_interrupted_is_finished() {
    for steps in 0..12 {
        let mut rig = Rig::blank();
        rig.settle();
        rig.decide(create_command("tab", 1));
        for _ in 0..steps {
            rig.flush();
            rig.sync_one();
            rig.apply_all();
        }
        let mut rig = rig.power_loss(steps);
        if rig.catalog().table_by_name("tab").is_some() {
            assert!(rig.handle("tab").is_serving());
            let answer = rig.put("k", "1");
            rig.settle();
            assert!(is_done(&answer));
        }
    }
}

/// What a start says to this log and an empty store.
fn start_on_an_empty_store(rig: &Rig) -> Option<StartError> {
    let (log, recovered) = stator_log::Log::open(rig.disk.clone(), options()).unwrap();
    drop(log);
    let forming = stator_replica::Forming {
        cluster: [7; 16],
        node: stator_model::NodeId::new(1),
        replica: stator_model::ReplicaId::new(1),
    };
    let blank = MemoryEngine::new();
    stator_replica::Core::start(start(recovered, &blank, forming)).err()
}

#[test]
fn a_store_older_than_what_it_had_synced_is_refused() {
    let mut rig = Rig::with_table();
    rig.put("k", "1");
    rig.settle();
    rig.persist();
    rig.settle();
    // The log learns what is durable from the next checkpoint.
    rig.ask_checkpoint = true;
    for value in ["2", "3"] {
        rig.put("k", value);
        rig.settle();
    }
    match start_on_an_empty_store(&rig) {
        Some(StartError::StoreBehind { applied, durable, .. }) => {
            assert_eq!(applied, LogIndex::new(0));
            assert!(durable > applied);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_store_without_what_released_segments_held_is_refused() {
    let mut rig = Rig::with_table();
    // The checkpoint comes before the store is synced, so it knows of nothing durable; the segment
    // before it goes once the store is.
    rig.ask_checkpoint = true;
    for value in ["1", "2"] {
        rig.put("k", value);
        rig.settle();
    }
    rig.persist();
    rig.settle();
    match start_on_an_empty_store(&rig) {
        Some(StartError::Lost { reached, committed, .. }) => assert!(committed > reached),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_round_of_several_tasks_reports_each_of_them_as_it_was() {
    // A restart replays in pieces; the term's first entry comes last. Applied in one round, the
    // replica must lead with the state as of that entry.
    for seed in 0..20 {
        let mut rig = Rig::with_table();
        // Each batch tells the log of the commit before it, so that a restart knows some as committed.
        for n in 0..5 {
            rig.put(&format!("k{n}"), "v");
            rig.flush();
            rig.sync_one();
        }
        let (disk, engine) = (rig.disk.clone(), rig.engine.crash(seed));
        drop(rig);
        disk.crash(seed);
        let mut rig = Rig::open(disk, engine);
        // Everything is committed before anything is applied.
        rig.flush();
        while rig.sync_one() {
            rig.flush();
        }
        rig.settle();
        assert!(rig.picture.as_ref().unwrap().ready, "seed {seed}");
        let answer = rig.put("k0", "vv");
        rig.settle();
        assert!(is_done(&answer), "seed {seed}");
        assert_eq!(rig.handle("tab").statistics(), (5, 5 * 6 + 1), "seed {seed}");
    }
}
