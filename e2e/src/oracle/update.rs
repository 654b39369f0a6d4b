//! Updates: what they make of an item.

use std::collections::BTreeSet;
use std::str::FromStr;

use bigdecimal::BigDecimal;

use super::number::canonical;
use super::path::{Path, Step};
use super::value::{Item, Value};

/// Where a SET gets its value.
#[derive(Clone, Debug)]
pub enum Source {
    /// From the item.
    Path(Path),
    /// A literal.
    Value(Value),
    /// `if_not_exists(path, otherwise)`.
    IfNotExists(Path, Box<Self>),
    /// `left + right`.
    Sum(Box<Self>, Box<Self>),
    /// `left - right`.
    Difference(Box<Self>, Box<Self>),
    /// `list_append(left, right)`.
    ListAppend(Box<Self>, Box<Self>),
}

/// One change.
#[derive(Clone, Debug)]
pub enum Action {
    /// SET.
    Set(Path, Source),
    /// REMOVE.
    Remove(Path),
    /// ADD.
    Add(Path, Value),
    /// DELETE.
    Delete(Path, Value),
}

const MISSING: &str = "refers to an attribute that does not exist in the item";
const WRONG_TYPE: &str = "An operand in the update expression has an incorrect data type";
const OVERFLOW: &str = "Number overflow";
const NO_WAY: &str = "The document path provided in the update expression is invalid for update";

impl Action {
    /// What it changes.
    pub const fn target(&self) -> &Path {
        match self {
            Self::Set(path, _)
            | Self::Remove(path)
            | Self::Add(path, _)
            | Self::Delete(path, _) => path,
        }
    }

    /// The value that its target gets: none if it goes.
    fn value(&self, item: &Item) -> Result<Option<Value>, &'static str> {
        match self {
            Self::Set(_, source) => source.of(item).map(Some),
            Self::Remove(_) => Ok(None),
            Self::Add(path, more) => match path.of(item) {
                None => Ok(Some(more.clone())),
                Some(Value::N(_)) => sum(path.of(item), Some(more), false).map(Some),
                Some(have) => union(have, more).map(Some),
            },
            Self::Delete(path, away) => match path.of(item) {
                None => Ok(None),
                Some(have) => without(have, away),
            },
        }
    }
}

impl Source {
    fn of(&self, item: &Item) -> Result<Value, &'static str> {
        match self {
            Self::Path(path) => path.of(item).cloned().ok_or(MISSING),
            Self::Value(value) => Ok(value.clone()),
            Self::IfNotExists(path, otherwise) => match path.of(item) {
                Some(value) => Ok(value.clone()),
                None => otherwise.of(item),
            },
            Self::Sum(left, right) => sum(Some(&left.of(item)?), Some(&right.of(item)?), false),
            Self::Difference(left, right) => {
                sum(Some(&left.of(item)?), Some(&right.of(item)?), true)
            }
            Self::ListAppend(left, right) => match (left.of(item)?, right.of(item)?) {
                (Value::L(left), Value::L(right)) => Ok(Value::L([left, right].concat())),
                _ => Err(WRONG_TYPE),
            },
        }
    }
}

fn sum(left: Option<&Value>, right: Option<&Value>, negated: bool) -> Result<Value, &'static str> {
    let (Some(Value::N(left)), Some(Value::N(right))) = (left, right) else {
        return Err(WRONG_TYPE);
    };
    let number = |text: &str| BigDecimal::from_str(text).expect("a number");
    let (left, right) = (number(left), number(right));
    let result = (if negated { left - right } else { left + right }).normalized();
    let (digits, exponent) = result.as_bigint_and_exponent();
    let count = i64::try_from(digits.to_string().trim_start_matches('-').len()).expect("short");
    // The first digit stands for 10^(count - exponent - 1).
    if count > 38 || count - exponent > 126 {
        return Err(OVERFLOW);
    }
    Ok(Value::N(canonical(&result.to_plain_string())))
}

