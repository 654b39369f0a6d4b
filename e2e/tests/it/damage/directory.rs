//! A data directory: what kinds of files are in it, and copies of it.

use std::fs;
use std::path::Path;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Lock,
    Identity,
    /// The mark of a directory that never served; one that a crash left behind comes back.
    Forming,
    /// A segment of the Raft log with another one behind it.
    FullSegment,
    /// The segment that batches go to.
    LastSegment,
    Spare,
    Horizon,
    StoreFormat,
    StoreVersion,
    StoreLock,
    /// What the sealed journals hold.
    SealedNote,
    SealedJournal,
    LastJournal,
    /// Which manifest of a keyspace counts.
    Current,
    Manifest,
    /// A manifest that does not count any more.
    OldManifest,
    /// A table in the keyspace that holds the names of the others.
    MetaTable,
    Table,
    /// What a kill left of a file that was being written. Not always there.
    Leftover,
}

impl Kind {
    /// Those that a specimen must have.
    pub(crate) const ALL: [Self; 18] = [
        Self::Lock,
        Self::Identity,
        Self::Forming,
        Self::FullSegment,
        Self::LastSegment,
        Self::Spare,
        Self::Horizon,
        Self::StoreFormat,
        Self::StoreVersion,
        Self::StoreLock,
        Self::SealedNote,
        Self::SealedJournal,
        Self::LastJournal,
        Self::Current,
        Self::Manifest,
        Self::OldManifest,
        Self::MetaTable,
        Self::Table,
    ];
}

/// The kind of the file at this path of a data directory that holds these files.
///
/// # Panics
/// If the test knows of no such file: then it is to be told what damage to it may do.
pub(crate) fn kind(directory: &Path, path: &str, files: &[String]) -> Kind {
    let last = |ending: &str| {
        let like = files.iter().filter(|file| file.ends_with(ending));
        // Numbers of one length sort as they count; a journal's has no leading zeros.
        like.max_by_key(|file| (file.len(), (*file).clone())).is_some_and(|last| last == path)
    };
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [.., name] if name.ends_with(".new") || name.starts_with(".tmp") => Kind::Leftover,
        ["LOCK"] => Kind::Lock,
        ["IDENTITY"] => Kind::Identity,
        ["FORMING"] => Kind::Forming,
        ["log", "HORIZON"] => Kind::Horizon,
        ["log", name] if name.starts_with("spare-") => Kind::Spare,
        ["log", name] if name.ends_with(".log") && last(".log") => Kind::LastSegment,
        ["log", name] if name.ends_with(".log") => Kind::FullSegment,
        ["store", "format"] => Kind::StoreFormat,
        ["store", "version"] => Kind::StoreVersion,
        ["store", "lock"] => Kind::StoreLock,
        ["store", "sealed"] => Kind::SealedNote,
        ["store", name] if name.ends_with(".jnl") && last(".jnl") => Kind::LastJournal,
        ["store", name] if name.ends_with(".jnl") => Kind::SealedJournal,
        ["store", "keyspaces", _, "current"] => Kind::Current,
        ["store", "keyspaces", id, name] if name.starts_with('v') => {
            let current = directory.join("store/keyspaces").join(id).join("current");
            let number = fs::read(current).ok().and_then(|bytes| bytes.first_chunk().copied());
            let counts = number.map(|number| format!("v{}", u64::from_le_bytes(number)));
            if counts.as_deref() == Some(*name) { Kind::Manifest } else { Kind::OldManifest }
        }
        ["store", "keyspaces", "0", "tables", _] => Kind::MetaTable,
        ["store", "keyspaces", _, "tables", _] => Kind::Table,
        _ => panic!("a data directory holds {path:?}, and nobody knows what damage to it may do"),
    }
}

/// The paths of all files in a directory.
pub(crate) fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(directory.join(&folder)).expect("it can be listed") {
            let entry = entry.expect("it can be listed");
            let name = entry.file_name().into_string().expect("names are UTF-8");
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if entry.path().is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Copies a directory with all that is in it to a path at which nothing is.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("there is room");
    for entry in fs::read_dir(from).expect("it can be listed") {
        let entry = entry.expect("it can be listed");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("there is room");
        }
    }
}
