//! One Raft group's replica: `RawNode` in asynchronous mode, and the proposals under way in it.
//!
//! ```text
//!             campaign            first entry of the term applied
//!  Following ──────────► Elected ────────────────────────────────► Leading
//!      ▲                    │                                         │
//!      └────────────────────┴────────── leadership lost ──────────────┘
//! ```
//!
//! A Ready's entries and hard state go to the log as records of one task; `on_persist_ready` is called
//! when that task is synced. Only then does raft commit them, and only committed entries leave here for
//! the applier. The tail keeps an entry readable from the moment raft hands it out until it is applied.

mod check;
mod peers;
mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use raft::prelude::{ConfState, Entry, HardState, Message, MessageType};
use raft::{RawNode, StateRole};
use stator_log::{GroupCheckpoint, LogEntry, Record};
use stator_model::{LogIndex, NodeId, PartitionId, ReplicaId, TabletId, Term};
use stator_store::state;

use crate::apply::CommittedEntry;
use crate::entry::{self, EntryError, WriteSet};
use crate::event::{LogTaskId, NotDone};
use crate::handle::ReplicaHandle;
use crate::machine::{Deferred, Fate};
use crate::message::Post;
use crate::proof::{ELECTION_TICKS, ELECTION_TIMEOUT, HEARTBEAT_TICKS, Proofs, Waiter};
use crate::tail::Tail;

pub use check::{Fault, Refused};
pub(crate) use peers::Incoming;

/// Committed entries that one Ready may carry, in bytes.
const MAX_COMMITTED_BYTES: u64 = 1 << 20;
/// Entries that one message may carry, in bytes.
const MAX_MESSAGE_BYTES: u64 = 1 << 20;
/// Messages with entries that may be on their way to one follower.
const MAX_IN_FLIGHT: usize = 64;
/// Entries proposed in one group and not applied, in bytes. Above it the core evaluates nothing, so
/// that raft, which would drop a proposal, never has to.
const MAX_UNDER_WAY_BYTES: u64 = 64 << 20;

/// On which nodes the members of a group are.
pub(crate) type Members = [(NodeId, ReplicaId)];

/// Which tablet a group has, from where on: what the log's `Installed` record says.
#[derive(Clone, Debug)]
pub(crate) struct Installed {
    pub(crate) tablet: TabletId,
    pub(crate) index: LogIndex,
    pub(crate) term: Term,
    /// The encoded partition state at that index.
    pub(crate) state: Bytes,
}

/// Where a replica is between elections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Following,
    /// Leads, but has not applied its term's first entry, which this is.
    Elected(LogIndex),
    Leading,
}

/// A proposal whose entry is not committed yet.
struct Pending {
    index: LogIndex,
    term: Term,
    writes: WriteSet,
    deferred: Vec<Deferred>,
}

/// An entry that was proposed here and is not applied yet.
struct UnderWay {
    index: LogIndex,
    bytes: u64,
    /// Answers that write nothing and looked at this entry when it was committed already.
    deferred: Vec<Deferred>,
}

/// What becomes of a group once entries are applied.
pub(crate) struct Advance {
    /// Whether the replica leads from here on: its term's first entry was among them.
    pub(crate) leads: bool,
    /// Answers that waited for them.
    pub(crate) settled: Vec<Deferred>,
}

/// What a group is rebuilt from.
pub(crate) struct GroupStart {
    pub(crate) partition: PartitionId,
    pub(crate) replica: ReplicaId,
    pub(crate) installed: Installed,
    pub(crate) hard_state: stator_log::HardState,
    pub(crate) applied: (LogIndex, Term),
    pub(crate) durable: LogIndex,
    /// The end of its log, contiguous; it may begin before `applied`.
    pub(crate) entries: Vec<LogEntry>,
    pub(crate) past: Past,
    pub(crate) now: Duration,
    pub(crate) seed: u64,
}

/// What a replica may have promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Past {
    /// Nothing: it begins here.
    New,
    /// Whatever a voter can have: the process was started again.
    Restarted,
}

