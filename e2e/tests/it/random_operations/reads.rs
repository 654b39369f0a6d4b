//! What Query and Scan share: what is asked for, and what must be on each page.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity, Select};
use stator_e2e::oracle::{
    Draw, Invent, Item, LocalIndex, Path, Projection, Table, Value, View, item_size, project,
};
use stator_e2e::random::Random;

use super::charge::{SIZE_DOUBT, Units, assert_charged, sum, units, units_about};
use super::demand::Demand;
use super::items::attributes;

/// After how many stored bytes a page ends.
const PAGE_BYTES: usize = 1 << 20;

/// What is asked of the items, whichever they are.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) demand: Demand,
    pub(super) paths: Option<Vec<Path>>,
    /// Paths as the names that they were before expressions.
    pub(super) attributes: Option<Vec<String>>,
    pub(super) select: Option<Select>,
    pub(super) limit: Option<i32>,
    pub(super) strong: bool,
    /// Whether the parameters from before expressions are used.
    pub(super) legacy: bool,
}

/// One page as it was answered.
pub(super) struct Page {
    pub(super) items: Option<Vec<HashMap<String, AttributeValue>>>,
    pub(super) count: i32,
    pub(super) scanned: i32,
    pub(super) last: Option<HashMap<String, AttributeValue>>,
    pub(super) consumed: Option<ConsumedCapacity>,
}

impl Shape {
    /// Something about an item of this table, read by this index or by none.
    pub(super) fn draw(table: &Table, index: Option<&LocalIndex>, random: &mut Random) -> Self {
        let count = table.items().count();
        let about = match count {
            0 => Draw::new(random).attributes(),
            count => table.items().nth(random.index(count)).expect("below the count").clone(),
        };
        let legacy = random.one_in(3);
        let demand = Demand::draw(&about, legacy, random);
        let demand = if random.one_in(2) { demand } else { Demand::Nothing };
        let paths = Invent::new(random, &about).paths();
        let names = attributes(&paths);
        let mut paths = random.one_in(3).then_some(paths).filter(|_| !legacy || names.is_some());
        let select = draw_select(paths.is_some(), index.is_some(), random);
        if select == Some(Select::Count) {
            paths = None;
        }
        let limit = 1 + i32::try_from(random.below(8)).expect("small");
        Self {
            demand,
            attributes: names.filter(|_| legacy && paths.is_some()),
            paths,
            select,
            limit: random.one_in(2).then_some(limit),
            strong: random.one_in(2),
            legacy,
        }
    }

    /// Everything there is of every item.
    pub(super) fn plain(index: Option<&LocalIndex>, random: &mut Random) -> Self {
        let limit = 1 + i32::try_from(random.below(40)).expect("small");
        Self {
            demand: Demand::Nothing,
            paths: None,
            attributes: None,
            select: index.map(|_| Select::AllAttributes),
            limit: random.one_in(2).then_some(limit),
            strong: random.one_in(2),
            legacy: false,
        }
    }

    pub(super) fn in_words(&self) -> Option<&[Path]> {
        self.paths.as_deref().filter(|_| self.attributes.is_none())
    }

    /// What is shown of an item that passes.
    fn shown(&self, view: View<'_>, item: &Item) -> Item {
        match (&self.paths, view.index(), &self.select) {
            (Some(paths), ..) => project(item, paths),
            (None, None, _) | (None, _, Some(Select::AllAttributes)) => item.clone(),
            (None, Some(_), _) => view.entry(item).expect("the item is in the index"),
        }
    }

