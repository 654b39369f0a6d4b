//! Queries: all pages of one partition key's items, by the table's key or an index's, in either order, in
//! any range of sort keys.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::query::{QueryError, QueryOutput};
use aws_sdk_dynamodb::types::{Condition, ReturnConsumedCapacity};
use stator_e2e::oracle::{Comparison, Draw, Item, LocalIndex, Range, Table, Value, View, to_sdk};
use stator_e2e::random::Random;

use super::demand::condition;
use super::reads::{Page, Shape, draw_index};
use super::words::{Verdict, Words, judge};
use super::{Run, draw_key, draw_target};

/// A query as it is drawn.
struct Drawn {
    table: String,
    index: Option<LocalIndex>,
    partition: Value,
    /// The sort key and what is asked of it.
    range: Option<(&'static str, Range)>,
    forward: bool,
    shape: Shape,
}

impl Run {
    pub(super) async fn query(&mut self, name: &str, random: &mut Random) {
        let table = self.model.get(name).expect("the table exists").clone();
        let drawn = Drawn::draw(name, &table, random);
        let view = table.schema().view(drawn.index.as_ref());
        let mut rest = drawn.rows(&table, view);
        let mut start = random.one_in(4).then(|| drawn.draw_start(&table, view, random)).flatten();
        let mut verdict = drawn.verdict(view, start.as_ref());
        if let Some(start) = &start {
            rest.retain(|row| drawn.is_after(view, row, start));
        }
        loop {
            let answer = self.ask(&drawn, start.as_ref(), random).await;
            let asked = format!("{:?} {:?} {:?} {start:?}", drawn.shape, drawn.range, drawn.index);
            self.counts.pages += 1;
            self.counts.count(&verdict);
            let nothing = |_: &QueryError| None;
            let Some(answer) = judge(answer, &verdict, &asked, nothing, None) else { return };
            let page = Page {
                items: answer.items,
                count: answer.count,
                scanned: answer.scanned_count,
                last: answer.last_evaluated_key,
                consumed: answer.consumed_capacity,
            };
            let evaluated = drawn.shape.check(view, &rest, &page, &asked);
            rest.drain(..evaluated);
            start = page.last.as_ref().map(Value::item_from_sdk);
            verdict = Verdict::Success;
            // A partition key alone has one item, and a Query of it takes no start key.
            if start.is_none() || view.sort_key().is_none() {
                break;
            }
        }
        assert_eq!(rest, [], "the last page leaves nothing");
    }

    async fn ask(
        &mut self,
        drawn: &Drawn,
        start: Option<&Item>,
        random: &mut Random,
    ) -> Result<QueryOutput, SdkError<QueryError>> {
        let shape = &drawn.shape;
        let range = drawn.range.as_ref().map(|(name, range)| (*name, range));
        let keys = (!shape.legacy).then_some((("pk", &drawn.partition), range));
        let words = Words::of_read(keys, shape.demand.test(), shape.in_words(), random);
        let forward = (!drawn.forward || random.one_in(2)).then_some(drawn.forward);
        let request = self.client.query().table_name(&drawn.table).consistent_read(shape.strong);
        let request = request
            .set_index_name(drawn.index.as_ref().map(|index| index.name.to_owned()))
            .set_key_condition_expression(words.key_condition.clone())
            .set_filter_expression(words.condition.clone())
            .set_projection_expression(words.projection.clone())
            .set_expression_attribute_names(words.names())
            .set_expression_attribute_values(words.values())
            .set_key_conditions(drawn.key_conditions())
            .set_query_filter(shape.demand.filter())
            .set_conditional_operator(shape.demand.operator(random))
            .set_attributes_to_get(shape.attributes.clone())
            .set_select(shape.select.clone())
            .set_scan_index_forward(forward)
            .set_limit(shape.limit)
            .set_exclusive_start_key(start.map(to_sdk))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        // What is wrong with the key of a filter or a start key may be said first.
        if matches!(drawn.verdict_of_shape(), Verdict::Success) {
            self.refusals.attempt("Query", random, request.clone().send()).await;
        }
        request.send().await
    }
}

impl Drawn {
    fn draw(name: &str, table: &Table, random: &mut Random) -> Self {
        let index = draw_index(table, random);
        let view = table.schema().view(index.as_ref());
        let partition = draw_target(table, random).remove("pk").expect("a partition key");
        let range = view.sort_key().filter(|_| random.one_in(2)).map(|key| {
            let mut range = Draw::new(random).range(key);
            // Bounds that are there are met at last.
            let rows = view.rows(table, &partition);
            if let Range::Compare(_, value) = &mut range
                && !rows.is_empty()
                && random.one_in(2)
            {
                *value = random.pick(&rows).get(key.name).expect("it has its key").clone();
            }
            (key.name, range)
        });
        let shape = Shape::draw(table, index.as_ref(), random);
        let forward = random.one_in(2);
        Self { table: name.to_owned(), index, partition, range, forward, shape }
    }

