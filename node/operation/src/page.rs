//! Pages of items: what Scan and Query have in common.
//!
//! A page is read part after part, each from the partition that holds it, in one direction. It ends after
//! so many items, or with the item that makes it 1 MB; it then says with which item it ended, even if
//! nothing follows.

use stator_model::{ItemSize, KeyRange, SharedItem, TableDescription, TableId, to_item};
use stator_protocol::JsonWriter;

use crate::read::{Order, Part, Place, Room, Walk};

/// Bytes of items after which a page ends ("Paginating table scan results", developer guide).
const PAGE_BYTES: usize = 1 << 20;

/// What a page is to hold.
pub(crate) struct Wanted {
    pub(crate) table: TableId,
    pub(crate) consistent: bool,
    pub(crate) range: KeyRange,
    pub(crate) order: Order,
    /// The most items; `None` is as many as there is room for.
    pub(crate) limit: Option<usize>,
    /// Whether they are only counted.
    pub(crate) count_only: bool,
}

/// A page on its way.
pub(crate) struct Page {
    table: TableId,
    consistent: bool,
    order: Order,
    /// What the page has not looked at yet; `None` once it is complete.
    left: Option<KeyRange>,
    room: Room,
    /// `None` if they are only counted.
    items: Option<Vec<SharedItem>>,
    count: u64,
    bytes: usize,
    last: Option<SharedItem>,
}

/// A page, complete.
#[derive(Clone)]
pub(crate) struct Paged {
    /// `None` if they were only counted.
    pub(crate) items: Option<Vec<SharedItem>>,
    /// How many there are.
    pub(crate) count: u64,
    /// The bytes of all of them.
    pub(crate) size: ItemSize,
    /// The last of them, if the next page begins behind it.
    pub(crate) last: Option<SharedItem>,
}

impl Page {
    pub(crate) fn new(wanted: Wanted) -> Self {
        Self {
            table: wanted.table,
            consistent: wanted.consistent,
            order: wanted.order,
            left: (!wanted.range.is_empty()).then_some(wanted.range),
            room: Room::new(wanted.limit.unwrap_or(usize::MAX), PAGE_BYTES),
            items: (!wanted.count_only).then(Vec::new),
            count: 0,
            bytes: 0,
            last: None,
        }
    }

    pub(crate) fn is_consistent(&self) -> bool {
        self.consistent
    }

    pub(crate) fn part(&self) -> Option<Part> {
        let walk = Walk { range: self.left.clone()?, order: self.order, room: self.room };
        let place = Place::Range(walk);
        Some(Part { table: self.table, consistent: self.consistent, place })
    }

    /// Takes in the items of `range`, which begins where the page is.
    pub(crate) fn found(&mut self, range: &KeyRange, items: Vec<SharedItem>) {
        let Some(left) = self.left.take() else { return };
        for item in &items {
            self.room.take(item.size());
            self.count += 1;
            self.bytes += item.size().0 as usize;
        }
        if self.room.is_used_up() {
            self.last = items.last().cloned();
        } else {
            self.left = rest(left, range, self.order);
        }
        if let Some(page) = &mut self.items {
            page.extend(items);
        }
    }

    pub(crate) fn finish(self) -> Paged {
        let size = ItemSize::from_bytes(self.bytes);
        Paged { items: self.items, count: self.count, size, last: self.last }
    }
}

impl Paged {
    /// Writes what a reply says of the page. Without a filter, all that was looked at is counted.
    pub(crate) fn write_members(&self, table: &TableDescription, reply: &mut JsonWriter) {
        reply.member("Count").integer(self.count);
        reply.member("ScannedCount").integer(self.count);
        if let Some(items) = &self.items {
            reply.member("Items").array(|list| {
                items.iter().for_each(|item| list.item(item.as_ref()));
            });
        }
        if let Some(last) = &self.last {
            let key = table.key_schema.key_attributes(&to_item(last.as_ref()));
            reply.member("LastEvaluatedKey").item(&key);
        }
    }
}

/// What of `left` lies behind `range`, with which it begins.
fn rest(left: KeyRange, range: &KeyRange, order: Order) -> Option<KeyRange> {
    let rest = match order {
        Order::Ascending => KeyRange { start: range.end.clone()?, end: left.end },
        Order::Descending => KeyRange { start: left.start, end: Some(range.start.clone()) },
    };
    (!rest.is_empty()).then_some(rest)
}
