//! Items: attributes by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{AttributeValue, ValueVisitor, binary, limits};

/// Attributes by name: an item, or the content of a map. Sorted by name, each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeMap(Vec<(String, AttributeValue)>);

/// An item is the outermost map.
pub type Item = AttributeMap;

/// An item that is shared between an operation, the overlay and a reply.
pub type SharedItem = Arc<dyn ItemView + Send + Sync>;

/// A name that was there already.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("attribute name {0:?} stands twice in one map")]
pub struct DuplicateName(pub String);

impl AttributeMap {
    /// No attributes.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The map of these attributes, in any order.
    ///
    /// # Errors
    /// If a name stands twice.
    pub fn from_pairs(mut pairs: Vec<(String, AttributeValue)>) -> Result<Self, DuplicateName> {
        pairs.sort_by(|left, right| left.0.cmp(&right.0));
        let twice = pairs.array_windows().position(|[left, right]| left.0 == right.0);
        match twice.and_then(|at| pairs.get(at)) {
            Some((name, _)) => Err(DuplicateName(name.clone())),
            None => Ok(Self(pairs)),
        }
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        let at = self.0.binary_search_by(|(have, _)| have.as_str().cmp(name)).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Sets an attribute and returns the value that it had.
    pub fn insert(&mut self, name: String, value: AttributeValue) -> Option<AttributeValue> {
        match self.0.binary_search_by(|(have, _)| have.cmp(&name)) {
            Ok(at) => self.0.get_mut(at).map(|slot| std::mem::replace(&mut slot.1, value)),
            Err(at) => {
                self.0.insert(at, (name, value));
                None
            }
        }
    }

    /// Takes an attribute out.
    pub fn remove(&mut self, name: &str) -> Option<AttributeValue> {
        let at = self.0.binary_search_by(|(have, _)| have.as_str().cmp(name)).ok()?;
        Some(self.0.remove(at).1)
    }

    /// The attributes, ordered by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &AttributeValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many attributes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<BTreeMap<String, AttributeValue>> for AttributeMap {
    fn from(attributes: BTreeMap<String, AttributeValue>) -> Self {
        Self(attributes.into_iter().collect())
    }
}

impl IntoIterator for AttributeMap {
    type Item = (String, AttributeValue);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    /// The attributes, ordered by name.
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The size of an item in bytes by the service's rule: names and values ("DynamoDB item sizes and
/// formats", developer guide).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ItemSize(pub u32);

impl ItemSize {
    /// The size that counts these bytes; anything over `u32` stays at its maximum, far over the limit.
    pub fn from_bytes(bytes: usize) -> Self {
        Self(u32::try_from(bytes).unwrap_or(u32::MAX))
    }

    /// Whether an item of this size may be stored.
    pub const fn is_allowed(self) -> bool {
        self.0 as usize <= limits::ITEM_BYTES
    }

    /// 4 KB units, at least one: what a strongly consistent read costs.
    pub const fn read_units(self) -> u32 {
        if self.0 == 0 { 1 } else { self.0.div_ceil(4096) }
    }

    /// 1 KB units, at least one: what a write costs.
    pub const fn write_units(self) -> u32 {
        if self.0 == 0 { 1 } else { self.0.div_ceil(1024) }
    }
}

/// An item as it is read: decoded, or still in its stored form.
pub trait ItemView {
    /// The size by the service's rule.
    fn size(&self) -> ItemSize;
    /// Shows every attribute, name before value, ordered by name.
    fn visit(&self, visitor: &mut dyn ValueVisitor);
    /// Appends the attributes in their [binary form](crate::binary).
    fn put_binary(&self, out: &mut Vec<u8>);
}

impl ItemView for AttributeMap {
    fn size(&self) -> ItemSize {
        ItemSize::from_bytes(self.iter().map(|(name, value)| name.len() + value.size()).sum())
    }

    fn visit(&self, visitor: &mut dyn ValueVisitor) {
        for (name, value) in self.iter() {
            visitor.name(name);
            value.visit(visitor);
        }
    }

    fn put_binary(&self, out: &mut Vec<u8>) {
        binary::put_attributes(self, out);
    }
}

#[cfg(test)]
mod tests;
