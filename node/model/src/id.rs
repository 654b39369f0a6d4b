//! Identifiers, one type each, so that no two can be mixed up.

use std::fmt;

/// Declares a `u64` identifier that prints with a short prefix (`p17`, `n3`).
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(u64);

        impl $name {
            /// Wraps a raw value read from a trusted place: the catalog, the log, the tablet.
            pub const fn new(raw: u64) -> Self {
                Self(raw)
            }

            /// The raw value, for codecs.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The one that follows.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id!(
    /// A storage node. Minted once per data directory, never reused.
    NodeId,
    "n"
);
id!(
    /// A partition and its Raft group, which are the same thing seen twice. Minted by the catalog,
    /// never reused. [`PartitionId::CATALOG`] is the group that holds the catalog itself.
    PartitionId,
    "p"
);
id!(
    /// A member of a Raft group. A replica that lost its log comes back under a new id.
    ReplicaId,
    "r"
);
id!(
    /// A Raft term.
    Term,
    "t"
);
id!(
    /// The index of an entry in the log of one Raft group. 0 is before the first entry.
    LogIndex,
    "i"
);
id!(
    /// How often a partition's range or membership rule changed. An entry evaluated under another
    /// epoch applies as nothing.
    Epoch,
    "e"
);
id!(
    /// The version of a table description that a command was validated against.
    DescriptionVersion,
    "v"
);

impl PartitionId {
    /// The Raft group of the catalog; partitions of tables start at 1.
    pub const CATALOG: Self = Self(0);
}

/// One life of a table: a table that is deleted and created again has a new id. On the wire it is
/// `TableId`, a UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(uuid::Uuid);

impl TableId {
    /// The id with these 128 bits.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(uuid::Uuid::from_bytes(bytes))
    }

    /// A version 4 UUID made of these random bits.
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(random).into_uuid())
    }

    /// The 128 bits, for codecs.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How often this data directory's process was started, counting from 1. Raised and synced once per
/// start, so that whatever is named after it is never named twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StartNumber(pub u32);

/// Where a replica's data lies: one of the store's keyspaces, and the 8 bytes that begin each of its
/// keys there. Made of a start number and a counter, hence never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TabletId {
    /// Which keyspace, 0 to 15.
    pub keyspace: u8,
    /// The first 8 bytes of each key, big endian: start number (4 bytes), counter (4 bytes).
    pub prefix: u64,
}

impl fmt::Display for TabletId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tablet {}/{:016x}", self.keyspace, self.prefix)
    }
}

impl fmt::Debug for TabletId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