/// A replica of one Raft group.
pub(crate) struct Group {
    partition: PartitionId,
    replica: ReplicaId,
    raft: RawNode<Tail>,
    handle: Arc<ReplicaHandle>,
    installed: Installed,
    durable: LogIndex,
    role: Role,
    pending: VecDeque<Pending>,
    /// Entries proposed here and not applied yet.
    under_way: VecDeque<UnderWay>,
    under_way_bytes: u64,
    /// Log tasks that carry a Ready of this group, and its number.
    unlogged: VecDeque<(LogTaskId, u64)>,
    /// Whether this is the only member: nobody is spoken to, and it always leads.
    alone: bool,
    /// On which nodes members are.
    members: BTreeMap<u64, NodeId>,
    /// The term in which it was elected last.
    elected_in: u64,
    proofs: Proofs,
    /// Until then it votes for nobody and does not stand for election.
    promised_until: Duration,
    /// When it stands for election follows from this.
    seed: u64,
    /// How often it stood for election.
    candidacies: u64,
    /// It is the one that is to lead the new group.
    stands_first: bool,
    /// Up to here every member has the log, as the leader says.
    everywhere: u64,
    /// The catalog does not know that the partition is led.
    unreported: bool,
}

/// Where a group puts what leaves it.
pub(crate) struct Outbox<'a> {
    /// The log task that `records` become.
    pub(crate) task: LogTaskId,
    /// The time; read before anything of this leaves the node.
    pub(crate) now: Duration,
    pub(crate) records: Vec<Record>,
    /// What peers may be told now.
    pub(crate) at_once: &'a mut Post,
    /// What they may be told once `records` are synced.
    pub(crate) after_sync: &'a mut Post,
}

/// What one Ready brought.
#[derive(Default)]
pub(crate) struct Progress {
    pub(crate) committed: Vec<CommittedEntry>,
    /// Leadership ended with this Ready.
    pub(crate) retired: bool,
    /// Who leads has changed.
    pub(crate) changed: bool,
}

/// A Raft group cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An entry of the log does not decode.
    #[error("{partition}: entry {index} of the Raft log is not readable")]
    Entry {
        /// The partition.
        partition: PartitionId,
        /// The entry's index.
        index: LogIndex,
        /// What is wrong with it.
        #[source]
        source: EntryError,
    },
    /// An entry of the catalog's log is not a catalog record.
    #[error("the catalog's entry {index} is not readable")]
    Catalog {
        /// The entry's index.
        index: LogIndex,
        /// What is wrong with it.
        #[source]
        source: stator_catalog::Error,
    },
    /// Raft refused.
    #[error("{partition}: raft refused")]
    Raft {
        /// The partition.
        partition: PartitionId,
        /// Why.
        #[source]
        source: raft::Error,
    },
}

impl Group {
    /// The replica that the log and its tablet describe; it follows until [`campaign`](Self::campaign).
    ///
    /// # Errors
    /// If an entry does not decode or raft refuses the state.
    pub(crate) fn new(
        start: GroupStart,
        members: &state::ConfState,
        handle: Arc<ReplicaHandle>,
    ) -> Result<Self, Error> {
        let partition = start.partition;
        let (applied, applied_term) = start.applied;
        let hard_state = HardState {
            term: start.hard_state.term.get().max(applied_term.get()),
            vote: start.hard_state.vote.map_or(0, ReplicaId::get),
            commit: start.hard_state.commit.get().max(applied.get()),
            ..HardState::default()
        };
        let ids = |replicas: &[ReplicaId]| replicas.iter().map(|id| id.get()).collect();
        let conf_state = ConfState {
            voters: ids(&members.voters),
            learners: ids(&members.learners),
            voters_outgoing: ids(&members.voters_outgoing),
            learners_next: ids(&members.learners_next),
            auto_leave: members.auto_leave,
            ..ConfState::default()
        };
        let alone = *members
            == state::ConfState { voters: vec![start.replica], ..state::ConfState::default() };
        let mut entries = Vec::with_capacity(start.entries.len());
        for logged in &start.entries {
            let data = entry::entry_data(&logged.body).map_err(|source| Error::Entry {
                partition,
                index: logged.index,
                source,
            })?;
            let (index, term) = (logged.index.get(), logged.term.get());
            entries.push(Entry { index, term, data, ..Entry::default() });
        }
        let applied = (applied.get(), applied_term.get());
        let installed = (start.installed.index.get(), start.installed.term.get());
        let base = base(&entries, installed, applied, alone);
        let mut tail = Tail::new(base, hard_state, conf_state);
        tail.append(entries.into_iter().filter(|entry| entry.index > base.0));
        tail.applied(applied.0);
        let config = raft::Config {
            id: start.replica.get(),
            election_tick: ELECTION_TICKS,
            heartbeat_tick: HEARTBEAT_TICKS,
            applied: applied.0,
            pre_vote: true,
            check_quorum: true,
            max_size_per_msg: MAX_MESSAGE_BYTES,
            max_inflight_msgs: MAX_IN_FLIGHT,
            max_uncommitted_size: MAX_UNDER_WAY_BYTES * 2,
            max_committed_size_per_ready: MAX_COMMITTED_BYTES,
            ..raft::Config::default()
        };
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let raft = RawNode::new(&config, tail, &logger)
            .map_err(|source| Error::Raft { partition, source })?;
        let promised_until = match start.past {
            Past::Restarted if !alone => start.now + ELECTION_TIMEOUT,
            Past::Restarted | Past::New => Duration::ZERO,
        };
        let mut group = Self {
            partition,
            replica: start.replica,
            raft,
            handle,
            installed: start.installed,
            durable: start.durable,
            role: Role::Following,
            pending: VecDeque::new(),
            under_way: VecDeque::new(),
            under_way_bytes: 0,
            unlogged: VecDeque::new(),
            alone,
            members: BTreeMap::new(),
            elected_in: 0,
            proofs: Proofs::default(),
            promised_until,
            seed: start.seed,
            candidacies: 0,
            stands_first: false,
            everywhere: 0,
            unreported: false,
        };
        group.stands_first = start.past == Past::New && group.is_first(&members.voters);
        group.draw_timeout();
        Ok(group)
    }

