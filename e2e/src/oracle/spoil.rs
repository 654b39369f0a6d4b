//! One thing made wrong in a request that was right, and what the service says of it.
//!
//! The request is changed as JSON, as it goes over the wire: so it can also be made into what no SDK would
//! send. Nothing else is wrong with it, so that it does not matter in which order things are looked at.

mod batches;
mod expressions;
mod keys;
mod legacy;
mod members;
mod pages;
mod placeholders;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use super::table::Schema;
use crate::random::Random;

/// Members of an object of JSON.
type Members = Map<String, Json>;

/// What was made wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// What kind of thing it is, for counting.
    pub group: &'static str,
    /// The name of the error that it must give.
    pub error: &'static str,
    /// Its text must be one of these; anything, if there are none.
    pub texts: Vec<Text>,
}

/// What is known of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// All of it.
    Is(String),
    /// A part of it.
    Has(String),
}

impl Text {
    /// Whether this is such a text.
    pub fn fits(&self, text: &str) -> bool {
        match self {
            Self::Is(whole) => text == whole,
            Self::Has(part) => text.contains(part.as_str()),
        }
    }
}

/// A request to be spoilt.
struct Request<'r> {
    operation: &'r str,
    body: &'r mut Members,
    schemas: &'r BTreeMap<String, Schema>,
    random: &'r mut Random,
}

/// A family of things that can be wrong. It changes nothing if it finds none that would be wrong here.
type Family = fn(&mut Request<'_>) -> Option<Flaw>;

const FAMILIES: [Family; 9] = [
    members::spoil,
    keys::spoil,
    keys::spoil_index_key,
    values::spoil,
    placeholders::spoil,
    expressions::spoil,
    pages::spoil,
    batches::spoil,
    legacy::spoil,
];

/// Makes one thing wrong with the body of a request of this operation.
///
/// # Panics
/// If it is no request.
pub fn spoil(
    operation: &str,
    body: &mut Json,
    schemas: &BTreeMap<String, Schema>,
    random: &mut Random,
) -> Flaw {
    let body = body.as_object_mut().expect("a request is an object");
    let mut request = Request { operation, body, schemas, random };
    loop {
        let family = *request.random.pick(&FAMILIES);
        if let Some(flaw) = family(&mut request) {
            return flaw;
        }
    }
}

/// The members that hold expressions.
const EXPRESSIONS: [&str; 5] = [
    "UpdateExpression",
    "ConditionExpression",
    "KeyConditionExpression",
    "FilterExpression",
    "ProjectionExpression",
];
const NAMES: &str = "ExpressionAttributeNames";
const VALUES: &str = "ExpressionAttributeValues";

impl Request<'_> {
    fn is(&self, operations: &[&str]) -> bool {
        operations.contains(&self.operation)
    }

    /// The table that it is about, or the first of its tables.
    fn table(&self) -> String {
        let named = self.body.get("TableName").and_then(Json::as_str);
        let first = self.body.get("RequestItems").and_then(Json::as_object);
        let first = first.and_then(|tables| tables.keys().next());
        named.or(first.map(String::as_str)).expect("every request names a table").to_owned()
    }

    fn schema(&self) -> Schema {
        self.schemas.get(&self.table()).expect("the model knows the table").clone()
    }

    /// Where its expressions and their placeholders stand: for BatchGetItem, those of the first table.
    fn holder(&mut self) -> &mut Members {
        if self.operation != "BatchGetItem" {
            return self.body;
        }
        let table = self.table();
        let tables = self.body.get_mut("RequestItems").and_then(Json::as_object_mut);
        let of_table = tables.and_then(|tables| tables.get_mut(&table));
        of_table.and_then(Json::as_object_mut).expect("a batch asks something of each table")
    }

    /// The member of an expression that it has, and its kind as errors name it.
    fn expression(&mut self) -> Option<(&'static str, &'static str)> {
        let holder = self.holder();
        let there: Vec<&str> =
            EXPRESSIONS.into_iter().filter(|member| holder.contains_key(*member)).collect();
        let member = *(!there.is_empty()).then(|| self.random.pick(&there))?;
        Some((member, kind(member)))
    }

    /// Whether it has expressions that may hold values.
    fn takes_values(&mut self) -> bool {
        let [with_values @ .., _] = &EXPRESSIONS;
        let holder = self.holder();
        with_values.iter().any(|member| holder.contains_key(*member))
    }

    /// Leaves it without expressions, and without what was written before there were any.
    fn strip(&mut self) {
        let holder = self.holder();
        for member in EXPRESSIONS.iter().chain(&[NAMES, VALUES]).chain(&legacy::MEMBERS) {
            holder.remove(*member);
        }
    }

    /// Takes out the placeholders that no expression uses any more.
    fn prune(&mut self) {
        let holder = self.holder();
        let texts = EXPRESSIONS.iter().filter_map(|member| holder.get(*member)?.as_str());
        let used: BTreeSet<String> = texts.flat_map(placeholders_in).collect();
        for member in [NAMES, VALUES] {
            if let Some(Json::Object(placeholders)) = holder.get_mut(member) {
                placeholders.retain(|name, _| used.contains(name));
                if placeholders.is_empty() {
                    holder.remove(member);
                }
            }
        }
    }

    /// A text of a family that PutItem and UpdateItem wrap, and DeleteItem perhaps.
    fn wrapped(&self, text: impl Into<String>) -> Vec<Text> {
        let text = text.into();
        let long = Text::Is(format!("1 validation error detected: {text}"));
        match self.operation {
            "PutItem" | "UpdateItem" => vec![long],
            "DeleteItem" => vec![long, Text::Is(text)],
            _ => vec![Text::Is(text)],
        }
    }
}

