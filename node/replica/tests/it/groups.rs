//! How replicas come and go.

use stator_catalog::Command;
use stator_model::{PartitionId, TableStatus};
use stator_replica::{Answer, CatalogAnswer, NotDone};

use crate::rig::Rig;

#[test]
fn a_blank_node_forms_its_catalog_and_is_ready() {
    let mut rig = Rig::blank();
    rig.settle();
    assert!(rig.catalog().meta().is_some());
    assert!(rig.picture.as_ref().unwrap().ready);
}

#[test]
fn a_new_table_is_active_once_its_partition_serves() {
    let rig = Rig::with_table();
    assert_eq!(rig.table("tab").status, TableStatus::Active);
    assert!(rig.handle("tab").is_serving());
}

#[test]
fn the_catalog_is_published_before_its_change_is_answered() {
    let mut rig = Rig::with_table();
    let answer = rig.decide(Command::DeleteTable { name: "tab".to_owned() });
    while answer.lock().unwrap().is_none() {
        rig.flush();
        if answer.lock().unwrap().is_some() {
            break;
        }
        assert_eq!(rig.table("tab").status, TableStatus::Active);
        rig.sync_one();
        rig.apply_all();
    }
    assert!(matches!(*answer.lock().unwrap(), Some(CatalogAnswer::Done(Ok(_)))));
    assert_ne!(
        rig.catalog().table_by_name("tab").map(|table| table.status),
        Some(TableStatus::Active)
    );
}

#[test]
fn a_deleted_tables_tablet_goes_only_once_the_log_has_forgotten_it() {
    let mut rig = Rig::with_table();
    rig.put("k", "1");
    rig.settle();
    let tablet = rig.handle("tab").tablet();
    rig.decide(Command::DeleteTable { name: "tab".to_owned() });
    while rig.dropped.is_empty() {
        rig.flush();
        rig.apply_all();
        if rig.log_tasks.is_empty() {
            continue;
        }
        assert!(rig.dropped.is_empty());
        rig.sync_one();
    }
    assert_eq!(rig.dropped, [tablet]);
    rig.settle();
    assert!(rig.catalog().table_by_name("tab").is_none());
}

#[test]
fn a_table_created_again_under_its_name_is_another_table() {
    let mut rig = Rig::with_table();
    rig.put("k", "old life");
    rig.settle();
    let (old, command) = (rig.table("tab").id, rig.put_command("k", "for the old table"));
    let prefetched = rig.prefetch(&command);
    rig.decide(Command::DeleteTable { name: "tab".to_owned() });
    rig.settle();
    rig.create_table("tab");
    assert_eq!(rig.stored("k"), None);
    let answer = rig.submit(command, prefetched);
    rig.settle();
    assert!(matches!(*answer.lock().unwrap(), Some(Answer::NotDone(NotDone::Stale, Some(_)))));
    assert_ne!(rig.table("tab").id, old);
    assert_eq!(rig.stored("k"), None);
}

#[test]
fn a_write_for_a_partition_that_is_not_here_is_not_done() {
    let mut rig = Rig::with_table();
    let command = rig.put_command("k", "1");
    let prefetched = rig.prefetch(&command);
    let slot = rig.submit_to(PartitionId::new(99), command, prefetched);
    assert!(matches!(*slot.lock().unwrap(), Some(Answer::NotDone(NotDone::NotHere, Some(_)))));
}
