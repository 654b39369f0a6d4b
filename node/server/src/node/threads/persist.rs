//! The thread that makes the store durable.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use stator_model::{LogIndex, PartitionId};
use stator_replica::Event;
use stator_store::{Engine, Error, FjallEngine, Persister};

use super::{Picture, describe, fail_stop};
use crate::clock;
use crate::metrics::StoreMetrics;

/// How often the store's dirty pages are written out while it is written to.
const WRITE_OUT_EVERY: Duration = Duration::from_millis(50);
/// How often it is synced then, and measured in any case.
const PERSIST_EVERY: Duration = Duration::from_secs(1);

/// Writes the store's dirty pages out often and syncs it once a second, while it is written to, so
/// that the log may let segments go and a restart has little to replay. Syncs it at once when the log
/// is replayed after a start, and when a segment of the log is full.
pub(super) struct PersistLoop {
    pub(super) durability: Durability,
    pub(super) picture: Arc<Picture>,
    /// Says that the store should be synced now. Ends with the threads that could say so.
    pub(super) due: Receiver<()>,
    pub(super) core: Sender<Event>,
    pub(super) metrics: StoreMetrics,
}

/// What makes a store durable.
pub(in crate::node) enum Durability {
    /// fjall's own, which spares commits most of a sync.
    Disk {
        /// Does it.
        persister: Persister,
        /// Says what it takes up.
        engine: Arc<FjallEngine>,
    },
    /// The store in memory has nothing to lose.
    Memory(Arc<dyn Engine>),
}

/// What the thread knows from one round to the next.
#[derive(Default)]
struct Progress {
    written_out: HashMap<PartitionId, LogIndex>,
    durable: HashMap<PartitionId, LogIndex>,
    persisted_at: Duration,
    measured_at: Duration,
}

impl PersistLoop {
    pub(super) fn run(mut self) {
        let mut progress = Progress::default();
        loop {
            let told = self.due.recv_timeout(WRITE_OUT_EVERY);
            if let Err(error) = self.round(told, &mut progress) {
                fail_stop("the store could not be synced", &error);
            }
            if told == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    fn round(
        &mut self,
        told: Result<(), RecvTimeoutError>,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let now = clock::running();
        let is_due = |at: Duration| now >= at + PERSIST_EVERY;
        let due = told != Err(RecvTimeoutError::Timeout) || is_due(progress.persisted_at);
        // Taken before the sync: it covers what was applied then, perhaps more.
        let applied = applied_indexes(&self.picture);
        if due && applied != progress.durable {
            self.persist()?;
            progress.persisted_at = now;
            progress.durable.clone_from(&applied);
            let _ = self.core.send(Event::Durable(applied));
        } else if applied != progress.written_out {
            self.write_out()?;
            progress.written_out = applied;
        }
        if is_due(progress.measured_at) {
            self.measure();
            progress.measured_at = now;
        }
        Ok(())
    }

    fn persist(&mut self) -> Result<(), Error> {
        let began = clock::running();
        match &mut self.durability {
            Durability::Disk { persister, .. } => persister.persist_step(),
            Durability::Memory(engine) => engine.persist(),
        }?;
        self.metrics.persisted(clock::running().saturating_sub(began));
        Ok(())
    }

    fn write_out(&mut self) -> Result<(), Error> {
        match &mut self.durability {
            Durability::Disk { persister, .. } => persister.write_out(),
            Durability::Memory(_) => Ok(()),
        }
    }

    fn measure(&self) {
        let Durability::Disk { engine, .. } = &self.durability else { return };
        match engine.usage() {
            Ok(usage) => self.metrics.uses(usage),
            Err(error) => tracing::warn!(error = %describe(&error), "the store cannot be measured"),
        }
    }
}

fn applied_indexes(picture: &Picture) -> HashMap<PartitionId, LogIndex> {
    let picture = picture.load();
    picture.replicas.iter().map(|(id, handle)| (*id, handle.applied())).collect()
}