/// The kind of an expression as errors name it.
fn kind(member: &str) -> &'static str {
    match member {
        "UpdateExpression" => "Invalid UpdateExpression: ",
        "ConditionExpression" => "Invalid ConditionExpression: ",
        "KeyConditionExpression" => "Invalid KeyConditionExpression: ",
        "FilterExpression" => "Invalid FilterExpression: ",
        "ProjectionExpression" => "Invalid ProjectionExpression: ",
        other => panic!("{other} is no expression"),
    }
}

/// The placeholders in a text.
fn placeholders_in(text: &str) -> Vec<String> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let starts = text.match_indices(['#', ':']).map(|(at, _)| at);
    let whole = |at: usize| {
        let (sign, rest) = text.get(at..)?.split_at(1);
        let length = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
        Some(format!("{sign}{}", rest.get(..length)?))
    };
    starts.filter_map(whole).collect()
}

/// A ValidationException.
fn invalid(group: &'static str, texts: Vec<Text>) -> Flaw {
    Flaw { group, error: "ValidationException", texts }
}

/// A ValidationException with a text that is known as a whole.
fn invalid_is(group: &'static str, text: impl Into<String>) -> Flaw {
    invalid(group, vec![Text::Is(text.into())])
}

/// A ValidationException with a text of which a part is known.
fn invalid_has(group: &'static str, text: impl Into<String>) -> Flaw {
    invalid(group, vec![Text::Has(text.into())])
}

/// A SerializationException.
fn unreadable(text: Option<&str>) -> Flaw {
    let texts = text.map(|text| Text::Has(text.to_owned())).into_iter().collect();
    Flaw { group: "serialization", error: "SerializationException", texts }
}

/// What many texts begin with.
fn one_or_more(text: impl std::fmt::Display) -> String {
    format!("One or more parameter values were invalid: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_wherever_they_stand() {
        let text = "(#n0.m1[2] = :v0 AND size(#n1)<:v10)OR pk<>:_";
        assert_eq!(placeholders_in(text), ["#n0", ":v0", "#n1", ":v10", ":_"]);
    }
}
