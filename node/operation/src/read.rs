//! Reads under way: what is to be read next, and what has been found.
//!
//! A read is a sequence of parts, each of which one partition answers. Who finds partitions and who looks
//! into the store are others; this decides what is asked of them, and when the answer is complete.

use std::sync::Arc;

use stator_catalog::{Catalog, PartitionDescription};
use stator_model::{KeyRange, KeyType, LocalIndexId, Location, SharedItem, TableId};
use stator_protocol::ApiError;

use crate::Reply;
use crate::batch_get_item::BatchGetItem;
use crate::get_item::GetItem;
use crate::page::Page;

/// A read on its way, validated.
#[derive(Debug)]
pub enum ReadCommand {
    /// GetItem.
    GetItem(GetItem),
    /// BatchGetItem.
    BatchGetItem(BatchGetItem),
    /// Query or Scan.
    Page(Box<Page>),
}

/// A part of a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The life of the table.
    pub table: TableId,
    /// Whether the read must see every write that was acknowledged before it.
    pub consistent: bool,
    /// What of the table.
    pub place: Place,
}

/// What a part of a read looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The item here.
    Item(Location),
    /// The items of a range. A partition answers for what of the range it holds.
    Range(Walk),
}

/// A walk over the items of a range, until the room is used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// What lies in the range.
    pub source: Source,
    /// The range.
    pub range: KeyRange,
    /// From which end.
    pub order: Order,
    /// How much is taken.
    pub room: Room,
}

/// What a range is read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// The table's items.
    #[default]
    Items,
    /// The entries of a local index. Its locations order among the partitions as those of the items do.
    LocalIndex(IndexSource),
}

/// A local index, as a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexSource {
    /// The index. Entries of others may lie in the range, too.
    pub index: LocalIndexId,
    /// The type of the table's partition keys.
    pub partition: KeyType,
    /// The type of the index's sort keys.
    pub sort: KeyType,
    /// Whether the item of each entry is wanted, too.
    pub with_items: bool,
}

/// In which direction a range is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// From the first item on.
    #[default]
    Ascending,
    /// From the last item on.
    Descending,
}

/// How much more a page takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    items: usize,
    bytes: usize,
}

impl Room {
    /// Room for so many items and bytes.
    pub const fn new(items: usize, bytes: usize) -> Self {
        Self { items, bytes }
    }

    /// How many items and bytes there is room for.
    pub(crate) const fn parts(self) -> (usize, usize) {
        (self.items, self.bytes)
    }

    /// Takes an item in. The one with which the bytes are reached is still of the page.
    pub fn take(&mut self, row: &Row) {
        self.items = self.items.saturating_sub(1);
        let behind = row.behind.as_ref().map_or(0, |item| item.size().0 as usize);
        self.bytes = self.bytes.saturating_sub(row.item.size().0 as usize + behind);
    }

    /// Whether the page ends here.
    pub const fn is_used_up(self) -> bool {
        self.items == 0 || self.bytes == 0
    }
}

/// What a partition holds of a part.
#[derive(Clone)]
pub enum Found {
    /// The item, if there is one.
    Item(Option<SharedItem>),
    /// The items of the range.
    Rows(Rows),
}

/// What was found of a range.
#[derive(Clone, Default)]
pub struct Rows {
    /// Items in the order of the walk, as far as there was room.
    pub rows: Vec<Row>,
    /// What of the range was not looked at although there was room: a look ends some time, even if it finds
    /// little.
    pub unseen: Option<KeyRange>,
}

/// An item of a range.
#[derive(Clone)]
pub struct Row {
    /// The item, or the entry of an index.
    pub item: SharedItem,
    /// The item of that entry, if it was wanted.
    pub behind: Option<SharedItem>,
}

impl Part {
    /// The partition that answers this part, or its beginning. `None` once the table has begun to be taken
    /// apart.
    pub fn partition<'a>(&self, catalog: &'a Catalog) -> Option<&'a Arc<PartitionDescription>> {
        match &self.place {
            Place::Item(location) => catalog.locate(self.table, location),
            Place::Range(Walk { range, order: Order::Ascending, .. }) => {
                catalog.locate(self.table, &Location::from_bytes(range.start.clone()))
            }
            Place::Range(Walk { range, order: Order::Descending, .. }) => {
                catalog.locate_before(self.table, range.end.as_deref())
            }
        }
    }

    /// What of this part lies in a partition's range.
    #[must_use]
    pub fn within(self, partition: &KeyRange) -> Self {
        let place = match self.place {
            Place::Item(location) => Place::Item(location),
            Place::Range(walk) => {
                Place::Range(Walk { range: walk.range.intersect(partition), ..walk })
            }
        };
        Self { place, ..self }
    }
}

impl ReadCommand {
    /// What is to be read next; `None` once the answer is complete.
    pub fn next(&self) -> Option<Part> {
        match self {
            Self::GetItem(get) => get.part(),
            Self::BatchGetItem(batch) => batch.part(),
            Self::Page(page) => page.part(),
        }
    }

    /// Takes in what was found of `part`: the one of [`next`](Self::next), cut down to a partition.
    pub fn found(&mut self, part: &Part, found: Found) {
        match (self, found, &part.place) {
            (Self::GetItem(get), Found::Item(item), _) => get.found(item),
            (Self::BatchGetItem(batch), Found::Item(item), _) => batch.found(item),
            (Self::Page(page), Found::Rows(rows), Place::Range(walk)) => {
                page.found(&walk.range, rows);
            }
            // A finding of another kind answers another question.
            (Self::GetItem(_) | Self::BatchGetItem(_) | Self::Page(_), _, _) => {}
        }
    }

    /// The answer, once complete.
    pub fn reply(self) -> Reply {
        match self {
            Self::GetItem(get) => Reply::GetItem(get.reply()),
            Self::BatchGetItem(batch) => Reply::BatchGetItem(batch.reply()),
            Self::Page(page) => Reply::Page(page.finish()),
        }
    }

    /// The answer if no more can be read because of `error`.
    ///
    /// # Errors
    /// The error, unless an answer may say what it leaves out.
    pub fn give_up(self, error: ApiError) -> Result<Reply, ApiError> {
        match self {
            Self::BatchGetItem(batch) if batch.has_begun() && error.is_retryable() => {
                Ok(Reply::BatchGetItem(batch.reply()))
            }
            // A page that ends early says where the next begins: whoever asks for it gets on.
            Self::Page(page) if page.may_end() && error.is_retryable() => {
                Ok(Reply::Page(page.finish()))
            }
            Self::GetItem(_) | Self::BatchGetItem(_) | Self::Page(_) => Err(error),
        }
    }
}