fn union(have: &Value, more: &Value) -> Result<Value, &'static str> {
    match (have, more) {
        (Value::Ss(have), Value::Ss(more)) => Ok(Value::Ss(have | more)),
        (Value::Ns(have), Value::Ns(more)) => Ok(Value::Ns(have | more)),
        (Value::Bs(have), Value::Bs(more)) => Ok(Value::Bs(have | more)),
        // `AttributeUpdates` may add to a list; expressions that would are refused before.
        (Value::L(have), Value::L(more)) => Ok(Value::L([have.clone(), more.clone()].concat())),
        _ => Err(WRONG_TYPE),
    }
}

fn without(have: &Value, away: &Value) -> Result<Option<Value>, &'static str> {
    fn rest<T: Ord + Clone>(have: &BTreeSet<T>, away: &BTreeSet<T>) -> Option<BTreeSet<T>> {
        Some(have - away).filter(|rest| !rest.is_empty())
    }
    Ok(match (have, away) {
        (Value::Ss(have), Value::Ss(away)) => rest(have, away).map(Value::Ss),
        (Value::Ns(have), Value::Ns(away)) => rest(have, away).map(Value::Ns),
        (Value::Bs(have), Value::Bs(away)) => rest(have, away).map(Value::Bs),
        _ => return Err(WRONG_TYPE),
    })
}

/// The item after these actions, whose targets do not clash; none if there was none and nothing is created.
///
/// # Errors
/// What may be said of an update that cannot be made: of several reasons, the service chooses.
pub fn update(
    before: Option<&Item>,
    key: &Item,
    actions: &[Action],
) -> Result<Option<Item>, Vec<&'static str>> {
    let nothing = Item::new();
    let seen = before.unwrap_or(&nothing);
    let mut reasons = Vec::new();
    let mut changes: Vec<(&Path, Option<Value>)> = Vec::new();
    for action in actions {
        match action.value(seen) {
            Ok(value) => changes.push((action.target(), value)),
            Err(reason) => reasons.push(reason),
        }
    }
    let creates = |action: &Action| matches!(action, Action::Set(..) | Action::Add(..));
    if before.is_none() && !actions.is_empty() && !actions.iter().any(creates) {
        return Ok(None);
    }
    // Where there is no item, what only takes away has nothing to take away from.
    let is_made = |action: &&Action| before.is_some() || creates(action);
    let mut targets = actions.iter().filter(is_made).map(Action::target);
    if targets.any(|target| !leads_somewhere(seen, target)) {
        reasons.push(NO_WAY);
    }
    if !reasons.is_empty() {
        return Err(reasons);
    }
    // From the back of each list to its front, so that every index still means what it meant; what is
    // appended comes first, in the order of its indexes.
    changes.sort_by_key(|(target, _)| std::cmp::Reverse(places(target)));
    let (appended, inside): (Vec<_>, Vec<_>) =
        changes.into_iter().partition(|(target, _)| appends(seen, target));
    let mut after = Value::M(before.unwrap_or(key).clone());
    for (target, value) in appended.into_iter().rev().filter(|(_, value)| value.is_some()) {
        put_at(&mut after, target, value, true);
    }
    for (target, value) in inside {
        let is_there = before.is_some() || value.is_some();
        if is_there {
            put_at(&mut after, target, value, false);
        }
    }
    let Value::M(item) = after else { panic!("an item is a map") };
    Ok(Some(item))
}

/// The indexes on the way, for the order in which changes are made.
fn places(path: &Path) -> Vec<usize> {
    let place = |step: &Step| match step {
        Step::Index(at) => at + 1,
        Step::Name(_) => 0,
    };
    path.steps.iter().map(place).collect()
}

/// The container of what the path means.
fn parent<'i>(item: &'i Item, path: &Path) -> Option<&'i Value> {
    let (_, steps) = path.steps.split_last()?;
    Path { head: path.head.clone(), steps: steps.to_vec() }.of(item)
}

/// Whether the last step could be made in this item.
fn leads_somewhere(item: &Item, path: &Path) -> bool {
    matches!(
        (path.steps.last(), parent(item, path)),
        (None, _)
            | (Some(Step::Name(_)), Some(Value::M(_)))
            | (Some(Step::Index(_)), Some(Value::L(_)))
    )
}

