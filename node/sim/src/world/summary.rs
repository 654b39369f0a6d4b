//! The figures of a run.

use std::collections::BTreeMap;

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Steps of the scheduler.
    pub steps: u64,
    /// Milliseconds that passed in the world.
    pub millis: u64,
    /// Requests that were answered with success.
    pub answered: u64,
    /// Requests of which nobody knows what became.
    pub unknown: u64,
    /// Updates among those that were answered with success.
    pub updated: u64,
    /// Items of which it could not be told in time whether an order explains the answers.
    pub undecided: u64,
    /// Writes whose condition did not hold.
    pub refused: u64,
    /// How processes died.
    pub deaths: BTreeMap<String, u64>,
    /// How often a death was where it was aimed.
    pub aimed: u64,
    /// Operations on the log's disk.
    pub disk_operations: u64,
    /// Checks of items and names in the history.
    pub checked: u64,
    /// The most bytes that a log kept when its process died.
    pub longest_log: u64,
    /// How often the applier skipped a keyspace.
    pub skipped: u64,
    /// How often a keyspace fell behind so far that writes were refused.
    pub fell_behind: u64,
}
