use std::collections::BTreeSet;

use proptest::prelude::*;
use stator_model::{NodeId, StartNumber};

use super::world::{Plan, Planted, Seen, World};
use super::{Command, Event, Forming, Lack, Promise, Proposal, Report, Standing, Status, Why};
use crate::{
    Addresses, Error, FeatureLevel, FeatureRange, Founding, NewNode, NodeRefusal, RecordKind,
};

const CLUSTER: [u8; 16] = *b"0123456789abcdef";

fn node(id: u64, name: &str) -> NewNode {
    NewNode {
        id: NodeId::new(id),
        name: name.to_owned(),
        zone: "z".to_owned(),
        pool: "p".to_owned(),
        addresses: Addresses { client: "c:1".to_owned(), peer: "p:2".to_owned() },
        start: StartNumber(3),
        features: FeatureRange::SUPPORTED,
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Node 1, `a`, of `a` and `b`.
fn forming(standing: Standing) -> Forming {
    Forming::new(CLUSTER, node(1, "a"), names(&["a", "b"]), standing)
}

fn report(node: NewNode, standing: Standing) -> Report {
    Report { cluster: CLUSTER, initial: names(&["a", "b"]), node, standing }
}

fn proposal(ballot: u64, nodes: Vec<NewNode>) -> Proposal {
    let promise = Promise { to: nodes[0].id, ballot };
    Proposal { promise, founding: Founding { cluster: CLUSTER, nodes } }
}

/// Links a node and has it say this.
fn hear(forming: &mut Forming, report: Report) -> Vec<Command> {
    let from = report.node.id;
    let mut commands = forming.step(Event::Up(from));
    commands.extend(forming.step(Event::Report { from, report: Box::new(report) }));
    commands
}

fn waits(forming: &Forming, why: Why, text: &str) {
    let status = forming.status();
    assert_eq!(status, Status::Waiting(vec![Lack { name: "b".to_owned(), why }]));
    assert!(status.to_string().contains(text), "{status}");
}

/// How many seeds to run: `base` times `STATOR_CASES`.
fn cases(base: u64) -> u64 {
    let times = std::env::var("STATOR_CASES").ok().and_then(|times| times.parse().ok());
    base.saturating_mul(times.unwrap_or(1))
}

#[test]
fn whatever_fails_there_is_one_cluster_and_all_nodes_are_in_it() {
    let one = std::env::var("STATOR_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = one.map_or(0..cases(1_500), |seed: u64| seed..seed + 1);
    let mut total = Seen::default();
    for seed in seeds {
        match World::run(&Plan::drawn(seed)) {
            Ok(seen) => total.add(&seen),
            Err(violation) => panic!("STATOR_SEED={seed}: {violation}"),
        }
    }
    println!("{total:?}");
    let Seen { restarts, wipes, asked_again, joined, declared_lost, bound, quorums_lost } = total;
    let counts = [restarts, wipes, asked_again, joined, declared_lost, bound, quorums_lost];
    let met = counts.iter().all(|count| *count > 0);
    assert!(met || one.is_some(), "the seeds meet every turn that forming can take");
}

fn is_found(planted: Planted) {
    let found = (0..2_000).find(|seed| {
        let run = World::run(&Plan { planted, ..Plan::drawn(*seed) });
        run.is_err_and(|violation| violation.contains("two clusters"))
    });
    assert!(found.is_some(), "{planted:?} was not found");
    println!("{planted:?} found by seed {found:?}");
}

#[test]
fn a_cluster_formed_without_promises_is_found() {
    is_found(Planted { hasty: true, ..Planted::default() });
}

#[test]
fn promises_that_a_crash_takes_away_are_found() {
    is_found(Planted { unsynced: true, ..Planted::default() });
}

#[test]
fn a_node_alone_forms_its_cluster_at_once() {
    let mut forming = Forming::new(CLUSTER, node(1, "a"), names(&["a"]), Standing::Blank);
    let commands = forming.step(Event::Tick);
    let founding = Founding { cluster: CLUSTER, nodes: vec![node(1, "a")] };
    let [Command::Persist(Standing::Proposed(_)), Command::Persist(Standing::Formed(_)), last] =
        &commands[..]
    else {
        panic!("{commands:?}")
    };
    assert_eq!(*last, Command::Found(founding));
    assert_eq!(forming.status(), Status::Member);
}

#[test]
fn whom_a_node_waits_for_is_said() {
    let mut forming = forming(Standing::Blank);
    waits(&forming, Why::Silent, "b does not answer");
    let blank = || report(node(2, "b"), Standing::Blank);
    hear(&mut forming, Report { cluster: [1; 16], ..blank() });
    waits(&forming, Why::Cluster([1; 16]), "is of cluster 01010101");
    hear(&mut forming, Report { initial: names(&["b", "c"]), ..blank() });
    let other = vec!["b".to_owned(), "c".to_owned()];
    waits(&forming, Why::Initial(other), "has other cluster.initialNodes (b, c)");
    let newer = FeatureRange::new(FeatureLevel::new(7), FeatureLevel::new(9)).unwrap();
    hear(&mut forming, report(NewNode { features: newer, ..node(2, "b") }, Standing::Blank));
    waits(&forming, Why::Features(newer), "feature levels 7 to 9");
    let gone = Promise { to: NodeId::new(99), ballot: 1 };
    hear(&mut forming, report(node(2, "b"), Standing::Promised(gone)));
    waits(&forming, Why::Bound(gone), "n99, which is not here");
    hear(&mut forming, blank());
    assert_eq!(forming.status(), Status::Agreeing);
    forming.step(Event::Down(NodeId::new(2)));
    waits(&forming, Why::Silent, "b does not answer");
}

#[test]
fn a_second_process_of_one_name_is_in_the_way() {
    let mut forming = forming(Standing::Blank);
    hear(&mut forming, report(node(2, "b"), Standing::Blank));
    let mut forming = self::forming(Standing::Blank);
    hear(&mut forming, report(node(9, "a"), Standing::Blank));
    let commands = hear(&mut forming, report(node(2, "b"), Standing::Blank));
    assert!(!commands.iter().any(|it| matches!(it, Command::Persist(_))), "{commands:?}");
    let why = Why::Twin(NodeId::new(9));
    assert_eq!(forming.status(), Status::Waiting(vec![Lack { name: "a".to_owned(), why }]));
}

#[test]
fn nodes_that_have_no_level_for_several_nodes_say_so() {
    let one = FeatureRange::new(FeatureLevel::ONE_NODE, FeatureLevel::ONE_NODE).unwrap();
    let mut forming = forming(Standing::Blank);
    hear(&mut forming, report(NewNode { features: one, ..node(2, "b") }, Standing::Blank));
    let text = forming.status().to_string();
    assert!(text.contains("no feature level is common to all nodes: n2"), "{text}");
}

#[test]
fn a_blank_node_that_meets_a_member_asks_to_be_let_in() {
    let mut forming = forming(Standing::Blank);
    let (member, through) = (report(node(7, "c"), Standing::Joined), NodeId::new(7));
    let commands = hear(&mut forming, member.clone());
    assert_eq!(commands.last(), Some(&Command::Join { through }));
    assert_eq!(forming.status(), Status::Joining { through });
    let again = hear(&mut forming, member);
    assert!(!again.contains(&Command::Join { through }), "once between two ticks");
    let refusal = NodeRefusal::NameTaken { name: "a".to_owned(), node: NodeId::new(4) };
    forming.step(Event::Registered(Err(refusal.clone())));
    assert_eq!(forming.status(), Status::Refused(refusal));
    assert!(forming.status().to_string().contains("declare n4 lost"));
    let commands = forming.step(Event::Tick);
    assert_eq!(commands.last(), Some(&Command::Join { through }), "it may be declared by now");
    let commands = forming.step(Event::Registered(Ok(())));
    assert_eq!(commands.first(), Some(&Command::Persist(Standing::Joined)));
    assert_eq!(forming.status(), Status::Member);
}

#[test]
fn a_member_of_another_cluster_is_no_member() {
    let mut forming = forming(Standing::Blank);
    let other = Report { cluster: [1; 16], ..report(node(2, "b"), Standing::Joined) };
    let commands = hear(&mut forming, other);
    assert!(!commands.iter().any(|it| matches!(it, Command::Join { .. })), "{commands:?}");
    waits(&forming, Why::Cluster([1; 16]), "is of cluster");
}

#[test]
fn an_outsider_waits_for_a_member() {
    let forming = Forming::new(CLUSTER, node(5, "x"), names(&["a", "b"]), Standing::Blank);
    assert_eq!(forming.status(), Status::Outsider);
    assert!(forming.status().to_string().contains("not one of cluster.initialNodes"));
}

#[test]
fn a_node_that_forgot_that_the_cluster_was_formed_with_it_stays_out() {
    let formed = proposal(1, vec![node(2, "b"), node(1, "a")]);
    let mut forming = forming(Standing::Blank);
    let commands = hear(&mut forming, report(node(2, "b"), Standing::Formed(formed)));
    assert!(!commands.iter().any(|it| matches!(it, Command::Join { .. })), "{commands:?}");
    assert_eq!(forming.status(), Status::Amnesia { member: NodeId::new(2) });
    assert!(forming.status().to_string().contains("older copy"));
}

#[test]
fn a_promise_holds_against_another_cluster() {
    let mine = Promise { to: NodeId::new(8), ballot: 1 };
    let mut forming = forming(Standing::Promised(mine));
    let other = proposal(1, vec![node(2, "b"), node(1, "a")]);
    let commands = hear(&mut forming, report(node(2, "b"), Standing::Formed(other)));
    assert!(!commands.iter().any(|it| matches!(it, Command::Persist(_))), "{commands:?}");
    assert_eq!(forming.status(), Status::Bypassed { member: NodeId::new(2) });
    assert!(forming.status().to_string().contains("empty data directory"));
}

#[test]
fn a_proposal_is_looked_at_before_it_is_promised() {
    let mine = || node(2, "b");
    let check = |proposal: Proposal, promised: bool| {
        let mut forming = Forming::new(CLUSTER, mine(), names(&["a", "b"]), Standing::Blank);
        let commands = hear(&mut forming, report(node(1, "a"), Standing::Proposed(proposal)));
        let promises = commands.iter().any(|it| matches!(it, Command::Persist(_)));
        assert_eq!(promises, promised, "{commands:?}");
    };
    let sound = || proposal(1, vec![node(1, "a"), mine()]);
    check(sound(), true);
    check(proposal(1, vec![node(1, "a"), node(3, "b")]), false);
    check(proposal(1, vec![node(1, "a")]), false);
    check(proposal(1, vec![node(1, "a"), mine(), node(3, "c")]), false);
    check(Proposal { promise: Promise { to: NodeId::new(2), ballot: 1 }, ..sound() }, false);
    let founding = Founding { cluster: [1; 16], ..sound().founding };
    check(Proposal { founding, ..sound() }, false);
}

#[test]
fn a_report_that_is_not_of_its_link_is_nothing() {
    let mut forming = forming(Standing::Blank);
    forming.step(Event::Up(NodeId::new(3)));
    let forged = Box::new(report(node(2, "b"), Standing::Blank));
    forming.step(Event::Report { from: NodeId::new(3), report: forged.clone() });
    forming.step(Event::Report { from: NodeId::new(2), report: forged });
    waits(&forming, Why::Silent, "b does not answer");
}

#[test]
fn a_list_that_was_changed_is_asked_for_anew() {
    let three = proposal(4, vec![node(1, "a"), node(2, "b"), node(3, "c")]);
    let mut forming = forming(Standing::Proposed(three.clone()));
    let promised = Standing::Promised(three.promise);
    let commands = hear(&mut forming, report(node(2, "b"), promised));
    let two = Proposal {
        founding: proposal(5, vec![node(2, "b"), node(1, "a")]).founding,
        promise: Promise { to: NodeId::new(1), ballot: 5 },
    };
    assert!(commands.contains(&Command::Persist(Standing::Proposed(two))), "{commands:?}");
    assert!(!forming.standing().is_member(), "c was part of what b promised");
}

#[test]
fn the_bytes_of_reports_and_standings_are_golden() {
    let check = |standing: Standing, golden: &[u8]| {
        assert_eq!(standing.encode(), golden, "{standing:?}");
        assert_eq!(Standing::decode(golden), Ok(standing));
    };
    let node_bytes =
        b"\x08\x01\x12\x01a\x1a\x01z\x22\x01p\x2a\x03c:1\x32\x03p:2\x38\x03\x40\x01\x48\x02";
    let proposed =
        [&b"\x01\x08\x02\x10\x01\x18\x07\x22\x100123456789abcdef\x2a\x1b"[..], node_bytes];
    let formed = [&b"\x01\x08\x04\x10\x01\x18\x07\x22\x100123456789abcdef\x2a\x1b"[..], node_bytes];
    check(Standing::Blank, b"\x01\x08\x01");
    check(Standing::Proposed(proposal(7, vec![node(1, "a")])), &proposed.concat());
    let promise = Promise { to: NodeId::new(300), ballot: 2 };
    check(Standing::Promised(promise), b"\x01\x08\x03\x10\xac\x02\x18\x02");
    check(Standing::Formed(proposal(7, vec![node(1, "a")])), &formed.concat());
    check(Standing::Joined, b"\x01\x08\x05");

    let report = report(node(1, "a"), Standing::Promised(promise));
    let golden = [
        &b"\x01\x0a\x100123456789abcdef\x12\x01a\x12\x01b\x1a\x1b"[..],
        node_bytes,
        b"\x22\x07\x08\x03\x10\xac\x02\x18\x02",
    ];
    assert_eq!(report.encode(), golden.concat());
    assert_eq!(Report::decode(&golden.concat()), Ok(report));
}

#[test]
fn reports_and_standings_that_cannot_be_are_refused() {
    let (record, sound) = (RecordKind::Report, report(node(1, "a"), Standing::Blank));
    let check = |report: Report, field| {
        let refused = Err(Error::Field { record, field });
        assert_eq!(Report::decode(&report.encode()), refused);
    };
    let many = (0..33).map(|number| format!("node-{number}")).collect();
    check(Report { initial: many, ..sound.clone() }, "initial nodes");
    check(Report { initial: names(&[""]), ..sound.clone() }, "initial nodes");
    check(Report { node: node(1, ""), ..sound.clone() }, "node");
    let long = "x".repeat(321);
    check(Report { node: NewNode { zone: long, ..node(1, "a") }, ..sound.clone() }, "node");
    let crowd = (1..34).map(|id| node(id, "a")).collect();
    check(Report { standing: Standing::Proposed(proposal(1, crowd)), ..sound }, "proposal");
    assert_eq!(Report::decode(b"\x02"), Err(Error::UnknownVersion { record, version: 2 }));
    let record = RecordKind::Standing;
    assert_eq!(Standing::decode(b""), Err(Error::Empty { record }));
    assert_eq!(Standing::decode(b"\x02"), Err(Error::UnknownVersion { record, version: 2 }));
    let field = |field| Err(Error::Field { record, field });
    assert_eq!(Standing::decode(b"\x01"), field("standing"));
    assert_eq!(Standing::decode(b"\x01\x08\x02"), field("proposal"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]
    #[test]
    fn hostile_reports_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let _ = Standing::decode(&bytes);
        let mut damaged = report(
            node(2, "b"),
            Standing::Proposed(proposal(1, vec![node(2, "b"), node(1, "a")])),
        ).encode().to_vec();
        let at = at.index(damaged.len());
        damaged[at] ^= byte;
        for bytes in [&bytes, &damaged] {
            if let Ok(report) = Report::decode(bytes) {
                let mut forming = forming(Standing::Blank);
                hear(&mut forming, report);
                let _ = forming.status().to_string();
            }
        }
    }
}
