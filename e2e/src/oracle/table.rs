//! Tables of the model.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::condition::order;
use super::value::{Item, Value};
use crate::client::KeyAttribute;

/// All tables, by name.
pub type Model = BTreeMap<String, Table>;

/// How a table is keyed, and by what else its items are found.
#[derive(Clone, Debug)]
pub struct Schema {
    partition_key: KeyAttribute,
    sort_key: Option<KeyAttribute>,
    indexes: Vec<LocalIndex>,
}

/// A local index: the items of one partition key by another attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalIndex {
    /// Its name.
    pub name: &'static str,
    /// The attribute by which it sorts; items that lack it are not in it.
    pub sort_key: KeyAttribute,
    /// What it holds beside the keys.
    pub projection: Projection,
}

/// What an index holds beside its keys and those of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are DynamoDB's projection types")]
pub enum Projection {
    KeysOnly,
    Include(Vec<&'static str>),
    All,
}

/// A table: its keys, and its items by their keys' values.
#[derive(Clone, Debug)]
pub struct Table {
    schema: Schema,
    items: BTreeMap<Vec<Value>, Item>,
}

/// A table or one of its indexes, as a read of it sees it.
#[derive(Clone, Copy, Debug)]
pub struct View<'s> {
    schema: &'s Schema,
    index: Option<&'s LocalIndex>,
}

impl Schema {
    /// That of a table with these keys; only one that has a sort key may have indexes.
    pub const fn new(
        partition_key: KeyAttribute,
        sort_key: Option<KeyAttribute>,
        indexes: Vec<LocalIndex>,
    ) -> Self {
        Self { partition_key, sort_key, indexes }
    }

    /// The attributes of the key, the partition key first.
    pub fn key_attributes(&self) -> Vec<KeyAttribute> {
        std::iter::once(self.partition_key).chain(self.sort_key).collect()
    }

    /// The local indexes.
    pub fn indexes(&self) -> &[LocalIndex] {
        &self.indexes
    }

    /// The table itself, or this index of it.
    pub const fn view<'s>(&'s self, index: Option<&'s LocalIndex>) -> View<'s> {
        View { schema: self, index }
    }

    /// The key attributes of an item, alone.
    pub fn key_item(&self, item: &Item) -> Item {
        self.view(None).cursor(item)
    }

    /// What the service says of an item that an index cannot hold; `None` if all can. `updates` tells
    /// whether an update would make it so: of an empty key the service then says less.
    pub fn index_complaint(&self, item: &Item, updates: bool) -> Option<String> {
        self.indexes.iter().find_map(|index| {
            let (key, name) = (index.sort_key, index.name);
            let value = item.get(key.name)?;
            let (expected, actual) = (key.kind.to_string(), value.type_name());
            if actual != expected {
                return Some(format!(
                    "One or more parameter values were invalid: Type mismatch for Index Key {} \
                     Expected: {expected} Actual: {actual} IndexName: {name}",
                    key.name
                ));
            }
            let is_long = value.size() > 1024;
            let too_long = is_long.then(|| "exceeded the size limit of 1024".to_owned());
            if value.size() == 0 { Some(empty_index_key(updates)) } else { too_long }
        })
    }
}

fn empty_index_key(updates: bool) -> String {
    if updates {
        "The update expression attempted to update a secondary index key to a value that is not \
         supported"
            .to_owned()
    } else {
        "A value specified for a secondary index key is not supported".to_owned()
    }
}

impl Table {
    /// An empty table.
    pub const fn new(schema: Schema) -> Self {
        Self { schema, items: BTreeMap::new() }
    }

    /// Its keys and indexes.
    pub const fn schema(&self) -> &Schema {
        &self.schema
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

    fn key_of(&self, item: &Item) -> Vec<Value> {
        let value =
            |attribute: KeyAttribute| item.get(attribute.name).expect("has its key").clone();
        self.schema.key_attributes().into_iter().map(value).collect()
    }
}

impl<'s> View<'s> {
    /// The index, if it is one.
    pub const fn index(self) -> Option<&'s LocalIndex> {
        self.index
    }

