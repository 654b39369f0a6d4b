//! The thread that carries committed entries into the store.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use stator_replica::{Applied, Applier, ApplyTask, Event, Pace};

use super::fail_stop;
use crate::clock;
use crate::metrics::{ReplicaMetrics, StoreMetrics};

/// How often a keyspace that was skipped is looked at again: the store has nothing to wait on.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// How long to wait when nothing is left to do: until there is.
const FOR_EVER: Duration = Duration::MAX;

/// The thread that applies. Ends once the core is gone and all that it handed out is applied.
pub(super) struct ApplyLoop {
    pub(super) applier: Applier,
    pub(super) inbox: Receiver<Vec<ApplyTask>>,
    pub(super) core: Sender<Event>,
    /// Dropped when the last entry is applied: the store may be synced for the last time.
    pub(super) persist: Sender<()>,
    pub(super) store: StoreMetrics,
    pub(super) replica: ReplicaMetrics,
}

impl ApplyLoop {
    pub(super) fn run(mut self) {
        let mut wait = FOR_EVER;
        while self.receive(wait) {
            let committed = self.round(Pace::Considerate);
            wait = match (self.applier.is_idle(), committed) {
                (true, _) => FOR_EVER,
                (false, true) => Duration::ZERO,
                (false, false) => LOOK_AGAIN,
            };
        }
        // Nobody waits for a commit to another keyspace any more.
        while !self.applier.is_idle() {
            self.round(Pace::Regardless);
        }
        drop(self.persist);
    }

    /// Takes in what there is, and waits for it if need be; `false` once the core is gone.
    fn receive(&mut self, wait: Duration) -> bool {
        let now = clock::running();
        match self.inbox.recv_timeout(wait) {
            Ok(tasks) => self.applier.push(tasks, now),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        self.applier.push(self.inbox.try_iter().flatten(), now);
        true
    }

    /// Returns whether anything was committed.
    fn round(&mut self, pace: Pace) -> bool {
        let began = clock::running();
        match self.applier.apply(began, pace) {
            Ok(round) => {
                let took = round.committed.then(|| clock::running().saturating_sub(began));
                self.store.applied(took, round.skipped);
                self.replica.waits(self.applier.waiting_bytes());
                for applied in round.applied {
                    self.replica.throttled(match &applied {
                        Applied::Behind { .. } => 1,
                        Applied::CaughtUp { .. } => -1,
                        Applied::UpTo { .. } | Applied::Closed { .. } => 0,
                    });
                    let _ = self.core.send(Event::Applied(applied));
                }
                round.committed
            }
            Err(error) => fail_stop("committed entries could not be applied", &error),
        }
    }
}
