//! The overlay: items, and sizes of item collections, as they will be once everything proposed is applied.
//!
//! Commands are evaluated against it before the store, so that a hot item pipelines at log speed. It
//! also remembers items for a while after they were applied: that is what makes an item read ahead of
//! its command usable. A prefetch says up to which index its store had applied; if that is at or after
//! [`Overlay::floor`], whatever was written since is still in here, so an item that is not in here was
//! not written since.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use stator_model::LogIndex;

/// Applied writes are remembered up to this weight in bytes, about.
const REMEMBERED_BYTES: usize = 4 << 20;

/// What the overlay says of a key.
pub(crate) enum Seen<T> {
    /// Written last with this result.
    Written(T),
    /// Not written since the floor.
    Unwritten,
}

/// What was written by key, private to the leader of one partition.
pub(crate) struct Overlay<T> {
    items: HashMap<Bytes, Slot<T>>,
    /// Writes in log order: what leaves first, once applied.
    order: VecDeque<Written>,
    weight: usize,
    floor: LogIndex,
}

struct Slot<T> {
    index: LogIndex,
    result: T,
}

struct Written {
    index: LogIndex,
    key: Bytes,
    weight: usize,
}

impl<T: Clone> Overlay<T> {
    /// An overlay that knows of no write; all up to `applied` are in the store.
    pub(crate) fn new(applied: LogIndex) -> Self {
        Self { items: HashMap::new(), order: VecDeque::new(), weight: 0, floor: applied }
    }

    /// What is known of `key`.
    pub(crate) fn get(&self, key: &[u8]) -> Seen<T> {
        self.items.get(key).map_or(Seen::Unwritten, |slot| Seen::Written(slot.result.clone()))
    }

    /// The index up to which a reader of the store must have seen applied writes, for an item that is
    /// not in here to be current.
    pub(crate) fn floor(&self) -> LogIndex {
        self.floor
    }

    /// Notes a write that was proposed at `index`, with a result of so many bytes.
    pub(crate) fn insert(&mut self, index: LogIndex, key: Bytes, result: T, bytes: usize) {
        let weight = key.len() + bytes + 64;
        self.weight += weight;
        self.order.push_back(Written { index, key: key.clone(), weight });
        self.items.insert(key, Slot { index, result });
    }

    /// Notes that everything up to `applied` is in the store; forgets the oldest of it if there is
    /// much.
    pub(crate) fn applied(&mut self, applied: LogIndex) {
        while self.weight > REMEMBERED_BYTES
            && let Some(written) = self.order.pop_front_if(|written| written.index <= applied)
        {
            self.weight -= written.weight;
            self.floor = self.floor.max(written.index);
            if self.items.get(&written.key).is_some_and(|slot| slot.index == written.index) {
                self.items.remove(&written.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stator_model::{AttributeValue, Item, SharedItem};

    use super::*;

    type Items = Overlay<Option<SharedItem>>;

    fn item(bytes: usize) -> SharedItem {
        let text = AttributeValue::S("x".repeat(bytes));
        Arc::new(Item::from_pairs(vec![("a".to_owned(), text)]).unwrap())
    }

    fn insert(overlay: &mut Items, index: u64, key: &'static [u8], item: Option<SharedItem>) {
        let bytes = item.as_ref().map_or(0, |item| item.size().0 as usize);
        overlay.insert(LogIndex::new(index), Bytes::from_static(key), item, bytes);
    }

    fn written(overlay: &Items, key: &[u8]) -> Option<Option<u32>> {
        match overlay.get(key) {
            Seen::Written(item) => Some(item.map(|item| item.size().0)),
            Seen::Unwritten => None,
        }
    }

    #[test]
    fn the_last_write_of_a_key_is_seen_and_a_delete_is_a_write() {
        let mut overlay = Overlay::new(LogIndex::new(5));
        insert(&mut overlay, 6, b"k", Some(item(9)));
        insert(&mut overlay, 7, b"k", None);
        assert_eq!(written(&overlay, b"k"), Some(None));
        assert_eq!(written(&overlay, b"other"), None);
    }

    #[test]
    fn applied_writes_stay_until_there_is_much_and_then_raise_the_floor() {
        let mut overlay = Overlay::new(LogIndex::new(0));
        insert(&mut overlay, 1, b"a", Some(item(10)));
        overlay.applied(LogIndex::new(1));
        assert_eq!(written(&overlay, b"a"), Some(Some(11)));
        assert_eq!(overlay.floor(), LogIndex::new(0));
        insert(&mut overlay, 2, b"b", Some(item(REMEMBERED_BYTES)));
        overlay.applied(LogIndex::new(2));
        assert_eq!(written(&overlay, b"a"), None);
        assert_eq!(overlay.floor(), LogIndex::new(2));
    }

    #[test]
    fn what_is_not_applied_never_leaves() {
        let mut overlay = Overlay::new(LogIndex::new(0));
        insert(&mut overlay, 1, b"a", Some(item(REMEMBERED_BYTES * 2)));
        overlay.applied(LogIndex::new(0));
        assert!(written(&overlay, b"a").is_some());
    }

    #[test]
    fn a_key_written_again_keeps_its_later_value_when_the_earlier_write_leaves() {
        let mut overlay = Overlay::new(LogIndex::new(0));
        insert(&mut overlay, 1, b"a", Some(item(REMEMBERED_BYTES)));
        insert(&mut overlay, 2, b"a", Some(item(3)));
        overlay.applied(LogIndex::new(1));
        assert_eq!(written(&overlay, b"a"), Some(Some(4)));
        assert_eq!(overlay.floor(), LogIndex::new(1));
    }
}
