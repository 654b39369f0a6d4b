//! The trace that the interposed library writes; its layout is drawn in `e2e/power-loss/interpose.c`.

use std::ops::Range;

const MAGIC: u32 = 0x4c50_5453;
const HEADER: usize = 48;

/// What a program did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation<'t> {
    /// A process began: what another one had not finished never will be.
    Start,
    /// A new, empty file.
    Create {
        /// Its inode.
        inode: u64,
        /// Its name, relative to the traced directory, as all paths here.
        path: &'t str,
    },
    /// Bytes written.
    Write {
        /// To this file.
        inode: u64,
        /// From here on.
        offset: u64,
        /// These.
        data: &'t [u8],
    },
    /// Zeros written.
    Zeros {
        /// To this file.
        inode: u64,
        /// From here on.
        offset: u64,
        /// So many.
        count: u64,
    },
    /// A file made shorter or longer.
    Resize {
        /// This file.
        inode: u64,
        /// Its size now.
        size: u64,
    },
    /// A name changed; what bore the new one is gone.
    Rename {
        /// The old name.
        from: &'t str,
        /// The new one.
        to: &'t str,
    },
    /// A file's name removed.
    Unlink {
        /// The name.
        path: &'t str,
    },
    /// A new directory.
    MakeDirectory {
        /// Its inode.
        inode: u64,
        /// Its name; empty for the traced directory.
        path: &'t str,
    },
    /// A directory removed.
    RemoveDirectory {
        /// Its name.
        path: &'t str,
    },
    /// A second name for a file.
    Link {
        /// The name it has.
        from: &'t str,
        /// The new one.
        to: &'t str,
    },
    /// A sync was called.
    SyncCall(Sync<'t>),
    /// It has returned, with success.
    SyncReturn(Sync<'t>),
}

/// An fsync or fdatasync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sync<'t> {
    /// Of this file or directory.
    pub inode: u64,
    /// Its name then; `..` is the directory that holds the traced one.
    pub path: &'t str,
    /// Call and return bear the same number, which no other sync of the process has.
    pub id: u64,
    /// Whether it was fdatasync.
    pub data_only: bool,
}

/// One record and where it lies.
#[derive(Clone, Debug)]
pub struct Record<'t> {
    /// The length of the trace once it was written: a cut there is a cut after this operation.
    pub end: u64,
    /// What was done.
    pub operation: Operation<'t>,
}

/// A trace in memory.
#[derive(Debug)]
pub struct Trace {
    bytes: Vec<u8>,
}

impl Trace {
    /// The trace that these bytes hold.
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// All records in order.
    ///
    /// # Panics
    /// If the bytes are no trace.
    pub fn records(&self) -> Vec<Record<'_>> {
        let mut records = Vec::new();
        let mut at = 0;
        while at < self.bytes.len() {
            let header = Header::read(take(&self.bytes, at..at + HEADER));
            let end = at + index(header.length);
            let operation = header.operation(take(&self.bytes, at + HEADER..end));
            at = end;
            records.push(Record { end: offset(at), operation });
        }
        records
    }
}

struct Header {
    kind: u32,
    length: u64,
    inode: u64,
    a: u64,
    b: u64,
    first: usize,
    second: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Self {
        let u32_at = |at| u32::from_le_bytes(take(bytes, at..at + 4).try_into().expect("4 bytes"));
        let u64_at = |at| u64::from_le_bytes(take(bytes, at..at + 8).try_into().expect("8 bytes"));
        assert_eq!(u32_at(0), MAGIC, "a record begins with its magic number");
        Self {
            kind: u32_at(4),
            length: u64_at(8),
            inode: u64_at(16),
            a: u64_at(24),
            b: u64_at(32),
            first: index(u32_at(40).into()),
            second: index(u32_at(44).into()),
        }
    }

    fn operation<'t>(&self, body: &'t [u8]) -> Operation<'t> {
        let (inode, paths) = (self.inode, self.first + self.second);
        let text = |range| std::str::from_utf8(take(body, range)).expect("paths are UTF-8");
        let (path, to) = (text(0..self.first), text(self.first..paths));
        let data = take(body, paths..body.len());
        let sync = Sync { inode, path, id: self.a, data_only: self.b == 1 };
        match self.kind {
            1 => Operation::Start,
            2 => Operation::Create { inode, path },
            3 => Operation::Write { inode, offset: self.a, data },
            4 => Operation::Zeros { inode, offset: self.a, count: self.b },
            5 => Operation::Resize { inode, size: self.a },
            6 => Operation::Rename { from: path, to },
            7 => Operation::Unlink { path },
            8 => Operation::MakeDirectory { inode, path },
            9 => Operation::RemoveDirectory { path },
            10 => Operation::Link { from: path, to },
            11 => Operation::SyncCall(sync),
            12 => Operation::SyncReturn(sync),
            other => panic!("no record is of kind {other}"),
        }
    }
}

fn take(bytes: &[u8], range: Range<usize>) -> &[u8] {
    bytes.get(range).expect("a record is whole: its process ends between two, not inside one")
}

/// A position in a file as an index; nothing here is larger than memory.
pub(crate) fn index(number: u64) -> usize {
    usize::try_from(number).expect("this program runs on 64 bits")
}

/// An index as a position in a file.
pub(crate) fn offset(number: usize) -> u64 {
    u64::try_from(number).expect("no memory is larger than 2^64")
}
