//! A group among its peers: what it hears, what it says, what it has promised, and when it stands for
//! election.

use std::time::Duration;

use raft::prelude::Message;
use raft::{INVALID_ID, StateRole};
use stator_model::{NodeId, ReplicaId};

use super::check::{Fault, Standing, check_term};
use super::wire::{self, Beat, Outgoing};
use super::{Error, Group, Members, Role};
use crate::event::NotDone;
use crate::message::{Body, Heartbeat, HeartbeatAnswer, Post, RaftMessage, TimeoutNow};
use crate::proof::{ELECTION_TICKS, ELECTION_TIMEOUT, ProofResponder, Waiter};

/// What a peer says to one group.
pub(crate) enum Incoming {
    /// That it leads.
    Heartbeat(Heartbeat),
    /// That it follows.
    HeartbeatAnswer(HeartbeatAnswer),
    /// Anything else.
    Raft(RaftMessage),
}

impl Incoming {
    /// Who is meant, who says it, in which term.
    fn address(&self) -> (u64, u64, u64) {
        match self {
            Self::Heartbeat(Heartbeat { to, from, term, .. })
            | Self::HeartbeatAnswer(HeartbeatAnswer { to, from, term, .. })
            | Self::Raft(RaftMessage { to, from, term, .. }) => (*to, *from, *term),
        }
    }

    /// Whether it asks for a vote, or whether one would be given, against whatever was promised.
    fn breaks_promises(&self) -> bool {
        match self {
            Self::Raft(RaftMessage { body: Some(Body::Vote(vote)), .. }) => !vote.is_transfer,
            Self::Raft(_) | Self::Heartbeat(_) | Self::HeartbeatAnswer(_) => false,
        }
    }

    /// Whether only a leader says it.
    fn is_of_leader(&self) -> bool {
        match self {
            Self::Heartbeat(_) => true,
            Self::Raft(RaftMessage { body, .. }) => matches!(body, Some(Body::Append(_))),
            Self::HeartbeatAnswer(_) => false,
        }
    }
}

impl Group {
    /// Whether this replica is the only member.
    pub(crate) fn is_alone(&self) -> bool {
        self.alone
    }

    /// The node whose replica leads, as far as this one knows.
    pub(crate) fn leader(&self) -> Option<NodeId> {
        self.members.get(&self.raft.raft.leader_id).copied()
    }

    /// Whether this replica answers, or follows one that may.
    pub(crate) fn is_led(&self) -> bool {
        let follows = self.role == Role::Following && self.raft.raft.leader_id != INVALID_ID;
        self.handle.is_serving() || (follows && !self.alone)
    }

    /// Notes on which nodes members are.
    pub(crate) fn learn_members(&mut self, members: &Members) {
        self.members = members.iter().map(|(node, replica)| (replica.get(), *node)).collect();
        self.handle.set_leader(self.leader());
    }

    /// Notes whether the catalog knows that the partition is led.
    pub(crate) fn set_unreported(&mut self, unreported: bool) {
        self.unreported = unreported;
    }

    /// Whether the catalog is to be told that the partition is led from here.
    pub(crate) fn is_unreported(&self) -> bool {
        self.unreported && self.is_leading()
    }

    /// Stands for election at once, if it is the only voter or the one that is to lead a new group.
    ///
    /// # Errors
    /// If raft refuses.
    pub(crate) fn begin(&mut self) -> Result<(), Error> {
        if self.alone || self.stands_first {
            let partition = self.partition;
            self.raft.campaign().map_err(|source| Error::Raft { partition, source })?;
            self.draw_timeout();
        }
        Ok(())
    }

