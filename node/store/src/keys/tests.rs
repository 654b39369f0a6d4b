use std::cmp::Ordering;

use proptest::prelude::*;
use stator_model::{HashSecret, KeyValue, Number, PrimaryKey};

use super::*;

const SECRET: HashSecret = HashSecret::from_bytes([7; 16]);

#[test]
fn the_bytes_of_keys_never_change() {
    let partition = PartitionId::new(0x0102_0304_0506_0708);
    assert_eq!(state_key(partition), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(counter_key(partition, b"size"), *b"\x02\x01\x02\x03\x04\x05\x06\x07\x08size");
    let location = Location::from_bytes(Bytes::from_static(&[9; 10]));
    assert_eq!(item_key(&location), [1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
    assert_eq!(items_end(), [2]);
    assert_eq!(entry_bound(&[9, 8]), [3, 9, 8]);
    assert_eq!(entries_end(), [4]);
    assert_eq!(collection_key(&[9, 8]), [4, 9, 8]);
    let kinds = [
        KeyKind::State,
        KeyKind::Item,
        KeyKind::Counter,
        KeyKind::LocalIndexEntry,
        KeyKind::CollectionSize,
        KeyKind::ChangeRecord,
        KeyKind::TtlEntry,
        KeyKind::Cursor,
        KeyKind::JobState,
        KeyKind::CatalogRecord,
    ];
    assert_eq!(kinds.map(|kind| kind as u8), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(catalog_key(b"t1"), *b"\x09t1");
}

#[test]
fn keys_that_are_none_are_refused() {
    for key in [&[][..], &[0], &[0, 1, 2, 3, 4, 5, 6, 7], &[0; 10], &[2, 1], &[5; 20], &[10; 9]] {
        assert!(Key::parse(key).is_err(), "{key:?}");
    }
}

fn key_values() -> [BoxedStrategy<KeyValue>; 3] {
    let bytes =
        || prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(255), any::<u8>()], 0..6);
    let text = "[\\x00\\x01ab\u{ff}]{0,4}".prop_map(KeyValue::S);
    let number = (-2000i64..2000, -2i32..3)
        .prop_map(|(digits, exponent)| format!("{digits}E{exponent}").parse::<Number>().unwrap());
    let number = number.prop_map(KeyValue::N);
    let binary = bytes().prop_map(|bytes| KeyValue::B(bytes.into()));
    [text.boxed(), number.boxed(), binary.boxed()]
}

/// What the order of sort keys means, by the service's rule.
fn compare(left: &KeyValue, right: &KeyValue) -> Ordering {
    match (left, right) {
        (KeyValue::S(left), KeyValue::S(right)) => left.as_bytes().cmp(right.as_bytes()),
        (KeyValue::B(left), KeyValue::B(right)) => left.cmp(right),
        (KeyValue::N(left), KeyValue::N(right)) => {
            let value = |number: &Number| number.to_string().parse::<f64>().unwrap();
            value(left).total_cmp(&value(right))
        }
        _ => panic!("a table's sort keys have one type"),
    }
}

fn location(partition: &KeyValue, sort: &KeyValue) -> Location {
    PrimaryKey { partition: partition.clone(), sort: Some(sort.clone()) }.location(&SECRET)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::cases(256)))]

    #[test]
    fn byte_order_of_item_keys_is_logical_order(
        partition in key_values(),
        left in key_values(),
        right in key_values(),
    ) {
        for partition in &partition {
            for (left, right) in left.iter().zip(&right) {
                let [low, high] = [left, right].map(|sort| item_key(&location(partition, sort)));
                prop_assert_eq!(low.cmp(&high), compare(left, right), "{:?} {:?}", left, right);
            }
        }
    }

    #[test]
    fn item_collections_do_not_interleave(
        here in key_values(),
        there in key_values(),
        sorts in [key_values(), key_values(), key_values()],
    ) {
        for (here, there) in here.iter().zip(&there).filter(|(here, there)| here != there) {
            let keys = |partition: &KeyValue| {
                let sorts = sorts.iter().flatten();
                let mut keys: Vec<_> =
                    sorts.map(|sort| item_key(&location(partition, sort))).collect();
                keys.sort();
                keys
            };
            let (here, there) = (keys(here), keys(there));
            prop_assert!(here.last() < there.first() || there.last() < here.first());
        }
    }

    #[test]
    fn keys_come_back_as_they_were_made(
        id in any::<u64>(),
        name in prop::collection::vec(any::<u8>(), 0..10),
        partition in key_values(),
    ) {
        let id = PartitionId::new(id);
        prop_assert_eq!(Key::parse(&state_key(id)), Ok(Key::State(id)));
        let counter = counter_key(id, &name);
        prop_assert_eq!(Key::parse(&counter), Ok(Key::Counter(id, name.clone().into())));
        let record = catalog_key(&name);
        prop_assert_eq!(catalog_record(&record), Some(name.as_slice()));
        prop_assert_eq!(catalog_record(&counter), None);
        let (first, end) = catalog_range();
        prop_assert!(first[..] <= record[..] && record[..] < end[..]);
        prop_assert_eq!(Key::parse(&record), Ok(Key::CatalogRecord(name.clone().into())));
        for partition in &partition {
            let at = location(partition, partition);
            prop_assert_eq!(Key::parse(&item_key(&at)), Ok(Key::Item(at.clone())));
            let entry = entry_bound(at.as_bytes());
            prop_assert_eq!(entry_location(&entry), Some(at.as_bytes()));
            let item = item_key(&at);
            prop_assert_eq!(entry_location(&item), None);
            let collection = collection_key(at.as_bytes());
            let bytes = Bytes::copy_from_slice(at.as_bytes());
            prop_assert_eq!(Key::parse(&collection), Ok(Key::CollectionSize(bytes)));
            prop_assert_eq!(Key::parse(&entry), Ok(Key::LocalIndexEntry(at)));
        }
    }
}
