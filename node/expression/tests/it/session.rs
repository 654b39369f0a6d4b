//! Sessions under `testdata/`: expressions, each with what comes of it.
//!
//! ```text
//! # A comment is kept where it stands.
//! item {"a": {"S": "x"}}
//! values {":v": {"S": "x"}}
//! names #a=status #b=with.dot
//! > a = :v
//! = true
//! ```
//!
//! Settings hold until they are set again; a setting without a value unsets. `<text*count>` in a
//! setting or expression is the text so many times; answers show such texts as they are. With the
//! environment variable STATOR_REWRITE=1 the answers are written into the files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use stator_expression::Placeholders;
use stator_model::Item;

use crate::support;

/// What is set when an expression is tried.
#[derive(Default)]
pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    /// A setting's value; empty if there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The attributes in a setting; none if it is not set.
    pub(crate) fn attributes(&self, name: &str) -> Item {
        match self.get(name) {
            "" => Item::new(),
            json => support::item(json),
        }
    }

    /// The placeholders of the settings `names` and `values`.
    pub(crate) fn placeholders(&self) -> Placeholders {
        let pair = |pair: &'_ str| {
            let (token, name) = pair.split_once('=').expect("a name is #token=name");
            (token.to_owned(), name.to_owned())
        };
        let names: Vec<_> = self.get("names").split_whitespace().map(pair).collect();
        let borrowed: Vec<_> =
            names.iter().map(|(token, name)| (token.as_str(), name.as_str())).collect();
        support::placeholders(&borrowed, &self.attributes("values")).expect("good placeholders")
    }
}

/// Plays all sessions of a folder, with at least `least` expressions in them.
pub(crate) fn play(folder: &str, least: usize, answer: impl Fn(&Settings, &str) -> String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(folder);
    let entries = std::fs::read_dir(&folder).expect("the folder is there");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let rewrite = std::env::var_os("STATOR_REWRITE").is_some_and(|value| value == "1");
    let (mut count, mut wrong) = (0, String::new());
    for file in files {
        let written = std::fs::read_to_string(&file).expect("a session is text");
        let played = play_one(&written, &answer);
        count += played.lines().filter(|line| line.starts_with("> ")).count();
        if rewrite {
            std::fs::write(&file, played).expect("a session can be written");
        } else if played != written {
            let _ = writeln!(wrong, "{}", file.display());
            let mut expression = "";
            for (old, new) in written.lines().zip(played.lines()) {
                expression = if new.starts_with('>') { new } else { expression };
                if old != new {
                    let _ = writeln!(wrong, "  {expression}\n  - {old}\n  + {new}");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "answers differ:\n{wrong}");
    assert!(count >= least, "{count} expressions");
}

fn play_one(session: &str, answer: impl Fn(&Settings, &str) -> String) -> String {
    let mut settings = Settings::default();
    let mut out = String::new();
    for line in session.lines().filter(|line| !line.starts_with('=')) {
        let _ = writeln!(out, "{line}");
        if line.starts_with('#') || line.is_empty() {
        } else if let Some(expression) = line.strip_prefix('>') {
            let expression = expand(expression.strip_prefix(' ').unwrap_or(expression));
            let _ = writeln!(out, "= {}", answer(&settings, &expression).trim_end());
        } else {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            settings.0.insert(name.to_owned(), expand(value));
        }
    }
    out
}

/// Writes out every `<text*count>`. Any other `<` stands for itself.
fn expand(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let repeat = rest[at + 1..].split_once('>').and_then(|(inside, after)| {
            let (text, count) = inside.rsplit_once('*')?;
            Some((text.repeat(count.parse().ok()?), after))
        });
        out.push_str(&rest[..at]);
        (out, rest) = match repeat {
            Some((text, after)) => (out + &text, after),
            None => (out + "<", &rest[at + 1..]),
        };
    }
    out + rest
}
