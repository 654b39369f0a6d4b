//! Proof of leadership: rounds of heartbeats, the lease that they give, and who waits for one.
//!
//! A round is numbered, and its number comes back with each answer. Once a quorum has answered a round,
//! the replica led at some moment after the round was sent, so that
//! - whoever asked before it was sent may read what is committed (ReadIndex, Raft dissertation 6.4), and
//! - until the round's sending plus [`LEASE`] nobody else can lead: each voter that answered has promised
//!   for a whole [`ELECTION_TIMEOUT`] by its own clock to vote for nobody.
//!
//! IMPORTANT: a lease is counted from the *sending* of its round, and a promise from the *receipt*. Both are
//! durations on clocks that go on while a machine sleeps. Whoever hands leadership over asks a voter to
//! break its promise, so that from then on the term has no lease any more, only rounds.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use stator_model::LogIndex;

use crate::event::NotDone;
use crate::machine::{Deferred, Fate};

/// The interval of ticks. A tick is never given sooner, and those that were missed are not made up for.
pub const TICK: Duration = Duration::from_millis(100);
/// A follower that hears nothing for this many ticks, or up to twice as many as drawn, stands for election.
pub(crate) const ELECTION_TICKS: usize = 10;
/// A leader is heard every so many ticks.
pub(crate) const HEARTBEAT_TICKS: usize = 2;
/// How long a voter keeps its promise.
pub const ELECTION_TIMEOUT: Duration = Duration::from_millis(1_000);
/// How long a lease runs: a tick less than promises do, and clocks may differ by a tenth.
pub const LEASE: Duration = Duration::from_millis(810);

/// Rounds that are under way at most: further reads wait for one of them.
const ROUNDS: usize = 256;
/// Who may wait for rounds at most.
const WAITING: usize = 10_000;

/// Says from which index on a read that waited for proof may be answered, or why it may not.
pub type ProofResponder = Box<dyn FnOnce(Result<LogIndex, NotDone>) + Send>;

/// Who waits for a round.
pub(crate) enum Waiter {
    /// A read.
    Read(ProofResponder),
    /// Answers that write nothing.
    Answers(Vec<Deferred>),
}

impl Waiter {
    /// Leadership is lost, or too many wait.
    pub(crate) fn refuse(self, reason: NotDone) {
        match self {
            Self::Read(responder) => responder(Err(reason)),
            Self::Answers(answers) => {
                answers.into_iter().for_each(|answer| answer.settle(Fate::Unknown));
            }
        }
    }
}

/// The rounds of a leader. See the module.
#[derive(Default)]
pub(crate) struct Proofs {
    /// The number of the newest round; numbers are never used again in a process.
    newest: u64,
    /// Rounds that no quorum has answered, and when they were sent.
    sent: VecDeque<(u64, Duration)>,
    /// The newest round that each member has answered.
    answered: BTreeMap<u64, u64>,
    /// When the newest round was sent that a quorum answered.
    proven: Option<Duration>,
    /// Leadership was handed over in this term, perhaps in vain.
    handed_over: bool,
    /// By the round that they need.
    waiting: VecDeque<(u64, Waiter)>,
}

impl Proofs {
    /// A term begins: what was proven before counts no more.
    pub(crate) fn begin(&mut self) {
        self.sent.clear();
        self.answered.clear();
        self.proven = None;
        self.handed_over = false;
    }

    /// Leadership is lost. Returns who waited.
    pub(crate) fn end(&mut self) -> impl Iterator<Item = Waiter> + use<> {
        self.begin();
        std::mem::take(&mut self.waiting).into_iter().map(|(_, waiter)| waiter)
    }

    /// The term has no lease any more.
    pub(crate) fn hand_over(&mut self) {
        self.handed_over = true;
    }

    /// Begins a round with heartbeats that leave together; `now` is before they leave.
    pub(crate) fn round(&mut self, now: Duration) -> u64 {
        if self.has_room() {
            self.newest += 1;
            self.sent.push_back((self.newest, now));
        }
        self.newest
    }

