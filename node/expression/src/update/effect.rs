//! What the actions of an update come to with the item as it was before.
//!
//! Effects borrow from the item and from the request: nothing is copied before the sizes of all of
//! them are added up. An expression of 4 KB can say a large value or a long name a thousand times, and
//! what is set is part of the new item, so that more bytes than an item may have are refused in time.

use std::collections::BTreeMap;

use stator_model::{AttributeValue, Item, Number, NumberError, SetMembers, limits, set_union};

use super::{Change, NewValue, Operand, Update};
use crate::{Path, Step};

/// Why an update cannot be applied to an item. The texts are the service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// What leads to a target is missing, or is no map or list.
    #[error("The document path provided in the update expression is invalid for update")]
    InvalidPath,
    /// An operand is missing.
    #[error("The provided expression refers to an attribute that does not exist in the item")]
    MissingAttribute,
    /// An operand, or what an ADD or DELETE finds, is of the wrong type. AttributeUpdates has another
    /// text for it.
    #[error("An operand in the update expression has an incorrect data type")]
    OperandType,
    /// A number becomes too large, or would need more than 38 digits.
    #[error(
        "Number overflow. Attempting to store a number with magnitude larger than supported range"
    )]
    Overflow,
    /// A number becomes too small.
    #[error(
        "Number underflow. Attempting to store a number with magnitude smaller than supported range"
    )]
    Underflow,
    /// The values alone are larger than an item may be.
    #[error("Item size to update has exceeded the maximum allowed size")]
    TooLarge,
    /// A value would lie too deep in lists and maps.
    #[error(
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels \
         beyond supported limit"
    )]
    TooDeep,
}

impl From<NumberError> for UpdateError {
    fn from(error: NumberError) -> Self {
        match error {
            NumberError::Underflow => Self::Underflow,
            NumberError::Overflow | NumberError::TooManyDigits | NumberError::Syntax => {
                Self::Overflow
            }
        }
    }
}

/// What an action does to its target.
#[derive(Debug)]
pub(super) enum Effect<'a> {
    /// The target gets a value.
    Put(Source<'a>),
    /// The target loses the members of the second set.
    Subtract(&'a AttributeValue, &'a AttributeValue),
    /// The target goes away.
    Remove,
}

/// A value that is not yet copied together.
#[derive(Debug)]
pub(super) enum Source<'a> {
    Value(&'a AttributeValue),
    Number(Number),
    Lists(&'a [AttributeValue], &'a [AttributeValue]),
    Union(&'a AttributeValue, &'a AttributeValue),
}

/// The effects of an update's actions, by their place.
#[derive(Debug)]
pub(super) struct Effects<'a> {
    effects: Vec<Effect<'a>>,
    /// Sets to take away, by address: one placeholder may stand in many actions, and is sorted once.
    members: BTreeMap<*const AttributeValue, SetMembers<'a>>,
}

impl<'a> Effects<'a> {
    /// What `update` does to `item`; all of it within the limits of an item.
    pub(super) fn of(update: &'a Update, item: &'a Item) -> Result<Self, UpdateError> {
        let mut effects = Self { effects: Vec::new(), members: BTreeMap::new() };
        for action in &update.actions {
            let effect = Effect::of(&action.change, &action.target, item)?;
            if let Effect::Subtract(_, away) = effect {
                effects.prepare(away);
            }
            effects.effects.push(effect);
        }
        effects.check_size(update)?;
        effects.check_depth(update)?;
        Ok(effects)
    }

    /// Makes the members of a set ready to be taken away, unless they are.
    fn prepare(&mut self, away: &'a AttributeValue) {
        let address = std::ptr::from_ref(away);
        if !self.members.contains_key(&address)
            && let Some(members) = SetMembers::of(away)
        {
            self.members.insert(address, members);
        }
    }

    /// Whether the action at this place gives its target a value.
    pub(super) fn puts(&self, at: usize) -> bool {
        matches!(self.effects.get(at), Some(Effect::Put(_)))
    }

    /// The value that the target of the action at this place has in the end, if it has one.
    pub(super) fn value(&self, at: usize) -> Result<Option<AttributeValue>, UpdateError> {
        match self.effects.get(at) {
            Some(Effect::Put(source)) => source.copied().map(Some),
            Some(Effect::Subtract(set, away)) => {
                let members = self.members.get(&std::ptr::from_ref(*away));
                let members = members.ok_or(UpdateError::OperandType)?;
                members.taken_from(set).map_err(|_| UpdateError::OperandType)
            }
            Some(Effect::Remove) | None => Ok(None),
        }
    }

    fn sources(&self) -> impl Iterator<Item = (usize, &Source<'a>)> {
        self.effects.iter().enumerate().filter_map(|(at, effect)| match effect {
            Effect::Put(source) => Some((at, source)),
            Effect::Subtract(..) | Effect::Remove => None,
        })
    }

