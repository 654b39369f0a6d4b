//! The model: values, operands and conditions, and what is true of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bytes::Bytes;
use stator_model::{AttributeMap, AttributeValue};

/// A value. Equality of these is the equality that is meant: sets without order, numbers by value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    S(String),
    N(i64),
    B(Vec<u8>),
    Bool(bool),
    Null,
    Ss(BTreeSet<String>),
    Ns(BTreeSet<i64>),
    Bs(BTreeSet<Vec<u8>>),
    L(Vec<Value>),
    M(Values),
}

pub(crate) type Values = BTreeMap<String, Value>;

impl Value {
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::B(_) => "B",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
            Self::Bs(_) => "BS",
            Self::L(_) => "L",
            Self::M(_) => "M",
        }
    }

    /// As an item has it.
    pub(crate) fn stored(&self) -> AttributeValue {
        self.spelled(false)
    }

    /// `otherwise` spells numbers and orders sets in another way than usual.
    fn spelled(&self, otherwise: bool) -> AttributeValue {
        let number = |number: &i64| {
            let text = if otherwise { format!("{number}0.0e-1") } else { number.to_string() };
            text.parse().expect("a number")
        };
        match self {
            Self::S(text) => AttributeValue::S(text.clone()),
            Self::N(value) => AttributeValue::N(number(value)),
            Self::B(bytes) => AttributeValue::B(Bytes::copy_from_slice(bytes)),
            Self::Bool(flag) => AttributeValue::Bool(*flag),
            Self::Null => AttributeValue::Null,
            Self::Ss(set) => AttributeValue::Ss(turned(set.iter().cloned(), otherwise)),
            Self::Ns(set) => AttributeValue::Ns(turned(set.iter().map(number), otherwise)),
            Self::Bs(set) => {
                let members = set.iter().map(|bytes| Bytes::copy_from_slice(bytes));
                AttributeValue::Bs(turned(members, otherwise))
            }
            Self::L(list) => {
                AttributeValue::L(list.iter().map(|value| value.spelled(otherwise)).collect())
            }
            Self::M(map) => {
                let pair =
                    |(name, value): (&String, &Self)| (name.clone(), value.spelled(otherwise));
                let pairs = map.iter().map(pair).collect();
                AttributeValue::M(AttributeMap::from_pairs(pairs).expect("each name once"))
            }
        }
    }

    fn size(&self) -> Option<i64> {
        let size = match self {
            Self::S(text) => text.chars().map(char::len_utf16).sum(),
            Self::B(bytes) => bytes.len(),
            Self::Ss(set) => set.len(),
            Self::Ns(set) => set.len(),
            Self::Bs(set) => set.len(),
            Self::L(list) => list.len(),
            Self::M(map) => map.len(),
            Self::N(_) | Self::Bool(_) | Self::Null => return None,
        };
        i64::try_from(size).ok()
    }

    fn has_order(&self) -> bool {
        ["S", "N", "B"].contains(&self.type_name())
    }
}

fn turned<T>(members: impl DoubleEndedIterator<Item = T>, around: bool) -> Vec<T> {
    if around { members.rev().collect() } else { members.collect() }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Name(String),
    Index(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) String, pub(crate) Vec<Step>);

