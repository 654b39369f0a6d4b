//! Files of manifests: from bytes to tables, or to the first thing that is wrong.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::MergeKeyPolicy;

use crate::error::{Error, Place, Problem};
use crate::metadata::Metadata;
use crate::spec::TableSpec;
use crate::tree::{DEPTH, NODES, Node, Value};
use crate::validate::{TableDefinition, Violations};

/// The group and version of the objects that are read.
pub const API_VERSION: &str = "stator.dev/v1alpha1";
/// The kind of the objects that are read.
pub const KIND: &str = "Table";
/// Bytes of a file, at most: 1,000 tables with room for comments.
pub const FILE_BYTES: usize = 1024 * 1024;
/// Documents of a file, at most, those that hold nothing included.
pub const DOCUMENTS: usize = 1_000;

/// Characters of a key, at most: YAML's own limit.
const KEY_CHARS: usize = 1_024;

/// A table that a document describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The object's name and what goes with it.
    pub metadata: Metadata,
    /// The table.
    pub table: TableDefinition,
    /// Where the document begins.
    pub place: Place,
}

/// A document of the kind, its fields known and of the right types.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    metadata: Metadata,
    spec: TableSpec,
}

/// Reads every document of a file. `file` is what errors call it.
///
/// # Errors
/// The first thing that is wrong with the file: then none of it counts.
pub fn read(file: &str, bytes: &[u8]) -> Result<Vec<Manifest>, Error> {
    let file: Arc<str> = file.into();
    let documents = documents(&file, bytes)?;
    let error = |line, problem| Error { place: Place { file: Arc::clone(&file), line }, problem };
    let manifest = |document: &Node| {
        let (metadata, table) = table(document).map_err(|(line, problem)| error(line, problem))?;
        let place = Place { file: Arc::clone(&file), line: document.line };
        Ok(Manifest { metadata, table, place })
    };
    documents.iter().map(manifest).collect()
}

/// The documents of a file, without those that hold nothing.
pub(crate) fn documents(file: &Arc<str>, bytes: &[u8]) -> Result<Vec<Node>, Error> {
    let error = |line, problem| Error { place: Place { file: Arc::clone(file), line }, problem };
    if bytes.len() > FILE_BYTES {
        return Err(error(1, Problem::FileTooLarge));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|invalid| error(line_at(bytes, invalid.valid_up_to()), Problem::NotText))?;
    parse(text).map_err(|(line, problem)| error(line, problem))
}

/// Reads a type from a document.
pub(crate) fn typed<'de, T: Deserialize<'de>>(document: &'de Node) -> Result<T, Located> {
    serde_path_to_error::deserialize(document).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        let problem = error.inner().to_string();
        (document.line_of(&path), Problem::Field { path, problem })
    })
}

/// Whether every document describes a table of its own.
///
/// # Errors
/// The first document that describes a table, or is an object, that an earlier one is.
pub fn check_unique(manifests: &[Manifest]) -> Result<(), Error> {
    let (mut tables, mut objects) = (HashMap::new(), HashMap::new());
    for manifest in manifests {
        let error = |problem| Error { place: manifest.place.clone(), problem };
        let name = &manifest.table.name;
        if let Some(other) = tables.insert(name, &manifest.place).cloned() {
            return Err(error(Problem::TableTwice { name: name.clone(), other }));
        }
        let Metadata { name, namespace, .. } = &manifest.metadata;
        if let Some(other) = objects.insert((namespace, name), &manifest.place).cloned() {
            return Err(error(Problem::ObjectTwice { name: name.clone(), other }));
        }
    }
    Ok(())
}

/// Something wrong, and its line.
pub(crate) type Located = (u64, Problem);

/// The documents of a text, without those that hold nothing.
fn parse(text: &str) -> Result<Vec<Node>, Located> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_anchors: 0,
            max_aliases: 0,
            max_depth: DEPTH,
            // The scanner looks ahead by as many characters as a key may have, and has a limit of its
            // own for brackets: it is never to be met before `max_depth`.
            simple_key_max_lookahead: KEY_CHARS,
            flow_nesting_limit: 2 * KEY_CHARS,
            max_documents: DOCUMENTS,
            max_nodes: NODES,
        },
        merge_keys: MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        (line.max(1), problem(&error))
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's errors are not ours; most are syntax"
)]
fn problem(error: &serde_saphyr::Error) -> Problem {
    match error.without_snippet() {
        serde_saphyr::Error::Budget { breach, .. } => match breach {
            BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. } => Problem::Alias,
            BudgetBreach::Depth { .. } => Problem::TooDeep,
            BudgetBreach::Documents { .. } => Problem::TooManyDocuments,
            _ => Problem::TooManyValues,
        },
        serde_saphyr::Error::UnknownAnchor { .. }
        | serde_saphyr::Error::MergeKeyNotAllowed { .. } => Problem::Alias,
        serde_saphyr::Error::DuplicateMappingKey { key, .. } => {
            Problem::KeyTwice(key.clone().unwrap_or_default())
        }
        other => Problem::Syntax(without_location(other)),
    }
}

/// The text of a parser's error. Its location is told in front of it.
fn without_location(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let location = error
        .location()
        .map(|at| format!(" at line {}, column {}", at.line(), at.column()))
        .unwrap_or_default();
    text.strip_suffix(&location).unwrap_or(&text).to_owned()
}

fn line_at(bytes: &[u8], at: usize) -> u64 {
    let before = bytes.iter().take(at).filter(|byte| **byte == b'\n');
    u64::try_from(before.count()).map_or(1, |lines| lines + 1)
}

/// The table of one document.
fn table(document: &Node) -> Result<(Metadata, TableDefinition), Located> {
    check_kind(document)?;
    let Document { metadata, spec, .. } = typed(document)?;
    let mut violations = Violations::default();
    metadata.check(&mut violations);
    let mut violations = violations.into_list();
    let table = match spec.validate(&metadata.name) {
        Ok(table) if violations.is_empty() => return Ok((metadata, table)),
        Ok(_) => violations,
        Err(more) => {
            violations.extend(more);
            violations
        }
    };
    let line = table.first().map_or(document.line, |first| document.line_of(&first.path));
    Err((line, Problem::Invalid(table)))
}

/// What a document is comes first: the fields of another kind would only be unknown ones.
fn check_kind(document: &Node) -> Result<(), Located> {
    let text = |key| match document.get(key).map(|entry| &entry.value.value) {
        Some(Value::Text(text)) => Ok(text.clone()),
        Some(
            Value::Null
            | Value::Bool(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::List(_)
            | Value::Map(_),
        )
        | None => Err((document.line_of(key), Problem::NotAnObject(key))),
    };
    let (api_version, kind) = (text("apiVersion")?, text("kind")?);
    if api_version == API_VERSION && kind == KIND {
        return Ok(());
    }
    Err((document.line_of("kind"), Problem::Kind { kind, api_version }))
}
