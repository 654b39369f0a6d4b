//! A directory as a power loss may leave it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::content::{BLOCK, Content, Data, empty_block};
use super::trace::{index, offset};

/// What a path is.
#[derive(Debug)]
pub enum Entry {
    /// A directory.
    Directory,
    /// A file with these bytes.
    File(FileBytes),
}

/// The bytes of a file of an image.
#[derive(Debug)]
pub struct FileBytes(Content);

impl FileBytes {
    /// All of them, holes as zeros.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; index(self.0.size)];
        for (number, block) in &self.0.blocks {
            let start = index(number * BLOCK);
            let end = bytes.len().min(start + block.len());
            if let (Some(target), Some(source)) =
                (bytes.get_mut(start..end), block.get(..end.saturating_sub(start)))
            {
                target.copy_from_slice(source);
            }
        }
        bytes
    }
}

/// A directory tree.
#[derive(Debug)]
pub struct Image {
    origin: String,
    entries: BTreeMap<String, Entry>,
}

impl Image {
    pub(crate) const fn new(origin: String) -> Self {
        Self { origin, entries: BTreeMap::new() }
    }

    pub(crate) fn add_directory(&mut self, path: String) {
        self.entries.insert(path, Entry::Directory);
    }

    pub(crate) fn add_file(&mut self, path: String, content: Content) {
        self.entries.insert(path, Entry::File(FileBytes(content)));
    }

    /// How it was drawn, for whoever looks into a failure.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What is there by path; the path of the directory itself is empty.
    pub const fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }

    /// Makes it real under this path, at which nothing is. Holes stay holes.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn write_to(&self, directory: &Path) {
        // In the order of their paths, directories come before what is in them.
        for (path, entry) in &self.entries {
            let real = if path.is_empty() { directory.to_path_buf() } else { directory.join(path) };
            match entry {
                Entry::Directory => fs::create_dir(&real).expect("a directory can be made"),
                Entry::File(FileBytes(content)) => write_file(&real, content),
            }
        }
    }

    /// In what a real directory differs, path by path.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn differences(&self, directory: &Path) -> Vec<String> {
        let mut real = BTreeMap::new();
        if directory.exists() {
            collect(directory, String::new(), &mut real);
        }
        let paths: std::collections::BTreeSet<&String> =
            self.entries.keys().chain(real.keys()).collect();
        let mut differences = Vec::new();
        for path in paths {
            let differs = match (self.entries.get(path), real.get(path)) {
                (Some(Entry::Directory), Some(found)) => !found.is_dir(),
                (Some(Entry::File(bytes)), Some(found)) => {
                    found.is_dir() || fs::read(found).expect("it can be read") != bytes.to_vec()
                }
                (None, _) | (_, None) => true,
            };
            if differs {
                differences.push(path.clone());
            }
        }
        differences
    }
}

fn write_file(path: &Path, content: &Content) {
    let file = fs::File::create_new(path).expect("a file can be made");
    file.set_len(content.size).expect("a file can be made longer");
    for (number, block) in &content.blocks {
        let start = number * BLOCK;
        let length = content.size.saturating_sub(start).min(BLOCK);
        let bytes = block.get(..index(length)).expect("at most a block");
        file.write_all_at(bytes, start).expect("a file can be written");
    }
}

fn collect(directory: &Path, path: String, into: &mut BTreeMap<String, PathBuf>) {
    for (name, below) in list(directory) {
        let path = if path.is_empty() { name } else { format!("{path}/{name}") };
        if below.is_dir() {
            collect(&below, path, into);
        } else {
            into.insert(path, below);
        }
    }
    into.insert(path, directory.to_path_buf());
}

/// The names in a directory, and what they stand for.
pub(crate) fn list(directory: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(directory).expect("a directory can be listed");
    let entries = entries.map(|entry| entry.expect("a directory can be listed"));
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().expect("names are UTF-8");
            (name, entry.path())
        })
        .collect()
}

/// The bytes of a real file.
pub(crate) fn read(path: &Path) -> Content {
    let bytes = fs::read(path).expect("a file can be read");
    let mut content = Content::default();
    for (number, block) in bytes.chunks(index(BLOCK)).enumerate() {
        if empty_block().get(..block.len()) != Some(block) {
            content.write(offset(number) * BLOCK, Data::Bytes(block));
        }
    }
    content.resize(offset(bytes.len()));
    content
}
