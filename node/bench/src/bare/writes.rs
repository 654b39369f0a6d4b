//! The least that durable writes cost many clients: batches of items, each batch appended to a file
//! that was written before, synced once, and put into fjall without a sync.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use fjall::{CompressionType, Database, KeyspaceCreateOptions};
use serde::{Deserialize, Serialize};

use super::{BLOCK, FILE_BYTES, written_file};
use crate::clock;
use crate::error::{Result, io};
use crate::proc::Usage;

/// As the node has it.
const MEMTABLE_BYTES: u64 = 8 << 20;

/// What to write.
#[derive(Clone, Debug, Args)]
pub struct Plan {
    /// Where files go
    #[arg(long)]
    pub dir: PathBuf,
    /// Items of a batch, on average
    #[arg(long)]
    pub batch: f64,
    /// Bytes that a batch appends to the log, on average
    #[arg(long)]
    pub log_bytes: u64,
    /// Bytes of an item as it is stored
    #[arg(long)]
    pub item_bytes: usize,
    /// For how long
    #[arg(long)]
    pub seconds: f64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Written {
    /// Items written.
    pub items: u64,
    /// In how many seconds.
    pub seconds: f64,
    /// Processor time for an item, in microseconds.
    pub cpu_micros: f64,
}

/// Writes for as long as the plan says.
///
/// # Errors
/// If the disk or fjall refuses.
pub fn run(plan: &Plan) -> Result<Written> {
    std::fs::create_dir_all(&plan.dir).map_err(io(format!("make {}", plan.dir.display())))?;
    let log = written_file(&plan.dir.join("log"))?;
    let store = plan.dir.join("store");
    let db = Database::builder(&store)
        .manual_journal_persist(true)
        .journal_compression(CompressionType::None)
        .open()?;
    let options = || {
        KeyspaceCreateOptions::default()
            .manual_journal_persist(true)
            .max_memtable_size(MEMTABLE_BYTES)
    };
    let keyspace = db.keyspace("items", options)?;
    let noise = noise(plan.item_bytes + 4096);
    let block = vec![7; usize::try_from(plan.log_bytes.next_multiple_of(BLOCK)).unwrap_or(0)];

    let before = Usage::of(std::process::id())?;
    let began = clock::now();
    let end = began + Duration::from_secs_f64(plan.seconds);
    let (mut items, mut due, mut at) = (0_u64, 0.0, 0);
    while clock::now() < end {
        if at + block.len() as u64 > FILE_BYTES {
            at = 0;
        }
        log.write_all_at(&block, at).map_err(io("write"))?;
        log.sync_data().map_err(io("sync"))?;
        at += block.len() as u64;
        let mut batch = db.batch();
        // Batches of 7 and 8 in turn if the mean is 7.5.
        due += plan.batch;
        while (items as f64) < due {
            batch.insert(&keyspace, key(items), value(&noise, items, plan.item_bytes));
            items += 1;
        }
        batch.commit()?;
    }
    let seconds = clock::now().saturating_duration_since(began).as_secs_f64();
    let cpu_micros = Usage::of(std::process::id())?.since(&before).micros_each(items);
    drop(db);
    remove(&store)?;
    Ok(Written { items, seconds, cpu_micros })
}

fn remove(store: &Path) -> Result<()> {
    std::fs::remove_dir_all(store).map_err(io(format!("remove {}", store.display())))
}

/// In no order, as hashes of partition keys are.
fn key(number: u64) -> Vec<u8> {
    let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    [hash.to_be_bytes(), number.to_be_bytes(), [0; 8]].concat()
}

fn value(noise: &[u8], number: u64, bytes: usize) -> &[u8] {
    let from = usize::try_from(number % 4096).unwrap_or(0);
    noise.get(from..from + bytes).unwrap_or(noise)
}

/// Bytes that do not compress.
fn noise(bytes: usize) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    fastrand::Rng::with_seed(7).fill(&mut noise);
    noise
}
