//! Pages of items: what Scan and Query have in common.
//!
//! A page is read part after part, each from the partition that holds it, in one direction. It ends after
//! so many items, or with the item that makes it 1 MB; it then says with which item it ended, even if
//! nothing follows. It is of a table's items, or of the entries of one of its local indexes; what entries
//! lack is in the items, which lie in the same partition and are read with them if they are wanted.

use std::sync::Arc;

use stator_model::index::entry_location;
use stator_model::{
    AttributeMap, ItemSize, KeyRange, KeySchema, LocalIndex, Location, Projection, SharedItem,
    TableDescription, to_item,
};
use stator_protocol::{ApiError, JsonWriter};

use crate::capacity::{CapacityUnits, Charge, Consumed};
use crate::keys;
use crate::options::Select;
use crate::read::{IndexSource, Order, Part, Place, Room, Row, Rows, Source, Walk};

/// Bytes of items after which a page ends ("Paginating table scan results", developer guide).
const PAGE_BYTES: usize = 1 << 20;

/// What is read: the items of a table, or a local index of it.
#[derive(Clone)]
pub(crate) struct Subject {
    table: Arc<TableDescription>,
    index: Option<LocalIndex>,
}

/// What of the items a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// How many there are.
    Count,
    /// All attributes of each.
    All,
    /// What there is of each where it is read.
    Projected,
}

impl Shown {
    /// What `Select` asks for, of an index or of a table.
    ///
    /// # Errors
    /// ValidationException; in `unprojected`'s words if there would have to be a projection.
    pub(crate) fn new(
        select: Option<Select>,
        of_index: bool,
        unprojected: impl FnOnce(&'static str) -> ApiError,
    ) -> Result<Self, ApiError> {
        match select {
            None => Ok(Self::Projected),
            Some(Select::AllAttributes) => Ok(Self::All),
            Some(Select::Count) => Ok(Self::Count),
            Some(Select::AllProjectedAttributes) if of_index => Ok(Self::Projected),
            Some(Select::AllProjectedAttributes) => Err(ApiError::validation(
                "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
            )),
            Some(Select::SpecificAttributes) => Err(unprojected(
                "Must specify the AttributesToGet or ProjectionExpression when choosing to get \
                 SPECIFIC_ATTRIBUTES",
            )),
        }
    }
}

impl Subject {
    /// The table, or its index of this name.
    ///
    /// # Errors
    /// ValidationException if there is no such index.
    pub(crate) fn new(
        table: &Arc<TableDescription>,
        index: Option<&str>,
    ) -> Result<Self, ApiError> {
        let find = |name: &str| {
            let found = table.local_indexes.iter().find(|index| index.name == name);
            found.cloned().ok_or_else(|| {
                let text = format!("The table does not have the specified index: {name}");
                ApiError::validation(text)
            })
        };
        Ok(Self { table: Arc::clone(table), index: index.map(find).transpose()? })
    }

    pub(crate) fn table(&self) -> &Arc<TableDescription> {
        &self.table
    }

    pub(crate) fn is_index(&self) -> bool {
        self.index.is_some()
    }

    /// The keys by which it is ordered.
    pub(crate) fn key_schema(&self) -> KeySchema {
        let schema = &self.table.key_schema;
        self.index.as_ref().map_or_else(|| schema.clone(), |index| index.key_schema(schema))
    }

    /// With what the locations of one partition key begin.
    pub(crate) fn prefix(&self, partition: &stator_model::KeyValue) -> Vec<u8> {
        let mut prefix = Vec::new();
        partition.encode_partition(&self.table.hash_secret, &mut prefix);
        prefix.extend(self.index.as_ref().map(|index| index.id.0));
        prefix
    }

    /// Where `ExclusiveStartKey` lies: exactly the keys of the table, and of the index if it is one.
    ///
    /// # Errors
    /// ValidationException, in the words for a `Key` parameter.
    pub(crate) fn start(&self, given: &AttributeMap) -> Result<Location, ApiError> {
        let schema = &self.table.key_schema;
        let Some(index) = &self.index else {
            let key = keys::of_parameter(given, schema)?;
            return Ok(key.location(&self.table.hash_secret));
        };
        let of_table = schema.key_attributes(given);
        let item = keys::of_parameter(&of_table, schema)?.location(&self.table.hash_secret);
        let of_index = index.key_schema(schema);
        let sort = keys::of_parameter(&of_index.key_attributes(given), &of_index)?.sort;
        let own_name = schema.attributes().all(|attribute| attribute.name != index.sort.name);
        let partition = schema.partition.key_type;
        let location = sort.and_then(|sort| entry_location(&item, partition, index.id, &sort));
        location.filter(|_| given.len() == of_table.len() + usize::from(own_name)).ok_or_else(
            || ApiError::validation("The provided key element does not match the schema"),
        )
    }

    /// The key of an item or entry: that of the table, and of the index if it is one.
    fn key_of(&self, item: &SharedItem) -> AttributeMap {
        let item = to_item(item.as_ref());
        let mut key = self.table.key_schema.key_attributes(&item);
        if let Some(index) = &self.index
            && let Some(value) = item.get(&index.sort.name)
        {
            key.insert(index.sort.name.clone(), value.clone());
        }
        key
    }