    pub(crate) fn handle(&self) -> &Arc<ReplicaHandle> {
        &self.handle
    }

    pub(crate) fn replica(&self) -> ReplicaId {
        self.replica
    }

    pub(crate) fn installed(&self) -> &Installed {
        &self.installed
    }

    /// Entries that are not applied.
    pub(crate) fn entries_held(&self) -> usize {
        self.raft.store().unapplied().count()
    }

    /// Whether this replica leads and has applied its term's first entry. Raft may have stepped down since
    /// the last Ready.
    pub(crate) fn is_leading(&self) -> bool {
        self.role == Role::Leading && self.is_elected()
    }

    /// Whether this replica may evaluate commands: it leads and is not handing over.
    pub(crate) fn may_evaluate(&self) -> bool {
        self.is_leading() && self.raft.raft.lead_transferee.is_none()
    }

    fn is_elected(&self) -> bool {
        self.raft.raft.state == StateRole::Leader && self.raft.raft.term == self.elected_in
    }

    /// Whether enough is under way that nothing more should be evaluated.
    pub(crate) fn is_full(&self) -> bool {
        self.under_way_bytes >= MAX_UNDER_WAY_BYTES
    }

    /// What is committed, as far as this replica knows.
    pub(crate) fn committed(&self) -> LogIndex {
        LogIndex::new(self.raft.raft.raft_log.committed)
    }

    /// The term's first entry is applied: the replica answers from here on.
    pub(crate) fn serve(&self) {
        self.handle.serve(self.lease());
    }

    /// Proposes `writes` as one entry; returns its index. The answers are owed from
    /// [`attach`](Self::attach) on.
    ///
    /// # Errors
    /// Raft's refusal: nothing was proposed.
    pub(crate) fn propose(&mut self, writes: WriteSet) -> Result<LogIndex, raft::Error> {
        // Raft would send it on to whoever leads, and say that it was proposed.
        if !self.is_elected() {
            return Err(raft::Error::ProposalDropped);
        }
        let data = writes.encode_entry();
        let bytes = data.len() as u64;
        let index = LogIndex::new(self.raft.raft.raft_log.last_index()).next();
        let mut message = Message { from: self.replica.get(), ..Message::default() };
        message.set_msg_type(MessageType::MsgPropose);
        message.set_entries(vec![Entry { data, ..Entry::default() }].into());
        // Not `RawNode::propose`, which takes a `Vec` and would copy the data once more.
        self.raft.raft.step(message)?;
        self.under_way.push_back(UnderWay { index, bytes, deferred: Vec::new() });
        self.under_way_bytes += bytes;
        let term = Term::new(self.raft.raft.term);
        self.pending.push_back(Pending { index, term, writes, deferred: Vec::new() });
        Ok(index)
    }

    /// Owes answers that write nothing. They are reads: that what they looked at is committed says nothing
    /// of who leads by now, for the votes of that commit may have been cast long ago. Gives those back that
    /// are due now.
    #[must_use]
    pub(crate) fn attach(&mut self, deferred: Vec<Deferred>, now: Duration) -> Vec<Deferred> {
        if self.alone || now < self.proofs.lease() {
            return self.hold(deferred);
        }
        self.proofs.wait(Waiter::Answers(deferred));
        Vec::new()
    }

