//! The thread that carries committed entries into the store.

use std::sync::mpsc::{Receiver, Sender};

use stator_replica::{Applier, ApplyTask, Event};

use super::fail_stop;

/// Tasks that become one store batch, at most.
const TASKS_A_BATCH: usize = 256;

/// Applies what the core hands out until the core is gone.
pub(super) fn run_apply(
    mut applier: Applier,
    inbox: &Receiver<Vec<ApplyTask>>,
    core: &Sender<Event>,
) {
    while let Ok(mut tasks) = inbox.recv() {
        while tasks.len() < TASKS_A_BATCH
            && let Ok(more) = inbox.try_recv()
        {
            tasks.extend(more);
        }
        match applier.apply(tasks) {
            Ok(done) => {
                for applied in done {
                    let _ = core.send(Event::Applied(applied));
                }
            }
            Err(error) => fail_stop("committed entries could not be applied", &error),
        }
    }
}
