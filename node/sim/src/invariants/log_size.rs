//! **The log stays small** while the store is synced: at quiescence, when all that was applied is
//! durable, it keeps no more than a few segments, and the directory no more than those, two spares, and
//! a few blocks.
//!
//! Reference: stator-log, `Log::release`; docs/adr/0002.

use crate::violation::{Verdict, ensure};

const NAME: &str = "log_size";

/// Segments that may be kept: the current one, the one that waits for its release until the next
/// checkpoint, and those that the batches under way meanwhile may have filled.
pub const SEGMENTS: u64 = 4;

/// Compares what the log keeps, and what its files take, with the bound.
///
/// # Errors
/// If it is more.
pub fn hold(kept: u64, files: u64, segment: u64, largest_batch: u64) -> Verdict {
    let longest = segment.max(largest_batch);
    let bound = SEGMENTS * longest + largest_batch;
    ensure(kept <= bound, NAME, || {
        format!("the log keeps {kept} bytes in segments of {segment}, more than {bound}")
    })?;
    let bound = bound + 3 * 2 * segment + 4 * 4096;
    ensure(files <= bound, NAME, || format!("its files take {files} bytes, more than {bound}"))
}
