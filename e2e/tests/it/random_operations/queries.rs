//! Queries: all pages of one partition key's items, in either order, in any range of sort keys.

use std::cmp::Ordering;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use stator_e2e::oracle::{Draw, Item, Value, to_sdk};
use stator_e2e::random::Random;

use super::scans::compare;
use super::{Run, draw_key};

/// What is asked of the sort key: the condition, and what it says of a key.
struct Range {
    condition: String,
    values: Item,
    holds: Box<dyn Fn(&Value) -> bool + Send>,
}

impl Run {
    pub(super) async fn query(&mut self, name: &str, random: &mut Random) {
        let table = self.model.get(name).expect("the table exists");
        let key = draw_key(table, random);
        let partition = key.get("pk").expect("a partition key").clone();
        let sort = table.key_attributes().into_iter().find(|attribute| attribute.name == "sk");
        let range = sort.filter(|_| random.one_in(2)).map(|sort| {
            let mut drawn = || Draw::new(random).key_value(sort);
            let (first, second) = (drawn(), drawn());
            draw_range(random, first, second)
        });
        let forward = random.one_in(2);
        let limit = random.one_in(2).then(|| 1 + i32::try_from(random.below(5)).expect("small"));
        let strong = random.one_in(2);

        let mut expected: Vec<&Item> = table
            .items()
            .filter(|item| item.get("pk") == Some(&partition))
            .filter(|item| {
                let sort = item.get("sk");
                range.as_ref().is_none_or(|range| sort.is_some_and(|sort| (range.holds)(sort)))
            })
            .collect();
        expected.sort_by(|left, right| match (left.get("sk"), right.get("sk")) {
            (Some(left), Some(right)) => compare(left, right),
            (_, _) => Ordering::Equal,
        });
        if !forward {
            expected.reverse();
        }

        let mut found: Vec<Item> = Vec::new();
        let mut start: Option<HashMap<String, AttributeValue>> = None;
        loop {
            let mut values = Item::from([(":pk".to_owned(), partition.clone())]);
            let mut condition = "pk = :pk".to_owned();
            if let Some(range) = &range {
                condition = format!("{condition} AND {}", range.condition);
                values.extend(range.values.clone());
            }
            let request = self.client.query().table_name(name).consistent_read(strong);
            let request = request
                .key_condition_expression(condition)
                .set_expression_attribute_values(Some(to_sdk(&values)))
                .scan_index_forward(forward)
                .set_limit(limit)
                .set_exclusive_start_key(start);
            let answer = request.send().await.expect("it can be queried");
            found.extend(answer.items().iter().map(Value::item_from_sdk));
            self.counts.pages += 1;
            if let Some(limit) = limit {
                assert_eq!(answer.count == limit, answer.last_evaluated_key.is_some());
            }
            start = answer.last_evaluated_key;
            if start.is_none() || table.key_attributes().len() == 1 {
                break;
            }
        }
        assert_eq!(found.iter().collect::<Vec<_>>(), expected);
    }
}

fn draw_range(random: &mut Random, first: Value, second: Value) -> Range {
    let one = |operator: &str, bound: Value, holds: fn(Ordering) -> bool| Range {
        condition: format!("sk {operator} :one"),
        values: Item::from([(":one".to_owned(), bound.clone())]),
        holds: Box::new(move |sort| holds(compare(sort, &bound))),
    };
    match random.below(7) {
        0 => one("=", first, Ordering::is_eq),
        1 => one("<", first, Ordering::is_lt),
        2 => one("<=", first, Ordering::is_le),
        3 => one(">", first, Ordering::is_gt),
        4 => one(">=", first, Ordering::is_ge),
        5 if !matches!(first, Value::N(_)) => Range {
            condition: "begins_with(sk, :one)".to_owned(),
            values: Item::from([(":one".to_owned(), first.clone())]),
            holds: Box::new(move |sort| match (sort, &first) {
                (Value::S(sort), Value::S(first)) => sort.starts_with(first.as_str()),
                (Value::B(sort), Value::B(first)) => sort.starts_with(first),
                (_, _) => false,
            }),
        },
        _ => {
            let is_ordered = compare(&first, &second).is_le();
            let (least, most) = if is_ordered { (first, second) } else { (second, first) };
            Range {
                condition: "sk BETWEEN :one AND :two".to_owned(),
                values: Item::from([
                    (":one".to_owned(), least.clone()),
                    (":two".to_owned(), most.clone()),
                ]),
                holds: Box::new(move |sort| {
                    compare(sort, &least).is_ge() && compare(sort, &most).is_le()
                }),
            }
        }
    }
}
