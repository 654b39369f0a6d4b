//! The disk under a traced program.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::random::Random;

use super::content::Data;
use super::file::{Change, Fate, File};
use super::image::{self, Image};
use super::names::{Id, Names, OUTSIDE, Promise, ROOT, Share};
use super::trace::{Operation, Sync};

/// Syncs that are taken for done and were not: defects planted to see whether tests find them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Files whose path begins so are never synced.
    pub forget_syncs_of: Option<&'static str>,
    /// Directories are never synced.
    pub forget_directories: bool,
}

/// A sync that has not returned.
#[derive(Clone, Copy, Debug)]
struct Called {
    at: u64,
    target: Id,
}

/// What is known of a disk at one moment of a trace.
#[derive(Debug)]
pub struct Disk<'t> {
    faults: Faults,
    clock: u64,
    last: u64,
    names: Names,
    files: BTreeMap<Id, File<'t>>,
    /// Directories have no [`File`].
    by_inode: HashMap<u64, Id>,
    syncs: HashMap<u64, Called>,
}

impl<'t> Disk<'t> {
    /// A disk without the traced directory.
    pub fn new(faults: Faults) -> Self {
        Self {
            faults,
            clock: 0,
            last: OUTSIDE.0,
            names: Names::default(),
            files: BTreeMap::new(),
            by_inode: HashMap::new(),
            syncs: HashMap::new(),
        }
    }

    /// A disk that holds this directory, all of it safe.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn holding(directory: &Path) -> Self {
        let mut disk = Self::new(Faults::default());
        if directory.exists() {
            disk.adopt_directory(directory, String::new());
        }
        disk
    }

    fn adopt_directory(&mut self, real: &Path, path: String) {
        let inode = fs::metadata(real).expect("it is there").ino();
        let id = self.name_inode(inode);
        self.names.adopt(&path, id);
        for (name, below) in image::list(real) {
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            if below.is_dir() {
                self.adopt_directory(&below, path);
            } else {
                let id = self.name_inode(fs::metadata(&below).expect("it is there").ino());
                self.names.adopt(&path, id);
                self.files.insert(id, File::durable(image::read(&below)));
            }
        }
    }

    fn name_inode(&mut self, inode: u64) -> Id {
        self.last += 1;
        let id = Id(self.last);
        self.by_inode.insert(inode, id);
        id
    }

    /// Notes what happened next.
    ///
    /// # Panics
    /// If it cannot have happened: then the trace is not whole, and no image of it means anything.
    pub fn step(&mut self, operation: &Operation<'t>) {
        self.clock += 1;
        let at = self.clock;
        match *operation {
            Operation::Start => self.syncs.clear(),
            Operation::Create { inode, path } => {
                let id = self.name_inode(inode);
                self.files.insert(id, File::default());
                self.names.set(at, path, Some(id));
            }
            Operation::MakeDirectory { inode, path } => {
                let id = self.name_inode(inode);
                self.names.set(at, path, Some(id));
            }
            Operation::Write { inode, offset, data } => {
                self.change(inode, Change::Write { start: offset, data: Data::Bytes(data) });
            }
            Operation::Zeros { inode, offset, count } => {
                self.change(inode, Change::Write { start: offset, data: Data::Zeros(count) });
            }
            Operation::Resize { inode, size } => self.change(inode, Change::Resize { size }),
            Operation::Rename { from, to } => self.names.rename(at, from, to),
            Operation::Unlink { path } | Operation::RemoveDirectory { path } => {
                self.names.set(at, path, None);
            }
            Operation::Link { from, to } => {
                let (directory, name) = self.names.place(from);
                let id = self.names.lookup(directory, name);
                self.names.set(at, to, id);
            }
            Operation::SyncCall(sync) => {
                let target = if sync.path == ".." { OUTSIDE } else { self.id(sync.inode) };
                self.syncs.insert(sync.id, Called { at, target });
            }
            Operation::SyncReturn(sync) => self.synced(&sync),
        }
    }

    fn id(&self, inode: u64) -> Id {
        let id = self.by_inode.get(&inode);
        *id.unwrap_or_else(|| panic!("nobody made what has inode {inode}"))
    }

    fn change(&mut self, inode: u64, change: Change<'t>) {
        let (at, id) = (self.clock, self.id(inode));
        // Without a name, even a lost one, it cannot be found after a power loss.
        if let Some(file) = self.files.get_mut(&id) {
            file.change(at, change);
        }
    }

    fn synced(&mut self, sync: &Sync<'_>) {
        let Some(Called { at: called, target }) = self.syncs.remove(&sync.id) else {
            panic!("a sync of {:?} returned that nobody called", sync.path)
        };
        if let Some(file) = self.files.get_mut(&target) {
            let forgotten = |prefix| sync.path.starts_with(prefix);
            if !self.faults.forget_syncs_of.is_some_and(forgotten) {
                file.synced(called);
                self.names.file_synced(target, called);
            }
        } else if !self.faults.forget_directories {
            self.names.directory_synced(target, called);
            let reachable = self.names.reachable();
            self.files.retain(|id, _| reachable.contains(id));
        }
    }

    /// What may be found if the power fails now: one of the possible states, drawn from the seed.
    pub fn image(&self, seed: u64) -> Image {
        let random = &mut Random::new(seed);
        let promise = if self.faults.forget_directories || random.one_in(2) {
            Promise::Directory
        } else {
            Promise::Journal
        };
        let share = *random.pick(&[Share::None, Share::Some, Share::All]);
        // One fate for all shows the extremes, one for each shows files that disagree.
        let common = random.one_in(2).then(|| *random.pick(&Fate::ALL));
        let origin = format!("names: {promise:?} {share:?}; data: {common:?}");
        let tree = self.names.survivor(promise, share, random);
        self.build(&tree, origin, |_| {
            let fate = common.unwrap_or_else(|| *random.pick(&Fate::ALL));
            (fate, random.fork())
        })
    }

    /// What the program itself sees now.
    pub fn view(&self) -> Image {
        let random = &mut Random::new(0);
        let tree = self.names.survivor(Promise::Directory, Share::All, random);
        self.build(&tree, "everything".to_owned(), |_| (Fate::Everything, Random::new(0)))
    }

    fn build(
        &self,
        tree: &super::names::Tree,
        origin: String,
        mut fate: impl FnMut(Id) -> (Fate, Random),
    ) -> Image {
        let mut image = Image::new(origin);
        let root = tree.get(&OUTSIDE).and_then(|outside| outside.get(ROOT));
        let mut left: Vec<(String, Id)> = root.iter().map(|id| (String::new(), **id)).collect();
        while let Some((path, id)) = left.pop() {
            let Some(file) = self.files.get(&id) else {
                for (name, below) in tree.get(&id).into_iter().flatten() {
                    let path =
                        if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                    left.push((path, *below));
                }
                image.add_directory(path);
                continue;
            };
            let (fate, mut random) = fate(id);
            image.add_file(path, file.survivor(fate, &mut random));
        }
        image
    }
}