    fn source(&self, shown: Shown) -> Source {
        let Some(index) = &self.index else { return Source::Items };
        Source::LocalIndex(IndexSource {
            index: index.id,
            partition: self.table.key_schema.partition.key_type,
            sort: index.sort.key_type,
            with_items: shown == Shown::All && index.projection != Projection::All,
        })
    }
}

/// What a page is to hold.
pub(crate) struct Wanted {
    pub(crate) subject: Subject,
    pub(crate) consistent: bool,
    pub(crate) range: KeyRange,
    pub(crate) order: Order,
    /// The most items; `None` is as many as there is room for.
    pub(crate) limit: Option<usize>,
    pub(crate) shown: Shown,
}

/// A page on its way.
pub(crate) struct Page {
    subject: Subject,
    source: Source,
    consistent: bool,
    order: Order,
    /// What the page has not looked at yet; `None` once it is complete.
    left: Option<KeyRange>,
    room: Room,
    /// `None` if they are only counted.
    items: Option<Vec<SharedItem>>,
    count: u64,
    bytes: usize,
    /// What was taken for items behind entries.
    behind: CapacityUnits,
    last: Option<SharedItem>,
}

/// A page, complete.
#[derive(Clone)]
pub(crate) struct Paged {
    /// `None` if they were only counted.
    items: Option<Vec<SharedItem>>,
    /// How many there are.
    pub(crate) count: u64,
    /// The key of the last of them, if the next page begins behind it.
    last_key: Option<AttributeMap>,
    consumed: Consumed,
}

impl Page {
    pub(crate) fn new(wanted: Wanted) -> Self {
        Self {
            source: wanted.subject.source(wanted.shown),
            subject: wanted.subject,
            consistent: wanted.consistent,
            order: wanted.order,
            left: (!wanted.range.is_empty()).then_some(wanted.range),
            room: Room::new(wanted.limit.unwrap_or(usize::MAX), PAGE_BYTES),
            items: (wanted.shown != Shown::Count).then(Vec::new),
            count: 0,
            bytes: 0,
            behind: CapacityUnits::default(),
            last: None,
        }
    }

    pub(crate) fn part(&self) -> Option<Part> {
        let (source, order, room) = (self.source, self.order, self.room);
        let place = Place::Range(Walk { source, range: self.left.clone()?, order, room });
        Some(Part { table: self.subject.table.id, consistent: self.consistent, place })
    }

    /// Takes in what was found of `range`, which begins where the page is.
    pub(crate) fn found(&mut self, range: &KeyRange, found: Rows) {
        let Some(left) = self.left.take() else { return };
        for row in &found.rows {
            self.room.take(row);
            self.count += 1;
            self.bytes += row.item.size().0 as usize;
            if let Some(item) = &row.behind {
                self.behind += CapacityUnits::of_read(item.size(), self.consistent);
            }
        }
        if self.room.is_used_up() {
            self.last = found.rows.last().map(|row| row.item.clone());
        } else {
            self.left = rest(left, range, found.unseen, self.order);
        }
        if let Some(page) = &mut self.items {
            let shown = |Row { item, behind }: Row| behind.unwrap_or(item);
            page.extend(found.rows.into_iter().map(shown));
        }
    }

    pub(crate) fn finish(self) -> Paged {
        let size = ItemSize::from_bytes(self.bytes);
        let units = CapacityUnits::of_read(size, self.consistent);
        let consumed = match &self.subject.index {
            None => units.into(),
            Some(index) => {
                let mut consumed = Consumed::from(self.behind);
                consumed.add_local([(index.name.clone(), units)]);
                consumed
            }
        };
        let last_key = self.last.map(|last| self.subject.key_of(&last));
        Paged { items: self.items, count: self.count, last_key, consumed }
    }
}

impl Paged {
    /// Writes the body of a reply. Without a filter, all that was looked at is counted.
    pub(crate) fn write_json(&self, charge: &Charge, writer: &mut JsonWriter) {
        writer.object(|reply| {
            reply.member("Count").integer(self.count);
            reply.member("ScannedCount").integer(self.count);
            if let Some(items) = &self.items {
                reply.member("Items").array(|list| {
                    items.iter().for_each(|item| list.item(item.as_ref()));
                });
            }
            if let Some(key) = &self.last_key {
                reply.member("LastEvaluatedKey").item(key);
            }
            charge.write_member(&self.consumed, reply);
        });
    }
}

/// What of `left` lies behind `range`, with which it begins and of which `unseen` was not looked at.
fn rest(
    left: KeyRange,
    range: &KeyRange,
    unseen: Option<KeyRange>,
    order: Order,
) -> Option<KeyRange> {
    let rest = match (order, unseen) {
        (Order::Ascending, Some(unseen)) => KeyRange { start: unseen.start, end: left.end },
        (Order::Ascending, None) => KeyRange { start: range.end.clone()?, end: left.end },
        (Order::Descending, Some(unseen)) => KeyRange { start: left.start, end: unseen.end },
        (Order::Descending, None) => KeyRange { start: left.start, end: Some(range.start.clone()) },
    };
    (!rest.is_empty()).then_some(rest)
}
