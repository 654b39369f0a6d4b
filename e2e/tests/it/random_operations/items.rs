//! Operations on one item.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValue};
use stator_e2e::oracle::{Draw, Invent, Item, Path, Value, item_size, project};
use stator_e2e::random::Random;

use super::charge::{assert_charged, units, write_units};
use super::demand::Demand;
use super::words::{Verdict, Words, judge, on_failure};
use super::{Run, draw_item, draw_target};

/// The condition of a write that meets this item, now and then, and what it must come to.
fn draw_condition(before: Option<&Item>, random: &mut Random) -> (Demand, Verdict) {
    let about = before.cloned().unwrap_or_else(|| Draw::new(random).attributes());
    let legacy = random.one_in(4);
    let demand = Demand::draw(&about, legacy, random);
    let demand = if random.one_in(2) { demand } else { Demand::Nothing };
    let holds = demand.holds(&before.cloned().unwrap_or_default());
    (demand, if holds { Verdict::Success } else { Verdict::ConditionFailed })
}

impl Run {
    pub(super) async fn put(&mut self, name: &str, random: &mut Random) {
        let table = self.model.get_mut(name).expect("the table exists");
        let item = draw_item(table, random);
        let before = table.get(&item).cloned();
        let (demand, verdict) = draw_condition(before.as_ref(), random);
        let words = Words::of_write(&[], demand.test());
        let (on_failure, shown) = on_failure(before.as_ref(), random);
        let old_wanted = random.one_in(2);
        let request = self.client.put_item().table_name(name);
        let request = request
            .set_item(Some(Draw::new(random).spelt(&item)))
            .set_condition_expression(words.condition.clone())
            .set_expression_attribute_names(words.names())
            .set_expression_attribute_values(words.values())
            .set_expected(demand.expected(random))
            .set_conditional_operator(demand.operator(random))
            .set_return_values_on_condition_check_failure(on_failure)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .set_return_values(old_wanted.then_some(ReturnValue::AllOld));
        self.refusals.attempt("PutItem", random, request.clone().send()).await;
        let answer = request.send().await;
        let item_of = |error: &PutItemError| {
            let PutItemError::ConditionalCheckFailedException(failed) = error else { return None };
            failed.item.as_ref().map(Value::item_from_sdk)
        };
        let asked = format!("put, {words:?} {demand:?} of {before:?}");
        self.counts.count(&verdict);
        let Some(answer) = judge(answer, &verdict, &asked, item_of, shown.as_ref()) else { return };

        let charged = write_units(table.schema(), before.as_ref(), Some(&item));
        let old = table.put(item);
        let consumed = answer.consumed_capacity.and_then(|consumed| consumed.capacity_units);
        assert_charged(consumed, &charged);
        let answered = answer.attributes.as_ref().map(Value::item_from_sdk);
        assert_eq!(answered, old.filter(|_| old_wanted));
        self.counts.writes += 1;
    }

    pub(super) async fn delete_item(&mut self, name: &str, random: &mut Random) {
        let table = self.model.get_mut(name).expect("the table exists");
        let key = draw_target(table, random);
        let before = table.get(&key).cloned();
        let (demand, verdict) = draw_condition(before.as_ref(), random);
        let words = Words::of_write(&[], demand.test());
        let (on_failure, shown) = on_failure(before.as_ref(), random);
        let old_wanted = random.one_in(2);
        let request = self.client.delete_item().table_name(name);
        let request = request
            .set_key(Some(Draw::new(random).spelt(&key)))
            .set_condition_expression(words.condition.clone())
            .set_expression_attribute_names(words.names())
            .set_expression_attribute_values(words.values())
            .set_expected(demand.expected(random))
            .set_conditional_operator(demand.operator(random))
            .set_return_values_on_condition_check_failure(on_failure)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .set_return_values(old_wanted.then_some(ReturnValue::AllOld));
        self.refusals.attempt("DeleteItem", random, request.clone().send()).await;
        let answer = request.send().await;
        let item_of = |error: &DeleteItemError| {
            let DeleteItemError::ConditionalCheckFailedException(failed) = error else {
                return None;
            };
            failed.item.as_ref().map(Value::item_from_sdk)
        };
        let asked = format!("delete, {words:?} {demand:?} of {before:?}");
        self.counts.count(&verdict);
        let Some(answer) = judge(answer, &verdict, &asked, item_of, shown.as_ref()) else { return };

        let charged = write_units(table.schema(), before.as_ref(), None);
        let old = table.delete(&key);
        let consumed = answer.consumed_capacity.and_then(|consumed| consumed.capacity_units);
        assert_charged(consumed, &charged);
        let answered = answer.attributes.as_ref().map(Value::item_from_sdk);
        assert_eq!(answered, old.filter(|_| old_wanted));
        self.counts.writes += 1;
    }

    pub(super) async fn get(&mut self, name: &str, random: &mut Random) {
        let table = self.model.get(name).expect("the table exists");
        let key = draw_target(table, random);
        let stored = table.get(&key);
        let strong = random.one_in(2);
        let paths: Option<Vec<Path>> = random.one_in(2).then(|| {
            let about = stored.cloned().unwrap_or_else(|| Draw::new(random).attributes());
            Invent::new(random, &about).paths()
        });
        let attributes = paths.as_deref().filter(|_| random.one_in(4)).and_then(attributes);
        let in_words = paths.as_deref().filter(|_| attributes.is_none());
        let words = Words::of_read(None, None, in_words, random);
        let request = self.client.get_item().table_name(name).consistent_read(strong);
        let request = request
            .set_key(Some(Draw::new(random).spelt(&key)))
            .set_projection_expression(words.projection.clone())
            .set_expression_attribute_names(words.names())
            .set_attributes_to_get(attributes)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        self.refusals.attempt("GetItem", random, request.clone().send()).await;
        let answer = request.send().await;
        let asked = format!("{words:?} of {stored:?}");
        let nothing = |_: &GetItemError| None;
        let answer = judge(answer, &Verdict::Success, &asked, nothing, None).expect("a success");

        let answered = answer.item.as_ref().map(Value::item_from_sdk);
        let expected = stored.map(|item| match &paths {
            Some(paths) => project(item, paths),
            None => item.clone(),
        });
        assert_eq!(answered, expected, "{asked}");
        let consumed = answer.consumed_capacity.and_then(|consumed| consumed.capacity_units);
        let share = if strong { 1.0 } else { 0.5 };
        assert_charged(consumed, &units(stored.map_or(0, item_size), 4096, share));
        self.counts.reads += 1;
    }
}

/// `AttributesToGet`, if paths to whole attributes are all there is.
pub(super) fn attributes(paths: &[Path]) -> Option<Vec<String>> {
    let names: Vec<String> = paths.iter().map(|path| path.head.clone()).collect();
    let are_whole = paths.iter().all(|path| path.steps.is_empty());
    (are_whole && !names.is_empty()).then_some(names)
}
