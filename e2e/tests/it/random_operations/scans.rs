//! Scans: all pages of all segments hold every item once, in order.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, Select};
use bigdecimal::BigDecimal;
use stator_e2e::client::KeyAttribute;
use stator_e2e::oracle::{Item, Table, Value, item_size};
use stator_e2e::random::Random;

use super::{Run, SIZE_DOUBT, assert_charged, units_about};

/// How one scan is done.
struct Way {
    segments: i32,
    limit: Option<i32>,
    strong: bool,
    counts_only: bool,
}

impl Run {
    pub(super) async fn scan(&mut self, name: &str, random: &mut Random) {
        let limit = 1 + i32::try_from(random.below(40)).expect("small");
        let way = Way {
            segments: 1 + i32::try_from(random.below(4)).expect("small"),
            limit: random.one_in(2).then_some(limit),
            strong: random.one_in(2),
            counts_only: random.one_in(4),
        };
        let mut found = Vec::new();
        let mut count = 0;
        for segment in 0..way.segments {
            let (items, counted) = self.scan_segment(name, segment, &way).await;
            let table = self.model.get(name).expect("the table exists");
            assert_in_order(table, &items);
            found.extend(items);
            count += counted;
        }
        let table = self.model.get(name).expect("the table exists");
        assert_eq!(count, table.items().count(), "every item is counted once");
        if !way.counts_only {
            assert_eq!(found.len(), count, "every item is shown once");
            let expected: BTreeSet<&Item> = table.items().collect();
            assert_eq!(found.iter().collect::<BTreeSet<_>>(), expected);
        }
    }

    async fn scan_segment(&mut self, name: &str, segment: i32, way: &Way) -> (Vec<Item>, usize) {
        let (mut items, mut count) = (Vec::new(), 0);
        let mut start: Option<HashMap<String, AttributeValue>> = None;
        loop {
            let request = self.client.scan().table_name(name).consistent_read(way.strong);
            let request = request
                .set_limit(way.limit)
                .set_select(way.counts_only.then_some(Select::Count))
                .set_segment((way.segments > 1).then_some(segment))
                .set_total_segments((way.segments > 1).then_some(way.segments))
                .set_exclusive_start_key(start)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let answer = request.send().await.expect("it can be scanned");
            assert_eq!(answer.count, answer.scanned_count, "nothing is filtered");
            let page: Vec<Item> = answer.items().iter().map(Value::item_from_sdk).collect();
            if !way.counts_only {
                assert_eq!(i32::try_from(page.len()), Ok(answer.count));
                let size = page.iter().map(item_size).sum();
                let consumed = answer.consumed_capacity.as_ref().and_then(|it| it.capacity_units);
                let share = if way.strong { 1.0 } else { 0.5 };
                let doubt = SIZE_DOUBT * page.len();
                assert_charged(consumed, units_about(size, doubt, 4096, share));
            }
            if let Some(limit) = way.limit {
                assert!(answer.count <= limit);
                assert_eq!(answer.count == limit, answer.last_evaluated_key.is_some());
            }
            self.counts.pages += 1;
            count += usize::try_from(answer.count).expect("not negative");
            items.extend(page);
            start = answer.last_evaluated_key;
            if start.is_none() {
                return (items, count);
            }
        }
    }
}

/// Items of one partition key stand together, ordered by their sort keys.
fn assert_in_order(table: &Table, items: &[Item]) {
    let attributes = table.key_attributes();
    let [partition, rest @ ..] = attributes.as_slice() else { panic!("a table has a key") };
    let value = |item: &Item, attribute: &KeyAttribute| item.get(attribute.name).cloned();
    let mut seen = BTreeSet::new();
    for together in items.chunk_by(|left, right| value(left, partition) == value(right, partition))
    {
        let [first, ..] = together else { panic!("no chunk is empty") };
        assert!(seen.insert(value(first, partition)), "a partition key comes back");
        for sort in rest {
            let sorted = together.is_sorted_by(|left, right| {
                let (left, right) = (value(left, sort), value(right, sort));
                compare(&left.expect("a sort key"), &right.expect("a sort key")) == Ordering::Less
            });
            assert!(sorted, "items of one partition key are out of order: {together:?}");
        }
    }
}

/// Keys of one type: numbers by value, all others by their bytes.
pub(super) fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::N(left), Value::N(right)) => {
            let number = |text: &str| BigDecimal::from_str(text).expect("a number");
            number(left).cmp(&number(right))
        }
        (left, right) => left.cmp(right),
    }
}
