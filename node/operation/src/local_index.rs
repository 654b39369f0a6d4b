//! Local secondary indexes under writes: what a write of an item changes beside the item.
//!
//! An index holds an entry of each item that has the index's sort key. Entries are written with their item,
//! in the same write set, so that no reader finds one without the other. [`LocalIndexes::changes`] is the
//! one place where it is decided what becomes of them, whatever operation wrote the item.
//!
//! Items and entries with one partition key are an item collection. Its size is kept, because there is a
//! limit to it ("Item collections in local secondary indexes", developer guide).

use std::fmt;
use std::sync::Arc;

use stator_expression::Update;
use stator_expression::update::{Action, Change, NewValue, Operand};
use stator_model::index::{collection, entry_location};
use stator_model::{
    AttributeMap, AttributeValue, IndexEntry, IndexKeyError, Item, ItemSize, ItemView, KeyType,
    KeyValue, LocalIndex, LocalIndexId, Location, SharedItem, TableDescription, limits,
};
use stator_protocol::{ApiError, JsonWriter};

use crate::capacity::CapacityUnits;
use crate::options::ReturnItemCollectionMetrics;
use crate::{Evaluation, ItemWrite};

/// The local indexes of a table, as a write has to know them.
#[derive(Clone)]
pub(crate) struct LocalIndexes {
    table: Arc<TableDescription>,
    /// The partition key, alone, if the client wants to hear of its item collection.
    metrics_of: Option<Item>,
}

/// What a write changes beside its item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalWrites {
    /// Entries of indexes, as far as they change.
    pub entries: Vec<EntryWrite>,
    /// What the locations of the item's collection begin with.
    pub collection: Vec<u8>,
    /// Bytes of the collection afterwards, items and entries by the service's rule.
    pub collection_bytes: u64,
}

/// What becomes of an entry of an index.
#[derive(Clone, PartialEq, Eq)]
pub struct EntryWrite {
    /// The index.
    pub index: LocalIndexId,
    /// Where the entry lies.
    pub location: Location,
    /// The size of the entry that is there now.
    pub before: Option<ItemSize>,
    /// The entry that takes its place.
    pub after: Option<Item>,
}

impl fmt::Debug for EntryWrite {
    /// Without the entry: contents of items stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntryWrite").field("index", &self.index).finish_non_exhaustive()
    }
}

/// What all indexes of a table together become, and what that is charged.
struct Changes {
    entries: Vec<EntryWrite>,
    arms: Vec<(String, CapacityUnits)>,
}

impl LocalIndexes {
    /// Those of `table`, for a write of the item with this key; `None` if it has none.
    pub(crate) fn of(
        table: &Arc<TableDescription>,
        key: &AttributeMap,
        metrics: ReturnItemCollectionMetrics,
    ) -> Option<Self> {
        if table.local_indexes.is_empty() {
            return None;
        }
        let metrics_of = match metrics {
            ReturnItemCollectionMetrics::Size => Some(partition_key(table, key)),
            ReturnItemCollectionMetrics::None => None,
        };
        Some(Self { table: Arc::clone(table), metrics_of })
    }

