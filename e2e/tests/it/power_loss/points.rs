//! The crash points of the write path by name, found in a record of what the node did to its files.
//!
//! The record has no names of functions in it, but which file is written, synced or renamed, and after
//! what, says where in the program that is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use stator_e2e::power_loss::{Operation, Record};

/// Between its own sync of the newest journal and that of the engine the store does nothing; records of
/// other threads may come between them.
const RIGHT_AFTER: usize = 6;

/// A moment in the life of the files at which it is worth to crash. The cut is right after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Point {
    /// A batch of the Raft log is written, its sync is not called.
    LogWrite,
    /// A batch of the Raft log is synced.
    LogSync,
    /// What was applied is written to a journal of the store, which is not synced for it.
    StoreWrite,
    /// The store has synced its newest journal through a descriptor of its own.
    OwnSync,
    /// The engine has synced it too: what it holds is durable, the log does not know yet.
    Persist,
    /// A spare file has become the next segment of the log, its name is not durable.
    SegmentNamed,
    /// That name is durable, the segment is empty.
    SegmentNameSynced,
    /// The checkpoint that begins a segment is written, not synced.
    CheckpointWrite,
    /// It is synced.
    CheckpointSync,
    /// A segment that is not needed any more has become a spare file; that is never synced on purpose.
    SegmentReleased,
    /// A keyspace's memtable is in a table, which no manifest lists.
    TableWritten,
    /// A manifest that lists it is the one that counts; those of other keyspaces are as they were.
    ManifestSwitched,
    /// Tables of a dropped tablet are in no manifest any more.
    TablesDropped,
    /// The file of such a table is removed.
    TableRemoved,
}

impl Point {
    pub(crate) const ALL: [Self; 14] = [
        Self::LogWrite,
        Self::LogSync,
        Self::StoreWrite,
        Self::OwnSync,
        Self::Persist,
        Self::SegmentNamed,
        Self::SegmentNameSynced,
        Self::CheckpointWrite,
        Self::CheckpointSync,
        Self::SegmentReleased,
        Self::TableWritten,
        Self::ManifestSwitched,
        Self::TablesDropped,
        Self::TableRemoved,
    ];
}

/// Where in a trace each point is reached, as indexes of records.
pub(crate) fn find(records: &[Record<'_>]) -> BTreeMap<Point, Vec<usize>> {
    let mut finder = Finder::default();
    for (at, record) in records.iter().enumerate() {
        finder.step(at, &record.operation);
    }
    finder.found
}

/// What a file is for, as far as points go.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Role {
    Log,
    Segment,
    Spare,
    Journal,
    Table { keyspace: String },
    Current { keyspace: String },
    Other,
}

fn role(path: &str) -> Role {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["log"] => Role::Log,
        ["log", name] if name.ends_with(".log") => Role::Segment,
        ["log", name] if name.starts_with("spare-") && !name.ends_with(".new") => Role::Spare,
        ["store", name] if name.ends_with(".jnl") => Role::Journal,
        ["store", "keyspaces", id, "tables", _] => Role::Table { keyspace: (*id).to_owned() },
        ["store", "keyspaces", id, "current"] => Role::Current { keyspace: (*id).to_owned() },
        _ => Role::Other,
    }
}

/// The tables of one keyspace.
#[derive(Debug, Default)]
struct Tables {
    live: BTreeSet<String>,
    /// Those that no manifest lists yet.
    new: usize,
    /// Whether the manifest that counts lists fewer than the one before, and no other ones.
    dropped: bool,
}

#[derive(Debug, Default)]
struct Finder {
    found: BTreeMap<Point, Vec<usize>>,
    paths: HashMap<u64, String>,
    /// A segment that has its name and no checkpoint, or one that is not synced.
    begun: Option<String>,
    checkpoint_written: bool,
    /// When a sync of a journal was called, and whether right after another one.
    journal_called: HashMap<u64, bool>,
    journal_synced: Option<usize>,
    keyspaces: HashMap<String, Tables>,
}

impl Finder {
    fn note(&mut self, point: Point, at: usize) {
        self.found.entry(point).or_default().push(at);
    }

    fn step(&mut self, at: usize, operation: &Operation<'_>) {
        match *operation {
            Operation::Start => {
                self.begun = None;
                self.journal_called.clear();
                self.journal_synced = None;
            }
            Operation::Create { inode, path } => self.create(inode, path),
            Operation::Write { inode, offset, data } => self.write(at, inode, offset, data),
            Operation::Rename { from, to } => self.rename(at, from, to),
            Operation::Unlink { path } => self.unlink(at, path),
            Operation::SyncCall(sync) if role(sync.path) == Role::Journal && sync.data_only => {
                let right_after = self.journal_synced.is_some_and(|last| at - last <= RIGHT_AFTER);
                self.journal_called.insert(sync.id, right_after);
            }
            Operation::SyncReturn(sync) => self.synced(at, sync.path, sync.id),
            Operation::SyncCall(_)
            | Operation::Zeros { .. }
            | Operation::Resize { .. }
            | Operation::MakeDirectory { .. }
            | Operation::RemoveDirectory { .. }
            | Operation::Link { .. } => {}
        }
    }

    fn create(&mut self, inode: u64, path: &str) {
        self.paths.insert(inode, path.to_owned());
        if let Role::Table { keyspace } = role(path) {
            let tables = self.keyspaces.entry(keyspace).or_default();
            tables.live.insert(path.to_owned());
            tables.new += 1;
        }
    }

