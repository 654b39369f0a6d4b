//! What a group's leader evaluates commands with: one machine for the catalog, one for a table's
//! partition.
//!
//! A machine is empty until its term's first entry is applied ([`Machine::lead`]) and is emptied when
//! leadership ends ([`Machine::retire`]): nothing evaluated in one term is believed in another. It
//! drafts write sets; the group proposes them; only a draft that was proposed
//! ([`Machine::proposed`]) changes what later commands see.

mod catalog;
mod table;

use std::collections::VecDeque;

use stator_catalog::{Outcome, Refusal};
use stator_model::{LogIndex, NodeId, UnixMillis};
use stator_operation::Written;
use stator_protocol::ApiError;
use stator_store::state::PartitionState;

pub(crate) use catalog::{CatalogMachine, catalog_members};
pub(crate) use table::TableMachine;

use crate::apply::CommittedEntry;
use crate::entry::WriteSet;
use crate::event::{Answer, CatalogAnswer, CatalogResponder, NotDone, Responder, WriteRequest};
use crate::group::Error;

/// An answer that waits for an entry.
pub(crate) enum Deferred {
    /// To a command on an item.
    Item(Responder, Result<Written, ApiError>),
    /// To a command on the catalog.
    Catalog(CatalogResponder, Result<Outcome, Refusal>),
}

/// What became of the entry that an answer waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// In the store, on a quorum of logs.
    Applied,
    /// Applied as nothing: evaluated under another epoch or version.
    Void,
    /// Perhaps committed, perhaps not.
    Unknown,
}

impl Deferred {
    /// Sends the answer that `fate` allows.
    pub(crate) fn settle(self, fate: Fate) {
        let not_done = match fate {
            Fate::Applied => None,
            Fate::Void => Some(NotDone::Stale),
            Fate::Unknown => Some(NotDone::Unknown),
        };
        match self {
            Self::Item(responder, reply) => {
                responder(match not_done {
                    None => Answer::Done(reply),
                    Some(reason) => Answer::NotDone(reason, None),
                });
            }
            Self::Catalog(responder, outcome) => {
                responder(not_done.map_or(CatalogAnswer::Done(outcome), CatalogAnswer::NotDone));
            }
        }
    }
}

/// Commands evaluated together, not yet proposed.
pub(crate) struct Draft {
    /// Their effects.
    pub(crate) writes: WriteSet,
    /// Their answers, owed once the effects are applied.
    pub(crate) deferred: Vec<Deferred>,
    /// What later commands will see if the draft is proposed.
    staged: Staged,
}

enum Staged {
    Catalog(Vec<stator_catalog::Change>),
    Table(table::Staged),
}

/// The state machine above a Raft group.
pub(crate) enum Machine {
    /// The catalog's.
    Catalog(Box<CatalogMachine>),
    /// That of a table's partition.
    Table(Box<TableMachine>),
}

impl Machine {
    /// Begins to evaluate: the term's first entry is applied, and this is the state then.
    pub(crate) fn lead(&mut self, state: &PartitionState) {
        match self {
            Self::Catalog(machine) => machine.lead(),
            Self::Table(machine) => machine.lead(state),
        }
    }

    /// Leadership ended: forgets what was evaluated; queued commands were not begun, and may go to the
    /// node that leads now.
    pub(crate) fn retire(&mut self, leader: Option<NodeId>) {
        match self {
            Self::Catalog(machine) => machine.retire(leader),
            Self::Table(machine) => machine.retire(leader),
        }
    }

    /// Evaluates the next queued commands, as many as one entry should carry.
    pub(crate) fn draft(&mut self, now: UnixMillis) -> Option<Draft> {
        match self {
            Self::Catalog(machine) => machine.draft(now),
            Self::Table(machine) => machine.draft(now),
        }
    }

    /// Takes what a proposed draft staged into account.
    pub(crate) fn proposed(&mut self, index: LogIndex, draft: Draft) -> Vec<Deferred> {
        match (self, draft.staged) {
            (Self::Catalog(machine), Staged::Catalog(changes)) => machine.proposed(&changes),
            (Self::Table(machine), Staged::Table(staged)) => machine.proposed(index, staged),
            (Self::Catalog(_), Staged::Table(_)) | (Self::Table(_), Staged::Catalog(_)) => {}
        }
        draft.deferred
    }

    /// Notes entries that are committed and on their way into the store.
    ///
    /// # Errors
    /// If an entry of the catalog does not hold catalog records.
    pub(crate) fn committed(&mut self, entries: &mut [CommittedEntry]) -> Result<(), Error> {
        let Self::Catalog(machine) = self else { return Ok(()) };
        for CommittedEntry { index, writes, deferred, .. } in entries {
            let Some(writes) = writes else { continue };
            machine
                .committed(*index, writes, std::mem::take(deferred))
                .map_err(|source| Error::Catalog { index: *index, source })?;
        }
        Ok(())
    }

    /// Notes that the store holds everything up to `index`; returns answers that are due.
    pub(crate) fn applied(&mut self, index: LogIndex) -> Vec<Deferred> {
        match self {
            Self::Catalog(machine) => machine.applied(index),
            Self::Table(machine) => {
                machine.applied(index);
                Vec::new()
            }
        }
    }

    /// Gives answers that write nothing: what they looked at is applied.
    pub(crate) fn settle(&mut self, deferred: Vec<Deferred>) {
        match self {
            Self::Catalog(machine) => machine.settle(deferred),
            Self::Table(_) => deferred.into_iter().for_each(|answer| answer.settle(Fate::Applied)),
        }
    }

    /// Whether commands wait for evaluation.
    pub(crate) fn has_queued(&self) -> bool {
        match self {
            Self::Catalog(machine) => machine.has_queued(),
            Self::Table(machine) => machine.has_queued(),
        }
    }
}

/// Commands on items, waiting.
pub(crate) type WriteQueue = VecDeque<WriteRequest>;