    /// Whether there is an index of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.table.local_indexes.iter().any(|index| index.name == name)
    }

    /// Whether the client wants to hear of its item collection.
    pub(crate) const fn has_metrics(&self) -> bool {
        self.metrics_of.is_some()
    }

    /// What the request of a write with these indexes wants to hear of its item collection.
    pub(crate) fn wanted(indexes: Option<&Self>) -> ReturnItemCollectionMetrics {
        if indexes.is_some_and(Self::has_metrics) {
            ReturnItemCollectionMetrics::Size
        } else {
            ReturnItemCollectionMetrics::None
        }
    }

    /// What a client is told of an item collection of this size, if it wants to hear of it.
    pub(crate) fn metrics(&self, bytes: u64) -> Option<CollectionMetrics> {
        self.metrics_of.clone().map(|key| CollectionMetrics { key, bytes })
    }

    /// What the locations of an item's collection begin with.
    pub(crate) fn collection<'a>(&self, location: &'a Location) -> &'a [u8] {
        let partition = self.table.key_schema.partition.key_type;
        collection(location.as_bytes(), partition).expect("a location holds its partition key")
    }

    /// Whether an item may be put, as far as indexes are concerned: their sort keys are keys, and the item
    /// is not too large with its entries ("Local secondary indexes", developer guide).
    ///
    /// # Errors
    /// ValidationException.
    pub(crate) fn check_put(&self, item: &Item, size: ItemSize) -> Result<(), ApiError> {
        self.check_keys(item, put_refused)?;
        if self.fits(item, size) {
            return Ok(());
        }
        Err(ApiError::validation("Item size has exceeded the maximum allowed size"))
    }

    /// Whether what an update sets as literals could be the sort keys of indexes. That can be told without the
    /// item, and is, before its condition: keys are checked before items are read.
    ///
    /// # Errors
    /// ValidationException.
    pub(crate) fn check_literals(&self, update: &Update) -> Result<(), ApiError> {
        let literal = |action: &'_ Action| match &action.change {
            Change::Set(NewValue::Operand(Operand::Value(value))) if !action.target.is_nested() => {
                Some((action.target.head.clone(), Arc::clone(value)))
            }
            Change::Set(_) | Change::Remove | Change::Add(_) | Change::Delete(_) => None,
        };
        update.actions().iter().filter_map(literal).try_for_each(|(name, value)| {
            let mut of_name = self.table.local_indexes.iter().filter(|it| it.sort.name == *name);
            of_name.try_for_each(|index| Self::check_key(index, Some(&value), update_refused))
        })
    }

    /// Whether an item may become this, as far as indexes are concerned. `size` is what the update itself
    /// is held to.
    ///
    /// # Errors
    /// ValidationException.
    pub(crate) fn check_update(&self, item: &Item, size: ItemSize) -> Result<(), ApiError> {
        self.check_keys(item, update_refused)?;
        if self.fits(item, size) {
            return Ok(());
        }
        Err(ApiError::validation("Item size to update has exceeded the maximum allowed size"))
    }

    fn check_keys(
        &self,
        item: &Item,
        refused: fn(&LocalIndex, Option<&AttributeValue>, &IndexKeyError) -> ApiError,
    ) -> Result<(), ApiError> {
        let mut indexes = self.table.local_indexes.iter();
        indexes.try_for_each(|index| Self::check_key(index, item.get(&index.sort.name), refused))
    }

    fn check_key(
        index: &LocalIndex,
        value: Option<&AttributeValue>,
        refused: fn(&LocalIndex, Option<&AttributeValue>, &IndexKeyError) -> ApiError,
    ) -> Result<(), ApiError> {
        index.sort_key(value).map(drop).map_err(|error| refused(index, value, &error))
    }

    fn fits(&self, item: &Item, size: ItemSize) -> bool {
        let entries = self.table.local_indexes.iter().filter_map(|index| {
            index.entry(&self.table.key_schema, item).map(|entry| entry.item.size().0 as usize)
        });
        ItemSize::from_bytes(size.0 as usize + entries.sum::<usize>()).is_allowed()
    }

    /// Completes what a command came to by what it changes beside the item: `before` is the item that it
    /// found, `collection_bytes` the size of its collection.
    pub(crate) fn complete(
        &self,
        location: &Location,
        before: Option<&SharedItem>,
        collection_bytes: u64,
        evaluation: Evaluation,
    ) -> Evaluation {
        let Evaluation { write, reply, .. } = evaluation;
        let mut written = match reply {
            Ok(written) => written,
            refused @ Err(_) => return Evaluation { write, local: None, reply: refused },
        };
        let before = before.map(|item| item.as_ref() as &dyn ItemView);
        let after = match &write {
            Some(ItemWrite::Put(item)) => Some(item.as_ref() as &dyn ItemView),
            Some(ItemWrite::Delete) => None,
            None => before,
        };
        let changes = self.changes(location, before, after);
        let was = held(before) + changes.entries.iter().map(EntryWrite::bytes_before).sum::<u64>();
        let is = held(after) + changes.entries.iter().map(EntryWrite::bytes_after).sum::<u64>();
        let bytes = (collection_bytes + is).saturating_sub(was);
        if bytes > limits::COLLECTION_BYTES && is > was {
            let reply = Err(ApiError::collection_too_large());
            return Evaluation { write: None, local: None, reply };
        }
        written.consumed.add_local(changes.arms);
        written.collection = self.metrics(bytes);
        let local = write.is_some().then(|| {
            let collection = self.collection(location).to_vec();
            LocalWrites { entries: changes.entries, collection, collection_bytes: bytes }
        });
        Evaluation { write, local, reply: Ok(written) }
    }

    /// What becomes of the entries of the item at `location` if it is `before` and becomes `after`. An
    /// entry that stays as it is is left alone.
    fn changes(
        &self,
        location: &Location,
        before: Option<&dyn ItemView>,
        after: Option<&dyn ItemView>,
    ) -> Changes {
        let mut changes = Changes { entries: Vec::new(), arms: Vec::new() };
        for index in &self.table.local_indexes {
            let entry = |item: Option<&dyn ItemView>| {
                item.and_then(|item| index.entry(&self.table.key_schema, item))
            };
            let partition = self.table.key_schema.partition.key_type;
            changes.add(index, partition, location, entry(before), entry(after));
        }
        changes
    }
}

impl fmt::Debug for LocalIndexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalIndexes").field("table", &self.table.id).finish_non_exhaustive()
    }
}