    fn write(&mut self, at: usize, inode: u64, offset: u64, data: &[u8]) {
        let Some(path) = self.paths.get(&inode) else { return };
        match role(path) {
            // What is behind the end of the log is zeroed at a start.
            Role::Segment if data.iter().all(|byte| *byte == 0) => {}
            Role::Segment if offset == 0 && self.begun.as_ref() == Some(path) => {
                self.checkpoint_written = true;
                self.note(Point::CheckpointWrite, at);
            }
            Role::Segment => self.note(Point::LogWrite, at),
            Role::Journal => self.note(Point::StoreWrite, at),
            Role::Log | Role::Spare | Role::Table { .. } | Role::Current { .. } | Role::Other => {}
        }
    }

    fn synced(&mut self, at: usize, path: &str, id: u64) {
        match role(path) {
            Role::Log if self.begun.is_some() && !self.checkpoint_written => {
                self.note(Point::SegmentNameSynced, at);
            }
            Role::Segment if self.checkpoint_written && self.begun.as_deref() == Some(path) => {
                self.begun = None;
                self.note(Point::CheckpointSync, at);
            }
            Role::Segment => self.note(Point::LogSync, at),
            Role::Journal => {
                if let Some(right_after) = self.journal_called.remove(&id) {
                    self.journal_synced = (!right_after).then_some(at);
                    self.note(if right_after { Point::Persist } else { Point::OwnSync }, at);
                }
            }
            Role::Table { .. } => self.note(Point::TableWritten, at),
            Role::Log | Role::Spare | Role::Current { .. } | Role::Other => {}
        }
    }

    fn rename(&mut self, at: usize, from: &str, to: &str) {
        for path in self.paths.values_mut().filter(|path| *path == from) {
            to.clone_into(path);
        }
        match (role(from), role(to)) {
            (Role::Spare, Role::Segment) => {
                self.begun = Some(to.to_owned());
                self.checkpoint_written = false;
                self.note(Point::SegmentNamed, at);
            }
            (Role::Segment, Role::Spare) => self.note(Point::SegmentReleased, at),
            (_, Role::Current { keyspace }) => self.switched(at, keyspace),
            _ => {}
        }
    }

    /// A manifest without new tables that follows one that lists some drops tables, or moves them to
    /// another level; which of the two shows when one is removed.
    fn switched(&mut self, at: usize, keyspace: String) {
        let tables = self.keyspaces.entry(keyspace).or_default();
        tables.dropped = tables.new == 0 && !tables.live.is_empty();
        tables.new = 0;
        let point = if tables.dropped { Point::TablesDropped } else { Point::ManifestSwitched };
        if !tables.live.is_empty() {
            self.note(point, at);
        }
    }

    fn unlink(&mut self, at: usize, path: &str) {
        self.paths.retain(|_, known| known != path);
        if let Role::Table { keyspace } = role(path) {
            let tables = self.keyspaces.entry(keyspace).or_default();
            tables.live.remove(path);
            if tables.dropped {
                self.note(Point::TableRemoved, at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use stator_e2e::power_loss::Sync;

    use super::*;

    fn found(operations: &[Operation<'_>]) -> Vec<(Point, Vec<usize>)> {
        let records: Vec<Record<'_>> = operations
            .iter()
            .map(|operation| Record { end: 0, operation: operation.clone() })
            .collect();
        find(&records).into_iter().collect()
    }

    #[test]
    fn a_new_segment_has_four_moments() {
        let sync = |inode, path| Sync { inode, path, id: 9, data_only: true };
        let operations = [
            Operation::Create { inode: 1, path: "log/spare-0" },
            Operation::Rename { from: "log/spare-0", to: "log/10.log" },
            Operation::SyncReturn(sync(5, "log")),
            Operation::Write { inode: 1, offset: 0, data: b"checkpoint" },
            Operation::SyncReturn(sync(1, "log/10.log")),
            Operation::Write { inode: 1, offset: 4096, data: b"batch" },
            Operation::SyncReturn(sync(1, "log/10.log")),
            Operation::Rename { from: "log/10.log", to: "log/spare-1" },
        ];
        let expected = [
            (Point::LogWrite, vec![5]),
            (Point::LogSync, vec![6]),
            (Point::SegmentNamed, vec![1]),
            (Point::SegmentNameSynced, vec![2]),
            (Point::CheckpointWrite, vec![3]),
            (Point::CheckpointSync, vec![4]),
            (Point::SegmentReleased, vec![7]),
        ];
        assert_eq!(found(&operations), expected);
    }

    #[test]
    fn tables_that_a_manifest_lists_no_more_are_told_from_new_ones() {
        let (table, current) = ("store/keyspaces/4/tables/0", "store/keyspaces/4/current");
        let switch = Operation::Rename { from: "store/keyspaces/4/tmp", to: current };
        let operations = [
            switch.clone(),
            Operation::Create { inode: 1, path: table },
            switch.clone(),
            switch,
            Operation::Unlink { path: table },
        ];
        let expected = [
            (Point::ManifestSwitched, vec![2]),
            (Point::TablesDropped, vec![3]),
            (Point::TableRemoved, vec![4]),
        ];
        assert_eq!(found(&operations), expected);
    }
}
