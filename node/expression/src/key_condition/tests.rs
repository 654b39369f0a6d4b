use bytes::Bytes;
use stator_model::{AttributeValue, KeyAttribute, KeyType, KeyValue};

use super::{KeyCondition, KeyConditionError, KeyQuery, KeyTest, SortRange};

fn text(text: &str) -> KeyValue {
    KeyValue::S(text.to_owned())
}

fn attribute(name: &str, key_type: KeyType) -> KeyAttribute {
    KeyAttribute { name: name.to_owned(), key_type }
}

// The legacy parameter KeyConditions says the same things in other words.
#[test]
fn key_conditions_can_be_put_together_from_parts() {
    let partition = attribute("pk", KeyType::S);
    let sort = attribute("sk", KeyType::B);
    let value = |text: &str| AttributeValue::S(text.to_owned());
    let prefix = AttributeValue::B(Bytes::from_static(b"a"));
    let condition = KeyCondition::new(vec![
        ("sk".to_owned(), KeyTest::BeginsWith(prefix.into())),
        ("pk".to_owned(), KeyTest::Equal(value("p").into())),
    ]);
    let range = SortRange::BeginsWith(KeyValue::B(Bytes::from_static(b"a")));
    let query = KeyQuery { partition: text("p"), sort: Some(range) };
    assert_eq!(condition.bind(&partition, Some(&sort)), Ok(query));
    let none = KeyCondition::new(Vec::new()).bind(&partition, Some(&sort));
    assert_eq!(none, Err(KeyConditionError::Missed { name: "pk".to_owned() }));
    let number = AttributeValue::N("1".parse().unwrap());
    let begins = KeyCondition::new(vec![
        ("pk".to_owned(), KeyTest::Equal(value("p").into())),
        ("n".to_owned(), KeyTest::BeginsWith(number.into())),
    ]);
    let by_number = attribute("n", KeyType::N);
    assert_eq!(begins.bind(&partition, Some(&by_number)), Err(KeyConditionError::WrongType));
}

#[test]
fn a_range_knows_which_keys_are_in_it() {
    let keys = ["a", "ab", "b", "ba", "c"];
    let inside = |range: SortRange| keys.map(|key| range.contains(&text(key)));
    let t = || text("b");
    assert_eq!(inside(KeyTest::Equal(t())), [false, false, true, false, false]);
    assert_eq!(inside(KeyTest::Less(t())), [true, true, false, false, false]);
    assert_eq!(inside(KeyTest::LessOrEqual(t())), [true, true, true, false, false]);
    assert_eq!(inside(KeyTest::Greater(t())), [false, false, false, true, true]);
    assert_eq!(inside(KeyTest::GreaterOrEqual(t())), [false, false, true, true, true]);
    assert_eq!(inside(KeyTest::BeginsWith(t())), [false, false, true, true, false]);
    let between = |lower, upper| KeyTest::Between { lower: text(lower), upper: text(upper) };
    assert_eq!(inside(between("ab", "ba")), [false, true, true, true, false]);
    assert_eq!(inside(between("ba", "ab")), [false; 5]);
}

#[test]
fn a_key_of_another_type_is_in_no_range() {
    let number = KeyValue::N("1".parse().unwrap());
    let ranges = [
        KeyTest::Equal(text("1")),
        KeyTest::Less(text("1")),
        KeyTest::LessOrEqual(text("1")),
        KeyTest::Greater(text("1")),
        KeyTest::GreaterOrEqual(text("1")),
        KeyTest::Between { lower: text("0"), upper: text("2") },
        KeyTest::BeginsWith(text("1")),
    ];
    for range in ranges {
        assert!(!range.contains(&number), "{range:?}");
    }
    let numbers = SortRange::GreaterOrEqual(KeyValue::N("1".parse().unwrap()));
    assert!(numbers.contains(&KeyValue::N("1.0".parse().unwrap())));
    assert!(numbers.contains(&KeyValue::N("10".parse().unwrap())));
    let bytes = |bytes: &'static [u8]| KeyValue::B(Bytes::from_static(bytes));
    assert!(SortRange::Greater(bytes(&[0x7f])).contains(&bytes(&[0x80])));
}
