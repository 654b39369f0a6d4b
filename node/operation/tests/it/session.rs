//! Runs the sessions under `testdata/`: requests one after the other, each with the answer that is due.
//!
//! A file is a session with a server of its own. A case is an operation and a body, `----`, status and
//! body of the answer, an empty line:
//!
//! ```text
//! # A comment is kept where it stands.
//! PutItem
//! {"TableName": "t", "Item": {"pk": {"S": "<a*2048>"}}}
//! ----
//! 200 {}
//! ```
//!
//! `<text*count>` is the text so many times, in requests; in answers a character that comes more than
//! 40 times in a row is shown that way. `@active t` makes a table ACTIVE, `@destroyed t` ends a
//! deletion, `@wait n` lets n seconds pass. With the environment variable STATOR_REWRITE=1 the answers are written into the files.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::world::World;

/// Characters in a row from which on they are counted instead.
const RUN: usize = 40;

#[test]
fn sessions_answer_as_written() {
    let rewrite = std::env::var_os("STATOR_REWRITE").is_some_and(|value| value == "1");
    check(World::new, rewrite);
}

#[test]
fn sessions_answer_as_written_when_another_node_does_the_work() {
    check(World::forwarding, false);
}

fn check(world: fn() -> World, rewrite: bool) {
    let files = files();
    assert!(files.len() > 10, "the sessions are there");
    let mut wrong = String::new();
    for file in files {
        let written = std::fs::read_to_string(&file).expect("a session");
        let answered = play(&written, world());
        if rewrite {
            std::fs::write(&file, answered).expect("testdata can be written");
        } else if answered != written {
            let _ = writeln!(wrong, "{}", file.display());
            for (old, new) in written.lines().zip(answered.lines()).filter(|(old, new)| old != new)
            {
                let _ = writeln!(wrong, "  - {old}\n  + {new}");
            }
        }
    }
    assert!(wrong.is_empty(), "answers differ:\n{wrong}");
}

fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut files = Vec::new();
    for folder in list(&root) {
        files.extend(list(&folder));
    }
    files.sort();
    files
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("testdata holds folders of sessions");
    entries.map(|entry| entry.expect("an entry of testdata").path()).collect()
}

/// The session with the answers that it gets.
fn play(session: &str, mut world: World) -> String {
    let mut out = String::with_capacity(session.len());
    let mut lines = session.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        if let Some(table) = line.strip_prefix("@active ") {
            world.activate(table);
        } else if let Some(seconds) = line.strip_prefix("@wait ") {
            world.wait(seconds.parse().expect("a number of seconds"));
        } else if let Some(table) = line.strip_prefix("@destroyed ") {
            world.destroy(table);
        } else if !line.is_empty() && !line.starts_with('#') {
            let mut body = String::new();
            for part in lines.by_ref().take_while(|part| *part != "----") {
                let _ = writeln!(out, "{part}");
                body.push_str(part);
                body.push('\n');
            }
            lines.by_ref().take_while(|part| !part.is_empty()).for_each(drop);
            let (status, answer) = world.answer(line, expand(&body).as_bytes());
            let answer = String::from_utf8(answer).expect("a body is UTF-8");
            assert!(
                answer.is_empty() || serde_json::from_str::<serde_json::Value>(&answer).is_ok(),
                "not JSON: {answer}"
            );
            let answer = abbreviate(&answer);
            let _ = writeln!(out, "----\n{}", format!("{status} {answer}").trim_end());
            out.push('\n');
        }
    }
    // The last answer ends the file; an empty line would be one too many.
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}

/// Writes out every `<text*count>`; any other `<` is what it is.
fn expand(body: &str) -> String {
    let mut out = String::new();
    let mut rest = body;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        match repetition(after) {
            Some((repeated, after)) => {
                out.push_str(&repeated);
                rest = after;
            }
            None => {
                out.push('<');
                rest = after;
            }
        }
    }
    out + rest
}

/// What `text*count>` at the beginning stands for, and what follows it.
fn repetition(after: &str) -> Option<(String, &str)> {
    let (repeat, after) = after.split_once('>')?;
    let (text, count) = repeat.rsplit_once('*')?;
    Some((text.repeat(count.parse().ok()?), after))
}

/// Counts characters that come often in a row.
fn abbreviate(answer: &str) -> String {
    let mut out = String::new();
    let characters: Vec<char> = answer.chars().collect();
    for run in characters.chunk_by(|left, right| left == right) {
        match run {
            [first, ..] if run.len() > RUN => {
                let _ = write!(out, "<{first}*{}>", run.len());
            }
            _ => out.extend(run),
        }
    }
    out
}
