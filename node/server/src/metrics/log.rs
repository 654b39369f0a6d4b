//! What is counted of the Raft log, and the directory that counts it.

use std::path::PathBuf;
use std::sync::Arc;

use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use stator_log::{Error, FileKind, Log, LogDir, LogFile};

use super::{counter, gauge, histogram, signed};
use crate::clock;

/// Upper bounds in seconds: from a disk with a cache of its own to one that is about to fail.
const SYNC_DURATIONS: &[f64] = &[
    0.000_05, 0.000_1, 0.000_2, 0.000_4, 0.000_8, 0.001_6, 0.003_2, 0.006_4, 0.012_5, 0.025, 0.05,
    0.1, 0.25, 1.0, 5.0,
];
/// Upper bounds of records: how well writes share a sync.
const BATCH_RECORDS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0, 4096.0];

/// The families of the log.
pub(crate) struct LogMetrics {
    batches: IntCounter,
    batch_records: Histogram,
    written_bytes: IntCounter,
    segments: IntGauge,
    bytes: IntGauge,
    sync_duration: Histogram,
    /// In the order of [`FileKind::ALL`].
    syncs: [IntCounter; 3],
    directory_syncs: IntCounter,
}

impl LogMetrics {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let syncs = IntCounterVec::new(
            Opts::new(
                "stator_log_syncs_total",
                "Syncs of the Raft log by what was synced; those of segments are what writes wait for.",
            ),
            &["file"],
        )?;
        registry.register(Box::new(syncs.clone()))?;
        Ok(Self {
            batches: counter(registry, "stator_log_batches_total", "Batches of records written.")?,
            batch_records: histogram(
                registry,
                "stator_log_batch_records",
                "Records in a batch: how many writes and promises shared a sync.",
                BATCH_RECORDS,
            )?,
            written_bytes: counter(
                registry,
                "stator_log_written_bytes_total",
                "Bytes written to segments, padding included.",
            )?,
            segments: gauge(
                registry,
                "stator_log_segments",
                "Segments kept: the current one and those that the store has not synced beyond.",
            )?,
            bytes: gauge(registry, "stator_log_bytes", "Bytes of the segments kept.")?,
            sync_duration: histogram(
                registry,
                "stator_log_sync_duration_seconds",
                "How long the sync of a segment took.",
                SYNC_DURATIONS,
            )?,
            syncs: FileKind::ALL.map(|kind| syncs.with_label_values(&[label(kind)])),
            directory_syncs: syncs.with_label_values(&["directory"]),
        })
    }

    /// Notes a batch that was written.
    #[expect(clippy::cast_precision_loss, reason = "a batch has fewer than 2^52 records")]
    pub(crate) fn wrote(&self, records: usize) {
        self.batches.inc();
        self.batch_records.observe(records as f64);
    }

    /// Notes what the log keeps.
    pub(crate) fn keeps(&self, log: &Log) {
        self.segments.set(signed(log.kept_segments() as u64));
        self.bytes.set(signed(log.kept_bytes()));
    }

    fn synced(&self, kind: FileKind) {
        let [segment, spare, horizon] = &self.syncs;
        match kind {
            FileKind::Segment => segment,
            FileKind::Spare => spare,
            FileKind::Horizon => horizon,
        }
        .inc();
    }
}

const fn label(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Segment => "segment",
        FileKind::Spare => "spare",
        FileKind::Horizon => "horizon",
    }
}

/// A log's directory with a counter at each write and sync.
pub(crate) struct MeteredDir<Dir> {
    dir: Dir,
    metrics: Arc<LogMetrics>,
}

impl<Dir: LogDir> MeteredDir<Dir> {
    pub(crate) fn new(dir: Dir, metrics: Arc<LogMetrics>) -> Self {
        Self { dir, metrics }
    }

    fn file(&self, name: &str, file: Box<dyn LogFile>) -> Box<dyn LogFile> {
        let (kind, metrics) = (FileKind::of(name), Arc::clone(&self.metrics));
        Box::new(MeteredFile { file, kind, metrics })
    }
}

impl<Dir: LogDir> LogDir for MeteredDir<Dir> {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path(name)
    }

    fn list(&self) -> Result<Vec<String>, Error> {
        self.dir.list()
    }

    fn create(&self, name: &str) -> Result<Box<dyn LogFile>, Error> {
        Ok(self.file(name, self.dir.create(name)?))
    }

    fn open(&self, name: &str) -> Result<Box<dyn LogFile>, Error> {
        Ok(self.file(name, self.dir.open(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        self.dir.rename(from, to)
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        self.dir.remove(name)
    }

    fn sync(&self) -> Result<(), Error> {
        self.metrics.directory_syncs.inc();
        self.dir.sync()
    }
}

struct MeteredFile {
    file: Box<dyn LogFile>,
    kind: FileKind,
    metrics: Arc<LogMetrics>,
}

impl LogFile for MeteredFile {
    fn size(&self) -> Result<u64, Error> {
        self.file.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        if self.kind == FileKind::Segment {
            self.metrics.written_bytes.inc_by(bytes.len() as u64);
        }
        self.file.write_at(offset, bytes)
    }

    fn sync(&self) -> Result<(), Error> {
        let began = clock::monotonic();
        let synced = self.file.sync();
        self.metrics.synced(self.kind);
        if self.kind == FileKind::Segment {
            let took = clock::monotonic().saturating_duration_since(began);
            self.metrics.sync_duration.observe(took.as_secs_f64());
        }
        synced
    }
}