    /// Owes `deferred`, for which leadership is proven or will be by the newest proposal, until that is
    /// applied: whoever is told that an item is there, or is not, finds it so, however it reads. With nothing
    /// under way it gives them back: all they looked at is applied, in this term.
    #[must_use]
    pub(crate) fn hold(&mut self, deferred: Vec<Deferred>) -> Vec<Deferred> {
        let newest = match (self.pending.back_mut(), self.under_way.back_mut()) {
            (Some(pending), _) => &mut pending.deferred,
            (None, Some(committed)) => &mut committed.deferred,
            (None, None) => return deferred,
        };
        newest.extend(deferred);
        Vec::new()
    }

    /// Hands out what raft has ready: records for the log, committed entries, messages.
    ///
    /// # Errors
    /// If a committed entry does not decode.
    pub(crate) fn collect(&mut self, outbox: &mut Outbox<'_>) -> Result<Progress, Error> {
        let mut progress = Progress::default();
        if self.proofs.is_awaited() && self.proofs.has_room() {
            self.raft.ping();
        }
        let mut round = None;
        while self.raft.has_ready() {
            let mut ready = self.raft.ready();
            if let Some(soft_state) = ready.ss() {
                let leads = soft_state.raft_state == StateRole::Leader;
                progress.retired |= self.change_role(leads);
                progress.changed |= progress.retired || !self.alone;
            }
            let (free, bound) = (ready.take_messages(), ready.take_persisted_messages());
            let records = &mut outbox.records;
            self.push_hard_state(
                ready.hs(),
                !ready.entries().is_empty() || ready.must_sync(),
                records,
            );
            self.push_entries(ready.entries(), records);
            let entries = ready.take_entries();
            self.raft.mut_store().append(entries);
            let committed = ready.take_committed_entries();
            // A Ready that need not be synced is covered by the next that must.
            if ready.must_sync() {
                self.unlogged.push_back((outbox.task, ready.number()));
            }
            self.raft.advance_append_async(ready);
            self.commit(committed, &mut progress)?;
            // IMPORTANT: what a follower or a candidate says rests on everything before it in its log.
            let is_synced = self.unlogged.is_empty();
            self.send(free, &mut round, outbox.now, outbox.at_once);
            let bound_to = if is_synced { &mut *outbox.at_once } else { &mut *outbox.after_sync };
            self.send(bound, &mut round, outbox.now, bound_to);
        }
        self.handle.set_committed(self.committed());
        Ok(progress)
    }

    fn change_role(&mut self, leads: bool) -> bool {
        self.handle.set_leader(self.leader());
        let term = self.raft.raft.term;
        let led = self.role != Role::Following;
        let retires = led && (!leads || self.elected_in != term);
        if retires {
            self.role = Role::Following;
            self.handle.retire();
            self.forget_under_way();
            self.proofs.end().for_each(|waiter| waiter.refuse(NotDone::NotLeader(None)));
        }
        if leads && self.role == Role::Following {
            self.elected_in = term;
            self.proofs.begin();
            self.role = Role::Elected(LogIndex::new(self.raft.raft.raft_log.last_index()));
        }
        retires
    }

    /// What was proposed and not applied may still be committed, by whoever leads now.
    fn forget_under_way(&mut self) {
        let pending = self.pending.drain(..).flat_map(|pending| pending.deferred);
        let under_way = self.under_way.drain(..).flat_map(|entry| entry.deferred);
        pending.chain(under_way).for_each(|deferred| deferred.settle(Fate::Unknown));
        self.under_way_bytes = 0;
    }

    /// A hard state in which only the commit index moved waits for company: a single synced batch per
    /// write is the budget, and the commit index is found again by the next election.
    fn push_hard_state(&mut self, state: Option<&HardState>, due: bool, records: &mut Vec<Record>) {
        let Some(state) = state else { return };
        self.raft.mut_store().set_hard_state(state.clone());
        if due {
            records.push(Record::HardState {
                group: self.partition,
                replica: self.replica,
                term: Term::new(state.term),
                vote: (state.vote != 0).then(|| ReplicaId::new(state.vote)),
                commit: LogIndex::new(state.commit),
            });
        }
    }

