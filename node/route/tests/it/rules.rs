//! Whom a route asks, case by case. Nodes are n1 (where the clients are), n2 and n3; each has a replica.

use std::sync::Arc;
use std::time::Duration;

use stator_catalog::{Catalog, Change};
use stator_model::{NodeId, PartitionId, TableDescription};
use stator_operation::read::{Found, Order, Part, Place, Rows};
use stator_operation::wire::{NotDone, ReadAnswer, WriteAnswer};
use stator_operation::{ItemCommand, ItemWork, Operation, Request};
use stator_protocol::{ApiError, ErrorCode};
use stator_route::{
    Attempt, Leaders, ReadRoute, ReadStep, ServedRead, ServedReadStep, ServedWrite,
    ServedWriteStep, WriteRoute, WriteStep,
};

use crate::cluster::{catalog, node, service, split};

const NOW: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(3);

/// What n1 knows.
#[derive(Clone, Copy)]
struct Knows {
    leader: Option<NodeId>,
    fresh: bool,
}

impl Leaders for Knows {
    fn here(&self) -> NodeId {
        node(0)
    }

    fn leader(&self, _partition: PartitionId) -> Option<NodeId> {
        self.leader
    }

    fn is_fresh(&self, _partition: PartitionId) -> bool {
        self.fresh
    }
}

fn leads(number: u64) -> Knows {
    Knows { leader: Some(node(number)), fresh: false }
}

const NOBODY: Knows = Knows { leader: None, fresh: false };

fn work(catalog: &Catalog, operation: Operation, body: &str) -> ItemWork {
    match Request::parse(operation, body.as_bytes()) {
        Ok(Request::Items(request)) => request.validate(catalog, &service()).expect("work"),
        other => panic!("{other:?}"),
    }
}

fn command(catalog: &Catalog) -> Box<ItemCommand> {
    let body = r#"{"TableName":"ttt","Key":{"pk":{"S":"a"},"sk":{"S":"b"}}}"#;
    match work(catalog, Operation::DeleteItem, body) {
        ItemWork::Write(command) => command,
        ItemWork::Batch(_) | ItemWork::Read(_) => panic!("a write"),
    }
}

fn write(catalog: &Catalog) -> WriteRoute {
    WriteRoute::new(command(catalog), DEADLINE)
}

