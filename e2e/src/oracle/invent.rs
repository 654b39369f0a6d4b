//! Random expressions about an item that is there, or was.

use std::collections::BTreeMap;

use super::Draw;
use super::condition::{Operand, Test, order};
use super::legacy::{Comparison, Legacy};
use super::path::{Path, Step, clash};
use super::update::{Action, Source};
use super::value::{Item, Value};
use crate::random::Random;

/// The deepest value that is copied inside its item: what copies itself into itself grows for ever.
const COPIED_DEPTH: usize = 4;
/// The most bytes that are copied, for the same reason.
const COPIED_BYTES: usize = 2_000;

/// What keys of tables and indexes are called: no path leads into them.
const KEYS: [&str; 4] = ["pk", "sk", "rank", "grade"];

const TYPES: [&str; 10] = ["S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"];
const COMPARATORS: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];

/// Invents what a client might say about `item`; most of what it names is there.
#[derive(Debug)]
pub struct Invent<'a> {
    random: &'a mut Random,
    item: &'a Item,
}

impl<'a> Invent<'a> {
    /// About this item.
    pub const fn new(random: &'a mut Random, item: &'a Item) -> Self {
        Self { random, item }
    }

    /// Paths that do not clash, for a projection.
    pub fn paths(&mut self) -> Vec<Path> {
        let mut paths: Vec<Path> = Vec::new();
        for _ in 0..=self.random.below(4) {
            let path = self.path();
            if clash(paths.iter().chain([&path])).is_none() {
                paths.push(path);
            }
        }
        paths
    }

    /// A path, mostly to something.
    pub fn path(&mut self) -> Path {
        let names: Vec<&String> = self.item.keys().collect();
        if names.is_empty() || self.random.one_in(6) {
            return self.path_to_nothing();
        }
        let head = (*self.random.pick(&names)).clone();
        let mut value = self.item.get(&head);
        let mut steps = Vec::new();
        while let Some(Value::L(_) | Value::M(_)) = value
            && !self.random.one_in(4)
        {
            let step = self.step(value);
            value =
                Path { head: head.clone(), steps: [steps.clone(), vec![step.clone()]].concat() }
                    .of(self.item);
            steps.push(step);
        }
        if self.random.one_in(12) && !KEYS.contains(&head.as_str()) {
            steps.push(self.step(None));
        }
        Path { head, steps }
    }

    fn path_to_nothing(&mut self) -> Path {
        let head = *self.random.pick(&["attribute-0", "attribute-9", "count", "nested", "tags"]);
        let steps = if self.random.one_in(4) { vec![self.step(None)] } else { Vec::new() };
        Path { head: head.to_owned(), steps }
    }

    /// A step into this value, or past it.
    fn step(&mut self, value: Option<&Value>) -> Step {
        match value {
            Some(Value::L(list)) if !self.random.one_in(10) => {
                Step::Index(self.random.index(list.len() + 2))
            }
            Some(Value::M(map)) if !map.is_empty() && !self.random.one_in(6) => {
                let names: Vec<&String> = map.keys().collect();
                Step::Name((*self.random.pick(&names)).clone())
            }
            _ if self.random.one_in(2) => Step::Index(self.random.index(3)),
            _ => Step::Name(format!("m{}", self.random.below(5))),
        }
    }

    /// A value, often the one that stands there.
    fn value_like(&mut self, path: &Path) -> Value {
        match path.of(self.item) {
            Some(value) if !self.random.one_in(3) && value.size() < COPIED_BYTES => value.clone(),
            _ if self.random.one_in(2) => Draw::new(self.random).small_number(),
            _ => Draw::new(self.random).any_value(),
        }
    }

    /// A value that has an order, of the type of the one that stands there if that has one.
    fn ordered_like(&mut self, path: &Path) -> Value {
        let like = self.value_like(path);
        match order(&like, &like) {
            Some(_) => like,
            None => Draw::new(self.random).small_number(),
        }
    }

    /// A condition; as often as not it holds.
    pub fn test(&mut self, depth: u64) -> Test {
        match self.random.below(if depth < 3 { 12 } else { 9 }) {
            0 | 1 => self.comparison(),
            2 => self.between(),
            3 => {
                let path = self.path();
                let options = (0..=self.random.below(3)).map(|_| self.value_like(&path)).collect();
                Test::In(Operand::Path(path), options)
            }
            4 => Test::Exists(self.path()),
            5 => Test::NotExists(self.path()),
            6 => {
                let path = self.path();
                let there = path.of(self.item).map(Value::type_name);
                let drawn = *self.random.pick(&TYPES);
                Test::HasType(path, there.filter(|_| !self.random.one_in(3)).unwrap_or(drawn))
            }
            7 => self.prefix(),
            8 => self.contained(),
            9 => Test::Not(Box::new(self.test(depth + 1))),
            10 => Test::And(Box::new(self.test(depth + 1)), Box::new(self.test(depth + 1))),
            _ => Test::Or(Box::new(self.test(depth + 1)), Box::new(self.test(depth + 1))),
        }
    }

