//! The least that a durable write costs one client: a block into a file that was written before, and
//! one fdatasync.

use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{BLOCK, FILE_BYTES, written_file};
use crate::clock;
use crate::error::{Result, io};
use crate::load::histogram;

/// What syncs took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Syncs {
    /// The median in microseconds.
    pub p50_micros: f64,
    /// The longest but one in a hundred, in microseconds.
    pub p99_micros: f64,
}

/// Appends and syncs `count` blocks, one after the other.
///
/// # Errors
/// If the disk refuses.
pub fn run(path: &Path, count: u64) -> Result<Syncs> {
    let file = written_file(path)?;
    let mut latency = histogram();
    for number in 0..count {
        let block = vec![number.to_le_bytes().into_iter().next().unwrap_or(0); 4096];
        let began = clock::now();
        file.write_all_at(&block, number * BLOCK % FILE_BYTES).map_err(io("write"))?;
        file.sync_data().map_err(io("sync"))?;
        let took = clock::now().saturating_duration_since(began);
        latency.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
    let micros = |quantile| latency.value_at_quantile(quantile) as f64 / 1_000.0;
    Ok(Syncs { p50_micros: micros(0.5), p99_micros: micros(0.99) })
}
