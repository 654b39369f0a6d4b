//! Expressions: read with their placeholders, and then applied to items.
//!
//! An input is lines, in the form of the expressions' own sessions: `item` and `values` with attributes in
//! JSON, `names` with pairs `#a=name`, `key` with names and types; after `> ` the expression, to the end.

use std::collections::BTreeMap;
use std::io;

use stator_expression::{
    Condition, ExpressionError, KeyExpression, Kind, Placeholders, Projection, Update,
};
use stator_model::{Item, ItemView, KeyAttribute, KeyType};
use stator_protocol::{JsonWriter, is_json};

use crate::seeds::{expand, sessions};

/// Items that every expression is applied to, besides the input's own.
const ITEMS: [&str; 3] = [
    r#"{}"#,
    r#"{"pk":{"S":"k"},"a":{"N":"3"},"b":{"S":"hello"},"c":{"BOOL":true},"s":{"SS":["a","b"]},"n":{"NS":["1","2.5"]}}"#,
    r#"{"pk":{"S":"k"},"a":{"M":{"b":{"L":[{"N":"1"},{"M":{"c":{"B":"AAEC"}}}]}}},"l":{"L":[{"S":"x"},{"NULL":true}]},"bs":{"BS":["AA=="]}}"#,
];
/// An error says at most this much more than the input does.
const MORE_WORDS: usize = 1024;
/// How often an error may say what the input says once: names behind placeholders stand in paths of 32
/// elements, and an error may have two paths.
const REPEATED: usize = 2 * 32;

struct Case<'a> {
    /// The length of the whole input.
    bytes: usize,
    settings: BTreeMap<&'a str, &'a str>,
    text: &'a str,
}

impl<'a> Case<'a> {
    fn read(input: &'a [u8]) -> Option<Self> {
        let bytes = input.len();
        let input = std::str::from_utf8(input).ok()?;
        let (settings, text) = match input.split_once("\n> ") {
            Some((settings, text)) => (settings, text),
            None => ("", input.strip_prefix("> ").unwrap_or(input)),
        };
        let setting = |line: &'a str| line.split_once(' ').unwrap_or((line, ""));
        Some(Self { bytes, settings: settings.lines().map(setting).collect(), text })
    }

    fn setting(&self, name: &str) -> Option<&'a str> {
        self.settings.get(name).copied().filter(|value| !value.is_empty())
    }

    fn attributes(&self, name: &str) -> Option<Item> {
        item(self.setting(name)?)
    }

    /// The items to apply the expression to, the input's own first.
    fn items(&self) -> Vec<Item> {
        self.attributes("item")
            .into_iter()
            .chain(ITEMS.iter().filter_map(|json| item(json)))
            .collect()
    }

    fn placeholders(&self) -> Result<Placeholders, ExpressionError> {
        let names = self.setting("names").map(|names| {
            let pair = |pair: &str| {
                let (token, name) = pair.split_once('=').unwrap_or((pair, ""));
                (token.to_owned(), name.to_owned())
            };
            names.split_whitespace().map(pair).collect()
        });
        Placeholders::new(names, self.attributes("values"))
    }

    /// What refuses an expression is as long as the input allows.
    fn check_words(&self, error: &impl ToString) {
        let words = error.to_string().len();
        assert!(
            words <= REPEATED * self.bytes + MORE_WORDS,
            "{words} bytes to refuse an expression"
        );
    }

    /// Hands on what was read, or looks at why it was not.
    fn checked<T>(&self, read: Result<T, ExpressionError>) -> Option<T> {
        if let Err(error) = &read {
            self.check_words(error);
        }
        read.ok()
    }
}

fn item(json: &str) -> Option<Item> {
    stator_protocol::parse(json.as_bytes()).ok()
}

/// Attributes can always be said in a reply.
fn show(item: &Item) {
    let mut writer = JsonWriter::new();
    writer.item(item);
    assert!(is_json(&writer.into_bytes()), "attributes that are not JSON");
}