    /// Whether somebody waits for a round that was not sent yet.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiting.back().is_some_and(|(needs, _)| *needs > self.newest)
    }

    /// Whether a round may be begun only to prove something.
    pub(crate) fn has_room(&self) -> bool {
        self.sent.len() < ROUNDS
    }

    /// Lets `waiter` wait for a round that is sent after this.
    pub(crate) fn wait(&mut self, waiter: Waiter) {
        if self.waiting.len() < WAITING {
            self.waiting.push_back((self.newest + 1, waiter));
        } else {
            waiter.refuse(NotDone::Busy);
        }
    }

    /// Notes that a member has answered a round. `is_quorum` says whether members are a quorum, with this
    /// replica. Returns who waited for what is proven now.
    pub(crate) fn answered(
        &mut self,
        member: u64,
        round: u64,
        is_quorum: impl Fn(&mut dyn Iterator<Item = u64>) -> bool,
    ) -> Vec<Waiter> {
        let newest = self.answered.entry(member).or_default();
        *newest = round.min(self.newest).max(*newest);
        let mut proven = 0;
        let answered = &self.answered;
        while let Some((round, sent)) = self.sent.front().copied() {
            let mut heard = answered.iter().filter(|(_, at)| **at >= round).map(|(id, _)| *id);
            if !is_quorum(&mut heard) {
                break;
            }
            self.sent.pop_front();
            proven = round;
            self.proven = Some(sent);
        }
        let mut due = Vec::new();
        while let Some((_, waiter)) = self.waiting.pop_front_if(|(needs, _)| *needs <= proven) {
            due.push(waiter);
        }
        due
    }

    /// Until when nobody else can lead.
    pub(crate) fn lease(&self) -> Duration {
        match self.proven {
            Some(sent) if !self.handed_over => sent + LEASE,
            Some(_) | None => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Of three, with this replica.
    fn majority(heard: &mut dyn Iterator<Item = u64>) -> bool {
        heard.count() >= 1
    }

    #[test]
    fn a_lease_is_shorter_than_the_promises_that_it_rests_on() {
        let ticks = u32::try_from(ELECTION_TICKS).unwrap();
        assert_eq!(ELECTION_TIMEOUT, TICK * ticks);
        assert_eq!(LEASE, TICK * (ticks - 1) * 9 / 10);
    }

    #[test]
    fn a_lease_counts_from_the_sending_of_the_newest_round_that_a_quorum_answered() {
        let mut proofs = Proofs::default();
        proofs.begin();
        let first = proofs.round(at(100));
        let second = proofs.round(at(300));
        assert_ne!(first, second);
        assert_eq!(proofs.lease(), at(0));
        proofs.answered(2, first, majority);
        assert_eq!(proofs.lease(), at(100) + LEASE);
        proofs.answered(3, second, majority);
        assert_eq!(proofs.lease(), at(300) + LEASE);
        // Late and doubled answers change nothing.
        proofs.answered(2, first, majority);
        assert_eq!(proofs.lease(), at(300) + LEASE);
    }

    #[test]
    fn a_round_that_was_not_sent_proves_nothing() {
        let mut proofs = Proofs::default();
        proofs.round(at(100));
        proofs.answered(2, 99, majority);
        assert_eq!(proofs.lease(), at(100) + LEASE);
        proofs.round(at(200));
        assert_eq!(proofs.lease(), at(100) + LEASE, "nobody has answered it");
    }

    #[test]
    fn a_term_in_which_leadership_was_handed_over_has_no_lease() {
        let mut proofs = Proofs::default();
        let round = proofs.round(at(100));
        proofs.answered(2, round, majority);
        proofs.hand_over();
        assert_eq!(proofs.lease(), at(0));
        let round = proofs.round(at(200));
        proofs.answered(2, round, majority);
        assert_eq!(proofs.lease(), at(0));
        proofs.begin();
        let round = proofs.round(at(300));
        proofs.answered(2, round, majority);
        assert_eq!(proofs.lease(), at(300) + LEASE);
    }

    #[test]
    fn whoever_waits_needs_a_round_that_is_sent_later() {
        let mut proofs = Proofs::default();
        let before = proofs.round(at(100));
        proofs.wait(Waiter::Answers(Vec::new()));
        assert!(proofs.is_awaited());
        assert!(proofs.answered(2, before, majority).is_empty());
        // Even if the clock has not moved.
        let after = proofs.round(at(100));
        assert!(!proofs.is_awaited());
        assert_eq!(proofs.answered(2, after, majority).len(), 1);
        assert!(proofs.answered(3, after, majority).is_empty());
    }
}
