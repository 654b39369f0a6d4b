//! Updates once more, one action after the other, without regard to cost.
//!
//! Documents are trees in which the elements of a list keep the numbers that they had before: what is
//! removed leaves a gap, what is set past the end has a high number, and in the end the gaps close.

use std::collections::{BTreeMap, BTreeSet};

use stator_expression::update::{Action, Change, NewValue, Operand, UpdateError};
use stator_expression::{Path, Step};
use stator_model::{AttributeValue, Item};

/// An item or a part of one.
enum Tree {
    Leaf(AttributeValue),
    Map(BTreeMap<String, Tree>),
    List(BTreeMap<u32, Tree>),
}

impl Tree {
    fn of(value: &AttributeValue) -> Self {
        if let AttributeValue::M(map) = value {
            Self::of_item(map)
        } else if let AttributeValue::L(list) = value {
            Self::List((0..).zip(list.iter().map(Self::of)).collect())
        } else {
            Self::Leaf(value.clone())
        }
    }

    fn of_item(item: &Item) -> Self {
        Self::Map(item.iter().map(|(name, value)| (name.to_owned(), Self::of(value))).collect())
    }

    fn value(self) -> AttributeValue {
        match self {
            Self::Leaf(value) => value,
            Self::List(list) => AttributeValue::L(list.into_values().map(Self::value).collect()),
            Self::Map(map) => {
                let map: BTreeMap<_, _> = map.into_iter().map(|(n, v)| (n, v.value())).collect();
                AttributeValue::M(map.into())
            }
        }
    }

    fn item(self) -> Item {
        let AttributeValue::M(map) = self.value() else { panic!("an item is a map") };
        map
    }

    /// Puts the value at the end of the way, or takes away what is there. What leads there is made if
    /// `make` is set, and must be there otherwise.
    fn put(&mut self, way: &[Step], value: Option<Self>, make: bool) -> Result<(), UpdateError> {
        let [step, rest @ ..] = way else { panic!("a way has an end") };
        let new = || match rest.first() {
            Some(Step::Index(_)) => Self::List(BTreeMap::new()),
            Some(Step::Name(_)) | None => Self::Map(BTreeMap::new()),
        };
        let next = match (step, self) {
            (Step::Name(name), Self::Map(map)) if rest.is_empty() => {
                map.remove(&**name);
                map.extend(value.map(|value| (name.to_string(), value)));
                return Ok(());
            }
            (Step::Index(index), Self::List(list)) if rest.is_empty() => {
                list.remove(index);
                list.extend(value.map(|value| (*index, value)));
                return Ok(());
            }
            (Step::Name(name), Self::Map(map)) if make => {
                Some(map.entry(name.to_string()).or_insert_with(new))
            }
            (Step::Index(index), Self::List(list)) if make => {
                Some(list.entry(*index).or_insert_with(new))
            }
            (Step::Name(name), Self::Map(map)) => map.get_mut(&**name),
            (Step::Index(index), Self::List(list)) => list.get_mut(index),
            (Step::Name(_) | Step::Index(_), _) => None,
        };
        next.ok_or(UpdateError::InvalidPath)?.put(rest, value, make)
    }
}

fn way(path: &Path) -> Vec<Step> {
    std::iter::once(Step::Name(path.head.clone())).chain(path.rest.iter().cloned()).collect()
}

fn find(item: &Item, path: &Path) -> Option<AttributeValue> {
    let mut value = AttributeValue::M(item.clone());
    for step in way(path) {
        value = match (step, value) {
            (Step::Name(name), AttributeValue::M(map)) => map.get(&name)?.clone(),
            (Step::Index(index), AttributeValue::L(list)) => list.get(index as usize)?.clone(),
            _ => return None,
        };
    }
    Some(value)
}

/// What the paths lead to, in the structure of the item.
pub(super) fn project<'a>(item: &Item, paths: impl Iterator<Item = &'a Path>) -> Option<Item> {
    let mut found = Tree::Map(BTreeMap::new());
    for path in paths {
        if let Some(value) = find(item, path) {
            found.put(&way(path), Some(Tree::Leaf(value)), true).expect("no clash");
        }
    }
    Some(found.item()).filter(|item| !item.is_empty())
}