    /// Whether a new group is to be led by this replica: another one for each group, so that the leaders of
    /// a table's partitions are spread.
    pub(super) fn is_first(&self, voters: &[ReplicaId]) -> bool {
        let count = u64::try_from(voters.len()).unwrap_or(u64::MAX);
        let at = self.partition.get().checked_rem(count).and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| voters.get(at)) == Some(&self.replica)
    }

    /// Takes in what a peer says; `at` is when it arrived. Returns who waited for what is proven by it.
    ///
    /// # Errors
    /// If no honest peer says so.
    pub(crate) fn receive(
        &mut self,
        node: NodeId,
        at: Duration,
        message: Incoming,
    ) -> Result<Vec<Waiter>, Fault> {
        let (to, from, term) = message.address();
        // Meant for a replica that was here before, or for one that does not know its peers yet.
        if to != self.replica.get() || self.members.is_empty() {
            return Ok(Vec::new());
        }
        check_term(term)?;
        let is_member = self.members.get(&from) == Some(&node);
        if !is_member || from == to || self.raft.raft.prs().get(from).is_none() {
            return Err(Fault::NotAMember { replica: ReplicaId::new(from) });
        }
        if message.breaks_promises() && at < self.promised_until {
            return Ok(Vec::new());
        }
        let (is_of_leader, everywhere) = (message.is_of_leader(), everywhere(&message));
        let round = match &message {
            Incoming::HeartbeatAnswer(answer) => Some(answer.round),
            Incoming::Heartbeat(_) | Incoming::Raft(_) => None,
        };
        let message = self.checked(from, message)?;
        // What raft does not want it ignores: nothing of that is ours to mend.
        let _ = self.raft.step(message);
        self.draw_timeout();
        let raft = &self.raft.raft;
        if is_of_leader && raft.term == term && raft.leader_id == from {
            self.promised_until = self.promised_until.max(at + ELECTION_TIMEOUT);
            self.everywhere = self.everywhere.max(everywhere);
        }
        self.release_kept();
        match round {
            Some(round) if self.is_elected() && self.raft.raft.term == term => {
                Ok(self.answered(from, round))
            }
            Some(_) | None => Ok(Vec::new()),
        }
    }

    /// The message for raft, if that may see it.
    fn checked(&self, from: u64, message: Incoming) -> Result<Message, Fault> {
        let log = &self.raft.raft.raft_log;
        let standing = Standing {
            term: self.raft.raft.term,
            committed: log.commit_info(),
            last: log.last_index(),
            leads: self.raft.raft.state == StateRole::Leader,
        };
        match message {
            Incoming::Heartbeat(heartbeat) => {
                standing.check_heartbeat(&heartbeat)?;
                Ok(wire::heartbeat(&heartbeat))
            }
            Incoming::HeartbeatAnswer(answer) => Ok(wire::heartbeat_answer(&answer)),
            Incoming::Raft(RaftMessage { term, body, .. }) => {
                let body = body.ok_or(Fault::Kind)?;
                standing.check(term, &body)?;
                Ok(wire::incoming(ReplicaId::new(from), term, body))
            }
        }
    }

    /// A member has answered a round in this term.
    fn answered(&mut self, from: u64, round: u64) -> Vec<Waiter> {
        let (own, members) = (self.replica.get(), self.raft.raft.prs());
        let is_quorum = |heard: &mut dyn Iterator<Item = u64>| {
            members.has_quorum(&heard.chain(std::iter::once(own)).collect())
        };
        let due = self.proofs.answered(from, round, is_quorum);
        if self.role == Role::Leading {
            self.handle.set_lease(self.lease());
        }
        due
    }

    /// Until when nobody else can lead.
    pub(super) fn lease(&self) -> Duration {
        if self.alone { Duration::MAX } else { self.proofs.lease() }
    }

    /// Tells a read from which index on it may be answered, once it is proven that this replica leads; at
    /// once if it is alone or cannot lead.
    pub(crate) fn prove(&mut self, responder: ProofResponder) {
        if !self.is_leading() {
            responder(Err(NotDone::NotLeader(self.leader())));
        } else if self.alone {
            responder(Ok(self.committed()));
        } else {
            self.proofs.wait(Waiter::Read(responder));
        }
    }

    /// A tick. Returns whether raft may have something to say.
    pub(crate) fn tick(&mut self, now: Duration) -> bool {
        let raft = &self.raft.raft;
        let is_leader = raft.state == StateRole::Leader;
        let is_due = raft.election_elapsed + 1 >= raft.randomized_election_timeout();
        if !is_leader && is_due && now < self.promised_until {
            return false;
        }
        let is_unled = raft.leader_id == INVALID_ID && raft.raft_log.last_index() == 0;
        let has_news = if self.stands_first && is_unled {
            // The others may not have had their replicas when they were asked first.
            self.raft.campaign().is_ok()
        } else {
            self.raft.tick()
        };
        self.candidacies += u64::from(has_news && !is_leader);
        self.draw_timeout();
        has_news
    }

    /// Hands leadership over to the replica on that node, if this one leads.
    pub(crate) fn transfer(&mut self, to: NodeId) {
        let target = self.members.iter().find(|(_, node)| **node == to).map(|(id, _)| *id);
        if let Some(target) = target.filter(|_| self.is_leading()) {
            self.raft.transfer_leader(target);
        }
    }

    /// Says these; a heartbeat is part of `round`, which begins with the first.
    pub(super) fn send(
        &mut self,
        messages: Vec<Message>,
        round: &mut Option<u64>,
        now: Duration,
        post: &mut Post,
    ) {
        for mut message in messages {
            let Some(node) = self.members.get(&message.to).copied() else { continue };
            let (proofs, progress) = (&mut self.proofs, self.raft.raft.prs());
            let beat = || Beat {
                round: *round.get_or_insert_with(|| proofs.round(now)),
                everywhere: progress.iter().map(|(_, member)| member.matched).min().unwrap_or(0),
            };
            match wire::outgoing(self.partition, &mut message, beat) {
                Outgoing::Heartbeat(heartbeat) => post.heartbeat(node, heartbeat),
                Outgoing::HeartbeatAnswer(answer) => post.heartbeat_answer(node, answer),
                Outgoing::Raft(message) => {
                    if let Some(Body::TimeoutNow(TimeoutNow {})) = message.body {
                        // IMPORTANT: before it leaves.
                        self.proofs.hand_over();
                        self.handle.set_lease(Duration::ZERO);
                    }
                    post.raft(node, message);
                }
                Outgoing::Nothing => {}
            }
        }
    }

    /// Lets entries go that are applied and that nobody will ask for.
    pub(super) fn release_kept(&mut self) {
        let raft = &self.raft.raft;
        let until = if self.alone {
            u64::MAX
        } else if raft.state == StateRole::Leader {
            raft.prs().iter().map(|(_, member)| member.matched).min().unwrap_or(0)
        } else {
            self.everywhere
        };
        self.raft.mut_store().release(until);
    }

    /// Bytes of entries that are kept for slow followers only.
    pub(crate) fn kept_bytes(&self) -> u64 {
        self.raft.store().kept_bytes()
    }

    /// Lets the oldest of them go until the others weigh no more than this.
    pub(crate) fn bound_kept(&mut self, bytes: u64) {
        self.raft.mut_store().bound_kept(bytes);
    }

    /// How long it will wait for a leader before it stands for election. Raft draws this itself, from a
    /// source that a seed does not own; it is drawn again here, for each term and candidacy.
    pub(super) fn draw_timeout(&mut self) {
        if self.alone {
            return;
        }
        let raft = &mut self.raft.raft;
        let parts = [self.partition.get(), self.replica.get(), raft.term, self.candidacies];
        let drawn = parts.into_iter().fold(self.seed, |seed, part| mix(seed ^ part));
        let spread = u64::try_from(ELECTION_TICKS).unwrap_or(1);
        let extra = usize::try_from(drawn % spread).unwrap_or(0);
        raft.set_randomized_election_timeout(ELECTION_TICKS + extra);
    }
}

fn everywhere(message: &Incoming) -> u64 {
    match message {
        Incoming::Heartbeat(heartbeat) => heartbeat.everywhere,
        Incoming::HeartbeatAnswer(_) | Incoming::Raft(_) => 0,
    }
}

/// SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).
fn mix(seed: u64) -> u64 {
    let mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
