//! Room on the disk: writes that add data are refused before there is none left.
//!
//! A write that the file system cannot take ends the process, because what the disk holds is not known
//! then, and a node on a full disk could not even be started to delete something. So a reserve is kept
//! for what goes on without new data: reads, deletes, the log's next segment, flushes and compactions.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use stator_protocol::ApiError;

/// Bytes that stay free: a spare segment of the log, a journal and the memtables.
const RESERVE: u64 = 256 << 20;
/// How long an answer of the file system is believed.
const BELIEVED_FOR: Duration = Duration::from_millis(100);

/// The room that is left for data.
pub(super) struct Space {
    /// `None` if nothing goes to a disk.
    path: Option<PathBuf>,
    /// When the file system was asked last, in milliseconds since the process began; 0 for never.
    asked: AtomicU64,
    is_low: AtomicBool,
}

impl Space {
    pub(super) const fn new(path: Option<PathBuf>) -> Self {
        Self { path, asked: AtomicU64::new(0), is_low: AtomicBool::new(false) }
    }

    /// Whether there is room for more data at `now`.
    ///
    /// # Errors
    /// ServiceUnavailable, which says why.
    pub(super) fn check(&self, now: Duration) -> Result<(), ApiError> {
        if self.is_low(now) { Err(ApiError::disk_full()) } else { Ok(()) }
    }

    fn is_low(&self, now: Duration) -> bool {
        let Some(path) = &self.path else { return false };
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX).max(1);
        let asked = self.asked.load(Ordering::Relaxed);
        let is_due = asked == 0 || u128::from(now - asked.min(now)) >= BELIEVED_FOR.as_millis();
        // Whoever sets the time asks; the others go by the answer before.
        let mine = is_due
            && self
                .asked
                .compare_exchange(asked, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if mine && let Ok(disk) = rustix::fs::statvfs(path) {
            let is_low = disk.f_bavail.saturating_mul(disk.f_frsize) < RESERVE;
            if is_low != self.is_low.swap(is_low, Ordering::Relaxed) {
                report(is_low, disk.f_bavail.saturating_mul(disk.f_frsize));
            }
        }
        self.is_low.load(Ordering::Relaxed)
    }
}

fn report(is_low: bool, available: u64) {
    if is_low {
        tracing::warn!(
            available,
            reserve = RESERVE,
            "the disk is nearly full: new data is refused until there is more space; reads and \
             deletes go on"
        );
    } else {
        tracing::info!(available, reserve = RESERVE, "the disk has space again: data is taken");
    }
}
