//! The text of expressions, with placeholders for what may not stand in it bare.

use std::collections::BTreeMap;

use super::condition::{Operand, Test};
use super::path::{Path, Step};
use super::range::Range;
use super::update::{Action, Source};
use super::value::Value;
use crate::random::Random;

/// Names that are no reserved words and need no placeholder.
const BARE: [&str; 8] = ["pk", "sk", "nested", "m0", "m1", "m2", "m3", "m4"];

/// The placeholders of a request, as its expressions are written.
#[derive(Clone, Debug, Default)]
pub struct Wording {
    /// `#` placeholders.
    pub names: BTreeMap<String, String>,
    /// `:` placeholders.
    pub values: BTreeMap<String, Value>,
}

impl Wording {
    /// A placeholder for a value.
    pub fn value(&mut self, value: &Value) -> String {
        let known = self.values.iter().find(|(_, known)| *known == value);
        if let Some((placeholder, _)) = known {
            return placeholder.clone();
        }
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value.clone());
        placeholder
    }

    fn name(&mut self, name: &str) -> String {
        if BARE.contains(&name) {
            return name.to_owned();
        }
        if let Some((placeholder, _)) = self.names.iter().find(|(_, known)| *known == name) {
            return placeholder.clone();
        }
        let placeholder = format!("#n{}", self.names.len());
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    /// A path.
    pub fn path(&mut self, path: &Path) -> String {
        let mut text = self.name(&path.head);
        for step in &path.steps {
            match step {
                Step::Name(name) => {
                    text.push('.');
                    text.push_str(&self.name(name));
                }
                Step::Index(at) => text.push_str(&format!("[{at}]")),
            }
        }
        text
    }

    /// A ProjectionExpression.
    pub fn projection(&mut self, paths: &[Path]) -> String {
        let paths: Vec<String> = paths.iter().map(|path| self.path(path)).collect();
        paths.join(", ")
    }

    fn operand(&mut self, operand: &Operand) -> String {
        match operand {
            Operand::Path(path) => self.path(path),
            Operand::Value(value) => self.value(value),
            Operand::Size(path) => format!("size({})", self.path(path)),
        }
    }

    /// A ConditionExpression.
    pub fn condition(&mut self, test: &Test) -> String {
        match test {
            Test::Compare(left, comparator, right) => {
                format!("{} {comparator} {}", self.operand(left), self.operand(right))
            }
            Test::Between(value, lower, upper) => {
                let (lower, upper) = (self.value(lower), self.value(upper));
                format!("{} BETWEEN {lower} AND {upper}", self.operand(value))
            }
            Test::In(value, options) => {
                let options: Vec<String> =
                    options.iter().map(|option| self.value(option)).collect();
                format!("{} IN ({})", self.operand(value), options.join(", "))
            }
            Test::Exists(path) => format!("attribute_exists({})", self.path(path)),
            Test::NotExists(path) => format!("attribute_not_exists({})", self.path(path)),
            Test::HasType(path, name) => {
                let name = self.value(&Value::S((*name).to_owned()));
                format!("attribute_type({}, {name})", self.path(path))
            }
            Test::BeginsWith(path, prefix) => {
                format!("begins_with({}, {})", self.path(path), self.value(prefix))
            }
            Test::Contains(path, element) => {
                format!("contains({}, {})", self.path(path), self.operand(element))
            }
            Test::And(left, right) => {
                // AND binds closer than OR, and NOT closer than both.
                let part = |it: &mut Self, test: &Test| {
                    let text = it.condition(test);
                    if matches!(test, Test::Or(..)) { format!("({text})") } else { text }
                };
                format!("{} AND {}", part(self, left), part(self, right))
            }
            Test::Or(left, right) => {
                format!("{} OR {}", self.condition(left), self.condition(right))
            }
            Test::Not(test) => {
                let text = self.condition(test);
                // The grammar has no NOT behind a NOT.
                let is_wrapped = matches!(**test, Test::And(..) | Test::Or(..) | Test::Not(_));
                if is_wrapped { format!("NOT ({text})") } else { format!("NOT {text}") }
            }
        }
    }

    /// A KeyConditionExpression: this value of the partition key, and of the sort key what is said. There
    /// are several ways to say it.
    pub fn key_condition(
        &mut self,
        (partition_key, partition): (&str, &Value),
        range: Option<(&str, &Range)>,
        random: &mut Random,
    ) -> String {
        let is_equal = self.comparison(partition_key, "=", partition, random);
        let Some((sort_key, range)) = range else { return is_equal };
        let range = match range {
            Range::Compare(comparator, value) => {
                self.comparison(sort_key, comparator, value, random)
            }
            Range::Between(lower, upper) => {
                let (lower, upper) = (self.value(lower), self.value(upper));
                format!("{} between {lower} AND {upper}", self.name(sort_key))
            }
            Range::BeginsWith(prefix) => {
                format!("begins_with({}, {})", self.name(sort_key), self.value(prefix))
            }
        };
        match random.below(4) {
            0 => format!("{range} AND {is_equal}"),
            1 => format!("({is_equal}) and ({range})"),
            _ => format!("{is_equal} AND {range}"),
        }
    }

    /// A comparison of a key, which may stand on either side.
    fn comparison(
        &mut self,
        key: &str,
        comparator: &str,
        value: &Value,
        random: &mut Random,
    ) -> String {
        let (key, value) = (self.name(key), self.value(value));
        if !random.one_in(4) {
            return format!("{key} {comparator} {value}");
        }
        let mirrored = match comparator {
            "<" => ">",
            "<=" => ">=",
            ">" => "<",
            ">=" => "<=",
            same => same,
        };
        format!("{value} {mirrored} {key}")
    }

    fn source(&mut self, source: &Source) -> String {
        match source {
            Source::Path(path) => self.path(path),
            Source::Value(value) => self.value(value),
            Source::IfNotExists(path, otherwise) => {
                format!("if_not_exists({}, {})", self.path(path), self.source(otherwise))
            }
            Source::Sum(left, right) => format!("{} + {}", self.source(left), self.source(right)),
            Source::Difference(left, right) => {
                format!("{} - {}", self.source(left), self.source(right))
            }
            Source::ListAppend(left, right) => {
                format!("list_append({}, {})", self.source(left), self.source(right))
            }
        }
    }

    /// An UpdateExpression: one clause for each kind of action.
    pub fn update(&mut self, actions: &[Action]) -> String {
        let mut clauses: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for action in actions {
            let target = self.path(action.target());
            let (clause, text) = match action {
                Action::Set(_, source) => ("SET", format!("{target} = {}", self.source(source))),
                Action::Remove(_) => ("REMOVE", target),
                Action::Add(_, value) => ("ADD", format!("{target} {}", self.value(value))),
                Action::Delete(_, value) => ("DELETE", format!("{target} {}", self.value(value))),
            };
            clauses.entry(clause).or_default().push(text);
        }
        let clause =
            |(keyword, texts): (&str, Vec<String>)| format!("{keyword} {}", texts.join(", "));
        clauses.into_iter().map(clause).collect::<Vec<_>>().join(" ")
    }
}