    fn is_in_range(&self, item: &Item) -> bool {
        let is_in =
            |(name, range): &(&str, Range)| item.get(*name).is_some_and(|key| range.holds(key));
        self.range.as_ref().is_none_or(is_in)
    }

    /// What there is to be found, in the order in which it is.
    fn rows(&self, table: &Table, view: View<'_>) -> Vec<Item> {
        let mut rows = view.rows(table, &self.partition);
        rows.retain(|row| self.is_in_range(row));
        if !self.forward {
            rows.reverse();
        }
        rows
    }

    fn is_after(&self, view: View<'_>, row: &Item, start: &Item) -> bool {
        let order = view.compare(row, start);
        if self.forward { order.is_gt() } else { order.is_lt() }
    }

    /// A start key that no page gave, of an item that is there or of none.
    fn draw_start(&self, table: &Table, view: View<'_>, random: &mut Random) -> Option<Item> {
        view.sort_key()?;
        let mut start = draw_key(table, random);
        let indexes: Vec<LocalIndex> = self.index.iter().cloned().collect();
        for index in &indexes {
            let value = Draw::new(random).key_value(index.sort_key);
            start.insert(index.sort_key.name.to_owned(), value);
        }
        if !random.one_in(8) {
            start.insert("pk".to_owned(), self.partition.clone());
        }
        let rows = view.rows(table, &self.partition);
        if !rows.is_empty() && random.one_in(2) {
            start = view.cursor(random.pick(&rows));
        }
        Some(start)
    }

    /// What must be answered if the query begins behind this key.
    fn verdict(&self, view: View<'_>, start: Option<&Item>) -> Verdict {
        let keys = view.key_names();
        let attributes = self.shape.demand.attributes();
        if attributes.iter().any(|name| keys.contains(name)) {
            let text = "can only contain non-primary key attributes: Primary key attribute: ";
            return Verdict::Invalid(vec![text.to_owned()]);
        }
        match start {
            Some(start) if start.get("pk") != Some(&self.partition) => {
                let text = "The provided starting key is outside query boundaries based on \
                            provided conditions";
                Verdict::Invalid(vec![text.to_owned()])
            }
            Some(start) if !self.is_in_range(start) => {
                let text = "The provided starting key does not match the range key predicate";
                Verdict::Invalid(vec![text.to_owned()])
            }
            Some(_) | None => Verdict::Success,
        }
    }

    fn verdict_of_shape(&self) -> Verdict {
        let sort = self.index.as_ref().map_or("sk", |index| index.sort_key.name);
        let attributes = self.shape.demand.attributes();
        let is_wrong = attributes.iter().any(|name| [sort, "pk"].contains(name));
        if is_wrong { Verdict::Invalid(Vec::new()) } else { Verdict::Success }
    }

    /// `KeyConditions`.
    fn key_conditions(&self) -> Option<HashMap<String, Condition>> {
        let is = |(operator, arguments)| condition(&Comparison { operator, arguments });
        let partition = ("pk".to_owned(), is(("EQ", vec![self.partition.clone()])));
        let sort =
            self.range.as_ref().map(|(name, range)| ((*name).to_owned(), is(range.legacy())));
        self.shape.legacy.then(|| std::iter::once(partition).chain(sort).collect())
    }
}
