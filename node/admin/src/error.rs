//! What can be wrong with a manifest, and where.

use std::fmt;
use std::sync::Arc;

use crate::manifest::{API_VERSION, DOCUMENTS, FILE_BYTES, KIND};
use crate::tree::{DEPTH, NODES};
use crate::validate::Violation;

/// Characters of what the file itself says that are repeated in an error.
const SHOWN_CHARS: usize = 400;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// The line, counted from 1.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Why a file of manifests is refused, all of it: half of a file is never served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct Error {
    /// Where.
    pub place: Place,
    /// What.
    pub problem: Problem,
}

/// What is wrong with a file of manifests.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Larger than [`FILE_BYTES`].
    #[error("the file has more than {FILE_BYTES} bytes")]
    FileTooLarge,
    /// More documents than [`DOCUMENTS`].
    #[error("the file has more than {DOCUMENTS} documents")]
    TooManyDocuments,
    /// More values than a file may hold.
    #[error("the file has more than {NODES} values")]
    TooManyValues,
    /// Lists and maps lie too deep in each other.
    #[error("more than {DEPTH} lists and maps lie in each other")]
    TooDeep,
    /// An anchor, an alias or a merge key of YAML.
    #[error(
        "anchors (&name), aliases (*name) and merge keys (<<) are not accepted: write the value out"
    )]
    Alias,
    /// Not UTF-8.
    #[error("the file is not UTF-8 text")]
    NotText,
    /// Not YAML.
    #[error("not valid YAML: {}", Shown(.0))]
    Syntax(String),
    /// A key that stands twice in one map.
    #[error("the key `{}` stands twice in one map", Shown(.0))]
    KeyTwice(String),
    /// A document that is not a Kubernetes object.
    #[error("a document has {API_VERSION:?} as apiVersion and {KIND:?} as kind; {0} is missing")]
    NotAnObject(&'static str),
    /// An object of another kind.
    #[error(
        "kind {:?} of apiVersion {:?} is not known here, only kind {KIND} of {API_VERSION} is",
        Shown(.kind),
        Shown(.api_version)
    )]
    Kind {
        /// Its kind.
        kind: String,
        /// Its group and version.
        api_version: String,
    },
    /// An unknown field, a missing one, or a value of the wrong type.
    #[error("{}{}", at(.path), Shown(.problem))]
    Field {
        /// Where in the document; empty for the document itself.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// More documents than one, or none, where one is meant.
    #[error("the file has {0} documents that hold something, and must have one")]
    NotOne(usize),
    /// Rules of a table that are broken.
    #[error("{}", list(.0))]
    Invalid(Vec<Violation>),
    /// Two documents that describe one table.
    #[error("table {name:?} is described at {other} already")]
    TableTwice {
        /// The table.
        name: String,
        /// The other document.
        other: Place,
    },
    /// Two documents that are one object of Kubernetes, where the second would replace the first.
    #[error("Table {name:?} of the same namespace is at {other} already")]
    ObjectTwice {
        /// The object.
        name: String,
        /// The other document.
        other: Place,
    },
}

fn at(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{}: ", Shown(path)) }
}

fn list(violations: &[Violation]) -> String {
    let texts: Vec<String> =
        violations.iter().map(|violation| Shown(&violation.to_string()).to_string()).collect();
    texts.join("; ")
}

/// A text that came out of a file: on one line, and not longer than a person wants to read.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        for character in characters.by_ref().take(SHOWN_CHARS) {
            match character.is_control() {
                true => write!(f, "{}", character.escape_default())?,
                false => write!(f, "{character}")?,
            }
        }
        if characters.next().is_some() { f.write_str("...") } else { Ok(()) }
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}
