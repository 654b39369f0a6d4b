//! Makes the changes of an update in an item.
//!
//! The item and the tree of targets are walked together, once: work is linear in the item, in the
//! values and in the expression, whatever the number of actions.

use std::collections::BTreeMap;
use std::sync::Arc;

use stator_model::{AttributeMap, AttributeValue, Item, ItemSize, ItemView as _};

use super::effect::Effects;
use super::{Action, Change, Update, UpdateError};
use crate::path_tree::Node;

/// What an update made of an item.
#[derive(Clone, Debug)]
pub struct Updated<'a> {
    update: &'a Update,
    before: Option<&'a Item>,
    after: Option<Item>,
}

impl Update {
    /// Makes the changes in `before`, or in a new item with the attributes of `key` if there is none.
    ///
    /// The caller has checked that no key attribute is a target, and checks the new item's size.
    ///
    /// # Errors
    /// If an operand is missing or of the wrong type, a result is no number that can be stored, a
    /// target lies in something that is missing or is no map or list, or a value is too large or would
    /// lie too deep.
    pub fn apply<'a>(
        &'a self,
        before: Option<&'a Item>,
        key: &Item,
    ) -> Result<Updated<'a>, UpdateError> {
        let nothing = Item::new();
        let effects = Effects::of(self, before.unwrap_or(&nothing))?;
        let after = match before {
            Some(item) => Some(change_map(item.clone(), self.targets.names(), &effects)?),
            None => self.create(key, &effects)?,
        };
        Ok(Updated { update: self, before, after })
    }

    /// The item that the update creates, if it does: one that only takes away creates none, and what
    /// leads to its targets may be missing. Observed on the service.
    fn create(&self, key: &Item, effects: &Effects<'_>) -> Result<Option<Item>, UpdateError> {
        if !self.actions.is_empty() && self.actions.iter().all(|it| it.change.only_clears()) {
            return Ok(None);
        }
        let mut item: BTreeMap<_, _> = key.clone().into_iter().collect();
        for (at, Action { target, .. }) in self.actions.iter().enumerate() {
            if !effects.puts(at) {
                continue;
            }
            if target.is_nested() {
                return Err(UpdateError::InvalidPath);
            }
            if let Some(value) = effects.value(at)? {
                item.insert(String::from(&*target.head), value);
            }
        }
        Ok(Some(item.into()))
    }
}

impl<'a> Updated<'a> {
    /// The item that was there.
    pub const fn before(&self) -> Option<&'a Item> {
        self.before
    }

    /// The item that is there now. An update that only takes something away creates none.
    pub const fn after(&self) -> Option<&Item> {
        self.after.as_ref()
    }

    /// The item that is there now, to keep.
    pub fn into_after(self) -> Option<Item> {
        self.after
    }

    /// Whether nothing changed, so that no one need learn of it.
    pub fn is_unchanged(&self) -> bool {
        self.before == self.after.as_ref()
    }

    /// What UPDATED_OLD returns: the targets in the old item, in its structure. What was not there is
    /// left out; if nothing was, no attributes are returned at all.
    pub fn updated_old(&self) -> Option<Item> {
        self.touched(self.before)
    }

    /// What UPDATED_NEW returns: the targets in the new item, in its structure.
    ///
    /// Targets are looked up as they are written, as the service does: an element that was appended
    /// past the end of its list is not found there, and in place of a removed element the one is that
    /// moved up.
    pub fn updated_new(&self) -> Option<Item> {
        self.touched(self.after())
    }

    fn touched(&self, item: Option<&Item>) -> Option<Item> {
        let found = self.update.targets.project(item?);
        (!found.is_empty()).then_some(found)
    }

    /// The size that UpdateItem compares with the limit of an item: the new item's own, or what the
    /// request amounts to, if that is more. Transactions and PartiQL take the item's own.
    ///
    /// Observed on the service: the request amounts to the item without its key, 3 bytes, 19 for every
    /// action that writes a value and 2 for every one that clears.
    pub fn gauged_size(&self, key: &Item) -> ItemSize {
        let item = self.after().map_or(0, |item| item.size().0);
        let actions = self.update.actions.iter().map(|action| match action.change {
            Change::Set(_) | Change::Add(_) | Change::Delete(_) => 19,
            Change::Remove => 2,
        });
        let request = item.saturating_sub(key.size().0) + 3 + actions.sum::<u32>();
        ItemSize(item.max(request))
    }
}

fn change_map(
    map: AttributeMap,
    targets: &[(Arc<str>, Node)],
    effects: &Effects<'_>,
) -> Result<AttributeMap, UpdateError> {
    let mut changed = Vec::with_capacity(map.len() + targets.len());
    let mut targets = targets.iter().peekable();
    for (name, value) in map {
        while let Some((new, node)) = targets.next_if(|(target, _)| **target < *name) {
            changed.extend(create(node, effects)?.map(|value| (String::from(&**new), value)));
        }
        let value = match targets.next_if(|(target, _)| **target == *name) {
            Some((_, node)) => change(value, node, effects)?,
            None => Some(value),
        };
        changed.extend(value.map(|value| (name, value)));
    }
    for (new, node) in targets {
        changed.extend(create(node, effects)?.map(|value| (String::from(&**new), value)));
    }
    Ok(AttributeMap::from_pairs(changed).expect("names of a map and others that it does not have"))
}

/// Indexes mean the list as it comes in; what is past its end is appended in ascending order.
fn change_list(
    list: Vec<AttributeValue>,
    targets: &[(u32, Node)],
    effects: &Effects<'_>,
) -> Result<Vec<AttributeValue>, UpdateError> {
    let mut changed = Vec::with_capacity(list.len() + targets.len());
    let mut targets = targets.iter().peekable();
    for (at, value) in list.into_iter().enumerate() {
        match targets.next_if(|(target, _)| usize::try_from(*target) == Ok(at)) {
            Some((_, node)) => changed.extend(change(value, node, effects)?),
            None => changed.push(value),
        }
    }
    for (_, node) in targets {
        changed.extend(create(node, effects)?);
    }
    Ok(changed)
}

/// What becomes of an element that is there.
fn change(
    value: AttributeValue,
    node: &Node,
    effects: &Effects<'_>,
) -> Result<Option<AttributeValue>, UpdateError> {
    match (node, value) {
        (Node::End(action), _) => effects.value(*action),
        (Node::Map(targets), AttributeValue::M(map)) => {
            change_map(map, targets, effects).map(|map| Some(AttributeValue::M(map)))
        }
        (Node::List(targets), AttributeValue::L(list)) => {
            change_list(list, targets, effects).map(|list| Some(AttributeValue::L(list)))
        }
        (Node::Map(_) | Node::List(_), _) => Err(UpdateError::InvalidPath),
    }
}

/// What becomes of an element that is missing. Nothing can be done inside it, not even taken away.
fn create(node: &Node, effects: &Effects<'_>) -> Result<Option<AttributeValue>, UpdateError> {
    match node {
        Node::End(action) => effects.value(*action),
        Node::Map(_) | Node::List(_) => Err(UpdateError::InvalidPath),
    }
}
