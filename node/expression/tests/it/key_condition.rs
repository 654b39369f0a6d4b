//! Key conditions, down to the range of keys.

use std::error::Error;

use stator_expression::{KeyExpression, KeyQuery, KeyTest, SortRange};
use stator_model::{KeyAttribute, KeyType, KeyValue};

use crate::session::{self, Settings};

/// The setting `key` is the names and types of the key's attributes: `pk S sk N`.
fn bind(settings: &Settings, expression: &str) -> Result<KeyQuery, Box<dyn Error>> {
    let mut words = settings.get("key").split_whitespace();
    let mut attribute = || {
        let name = words.next()?.to_owned();
        let key_type = match words.next() {
            Some("N") => KeyType::N,
            Some("B") => KeyType::B,
            _ => KeyType::S,
        };
        Some(KeyAttribute { name, key_type })
    };
    let partition = attribute().expect("a key has a first attribute");
    let sort = attribute();
    let parsed = KeyExpression::parse(expression, &mut settings.placeholders())?;
    Ok(parsed.restrict()?.bind(&partition, sort.as_ref())?)
}

fn shown(value: &KeyValue) -> String {
    let (name, text) = match value {
        KeyValue::S(text) => ("S", text.clone()),
        KeyValue::N(number) => ("N", number.to_string()),
        KeyValue::B(bytes) => ("B", format!("{bytes:02x?}")),
    };
    match text.len() {
        0..60 => format!("{name}:{text}"),
        length => format!("{name} of {length} bytes"),
    }
}

fn shown_range(range: &SortRange) -> String {
    match range {
        KeyTest::Equal(value) => format!("= {}", shown(value)),
        KeyTest::Less(value) => format!("< {}", shown(value)),
        KeyTest::LessOrEqual(value) => format!("<= {}", shown(value)),
        KeyTest::Greater(value) => format!("> {}", shown(value)),
        KeyTest::GreaterOrEqual(value) => format!(">= {}", shown(value)),
        KeyTest::Between { lower, upper } => {
            format!("from {} to {}", shown(lower), shown(upper))
        }
        KeyTest::BeginsWith(prefix) => format!("begins with {}", shown(prefix)),
    }
}

#[test]
fn key_conditions_answer_as_written() {
    session::play("key_condition", 100, |settings, expression| match bind(settings, expression) {
        Ok(KeyQuery { partition, sort: None }) => shown(&partition),
        Ok(KeyQuery { partition, sort: Some(range) }) => {
            format!("{}, {}", shown(&partition), shown_range(&range))
        }
        Err(error) => error.to_string(),
    });
}
