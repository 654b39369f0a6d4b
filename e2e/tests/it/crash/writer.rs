//! A client that writes its own keys one after the other and knows what must be there.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_sdk_dynamodb::operation::query::QueryError;
use aws_sdk_dynamodb::types::ReturnValue;
use stator_e2e::oracle::{Item, Value, to_sdk};
use stator_e2e::random::Random;

use super::content::{self, INDEX, entry, item, number_of, written_item};
use super::hot::{self, HotWrite, WriteId};
use super::own::{Change, Outcome, Write};
use super::table_name;
use super::trigger::Trigger;

/// How many keys a writer owns: few, so that most writes replace one.
const KEYS: u64 = 24;

/// What is known of one key. Write numbers count the writes of one writer from 1; 0 is no item, as after a
/// delete.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The last write that was acknowledged, or found after a restart.
    settled: u64,
    /// A later write that was under way when the node died.
    unknown: Option<u64>,
}

/// One writer.
pub(crate) struct Writer {
    id: u32,
    table: u32,
    random: Random,
    last: u64,
    keys: Vec<Known>,
    hot_writes: Vec<HotWrite>,
    acknowledged: u64,
    unknown: u64,
    unknown_kept: u64,
    updates: u64,
    deletes: u64,
    conditions_failed: u64,
    entries: u64,
}

impl Writer {
    pub(crate) fn new(id: u32, table: u32, random: Random) -> Self {
        let keys = (0..KEYS).map(|_| Known::default()).collect();
        Self {
            id,
            table,
            random,
            last: 0,
            keys,
            hot_writes: Vec::new(),
            acknowledged: 0,
            unknown: 0,
            unknown_kept: 0,
            updates: 0,
            deletes: 0,
            conditions_failed: 0,
            entries: 0,
        }
    }

    pub(crate) const fn id(&self) -> u32 {
        self.id
    }

    pub(crate) const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    pub(crate) const fn unknown(&self) -> u64 {
        self.unknown
    }

    pub(crate) const fn unknown_kept(&self) -> u64 {
        self.unknown_kept
    }

    pub(crate) const fn updates(&self) -> u64 {
        self.updates
    }

    pub(crate) const fn deletes(&self) -> u64 {
        self.deletes
    }

    pub(crate) const fn conditions_failed(&self) -> u64 {
        self.conditions_failed
    }

    /// How many entries of the index were compared.
    pub(crate) const fn entries(&self) -> u64 {
        self.entries
    }

    pub(crate) const fn table(&self) -> u32 {
        self.table
    }

    /// The writes to the hot key since this was last asked.
    pub(crate) fn take_hot_writes(&mut self) -> Vec<HotWrite> {
        std::mem::take(&mut self.hot_writes)
    }

    /// Notes that a write of unknown fate was found.
    pub(crate) const fn count_kept(&mut self) {
        self.unknown_kept += 1;
    }

    /// Writes, and now and then reads, until the node is dead.
    pub(crate) async fn write_until_dead(&mut self, client: &Client, trigger: &Trigger) {
        while !trigger.killing() {
            let alive = match self.random.below(8) {
                0 => self.read_back(client, trigger).await,
                1 => self.write_hot(client, trigger).await,
                _ => self.write_own(client, trigger).await,
            };
            if !alive {
                return;
            }
        }
    }

    async fn write_own(&mut self, client: &Client, trigger: &Trigger) -> bool {
        self.last += 1;
        let key = self.random.below(KEYS);
        let change = Change::draw(&mut self.random);
        let known = known(&mut self.keys, key);
        let number = change.number(self.last);
        let table = table_name(self.table);
        let (writer, settled) = (self.id, known.settled);
        let write = Write { table: &table, writer, key, settled, number: self.last };
        match write.send(change, client, trigger).await {
            Some(Outcome::Written) => {
                known.settled = number;
                self.acknowledged += 1;
                self.updates += u64::from(change == Change::Update);
                self.deletes += u64::from(change == Change::Delete);
                trigger.acknowledge();
                true
            }
            Some(Outcome::ConditionFailed) => {
                self.conditions_failed += 1;
                true
            }
            // What is under a condition that cannot hold may not be found afterwards either.
            None if change == Change::Refused => false,
            None => {
                known.unknown = Some(number);
                self.unknown += 1;
                false
            }
        }
    }

    async fn write_hot(&mut self, client: &Client, trigger: &Trigger) -> bool {
        self.last += 1;
        let id = WriteId { writer: self.id, write: self.last };
        let began = trigger.moment();
        let request = client.put_item().table_name(table_name(self.table));
        let request = request.set_item(Some(to_sdk(&hot::item(id))));
        let answer = request.return_values(ReturnValue::AllOld).send().await;
        match answer {
            Ok(output) => {
                let replaced = output.attributes.as_ref().map(Value::item_from_sdk);
                let replaced = replaced.map(|old| hot::id_of(&old).expect("a whole item"));
                let ended = Some(trigger.moment());
                self.hot_writes.push(HotWrite { id, began, ended, replaced });
                self.acknowledged += 1;
                trigger.acknowledge();
                true
            }
            Err(error) => {
                trigger.excuse(&error);
                self.hot_writes.push(HotWrite { id, began, ended: None, replaced: None });
                self.unknown += 1;
                false
            }
        }
    }