    /// Checks a page that begins with the first of `rest`, and returns how many of them it dealt with.
    pub(super) fn check(&self, view: View<'_>, rest: &[Item], page: &Page, asked: &str) -> usize {
        let evaluated = usize::try_from(page.scanned).expect("not negative");
        let limit = self.limit.map(|limit| usize::try_from(limit).expect("positive"));
        let at_most = limit.unwrap_or(rest.len()).min(rest.len());
        assert!(evaluated <= at_most, "{evaluated} of {at_most} were looked at: {asked}");
        let entries: Vec<Item> = rest.iter().filter_map(|item| view.entry(item)).collect();
        let bytes = |count: usize| entries.iter().take(count).map(item_size).sum::<usize>();
        let doubt = SIZE_DOUBT * evaluated;
        let is_full = bytes(evaluated) + doubt >= PAGE_BYTES;
        assert!(bytes(evaluated.saturating_sub(1)) < PAGE_BYTES + doubt, "too large: {asked}");
        assert!(is_full || evaluated == at_most, "ended after {evaluated} of {at_most}: {asked}");

        let seen = rest.get(..evaluated).expect("not more than there are");
        let passing: Vec<&Item> = seen.iter().filter(|item| self.demand.holds(item)).collect();
        assert_eq!(usize::try_from(page.count), Ok(passing.len()), "{asked}");
        let found = page
            .items
            .as_ref()
            .map(|items| items.iter().map(Value::item_from_sdk).collect::<Vec<Item>>());
        let expected = (self.select != Some(Select::Count))
            .then(|| passing.iter().map(|item| self.shown(view, item)).collect::<Vec<_>>());
        assert_eq!(found, expected, "{asked}");

        let goes_on = limit == Some(evaluated) || evaluated < rest.len();
        if !is_full || evaluated < at_most {
            let cursor = page.last.as_ref().map(Value::item_from_sdk);
            let expected = seen.last().filter(|_| goes_on).map(|item| view.cursor(item));
            assert_eq!(cursor, expected, "{asked}");
        }
        let consumed = page.consumed.as_ref().and_then(|consumed| consumed.capacity_units);
        let share = if self.strong { 1.0 } else { 0.5 };
        let read = units_about(bytes(evaluated), doubt, 4096, share);
        assert_charged(consumed, &self.with_fetched(view, seen, read, share));
        evaluated
    }

    /// An index's entries that lack what is asked for cost their items beside themselves ("Local secondary indexes", developer guide): those that
    /// pass at least, all at most.
    fn with_fetched(&self, view: View<'_>, seen: &[Item], read: Units, share: f64) -> Units {
        if !self.may_fetch(view) {
            return read;
        }
        let cost = |item: &Item| units(item_size(item), 4096, share);
        let all = seen.iter().map(cost).fold(0.0..=0.0, |all, one| sum(&all, &one));
        sum(&read, &(0.0..=*all.end()))
    }

    fn may_fetch(&self, view: View<'_>) -> bool {
        let Some(index) = view.index() else { return false };
        if index.projection == Projection::All {
            return false;
        }
        let paths = self.paths.iter().flatten().map(|path| path.head.as_str());
        let mut named = paths.chain(self.demand.attributes());
        let has = |name: &str| {
            let keys = ["pk", "sk", index.sort_key.name];
            let Projection::Include(names) = &index.projection else { return keys.contains(&name) };
            keys.contains(&name) || names.contains(&name)
        };
        self.select == Some(Select::AllAttributes) || named.any(|name| !has(name))
    }
}

fn draw_select(has_paths: bool, has_index: bool, random: &mut Random) -> Option<Select> {
    match (random.below(6), has_paths, has_index) {
        (0, ..) => Some(Select::Count),
        (1 | 2, true, _) => Some(Select::SpecificAttributes),
        (1, false, _) => Some(Select::AllAttributes),
        (2, false, true) => Some(Select::AllProjectedAttributes),
        _ => None,
    }
}

/// An index of the table, now and then.
pub(super) fn draw_index(table: &Table, random: &mut Random) -> Option<LocalIndex> {
    let indexes = table.schema().indexes();
    (!indexes.is_empty() && random.one_in(2)).then(|| random.pick(indexes).clone())
}
