//! The thread that makes the store durable.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use stator_model::{LogIndex, PartitionId};
use stator_replica::Event;
use stator_store::{Engine, Persister};

use super::{Picture, fail_stop};

/// How often the store's dirty pages are written out while it is written to.
const WRITE_OUT_EVERY: Duration = Duration::from_millis(50);
/// Every so many of these rounds the store is synced: once a second.
const ROUNDS_A_PERSIST: u32 = 20;

/// Writes the store's dirty pages out often and syncs it once a second, while it is written to, so
/// that the log may let segments go and a restart has little to replay. Syncs it at once when the log
/// is replayed after a start, and when a segment of the log is full.
pub(super) struct PersistLoop {
    pub(super) engine: Arc<dyn Engine>,
    /// fjall's, which spares commits most of a sync; the simulated store has none.
    pub(super) persister: Option<Persister>,
    pub(super) picture: Arc<Picture>,
    /// Says that the store should be synced now. Ends with the threads that could say so.
    pub(super) due: Receiver<()>,
    pub(super) core: Sender<Event>,
}

impl PersistLoop {
    pub(super) fn run(mut self) {
        let (mut written_out, mut durable) = (HashMap::new(), HashMap::new());
        let mut rounds = 0;
        loop {
            let (due, last) = match self.due.recv_timeout(WRITE_OUT_EVERY) {
                Ok(()) => (true, false),
                Err(RecvTimeoutError::Timeout) => (rounds + 1 >= ROUNDS_A_PERSIST, false),
                Err(RecvTimeoutError::Disconnected) => (true, true),
            };
            // Taken before the sync: it covers what was applied then, perhaps more.
            let applied = applied_indexes(&self.picture);
            rounds += 1;
            let done = if due && applied != durable {
                rounds = 0;
                durable.clone_from(&applied);
                self.persist().inspect(|()| drop(self.core.send(Event::Durable(applied))))
            } else if applied != written_out {
                written_out = applied;
                self.persister.as_mut().map_or(Ok(()), Persister::write_out)
            } else {
                Ok(())
            };
            if let Err(error) = done {
                fail_stop("the store could not be synced", &error);
            }
            if last {
                return;
            }
        }
    }

    fn persist(&mut self) -> Result<(), stator_store::Error> {
        match &mut self.persister {
            Some(persister) => persister.persist_step(),
            None => self.engine.persist(),
        }
    }
}

fn applied_indexes(picture: &Picture) -> HashMap<PartitionId, LogIndex> {
    let picture = picture.load();
    picture.replicas.iter().map(|(id, handle)| (*id, handle.applied())).collect()
}
