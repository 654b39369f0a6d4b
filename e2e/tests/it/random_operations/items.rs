//! Operations on one item.

use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValue};
use stator_e2e::oracle::{Draw, Value, item_size};
use stator_e2e::random::Random;

use super::{Run, assert_charged, draw_item, draw_key, units};

impl Run {
    pub(super) async fn put(&mut self, name: &str, random: &mut Random) {
        let table = self.model.get_mut(name).expect("the table exists");
        let item = draw_item(table, random);
        let old_wanted = random.one_in(2);
        let request = self.client.put_item().table_name(name);
        let request = request
            .set_item(Some(Draw::new(random).spelt(&item)))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .set_return_values(old_wanted.then_some(ReturnValue::AllOld));
        let answer = request.send().await.expect("it can be stored");

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
        let key = draw_key(table, random);
        let old_wanted = random.one_in(2);
        let request = self.client.delete_item().table_name(name);
        let request = request
            .set_key(Some(Draw::new(random).spelt(&key)))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .set_return_values(old_wanted.then_some(ReturnValue::AllOld));
        let answer = request.send().await.expect("it can be removed");

        let old = table.delete(&key);
        let consumed = answer.consumed_capacity.and_then(|consumed| consumed.capacity_units);
        assert_charged(consumed, units(old.as_ref().map_or(0, item_size), 1024, 1.0));
        let answered = answer.attributes.as_ref().map(Value::item_from_sdk);
        assert_eq!(answered, old.filter(|_| old_wanted));
        self.counts.writes += 1;
    }

    pub(super) async fn get(&mut self, name: &str, random: &mut Random) {
        let table = self.model.get(name).expect("the table exists");
        let key = draw_key(table, random);
        let strong = random.one_in(2);
        let request = self.client.get_item().table_name(name).consistent_read(strong);
        let request = request
            .set_key(Some(Draw::new(random).spelt(&key)))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = request.send().await.expect("it can be read");

        let expected = table.get(&key);
        assert_eq!(answer.item.as_ref().map(Value::item_from_sdk).as_ref(), expected);
        let consumed = answer.consumed_capacity.and_then(|consumed| consumed.capacity_units);
        let share = if strong { 1.0 } else { 0.5 };
        assert_charged(consumed, units(expected.map_or(0, item_size), 4096, share));
        self.counts.reads += 1;
    }
}
