//! What is counted of the replicas here, and what is read from their handles at a scrape.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, IntGaugeVec, Opts, Registry};
use stator_catalog::Catalog;
use stator_replica::Published;

use super::{gauge, signed};

/// Tables that have series of their own: the first so many by name. A server of metrics is not to fall
/// over because somebody makes tables in a loop.
const TABLES: usize = 1_000;

/// The families of the applier.
#[derive(Clone)]
pub(crate) struct ReplicaMetrics {
    waiting: IntGauge,
    throttled: IntGauge,
}

impl ReplicaMetrics {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            waiting: gauge(
                registry,
                "stator_replica_apply_waiting_bytes",
                "Bytes of committed entries that wait to be applied to the store.",
            )?,
            throttled: gauge(
                registry,
                "stator_replica_throttled_keyspaces",
                "Keyspaces, of 16, that are so far behind that writes to them are refused.",
            )?,
        })
    }

    /// Notes what waits for the applier.
    pub(crate) fn waits(&self, bytes: u64) {
        self.waiting.set(signed(bytes));
    }

    /// Notes keyspaces that fell behind, or caught up.
    pub(crate) fn throttled(&self, more: i64) {
        self.throttled.add(more);
    }
}

/// Reads the newest picture.
type Look = Box<dyn Fn() -> Arc<Published> + Send + Sync>;

/// Gauges that follow from the picture of catalog and replicas: made at a scrape, from atomics.
pub(crate) struct Replicas {
    look: Look,
    /// Scrapes take turns: each sets all gauges anew.
    gauges: Mutex<Gauges>,
    descriptions: Vec<Desc>,
}

struct Gauges {
    partitions: IntGauge,
    serving: IntGauge,
    lag: IntGauge,
    tables: IntGauge,
    items: IntGaugeVec,
    bytes: IntGaugeVec,
}

impl Replicas {
    /// What is seen through `look`.
    pub(crate) fn new(
        look: impl Fn() -> Arc<Published> + Send + Sync + 'static,
    ) -> prometheus::Result<Self> {
        let of_table = |name, help| IntGaugeVec::new(Opts::new(name, help), &["table"]);
        let gauges = Gauges {
            partitions: IntGauge::new(
                "stator_replica_partitions",
                "Partitions with a replica here, the catalog's included.",
            )?,
            serving: IntGauge::new(
                "stator_replica_partitions_serving",
                "Those of them that answer reads and writes.",
            )?,
            lag: IntGauge::new(
                "stator_replica_apply_lag_entries",
                "Entries that are committed and not applied, of all partitions.",
            )?,
            tables: IntGauge::new("stator_replica_tables", "Tables, whatever their status.")?,
            items: of_table(
                "stator_replica_table_items",
                "Items in a table. The first 1,000 tables by name have series.",
            )?,
            bytes: of_table(
                "stator_replica_table_bytes",
                "Bytes of a table's items, as DescribeTable counts them. The first 1,000 tables by \
                 name have series.",
            )?,
        };
        let descriptions = gauges.all().iter().flat_map(|gauge| gauge.desc()).cloned().collect();
        Ok(Self { look: Box::new(look), gauges: Mutex::new(gauges), descriptions })
    }
}

impl Collector for Replicas {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        gauges.set(&(self.look)());
        gauges.all().iter().flat_map(|gauge| gauge.collect()).collect()
    }
}

impl Gauges {
    fn all(&self) -> [&dyn Collector; 6] {
        let Self { partitions, serving, lag, tables, items, bytes } = self;
        [partitions, serving, lag, tables, items, bytes]
    }

    fn set(&self, picture: &Published) {
        let handles = || picture.replicas.values();
        self.partitions.set(signed(handles().count() as u64));
        self.serving.set(signed(handles().filter(|handle| handle.is_serving()).count() as u64));
        let lag = |applied: u64, committed: u64| committed.saturating_sub(applied);
        self.lag.set(signed(
            // Applied first: what is committed meanwhile must not count backwards.
            handles().map(|handle| lag(handle.applied().get(), handle.committed().get())).sum(),
        ));
        self.set_tables(&picture.catalog, picture);
    }

    fn set_tables(&self, catalog: &Catalog, picture: &Published) {
        self.tables.set(signed(catalog.tables().count() as u64));
        self.items.reset();
        self.bytes.reset();
        for table in catalog.tables().take(TABLES) {
            let handles = catalog.partitions_of(table.id).iter();
            let handles = handles.filter_map(|partition| picture.replicas.get(&partition.id));
            let (items, bytes) = handles
                .map(|handle| handle.statistics())
                .fold((0, 0), |(items, bytes), (more, larger)| (items + more, bytes + larger));
            self.items.with_label_values(&[&table.name]).set(signed(items));
            self.bytes.with_label_values(&[&table.name]).set(signed(bytes));
        }
    }
}
