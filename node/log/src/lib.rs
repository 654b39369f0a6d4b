//! The Raft log of a storage node: what makes an acknowledged write survive.
//!
//! All groups of a node share one log. It is a byte address space cut into segment files; a batch of
//! records is appended with one write and one `fdatasync`, and only then may anything that depends on
//! it leave the node. The store above it (`stator-store`) is written without syncs: the log replays
//! what a crash takes from it.
//!
//! ```text
//!  position 0                          0x100000                              0x4100000
//!  ├────────────── segment ────────────┼────────────── segment ──────────────┼── ...
//!  │ checkpoint │ batch │ batch │ 0000 │ checkpoint │ batch │ marker │ batch │
//!       ▲           │ ▲        │            │
//!       └── chain ──┘ └────────┼── chain ───┘      each batch names the checksum of the one before
//! ```
//!
//! - A **batch** ([`Log::append`]) begins and ends at a multiple of 4 KiB: no write touches an
//!   acknowledged block. Its header names log, start number of the process, position, the header
//!   before it, and `synced`, the position up to which `fdatasync` had returned.
//! - Each segment begins with a **checkpoint** ([`Log::rotate`]) that says everything about every group
//!   but the entries that only earlier segments hold. [`Log::release`] gives those segments up once the
//!   store has synced their entries; they are used again under a new name.
//! - A **marker** ([`Log::mark`]) is a batch with nothing in it but the news that the last one is
//!   synced. The owner writes one when the log has been idle for 100 ms.
//! - The file **HORIZON** says how far the log had been synced at the last start, rotation or marker,
//!   and which segment is the oldest that must exist.
//!
//! # What a crash may take, and why nothing else can go in silence
//!
//! [`Log::open`] walks from the oldest segment to the first batch that does not fit. What follows is
//! either the tail of a batch that was never acknowledged, or damage. It is damage if anything proves
//! that the log had been synced beyond that point: a good header of this log in any later block of any
//! segment whose `synced` is greater, or HORIZON. Then the node refuses ([`Error::Damage`]) and changes
//! nothing. Without a proof the log ends there.
//!
//! One batch is in flight at a time, and the next one's header testifies to it. So the bytes that may
//! go in silence are exactly those of the **newest batch**, from the moment it is written until the
//! next batch or marker is synced, 100 ms at most:
//! - if its sync had not returned, nothing that depends on it was ever said, and losing it is what
//!   must happen after a power cut;
//! - if its sync had returned, a disk that keeps what it synced still has it. Only a *second* fault
//!   within those 100 ms, a byte of just that batch gone bad while the power fails, looks like the
//!   first case. No file of one disk can tell these apart, since whatever would testify is not written
//!   yet; a quorum of such disks can.
//!
//! Everything older is below somebody's `synced`. A flipped, torn or zeroed batch is followed by a
//! header that claims it; a file that ends early is shorter than its checkpoint says, or than the next
//! one's name; a missing file leaves a gap between names, or HORIZON reaches beyond the last; an older
//! copy of a file breaks the chain, or ends before HORIZON. HORIZON itself may go: the segments are
//! believed then, and only a second damage in the newest of them could hide.
//!
//! Nothing can be invented either. Leftovers of a lost batch are overwritten with zeros and synced
//! before anything is appended, and would carry a lower start number than the batches before them.
//! Stale batches in a recycled segment have older positions. A start number is raised and synced by
//! every [`Log::open`], so that a pair of start number and position never comes twice.
//!
//! What recovery has read beyond the last proof may be in the page cache only, because the process
//! before died of a failed sync. It is written again in place, with the same bytes, and synced before
//! `open` returns.
//!
//! # What this crate must never do
//!
//! Retry a failed sync, write to an acknowledged block (but for those same bytes), trust a length that
//! it has not compared with the file, or go on after an error. It reads no clock and draws no random
//! numbers; it does not know what an entry means; it does not lock the directory, which is its owner's.

mod batch;
mod checkpoint;
mod codec;
mod dir;
mod error;
mod horizon;
mod id;
mod ledger;
mod log;
pub mod memory_dir;
mod record;
mod recovery;
mod replay;
mod segment;
mod walk;

pub use log::{Log, Options, Recovered};
pub use record::{HardState, LogEntry, Record};
pub use replay::RecoveredGroup;

pub use checkpoint::{Checkpoint, GroupCheckpoint};
pub use segment::SegmentPreparer;

pub use dir::{FileKind, LogDir, LogFile, RealDir};
pub use error::{Contradiction, Error, Lost};
pub use id::{LogId, ParseLogIdError, Position};
pub use memory_dir::MemoryDir;
