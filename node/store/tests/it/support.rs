//! Directories, images of them, and small tools.

use std::fs;
use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use stator_model::TabletId;
use stator_store::{Batch, Engine, FjallEngine, Options, ReadView};
use tempfile::TempDir;

/// How many cases to run: `base` times `STATOR_CASES`, the multiplier of all tests.
pub(crate) fn cases(base: u32) -> u32 {
    let times = std::env::var("STATOR_CASES").ok().and_then(|times| times.parse().ok());
    base.saturating_mul(times.unwrap_or(1))
}

/// The `counter`-th tablet of a keyspace.
pub(crate) fn tablet(keyspace: u8, counter: u32) -> TabletId {
    TabletId { keyspace, prefix: (1 << 32) | u64::from(counter) }
}

/// Memtables so small that a few kilobytes are flushed, and one worker.
pub(crate) fn tiny() -> Options {
    Options { write_buffer: 64 << 10, block_cache: 1 << 20, workers: NonZeroUsize::new(1) }
}

/// A store in a directory of its own.
pub(crate) fn store(options: Options) -> (TempDir, FjallEngine) {
    let dir = TempDir::new().unwrap();
    let engine = FjallEngine::open(dir.path(), options).unwrap();
    (dir, engine)
}

/// A [`tiny`] store in a directory of its own, made by copying one: making 16 keyspaces takes a while.
pub(crate) fn tiny_store() -> (TempDir, FjallEngine) {
    static TEMPLATE: OnceLock<TempDir> = OnceLock::new();
    let dir = image(TEMPLATE.get_or_init(|| store(tiny()).0).path());
    let engine = FjallEngine::open(dir.path(), tiny()).unwrap();
    (dir, engine)
}

/// Commits one put.
pub(crate) fn put(engine: &dyn Engine, tablet: TabletId, key: &[u8], value: &[u8]) {
    let mut batch = Batch::new();
    batch.put(tablet, key, value);
    engine.commit(batch).unwrap();
}

/// Everything in a tablet.
pub(crate) fn contents(view: &dyn ReadView, tablet: TabletId) -> Vec<(Vec<u8>, Vec<u8>)> {
    view.scan(tablet, Bound::Unbounded, Bound::Unbounded)
        .map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap())
        .collect()
}

/// What the directory holds at one moment, nothing synced: what a process finds that starts after
/// this one was killed.
pub(crate) fn image(directory: &Path) -> TempDir {
    loop {
        let image = TempDir::new().unwrap();
        let before = fingerprint(directory);
        // Files come and go while they are copied. A copy counts if none did, and no manifest
        // changed: tables never change, and journals only grow.
        if copy(directory, image.path()).is_ok() && before == fingerprint(directory) {
            return image;
        }
    }
}

fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}

fn fingerprint(directory: &Path) -> Option<Vec<(PathBuf, Vec<u8>)>> {
    let files = files(directory).ok()?;
    let content = |path: &Path| match path.file_name() {
        Some(name) if name == "current" => fs::read(path),
        _ => Ok(Vec::new()),
    };
    files.into_iter().map(|path| content(&path).map(|bytes| (path, bytes)).ok()).collect()
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for path in files(from)? {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap())?;
        let bytes = fs::read(&path)?;
        let mut copy = fs::File::create(target)?;
        copy.write_all(&bytes[..used(&bytes)])?;
        copy.set_len(bytes.len() as u64)?;
    }
    // fjall looks for this folder in every keyspace.
    for keyspace in fs::read_dir(to.join("keyspaces"))? {
        fs::create_dir_all(keyspace?.path().join("tables"))?;
    }
    Ok(())
}

/// The length without the zeros at the end, in whole blocks: journals are mostly zeros.
pub(crate) fn used(bytes: &[u8]) -> usize {
    const BLOCK: usize = 4096;
    static ZEROS: [u8; BLOCK] = [0; BLOCK];
    let last = bytes.chunks(BLOCK).rposition(|block| block != &ZEROS[..block.len()]);
    last.map_or(0, |last| ((last + 1) * BLOCK).min(bytes.len()))
}
