//! The denominators: programs that do only what cannot be avoided. Each runs in a process of its own,
//! on the core of the server that it is compared with.

pub mod echo;
pub mod syncs;
pub mod writes;

use std::fs::{File, OpenOptions};
use std::path::Path;

use crate::error::{Result, io};

/// Blocks of a log: what is written begins and ends at a multiple of this.
pub const BLOCK: u64 = 4096;
/// The length of the file that is written to, that of a segment of the node's log.
pub const FILE_BYTES: u64 = 64 << 20;

/// A file of [`FILE_BYTES`] that was written with zeros once, or by a run before: overwriting is what
/// a log with recycled segments does, and costs half of growing.
fn written_file(path: &Path) -> Result<File> {
    use std::os::unix::fs::FileExt;
    let what = || format!("fill {}", path.display());
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let file = open.map_err(io(what()))?;
    if file.metadata().map_err(io(what()))?.len() < FILE_BYTES {
        let zeros = vec![0; 1 << 20];
        for at in (0..FILE_BYTES).step_by(1 << 20) {
            file.write_all_at(&zeros, at).map_err(io(what()))?;
        }
        file.sync_all().map_err(io(what()))?;
    }
    Ok(file)
}
