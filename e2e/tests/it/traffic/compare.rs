//! Every key of a node, held against a history, and the entries of the local index, held against the items
//! that were found: an entry of each, of the same write, in order, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use serde_json::Value as Json;

use super::history::{Allowed, History, Presence, value};
use super::load::{INDEX, key_members, partition, status};
use super::wire::Connection;

/// How often to look whether a table has become usable, and for how long at most.
const PAUSE: Duration = Duration::from_millis(10);
const LOOKS: u32 = 3_000;

/// What a comparison found.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// Keys that were read.
    pub(crate) keys: u64,
    /// Entries of the index that were held against their items.
    pub(crate) entries: u64,
    /// Writes that were found though they were not acknowledged yet.
    pub(crate) unknown_found: u64,
    /// Reads that were answered with an error of the server, and one of these answers.
    pub(crate) errors: u64,
    pub(crate) error: Option<String>,
    /// What was lost, invented or torn.
    pub(crate) defects: Vec<String>,
    /// The tables that are there.
    pub(crate) tables: Vec<String>,
}

/// What is under a key.
#[derive(Debug)]
pub(crate) enum Found {
    Nothing,
    /// The value of the item.
    Item(String),
    /// An error of the server, which says nothing about the item.
    Error(String),
    /// An answer that no read may give.
    Nonsense(String),
}

/// Reads everything that `history` speaks of and says what may not be so, if its end is this moment.
pub(crate) async fn compare(
    connection: &mut Connection,
    history: &History,
    cut: u64,
) -> io::Result<Comparison> {
    let mut comparison = Comparison::default();
    let mut missing = BTreeSet::new();
    for table in &history.tables {
        let there = settle(connection, &table.name).await?;
        match (table.presence(cut), there) {
            (Presence::There, false) => {
                comparison.defects.push(format!("lost: table {}", table.name));
            }
            (Presence::Gone, true) => {
                comparison.defects.push(format!("invented: table {}", table.name));
            }
            (Presence::There | Presence::Perhaps, true)
            | (Presence::Gone | Presence::Perhaps, false) => {}
        }
        if there {
            comparison.tables.push(table.name.clone());
        } else {
            missing.insert(table.name.as_str());
        }
    }
    let mut collections: BTreeMap<(&str, &str), Numbers<'_>> = BTreeMap::new();
    for ((table, key), allowed) in history.allowed(cut) {
        if !missing.contains(table) {
            let found = get(connection, table, key).await?;
            let number = comparison.note(table, key, &allowed, found);
            collections.entry((table, partition(key))).or_default().insert(key, number);
        }
    }
    for ((table, partition), numbers) in collections {
        let found = entries(connection, table, partition).await?;
        comparison.note_entries(&format!("{table} {partition}"), &numbers, found);
    }
    Ok(comparison)
}

/// By key, the number of the write that was found there, 0 for nothing; none if that is not known.
type Numbers<'k> = BTreeMap<&'k str, Option<u64>>;

impl Comparison {
    /// Notes what was found under a key, and returns the number of its write, if that is known.
    fn note(&mut self, table: &str, key: &str, allowed: &Allowed, found: Found) -> Option<u64> {
        self.keys += 1;
        let judged = match found {
            Found::Error(answer) => {
                self.errors += 1;
                self.error.get_or_insert(answer);
                return None;
            }
            Found::Nonsense(answer) => Err(format!("answered with {answer}")),
            Found::Nothing => judge(key, allowed, None),
            Found::Item(value) => judge(key, allowed, Some(&value)),
        };
        match judged {
            Ok(number) => {
                self.unknown_found += u64::from(number > allowed.floor);
                Some(number)
            }
            Err(defect) => {
                self.defects.push(format!("{table} {key}: {defect}"));
                None
            }
        }
    }

    /// Holds the entries of a collection against what was found under its keys.
    fn note_entries(&mut self, collection: &str, numbers: &Numbers<'_>, found: Entries) {
        let entries = match found {
            Entries::Found(entries) => entries,
            Entries::Error(answer) => {
                self.errors += 1;
                self.error.get_or_insert(answer);
                return;
            }
            Entries::Nonsense(answer) => {
                self.defects.push(format!("{collection}: the index answered with {answer}"));
                return;
            }
        };
        self.entries += entries.len() as u64;
        if !entries.is_sorted_by_key(|(_, number)| *number) {
            self.defects.push(format!("{collection}: the index is out of order: {entries:?}"));
        }
        for (key, number) in numbers {
            let here = entries.iter().filter(|(entry, _)| entry == key);
            let here: Vec<u64> = here.map(|(_, number)| *number).collect();
            match number {
                Some(0) if here.is_empty() => {}
                Some(number) if here == [*number] => {}
                // The item could not be read: what its entry should be is not known.
                None => {}
                Some(number) => self.defects.push(format!(
                    "{collection}: write {number} of {key} is there, and in the index {here:?}"
                )),
            }
        }
        let strangers = entries.iter().filter(|(key, _)| !numbers.contains_key(key.as_str()));
        for stranger in strangers {
            self.defects.push(format!("{collection}: invented entry {stranger:?}"));
        }
    }
}

