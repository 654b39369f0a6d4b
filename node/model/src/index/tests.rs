use proptest::prelude::*;

use super::{IndexKeyError, IndexLocation, LocalIndex, LocalIndexId, Projection, entry_location};
use crate::key::tests::any_value;
use crate::{
    AttributeValue, HashSecret, Item, KeyAttribute, KeySchema, KeyType, KeyValue, PrimaryKey,
};

const SECRET: HashSecret = HashSecret::from_bytes(*b"0123456789abcdef");

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn attribute(name: &str, key_type: KeyType) -> KeyAttribute {
    KeyAttribute { name: name.to_owned(), key_type }
}

fn schema() -> KeySchema {
    KeySchema { partition: attribute("pk", KeyType::S), sort: Some(attribute("sk", KeyType::S)) }
}

fn index(projection: Projection) -> LocalIndex {
    let sort = attribute("year", KeyType::S);
    LocalIndex { id: LocalIndexId(2), name: "by-year".to_owned(), sort, projection }
}

fn item(names: &[&str]) -> Item {
    let nested = Item::from_pairs(vec![("year".to_owned(), text("inner"))]).unwrap();
    let value = |name: &&str| match *name {
        "map" => AttributeValue::M(nested.clone()),
        name => text(name),
    };
    Item::from_pairs(names.iter().map(|name| ((*name).to_owned(), value(name))).collect()).unwrap()
}

#[track_caller]
fn check(projection: Projection, of: &[&str], expected: Option<&[&str]>) {
    let entry = index(projection).entry(&schema(), &item(of));
    assert_eq!(entry.map(|entry| entry.item), expected.map(item));
}

#[test]
fn an_entry_holds_keys_and_what_is_projected() {
    let all = ["map", "other", "pk", "sk", "year"];
    check(Projection::All, &all, Some(&all));
    check(Projection::KeysOnly, &all, Some(&["pk", "sk", "year"]));
    let include = || Projection::Include(vec!["map".to_owned(), "absent".to_owned()]);
    check(include(), &all, Some(&["map", "pk", "sk", "year"]));
    check(include(), &["pk", "sk", "year"], Some(&["pk", "sk", "year"]));
}

#[test]
fn an_item_without_the_sort_key_has_no_entry() {
    for projection in [Projection::All, Projection::KeysOnly] {
        // The name inside of a map is not the attribute.
        check(projection, &["map", "pk", "sk"], None);
    }
}

#[test]
fn what_cannot_be_a_key_is_told() {
    let index = index(Projection::All);
    let long = text(&"x".repeat(1025));
    for (value, expected) in [
        (AttributeValue::Null, Err(IndexKeyError::WrongType { actual: "NULL" })),
        (AttributeValue::N("1".parse().unwrap()), Err(IndexKeyError::WrongType { actual: "N" })),
        (text(""), Err(IndexKeyError::Empty)),
        (long, Err(IndexKeyError::TooLong)),
        (text("1999"), Ok(Some(KeyValue::S("1999".to_owned())))),
    ] {
        assert_eq!(index.sort_key(Some(&value)), expected);
    }
    assert_eq!(index.sort_key(None), Ok(None));
}

#[test]
fn locations_of_entries_are_golden() {
    let key = PrimaryKey {
        partition: KeyValue::S("user#1".to_owned()),
        sort: Some(KeyValue::N("-1.5".parse().unwrap())),
    };
    let sort = KeyValue::B(vec![0, 7].into());
    let entry = entry_location(&key.location(&SECRET), KeyType::S, LocalIndexId(3), &sort).unwrap();
    let hex: String = entry.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hex,
        "d809ddabe69142607573657223310001\
                     03\
                     00ff070001\
                     01befc9b"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_location_comes_apart_as_it_was_put_together(
        (partition, sort, by) in {
            let any = || prop::sample::select(vec![KeyType::S, KeyType::N, KeyType::B]).prop_flat_map(any_value);
            (any(), any(), any())
        },
        id in any::<u8>(),
    ) {
        let (of_partition, of_sort) = (partition.key_type(), by.key_type());
        let item = PrimaryKey { partition: partition.clone(), sort: Some(sort) }.location(&SECRET);
        let entry = entry_location(&item, of_partition, LocalIndexId(id), &by).unwrap();
        let apart = IndexLocation::parse(entry.as_bytes(), of_partition).unwrap();
        let mut collection = Vec::new();
        partition.encode_partition(&SECRET, &mut collection);
        prop_assert_eq!(apart.collection, &collection[..]);
        prop_assert_eq!(apart.index, LocalIndexId(id));
        prop_assert_eq!(apart.item(of_sort), Some(item));
    }

    #[test]
    fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..30)) {
        for of_partition in [KeyType::S, KeyType::N, KeyType::B] {
            if let Some(apart) = IndexLocation::parse(&bytes, of_partition) {
                let _ = apart.item(of_partition);
            }
        }
    }
}