/// The item after the actions.
pub(super) fn apply(
    actions: &[Action],
    before: Option<&Item>,
    key: &Item,
) -> Result<Option<Item>, UpdateError> {
    let item = before.cloned().unwrap_or_default();
    let values: Result<Vec<_>, _> = actions.iter().map(|it| value(it, &item)).collect();
    let values = values?;
    let clears = |change: &Change| matches!(change, Change::Remove | Change::Delete(_));
    if before.is_none()
        && !actions.is_empty()
        && actions.iter().all(|action| clears(&action.change))
    {
        return Ok(None);
    }
    let mut tree = Tree::of_item(before.unwrap_or(key));
    for (action, value) in actions.iter().zip(values) {
        if before.is_some() || !clears(&action.change) {
            tree.put(&way(&action.target), value.map(|value| Tree::of(&value)), false)?;
        }
    }
    Ok(Some(tree.item()))
}

/// What the target of an action is in the end.
fn value(action: &Action, item: &Item) -> Result<Option<AttributeValue>, UpdateError> {
    let have = find(item, &action.target);
    match (&action.change, have) {
        (Change::Set(new), _) => self::new(new, item).map(Some),
        (Change::Remove, _) | (Change::Delete(_), None) => Ok(None),
        (Change::Add(more), None) => Ok(Some((**more).clone())),
        (Change::Add(more), Some(have)) => match (have, &**more) {
            (AttributeValue::N(have), AttributeValue::N(more)) => {
                Ok(Some(AttributeValue::N(have.checked_add(more)?)))
            }
            (AttributeValue::L(have), AttributeValue::L(more)) => {
                Ok(Some(AttributeValue::L([have, more.clone()].concat())))
            }
            (AttributeValue::Ss(have), AttributeValue::Ss(more)) => {
                let all: BTreeSet<_> = have.into_iter().chain(more.clone()).collect();
                Ok(Some(AttributeValue::Ss(all.into_iter().collect())))
            }
            (AttributeValue::Ns(have), AttributeValue::Ns(more)) => {
                let all: BTreeSet<_> = have.into_iter().chain(more.clone()).collect();
                Ok(Some(AttributeValue::Ns(all.into_iter().collect())))
            }
            _ => Err(UpdateError::OperandType),
        },
        (Change::Delete(away), Some(have)) => match (have, &**away) {
            (AttributeValue::Ss(mut have), AttributeValue::Ss(away)) => {
                have.retain(|member| !away.contains(member));
                Ok((!have.is_empty()).then_some(AttributeValue::Ss(have)))
            }
            (AttributeValue::Ns(mut have), AttributeValue::Ns(away)) => {
                have.retain(|member| !away.contains(member));
                Ok((!have.is_empty()).then_some(AttributeValue::Ns(have)))
            }
            _ => Err(UpdateError::OperandType),
        },
    }
}

fn new(value: &NewValue, item: &Item) -> Result<AttributeValue, UpdateError> {
    match value {
        NewValue::Operand(only) => operand(only, item),
        NewValue::Sum(left, right) => match (operand(left, item)?, operand(right, item)?) {
            (AttributeValue::N(left), AttributeValue::N(right)) => {
                Ok(AttributeValue::N(left.checked_add(&right)?))
            }
            _ => Err(UpdateError::OperandType),
        },
        NewValue::Difference(left, right) => match (operand(left, item)?, operand(right, item)?) {
            (AttributeValue::N(left), AttributeValue::N(right)) => {
                Ok(AttributeValue::N(left.checked_sub(&right)?))
            }
            _ => Err(UpdateError::OperandType),
        },
        NewValue::ListAppend(left, right) => match (operand(left, item)?, operand(right, item)?) {
            (AttributeValue::L(left), AttributeValue::L(right)) => {
                Ok(AttributeValue::L([left, right].concat()))
            }
            _ => Err(UpdateError::OperandType),
        },
    }
}

fn operand(operand: &Operand, item: &Item) -> Result<AttributeValue, UpdateError> {
    match operand {
        Operand::Value(value) => Ok((**value).clone()),
        Operand::Path(path) => find(item, path).ok_or(UpdateError::MissingAttribute),
        Operand::IfNotExists(path, otherwise) => {
            find(item, path).map_or_else(|| self::operand(otherwise, item), Ok)
        }
    }
}
