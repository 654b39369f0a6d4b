//! Pages of items: what Scan and Query have in common.
//!
//! A page is read part after part, each from the partition that holds it, in one direction. It ends after
//! so many items, or with the item that makes it 1 MB; it then says with which item it ended, even if
//! nothing follows. It is of a table's items, or of the entries of one of its local indexes; what entries
//! lack is in the items, which lie in the same partition and are read with them if they are wanted.

use std::fmt;
use std::sync::Arc;

use stator_expression::Projection;
use stator_model::index::entry_location;
use stator_model::{
    AttributeMap, ItemSize, KeyRange, KeySchema, LocalIndex, Location, SharedItem,
    TableDescription, to_item,
};
use stator_protocol::{ApiError, JsonWriter};

use crate::capacity::{CapacityUnits, Charge, Consumed};
use crate::condition::ItemCondition;
use crate::keys;
use crate::options::Select;
use crate::projected::projected;
use crate::read::{IndexSource, Order, Part, Place, Room, Row, Rows, Source, Walk};

/// Bytes of items after which a page ends ("Paginating table scan results", developer guide).
pub(crate) const PAGE_BYTES: usize = 1 << 20;

/// What is read: the items of a table, or a local index of it.
#[derive(Clone)]
pub(crate) struct Subject {
    table: Arc<TableDescription>,
    index: Option<LocalIndex>,
}

/// What of the items a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// How many there are.
    Count,
    /// All attributes of each.
    All,
    /// What there is of each where it is read.
    Projected,
    /// These parts of each.
    Parts(Projection),
}

