//! What can be fuzzed.

use stator_operation::Kind;

use crate::seeds::Seeds;
use crate::targets;

/// A reader of foreign bytes, and what it may use.
#[derive(Debug)]
pub struct Target {
    /// Its name, which is also that of its files.
    pub name: &'static str,
    /// What it feeds to whom.
    pub about: &'static str,
    /// Feeds it an input, which may be anything, and asserts what must hold.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: Seeds,
    /// What an input may allocate.
    pub memory: Memory,
}

/// Bytes that may be allocated at one time for an input: so many in any case, and so many for each byte.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// In any case.
    pub base: u64,
    /// For each byte of the input.
    pub each: u64,
}

impl Memory {
    /// What an input of this length may allocate.
    pub const fn allowed(self, length: usize) -> u64 {
        self.base.saturating_add(self.each.saturating_mul(length as u64))
    }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Paths are compared while they are read: that takes up to 3 MiB for the 4 KB that an expression may have.
const PATHS: Memory = Memory { base: 4 * MIB, each: 64 };

/// Every target.
pub static TARGETS: &[Target] = &[
    Target {
        name: "control-requests",
        about: "bodies of the operations on tables, from bytes to the answer of a catalog",
        run: targets::requests::control,
        seeds: Seeds::Requests(Kind::Control),
        memory: Memory { base: 256 * KIB, each: 64 },
    },
    Target {
        name: "write-requests",
        about: "bodies of PutItem, UpdateItem, DeleteItem and BatchWriteItem, evaluated against items",
        run: targets::requests::write,
        seeds: Seeds::Requests(Kind::Write),
        memory: Memory { base: 512 * KIB, each: 64 },
    },
    Target {
        name: "read-requests",
        about: "bodies of GetItem, BatchGetItem, Query and Scan, evaluated against tables",
        run: targets::requests::read,
        seeds: Seeds::Requests(Kind::Read),
        memory: Memory { base: 512 * KIB, each: 64 },
    },
    Target {
        name: "conditions",
        about: "condition and filter expressions, evaluated against items",
        run: targets::expressions::condition,
        seeds: Seeds::Expressions(&["condition", "filter"]),
        memory: Memory { base: 128 * KIB, each: 128 },
    },
    Target {
        name: "key-conditions",
        about: "key conditions, bound to a key schema",
        run: targets::expressions::key_condition,
        seeds: Seeds::Expressions(&["key_condition"]),
        memory: Memory { base: 128 * KIB, each: 128 },
    },
    Target {
        name: "projections",
        about: "projection expressions, applied to items",
        run: targets::expressions::projection,
        seeds: Seeds::Expressions(&["projection"]),
        memory: PATHS,
    },
    Target {
        name: "updates",
        about: "update expressions, applied to items and to none",
        run: targets::expressions::update,
        seeds: Seeds::Expressions(&["update"]),
        memory: PATHS,
    },
    Target {
        name: "numbers",
        about: "two numbers: read, shown, ordered, added and subtracted",
        run: targets::values::numbers,
        seeds: Seeds::Numbers,
        memory: Memory { base: 4 * KIB, each: 8 },
    },
    Target {
        name: "values",
        about: "attribute values in JSON, to the stored form and back",
        run: targets::values::json,
        seeds: Seeds::Items,
        memory: Memory { base: 16 * KIB, each: 128 },
    },
    Target {
        name: "stored-items",
        about: "items in their stored form",
        run: targets::values::stored,
        seeds: Seeds::StoredItems,
        memory: Memory { base: 16 * KIB, each: 128 },
    },
    Target {
        name: "store-records",
        about: "keys, partition states and collection sizes of the store",
        run: targets::records::store,
        seeds: Seeds::StoreRecords,
        memory: Memory { base: 16 * KIB, each: 128 },
    },
    Target {
        name: "write-sets",
        about: "what a Raft entry carries",
        run: targets::records::write_set,
        seeds: Seeds::WriteSets,
        memory: Memory { base: 16 * KIB, each: 128 },
    },
    Target {
        name: "catalog",
        about: "records of the catalog, one by one and loaded together",
        run: targets::records::catalog,
        seeds: Seeds::Catalog,
        memory: Memory { base: 128 * KIB, each: 128 },
    },
    Target {
        name: "log",
        about: "segments of the Raft log: batches with good checksums and any contents",
        run: targets::log::open,
        seeds: Seeds::Log,
        memory: Memory { base: 4 * MIB, each: 16 * KIB },
    },
    Target {
        name: "manifests",
        about: "YAML files of tables",
        run: targets::manifests::read,
        seeds: Seeds::Manifests,
        memory: Memory { base: 256 * KIB, each: 256 },
    },
    Target {
        name: "heads",
        about: "HTTP heads, whole and in pieces, and the headers that the API has",
        run: targets::heads::watch,
        seeds: Seeds::Heads,
        memory: Memory { base: 16 * KIB, each: 8 },
    },
];

impl Target {
    /// The target of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }
}
