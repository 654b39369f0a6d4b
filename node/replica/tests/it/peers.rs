//! Groups of three: who leads, what is committed, what is answered when it is not.

use std::time::Duration;

use stator_replica::message::Body;
use stator_replica::{Answer, ELECTION_TIMEOUT, Event, LEASE, NotDone, ReadPoint, TICK};

use crate::rig::{is_done, is_open};
use crate::trio::{Letter, Trio};

fn read_point(trio: &Trio, at: usize) -> ReadPoint {
    trio.members[at].handle("tab").read_point(|| trio.time)
}

fn may_read(trio: &Trio, at: usize) -> bool {
    matches!(read_point(trio, at), ReadPoint::Now | ReadPoint::At(_))
}

/// Whether this says that it was not done, and why.
fn not_done(slot: &crate::rig::Slot<Answer>) -> Option<NotDone> {
    match *slot.lock().unwrap() {
        Some(Answer::NotDone(reason, _)) => Some(reason),
        Some(Answer::Done(_)) | None => None,
    }
}

#[test]
fn three_nodes_form_a_cluster_and_a_write_reaches_all_of_them() {
    let mut trio = Trio::with_table();
    let (leader, others) = trio.roles();
    let answer = trio.members[leader].put("k", "1");
    trio.run();
    assert!(is_done(&answer));
    // Followers hear of the commit.
    trio.tick();
    for at in others {
        assert_eq!(trio.members[at].stored("k").as_deref(), Some("1"));
    }
}

#[test]
fn leaders_of_new_partitions_are_spread_and_there_at_once() {
    let mut trio = Trio::with_table();
    let began = trio.time;
    for name in ["second", "third"] {
        trio.create_table(name);
    }
    assert!(trio.time - began < ELECTION_TIMEOUT, "nobody waited for an election");
    let leads = |at: &usize| {
        let names = ["tab", "second", "third"];
        names.iter().any(|name| trio.members[*at].handle(name).is_serving())
    };
    assert_eq!((0..3).filter(leads).count(), 3);
}

#[test]
fn a_write_is_answered_only_when_a_quorum_has_synced_it() {
    let mut trio = Trio::with_table();
    let (leader, [near, far]) = trio.roles();
    let answer = trio.members[leader].put("k", "1");
    trio.flush(leader);
    trio.sync(leader);
    trio.flush(leader);
    trio.deliver_all();
    // Both followers have it in memory, neither in its log.
    trio.flush(near);
    trio.flush(far);
    trio.deliver_all();
    trio.flush(leader);
    trio.members[leader].apply_all();
    assert!(is_open(&answer));
    trio.sync(near);
    trio.deliver_all();
    trio.flush(leader);
    trio.members[leader].apply_all();
    assert!(is_done(&answer));
}

#[test]
fn a_leader_that_is_slow_to_sync_may_be_outvoted() {
    let mut trio = Trio::with_table();
    let (leader, [near, far]) = trio.roles();
    let answer = trio.members[leader].put("k", "1");
    trio.flush(leader);
    // Entries leave before the leader's own sync.
    trio.deliver_all();
    for at in [near, far] {
        trio.flush(at);
        trio.sync(at);
    }
    trio.deliver_all();
    trio.flush(leader);
    trio.members[leader].apply_all();
    assert!(is_open(&answer), "what the leader has not synced it does not apply");
    trio.run();
    assert!(is_done(&answer));
}

#[test]
fn a_vote_leaves_only_when_it_is_synced() {
    let mut trio = Trio::with_table();
    let (leader, _) = trio.roles();
    trio.members[leader].is_stopped = true;
    let is_vote = |letter: &Letter| {
        letter.message.raft.iter().any(|message| match &message.body {
            Some(Body::VoteAnswer(answer)) => answer.granted && !answer.is_pre,
            _ => false,
        })
    };
    let mut votes = 0;
    for _ in 0..60 {
        trio.time += TICK;
        let now = trio.time;
        for at in (0..3).filter(|at| *at != leader) {
            trio.members[at].core.step(Event::Tick { now });
            trio.flush(at);
            assert!(!trio.wire.iter().any(is_vote), "not synced");
            while trio.sync(at) {}
            trio.flush(at);
            votes += trio.wire.iter().filter(|letter| is_vote(letter)).count();
            trio.members[at].apply_all();
            trio.deliver_all();
        }
    }
    assert!(votes > 0);
}

#[test]
fn a_follower_names_the_leader() {
    let mut trio = Trio::with_table();
    let (leader, [follower, _]) = trio.roles();
    let hint = Some(trio.members[leader].id);
    let answer = trio.members[follower].put("k", "1");
    assert_eq!(not_done(&answer), Some(NotDone::NotLeader(hint)));
    assert_eq!(trio.members[follower].handle("tab").leader(), hint);
    assert_eq!(read_point(&trio, follower), ReadPoint::NotServing);
    let proof = trio.members[follower].prove();
    assert_eq!(proof.lock().unwrap().take(), Some(Err(NotDone::NotLeader(hint))));
}

