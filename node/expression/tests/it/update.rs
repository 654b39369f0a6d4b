//! Updates.

use std::fmt::Write as _;

use stator_expression::{Update, Updated};
use stator_model::Item;

use crate::session::{self, Settings};
use crate::support::{item, placeholders, shown};

mod bounds;
mod built;
mod hostile;
mod naive;
pub(crate) mod random;

/// The new item, and what UPDATED_OLD and UPDATED_NEW return, or why not.
fn answer(settings: &Settings, expression: &str) -> String {
    let mut placeholders = settings.placeholders();
    let update = match Update::parse(expression, &mut placeholders) {
        Ok(update) => update,
        Err(error) => return error.to_string(),
    };
    let before = (!settings.get("item").is_empty()).then(|| settings.attributes("item"));
    let mut out = match update.apply(before.as_ref(), &key()) {
        Ok(updated) => told(&updated),
        Err(error) => format!("refused: {error}"),
    };
    if let Err(error) = placeholders.finish() {
        let _ = write!(out, "\n= {error}");
    }
    out
}

fn told(updated: &Updated<'_>) -> String {
    let item = updated.after().map_or("none".into(), shown);
    let mut out = if updated.is_unchanged() { "unchanged".into() } else { item };
    if let Some(old) = updated.updated_old() {
        let _ = write!(out, "\n= old {}", shown(&old));
    }
    if let Some(new) = updated.updated_new() {
        let _ = write!(out, "\n= new {}", shown(&new));
    }
    out
}

pub(crate) fn key() -> Item {
    item(r#"{"pk": {"S": "k"}}"#)
}

#[test]
fn updates_answer_as_written() {
    session::play("update", 200, answer);
}

#[test]
fn an_update_tells_which_attributes_it_reaches_into() {
    let values = item(r#"{":n": {"N": "1"}}"#);
    let mut placeholders = placeholders(&[("#a", "a.b")], &values).unwrap();
    let text = "SET a[0] = if_not_exists(b.x, if_not_exists(c.x, d[1])), e = f.x + #a, g = :n \
                REMOVE h, i.x ADD j.x :n";
    let update = Update::parse(text, &mut placeholders).unwrap();
    assert_eq!(update.nested_attributes(), ["a", "i", "j", "b", "c", "d", "f"]);
}
