//! What a writer's writes put under its keys: all of it follows from writer, key and the write's number.

use stator_e2e::client::KeyAttribute;
use stator_e2e::oracle::{Item, LocalIndex, Projection, Schema, Value};
use stator_e2e::random::Random;

/// The index that sorts the items of a writer by their last writes.
pub(crate) const INDEX: &str = "by-write";

/// The tables of the test: a writer's items are one collection.
pub(crate) fn schema() -> Schema {
    let by_write = LocalIndex {
        name: INDEX,
        sort_key: KeyAttribute::new("write", 'N'),
        projection: Projection::Include(vec!["head", "tail"]),
    };
    let sort_key = Some(KeyAttribute::new("sk", 'S'));
    Schema::new(KeyAttribute::new("pk", 'S'), sort_key, vec![by_write])
}

/// The key attributes of a writer's key.
pub(crate) fn key(writer: u32, key: u64) -> Item {
    Item::from([
        ("pk".to_owned(), Value::S(format!("writer-{writer}"))),
        ("sk".to_owned(), Value::S(format!("key-{key}"))),
    ])
}

/// What must be there after this write; nothing after none.
pub(crate) fn written_item(writer: u32, key: u64, write: u64) -> Option<Item> {
    (write > 0).then(|| item(writer, key, write))
}

/// The item of a write. All of it follows from the write's number, which shows a torn one.
pub(crate) fn item(writer: u32, key: u64, write: u64) -> Item {
    let mut random = Random::new(u64::from(writer) << 48 ^ key << 40 ^ write);
    let longest = if random.one_in(10) { 40_000 } else { 1_500 };
    let length = random.index(longest);
    let letter = char::from(b'a' + u8::try_from(random.below(26)).expect("a letter"));
    let tail = format!("{:x}", random.next());
    let mut item = self::key(writer, key);
    item.extend([
        ("write".to_owned(), Value::N(write.to_string())),
        ("head".to_owned(), Value::S(tail.clone())),
        ("pad".to_owned(), Value::S(letter.to_string().repeat(length))),
        ("tail".to_owned(), Value::S(tail)),
    ]);
    item
}

/// What the index holds of an item.
pub(crate) fn entry(item: &Item) -> Item {
    let schema = schema();
    let view = schema.view(schema.indexes().first());
    view.entry(item).expect("every item has its number")
}

/// The number of the write whose item this says it is.
pub(crate) fn number_of(item: &Item) -> Option<u64> {
    match item.get("write") {
        Some(Value::N(number)) => number.parse().ok(),
        _ => None,
    }
}