fn held(item: Option<&dyn ItemView>) -> u64 {
    item.map_or(0, |item| u64::from(item.size().0))
}

fn partition_key(table: &TableDescription, key: &AttributeMap) -> Item {
    let name = &table.key_schema.partition.name;
    let mut partition = Item::new();
    if let Some(value) = key.get(name) {
        partition.insert(name.clone(), value.clone());
    }
    partition
}

impl Changes {
    /// Adds what becomes of an item's entry in one index.
    ///
    /// What an entry is charged ("Local secondary indexes", developer guide): as a write if it comes, goes
    /// or changes where it is; as two if it moves, because it goes there and comes here.
    fn add(
        &mut self,
        index: &LocalIndex,
        partition: KeyType,
        item: &Location,
        before: Option<IndexEntry>,
        after: Option<IndexEntry>,
    ) {
        if before == after {
            return;
        }
        let location = |sort: &KeyValue| {
            entry_location(item, partition, index.id, sort)
                .expect("a location holds its partition key")
        };
        let none = ItemSize::default();
        let mut units = CapacityUnits::default();
        let mut write = |sort: &KeyValue, before: Option<ItemSize>, after: Option<Item>| {
            let is = after.as_ref().map_or(none, ItemView::size);
            units += CapacityUnits::of_write(before.unwrap_or_default(), is);
            let location = location(sort);
            self.entries.push(EntryWrite { index: index.id, location, before, after });
        };
        match (before, after) {
            (Some(before), Some(after)) if before.sort == after.sort => {
                write(&after.sort, Some(before.item.size()), Some(after.item));
            }
            (before, after) => {
                if let Some(before) = before {
                    write(&before.sort, Some(before.item.size()), None);
                }
                if let Some(after) = after {
                    write(&after.sort, None, Some(after.item));
                }
            }
        }
        self.arms.push((index.name.clone(), units));
    }
}

impl EntryWrite {
    fn bytes_before(&self) -> u64 {
        self.before.map_or(0, |size| u64::from(size.0))
    }

    fn bytes_after(&self) -> u64 {
        self.after.as_ref().map_or(0, |entry| u64::from(entry.size().0))
    }
}

/// What a client is told of an index key that cannot be one, when it puts the item.
fn put_refused(
    index: &LocalIndex,
    value: Option<&AttributeValue>,
    error: &IndexKeyError,
) -> ApiError {
    let (name, key) = (&index.name, &index.sort.name);
    ApiError::validation(match error {
        IndexKeyError::WrongType { actual } => format!(
            "One or more parameter values were invalid: Type mismatch for Index Key {key} Expected: \
             {} Actual: {actual} IndexName: {name}",
            index.sort.key_type.name()
        ),
        IndexKeyError::Empty => {
            let kind = empty_kind(value);
            format!(
                "One or more parameter values are not valid. A value specified for a secondary index \
                 key is not supported. The AttributeValue for a key attribute cannot contain an empty \
                 {kind} value. IndexName: {name}, IndexKey: {key}"
            )
        }
        IndexKeyError::TooLong => {
            "One or more parameter values were invalid: Aggregated size of all \
                                   range keys has exceeded the size limit of 1024 bytes"
                .to_owned()
        }
    })
}

/// What a client is told of an index key that cannot be one, when an update makes it so.
fn update_refused(
    index: &LocalIndex,
    value: Option<&AttributeValue>,
    error: &IndexKeyError,
) -> ApiError {
    match error {
        IndexKeyError::Empty => {
            let kind = empty_kind(value);
            ApiError::validation(format!(
                "One or more parameter values are not valid. The update expression attempted to \
                 update a secondary index key to a value that is not supported. The AttributeValue \
                 for a key attribute cannot contain an empty {kind} value."
            ))
        }
        IndexKeyError::WrongType { .. } | IndexKeyError::TooLong => {
            put_refused(index, value, error)
        }
    }
}

fn empty_kind(value: Option<&AttributeValue>) -> &'static str {
    if matches!(value, Some(AttributeValue::B(_))) { "binary" } else { "string" }
}

/// What a client is told of an item collection, if it asks.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CollectionMetrics {
    /// The partition key.
    key: Item,
    bytes: u64,
}

impl CollectionMetrics {
    /// Its size.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes `ItemCollectionMetrics`: the size is estimated between whole gigabytes.
    pub(crate) fn write(&self, writer: &mut JsonWriter) {
        writer.object(|metrics| {
            metrics.member("ItemCollectionKey").item(&self.key);
            metrics.member("SizeEstimateRangeGB").array(|range| {
                let lower = u32::try_from(self.bytes >> 30).unwrap_or(u32::MAX);
                range.double(f64::from(lower));
                range.double(f64::from(lower) + 1.0);
            });
        });
    }
}

impl fmt::Debug for CollectionMetrics {
    /// Without the key: it stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectionMetrics").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
