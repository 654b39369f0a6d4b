//! The data directory: who owns it, and what it is.
//!
//! ```text
//! DIR/LOCK       held by the process that serves it
//! DIR/FORMING    the directory is being made: nothing in it was ever acknowledged
//! DIR/IDENTITY   format, cluster id, node id, log id, and a checksum; written once, then renamed
//! DIR/log/       the Raft log
//! DIR/store/     the tablets
//! ```
//!
//! IDENTITY is written once log and store exist and before the first request is served, and never
//! again. A crash before it leaves FORMING alone, and the directory is begun anew. From IDENTITY on a
//! missing or foreign log is damage: nothing here ever replaces it by an empty one. So FORMING goes
//! before anything is served, whether this start wrote IDENTITY or one that a crash ended: beside a
//! FORMING that stayed, an IDENTITY that is lost later would cost all data in silence.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use stator_log::LogId;
use stator_model::NodeId;

/// The format of the directory as a whole. A later one is refused.
const FORMAT: u32 = 1;
const HEADING: &str = "stator-node data directory";

/// What IDENTITY says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster's id, minted once.
    pub cluster: [u8; 16],
    /// This node's id in it.
    pub node: NodeId,
    /// The Raft log that belongs to this directory.
    pub log: LogId,
}

/// A data directory, locked against other processes while this lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// `None` while the directory is being made.
    identity: Option<Identity>,
    _lock: File,
}

/// The directory cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error("cannot {action} {path}: check that the path exists, is writable and has space left")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Another process serves it.
    #[error(
        "{path} is in use by another process: stop it, or choose another directory with --data"
    )]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// There are files, but no identity.
    #[error(
        "{path} holds {found} but no IDENTITY: it is not a data directory, or that file was lost; \
         choose an empty directory with --data, or restore the file"
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// A file found in it.
        found: String,
    },
    /// IDENTITY does not say what it must.
    #[error("{path} is damaged: {what}; restore it from a copy")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// Written by a later program.
    #[error(
        "{path} says format {found}, and this program reads up to {FORMAT}: start the newer \
         stator-node that wrote it, or restore the file if none did"
    )]
    Newer {
        /// The file that says so.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io { action, path, source }
}

impl DataDir {
    /// Opens the directory, creating it if need be, and locks it.
    ///
    /// # Errors
    /// If it cannot be read and written, is in use, is something else, is damaged or too new.
    pub fn open(path: &Path) -> Result<Self, Error> {
        fs::create_dir_all(path).map_err(io_error("create", path))?;
        let lock = lock(path)?;
        let identity_path = path.join("IDENTITY");
        let identity = match fs::read_to_string(&identity_path) {
            Ok(text) => Some(parse(&text, &identity_path)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(Error::Damaged { path: identity_path, what: "it is not text" });
            }
            Err(error) => return Err(io_error("read", &identity_path)(error)),
        };
        let dir = Self { path: path.to_path_buf(), identity, _lock: lock };
        if dir.identity.is_none() {
            sync_ancestors(path)?;
            dir.begin_anew()?;
        } else {
            dir.remove_forming()?;
        }
        Ok(dir)
    }

