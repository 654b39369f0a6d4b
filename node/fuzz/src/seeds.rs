//! Inputs to begin with: the test data of the other crates, and records that their own encoders make.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use stator_operation::Kind;

use crate::Target;
use crate::targets::{expressions, heads, log, records, requests, values};

mod session;

pub use session::expand;

/// Where the seeds of a target come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seeds {
    /// Requests of this kind in the sessions of `node/operation`.
    Requests(Kind),
    /// Sessions of `node/expression` in these folders.
    Expressions(&'static [&'static str]),
    /// Written here.
    Numbers,
    /// Items in the sessions of `node/expression`.
    Items,
    /// The same, as the store encodes them.
    StoredItems,
    /// What the store encodes.
    StoreRecords,
    /// What a core encodes.
    WriteSets,
    /// What a catalog encodes.
    Catalog,
    /// What a log writes.
    Log,
    /// The manifests of `node/admin`.
    Manifests,
    /// Written here.
    Heads,
}

/// Longer test data is left out: what makes it long is shown by inputs that are stretched.
const LONGEST: usize = 4096;
/// Words of a dictionary are no longer than this.
const LONGEST_WORD: usize = 40;

/// The seeds of a target.
///
/// # Errors
/// If test data cannot be read.
pub fn of(target: &Target) -> io::Result<Vec<Vec<u8>>> {
    let mut seeds = match target.seeds {
        Seeds::Requests(kind) => requests::seeds(kind)?,
        Seeds::Expressions(folders) => expressions::seeds(folders)?,
        Seeds::Numbers => values::number_seeds(),
        Seeds::Items => expressions::items()?,
        Seeds::StoredItems => values::stored_seeds(&expressions::items()?),
        Seeds::StoreRecords => records::store_seeds(),
        Seeds::WriteSets => records::write_set_seeds(),
        Seeds::Catalog => records::catalog_seeds(),
        Seeds::Log => log::seeds(),
        Seeds::Manifests => contents(&files(&node().join("admin/testdata"))?)?,
        Seeds::Heads => heads::seeds(),
    };
    seeds.retain(|seed| seed.len() <= LONGEST);
    seeds.sort();
    seeds.dedup();
    Ok(seeds)
}

/// The words that texts among these inputs are made of.
pub fn words(inputs: &[Vec<u8>]) -> BTreeSet<Vec<u8>> {
    let is_part =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'#' | b':');
    let texts = inputs.iter().filter(|input| std::str::from_utf8(input).is_ok());
    let words = texts.flat_map(|text| text.split(move |&byte| !is_part(byte)));
    words.filter(|word| (2..=LONGEST_WORD).contains(&word.len())).map(<[u8]>::to_vec).collect()
}

/// The folder of all crates of the node.
fn node() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The sessions of a crate in these folders of its test data, all if none is named.
pub(crate) fn sessions(of: &str, folders: &[&str]) -> io::Result<Vec<String>> {
    let data = node().join(of).join("testdata");
    let mut found = Vec::new();
    if folders.is_empty() {
        found = files(&data)?;
    }
    for folder in folders {
        found.extend(files(&data.join(folder))?);
    }
    found.iter().map(fs::read_to_string).collect()
}

fn contents(files: &[PathBuf]) -> io::Result<Vec<Vec<u8>>> {
    files.iter().map(fs::read).collect()
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}
