//! The files that `--manifests` names, and their bytes.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use stator_admin::{FILE_BYTES, Manifest, check_unique, read};

/// Files, at most.
const FILES: usize = 1_000;
/// Bytes of all files together, at most.
const TOTAL_BYTES: usize = 16 * 1024 * 1024;
/// Tables of all files together, at most: what an account may have ("Quotas and limits in Amazon
/// DynamoDB", developer guide).
const TABLES: usize = 10_000;

/// Why the manifests are refused, all of them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system does not let us read.
    #[error("manifests at {} cannot be read", path.display())]
    Unreadable {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A pipe, a device or a folder where a file should be.
    #[error("{} is not a file", path.display())]
    NotAFile {
        /// What.
        path: PathBuf,
    },
    /// More than [`FILES`].
    #[error("there are more than {FILES} files of manifests; {} is one too many", path.display())]
    TooManyFiles {
        /// The first that is too many.
        path: PathBuf,
    },
    /// More than [`TOTAL_BYTES`].
    #[error("the files of manifests have more than {TOTAL_BYTES} bytes; {} is one too many", path.display())]
    TooManyBytes {
        /// The first that is too many.
        path: PathBuf,
    },
    /// More than [`TABLES`].
    #[error("the manifests describe {count} tables; {TABLES} are possible")]
    TooManyTables {
        /// How many there are.
        count: usize,
    },
    /// A file that is not good.
    #[error(transparent)]
    Manifest(#[from] stator_admin::Error),
}

/// Files and what is in them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Files(Vec<(PathBuf, Vec<u8>)>);

impl Files {
    /// Reads each file, and of each folder the files that are meant, by name.
    ///
    /// # Errors
    /// If one cannot be read, or there is too much.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Error> {
        let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
        let mut total = 0;
        for path in paths {
            for path in list(path)? {
                if files.iter().any(|(known, _)| *known == path) {
                    continue;
                }
                if files.len() >= FILES {
                    return Err(Error::TooManyFiles { path });
                }
                let bytes = read_file(&path)?;
                total += bytes.len();
                if total > TOTAL_BYTES {
                    return Err(Error::TooManyBytes { path });
                }
                files.push((path, bytes));
            }
        }
        Ok(Self(files))
    }

    /// What the files say.
    ///
    /// # Errors
    /// The first thing that is wrong with one of them.
    pub(super) fn manifests(&self) -> Result<Vec<Manifest>, Error> {
        let mut manifests = Vec::new();
        for (path, bytes) in &self.0 {
            manifests.extend(read(&path.to_string_lossy(), bytes)?);
            if manifests.len() > TABLES {
                return Err(Error::TooManyTables { count: manifests.len() });
            }
        }
        check_unique(&manifests)?;
        Ok(manifests)
    }
}

/// The file itself, or the files of a folder, in byte order of their names.
fn list(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let error = |source| Error::Unreadable { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(error)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(error)? {
        let name = entry.map_err(error)?.file_name();
        if is_meant(Path::new(&name)) {
            files.push(path.join(name));
        }
        if files.len() > FILES {
            return Err(Error::TooManyFiles { path: path.to_owned() });
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a name in a folder is that of a manifest. Hidden names are not: editors keep their locks and
/// backups there, and Kubernetes the folders behind a mounted ConfigMap.
fn is_meant(name: &Path) -> bool {
    let hidden = name.as_os_str().as_encoded_bytes().starts_with(b".");
    let extension = name.extension().and_then(|extension| extension.to_str());
    !hidden && matches!(extension, Some("yaml" | "yml" | "json"))
}

/// The bytes of a file; one byte too many if it is too large.
fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let error = |source| Error::Unreadable { path: path.to_owned(), source };
    // Looked at before it is opened: opening a pipe waits for whoever writes into it.
    if !fs::metadata(path).map_err(error)?.is_file() {
        return Err(Error::NotAFile { path: path.to_owned() });
    }
    let most = u64::try_from(FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(error)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(files: &Files) -> Vec<String> {
        let name =
            |(path, _): &(PathBuf, Vec<u8>)| path.file_name().expect("a name").to_os_string();
        files.0.iter().map(|file| name(file).into_string().expect("text")).collect()
    }

    #[test]
    fn a_folder_means_its_yaml_and_json_files_in_order_and_not_what_is_deeper() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        for name in ["b.yaml", "a.yml", "c.json", ".hidden.yaml", "d.txt", "yaml", "e.yaml~"] {
            fs::write(path.join(name), name).expect("written");
        }
        fs::create_dir(path.join("deeper")).expect("made");
        fs::write(path.join("deeper/f.yaml"), "").expect("written");
        let files = Files::read(&[path.to_owned(), path.join("a.yml")]).expect("readable");
        assert_eq!(names(&files), ["a.yml", "b.yaml", "c.json"]);
        let named = Files::read(&[path.join("d.txt")]).expect("readable");
        assert_eq!(names(&named), ["d.txt"], "a file that is named need not be called so");
    }

    #[test]
    fn what_is_not_a_file_is_refused_and_not_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.yaml");
        let missing = Files::read(std::slice::from_ref(&path));
        assert!(matches!(missing, Err(Error::Unreadable { .. })), "{missing:?}");
        symlink("nowhere", &path).expect("made");
        let dangling = Files::read(&[folder.path().to_owned()]);
        assert!(matches!(dangling, Err(Error::Unreadable { .. })), "{dangling:?}");
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("made");
        let nested = Files::read(&[folder.path().to_owned()]);
        assert!(matches!(nested, Err(Error::NotAFile { .. })), "{nested:?}");
        let device = Files::read(&[PathBuf::from("/dev/zero")]);
        assert!(matches!(device, Err(Error::NotAFile { .. })), "{device:?}");
    }

    #[test]
    fn a_large_file_is_not_read_to_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.yaml");
        File::create(&path).and_then(|file| file.set_len(1 << 40)).expect("a sparse file");
        let files = Files::read(&[path]).expect("readable");
        assert_eq!(files.0.first().map(|(_, bytes)| bytes.len()), Some(FILE_BYTES + 1));
        assert!(matches!(files.manifests(), Err(Error::Manifest(_))));
    }

    #[test]
    fn files_are_bounded_in_number_and_together() {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..=FILES {
            fs::write(folder.path().join(format!("{number}.yaml")), "").expect("written");
        }
        let many = Files::read(&[folder.path().to_owned()]);
        assert!(matches!(many, Err(Error::TooManyFiles { .. })), "{many:?}");

        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..17 {
            let file = File::create(folder.path().join(format!("{number}.yaml")));
            file.and_then(|file| file.set_len(1024 * 1024)).expect("a file");
        }
        let large = Files::read(&[folder.path().to_owned()]);
        assert!(matches!(large, Err(Error::TooManyBytes { .. })), "{large:?}");
    }
}