    fn comparison(&mut self) -> Test {
        let path = self.path();
        let comparator = *self.random.pick(&COMPARATORS);
        let takes_all = matches!(comparator, "=" | "<>");
        let (left, right) = match self.random.below(5) {
            0 => {
                let size = i64::try_from(self.random.below(5)).expect("small");
                (Operand::Size(path), Operand::Value(Value::N(size.to_string())))
            }
            1 => {
                let other = self.path();
                if other == path {
                    return Test::Exists(path);
                }
                (Operand::Path(path), Operand::Path(other))
            }
            _ => {
                let value =
                    if takes_all { self.value_like(&path) } else { self.ordered_like(&path) };
                (Operand::Path(path), Operand::Value(value))
            }
        };
        if self.random.one_in(5) {
            Test::Compare(right, comparator, left)
        } else {
            Test::Compare(left, comparator, right)
        }
    }

    fn between(&mut self) -> Test {
        let path = self.path();
        self.between_at(path)
    }

    fn between_at(&mut self, path: Path) -> Test {
        let (one, two) = (self.ordered_like(&path), self.ordered_like(&path));
        let (lower, upper) = match order(&one, &two) {
            Some(order) if order.is_le() => (one, two),
            Some(_) => (two, one),
            None => (one.clone(), one),
        };
        Test::Between(Operand::Path(path), lower, upper)
    }

    fn prefix(&mut self) -> Test {
        let path = self.path();
        self.prefix_at(path)
    }

    fn prefix_at(&mut self, path: Path) -> Test {
        let prefix = match path.of(self.item) {
            Some(Value::S(text)) => {
                let length = self.random.index(4);
                Value::S(text.chars().take(length).collect())
            }
            Some(Value::B(bytes)) => {
                let length = self.random.index(4);
                Value::B(bytes.iter().copied().take(length).collect())
            }
            _ => Value::S("a".to_owned()),
        };
        Test::BeginsWith(path, prefix)
    }

    fn contained(&mut self) -> Test {
        let path = self.path();
        self.contained_at(path)
    }

    fn contained_at(&mut self, path: Path) -> Test {
        let element = match path.of(self.item) {
            Some(Value::S(text)) => {
                let skipped = self.random.index(3);
                Some(Value::S(text.chars().skip(skipped).take(2).collect()))
            }
            Some(Value::Ss(set)) => set.first().cloned().map(Value::S),
            Some(Value::Ns(set)) => set.last().cloned().map(Value::N),
            Some(Value::Bs(set)) => set.first().cloned().map(Value::B),
            Some(Value::L(list)) => list.last().cloned(),
            _ => None,
        };
        let drawn = element.filter(|_| !self.random.one_in(4));
        let element = drawn.unwrap_or_else(|| self.value_like(&Path::attribute("count")));
        Test::Contains(path, Operand::Value(element))
    }

    /// A condition in the form that the API had before expressions.
    pub fn legacy(&mut self) -> Legacy {
        let mut comparisons = BTreeMap::new();
        for _ in 0..=self.random.below(3) {
            let path = Path::attribute(self.path().head);
            let comparison = self.legacy_comparison(&path);
            comparisons.insert(path.head, comparison);
        }
        Legacy { any: self.random.one_in(2), comparisons }
    }

    fn legacy_comparison(&mut self, path: &Path) -> Comparison {
        let like = self.value_like(path);
        let ordered = self.ordered_like(path);
        let (operator, arguments) = match self.random.below(10) {
            0 => ("NULL", Vec::new()),
            1 => ("NOT_NULL", Vec::new()),
            2 => ("EQ", vec![like]),
            3 => ("NE", vec![like]),
            4 => (*self.random.pick(&["LT", "LE", "GT", "GE"]), vec![ordered]),
            5 => {
                let Test::Between(_, lower, upper) = self.between_at(path.clone()) else {
                    panic!("it is one")
                };
                ("BETWEEN", vec![lower, upper])
            }
            6 => {
                let more = self.ordered_like(path);
                let is_alike = more.type_name() == ordered.type_name() && more != ordered;
                ("IN", std::iter::once(ordered).chain(is_alike.then_some(more)).collect())
            }
            7 => {
                let Test::BeginsWith(_, prefix) = self.prefix_at(path.clone()) else {
                    panic!("it is one")
                };
                ("BEGINS_WITH", vec![prefix])
            }
            number => {
                let operator = if number == 8 { "CONTAINS" } else { "NOT_CONTAINS" };
                let Test::Contains(_, Operand::Value(element)) = self.contained_at(path.clone())
                else {
                    panic!("it is one")
                };
                // Here only what has an order may be looked for.
                let element = if order(&element, &element).is_some() { element } else { ordered };
                (operator, vec![element])
            }
        };
        Comparison { operator, arguments }
    }

