//! Scans: all pages of all segments hold every item once, in an order that stays the same.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::scan::{ScanError, ScanOutput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use stator_e2e::oracle::{Item, LocalIndex, Table, Value, View, to_sdk};
use stator_e2e::random::Random;

use super::Run;
use super::reads::{Page, Shape, draw_index};
use super::words::{Verdict, Words, judge};

/// Which part of which table is scanned.
struct Part<'p> {
    table: &'p str,
    index: Option<&'p LocalIndex>,
    segment: i32,
    segments: i32,
}

impl Run {
    pub(super) async fn scan(&mut self, name: &str, random: &mut Random) {
        let table = self.model.get(name).expect("the table exists").clone();
        let index = draw_index(&table, random);
        let view = table.schema().view(index.as_ref());
        let segments = 1 + i32::try_from(random.below(4)).expect("small");
        let part = |segment: i32| Part { table: name, index: index.as_ref(), segment, segments };
        // What order the service has chosen, nobody knows before; then it has to keep it.
        let mut orders = Vec::new();
        for segment in 0..segments {
            let shape = Shape::plain(index.as_ref(), random);
            let order = self.learn_order(&part(segment), &table, &shape, random).await;
            assert_in_order(view, &order);
            orders.push(order);
        }
        let found: BTreeSet<&Item> = orders.iter().flatten().collect();
        assert_eq!(
            found.len(),
            orders.iter().map(Vec::len).sum::<usize>(),
            "every item is found once"
        );
        let expected: BTreeSet<&Item> =
            table.items().filter(|item| view.entry(item).is_some()).collect();
        assert_eq!(found, expected);
        partitions_are_whole(&orders);

        let shape = Shape::draw(&table, index.as_ref(), random);
        for (segment, order) in (0..segments).zip(&orders) {
            let start = random.one_in(4).then(|| random.index(order.len() + 1));
            self.walk(&part(segment), view, order, start, &shape, random).await;
        }
        let stranger = orders.iter().skip(1).flatten().next();
        if let Some(stranger) = stranger.filter(|_| random.one_in(2)) {
            let start = view.cursor(stranger);
            let answer = self.ask_page(&part(0), &shape, Some(to_sdk(&start)), random).await;
            let text = "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use \
                        ExclusiveStartKey with correct Segment. TotalSegments: ";
            let verdict = Verdict::Invalid(vec![text.to_owned()]);
            self.counts.count(&verdict);
            judge(answer, &verdict, "another segment's key", |_: &ScanError| None, None);
        }
    }

    /// The items of a part, in the order in which they are found.
    async fn learn_order(
        &mut self,
        part: &Part<'_>,
        table: &Table,
        shape: &Shape,
        random: &mut Random,
    ) -> Vec<Item> {
        let mut order: Vec<Item> = Vec::new();
        let mut start = None;
        loop {
            let answer = self.ask_page(part, shape, start, random).await.expect("a scan");
            let page = page(answer);
            let items: Vec<Item> = page.items.iter().flatten().map(Value::item_from_sdk).collect();
            for item in &items {
                assert_eq!(table.get(item), Some(item), "what is not in the table");
            }
            let view = table.schema().view(part.index);
            // What follows is not known yet; a page that says that it goes on may be right.
            let mut known = items.clone();
            known.extend(page.last.as_ref().and_then(|_| items.last().cloned()));
            shape.check(view, &known, &page, "a plain scan");
            order.extend(items);
            start = page.last;
            if start.is_none() {
                return order;
            }
        }
    }

    /// Scans a part as it is asked for, from one of its items on, and knows what must be on each page.
    async fn walk(
        &mut self,
        part: &Part<'_>,
        view: View<'_>,
        order: &[Item],
        start: Option<usize>,
        shape: &Shape,
        random: &mut Random,
    ) {
        let first = start.filter(|start| *start < order.len());
        let mut rest = order.get(first.map_or(0, |first| first + 1)..).unwrap_or_default();
        let mut start = first.and_then(|first| order.get(first)).map(|it| to_sdk(&view.cursor(it)));
        loop {
            let asked = format!("{shape:?} of {:?} from {start:?}", part.index);
            let answer = self.ask_page(part, shape, start, random).await;
            let answer = answer.unwrap_or_else(|error| panic!("{asked}: {error:?}"));
            let page = page(answer);
            let evaluated = shape.check(view, rest, &page, &asked);
            rest = rest.get(evaluated..).expect("not more than there are");
            start = page.last;
            if start.is_none() {
                break;
            }
        }
        assert_eq!(rest, [], "the last page leaves nothing");
    }

    async fn ask_page(
        &mut self,
        part: &Part<'_>,
        shape: &Shape,
        start: Option<HashMap<String, AttributeValue>>,
        random: &mut Random,
    ) -> Result<ScanOutput, SdkError<ScanError>> {
        let words = Words::of_read(None, shape.demand.test(), shape.in_words(), random);
        let request = self.client.scan().table_name(part.table).consistent_read(shape.strong);
        let request = request
            .set_index_name(part.index.map(|index| index.name.to_owned()))
            .set_filter_expression(words.condition.clone())
            .set_projection_expression(words.projection.clone())
            .set_expression_attribute_names(words.names())
            .set_expression_attribute_values(words.values())
            .set_scan_filter(shape.demand.filter())
            .set_conditional_operator(shape.demand.operator(random))
            .set_attributes_to_get(shape.attributes.clone())
            .set_select(shape.select.clone())
            .set_limit(shape.limit)
            .set_segment((part.segments > 1).then_some(part.segment))
            .set_total_segments((part.segments > 1).then_some(part.segments))
            .set_exclusive_start_key(start)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        self.refusals.attempt("Scan", random, request.clone().send()).await;
        self.counts.pages += 1;
        request.send().await
    }
}

fn page(answer: ScanOutput) -> Page {
    Page {
        items: answer.items,
        count: answer.count,
        scanned: answer.scanned_count,
        last: answer.last_evaluated_key,
        consumed: answer.consumed_capacity,
    }
}

/// Items of one partition key stand together, ordered by their sort keys.
fn assert_in_order(view: View<'_>, items: &[Item]) {
    let mut seen = BTreeSet::new();
    for together in items.chunk_by(|left, right| left.get("pk") == right.get("pk")) {
        let [first, ..] = together else { panic!("no chunk is empty") };
        assert!(seen.insert(first.get("pk")), "a partition key comes back");
        let sorted = together.is_sorted_by(|left, right| view.compare(left, right).is_lt());
        assert!(sorted, "items of one partition key are out of order: {together:?}");
    }
}

/// No two segments share a partition key.
fn partitions_are_whole(orders: &[Vec<Item>]) {
    let mut seen = BTreeSet::new();
    for order in orders {
        let here: BTreeSet<_> = order.iter().map(|item| item.get("pk")).collect();
        assert!(seen.is_disjoint(&here), "a partition key is in two segments");
        seen.extend(here);
    }
}
