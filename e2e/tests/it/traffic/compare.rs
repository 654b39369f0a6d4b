//! Every key of a node, held against a history.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use super::history::{Allowed, History, Presence, value};
use super::load::status;
use super::wire::Connection;

/// How often to look whether a table has become usable, and for how long at most.
const PAUSE: Duration = Duration::from_millis(10);
const LOOKS: u32 = 3_000;

/// What a comparison found.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// Keys that were read.
    pub(crate) keys: u64,
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
    for ((table, key), allowed) in history.allowed(cut) {
        if !missing.contains(table) {
            let found = get(connection, table, key).await?;
            comparison.note(table, key, &allowed, found);
        }
    }
    Ok(comparison)
}

impl Comparison {
    fn note(&mut self, table: &str, key: &str, allowed: &Allowed, found: Found) {
        self.keys += 1;
        let judged = match found {
            Found::Error(answer) => {
                self.errors += 1;
                self.error.get_or_insert(answer);
                return;
            }
            Found::Nonsense(answer) => Err(format!("answered with {answer}")),
            Found::Nothing => judge(key, allowed, None),
            Found::Item(value) => judge(key, allowed, Some(&value)),
        };
        match judged {
            Ok(number) => self.unknown_found += u64::from(number > allowed.floor),
            Err(defect) => self.defects.push(format!("{table} {key}: {defect}")),
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
        r#"{{"TableName":"{table}","ConsistentRead":true,"Key":{{"pk":{{"S":"{key}"}}}}}}"#
    );
    let answer = connection.call("GetItem", &body).await?;
    let value = answer.body.split_once(r#""v":{"S":""#).and_then(|(_, rest)| rest.split_once('"'));
    Ok(match (answer.status, value) {
        (200, Some((value, _))) => Found::Item(value.to_owned()),
        (200, None) if answer.body == "{}" => Found::Nothing,
        (500, _) if answer.is_error("InternalServerError") => Found::Error(answer.body),
        (status, _) => Found::Nonsense(format!("{status}: {}", answer.body)),
    })
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
