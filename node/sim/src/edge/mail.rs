//! Where answers arrive that a request waits for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stator_model::LogIndex;
use stator_replica::{Answer, CatalogAnswer};

use super::FlightId;

/// What arrives for a request.
#[derive(Debug)]
pub enum Mail {
    /// The answer to a write.
    Answer(Answer),
    /// The answer to a command on the catalog.
    Catalog(CatalogAnswer),
    /// The index that a read waited for is applied.
    Reached(LogIndex),
    /// Whoever owed an answer let it go.
    Dropped,
}

/// Where answers arrive, by request.
#[derive(Clone, Default)]
pub struct Mailbox {
    mail: Arc<Mutex<BTreeMap<FlightId, Mail>>>,
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<FlightId, Mail>> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has(&self, id: FlightId) -> bool {
        self.lock().contains_key(&id)
    }

    pub(super) fn take(&self, id: FlightId) -> Option<Mail> {
        self.lock().remove(&id)
    }

    pub(super) fn ticket(&self, id: FlightId) -> Ticket {
        Ticket { mailbox: self.clone(), id, used: false }
    }
}

/// The right to answer once.
pub(super) struct Ticket {
    mailbox: Mailbox,
    id: FlightId,
    used: bool,
}

impl Ticket {
    pub(super) fn send(mut self, mail: Mail) {
        self.used = true;
        self.mailbox.lock().insert(self.id, mail);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.used {
            self.mailbox.lock().insert(self.id, Mail::Dropped);
        }
    }
}
