//! What a peer's message must be before raft sees it.
//!
//! Raft trusts its messages: one that commits what is not there, or contradicts what is committed, ends the
//! process. A peer is not a client, but its memory may be bad, its program newer, or its disk an old copy.
//! Whatever an honest member never says is refused here, by name; whatever is merely late goes to raft,
//! which knows terms.

use stator_model::{LogIndex, NodeId, PartitionId, ReplicaId, Term};

use crate::entry;
use crate::message::{Append, AppendAnswer, Body, Heartbeat};

/// No term and no index ever comes here: raft adds to both without looking.
const MOST: u64 = 1 << 62;
/// The longest entry. The evaluator closes one at a megabyte and a command, whose item and index entries are
/// within the service's limits.
const MAX_ENTRY_BYTES: usize = 8 << 20;

/// A message that no honest member sends. It was not looked at any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The node that it came from.
    pub from: NodeId,
    /// The group that it is about.
    pub partition: PartitionId,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The sender is no member, or not on that node.
    #[error("replica {replica} is not a member on that node")]
    NotAMember {
        /// Who it says it is.
        replica: ReplicaId,
    },
    /// A term that no group reaches, or none.
    #[error("term {term} cannot be")]
    Term {
        /// The term.
        term: Term,
    },
    /// An index that no group reaches.
    #[error("index {index} cannot be")]
    Index {
        /// The index.
        index: LogIndex,
    },
    /// What it says is committed is not in the log of this replica, which had said that it was.
    #[error("it commits {commit}, and the log ends at {last}")]
    Commit {
        /// What it commits.
        commit: LogIndex,
        /// Where the log ends.
        last: LogIndex,
    },
    /// The terms of its entries fall, or rise above its own.
    #[error("terms of entries from {index} on are out of order")]
    EntryTerms {
        /// The index of the first.
        index: LogIndex,
    },
    /// An entry is longer than any may be, or of a kind that this program does not know.
    #[error("entry {index} is not readable")]
    Entry {
        /// Its index.
        index: LogIndex,
    },
    /// Its log differs from this replica's below what is committed.
    #[error("its entry {index} is of {term}, and a later one is committed before it")]
    Conflict {
        /// The index.
        index: LogIndex,
        /// The term that it says.
        term: Term,
    },
    /// It has what this leader never sent.
    #[error("it has entry {index}, and the leader's log ends at {last}")]
    NeverSent {
        /// What it says it has.
        index: LogIndex,
        /// Where the leader's log ends.
        last: LogIndex,
    },
    /// A kind of message that this program does not know.
    #[error("a kind of message of a later version")]
    Kind,
}

/// What a message is compared with.
pub(super) struct Standing {
    /// The replica's term.
    pub(super) term: u64,
    /// Index and term of what it knows to be committed.
    pub(super) committed: (u64, u64),
    /// Where its log ends.
    pub(super) last: u64,
    /// Whether it leads.
    pub(super) leads: bool,
}

impl Standing {
    /// Checks a heartbeat.
    pub(super) fn check_heartbeat(&self, heartbeat: &Heartbeat) -> Result<(), Fault> {
        check_term(heartbeat.term)?;
        check_index(heartbeat.commit)?;
        // A leader of the past is told so; what it says is not looked at.
        if heartbeat.term >= self.term && heartbeat.commit > self.last {
            let (commit, last) = (LogIndex::new(heartbeat.commit), LogIndex::new(self.last));
            return Err(Fault::Commit { commit, last });
        }
        Ok(())
    }

    /// Checks any other message.
    pub(super) fn check(&self, term: u64, body: &Body) -> Result<(), Fault> {
        check_term(term)?;
        match body {
            Body::Append(append) => self.check_append(term, append),
            Body::AppendAnswer(answer) => self.check_append_answer(term, answer),
            Body::Vote(vote) => {
                [vote.index, vote.commit].into_iter().try_for_each(check_index)?;
                [vote.log_term, vote.commit_term].into_iter().try_for_each(below_most)
            }
            Body::VoteAnswer(answer) => {
                check_index(answer.commit)?;
                below_most(answer.commit_term)
            }
            Body::TimeoutNow(_) => Ok(()),
        }
    }

    fn check_append(&self, term: u64, append: &Append) -> Result<(), Fault> {
        let Append { index, log_term, commit, entries } = append;
        [*index, *commit].into_iter().try_for_each(check_index)?;
        let mut before = *log_term;
        for (at, entry) in (*index + 1..).zip(entries) {
            if entry.term < before || entry.term > term {
                return Err(Fault::EntryTerms { index: LogIndex::new(*index + 1) });
            }
            before = entry.term;
            if entry.data.len() > MAX_ENTRY_BYTES || !entry::is_known(&entry.data) {
                return Err(Fault::Entry { index: LogIndex::new(at) });
            }
        }
        let (committed, committed_term) = self.committed;
        let is_equal = *index == committed && *log_term == committed_term;
        let is_later = *index > committed && *log_term >= committed_term;
        // Below what is committed raft only answers how far it is.
        if term < self.term || *index < committed || is_equal || is_later {
            return Ok(());
        }
        Err(Fault::Conflict { index: LogIndex::new(*index), term: Term::new(*log_term) })
    }

    fn check_append_answer(&self, term: u64, answer: &AppendAnswer) -> Result<(), Fault> {
        [answer.index, answer.commit].into_iter().try_for_each(check_index)?;
        if let Some(hint) = &answer.refused {
            check_index(hint.index)?;
            return below_most(hint.term);
        }
        if self.leads && term == self.term && answer.index > self.last {
            let (index, last) = (LogIndex::new(answer.index), LogIndex::new(self.last));
            return Err(Fault::NeverSent { index, last });
        }
        Ok(())
    }
}

/// Raft takes a message of term 0 for one of its own.
pub(super) fn check_term(term: u64) -> Result<(), Fault> {
    if term == 0 { Err(Fault::Term { term: Term::new(term) }) } else { below_most(term) }
}

fn below_most(term: u64) -> Result<(), Fault> {
    if term < MOST { Ok(()) } else { Err(Fault::Term { term: Term::new(term) }) }
}

fn check_index(index: u64) -> Result<(), Fault> {
    if index < MOST { Ok(()) } else { Err(Fault::Index { index: LogIndex::new(index) }) }
}