    /// A writer sees its own acknowledged writes at once, in the index too.
    async fn read_back(&mut self, client: &Client, trigger: &Trigger) -> bool {
        if self.random.one_in(4) {
            return self.read_index_back(client, trigger).await;
        }
        let key = self.random.below(KEYS);
        match self.read(client, key).await {
            Ok(found) => {
                let expected = known(&mut self.keys, key).settled;
                assert_eq!(found, written_item(self.id, key, expected), "read back of key {key}");
                true
            }
            Err(error) => {
                trigger.excuse(&error);
                false
            }
        }
    }

    async fn read_index_back(&mut self, client: &Client, trigger: &Trigger) -> bool {
        match self.read_index(client).await {
            Ok(found) => {
                let numbered = (0..KEYS).zip(&self.keys);
                let items = numbered.filter_map(|(key, it)| written_item(self.id, key, it.settled));
                let mut expected: Vec<Item> = items.map(|item| entry(&item)).collect();
                expected.sort_by_key(number_of);
                assert_eq!(found, expected, "read back of the index");
                true
            }
            Err(error) => {
                trigger.excuse(&error);
                false
            }
        }
    }

    async fn read(
        &self,
        client: &Client,
        key: u64,
    ) -> Result<Option<Item>, SdkError<GetItemError>> {
        let request = client.get_item().table_name(table_name(self.table)).consistent_read(true);
        let request = request.set_key(Some(to_sdk(&content::key(self.id, key))));
        Ok(request.send().await?.item.as_ref().map(Value::item_from_sdk))
    }

    /// The entries of the index, by rising numbers of writes.
    async fn read_index(&self, client: &Client) -> Result<Vec<Item>, SdkError<QueryError>> {
        let mut found = Vec::new();
        let mut start = None;
        loop {
            let values = Item::from([(":pk".to_owned(), Value::S(format!("writer-{}", self.id)))]);
            let request = client.query().table_name(table_name(self.table)).index_name(INDEX);
            let request = request
                .consistent_read(true)
                .key_condition_expression("pk = :pk")
                .set_expression_attribute_values(Some(to_sdk(&values)))
                .set_exclusive_start_key(start);
            let answer = request.send().await?;
            found.extend(answer.items().iter().map(Value::item_from_sdk));
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
    }

    /// Reads every key and the index and says what is wrong; writes of unknown fate are settled by what is
    /// found. Returns how many keys it compared.
    pub(crate) async fn compare(&mut self, client: &Client, defects: &mut Vec<String>) -> u64 {
        let mut items = Vec::new();
        for key in 0..KEYS {
            let found = self.read(client, key).await.expect("it can be read");
            let known = known(&mut self.keys, key);
            let candidates = [Some(known.settled), known.unknown];
            let matching = candidates
                .into_iter()
                .flatten()
                .find(|write| found == written_item(self.id, key, *write));
            match matching {
                Some(write) => {
                    self.unknown_kept += u64::from(known.unknown == Some(write));
                    *known = Known { settled: write, unknown: None };
                }
                None => defects.push(describe(self.id, key, *known, found.as_ref())),
            }
            items.extend(found);
        }
        let entries = self.read_index(client).await.expect("it can be queried");
        self.entries += u64::try_from(entries.len()).expect("few keys");
        self.compare_index(&items, &entries, defects);
        KEYS
    }

    /// The index must hold an entry of each item that was found, whole and in order, and nothing else.
    fn compare_index(&self, items: &[Item], entries: &[Item], defects: &mut Vec<String>) {
        let expected: BTreeSet<Item> = items.iter().map(entry).collect();
        let found: BTreeSet<Item> = entries.iter().cloned().collect();
        for missing in expected.difference(&found) {
            defects.push(format!("writer {}: lost entry of the index: {missing:?}", self.id));
        }
        for stranger in found.difference(&expected) {
            defects.push(format!("writer {}: invented entry of the index: {stranger:?}", self.id));
        }
        if found.len() != entries.len() || !entries.is_sorted_by_key(number_of) {
            defects.push(format!("writer {}: the index is out of order: {entries:?}", self.id));
        }
    }
}

fn known(keys: &mut [Known], key: u64) -> &mut Known {
    let at = usize::try_from(key).expect("few keys");
    keys.get_mut(at).expect("the key is one of them")
}

/// Says which of the three defects it is.
fn describe(writer: u32, key: u64, known: Known, found: Option<&Item>) -> String {
    let what = match found.map(|item| (number_of(item), item)) {
        None => "lost".to_owned(),
        Some((Some(write), whole)) if *whole == item(writer, key, write) => {
            format!("{} (write {write})", if write < known.settled { "lost" } else { "invented" })
        }
        Some((write, _)) => format!("torn (write {write:?})"),
    };
    format!("writer {writer} key {key}: {what}; expected {known:?}")
}
