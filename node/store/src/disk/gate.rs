//! The gate between commits and snapshots.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Lets one through at a time, and whoever waits before the one that comes again.
///
/// A plain mutex is not enough: its holder may take it again before the thread that it wakes, and the
/// thread that commits in a loop would keep snapshots waiting for as long as it has work. Here a
/// waiting thread holds the turnstile, and the committing one queues behind it.
#[derive(Debug, Default)]
pub(super) struct Gate {
    turnstile: Mutex<()>,
    inside: Mutex<()>,
}

impl Gate {
    /// Waits until nobody is inside; inside until the guard is dropped.
    pub(super) fn enter(&self) -> MutexGuard<'_, ()> {
        // A panic inside leaves nothing behind that the gate protects.
        let _turn = self.turnstile.lock().unwrap_or_else(PoisonError::into_inner);
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
