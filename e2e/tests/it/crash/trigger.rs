//! When to kill, and whether a failed request is excused by it.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aws_sdk_dynamodb::error::SdkError;
use tokio::sync::Notify;

/// Counts acknowledgements up to the one after which the node is killed.
pub(crate) struct Trigger {
    target: u64,
    acknowledged: AtomicU64,
    reached: Notify,
    /// One clock for all tasks, to tell which of two requests ended before the other began.
    clock: AtomicU64,
    killing: AtomicBool,
}

impl Trigger {
    pub(crate) const fn new(target: u64) -> Self {
        Self {
            target,
            acknowledged: AtomicU64::new(0),
            reached: Notify::const_new(),
            clock: AtomicU64::new(0),
            killing: AtomicBool::new(false),
        }
    }

    /// Notes an acknowledged write.
    pub(crate) fn acknowledge(&self) {
        if self.acknowledged.fetch_add(1, Ordering::SeqCst) + 1 == self.target {
            self.reached.notify_one();
        }
    }

    /// Waits until enough writes are acknowledged.
    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }

    /// A moment later than all before.
    pub(crate) fn moment(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// From here on requests may fail.
    pub(crate) fn announce_kill(&self) {
        self.killing.store(true, Ordering::SeqCst);
    }

    /// Whether the kill is near, so that a task should not begin anything new.
    pub(crate) fn killing(&self) -> bool {
        self.killing.load(Ordering::SeqCst)
    }

    /// Accepts the failure of a request if the node's death explains it.
    ///
    /// # Panics
    /// If the node answered with an error, or fell silent without being killed.
    pub(crate) fn excuse<E: Debug, R: Debug>(&self, error: &SdkError<E, R>) {
        assert!(self.killing(), "a request failed and nobody killed the node: {error:?}");
        assert!(!matches!(error, SdkError::ServiceError(_)), "the node answered: {error:?}");
    }
}
