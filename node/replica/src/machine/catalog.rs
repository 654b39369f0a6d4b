//! Evaluates commands on the catalog, and keeps the catalog as it is applied.

use std::collections::VecDeque;

use stator_catalog::{Catalog, Change};
use stator_model::{DescriptionVersion, Epoch, LogIndex, NodeId, ReplicaId, UnixMillis};
use stator_store::keys;

use super::{Deferred, Draft, Fate, Staged};
use crate::entry::WriteSet;
use crate::event::{CatalogAnswer, CatalogRequest, NotDone};

/// Commands of the catalog that share one entry, at most.
const ENTRY_COMMANDS: usize = 64;

/// The machine of the catalog.
pub(crate) struct CatalogMachine {
    /// As applied: what requests are validated against.
    applied: Catalog,
    /// Changes that are committed and on their way into the store, and the answers that wait for them.
    /// These go out from here and not from the applier: only after the new catalog was published.
    committed: VecDeque<(LogIndex, Vec<Change>, Vec<Deferred>)>,
    /// As it will be once everything proposed is applied; only a leader has it.
    proposed: Option<Catalog>,
    queue: VecDeque<CatalogRequest>,
    /// What a blank catalog is formed with.
    founding: Vec<Change>,
}

impl CatalogMachine {
    /// The machine of a replica whose tablet holds this catalog.
    pub(crate) fn new(applied: Catalog, founding: Vec<Change>) -> Self {
        let (committed, queue) = (VecDeque::new(), VecDeque::new());
        Self { applied, committed, proposed: None, queue, founding }
    }

    /// The catalog as applied.
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.applied
    }

    /// The members of the catalog's group. One that is not formed yet has the members that form it.
    pub(crate) fn members(&self) -> Vec<(NodeId, ReplicaId)> {
        if self.applied.meta().is_some() {
            return catalog_members(&self.applied);
        }
        let mut founded = Catalog::default();
        self.founding.iter().for_each(|change| founded.apply(change));
        catalog_members(&founded)
    }

    /// The catalog as it will be; `None` unless it is formed and this replica leads.
    pub(crate) fn deciding(&self) -> Option<&Catalog> {
        self.proposed.as_ref().filter(|catalog| catalog.meta().is_some())
    }

    /// Queues a command.
    pub(crate) fn push(&mut self, request: CatalogRequest) {
        self.queue.push_back(request);
    }

    /// Notes the changes of a committed entry.
    ///
    /// # Errors
    /// If an effect is not a catalog record: damage, or a record of a later version.
    pub(crate) fn committed(
        &mut self,
        index: LogIndex,
        writes: &WriteSet,
        deferred: Vec<Deferred>,
    ) -> Result<(), stator_catalog::Error> {
        let changes = writes
            .effects
            .iter()
            .map(|effect| {
                let key = keys::catalog_record(&effect.key).unwrap_or(&[]);
                Change::decode(key, effect.value.as_deref())
            })
            .collect::<Result<Vec<_>, _>>()?;
        self.committed.push_back((index, changes, deferred));
        Ok(())
    }

    /// A refusal may speak of changes that are committed and not yet shown to anybody: it waits for the
    /// newest of them.
    pub(super) fn settle(&mut self, deferred: Vec<Deferred>) {
        match self.committed.back_mut() {
            Some((_, _, waiting)) => waiting.extend(deferred),
            None => deferred.into_iter().for_each(|answer| answer.settle(Fate::Applied)),
        }
    }

    pub(super) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    pub(super) fn lead(&mut self) {
        // The term's first entry is applied, and with it everything before it.
        self.proposed = Some(self.applied.clone());
    }

    pub(super) fn retire(&mut self, leader: Option<NodeId>) {
        self.proposed = None;
        for request in self.queue.drain(..) {
            (request.responder)(CatalogAnswer::NotDone(NotDone::NotLeader(leader)));
        }
    }

    pub(super) fn draft(&mut self, now: UnixMillis) -> Option<Draft> {
        let mut draft = CatalogDraft::new(self.proposed.as_ref()?.clone());
        if draft.catalog.meta().is_none() {
            draft.push(self.founding.clone());
        }
        let mut deferred = Vec::new();
        while deferred.len() < ENTRY_COMMANDS
            && let Some(CatalogRequest { command, responder }) = self.queue.pop_front()
        {
            let outcome = draft.catalog.decide(&command, now).map(|decision| {
                draft.push(decision.changes);
                decision.outcome
            });
            deferred.push(Deferred::Catalog(responder, outcome));
        }
        if deferred.is_empty() && draft.staged.is_empty() {
            return None;
        }
        let CatalogDraft { writes, staged, .. } = draft;
        Some(Draft { writes, deferred, staged: Staged::Catalog(staged) })
    }

    pub(super) fn proposed(&mut self, changes: &[Change]) {
        if let Some(catalog) = &mut self.proposed {
            changes.iter().for_each(|change| catalog.apply(change));
        }
    }

    pub(super) fn applied(&mut self, index: LogIndex) -> Vec<Deferred> {
        let mut due = Vec::new();
        while let Some((_, changes, deferred)) =
            self.committed.pop_front_if(|(at, _, _)| *at <= index)
        {
            changes.iter().for_each(|change| self.applied.apply(change));
            due.extend(deferred);
        }
        due
    }
}

/// On which nodes the members of this catalog's group are.
pub(crate) fn catalog_members(catalog: &Catalog) -> Vec<(NodeId, ReplicaId)> {
    catalog.voters().chain(catalog.learners()).collect()
}

/// A draft of changes, and the catalog as they leave it.
struct CatalogDraft {
    catalog: Catalog,
    writes: WriteSet,
    staged: Vec<Change>,
}

impl CatalogDraft {
    fn new(catalog: Catalog) -> Self {
        let writes = WriteSet::new(Epoch::default(), DescriptionVersion::default());
        Self { catalog, writes, staged: Vec::new() }
    }

    fn push(&mut self, changes: Vec<Change>) {
        for change in changes {
            self.catalog.apply(&change);
            let (key, value) = change.encode();
            self.writes.push(keys::catalog_key(&key).into(), value);
            self.staged.push(change);
        }
    }
}
