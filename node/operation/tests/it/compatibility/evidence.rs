//! What there is of tests: which rules they cite, and which texts their answers have.
//!
//! A citation is a comment above a test, or above a case of a session, that says `Rule: ` and names of
//! rules with commas between. It is looked for in the sources of `node` and `e2e`, whatever their
//! language.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// How many lines lie at most between a citation and its test: attributes, other comments.
const NEAR: usize = 8;

/// What the tests say.
#[derive(Default)]
pub(crate) struct Evidence {
    /// By the name of a rule: the tests that cite it, in the form of links.
    pub(crate) citations: BTreeMap<String, BTreeSet<String>>,
    /// Texts with which sessions answer, each with the session, in the form of a link.
    answers: BTreeSet<(String, String)>,
}

impl Evidence {
    /// Collects it from the sources.
    ///
    /// # Panics
    /// If a citation stands above no test.
    pub(crate) fn collect() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut evidence = Self::default();
        for folder in ["node", "e2e"] {
            let mut files = Vec::new();
            find(&root.join(folder), &mut files);
            for file in files {
                let name = file.strip_prefix(&root).expect("found there").to_string_lossy();
                let name = name.replace('\\', "/");
                // What comes of fuzzing and the like need not be text.
                if let Ok(text) = std::fs::read_to_string(&file) {
                    evidence.read(&name, &text);
                }
            }
        }
        evidence
    }

    fn read(&mut self, file: &str, text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(names) = cited(line) else { continue };
            let after = lines.iter().skip(at + 1).take(NEAR).copied();
            let test = test_name(file, after)
                .unwrap_or_else(|| panic!("{file}:{}: the citation stands above no test", at + 1));
            for name in names.split(", ") {
                let link = format!("[{test}](../{file})");
                self.citations.entry(name.to_owned()).or_default().insert(link);
            }
        }
        if is_session(file) {
            let link = format!("[{}](../{file})", session_name(file));
            let texts = lines.iter().filter_map(|line| answered(line));
            self.answers.extend(texts.map(|text| (text, link.clone())));
        }
    }

    /// The sessions that have an answer with this text, where `…` is anything.
    pub(crate) fn answering(&self, wanted: &str) -> BTreeSet<&str> {
        let parts: Vec<&str> = wanted.split('…').collect();
        let found = self
            .answers
            .iter()
            .filter(|(text, _)| has_form(unwrapped(text), &parts) || has_form(text, &parts));
        found.map(|(_, link)| link.as_str()).collect()
    }
}

/// Every file in a folder and what is in it.
fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() && name != "target" && name != "compatibility" {
            find(&path, files);
        } else if path.extension().is_some_and(is_source) {
            files.push(path);
        }
    }
}

fn is_source(extension: &std::ffi::OsStr) -> bool {
    ["rs", "txt", "py", "sh", "js", "java", "go"].iter().any(|it| extension == *it)
}

/// The names that a comment cites.
fn cited(line: &str) -> Option<&str> {
    let comment = line.trim_start();
    let comment = comment.strip_prefix("//").or_else(|| comment.strip_prefix('#'))?;
    comment.strip_prefix(" Rule: ")
}

/// What lies under a citation: a function, a case of a session, or a step of a client's program.
fn test_name<'l>(file: &str, mut after: impl Iterator<Item = &'l str>) -> Option<String> {
    if is_session(file) {
        let is_case = |line: &&str| !line.is_empty() && !line.starts_with('#');
        return after.find(is_case).map(|_| session_name(file));
    }
    if file.ends_with(".rs") {
        return after.find_map(|line| {
            let (_, function) = line.split_once("fn ")?;
            let (name, _) = function.split_once('(')?;
            Some(name.to_owned())
        });
    }
    let name = Path::new(file).file_name()?.to_string_lossy().into_owned();
    after.next().map(|_| name)
}

fn is_session(file: &str) -> bool {
    file.ends_with(".txt") && file.contains("/testdata/")
}

/// `node/operation/testdata/query/pages.txt` is `query/pages`, that of another crate has its name before.
fn session_name(file: &str) -> String {
    let file = file.trim_start_matches("node/").trim_end_matches(".txt");
    let (owner, session) = file.split_once("/testdata/").expect("a session lies in testdata");
    if owner == "operation" { session.to_owned() } else { format!("{owner}: {session}") }
}

/// The text of an error, as sessions of operations and of expressions write answers.
fn answered(line: &str) -> Option<String> {
    if let Some(answer) = line.strip_prefix("= ") {
        return Some(answer.strip_prefix("refused: ").unwrap_or(answer).to_owned());
    }
    let (status, body) = line.split_once(" {")?;
    status.parse::<u16>().ok().filter(|status| *status >= 400)?;
    let body: Value = serde_json::from_str(&format!("{{{body}")).ok()?;
    let text = body.get("message").or_else(|| body.get("Message"))?.as_str()?;
    Some(text.to_owned())
}

/// A text without what is put before texts of its kind.
fn unwrapped(text: &str) -> &str {
    let text = text.strip_prefix("1 validation error detected: ").unwrap_or(text);
    text.strip_prefix("ExpressionAttributeValues contains invalid value: ").unwrap_or(text)
}

/// Whether a text is made of these parts, with anything between them.
fn has_form(text: &str, parts: &[&str]) -> bool {
    let [first, between @ .., last] = parts else { return parts == [text] };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    for part in between {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[test]
fn a_text_has_the_form_of_its_parts() {
    for (text, form) in
        [("abc", "abc"), ("abc", "a…c"), ("ac", "a…c"), ("abcbd", "…b…d"), ("x", "…")]
    {
        assert!(has_form(text, &form.split('…').collect::<Vec<_>>()), "{text} {form}");
    }
    for (text, form) in [("abc", "ab"), ("abc", "b…"), ("aba", "aba…a"), ("ab", "a…c…b")] {
        assert!(!has_form(text, &form.split('…').collect::<Vec<_>>()), "{text} {form}");
    }
}