    /// Stops at the first value that is one too many, so that the work is bounded, too. A name in maps may
    /// be that of many targets; those of the item itself are all different, and so no longer than the
    /// request.
    fn check_size(&self, update: &Update) -> Result<(), UpdateError> {
        let mut total = 0;
        for (at, source) in self.sources() {
            let target = update.actions.get(at).map(|action| &action.target);
            let name = match target.and_then(|target| target.rest.last()) {
                Some(Step::Name(name)) => name.len(),
                Some(Step::Index(_)) | None => 0,
            };
            total += name + source.least_size();
            if total > limits::ITEM_BYTES {
                return Err(UpdateError::TooLarge);
            }
        }
        Ok(())
    }

    fn check_depth(&self, update: &Update) -> Result<(), UpdateError> {
        for (at, source) in self.sources() {
            let above = update.actions.get(at).map_or(0, |action| action.target.elements());
            if above + source.depth() > limits::NESTING_LEVELS {
                return Err(UpdateError::TooDeep);
            }
        }
        Ok(())
    }
}

impl<'a> Effect<'a> {
    fn of(change: &'a Change, target: &Path, item: &'a Item) -> Result<Self, UpdateError> {
        match change {
            Change::Set(value) => Source::of(value, item).map(Self::Put),
            Change::Remove => Ok(Self::Remove),
            Change::Add(more) => match target.value_in(item) {
                None => Ok(Self::Put(Source::Value(more))),
                Some(have) => Source::with(have, more).map(Self::Put),
            },
            Change::Delete(away) => match target.value_in(item) {
                None => Ok(Self::Remove),
                Some(have) if have.type_name() == away.type_name() => {
                    Ok(Self::Subtract(have, away))
                }
                Some(_) => Err(UpdateError::OperandType),
            },
        }
    }
}

impl<'a> Source<'a> {
    fn of(value: &'a NewValue, item: &'a Item) -> Result<Self, UpdateError> {
        match value {
            NewValue::Operand(operand) => Ok(Self::Value(operand.value_in(item)?)),
            NewValue::Sum(left, right) => {
                let (left, right) = numbers(left.value_in(item)?, right.value_in(item)?)?;
                Ok(Self::Number(left.checked_add(right)?))
            }
            NewValue::Difference(left, right) => {
                let (left, right) = numbers(left.value_in(item)?, right.value_in(item)?)?;
                Ok(Self::Number(left.checked_sub(right)?))
            }
            NewValue::ListAppend(left, right) => {
                match (left.value_in(item)?, right.value_in(item)?) {
                    (AttributeValue::L(left), AttributeValue::L(right)) => {
                        Ok(Self::Lists(left, right))
                    }
                    _ => Err(UpdateError::OperandType),
                }
            }
        }
    }

    /// What an ADD makes of the value that is there.
    fn with(have: &'a AttributeValue, more: &'a AttributeValue) -> Result<Self, UpdateError> {
        match (have, more) {
            (AttributeValue::N(have), AttributeValue::N(more)) => {
                Ok(Self::Number(have.checked_add(more)?))
            }
            (AttributeValue::L(have), AttributeValue::L(more)) => Ok(Self::Lists(have, more)),
            (AttributeValue::Ss(_), AttributeValue::Ss(_))
            | (AttributeValue::Ns(_), AttributeValue::Ns(_))
            | (AttributeValue::Bs(_), AttributeValue::Bs(_)) => Ok(Self::Union(have, more)),
            _ => Err(UpdateError::OperandType),
        }
    }

    /// No more than the size that the value will have.
    fn least_size(&self) -> usize {
        match self {
            Self::Value(value) | Self::Union(_, value) => value.size(),
            Self::Number(number) => number.size(),
            Self::Lists(left, right) => {
                let elements = left.iter().chain(*right);
                3 + elements.map(|element| 1 + element.size()).sum::<usize>()
            }
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::Value(value) => value.depth(),
            Self::Number(_) | Self::Union(..) => 0,
            Self::Lists(left, right) => {
                1 + left.iter().chain(*right).map(AttributeValue::depth).max().unwrap_or(0)
            }
        }
    }

    fn copied(&self) -> Result<AttributeValue, UpdateError> {
        match self {
            Self::Value(value) => Ok((*value).clone()),
            Self::Number(number) => Ok(AttributeValue::N(*number)),
            Self::Lists(left, right) => {
                Ok(AttributeValue::L(left.iter().chain(*right).cloned().collect()))
            }
            Self::Union(have, more) => set_union(have, more).map_err(|_| UpdateError::OperandType),
        }
    }
}

impl Operand {
    fn value_in<'a>(&'a self, item: &'a Item) -> Result<&'a AttributeValue, UpdateError> {
        match self {
            Self::Path(path) => path.value_in(item).ok_or(UpdateError::MissingAttribute),
            Self::Value(value) => Ok(value),
            Self::IfNotExists(path, otherwise) => match path.value_in(item) {
                Some(value) => Ok(value),
                None => otherwise.value_in(item),
            },
        }
    }
}

fn numbers<'a>(
    left: &'a AttributeValue,
    right: &'a AttributeValue,
) -> Result<(&'a Number, &'a Number), UpdateError> {
    match (left, right) {
        (AttributeValue::N(left), AttributeValue::N(right)) => Ok((left, right)),
        _ => Err(UpdateError::OperandType),
    }
}
