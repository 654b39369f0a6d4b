//! A file of one document that is not a manifest: read with the same bounds, the same strictness and the
//! same errors.

use std::sync::Arc;

use serde::Deserialize;

use crate::error::{Error, Place, Problem};
use crate::manifest::{documents, typed};
use crate::tree::Node;

/// The document, and where each of its values stands.
#[derive(Clone, Debug)]
pub struct Document {
    file: Arc<str>,
    node: Node,
}

impl Document {
    /// Reads a file. `file` is what errors call it.
    ///
    /// # Errors
    /// The first thing that is wrong with the file.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, Error> {
        let file: Arc<str> = file.into();
        let mut documents = documents(&file, bytes)?;
        match (documents.len(), documents.pop()) {
            (1, Some(node)) => Ok(Self { file, node }),
            (count, _) => {
                let place = Place { file, line: 1 };
                Err(Error { place, problem: Problem::NotOne(count) })
            }
        }
    }

    /// Reads a type from it.
    ///
    /// # Errors
    /// The first field that is unknown, missing, or of another type.
    pub fn parse<'de, T: Deserialize<'de>>(&'de self) -> Result<T, Error> {
        typed(&self.node).map_err(|(line, problem)| Error { place: self.at(line), problem })
    }

    /// Where the value at a path such as `peer.tls.key` stands, or the nearest that there is on the way.
    pub fn place(&self, path: &str) -> Place {
        self.at(self.node.line_of(path))
    }

    fn at(&self, line: u64) -> Place {
        Place { file: Arc::clone(&self.file), line }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::Document;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Port {
        listen: String,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        port: Port,
    }

    fn read(text: &str) -> Result<Config, String> {
        let document = Document::read("f", text.as_bytes()).map_err(|error| error.to_string())?;
        document.parse().map_err(|error| error.to_string())
    }

    #[test]
    fn a_document_is_read_with_its_places() {
        let text = "# a comment\n\nport:\n  listen: x\n";
        assert_eq!(read(text), Ok(Config { port: Port { listen: "x".to_owned() } }));
        let document = Document::read("f", text.as_bytes()).unwrap();
        assert_eq!(document.place("port.listen").to_string(), "f:4");
        assert_eq!(document.place("port.missing").to_string(), "f:3");
    }

    #[test]
    fn what_is_wrong_is_told_with_file_line_and_path() {
        let check = |text, expected: &str| {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check("port:\n  listen: x\n  liste: y\n", "f:3: port.liste: unknown field");
        check("port:\n  listen: 7\n", "f:2: port.listen: invalid type");
        check("port: {}\n", "f:1: port: missing field `listen`");
        check("port: &a {listen: x}\n", "anchors");
        check("", "f:1: the file has 0 documents");
        check("a: 1\n---\nb: 2\n", "f:1: the file has 2 documents");
        check("port: [", "not valid YAML");
    }
}
