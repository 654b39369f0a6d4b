//! A client that writes its own keys one after the other and knows what must be there.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use stator_e2e::oracle::{Item, Value, to_sdk};
use stator_e2e::random::Random;

use super::hot::{self, HotWrite, WriteId};
use super::table_name;
use super::trigger::Trigger;

/// How many keys a writer owns: few, so that most writes replace one.
const KEYS: u64 = 24;

/// What is known of one key. Write numbers count the writes of one writer from 1; 0 is no item.
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
        let write = self.last;
        let key = self.random.below(KEYS);
        let item = item(self.id, key, write);
        let known = known(&mut self.keys, key);
        // What was acknowledged or found is there, whatever the node died of before: a condition on it must
        // hold.
        let condition =
            if known.settled == 0 { "attribute_not_exists(pk)" } else { "attribute_exists(pk)" };
        let condition = write.is_multiple_of(3).then(|| condition.to_owned());
        let request = client.put_item().table_name(table_name(self.table));
        let request = request.set_item(Some(to_sdk(&item))).set_condition_expression(condition);
        let answer = request.send().await;
        match answer {
            Ok(_) => {
                known.settled = write;
                self.acknowledged += 1;
                trigger.acknowledge();
                true
            }
            Err(error) => {
                trigger.excuse(&error);
                known.unknown = Some(write);
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

    /// A writer sees its own acknowledged write at once.
    async fn read_back(&mut self, client: &Client, trigger: &Trigger) -> bool {
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

    async fn read(
        &self,
        client: &Client,
        key: u64,
    ) -> Result<
        Option<Item>,
        aws_sdk_dynamodb::error::SdkError<aws_sdk_dynamodb::operation::get_item::GetItemError>,
    > {
        let request = client.get_item().table_name(table_name(self.table)).consistent_read(true);
        let request = request.key("pk", AttributeValue::S(key_text(self.id, key)));
        Ok(request.send().await?.item.as_ref().map(Value::item_from_sdk))
    }

    /// Reads every key and says what is wrong; writes of unknown fate are settled by what is found.
    /// Returns how many keys it compared.
    pub(crate) async fn compare(&mut self, client: &Client, defects: &mut Vec<String>) -> u64 {
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
        }
        KEYS
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

fn key_text(writer: u32, key: u64) -> String {
    format!("writer-{writer}-key-{key}")
}

/// What must be there after this write; nothing after none.
fn written_item(writer: u32, key: u64, write: u64) -> Option<Item> {
    (write > 0).then(|| item(writer, key, write))
}

/// The item of a write. All of it follows from the write's number, which shows a torn one.
fn item(writer: u32, key: u64, write: u64) -> Item {
    let mut random = Random::new(u64::from(writer) << 48 ^ key << 40 ^ write);
    let longest = if random.one_in(10) { 40_000 } else { 1_500 };
    let length = random.index(longest);
    let letter = char::from(b'a' + u8::try_from(random.below(26)).expect("a letter"));
    let tail = format!("{:x}", random.next());
    Item::from([
        ("pk".to_owned(), Value::S(key_text(writer, key))),
        ("write".to_owned(), Value::N(write.to_string())),
        ("head".to_owned(), Value::S(tail.clone())),
        ("pad".to_owned(), Value::S(letter.to_string().repeat(length))),
        ("tail".to_owned(), Value::S(tail)),
    ])
}

fn number_of(item: &Item) -> Option<u64> {
    match item.get("write") {
        Some(Value::N(number)) => number.parse().ok(),
        _ => None,
    }
}