#[test]
fn a_leader_that_is_cut_off_answers_unknown_and_its_write_is_not_there() {
    let mut trio = Trio::with_table();
    let (old, others) = trio.roles();
    trio.isolate(old);
    let answer = trio.members[old].put("k", "lost");
    trio.until("another leads", |trio| {
        others.iter().any(|at| trio.members[*at].handle("tab").is_serving())
    });
    let new = others.into_iter().find(|at| trio.members[*at].handle("tab").is_serving()).unwrap();
    trio.until("the old one gives up", |trio| !trio.members[old].handle("tab").is_serving());
    assert_eq!(not_done(&answer), Some(NotDone::Unknown));
    let kept = trio.members[new].put("k", "kept");
    trio.run();
    assert!(is_done(&kept));
    trio.cuts.clear();
    trio.until("it has caught up", |trio| trio.members[old].stored("k").as_deref() == Some("kept"));
}

#[test]
fn a_follower_that_was_away_is_sent_what_it_missed() {
    let mut trio = Trio::with_table();
    let (leader, [near, far]) = trio.roles();
    trio.members[far].is_stopped = true;
    for n in 0..50 {
        let answer = trio.members[leader].put(&format!("k{n}"), &format!("{n}"));
        trio.run();
        assert!(is_done(&answer));
    }
    trio.members[far].is_stopped = false;
    trio.until("it has caught up", |trio| trio.members[far].stored("k49").as_deref() == Some("49"));
    // And may vote for what it has: the other leader goes.
    trio.members[leader].is_stopped = true;
    trio.until("another leads", |trio| {
        [near, far].iter().any(|at| trio.members[*at].handle("tab").is_serving())
    });
}

#[test]
fn acknowledged_writes_survive_the_loss_of_power_everywhere() {
    for seed in 0..10 {
        let mut trio = Trio::with_table();
        let (leader, _) = trio.roles();
        for n in 0..10 {
            let answer = trio.members[leader].put(&format!("k{n}"), &format!("{n}"));
            trio.run();
            assert!(is_done(&answer));
        }
        (0..3).for_each(|at| trio.power_loss(at, seed + at as u64));
        trio.until("somebody leads", |trio| {
            trio.members
                .iter()
                .any(|member| member.knows("tab") && member.handle("tab").is_serving())
                && trio.members.iter().all(|member| member.knows("tab"))
        });
        let (leader, _) = trio.roles();
        for n in 0..10 {
            assert_eq!(trio.members[leader].stored(&format!("k{n}")), Some(n.to_string()));
        }
    }
}

#[test]
fn a_lease_ends_by_the_clock_though_nobody_ticks() {
    let mut trio = Trio::with_table();
    let (leader, _) = trio.roles();
    trio.until("there is a lease", |trio| may_read(trio, leader));
    trio.time += LEASE;
    assert_eq!(read_point(&trio, leader), ReadPoint::Unproven);
    // A round renews it, and answers whoever waits.
    let proof = trio.members[leader].prove();
    trio.run();
    assert!(matches!(proof.lock().unwrap().take(), Some(Ok(_))));
    assert!(may_read(&trio, leader));
}

#[test]
fn a_leader_without_a_quorum_proves_nothing() {
    let mut trio = Trio::with_table();
    let (leader, _) = trio.roles();
    trio.isolate(leader);
    trio.time += LEASE;
    let proof = trio.members[leader].prove();
    trio.run();
    assert!(proof.lock().unwrap().is_none());
    trio.until("it steps down", |trio| !trio.members[leader].handle("tab").is_serving());
    assert!(matches!(proof.lock().unwrap().take(), Some(Err(NotDone::NotLeader(_)))));
}

#[test]
fn nobody_else_is_elected_while_a_lease_may_run() {
    let mut trio = Trio::with_table();
    let (leader, others) = trio.roles();
    trio.until("there is a lease", |trio| may_read(trio, leader));
    trio.tick();
    trio.isolate(leader);
    for _ in 0..100 {
        trio.tick();
        let elected = others.iter().any(|at| trio.members[*at].handle("tab").is_serving());
        assert!(!(elected && may_read(&trio, leader)));
        if elected {
            return;
        }
    }
    panic!("nobody was elected");
}

#[test]
fn a_voter_keeps_its_promise_whatever_it_is_asked() {
    let mut trio = Trio::with_table();
    let (leader, [voter, candidate]) = trio.roles();
    trio.tick();
    // The candidate alone hears nothing and its clock runs fast; the voter hears the leader.
    let (from, to) = (trio.members[candidate].id, trio.members[voter].id);
    trio.isolate(candidate);
    trio.cuts.retain(|cut| *cut != (from.get(), to.get()));
    let before = trio.members[leader].handle("tab").lease();
    for step in 0..40_u32 {
        let now = trio.time + ELECTION_TIMEOUT * 2 + TICK * step;
        trio.members[candidate].core.step(Event::Tick { now });
        trio.run();
    }
    assert_eq!(trio.roles().0, leader);
    trio.tick();
    trio.tick();
    assert!(trio.members[leader].handle("tab").lease() > before, "the voter still follows");
}

