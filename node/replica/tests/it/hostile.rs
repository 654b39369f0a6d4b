//! Messages that no honest peer sends: refused by name, and never the end of the process.

use proptest::prelude::*;
use stator_model::{LogIndex, NodeId, ReplicaId, Term, UnixMillis};
use stator_replica::message::{
    Append, AppendAnswer, AppendedEntry, Body, Heartbeat, HeartbeatAnswer, Hint, RaftMessage,
    TimeoutNow, Vote, VoteAnswer,
};
use stator_replica::{Event, Fault, Now, PeerMessage, TICK};

use crate::trio::Trio;

/// A follower of table `tab`, its leader, and what it says to a message of the leader's.
struct Follower {
    trio: Trio,
    at: usize,
    from: NodeId,
    /// What every heartbeat of the leader's has.
    beat: Heartbeat,
}

impl Follower {
    fn new() -> Self {
        let mut trio = Trio::with_table();
        let (leader, [at, _]) = trio.roles();
        let answer = trio.members[leader].put("k", "1");
        trio.run();
        assert!(crate::rig::is_done(&answer));
        for _ in 0..4 {
            trio.tick();
        }
        let group = trio.members[leader].handle("tab").partition().get();
        let (to, from) = (trio.members[at].id, trio.members[leader].id);
        let beat = loop {
            trio.time += TICK;
            let now = trio.time;
            trio.members[leader].core.step(Event::Tick { now });
            trio.flush(leader);
            let sent = trio.wire.drain(..).filter(|letter| letter.to == to);
            let beats = sent.flat_map(|letter| letter.message.heartbeats);
            if let Some(beat) = beats.into_iter().find(|beat| beat.group == group) {
                break beat;
            }
        };
        Self { trio, at, from, beat }
    }

    fn say(&mut self, from: NodeId, message: PeerMessage) -> Vec<Fault> {
        let time = self.trio.time;
        let core = &mut self.trio.members[self.at].core;
        core.step(Event::Peer { from, at: time, message: Box::new(message) });
        let now = Now { wall: UnixMillis(1_000_000), running: time };
        let refused = core.flush(now).expect("a message does not end the process").refused;
        refused.into_iter().map(|refused| refused.fault).collect()
    }

    fn beats(&mut self, change: impl FnOnce(&mut Heartbeat)) -> Vec<Fault> {
        let mut beat = self.beat;
        change(&mut beat);
        let message = PeerMessage { heartbeats: vec![beat], ..PeerMessage::default() };
        self.say(self.from, message)
    }

    fn raft(&mut self, change: impl FnOnce(&mut RaftMessage), body: Body) -> Vec<Fault> {
        let Heartbeat { group, to, from, term, .. } = self.beat;
        let mut message = RaftMessage { group, to, from, term, body: Some(body) };
        change(&mut message);
        let message = PeerMessage { raft: vec![message], ..PeerMessage::default() };
        self.say(self.from, message)
    }
}

fn entry(term: u64) -> AppendedEntry {
    AppendedEntry { term, data: bytes::Bytes::new() }
}

#[test]
fn what_an_honest_leader_says_is_taken() {
    let mut follower = Follower::new();
    assert_eq!(follower.beats(|_| ()), []);
    assert_eq!(follower.beats(|beat| beat.to += 1), [], "meant for another: ignored");
    assert_eq!(follower.beats(|beat| beat.group = 99), [], "a group that is not here: ignored");
}

#[test]
fn what_no_peer_says_is_refused_by_name() {
    let mut follower = Follower::new();
    let Heartbeat { term, commit, .. } = follower.beat;
    let last = LogIndex::new(commit);
    let stranger = Fault::NotAMember { replica: ReplicaId::new(99) };
    assert_eq!(follower.beats(|beat| beat.from = 99), [stranger]);
    let impostor = NodeId::new(99);
    let beat = follower.beat;
    let message = PeerMessage { heartbeats: vec![beat], ..PeerMessage::default() };
    let known = Fault::NotAMember { replica: ReplicaId::new(beat.from) };
    assert_eq!(follower.say(impostor, message), [known], "a member, from a node it is not on");

    assert_eq!(follower.beats(|beat| beat.term = 0), [Fault::Term { term: Term::new(0) }]);
    let huge = u64::MAX;
    assert_eq!(follower.beats(|beat| beat.term = huge), [Fault::Term { term: Term::new(huge) }]);
    let far = Fault::Commit { commit: last.next(), last };
    assert_eq!(follower.beats(|beat| beat.commit += 1), [far]);

    let append =
        |index, log_term, entries| Body::Append(Append { index, log_term, commit: 0, entries });
    let conflict =
        Fault::Conflict { index: LogIndex::new(commit), term: Term::new(term.wrapping_sub(1)) };
    assert_eq!(follower.raft(|_| (), append(commit, term - 1, Vec::new())), [conflict]);
    let falls = Fault::EntryTerms { index: last.next() };
    assert_eq!(follower.raft(|_| (), append(commit, term, vec![entry(term - 1)])), [falls]);
    assert_eq!(follower.raft(|_| (), append(commit, term, vec![entry(term + 1)])), [falls]);
    let unknown = AppendedEntry { term, data: bytes::Bytes::from_static(&[99]) };
    let unreadable = Fault::Entry { index: last.next() };
    assert_eq!(follower.raft(|_| (), append(commit, term, vec![unknown])), [unreadable]);
    let index = Fault::Index { index: LogIndex::new(huge) };
    assert_eq!(follower.raft(|_| (), append(huge, term, Vec::new())), [index]);
    let later = follower.raft(|message| message.body = None, Body::TimeoutNow(TimeoutNow {}));
    assert_eq!(later, [Fault::Kind]);
}

