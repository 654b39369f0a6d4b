//! Operations on many items of many tables.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{
    ConsumedCapacity, DeleteRequest, KeysAndAttributes, PutRequest, ReturnConsumedCapacity,
    WriteRequest,
};
use stator_e2e::oracle::{Draw, Invent, Item, Path, Value, item_size, project};
use stator_e2e::random::Random;

use super::charge::{Units, assert_charged, sum, units, write_units};
use super::items::attributes;
use super::words::Words;
use super::{Run, draw_item, draw_key};

/// A write of a batch.
enum Write {
    Put(Item),
    Delete(Item),
}

impl Run {
    /// The tables of a batch, each with how many items of it.
    fn draw_tables(&self, random: &mut Random, most: u64) -> BTreeMap<String, u64> {
        let names: Vec<&String> = self.model.keys().collect();
        let mut tables = BTreeMap::new();
        for _ in 0..=random.below(most) {
            *tables.entry((*random.pick(&names)).clone()).or_default() += 1;
        }
        tables
    }

    pub(super) async fn write_batch(&mut self, random: &mut Random) {
        let mut request =
            self.client.batch_write_item().return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut expected = BTreeMap::new();
        let mut done = Vec::new();
        for (name, count) in self.draw_tables(random, 25) {
            let table = self.model.get(&name).expect("the table exists");
            let mut keys = BTreeSet::new();
            let mut sent = Vec::new();
            let mut charged = 0.0..=0.0;
            for _ in 0..count {
                let item = draw_item(table, random);
                let key = table.schema().key_item(&item);
                if !keys.insert(key.clone()) {
                    continue;
                }
                let write = if random.one_in(3) { Write::Delete(key) } else { Write::Put(item) };
                sent.push(write_request(&write, random));
                let (key, after) = match &write {
                    Write::Put(item) => (item, Some(item)),
                    Write::Delete(key) => (key, None),
                };
                let one = write_units(table.schema(), table.get(key), after);
                charged = sum(&charged, &one);
                done.push((name.clone(), write));
            }
            request = request.request_items(name.clone(), sent);
            expected.insert(name, charged);
        }
        self.refusals.attempt("BatchWriteItem", random, request.clone().send()).await;
        let answer = request.send().await.expect("it can be written");
        for (name, write) in done {
            let table = self.model.get_mut(&name).expect("the table exists");
            match write {
                Write::Put(item) => table.put(item),
                Write::Delete(key) => table.delete(&key),
            };
        }
        assert_eq!(answer.unprocessed_items, Some([].into()), "nothing holds it up");
        assert_all_charged(answer.consumed_capacity(), &expected);
        self.counts.batches += 1;
    }

    pub(super) async fn get_batch(&mut self, random: &mut Random) {
        let mut request =
            self.client.batch_get_item().return_consumed_capacity(ReturnConsumedCapacity::Total);
        let (mut expected, mut charged) = (BTreeMap::new(), BTreeMap::new());
        // One request has either expressions or what there was before, whatever the table.
        let legacy = random.one_in(4);
        for (name, count) in self.draw_tables(random, 100) {
            let table = self.model.get(&name).expect("the table exists");
            let keys: BTreeSet<Item> = (0..count).map(|_| draw_key(table, random)).collect();
            let strong = random.one_in(2);
            let share = if strong { 1.0 } else { 0.5 };
            let paths: Option<Vec<Path>> = random.one_in(2).then(|| {
                let about = table.items().next().cloned().unwrap_or_default();
                Invent::new(random, &about).paths()
            });
            let names = paths.as_deref().and_then(attributes);
            let paths = paths.filter(|_| !legacy || names.is_some());
            let in_words = paths.as_deref().filter(|_| !legacy);
            let words = Words::of_read(None, None, in_words, random);
            let mut asked = KeysAndAttributes::builder()
                .consistent_read(strong)
                .set_projection_expression(words.projection.clone())
                .set_attributes_to_get(names.filter(|_| legacy && paths.is_some()))
                .set_expression_attribute_names(words.names());
            let (mut found, mut all) = (Vec::new(), 0.0..=0.0);
            for key in keys {
                asked = asked.keys(Draw::new(random).spelt(&key));
                let item = table.get(&key);
                let one = units(item.map_or(0, item_size), 4096, share);
                all = sum(&all, &one);
                found.extend(item.map(|item| match &paths {
                    Some(paths) => project(item, paths),
                    None => item.clone(),
                }));
            }
            request = request.request_items(name.clone(), asked.build().expect("keys are set"));
            found.sort();
            expected.insert(name.clone(), found);
            charged.insert(name, all);
        }
        self.refusals.attempt("BatchGetItem", random, request.clone().send()).await;
        let answer = request.send().await.expect("it can be read");
        assert_eq!(answer.unprocessed_keys, Some([].into()), "nothing holds it up");
        let responses = answer.responses.as_ref().expect("there always are");
        let items = |items: &Vec<_>| {
            let mut items: Vec<Item> = items.iter().map(Value::item_from_sdk).collect();
            items.sort();
            items
        };
        let answered: BTreeMap<String, Vec<Item>> =
            responses.iter().map(|(name, found)| (name.clone(), items(found))).collect();
        assert_eq!(answered, expected);
        assert_all_charged(answer.consumed_capacity(), &charged);
        self.counts.batches += 1;
    }
}

fn write_request(write: &Write, random: &mut Random) -> WriteRequest {
    let request = WriteRequest::builder();
    match write {
        Write::Put(item) => {
            let put = PutRequest::builder().set_item(Some(Draw::new(random).spelt(item)));
            request.put_request(put.build().expect("an item is set")).build()
        }
        Write::Delete(key) => {
            let delete = DeleteRequest::builder().set_key(Some(Draw::new(random).spelt(key)));
            request.delete_request(delete.build().expect("a key is set")).build()
        }
    }
}

/// Each table has its figure.
fn assert_all_charged(consumed: &[ConsumedCapacity], expected: &BTreeMap<String, Units>) {
    assert_eq!(consumed.len(), expected.len());
    for figures in consumed {
        let name = figures.table_name().expect("a name");
        let range = expected.get(name).expect("a table of the batch");
        assert_charged(figures.capacity_units(), range);
    }
}
