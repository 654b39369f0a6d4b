//! The thread that drops tablets which nobody needs any more.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use stator_model::TabletId;
use stator_store::Engine;

use super::{describe, fail_stop};

/// How often what is left of dropped tablets is looked at.
const RECLAIM_EVERY: Duration = Duration::from_secs(60);

/// Drops what the core names, and later what is left of it, until the core is gone.
pub(super) fn run_sweep(engine: &dyn Engine, inbox: &Receiver<Vec<TabletId>>) {
    let mut left = 0;
    loop {
        let swept = match inbox.recv_timeout(RECLAIM_EVERY) {
            Ok(tablets) => engine.drop_tablets(&tablets).map(|()| tablets.len()),
            Err(RecvTimeoutError::Timeout) if left > 0 => engine.reclaim(),
            Err(RecvTimeoutError::Timeout) => Ok(0),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        match swept {
            Ok(count) => left = count,
            Err(error) if error.is_fatal() => fail_stop("a tablet could not be dropped", &error),
            Err(error) => {
                tracing::warn!(error = %describe(&error), "a tablet could not be dropped yet")
            }
        }
    }
}
