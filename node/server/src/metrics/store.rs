//! What is counted of the store.

use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntGauge, Registry};
use stator_store::Usage;

use super::{counter, gauge, histogram, signed};

/// Upper bounds in seconds: from a commit into memory to one that the store holds up.
const DURATIONS: &[f64] =
    &[0.000_01, 0.000_05, 0.000_1, 0.000_4, 0.001_6, 0.006_4, 0.025, 0.1, 0.25, 0.5, 1.0, 5.0];

/// The families of the store.
#[derive(Clone)]
pub(crate) struct StoreMetrics {
    apply_duration: Histogram,
    skips: IntCounter,
    persist_duration: Histogram,
    memtable: IntGauge,
    journal: IntGauge,
    table: IntGauge,
}

impl StoreMetrics {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            apply_duration: histogram(
                registry,
                "stator_store_apply_duration_seconds",
                "How long a batch of committed entries took to be applied to the store.",
                DURATIONS,
            )?,
            skips: counter(
                registry,
                "stator_store_skips_total",
                "Times that a keyspace was not written to because its flushes are behind.",
            )?,
            persist_duration: histogram(
                registry,
                "stator_store_persist_duration_seconds",
                "How long a sync of the store took. No reply waits for it.",
                DURATIONS,
            )?,
            memtable: gauge(
                registry,
                "stator_store_memtable_bytes",
                "Bytes of memtables, those being flushed included; as of the last second.",
            )?,
            journal: gauge(
                registry,
                "stator_store_journal_bytes",
                "Bytes of journals, preallocated space included; as of the last second.",
            )?,
            table: gauge(
                registry,
                "stator_store_table_bytes",
                "Bytes of table files; as of the last second.",
            )?,
        })
    }

    /// Notes a round of the applier: how long it took if it wrote anything, and how many keyspaces it
    /// skipped.
    pub(crate) fn applied(&self, committed: Option<Duration>, skipped: u64) {
        if let Some(took) = committed {
            self.apply_duration.observe(took.as_secs_f64());
        }
        self.skips.inc_by(skipped);
    }

    /// Notes a sync.
    pub(crate) fn persisted(&self, took: Duration) {
        self.persist_duration.observe(took.as_secs_f64());
    }

    /// Notes what the store takes up.
    pub(crate) fn uses(&self, usage: Usage) {
        self.memtable.set(signed(usage.memtables));
        self.journal.set(signed(usage.journals));
        self.table.set(signed(usage.tables));
    }
}
