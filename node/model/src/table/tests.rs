use bytes::Bytes;

use super::{KeyAttribute, KeyError, KeySchema, KeyType};
use crate::{AttributeMap, AttributeValue, KeyValue, PrimaryKey};

fn schema(sort: Option<KeyType>) -> KeySchema {
    let attribute = |name: &str, key_type| KeyAttribute { name: name.to_owned(), key_type };
    KeySchema {
        partition: attribute("pk", KeyType::S),
        sort: sort.map(|key_type| attribute("sk", key_type)),
    }
}

fn item(pairs: &[(&str, AttributeValue)]) -> AttributeMap {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    AttributeMap::from_pairs(pairs).unwrap()
}

fn s(length: usize) -> AttributeValue {
    AttributeValue::S("x".repeat(length))
}

fn b(length: usize) -> AttributeValue {
    AttributeValue::B(Bytes::from(vec![0; length]))
}

#[test]
fn the_key_is_taken_out_of_an_item() {
    let number = "1e3".parse().unwrap();
    let whole = item(&[("pk", s(1)), ("sk", AttributeValue::N(number)), ("other", b(0))]);
    let partition = KeyValue::S("x".to_owned());
    let simple = PrimaryKey { partition: partition.clone(), sort: None };
    assert_eq!(schema(None).item_key(&whole), Ok(simple));
    let full = PrimaryKey { partition, sort: Some(KeyValue::N("1000".parse().unwrap())) };
    assert_eq!(schema(Some(KeyType::N)).item_key(&whole), Ok(full.clone()));
    assert_eq!(schema(Some(KeyType::N)).exact_key(&whole), Err(KeyError::NotInTheKey));
    let mut key = whole;
    key.remove("other");
    assert_eq!(schema(Some(KeyType::N)).exact_key(&key), Ok(full));
    assert_eq!(schema(None).exact_key(&key), Err(KeyError::NotInTheKey));
}

#[test]
fn a_bad_key_says_what_is_wrong_partition_key_first() {
    let check = |pairs: &[(&str, AttributeValue)], expected: KeyError| {
        assert_eq!(schema(Some(KeyType::B)).item_key(&item(pairs)), Err(expected));
    };
    let (pk, sk) = ("pk".to_owned(), "sk".to_owned());
    check(&[("other", s(1))], KeyError::Missing { name: pk.clone() });
    check(&[("pk", s(1))], KeyError::Missing { name: sk.clone() });
    check(
        &[("pk", b(1)), ("sk", s(1))],
        KeyError::WrongType { name: pk.clone(), expected: KeyType::S, actual: "B" },
    );
    check(
        &[("pk", s(1)), ("sk", AttributeValue::L(vec![]))],
        KeyError::WrongType { name: sk.clone(), expected: KeyType::B, actual: "L" },
    );
    check(&[("pk", s(0)), ("sk", b(0))], KeyError::Empty { name: pk, key_type: KeyType::S });
    check(&[("pk", s(1)), ("sk", b(0))], KeyError::Empty { name: sk, key_type: KeyType::B });
    check(&[("pk", s(2049)), ("sk", b(1025))], KeyError::PartitionTooLong);
    check(&[("pk", s(2048)), ("sk", b(1025))], KeyError::SortTooLong);
    let longest = item(&[("pk", s(2048)), ("sk", b(1024))]);
    assert!(schema(Some(KeyType::B)).item_key(&longest).is_ok());
}