fn read(catalog: &Catalog, operation: Operation, members: &str) -> ReadRoute {
    let body = format!(r#"{{"TableName":"ttt"{members}}}"#);
    match work(catalog, operation, &body) {
        ItemWork::Read(command) => ReadRoute::new(command, DEADLINE),
        ItemWork::Batch(_) | ItemWork::Write(_) => panic!("a read"),
    }
}

fn get(catalog: &Catalog, consistent: bool) -> ReadRoute {
    let key = r#""Key":{"pk":{"S":"a"},"sk":{"S":"b"}}"#;
    read(catalog, Operation::GetItem, &format!(r#",{key},"ConsistentRead":{consistent}"#))
}

/// The node that is asked, n1 if it is the replica here, and the command.
#[track_caller]
fn asked(step: WriteStep) -> (NodeId, Box<ItemCommand>) {
    match step {
        WriteStep::Submit(_, command) => (node(0), command),
        WriteStep::Forward { node, command, remaining } => {
            assert_eq!(remaining, DEADLINE - NOW);
            (node, command)
        }
        WriteStep::Wait => panic!("waits"),
        WriteStep::Done(result) => panic!("{result:?}"),
    }
}

#[track_caller]
fn asked_for(step: ReadStep) -> (NodeId, Part) {
    match step {
        ReadStep::Read(_, part) => (node(0), part),
        ReadStep::Forward { node, part, remaining } => {
            assert_eq!(remaining, DEADLINE - NOW);
            (node, part)
        }
        ReadStep::Wait => panic!("waits"),
        ReadStep::Done(_) => panic!("is done"),
    }
}

/// What comes of a command.
type Comes = fn(Box<ItemCommand>) -> Attempt;

/// Whom a write asks first, and after each of these attempts; whether it waits before.
#[track_caller]
fn check(knows: Knows, attempts: &[(Comes, bool, u64)], first: u64) {
    let catalog = catalog();
    let mut route = write(&catalog);
    let (at, mut command) = asked(route.next(&catalog, &knows, NOW));
    assert_eq!(at, node(first));
    for (attempt, waits, next) in attempts {
        route.answered(attempt(command));
        if *waits {
            assert!(matches!(route.next(&catalog, &knows, NOW), WriteStep::Wait));
        }
        let at;
        (at, command) = asked(route.next(&catalog, &knows, NOW));
        assert_eq!(at, node(*next));
    }
}

#[test]
fn a_write_goes_to_the_node_that_is_thought_to_lead() {
    check(leads(0), &[], 0);
    check(leads(2), &[], 2);
    // Who knows nobody begins with itself.
    check(NOBODY, &[], 0);
}

#[test]
fn a_node_that_does_not_lead_sends_the_write_to_the_one_that_does() {
    let to_3 = |command| Attempt::NotLeader(command, Some(node(2)));
    let to_here = |command| Attempt::NotLeader(command, Some(node(0)));
    check(leads(1), &[(to_3, false, 2)], 1);
    check(leads(1), &[(to_here, false, 0)], 1);
    check(leads(0), &[(to_3, false, 2)], 0);
}

#[test]
fn nodes_that_send_a_write_to_and_fro_are_waited_for() {
    let to_2 = |command| Attempt::NotLeader(command, Some(node(1)));
    let to_3 = |command| Attempt::NotLeader(command, Some(node(2)));
    let there_and_back: [(Comes, bool, u64); 5] =
        [(to_3, false, 2), (to_2, false, 1), (to_3, false, 2), (to_2, true, 1), (to_3, false, 2)];
    check(leads(1), &there_and_back, 1);
    // One that names itself has yet to begin.
    check(leads(1), &[(to_2, true, 1)], 1);
}

#[test]
fn a_write_that_was_not_sent_goes_to_the_replicas_in_turn() {
    let unsent: Comes = Attempt::Unreachable;
    let nobody: Comes = |command| Attempt::NotLeader(command, None);
    check(leads(1), &[(unsent, true, 2), (unsent, true, 0), (nobody, true, 1)], 1);
    check(NOBODY, &[(nobody, true, 1), (unsent, true, 2), (nobody, true, 0)], 0);
}

#[test]
fn a_busy_leader_is_asked_again() {
    let busy: Comes = Attempt::WaitAndRetry;
    let stale: Comes = Attempt::TableChanged;
    check(leads(2), &[(busy, true, 2), (stale, true, 2)], 2);
}

#[test]
fn a_node_that_learns_of_another_leader_asks_that_one() {
    let catalog = catalog();
    let mut route = write(&catalog);
    let (_, command) = asked(route.next(&catalog, &leads(1), NOW));
    route.answered(Attempt::Unreachable(command));
    assert!(matches!(route.next(&catalog, &leads(1), NOW), WriteStep::Wait));
    let (at, _) = asked(route.next(&catalog, &leads(0), NOW));
    assert_eq!(at, node(0));
}

#[test]
fn a_write_that_was_sent_and_not_answered_is_not_sent_again() {
    let catalog = catalog();
    let mut route = write(&catalog);
    asked(route.next(&catalog, &leads(1), NOW));
    route.answered(Attempt::Unknown);
    let step = route.next(&catalog, &leads(1), NOW);
    assert!(matches!(step, WriteStep::Done(Err(error)) if error == ApiError::internal()));
}

#[test]
fn a_consistent_read_goes_to_the_leader_even_from_a_fresh_replica() {
    let catalog = catalog();
    let knows = Knows { leader: Some(node(1)), fresh: true };
    let mut route = get(&catalog, true);
    let (at, part) = asked_for(route.next(&catalog, &knows, NOW));
    assert_eq!(at, node(1));
    route.answered(&part, ReadAnswer::NotServing(Some(node(2))));
    let (at, _) = asked_for(route.next(&catalog, &knows, NOW));
    assert_eq!(at, node(2));
    // No answer: others are asked, after a moment.
    route.lost();
    assert!(matches!(route.next(&catalog, &knows, NOW), ReadStep::Wait));
    let (at, part) = asked_for(route.next(&catalog, &knows, NOW));
    assert_eq!(at, node(0));
    route.found(&part, Found::Item(None));
    assert!(matches!(route.next(&catalog, &knows, NOW), ReadStep::Done(Ok(_))));
}

#[test]
fn any_other_read_is_answered_here_if_the_replica_is_fresh() {
    let catalog = catalog();
    let knows = Knows { leader: Some(node(1)), fresh: true };
    let (at, _) = asked_for(get(&catalog, false).next(&catalog, &knows, NOW));
    assert_eq!(at, node(0));
}

#[test]
fn any_other_read_goes_to_the_other_replicas_if_the_one_here_is_not_fresh() {
    let catalog = catalog();
    let mut route = get(&catalog, false);
    let (at, part) = asked_for(route.next(&catalog, &NOBODY, NOW));
    assert_eq!(at, node(1));
    route.answered(&part, ReadAnswer::NotServing(None));
    let (at, _) = asked_for(route.next(&catalog, &NOBODY, NOW));
    assert_eq!(at, node(2));
    // All of them were asked.
    route.lost();
    assert!(matches!(route.next(&catalog, &NOBODY, NOW), ReadStep::Wait));
    let (at, _) = asked_for(route.next(&catalog, &NOBODY, NOW));
    assert_eq!(at, node(1));
    route.lost();
    let step = route.next(&catalog, &NOBODY, DEADLINE);
    let ReadStep::Done(Err(error)) = step else { panic!("goes on") };
    assert_eq!(error.code(), ErrorCode::ServiceUnavailable);
}

#[test]
fn what_another_node_could_not_read_is_an_error() {
    let catalog = catalog();
    let mut route = get(&catalog, true);
    let (_, part) = asked_for(route.next(&catalog, &leads(1), NOW));
    route.answered(&part, ReadAnswer::Failed(ApiError::internal()));
    let step = route.next(&catalog, &leads(1), NOW);
    assert!(matches!(step, ReadStep::Done(Err(error)) if error == ApiError::internal()));
}

fn served(attempt: Comes, knows: Knows) -> NotDone {
    let catalog = catalog();
    let mut served = ServedWrite::new(command(&catalog), DEADLINE);
    let ServedWriteStep::Submit(_, command) = served.next(&catalog, &knows, NOW) else {
        panic!("is submitted first");
    };
    served.answered(attempt(command));
    match served.next(&catalog, &knows, NOW) {
        ServedWriteStep::Done(WriteAnswer::NotDone(reason)) => reason,
        ServedWriteStep::Done(WriteAnswer::Done(_)) | ServedWriteStep::Submit(..) => panic!("done"),
    }
}

#[test]
fn a_forwarded_write_is_done_here_or_not_at_all() {
    let nobody: Comes = |command| Attempt::NotLeader(command, None);
    assert_eq!(served(nobody, leads(2)), NotDone::NotLeader(Some(node(2))));
    assert_eq!(served(nobody, leads(0)), NotDone::NotLeader(None));
    let known: Comes = |command| Attempt::NotLeader(command, Some(node(1)));
    assert_eq!(served(known, leads(2)), NotDone::NotLeader(Some(node(1))));
    assert_eq!(served(Attempt::WaitAndRetry, leads(0)), NotDone::Busy);
    assert_eq!(served(Attempt::Throttled, leads(0)), NotDone::Throttled);
    assert_eq!(served(Attempt::TableChanged, leads(0)), NotDone::Stale);
    assert_eq!(served(|_| Attempt::Unknown, leads(0)), NotDone::Unknown);
}

#[test]
fn a_forwarded_write_that_came_too_late_is_not_begun() {
    let catalog = catalog();
    let mut served = ServedWrite::new(command(&catalog), DEADLINE);
    let step = served.next(&catalog, &leads(0), DEADLINE);
    assert!(matches!(step, ServedWriteStep::Done(WriteAnswer::NotDone(NotDone::Busy))));
}

#[test]
fn a_map_that_is_newer_than_the_senders_shows_as_a_rest_that_was_not_seen() {
    let (old, new) = (catalog(), split(&catalog()));
    for order in [Order::Ascending, Order::Descending] {
        let mut route = read(&old, Operation::Scan, r#","ConsistentRead":true"#);
        let (_, mut part) = asked_for(route.next(&old, &leads(1), NOW));
        let Place::Range(walk) = &mut part.place else { panic!("a range") };
        walk.order = order;
        let all = walk.range.clone();
        let mut served = ServedRead::new(part.clone(), DEADLINE);
        let ServedReadStep::Read(_, half) = served.next(&new, &leads(0), NOW) else {
            panic!("is read first");
        };
        let Place::Range(seen) = &half.place else { panic!("a range") };
        assert_ne!(seen.range, all);
        served.found(&half, Found::Rows(Rows::default()));
        let ServedReadStep::Done(ReadAnswer::Found(Found::Rows(rows))) =
            served.next(&new, &leads(0), NOW)
        else {
            panic!("was found");
        };
        let unseen = rows.unseen.expect("the other half");
        match order {
            Order::Ascending => {
                assert_eq!((Some(unseen.start), unseen.end), (seen.range.end.clone(), all.end));
            }
            Order::Descending => {
                let seen_from = Some(seen.range.start.clone());
                assert_eq!((unseen.start, unseen.end), (all.start, seen_from));
            }
        }
    }
}

#[test]
fn a_replica_that_is_not_fresh_answers_no_other_node() {
    let catalog = catalog();
    let (_, part) = asked_for(get(&catalog, false).next(&catalog, &leads(1), NOW));
    let mut served = ServedRead::new(part, DEADLINE);
    let step = served.next(&catalog, &leads(2), NOW);
    assert!(
        matches!(step, ServedReadStep::Done(ReadAnswer::NotServing(at)) if at == Some(node(2)))
    );
}

fn command_of(catalog: &Catalog, operation: Operation, members: &str) -> Box<ItemCommand> {
    match work(catalog, operation, &format!(r#"{{"TableName":"ttt",{members}}}"#)) {
        ItemWork::Write(command) => command,
        ItemWork::Batch(_) | ItemWork::Read(_) => panic!("a write"),
    }
}

#[test]
fn a_command_is_validated_again_when_its_table_has_changed() {
    let before = catalog();
    let table = before.table_by_name("ttt").expect("the table");
    let version = table.version.next();
    let mut newer = TableDescription { version, ..table.as_ref().clone() };
    let mut after = before.clone();
    after.apply(&Change::PutTable(Arc::new(newer.clone())));
    let key = r#""pk":{"S":"a"},"sk":{"S":"b"}"#;
    for (operation, members) in [
        (Operation::PutItem, format!(r#""Item":{{{key}}}"#)),
        (Operation::UpdateItem, format!(r#""Key":{{{key}}}"#)),
        (Operation::DeleteItem, format!(r#""Key":{{{key}}}"#)),
    ] {
        let mut route = WriteRoute::new(command_of(&before, operation, &members), DEADLINE);
        let (_, command) = asked(route.next(&before, &leads(1), NOW));
        let location = command.location().clone();
        route.answered(Attempt::TableChanged(command));
        assert!(matches!(route.next(&after, &leads(1), NOW), WriteStep::Wait));
        let (_, command) = asked(route.next(&after, &leads(1), NOW));
        assert_eq!((command.version(), command.location()), (version, &location));
        assert_eq!(command.table(), table.id);
    }
    // No table changes its keys; it stands for whatever makes a request impossible.
    newer.key_schema.sort = None;
    after.apply(&Change::PutTable(Arc::new(newer)));
    let update = command_of(&before, Operation::UpdateItem, &format!(r#""Key":{{{key}}}"#));
    let mut route = WriteRoute::new(update, DEADLINE);
    let step = route.next(&after, &leads(1), NOW);
    let WriteStep::Done(Err(error)) = step else { panic!("goes on") };
    assert_eq!(error.code(), ErrorCode::ValidationException);
}