    /// The attribute by which items of one partition key are sorted.
    pub fn sort_key(self) -> Option<KeyAttribute> {
        self.index.map_or(self.schema.sort_key, |index| Some(index.sort_key))
    }

    /// The names of its own key attributes.
    pub fn key_names(self) -> Vec<&'static str> {
        let sort = self.sort_key().map(|key| key.name);
        std::iter::once(self.schema.partition_key.name).chain(sort).collect()
    }

    /// What a page that ends with this item says: its keys here and those in the table.
    pub fn cursor(self, item: &Item) -> Item {
        let keys = self.schema.key_attributes().into_iter().chain(self.sort_key());
        let names: Vec<&str> = keys.map(|key| key.name).collect();
        let is_key = |name: &str| names.contains(&name);
        item.iter().filter(|(name, _)| is_key(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
    }

    /// What it holds of an item; nothing if the item is not in it.
    pub fn entry(self, item: &Item) -> Option<Item> {
        let Some(index) = self.index else { return Some(item.clone()) };
        item.get(index.sort_key.name)?;
        let mut entry = self.cursor(item);
        match &index.projection {
            Projection::KeysOnly => {}
            Projection::All => entry = item.clone(),
            Projection::Include(names) => {
                let more = names.iter().filter_map(|name| item.get_key_value(*name));
                entry.extend(more.map(|(name, value)| (name.clone(), value.clone())));
            }
        }
        Some(entry)
    }

    /// How two items of one partition key follow each other: by the sort key, and in an index then by that
    /// of the table.
    ///
    /// # Panics
    /// If one lacks a key.
    pub fn compare(self, left: &Item, right: &Item) -> Ordering {
        let keys = self.sort_key().into_iter().chain(self.schema.sort_key);
        keys.map(|key| {
            let value = |item: &Item| item.get(key.name).expect("it has its keys").clone();
            order(&value(left), &value(right)).expect("keys of one type have an order")
        })
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
    }

    /// Every item of this partition key that is in it, in rising order.
    pub fn rows(self, table: &Table, partition: &Value) -> Vec<Item> {
        let name = self.schema.partition_key.name;
        let is_here = |item: &&Item| {
            item.get(name) == Some(partition)
                && self.sort_key().is_none_or(|key| item.contains_key(key.name))
        };
        let mut rows: Vec<Item> = table.items().filter(is_here).cloned().collect();
        rows.sort_by(|left, right| self.compare(left, right));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(sk: &str, rank: Option<&str>) -> Item {
        let text = |text: &str| Value::S(text.to_owned());
        let mut item = Item::from([
            ("pk".to_owned(), text("p")),
            ("sk".to_owned(), text(sk)),
            ("more".to_owned(), text("m")),
        ]);
        item.extend(rank.map(|rank| ("rank".to_owned(), Value::N(rank.to_owned()))));
        item
    }

    #[test]
    fn an_index_holds_what_has_its_key_in_the_order_of_values() {
        let index = LocalIndex {
            name: "by-rank",
            sort_key: KeyAttribute::new("rank", 'N'),
            projection: Projection::KeysOnly,
        };
        let sort_key = Some(KeyAttribute::new("sk", 'S'));
        let schema = Schema::new(KeyAttribute::new("pk", 'S'), sort_key, vec![index]);
        let mut table = Table::new(schema.clone());
        for (sk, rank) in [("a", Some("10")), ("b", None), ("c", Some("9")), ("d", Some("9"))] {
            table.put(item(sk, rank));
        }
        let view = schema.view(schema.indexes().first());
        let rows = view.rows(&table, &Value::S("p".to_owned()));
        assert_eq!(rows, [item("c", Some("9")), item("d", Some("9")), item("a", Some("10"))]);
        let mut entry = item("a", Some("10"));
        entry.remove("more");
        assert_eq!(view.entry(&item("a", Some("10"))), Some(entry));
        assert_eq!(view.entry(&item("b", None)), None);
    }
}