impl Place {
    fn find<'i>(&self, item: &'i Values) -> Option<&'i Value> {
        let mut value = item.get(&self.0)?;
        for step in &self.1 {
            value = match (value, step) {
                (Value::M(map), Step::Name(name)) => map.get(name)?,
                (Value::L(list), Step::Index(index)) => list.get(*index)?,
                _ => return None,
            };
        }
        Some(value)
    }

    fn written(&self) -> String {
        // One name has a placeholder and is written with it inside, and without it in front.
        let mut text = self.0.clone();
        for step in &self.1 {
            let _ = match step {
                Step::Name(name) if name == "a" => write!(text, ".#{name}"),
                Step::Name(name) => write!(text, " . {name}"),
                Step::Index(index) => write!(text, "[{index}]"),
            };
        }
        text
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Term {
    At(Place),
    Literal(Value),
    Size(Box<Term>),
}

impl Term {
    fn value(&self, item: &Values) -> Option<Value> {
        match self {
            Self::At(place) => place.find(item).cloned(),
            Self::Literal(value) => Some(value.clone()),
            Self::Size(of) => of.value(item)?.size().map(Value::N),
        }
    }

    /// Whether it is of one of these types, as far as one can know without an item.
    fn may_be(&self, types: &[&str]) -> bool {
        match self {
            Self::At(_) => true,
            Self::Literal(value) => types.contains(&value.type_name()),
            Self::Size(_) => types.contains(&"N"),
        }
    }

    fn is_refused(&self) -> bool {
        match self {
            Self::At(_) | Self::Literal(_) => false,
            Self::Size(of) => {
                of.is_refused() || !of.may_be(&["S", "B", "SS", "NS", "BS", "L", "M"])
            }
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Model {
    All(Vec<Model>),
    Any(Vec<Model>),
    Not(Box<Model>),
    Compare(Term, &'static str, Term),
    Between(Term, Term, Term),
    In(Term, Vec<Term>),
    Exists(Place),
    NotExists(Place),
    HasType(Term, &'static str),
    BeginsWith(Term, Term),
    Contains(Term, Term),
}

/// A condition as a client writes it.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) values: AttributeMap,
}

impl Written {
    fn literal(&mut self, value: AttributeValue) -> String {
        let token = format!(":v{}", self.values.len());
        self.values.insert(token.clone(), value);
        token
    }

    fn term(&mut self, term: &Term) -> String {
        match term {
            Term::At(place) => place.written(),
            Term::Literal(value) => self.literal(value.spelled(true)),
            Term::Size(of) => format!("size({})", self.term(of)),
        }
    }

    fn terms(&mut self, terms: &[Term]) -> String {
        terms.iter().map(|term| self.term(term)).collect::<Vec<_>>().join(", ")
    }

    fn condition(&mut self, model: &Model) -> String {
        match model {
            Model::All(parts) => self.parts(parts, " AND "),
            Model::Any(parts) => self.parts(parts, " or "),
            Model::Not(part) => format!("NOT {}", self.part(part)),
            Model::Compare(left, operator, right) => {
                format!("{}{operator}{}", self.term(left), self.term(right))
            }
            Model::Between(value, lower, upper) => {
                let value = self.term(value);
                format!("{value} between {} and {}", self.term(lower), self.term(upper))
            }
            Model::In(value, options) => {
                let value = self.term(value);
                format!("{value} IN ({})", self.terms(options))
            }
            Model::Exists(place) => format!("attribute_exists({})", place.written()),
            Model::NotExists(place) => format!("attribute_not_exists({})", place.written()),
            Model::HasType(value, name) => {
                let value = self.term(value);
                let name = self.literal(AttributeValue::S((*name).to_owned()));
                format!("attribute_type({value}, {name})")
            }
            Model::BeginsWith(value, prefix) => {
                let value = self.term(value);
                format!("begins_with({value}, {})", self.term(prefix))
            }
            Model::Contains(value, element) => {
                let value = self.term(value);
                format!("contains ({value}, {})", self.term(element))
            }
        }
    }

    fn parts(&mut self, parts: &[Model], between: &str) -> String {
        parts.iter().map(|part| self.part(part)).collect::<Vec<_>>().join(between)
    }

    fn part(&mut self, part: &Model) -> String {
        let text = self.condition(part);
        let composed = matches!(part, Model::All(_) | Model::Any(_) | Model::Not(_));
        if composed { format!("({text})") } else { text }
    }
}

impl Model {
    pub(crate) fn written(&self) -> Written {
        let mut written = Written::default();
        written.text = written.condition(self);
        written
    }

    /// Whether no item could be asked this.
    pub(crate) fn is_refused(&self) -> bool {
        let terms: Vec<&Term> = match self {
            Self::All(parts) | Self::Any(parts) => return parts.iter().any(Self::is_refused),
            Self::Not(part) => return part.is_refused(),
            Self::Exists(_) | Self::NotExists(_) => return false,
            Self::HasType(value, _) => vec![value],
            Self::Compare(left, _, right)
            | Self::BeginsWith(left, right)
            | Self::Contains(left, right) => vec![left, right],
            Self::Between(value, lower, upper) => vec![value, lower, upper],
            Self::In(value, options) => std::iter::once(value).chain(options).collect(),
        };
        let same = terms
            .split_first()
            .is_some_and(|(first, rest)| matches!(first, Term::At(_)) && rest.contains(first));
        let all_may_be = |types: &[&str]| terms.iter().all(|term| term.may_be(types));
        let impossible = match self {
            Self::Compare(_, "=" | "<>", _) => false,
            Self::Compare(..) => !all_may_be(&["S", "N", "B"]),
            Self::BeginsWith(..) => !all_may_be(&["S", "B"]),
            Self::Between(_, Term::Literal(lower), Term::Literal(upper)) => {
                !all_may_be(&["S", "N", "B"])
                    || lower.type_name() != upper.type_name()
                    || lower > upper
            }
            Self::Between(..) => !all_may_be(&["S", "N", "B"]),
            Self::All(_)
            | Self::Any(_)
            | Self::Not(_)
            | Self::In(..)
            | Self::Exists(_)
            | Self::NotExists(_)
            | Self::HasType(..)
            | Self::Contains(..) => false,
        };
        same || impossible || terms.iter().any(|term| term.is_refused())
    }

    pub(crate) fn holds(&self, item: &Values) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(item)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(item)),
            Self::Not(part) => !part.holds(item),
            Self::Exists(place) => place.find(item).is_some(),
            Self::NotExists(place) => place.find(item).is_none(),
            Self::Compare(left, "<>", right) => {
                // A size that is not defined is not something else, either.
                let has_size = |term: &Term| match term {
                    Term::Size(of) => of.value(item).is_none() || term.value(item).is_some(),
                    Term::At(_) | Term::Literal(_) => true,
                };
                has_size(left)
                    && has_size(right)
                    && !Self::Compare(left.clone(), "=", right.clone()).holds(item)
            }
            Self::Compare(left, operator, right) => {
                let (Some(left), Some(right)) = (left.value(item), right.value(item)) else {
                    return false;
                };
                let comparable = left.type_name() == right.type_name() && left.has_order();
                match *operator {
                    "=" => left == right,
                    "<" => comparable && left < right,
                    "<=" => comparable && left <= right,
                    ">" => comparable && left > right,
                    _ => comparable && left >= right,
                }
            }
            Self::Between(value, lower, upper) => {
                Self::Compare(value.clone(), ">=", lower.clone()).holds(item)
                    && Self::Compare(value.clone(), "<=", upper.clone()).holds(item)
            }
            Self::In(value, options) => options
                .iter()
                .any(|option| Self::Compare(value.clone(), "=", option.clone()).holds(item)),
            Self::HasType(value, name) => {
                value.value(item).is_some_and(|value| value.type_name() == *name)
            }
            Self::BeginsWith(value, prefix) => match (value.value(item), prefix.value(item)) {
                (Some(Value::S(value)), Some(Value::S(prefix))) => value.starts_with(&prefix),
                (Some(Value::B(value)), Some(Value::B(prefix))) => value.starts_with(&prefix),
                _ => false,
            },
            Self::Contains(value, element) => match (value.value(item), element.value(item)) {
                (Some(Value::S(value)), Some(Value::S(part))) => value.contains(&part),
                (Some(Value::B(value)), Some(Value::B(part))) => {
                    part.is_empty() || value.windows(part.len()).any(|window| window == part)
                }
                (Some(Value::Ss(set)), Some(Value::S(member))) => set.contains(&member),
                (Some(Value::Ns(set)), Some(Value::N(member))) => set.contains(&member),
                (Some(Value::Bs(set)), Some(Value::B(member))) => set.contains(&member),
                (Some(Value::L(list)), Some(element)) => list.contains(&element),
                _ => false,
            },
        }
    }
}
