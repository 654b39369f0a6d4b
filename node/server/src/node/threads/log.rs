//! The threads of the Raft log: one writes batches and syncs them, one makes segments ready.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::Duration;

use stator_log::{Log, Record, SegmentPreparer};
use stator_replica::{Event, LogTask};

use super::{Picture, describe, fail_stop};
use crate::metrics::LogMetrics;

/// After this long without a batch the log says how far it is synced.
const IDLE_MARK: Duration = Duration::from_millis(100);

/// Segments that a log keeps in passing: the current one, one that waits to be released, and what a
/// second of writes may fill. A node whose log is longer at the start takes no requests before the
/// store is synced and segments are released: were it killed again and again right after its start,
/// the log would else grow with every life.
const LONG_LOG: usize = 4;

/// Whether the log keeps more segments than it should at a start.
pub(super) fn is_long(log: &Log) -> bool {
    log.kept_segments() > LONG_LOG
}

/// The thread that owns the Raft log.
pub(super) struct LogLoop {
    pub(super) log: Log,
    pub(super) inbox: Receiver<LogTask>,
    pub(super) core: Sender<Event>,
    pub(super) prepare: SyncSender<()>,
    /// Told that a full segment waits for the store to be synced.
    pub(super) persist: Sender<()>,
    pub(super) picture: Arc<Picture>,
    pub(super) metrics: Arc<LogMetrics>,
}

impl LogLoop {
    pub(super) fn run(mut self) {
        self.metrics.keeps(&self.log);
        let mut unmarked = false;
        loop {
            let first = match self.inbox.recv_timeout(IDLE_MARK) {
                Ok(task) => task,
                Err(RecvTimeoutError::Timeout) => {
                    if std::mem::take(&mut unmarked)
                        && let Err(error) = self.log.mark()
                    {
                        fail_stop("the Raft log could not be written", &error);
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let Err(error) = self.write(first) {
                fail_stop("the Raft log could not be written", &error);
            }
            unmarked = true;
        }
        if let Err(error) = self.log.mark() {
            fail_stop("the Raft log could not be written", &error);
        }
    }

    /// Writes a task and those that wait behind it as one batch.
    fn write(&mut self, first: LogTask) -> Result<(), stator_log::Error> {
        let mut last = first.id;
        let mut records: Vec<Record> = Vec::new();
        let mut release = None;
        let mut next = Some(first);
        while let Some(task) = next {
            if let Some(checkpoint) = &task.checkpoint {
                self.append(&mut records)?;
                self.log.rotate(checkpoint)?;
                let _ = self.prepare.try_send(());
                let _ = self.persist.send(());
            }
            records.extend(task.records);
            release = task.release.or(release);
            last = task.id;
            next = self.inbox.try_recv().ok();
        }
        self.append(&mut records)?;
        let wants_checkpoint = self.log.wants_checkpoint();
        let _ = self.core.send(Event::Logged { task: last, wants_checkpoint });
        if let Some(durable) = release {
            self.log.release(&durable)?;
            self.picture.log_is_released();
        }
        self.metrics.keeps(&self.log);
        Ok(())
    }

    fn append(&mut self, records: &mut Vec<Record>) -> Result<(), stator_log::Error> {
        if !records.is_empty() {
            self.log.append(records)?;
            self.metrics.wrote(records.len());
            records.clear();
        }
        Ok(())
    }
}

/// Makes the next segment ready whenever it is asked to.
pub(super) fn prepare_segments(preparer: &SegmentPreparer, inbox: &Receiver<()>) {
    // Failing here costs time, not data: the log makes its segment itself when it needs one.
    loop {
        if let Err(error) = preparer.prepare() {
            tracing::warn!(error = %describe(&error), "a segment of the Raft log could not be prepared ahead of need");
        }
        if inbox.recv().is_err() {
            return;
        }
    }
}