#[test]
fn a_leader_is_not_told_that_others_have_what_it_never_sent() {
    let mut follower = Follower::new();
    let (leader, _) = follower.trio.roles();
    let Heartbeat { group, to, from, term, commit, .. } = follower.beat;
    let answer = AppendAnswer { index: commit + 5, refused: None, commit };
    let body = Some(Body::AppendAnswer(answer));
    let raft = vec![RaftMessage { group, to: from, from: to, term, body }];
    let node = follower.trio.members[follower.at].id;
    follower.at = leader;
    let faults = follower.say(node, PeerMessage { raft, ..PeerMessage::default() });
    let last = LogIndex::new(commit);
    assert_eq!(faults, [Fault::NeverSent { index: LogIndex::new(commit + 5), last }]);
}

/// A number that is near something, or far from everything.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..12_u64, 0..12_u64, Just(u64::MAX), Just(1 << 62), any::<u64>()]
}

fn any_body() -> impl Strategy<Value = Option<Body>> {
    let entries = prop::collection::vec(number().prop_map(entry), 0..4);
    let append =
        (number(), number(), number(), entries).prop_map(|(index, log_term, commit, entries)| {
            Body::Append(Append { index, log_term, commit, entries })
        });
    let hint =
        prop::option::of((number(), number()).prop_map(|(index, term)| Hint { index, term }));
    let answer = (number(), hint, number()).prop_map(|(index, refused, commit)| {
        Body::AppendAnswer(AppendAnswer { index, refused, commit })
    });
    let vote = (any::<bool>(), any::<bool>(), number(), number(), number(), number()).prop_map(
        |(is_pre, is_transfer, index, log_term, commit, commit_term)| {
            Body::Vote(Vote { is_pre, is_transfer, index, log_term, commit, commit_term })
        },
    );
    let voted = (any::<bool>(), any::<bool>(), number(), number()).prop_map(
        |(is_pre, granted, commit, commit_term)| {
            Body::VoteAnswer(VoteAnswer { is_pre, granted, commit, commit_term })
        },
    );
    prop_oneof![
        4 => append.prop_map(Some),
        3 => answer.prop_map(Some),
        3 => vote.prop_map(Some),
        2 => voted.prop_map(Some),
        1 => Just(Some(Body::TimeoutNow(TimeoutNow {}))),
        1 => Just(None),
    ]
}

fn any_message() -> impl Strategy<Value = PeerMessage> {
    // Group, receiver, sender, term.
    let to = || (0..3_u64, 1..4_u64, 0..5_u64, number());
    let raft = (to(), any_body()).prop_map(|((group, to, from, term), body)| RaftMessage {
        group,
        to,
        from,
        term,
        body,
    });
    let beat = (to(), number(), number(), number()).prop_map(
        |((group, to, from, term), commit, round, everywhere)| Heartbeat {
            group,
            to,
            from,
            term,
            commit,
            round,
            everywhere,
        },
    );
    let answer = (to(), number(), number()).prop_map(|((group, to, from, term), commit, round)| {
        HeartbeatAnswer { group, to, from, term, commit, round }
    });
    let ready = prop::collection::vec(0..4_u64, 0..2);
    let parts = (
        prop::collection::vec(beat, 0..2),
        prop::collection::vec(answer, 0..2),
        prop::collection::vec(raft, 0..3),
        ready,
    );
    parts.prop_map(|(heartbeats, heartbeat_answers, raft, ready)| PeerMessage {
        heartbeats,
        heartbeat_answers,
        raft,
        ready,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// From members that lie: what becomes of the data is no question then, but no message ends a process.
    #[test]
    fn no_message_ends_the_process(
        said in prop::collection::vec((1..4_u64, 0..3_usize, any_message()), 1..60),
    ) {
        let mut trio = Trio::with_table();
        for (from, at, message) in said {
            let (from, time) = (NodeId::new(from), trio.time);
            if trio.members[at].id == from {
                continue;
            }
            let now = Now { wall: UnixMillis(1_000_000), running: time };
            let member = &mut trio.members[at];
            member.core.step(Event::Peer { from, at: time, message: Box::new(message) });
            let output = member.core.flush(now).expect("a message does not end the process");
            member.log_tasks.extend(output.log);
            member.apply_tasks.extend(output.apply);
            while member.sync_one().is_some() {}
            member.apply_all();
            trio.time += TICK / 3;
            let now = trio.time;
            trio.members[at].core.step(Event::Tick { now });
        }
    }
}
