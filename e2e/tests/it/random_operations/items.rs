//! Operations on one item.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValue};
use stator_e2e::oracle::{Draw, Invent, Item, Path, Value, item_size, project};
use stator_e2e::random::Random;

use super::words::{Verdict, WRONG_CONDITIONS, WRONG_PROJECTIONS, Words, judge, on_failure};
use super::{Run, assert_charged, draw_item, draw_target, units};

/// The condition of a write that meets this item, now and then, and what it must come to.
fn draw_condition(before: Option<&Item>, random: &mut Random) -> (Words, Verdict) {
    let about = before.cloned().unwrap_or_else(|| Draw::new(random).attributes());
    let test = Invent::new(random, &about).test(0);
    let test = random.one_in(2).then_some(test);
    let mut words = Words::of_write(&[], test.as_ref());
    if random.one_in(16) {
        let complaint = words.spoil(&WRONG_CONDITIONS, random);
        return (words, Verdict::Invalid(vec![complaint]));
    }
    let item = before.cloned().unwrap_or_default();
    let holds = test.is_none_or(|test| test.holds(&item));
    (words, if holds { Verdict::Success } else { Verdict::ConditionFailed })
}

impl Run {
    pub(super) async fn put(&mut self, name: &str, random: &mut Random) {
        let table = self.model.get_mut(name).expect("the table exists");
        let item = draw_item(table, random);
        let before = table.get(&item).cloned();
        let (words, verdict) = draw_condition(before.as_ref(), random);
        let (on_failure, shown) = on_failure(before.as_ref(), random);
        let old_wanted = random.one_in(2);
        let request = self.client.put_item().table_name(name);
        let request = request
            .set_item(Some(Draw::new(random).spelt(&item)))
            .set_condition_expression(words.condition.clone())
            .set_expression_attribute_names(words.names())
            .set_expression_attribute_values(words.values())
            .set_return_values_on_condition_check_failure(on_failure)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .set_return_values(old_wanted.then_some(ReturnValue::AllOld));
        let answer = request.send().await;
        let item_of = |error: &PutItemError| {
            let PutItemError::ConditionalCheckFailedException(failed) = error else { return None };
            failed.item.as_ref().map(Value::item_from_sdk)
        };
        let asked = format!("{words:?} of {before:?}");
        self.counts.count(&verdict);
        let Some(answer) = judge(answer, &verdict, &asked, item_of, shown.as_ref()) else { return };

        let size = item_size(&item);
        let old = table.put(item);
        let larger = size.max(old.as_ref().map_or(0, item_size));
        let consumed = answer.consumed_capacity.and_then(|consumed| consumed.capacity_units);
        assert_charged(consumed, units(larger, 1024, 1.0));
        let answered = answer.attributes.as_ref().map(Value::item_from_sdk);
        assert_eq!(answered, old.filter(|_| old_wanted));
        self.counts.writes += 1;
    }

    pub(super) async fn delete_item(&mut self, name: &str, random: &mut Random) {
        let table = self.model.get_mut(name).expect("the table exists");
        let key = draw_target(table, random);
        let before = table.get(&key).cloned();
        let (words, verdict) = draw_condition(before.as_ref(), random);
        let (on_failure, shown) = on_failure(before.as_ref(), random);
        let old_wanted = random.one_in(2);
        let request = self.client.delete_item().table_name(name);
        let request = request
            .set_key(Some(Draw::new(random).spelt(&key)))
            .set_condition_expression(words.condition.clone())
            .set_expression_attribute_names(words.names())
            .set_expression_attribute_values(words.values())
            .set_return_values_on_condition_check_failure(on_failure)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .set_return_values(old_wanted.then_some(ReturnValue::AllOld));
        let answer = request.send().await;
        let item_of = |error: &DeleteItemError| {
            let DeleteItemError::ConditionalCheckFailedException(failed) = error else {
                return None;
            };
            failed.item.as_ref().map(Value::item_from_sdk)
        };
        let asked = format!("{words:?} of {before:?}");
        self.counts.count(&verdict);
        let Some(answer) = judge(answer, &verdict, &asked, item_of, shown.as_ref()) else { return };

        let old = table.delete(&key);
        let consumed = answer.consumed_capacity.and_then(|consumed| consumed.capacity_units);
        assert_charged(consumed, units(old.as_ref().map_or(0, item_size), 1024, 1.0));
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
        let mut words = Words::of_read(paths.as_deref());
        let flaw = random.one_in(24).then(|| words.spoil(&WRONG_PROJECTIONS, random));
        let request = self.client.get_item().table_name(name).consistent_read(strong);
        let request = request
            .set_key(Some(Draw::new(random).spelt(&key)))
            .set_projection_expression(words.projection.clone())
            .set_expression_attribute_names(words.names())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = request.send().await;
        let verdict = flaw.map_or(Verdict::Success, |flaw| Verdict::Invalid(vec![flaw]));
        let asked = format!("{words:?} of {stored:?}");
        self.counts.count(&verdict);
        let nothing = |_: &GetItemError| None;
        let Some(answer) = judge(answer, &verdict, &asked, nothing, None) else { return };

        let answered = answer.item.as_ref().map(Value::item_from_sdk);
        let expected = stored.map(|item| match &paths {
            Some(paths) => project(item, paths),
            None => item.clone(),
        });
        assert_eq!(answered, expected, "{asked}");
        let consumed = answer.consumed_capacity.and_then(|consumed| consumed.capacity_units);
        let share = if strong { 1.0 } else { 0.5 };
        assert_charged(consumed, units(stored.map_or(0, item_size), 4096, share));
        self.counts.reads += 1;
    }
}