impl Shown {
    /// What `Select` and a projection, given by the parameter of this name, ask for of an index or table.
    ///
    /// # Errors
    /// ValidationException; in `unprojected`'s words if there would have to be a projection.
    pub(crate) fn new(
        select: Option<Select>,
        projection: (&'static str, Option<Projection>),
        of_index: bool,
        unprojected: impl FnOnce(&'static str) -> ApiError,
    ) -> Result<Self, ApiError> {
        let (parameter, projection) = projection;
        let not_together = |with: &str| {
            ApiError::validation(format!(
                "Cannot specify the {parameter} when choosing to get {with}"
            ))
        };
        match (select, projection) {
            (None, None) => Ok(Self::Projected),
            (None | Some(Select::SpecificAttributes), Some(projection)) => {
                Ok(Self::Parts(projection))
            }
            (Some(Select::SpecificAttributes), None) => Err(unprojected(
                "Must specify the AttributesToGet or ProjectionExpression when choosing to get \
                 SPECIFIC_ATTRIBUTES",
            )),
            (Some(Select::AllAttributes), None) => Ok(Self::All),
            (Some(Select::AllAttributes), Some(_)) => Err(not_together("ALL_ATTRIBUTES")),
            (Some(Select::Count), None) => Ok(Self::Count),
            (Some(Select::Count), Some(_)) => Err(not_together("only the Count")),
            (Some(Select::AllProjectedAttributes), _) if !of_index => Err(ApiError::validation(
                "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
            )),
            (Some(Select::AllProjectedAttributes), None) => Ok(Self::Projected),
            (Some(Select::AllProjectedAttributes), Some(_)) => {
                Err(not_together("ALL_PROJECTED_ATTRIBUTES"))
            }
        }
    }

    /// Checks that of no key of `table` only a part is shown.
    ///
    /// # Errors
    /// ValidationException.
    pub(crate) fn check_paths(&self, table: &TableDescription) -> Result<(), ApiError> {
        match self {
            Self::Count | Self::All | Self::Projected => Ok(()),
            Self::Parts(parts) => keys::must_be_scalar(&parts.nested_attributes(), table),
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

    /// Where it is read. Entries that lack what is shown, or what the filter looks at, are read with their
    /// items.
    fn source(&self, shown: &Shown, filter: Option<&ItemCondition>) -> Source {
        let Some(index) = &self.index else { return Source::Items };
        let lacks_shown = match shown {
            Shown::Count | Shown::Projected => false,
            Shown::All => index.projection != stator_model::Projection::All,
            Shown::Parts(parts) => parts.attributes().any(|name| self.lacks(index, name)),
        };
        let lacks_tested = || {
            let tested = filter.into_iter().flat_map(ItemCondition::attributes);
            tested.into_iter().any(|name| self.lacks(index, name))
        };
        Source::LocalIndex(IndexSource {
            index: index.id,
            partition: self.table.key_schema.partition.key_type,
            sort: index.sort.key_type,
            with_items: lacks_shown || lacks_tested(),
        })
    }

    /// Whether an index's entries are without an attribute that their items may have.
    fn lacks(&self, index: &LocalIndex, name: &str) -> bool {
        let is_key = index.sort.name == name
            || self.table.key_schema.attributes().any(|attribute| attribute.name == name);
        match &index.projection {
            stator_model::Projection::All => false,
            stator_model::Projection::KeysOnly => !is_key,
            stator_model::Projection::Include(names) => {
                !is_key && !names.iter().any(|included| included == name)
            }
        }
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
    /// What an item must be to be counted and shown. All that is looked at counts for the limit.
    pub(crate) filter: Option<ItemCondition>,
    pub(crate) shown: Shown,
    pub(crate) charge: Charge,
}

/// A page of a Query or Scan on its way.
pub struct Page {
    subject: Subject,
    source: Source,
    consistent: bool,
    order: Order,
    /// What the page has not looked at yet; `None` once it is complete.
    left: Option<KeyRange>,
    room: Room,
    filter: Option<ItemCondition>,
    shown: Shown,
    /// Those that pass, as they are shown; none if they are only counted.
    items: Vec<SharedItem>,
    count: u64,
    scanned: u64,
    bytes: usize,
    /// What was taken for items behind entries.
    behind: CapacityUnits,
    /// The last item so far.
    last: Option<SharedItem>,
    charge: Charge,
}

impl fmt::Debug for Page {
    /// Without items and keys: they stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("table", &self.subject.table.id).finish_non_exhaustive()
    }
}

/// A page, complete: what Query and Scan answer.
#[derive(Clone)]
pub struct Paged {
    /// `None` if they were only counted.
    items: Option<Vec<SharedItem>>,
    /// How many there are.
    count: u64,
    /// How many were looked at.
    scanned: u64,
    /// The key of the last of them, if the next page begins behind it.
    last_key: Option<AttributeMap>,
    consumed: Consumed,
    charge: Charge,
}

impl fmt::Debug for Paged {
    /// Without the items: contents of items stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paged").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Page {
    pub(crate) fn new(wanted: Wanted) -> Self {
        Self {
            source: wanted.subject.source(&wanted.shown, wanted.filter.as_ref()),
            subject: wanted.subject,
            consistent: wanted.consistent,
            order: wanted.order,
            left: (!wanted.range.is_empty()).then_some(wanted.range),
            room: Room::new(wanted.limit.unwrap_or(usize::MAX), PAGE_BYTES),
            filter: wanted.filter,
            shown: wanted.shown,
            items: Vec::new(),
            count: 0,
            scanned: 0,
            bytes: 0,
            behind: CapacityUnits::default(),
            last: None,
            charge: wanted.charge,
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
            self.scanned += 1;
            self.bytes += row.item.size().0 as usize;
            if let Some(item) = &row.behind {
                self.behind += CapacityUnits::of_read(item.size(), self.consistent);
            }
        }
        if let Some(row) = found.rows.last() {
            self.last = Some(row.item.clone());
        }
        if !self.room.is_used_up() {
            self.left = rest(left, range, found.unseen, self.order);
        }
        found.rows.into_iter().for_each(|row| self.take(row));
    }

    /// Takes a row in, if it passes.
    fn take(&mut self, Row { item, behind }: Row) {
        let whole = behind.as_ref().unwrap_or(&item);
        if self.filter.as_ref().is_some_and(|filter| !filter.holds(Some(whole))) {
            return;
        }
        self.count += 1;
        match &self.shown {
            Shown::Count => {}
            Shown::All => self.items.push(behind.unwrap_or(item)),
            Shown::Projected => self.items.push(item),
            Shown::Parts(parts) => {
                self.items.push(projected(Some(parts), behind.unwrap_or(item)));
            }
        }
    }

    /// Whether the page may end here, if it must: there is an item with which it ends.
    pub(crate) fn may_end(&self) -> bool {
        self.last.is_some()
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
        let ends_early = self.room.is_used_up() || self.left.is_some();
        let last = self.last.filter(|_| ends_early);
        let last_key = last.map(|last| self.subject.key_of(&last));
        let items = (self.shown != Shown::Count).then_some(self.items);
        let (count, scanned) = (self.count, self.scanned);
        Paged { items, count, scanned, last_key, consumed, charge: self.charge }
    }
}

impl Paged {
    /// Writes the body of a reply.
    pub fn write_json(&self, writer: &mut JsonWriter) {
        writer.object(|reply| {
            reply.member("Count").integer(self.count);
            reply.member("ScannedCount").integer(self.scanned);
            if let Some(items) = &self.items {
                reply.member("Items").array(|list| {
                    items.iter().for_each(|item| list.item(item.as_ref()));
                });
            }
            if let Some(key) = &self.last_key {
                reply.member("LastEvaluatedKey").item(key);
            }
            self.charge.write_member(&self.consumed, reply);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: &'static str, end: Option<&'static str>) -> KeyRange {
        let end = end.map(|end| end.as_bytes().into());
        KeyRange { start: start.as_bytes().into(), end }
    }

    #[test]
    fn what_is_left_of_a_page_begins_where_a_part_ended() {
        let (up, down) = (Order::Ascending, Order::Descending);
        let left = || range("b", Some("y"));
        // Parts as partitions cut them.
        let rest = |part: KeyRange, unseen, order| rest(left(), &part, unseen, order);
        assert_eq!(rest(range("b", Some("m")), None, up), Some(range("m", Some("y"))));
        assert_eq!(rest(range("m", Some("y")), None, down), Some(range("b", Some("m"))));
        assert_eq!(rest(left(), None, up), None);
        assert_eq!(rest(left(), None, down), None);
        // Looks that ended early.
        let unseen = range("k", Some("m"));
        assert_eq!(rest(range("b", Some("m")), Some(unseen), up), Some(range("k", Some("y"))));
        let unseen = range("m", Some("p"));
        assert_eq!(rest(range("m", Some("y")), Some(unseen), down), Some(range("b", Some("p"))));
    }
}