    /// What the directory is; `None` until [`formed`](Self::formed).
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Where the Raft log lies.
    pub fn log_path(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Where the tablets lie.
    pub fn store_path(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Notes that log and store exist: from here on they must.
    ///
    /// # Errors
    /// If IDENTITY cannot be written, or FORMING cannot be removed.
    pub fn formed(&mut self, identity: Identity) -> Result<(), Error> {
        self.write_synced("IDENTITY", &render(&identity))?;
        self.identity = Some(identity);
        self.remove_forming()
    }

    /// From here on a directory without IDENTITY is a damaged one.
    fn remove_forming(&self) -> Result<(), Error> {
        let forming = self.path.join("FORMING");
        let remove = || match fs::remove_file(&forming) {
            Ok(()) => File::open(&self.path)?.sync_all(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        remove().map_err(io_error("remove", &forming))
    }

    fn begin_anew(&self) -> Result<(), Error> {
        if !self.path.join("FORMING").exists() {
            refuse_foreign(&self.path)?;
            self.write_synced("FORMING", HEADING)?;
        }
        for path in [self.log_path(), self.store_path()] {
            match fs::remove_dir_all(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io_error("remove", &path)(error)),
            }
        }
        Ok(())
    }

    fn write_synced(&self, name: &str, text: &str) -> Result<(), Error> {
        let (path, temporary) = (self.path.join(name), self.path.join("IDENTITY.new"));
        let write = || -> io::Result<()> {
            let mut file = File::create(&temporary)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(io_error("write", &path))
    }
}

/// Makes the directory's own name durable, and those of the directories above it, any of which may have
/// been made by this start or by one that a crash ended. Without it a power loss takes the whole
/// directory, however well its files were synced.
fn sync_ancestors(path: &Path) -> Result<(), Error> {
    let path = path.canonicalize().map_err(io_error("find", path))?;
    for ancestor in path.ancestors().skip(1) {
        match File::open(ancestor).and_then(|directory| directory.sync_all()) {
            Ok(()) => {}
            // Whoever may not read a directory has not made one in it.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(io_error("sync", ancestor)(error)),
        }
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, Error> {
    let lock_path = path.join("LOCK");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .map_err(io_error("write to", &lock_path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { path: path.to_path_buf() }),
        Err(TryLockError::Error(source)) => Err(io_error("lock", &lock_path)(source)),
    }
}

/// A directory without IDENTITY must hold nothing: whatever is there is not ours to overwrite.
fn refuse_foreign(path: &Path) -> Result<(), Error> {
    let entries = fs::read_dir(path).map_err(io_error("list", path))?;
    for entry in entries {
        let name = entry.map_err(io_error("list", path))?.file_name();
        if name != "LOCK" && name != "IDENTITY.new" {
            let found = name.to_string_lossy().into_owned();
            return Err(Error::Foreign { path: path.to_path_buf(), found });
        }
    }
    Ok(())
}

fn render(identity: &Identity) -> String {
    let cluster = u128::from_be_bytes(identity.cluster);
    let body = format!(
        "{HEADING}\nformat {FORMAT}\ncluster {cluster:032x}\nnode {}\nlog {}\n",
        identity.node.get(),
        identity.log,
    );
    let sum = crc32fast::hash(body.as_bytes());
    format!("{body}crc32 {sum:08x}\n")
}

fn parse(text: &str, path: &Path) -> Result<Identity, Error> {
    let damaged = |what| Error::Damaged { path: path.to_path_buf(), what };
    let field = |name: &'static str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
    };
    if !text.starts_with(HEADING) {
        return Err(damaged("it does not begin with its heading"));
    }
    // The format is looked at before the checksum: a later one may sum otherwise.
    let format: u32 = field("format")
        .and_then(|format| format.parse().ok())
        .ok_or_else(|| damaged("its format is missing"))?;
    if format > FORMAT {
        return Err(Error::Newer { path: path.to_path_buf(), found: format });
    }
    let (body, sum) =
        text.rsplit_once("crc32 ").ok_or_else(|| damaged("its checksum is missing"))?;
    if sum != format!("{:08x}\n", crc32fast::hash(body.as_bytes())) {
        return Err(damaged("its checksum does not fit"));
    }
    let cluster = field("cluster").and_then(|id| u128::from_str_radix(id, 16).ok());
    let node = field("node").and_then(|id| id.parse().ok());
    let log = field("log").and_then(|id| id.parse().ok());
    match (cluster, node, log) {
        (Some(cluster), Some(node), Some(log)) => {
            Ok(Identity { cluster: cluster.to_be_bytes(), node: NodeId::new(node), log })
        }
        _ => Err(damaged("a field is missing or unreadable")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> Result<DataDir, Error> {
        DataDir::open(path)
    }

    fn identity() -> Identity {
        Identity { cluster: [7; 16], node: NodeId::new(1), log: LogId::from_bytes([9; 16]) }
    }

    #[test]
    fn a_new_directory_is_begun_anew_until_it_is_formed() {
        let temporary = tempfile::tempdir().unwrap();
        let mut dir = open(temporary.path()).unwrap();
        assert_eq!(dir.identity(), None);
        fs::create_dir(dir.log_path()).unwrap();
        fs::write(dir.log_path().join("leftover"), b"x").unwrap();
        drop(dir);
        dir = open(temporary.path()).unwrap();
        assert!(!dir.log_path().exists(), "a directory that never served is begun anew");
        dir.formed(identity()).unwrap();
        fs::create_dir(dir.log_path()).unwrap();
        drop(dir);
        dir = open(temporary.path()).unwrap();
        assert!(dir.log_path().exists());
        assert_eq!(dir.identity(), Some(&identity()));
    }

    #[test]
    fn a_formed_directory_without_its_identity_is_not_begun_anew() {
        let temporary = tempfile::tempdir().unwrap();
        let mut dir = open(temporary.path()).unwrap();
        dir.formed(identity()).unwrap();
        fs::create_dir(dir.log_path()).unwrap();
        drop(dir);
        fs::remove_file(temporary.path().join("IDENTITY")).unwrap();
        assert!(matches!(open(temporary.path()), Err(Error::Foreign { .. })));
    }

    /// As a crash leaves it between the two steps.
    #[test]
    fn what_began_a_directory_is_gone_once_it_has_an_identity() {
        let temporary = tempfile::tempdir().unwrap();
        let forming = temporary.path().join("FORMING");
        open(temporary.path()).unwrap().formed(identity()).unwrap();
        assert!(!forming.exists());
        fs::write(&forming, HEADING).unwrap();
        let dir = open(temporary.path()).unwrap();
        fs::create_dir(dir.log_path()).unwrap();
        drop(dir);
        fs::remove_file(temporary.path().join("IDENTITY")).unwrap();
        assert!(matches!(open(temporary.path()), Err(Error::Foreign { .. })));
        assert!(temporary.path().join("log").exists(), "its log is not replaced by an empty one");
    }

    #[test]
    fn two_processes_cannot_share_a_directory() {
        let temporary = tempfile::tempdir().unwrap();
        let _first = open(temporary.path()).unwrap();
        assert!(matches!(open(temporary.path()), Err(Error::Locked { .. })));
    }

    #[test]
    fn a_directory_with_other_files_is_left_alone() {
        let temporary = tempfile::tempdir().unwrap();
        fs::write(temporary.path().join("thesis.txt"), b"precious").unwrap();
        let error = open(temporary.path()).unwrap_err().to_string();
        assert!(error.contains("thesis.txt"), "{error}");
    }

    #[test]
    fn every_flipped_byte_of_the_identity_is_found() {
        let temporary = tempfile::tempdir().unwrap();
        open(temporary.path()).unwrap().formed(identity()).unwrap();
        let path = temporary.path().join("IDENTITY");
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x01;
            fs::write(&path, &bad).unwrap();
            assert!(open(temporary.path()).is_err(), "byte {at} flipped and not found");
        }
        for length in 1..good.len() {
            fs::write(&path, &good[..length]).unwrap();
            assert!(open(temporary.path()).is_err(), "cut to {length} bytes and not found");
        }
    }

    #[test]
    fn a_later_format_is_refused_by_number() {
        let temporary = tempfile::tempdir().unwrap();
        drop(open(temporary.path()).unwrap());
        fs::write(temporary.path().join("IDENTITY"), format!("{HEADING}\nformat 2\nnew stuff\n"))
            .unwrap();
        assert!(matches!(open(temporary.path()), Err(Error::Newer { found: 2, .. })));
    }
}