#[test]
fn leadership_is_handed_over_and_the_term_has_no_lease_from_then_on() {
    let mut trio = Trio::with_table();
    let (old, [new, _]) = trio.roles();
    trio.until("there is a lease", |trio| may_read(trio, old));
    let partition = trio.members[old].handle("tab").partition();
    let to = trio.members[new].id;
    trio.members[old].core.step(Event::Transfer { partition, to });
    trio.flush(old);
    // The message is on its way, and may be for long.
    assert_eq!(read_point(&trio, old), ReadPoint::Unproven);
    let refused = trio.members[old].put("k", "1");
    assert!(matches!(not_done(&refused), Some(NotDone::NotLeader(_))));
    trio.run();
    trio.until("it leads", |trio| trio.members[new].handle("tab").is_serving());
    assert_eq!(trio.roles().0, new);
    trio.until("it has a lease", |trio| may_read(trio, new));
}

#[test]
fn a_handover_that_fails_leaves_a_leader_that_needs_rounds() {
    let mut trio = Trio::with_table();
    let (leader, [target, _]) = trio.roles();
    trio.until("there is a lease", |trio| may_read(trio, leader));
    let (partition, to) = (trio.members[leader].handle("tab").partition(), trio.members[target].id);
    trio.cuts = vec![(trio.members[leader].id.get(), to.get())];
    trio.members[leader].core.step(Event::Transfer { partition, to });
    for _ in 0..15 {
        trio.tick();
        assert!(!may_read(&trio, leader));
    }
    assert_eq!(trio.roles().0, leader);
    let proof = trio.members[leader].prove();
    trio.run();
    assert!(matches!(proof.lock().unwrap().take(), Some(Ok(_))));
    let answer = trio.members[leader].put("k", "1");
    trio.run();
    assert!(is_done(&answer), "it evaluates again");
}

#[test]
fn old_votes_for_an_entry_do_not_prove_who_leads_now() {
    // The leader proposes; its followers sync and answer, and the answers linger. Another is elected and
    // the item is deleted there. Then a condition is evaluated at the old leader, which sees the entry as
    // pending; then the old answers arrive and commit it.
    let mut trio = Trio::with_table();
    let (old, others) = trio.roles();
    let pending = trio.members[old].put("k", "1");
    trio.flush(old);
    trio.sync(old);
    trio.deliver_all();
    for at in others {
        trio.flush(at);
        trio.sync(at);
    }
    let lingering: Vec<Letter> = trio.wire.drain(..).collect();
    trio.members[old].is_stopped = true;
    trio.until("another leads", |trio| {
        others.iter().any(|at| trio.members[*at].handle("tab").is_serving())
    });
    let new = others.into_iter().find(|at| trio.members[*at].handle("tab").is_serving()).unwrap();
    let command = trio.members[new].put_command("k", "2");
    let overwritten = trio.members[new].submit(command);
    trio.run();
    assert!(is_done(&overwritten));
    // The old leader goes on where it stood.
    trio.members[old].is_stopped = false;
    trio.isolate(old);
    let command = trio.members[old].create_item_command("k", "3");
    let refused = trio.members[old].submit(command);
    trio.flush(old);
    lingering.into_iter().for_each(|letter| trio.deliver(letter));
    for _ in 0..3 {
        trio.flush(old);
        trio.sync(old);
        trio.members[old].apply_all();
    }
    assert!(is_done(&pending), "that it was committed is true");
    assert!(is_open(&refused), "what the item is now, nobody here knows");
    trio.until("it gives up", |trio| !trio.members[old].handle("tab").is_serving());
    assert_eq!(not_done(&refused), Some(NotDone::Unknown));
}

#[test]
fn a_restarted_voter_promises_for_a_whole_election_timeout() {
    // When the candidate stands for election is drawn.
    for seed in 0..6 {
        let mut trio = Trio::with_table_and(seed);
        restarted_voter(&mut trio);
    }
}

fn restarted_voter(trio: &mut Trio) {
    let (leader, [voter, candidate]) = trio.roles();
    trio.tick();
    // The leader's lease rests on this voter alone, which loses its memory.
    let lone = trio.members[candidate].id.get();
    let pair = (trio.members[leader].id.get(), trio.members[voter].id.get());
    trio.cuts = vec![(lone, pair.0), (pair.0, lone)];
    for _ in 0..8 {
        trio.tick();
    }
    assert!(may_read(trio, leader));
    trio.power_loss(voter, 1);
    trio.isolate(leader);
    let restarted = trio.time;
    for _ in 0..60 {
        trio.tick();
        let elected = trio.members[candidate].handle("tab").is_serving();
        assert!(!(elected && may_read(trio, leader)));
        if elected {
            assert!(trio.time - restarted >= ELECTION_TIMEOUT - Duration::from_millis(1));
            return;
        }
    }
}