/// Waits until a table is usable or gone; whether it is there.
async fn settle(connection: &mut Connection, name: &str) -> io::Result<bool> {
    for _ in 0..LOOKS {
        match status(connection, name).await? {
            None => return Ok(false),
            Some("ACTIVE") => return Ok(true),
            Some(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    panic!("table {name} neither becomes usable nor goes");
}

/// Reads a key.
pub(crate) async fn get(connection: &mut Connection, table: &str, key: &str) -> io::Result<Found> {
    let body = format!(
        r#"{{"TableName":"{table}","ConsistentRead":true,"Key":{{{}}}}}"#,
        key_members(key)
    );
    let answer = connection.call("GetItem", &body).await?;
    let text = |begins: &str| Some(answer.body.split_once(begins)?.1.split_once('"')?.0);
    let (value, number) = (text(r#""v":{"S":""#), text(r#""n":{"N":""#));
    let is_whole = |value: &str| value.split_once(':').map(|(number, _)| number) == number;
    Ok(match (answer.status, value) {
        (200, Some(value)) if !is_whole(value) => {
            Found::Nonsense(format!("number {number:?} beside the value of another write"))
        }
        (200, Some(value)) => Found::Item(value.to_owned()),
        (200, None) if answer.body == "{}" => Found::Nothing,
        (500, _) if answer.is_error("InternalServerError") => Found::Error(answer.body),
        (status, _) => Found::Nonsense(format!("{status}: {}", answer.body)),
    })
}

/// What the index holds of a collection.
#[derive(Debug)]
enum Entries {
    /// Keys and numbers of writes, in the order in which they were answered.
    Found(Vec<(String, u64)>),
    /// As for a [`Found`] item.
    Error(String),
    Nonsense(String),
}

/// Reads all entries of a collection; they fit into a page.
async fn entries(connection: &mut Connection, table: &str, partition: &str) -> io::Result<Entries> {
    let body = format!(
        r#"{{"TableName":"{table}","IndexName":"{INDEX}","ConsistentRead":true,
            "KeyConditionExpression":"pk = :p",
            "ExpressionAttributeValues":{{":p":{{"S":"{partition}"}}}}}}"#
    );
    let answer = connection.call("Query", &body).await?;
    if answer.status == 500 && answer.is_error("InternalServerError") {
        return Ok(Entries::Error(answer.body));
    }
    let parsed = (answer.status == 200).then(|| parse_entries(&answer.body)).flatten();
    Ok(parsed.map_or_else(
        || Entries::Nonsense(format!("{}: {}", answer.status, answer.body)),
        Entries::Found,
    ))
}

fn parse_entries(body: &str) -> Option<Vec<(String, u64)>> {
    let answer: Json = serde_json::from_str(body).ok()?;
    let entry = |item: &Json| {
        let key = item.pointer("/sk/S")?.as_str()?.to_owned();
        Some((key, item.pointer("/n/N")?.as_str()?.parse().ok()?))
    };
    answer.get("Items")?.as_array()?.iter().map(entry).collect()
}

/// The number of the write that was found, 0 for none, or what is wrong with it.
fn judge(key: &str, allowed: &Allowed, found: Option<&str>) -> Result<u64, String> {
    let Allowed { floor, numbers } = allowed;
    let Some(found) = found else {
        return if *floor == 0 {
            Ok(0)
        } else {
            Err(format!("lost: nothing; write {floor} is missing"))
        };
    };
    let number = found.split_once(':').and_then(|(number, _)| number.parse().ok());
    match number {
        Some(number) if found != value(key, number) => Err(format!("torn: write {number}")),
        Some(number) if numbers.contains(&number) => Ok(number),
        Some(number) if number < *floor => Err(format!("lost: write {number}, not {floor}")),
        Some(number) => Err(format!("invented: write {number}, not one of {numbers:?}")),
        None => Err(format!("torn: {}", found.get(..200.min(found.len())).unwrap_or(found))),
    }
}