    /// What `AttributeUpdates` can say, of whole attributes.
    pub fn legacy_actions(&mut self, keys: &[&str]) -> Vec<Action> {
        let mut actions: Vec<Action> = Vec::new();
        for _ in 0..self.random.below(4) {
            let path = Path::attribute(self.path().head);
            let is_free = actions.iter().all(|action| *action.target() != path);
            if keys.contains(&path.head.as_str()) || !is_free {
                continue;
            }
            actions.push(match self.random.below(6) {
                0..3 => {
                    let value = self.value_like(&path);
                    Action::Set(path, Source::Value(value))
                }
                3 => Action::Remove(path),
                4 => {
                    let more = match path.of(self.item) {
                        Some(Value::N(_)) | None => Draw::new(self.random).small_number(),
                        Some(Value::L(_)) => Value::L(vec![self.value_like(&path)]),
                        Some(_) => self.set_like(&path),
                    };
                    Action::Add(path, more)
                }
                _ => {
                    let away = self.set_like(&path);
                    Action::Delete(path, away)
                }
            });
        }
        actions
    }

    /// Actions whose targets do not clash and are not of the key.
    pub fn actions(&mut self, keys: &[&str]) -> Vec<Action> {
        let mut actions: Vec<Action> = Vec::new();
        for _ in 0..=self.random.below(4) {
            let action = self.action();
            let targets = actions.iter().map(Action::target).chain([action.target()]);
            let is_of_key = keys.contains(&action.target().head.as_str());
            if !is_of_key && clash(targets).is_none() {
                actions.push(action);
            }
        }
        actions
    }

    fn action(&mut self) -> Action {
        let path = self.path();
        match self.random.below(10) {
            0..5 => {
                let source = self.source(&path);
                Action::Set(path, source)
            }
            5 | 6 => Action::Remove(path),
            7 | 8 => {
                let more = match path.of(self.item) {
                    Some(Value::Ss(_) | Value::Ns(_) | Value::Bs(_)) => self.set_like(&path),
                    _ if self.random.one_in(3) => self.set_like(&path),
                    _ => Draw::new(self.random).small_number(),
                };
                Action::Add(path, more)
            }
            _ => {
                let away = self.set_like(&path);
                Action::Delete(path, away)
            }
        }
    }

    /// A set, often with some members of the one that stands there.
    fn set_like(&mut self, path: &Path) -> Value {
        let text = |number: u64| format!("t{number}");
        let drawn = self.random.below(4);
        let all = self.random.one_in(3);
        let keep = |at: usize| all || at.is_multiple_of(2);
        match path.of(self.item) {
            Some(Value::Ss(set)) if !self.random.one_in(4) => {
                let kept = set.iter().enumerate().filter(|(at, _)| keep(*at));
                Value::Ss(kept.map(|(_, member)| member.clone()).collect())
            }
            Some(Value::Ns(set)) if !self.random.one_in(4) => {
                let kept = set.iter().enumerate().filter(|(at, _)| keep(*at));
                Value::Ns(kept.map(|(_, member)| member.clone()).collect())
            }
            Some(Value::Bs(set)) if !self.random.one_in(4) => {
                let kept = set.iter().enumerate().filter(|(at, _)| keep(*at));
                Value::Bs(kept.map(|(_, member)| member.clone()).collect())
            }
            Some(Value::Ns(_)) => Value::Ns([drawn.to_string()].into()),
            _ => Value::Ss([text(drawn), text(drawn + 1)].into()),
        }
    }

    fn source(&mut self, target: &Path) -> Source {
        let path = self.path();
        let number = |it: &mut Self| Box::new(Source::Value(Draw::new(it.random).small_number()));
        match self.random.below(9) {
            0 => self.copied(path),
            1 => {
                let otherwise = Box::new(Source::Value(self.value_like(target)));
                if self.may_copy(&path) { Source::IfNotExists(path, otherwise) } else { *otherwise }
            }
            2 => Source::Sum(Box::new(self.copied(Path::attribute("count"))), number(self)),
            3 => Source::Difference(number(self), Box::new(self.copied(path))),
            4 => {
                let zero = Box::new(Source::Value(Value::N("0".to_owned())));
                let have = Source::IfNotExists(target.clone(), zero);
                Source::Sum(Box::new(have), number(self))
            }
            5 | 6 => {
                let list = Value::L(vec![self.value_like(target)]);
                let empty = Box::new(Source::Value(Value::L(Vec::new())));
                let have = match (self.may_copy(target), self.random.one_in(2)) {
                    (true, true) => Source::IfNotExists(target.clone(), empty),
                    (true, false) => Source::Path(target.clone()),
                    (false, _) => *empty,
                };
                let (have, list) = (Box::new(have), Box::new(Source::Value(list)));
                if self.random.one_in(2) {
                    Source::ListAppend(list, have)
                } else {
                    Source::ListAppend(have, list)
                }
            }
            _ => Source::Value(self.value_like(target)),
        }
    }

    /// What stands there, unless it is too large to be copied again and again.
    fn copied(&mut self, path: Path) -> Source {
        if self.may_copy(&path) {
            Source::Path(path)
        } else {
            Source::Value(Draw::new(self.random).small_number())
        }
    }

    fn may_copy(&self, path: &Path) -> bool {
        let may = |value: &Value| value.depth() <= COPIED_DEPTH && value.size() <= COPIED_BYTES;
        path.of(self.item).is_none_or(may)
    }
}