    fn push_entries(&self, entries: &[Entry], records: &mut Vec<Record>) {
        records.extend(entries.iter().map(|entry| Record::Entry {
            group: self.partition,
            replica: self.replica,
            term: Term::new(entry.term),
            index: LogIndex::new(entry.index),
            body: entry::record_body(&entry.data),
        }));
    }

    fn commit(&mut self, entries: Vec<Entry>, progress: &mut Progress) -> Result<(), Error> {
        for entry in entries {
            let (index, term) = (LogIndex::new(entry.index), Term::new(entry.term));
            let pending = self.pending.pop_front_if(|pending| pending.index <= index);
            let committed = match pending {
                Some(Pending { term: at, writes, deferred, .. }) if at == term => {
                    CommittedEntry { index, term, writes: Some(writes), deferred }
                }
                replaced => {
                    // Another leader's entry took the index: this proposal was not committed.
                    let lost = replaced.into_iter().flat_map(|pending| pending.deferred);
                    lost.for_each(|deferred| deferred.settle(Fate::Unknown));
                    let writes = (!entry.data.is_empty())
                        .then(|| WriteSet::decode_entry(&entry.data))
                        .transpose()
                        .map_err(|source| Error::Entry {
                            partition: self.partition,
                            index,
                            source,
                        })?;
                    CommittedEntry { index, term, writes, deferred: Vec::new() }
                }
            };
            progress.committed.push(committed);
        }
        Ok(())
    }

    /// Notes that the log task `task`, and all before it, are synced. Returns whether one of them
    /// carried something of this group.
    pub(crate) fn logged(&mut self, task: LogTaskId) -> bool {
        let mut newest = None;
        while let Some((_, number)) = self.unlogged.pop_front_if(|(of, _)| *of <= task) {
            newest = Some(number);
        }
        if let Some(number) = newest {
            self.raft.on_persist_ready(number);
        }
        newest.is_some()
    }

    /// Notes that the store holds everything up to `index`.
    pub(crate) fn applied(&mut self, index: LogIndex) -> Advance {
        self.raft.advance_apply_to(index.get());
        self.raft.mut_store().applied(index.get());
        self.release_kept();
        let mut settled = Vec::new();
        while let Some(entry) = self.under_way.pop_front_if(|entry| entry.index <= index) {
            self.under_way_bytes -= entry.bytes;
            settled.extend(entry.deferred);
        }
        let leads = match self.role {
            Role::Elected(first) if index >= first => {
                self.role = Role::Leading;
                true
            }
            Role::Elected(_) | Role::Following | Role::Leading => false,
        };
        Advance { leads, settled }
    }

    /// Notes that the store has synced everything up to `index`.
    pub(crate) fn durable(&mut self, index: LogIndex) {
        self.durable = self.durable.max(index);
    }

    /// Everything the log must know of this replica, were all said before forgotten.
    pub(crate) fn checkpoint(&self) -> GroupCheckpoint {
        let store = self.raft.store();
        let hard_state = store.hard_state();
        GroupCheckpoint {
            group: self.partition,
            replica: self.replica,
            hard_state: stator_log::HardState {
                term: Term::new(hard_state.term),
                vote: (hard_state.vote != 0).then(|| ReplicaId::new(hard_state.vote)),
                commit: LogIndex::new(hard_state.commit),
            },
            tablet: self.installed.tablet,
            installed: (self.installed.index, self.installed.term),
            state: self.installed.state.clone(),
            durable_applied: self.durable,
            entries: store
                .unapplied()
                .map(|entry| LogEntry {
                    term: Term::new(entry.term),
                    index: LogIndex::new(entry.index),
                    body: entry::record_body(&entry.data),
                })
                .collect(),
        }
    }

    /// Ends the replica: what is under way is answered as unknown.
    pub(crate) fn destroy(mut self) {
        self.handle.retire();
        self.forget_under_way();
        self.proofs.end().for_each(|waiter| waiter.refuse(NotDone::NotHere));
    }
}

/// After which entry the tail begins: as early as the log goes where a follower may ask for it.
fn base(entries: &[Entry], installed: (u64, u64), applied: (u64, u64), alone: bool) -> (u64, u64) {
    let has_applied = entries.iter().any(|entry| (entry.index, entry.term) == applied);
    match entries.first() {
        Some(first) if !alone && first.index == installed.0 + 1 => installed,
        Some(first) if has_applied && !alone => (first.index, first.term),
        Some(_) | None => applied,
    }
}
