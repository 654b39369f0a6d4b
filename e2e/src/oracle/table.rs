//! Tables of the model.

use std::collections::BTreeMap;

use super::value::{Item, Value};
use crate::client::KeyAttribute;

/// All tables, by name.
pub type Model = BTreeMap<String, Table>;

/// A table: its keys' attributes, and its items by their keys' values.
#[derive(Clone, Debug)]
pub struct Table {
    partition_key: KeyAttribute,
    sort_key: Option<KeyAttribute>,
    items: BTreeMap<Vec<Value>, Item>,
}

impl Table {
    /// An empty table.
    pub const fn new(partition_key: KeyAttribute, sort_key: Option<KeyAttribute>) -> Self {
        Self { partition_key, sort_key, items: BTreeMap::new() }
    }

    /// The attributes of the key, the partition key first.
    pub fn key_attributes(&self) -> Vec<KeyAttribute> {
        std::iter::once(self.partition_key).chain(self.sort_key).collect()
    }

    /// Stores an item and returns the one it replaced.
    ///
    /// # Panics
    /// If the item lacks a key attribute.
    pub fn put(&mut self, item: Item) -> Option<Item> {
        self.items.insert(self.key_of(&item), item)
    }

    /// Removes the item with the key of this one and returns it.
    ///
    /// # Panics
    /// If a key attribute is missing.
    pub fn delete(&mut self, key: &Item) -> Option<Item> {
        self.items.remove(&self.key_of(key))
    }

    /// The item with the key of this one.
    ///
    /// # Panics
    /// If a key attribute is missing.
    pub fn get(&self, key: &Item) -> Option<&Item> {
        self.items.get(&self.key_of(key))
    }

    /// All items.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// The key attributes of an item, alone.
    pub fn key_item(&self, item: &Item) -> Item {
        let names = self.key_attributes();
        let is_key = |name: &str| names.iter().any(|attribute| attribute.name == name);
        item.iter().filter(|(name, _)| is_key(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
    }

    fn key_of(&self, item: &Item) -> Vec<Value> {
        let value =
            |attribute: KeyAttribute| item.get(attribute.name).expect("has its key").clone();
        self.key_attributes().into_iter().map(value).collect()
    }
}
