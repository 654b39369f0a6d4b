//! Directories: which names they hold for sure, and which changes of them are not synced yet.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::random::Random;

/// A file or a directory, whatever its names and its inode number, which is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(pub(crate) u64);

/// The directory that holds the traced one, under the name [`ROOT`].
pub(crate) const OUTSIDE: Id = Id(0);

/// The name of the traced directory in [`OUTSIDE`].
pub(crate) const ROOT: &str = ".";

/// What makes a change of a directory safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// POSIX: a sync of that directory, nothing else.
    Directory,
    /// A journaling file system, as ext4 and xfs: changes of all directories get to the disk in their
    /// order, and a sync of a file that was created or renamed takes along all up to there.
    Journal,
}

/// How many of the unsynced changes are there after a power loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    None,
    Some,
    All,
}

/// The names of a directory and of those below it.
pub(crate) type Tree = BTreeMap<Id, BTreeMap<String, Id>>;

/// A change of one directory; what it says happens as a whole.
#[derive(Debug)]
struct Pending {
    at: u64,
    directory: Id,
    names: Vec<(String, Option<Id>)>,
    /// Whether the directory was synced since.
    safe: bool,
}

impl Pending {
    fn apply(&self, tree: &mut Tree) {
        let names = tree.entry(self.directory).or_default();
        for (name, id) in &self.names {
            match id {
                Some(id) => names.insert(name.clone(), *id),
                None => names.remove(name),
            };
        }
    }
}

/// All directories.
#[derive(Debug, Default)]
pub(crate) struct Names {
    live: Tree,
    /// What is safe in every reading, and came before all that is pending.
    durable: Tree,
    pending: VecDeque<Pending>,
    /// Changes up to this moment are safe where the file system has a journal.
    journaled: u64,
}

impl Names {
    /// The directory that a path lies in, and its name there.
    ///
    /// # Panics
    /// If there is no such directory.
    pub(crate) fn place<'p>(&self, path: &'p str) -> (Id, &'p str) {
        if path.is_empty() {
            return (OUTSIDE, ROOT);
        }
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let (holder, directory) = self.place(above);
        let id = self.lookup(holder, directory);
        (id.unwrap_or_else(|| panic!("{path:?} lies in no known directory")), name)
    }

    /// What bears this name.
    pub(crate) fn lookup(&self, directory: Id, name: &str) -> Option<Id> {
        self.live.get(&directory)?.get(name).copied()
    }

    /// Gives a name to something, or to nothing.
    pub(crate) fn set(&mut self, at: u64, path: &str, id: Option<Id>) {
        let (directory, name) = self.place(path);
        self.push(Pending { at, directory, names: vec![(name.to_owned(), id)], safe: false });
    }

    /// A rename within one directory.
    ///
    /// # Panics
    /// If it is between two: which of them keeps it is not modelled.
    pub(crate) fn rename(&mut self, at: u64, from: &str, to: &str) {
        let ((directory, old), (other, new)) = (self.place(from), self.place(to));
        assert_eq!(directory, other, "a rename from {from:?} to {to:?} is not modelled");
        let id = self.lookup(directory, old);
        assert!(id.is_some(), "{from:?} is renamed and not known");
        let names = vec![(old.to_owned(), None), (new.to_owned(), id)];
        self.push(Pending { at, directory, names, safe: false });
    }

    fn push(&mut self, pending: Pending) {
        pending.apply(&mut self.live);
        self.pending.push_back(pending);
    }

    /// Something that is on disk already.
    pub(crate) fn adopt(&mut self, path: &str, id: Id) {
        let (directory, name) = self.place(path);
        for tree in [&mut self.live, &mut self.durable] {
            tree.entry(directory).or_default().insert(name.to_owned(), id);
        }
    }

    /// A sync of a directory that was called at this moment has returned.
    pub(crate) fn directory_synced(&mut self, directory: Id, called: u64) {
        let mut covered = self.journaled;
        for pending in self.pending.iter_mut().filter(|pending| pending.at < called) {
            if pending.directory == directory {
                pending.safe = true;
                covered = covered.max(pending.at);
            }
        }
        self.journaled = covered;
        while self.pending.front().is_some_and(|first| first.safe) {
            if let Some(first) = self.pending.pop_front() {
                first.apply(&mut self.durable);
            }
        }
    }

    /// A sync of a file that was called at this moment has returned.
    pub(crate) fn file_synced(&mut self, file: Id, called: u64) {
        let names_it = |pending: &&Pending| {
            pending.at < called && pending.names.iter().any(|(_, id)| *id == Some(file))
        };
        if let Some(last) = self.pending.iter().rev().find(names_it) {
            self.journaled = self.journaled.max(last.at);
        }
    }

    /// Everything that may be found under some name after a power loss now.
    pub(crate) fn reachable(&self) -> BTreeSet<Id> {
        let durable = self.durable.values().flat_map(BTreeMap::values).copied();
        let pending = self.pending.iter().flat_map(|pending| &pending.names);
        durable.chain(pending.filter_map(|(_, id)| *id)).collect()
    }

    /// What may be found after a power loss.
    pub(crate) fn survivor(&self, promise: Promise, share: Share, random: &mut Random) -> Tree {
        match promise {
            Promise::Directory => self.subset(share, random),
            Promise::Journal => self.prefix(share, random),
        }
    }

    /// The first few changes, those that the journal has among them.
    fn prefix(&self, share: Share, random: &mut Random) -> Tree {
        let sure = self.pending.iter().filter(|pending| pending.at <= self.journaled).count();
        let kept = match share {
            Share::None => sure,
            Share::Some => sure + random.index(self.pending.len() - sure + 1),
            Share::All => self.pending.len(),
        };
        let mut tree = self.durable.clone();
        self.pending.iter().take(kept).for_each(|pending| pending.apply(&mut tree));
        tree
    }

    /// Any of the changes, but of those of one name the first few.
    fn subset(&self, share: Share, random: &mut Random) -> Tree {
        let mut tree = self.durable.clone();
        let mut lost: BTreeSet<(Id, &str)> = BTreeSet::new();
        for pending in &self.pending {
            let keep = match share {
                Share::None => false,
                Share::Some => random.one_in(2),
                Share::All => true,
            };
            let names = || pending.names.iter().map(|(name, _)| (pending.directory, name.as_str()));
            if pending.safe || (keep && !names().any(|name| lost.contains(&name))) {
                pending.apply(&mut tree);
            } else {
                lost.extend(names());
            }
        }
        tree
    }
}