/// Whether it means a place behind the end of its list.
fn appends(item: &Item, path: &Path) -> bool {
    match (path.steps.last(), parent(item, path)) {
        (Some(Step::Index(at)), Some(Value::L(list))) => *at >= list.len(),
        _ => false,
    }
}

fn put_at(item: &mut Value, path: &Path, value: Option<Value>, appends: bool) {
    let head = Step::Name(path.head.clone());
    let steps: Vec<&Step> = std::iter::once(&head).chain(&path.steps).collect();
    let (last, way) = steps.split_last().expect("a path has a head");
    let mut at = item;
    for step in way {
        at = match (step, at) {
            (Step::Name(name), Value::M(map)) => map.get_mut(name).expect("it was looked up"),
            (Step::Index(place), Value::L(list)) => list.get_mut(*place).expect("it was looked up"),
            (_, other) => panic!("no way into {other:?}"),
        };
    }
    match (last, at, value) {
        (Step::Name(name), Value::M(map), Some(value)) => {
            map.insert(name.clone(), value);
        }
        (Step::Name(name), Value::M(map), None) => {
            map.remove(name);
        }
        (Step::Index(_), Value::L(list), Some(value)) if appends => list.push(value),
        (Step::Index(place), Value::L(list), Some(value)) => {
            *list.get_mut(*place).expect("it was looked up") = value;
        }
        (Step::Index(place), Value::L(list), None) if *place < list.len() => {
            list.remove(*place);
        }
        (Step::Index(_), Value::L(_), None) => {}
        (_, other, _) => panic!("no place in {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u32) -> Value {
        Value::N(number.to_string())
    }

    fn list(numbers: &[u32]) -> Value {
        Value::L(numbers.iter().map(|it| number(*it)).collect())
    }

    fn at(place: usize) -> Path {
        Path { head: "l".to_owned(), steps: vec![Step::Index(place)] }
    }

    fn item(value: Value) -> Item {
        Item::from([("l".to_owned(), value)])
    }

    fn updated(
        before: Option<&Item>,
        actions: &[Action],
    ) -> Result<Option<Item>, Vec<&'static str>> {
        update(before, &Item::new(), actions)
    }

    #[test]
    fn indexes_mean_the_list_as_it_was_and_those_behind_its_end_append() {
        let before = item(list(&[0, 1, 2]));
        let set = |place, value| Action::Set(at(place), Source::Value(number(value)));
        let actions =
            [set(9, 9), Action::Remove(at(0)), set(2, 7), set(5, 5), Action::Remove(at(8))];
        assert_eq!(updated(Some(&before), &actions), Ok(Some(item(list(&[1, 7, 5, 9])))));
    }

    #[test]
    fn what_only_takes_away_creates_nothing_and_finds_no_way_into_what_is_not_there() {
        let actions = [Action::Remove(at(0))];
        assert_eq!(updated(None, &actions), Ok(None));
        assert_eq!(updated(Some(&Item::new()), &actions), Err(vec![NO_WAY]));
    }

    #[test]
    fn a_sum_of_too_many_digits_is_refused_and_values_are_read_as_they_were() {
        let path = || Box::new(Source::Path(Path::attribute("l")));
        let large = item(Value::N(format!("1{}", "0".repeat(60))));
        let one = || Box::new(Source::Value(number(1)));
        let sum = |target| Action::Set(Path::attribute(target), Source::Sum(path(), one()));
        assert_eq!(updated(Some(&large), &[sum("l")]), Err(vec![OVERFLOW]));
        let both =
            [sum("l"), Action::Set(Path::attribute("m"), Source::Path(Path::attribute("l")))];
        let after = updated(Some(&item(number(1))), &both).expect("it can be made");
        let after = after.expect("an item is there");
        assert_eq!((after.get("l"), after.get("m")), (Some(&number(2)), Some(&number(1))));
    }
}
