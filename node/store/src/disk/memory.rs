//! One bound for the memtables of all keyspaces. fjall's own setting for that does nothing.

use fjall::{AbstractTree, Database, Keyspace};

/// Bytes that all memtables together should not exceed, those being flushed included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound(pub(super) u64);

impl Bound {
    /// Seals the largest memtable if all together are over the bound. While two wait to be flushed
    /// it seals no more: that would not make the disk faster, only the tables smaller.
    pub(super) fn relieve(self, db: &Database, keyspaces: &[Keyspace]) -> fjall::Result<()> {
        if db.write_buffer_size() <= self.0 {
            return Ok(());
        }
        let sealed: usize = keyspaces.iter().map(Keyspace::sealed_memtable_count).sum();
        let largest =
            keyspaces.iter().max_by_key(|keyspace| keyspace.tree.active_memtable().size());
        match largest {
            Some(keyspace) if sealed < 2 => keyspace.rotate_memtable().map(drop),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether writes should wait: see [`crate::Pressure::memory_full`].
    pub(super) fn is_full(self, db: &Database) -> bool {
        db.write_buffer_size() > self.0.saturating_add(self.0 / 2)
    }
}