pub(crate) fn condition(input: &[u8]) {
    let Some(case) = Case::read(input) else { return };
    let read = |kind| {
        let mut placeholders = case.placeholders().ok()?;
        case.checked(Condition::parse(kind, case.text, &mut placeholders))
    };
    let (condition, filter) = (read(Kind::Condition), read(Kind::Filter));
    assert_eq!(condition, filter, "a filter means what a condition does");
    let Some(condition) = condition else { return };
    let attributes = condition.attributes();
    assert!(condition.nested_attributes().iter().all(|nested| attributes.contains(nested)));
    for item in case.items() {
        assert_eq!(condition.holds(&item), condition.holds(&item.clone()));
    }
}

pub(crate) fn key_condition(input: &[u8]) {
    let Some(case) = Case::read(input) else { return };
    let Ok(mut placeholders) = case.placeholders() else { return };
    let Some(read) = case.checked(KeyExpression::parse(case.text, &mut placeholders)) else {
        return;
    };
    let Some(condition) = case.checked(read.restrict()) else { return };
    let mut words = case.setting("key").unwrap_or("pk S sk N").split_whitespace();
    let mut attribute = || {
        let name = words.next()?.to_owned();
        let key_type = match words.next() {
            Some("N") => KeyType::N,
            Some("B") => KeyType::B,
            Some(_) | None => KeyType::S,
        };
        Some(KeyAttribute { name, key_type })
    };
    let (Some(partition), sort) = (attribute(), attribute()) else { return };
    match condition.bind(&partition, sort.as_ref()) {
        Ok(query) => {
            if let Some(range) = query.sort {
                range.contains(&query.partition);
            }
        }
        Err(error) => case.check_words(&error),
    }
}

pub(crate) fn projection(input: &[u8]) {
    let Some(case) = Case::read(input) else { return };
    let Ok(mut placeholders) = case.placeholders() else { return };
    let Some(projection) = case.checked(Projection::parse(case.text, &mut placeholders)) else {
        return;
    };
    let nested = projection.nested_attributes();
    assert!(nested.iter().all(|nested| projection.attributes().any(|known| known == *nested)));
    for item in case.items() {
        let shown = projection.project(&item);
        assert!(shown.size() <= item.size(), "a projection adds nothing");
        show(&shown);
    }
}

pub(crate) fn update(input: &[u8]) {
    let Some(case) = Case::read(input) else { return };
    let Ok(mut placeholders) = case.placeholders() else { return };
    let Some(update) = case.checked(Update::parse(case.text, &mut placeholders)) else { return };
    let key = item(r#"{"pk":{"S":"k"}}"#).unwrap_or_default();
    let items = case.items();
    for before in items.iter().map(Some).chain([None]) {
        match update.apply(before, &key) {
            Ok(updated) => {
                updated.after().into_iter().for_each(show);
                updated.updated_old().iter().for_each(show);
                updated.updated_new().iter().for_each(show);
                assert!(updated.gauged_size(&key).0 > 0);
            }
            Err(error) => case.check_words(&error),
        }
    }
}

/// Every expression in the sessions of these folders, with what is set for it.
pub(crate) fn seeds(folders: &[&str]) -> io::Result<Vec<Vec<u8>>> {
    let mut seeds = Vec::new();
    for session in sessions("expression", folders)? {
        let mut settings = BTreeMap::new();
        for line in session.lines().filter(|line| !line.starts_with(['=', '#'])) {
            if let Some(text) = line.strip_prefix("> ") {
                let set = |(name, value): (&&str, &String)| format!("{name} {value}\n");
                let settings: String = settings.iter().map(set).collect();
                seeds.push(format!("{settings}> {}", expand(text)).into_bytes());
            } else if let Some((name, value)) = line.split_once(' ') {
                settings.insert(name, expand(value));
            } else {
                settings.remove(line);
            }
        }
    }
    Ok(seeds)
}

/// Every set of attributes in those sessions.
pub(crate) fn items() -> io::Result<Vec<Vec<u8>>> {
    let sessions = sessions("expression", &[])?;
    let lines = sessions.iter().flat_map(|session| session.lines());
    let json = lines.filter_map(|line| line.strip_prefix("item ").or(line.strip_prefix("values ")));
    let json = json.chain(ITEMS);
    Ok(json.map(|json| expand(json).into_bytes()).collect())
}
