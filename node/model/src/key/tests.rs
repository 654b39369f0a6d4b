use std::cmp::Ordering;

use bytes::Bytes;
use proptest::prelude::*;

use super::{HashSecret, KeyRange, KeyValue, Location, PrimaryKey};
use crate::{AttributeMap, KeyAttribute, KeySchema, KeyType, Number};

const SECRET: HashSecret = HashSecret::from_bytes(*b"0123456789abcdef");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn s(text: &str) -> KeyValue {
    KeyValue::S(text.to_owned())
}

fn b(bytes: &[u8]) -> KeyValue {
    KeyValue::B(Bytes::copy_from_slice(bytes))
}

fn n(text: &str) -> KeyValue {
    KeyValue::N(text.parse().unwrap())
}

fn location(partition: KeyValue, sort: Option<KeyValue>) -> Location {
    PrimaryKey { partition, sort }.location(&SECRET)
}

#[test]
fn locations_are_golden() {
    for (partition, sort, expected) in [
        (s("user#1"), None, "d809ddabe69142607573657223310001"),
        (s("user#1"), Some(n("-1.5")), "d809ddabe6914260757365722331000101befc9b"),
        (b(&[0, 1, 0xff]), Some(s("")), "b81a087c558aed0f00ff01ff00010001"),
        (n("42"), Some(b(&[0])), "a9a1bf6b6c380ef403415400ff0001"),
    ] {
        assert_eq!(hex(location(partition, sort).as_bytes()), expected);
    }
}

#[test]
fn another_secret_puts_keys_elsewhere() {
    let key = PrimaryKey { partition: s("a"), sort: None };
    assert_ne!(key.location(&SECRET), key.location(&HashSecret::from_bytes([0; 16])));
}

#[test]
fn neither_a_secret_nor_a_key_is_shown_in_logs() {
    assert_eq!(format!("{SECRET:?}"), "HashSecret(..)");
    let shown = format!("{:?}", location(s("secret user"), None));
    assert!(!shown.contains("secret user") && !shown.contains(&hex(b"secret user")), "{shown}");
    assert_eq!(format!("{:?}", Location::from_bytes(Bytes::from_static(b"x"))), "Location(short)");
}

#[test]
fn only_long_strings_and_binaries_do_not_fit() {
    assert!(s("abc").fits(3) && !s("abcd").fits(3));
    assert!(s("ä").fits(2) && !s("ä").fits(1));
    assert!(b(&[0, 0]).fits(2) && !b(&[0, 0]).fits(1));
    assert!(n("12345678901234567890").fits(1));
}

pub(crate) fn any_value(key_type: KeyType) -> BoxedStrategy<KeyValue> {
    match key_type {
        KeyType::S => "[\u{0}\u{1}a\u{7f}ä\u{10ffff}]{0,4}".prop_map(KeyValue::S).boxed(),
        KeyType::B => {
            prop::collection::vec(prop::sample::select(vec![0, 1, 2, 0x7f, 0xfe, 0xff]), 0..5)
                .prop_map(|bytes: Vec<u8>| KeyValue::B(bytes.into()))
                .boxed()
        }
        KeyType::N => (-200_000..200_000_i64, -3..4_i8)
            .prop_map(|(digits, exponent)| n(&format!("{digits}e{exponent}")))
            .boxed(),
    }
}

pub(crate) fn compare(left: &KeyValue, right: &KeyValue) -> Ordering {
    match (left, right) {
        (KeyValue::S(left), KeyValue::S(right)) => left.as_bytes().cmp(right.as_bytes()),
        (KeyValue::B(left), KeyValue::B(right)) => left.cmp(right),
        (KeyValue::N(left), KeyValue::N(right)) => Number::cmp(left, right),
        (KeyValue::S(_) | KeyValue::B(_) | KeyValue::N(_), _) => panic!("of one type"),
    }
}

/// Two keys of one table: a type each for partition and sort key, and two values of each.
fn two_keys() -> impl Strategy<Value = [PrimaryKey; 2]> {
    let key_type = || prop::sample::select(vec![KeyType::S, KeyType::N, KeyType::B]);
    (key_type(), prop::option::of(key_type())).prop_flat_map(|(partition, sort)| {
        let key = move || {
            let sort =
                sort.map_or(Just(None).boxed(), |sort| any_value(sort).prop_map(Some).boxed());
            (any_value(partition), sort)
                .prop_map(|(partition, sort)| PrimaryKey { partition, sort })
        };
        (key(), key(), any::<bool>()).prop_map(|(left, mut right, same)| {
            if same {
                right.partition = left.partition.clone();
            }
            [left, right]
        })
    })
}

proptest! {
    #[test]
    fn forms_of_one_type_keep_the_order_and_are_prefix_free(
        [left, right] in prop::sample::select(vec![KeyType::S, KeyType::N, KeyType::B])
            .prop_flat_map(|key_type| [any_value(key_type), any_value(key_type)]),
        tail in prop::collection::vec(any::<u8>(), 0..3),
    ) {
        let form = |value: &KeyValue| {
            let mut out = Vec::new();
            value.encode_ordered(&mut out);
            out
        };
        let expected = compare(&left, &right);
        prop_assert_eq!(form(&left).cmp(&form(&right)), expected);
        if expected != Ordering::Equal {
            prop_assert!(!form(&left).starts_with(&form(&right)));
            let followed = [form(&left), tail].concat();
            prop_assert_eq!(followed.cmp(&form(&right)), expected, "whatever follows");
        }
    }

    #[test]
    fn locations_order_by_hash_then_keys_and_are_prefix_free([left, right] in two_keys()) {
        let hash = |key: &PrimaryKey| {
            let mut out = Vec::new();
            key.partition.encode_ordered(&mut out);
            SECRET.hash(&out)
        };
        let expected = hash(&left)
            .cmp(&hash(&right))
            .then_with(|| compare(&left.partition, &right.partition))
            .then_with(|| match (&left.sort, &right.sort) {
                (Some(left), Some(right)) => compare(left, right),
                (None, None) => Ordering::Equal,
                (Some(_), None) | (None, Some(_)) => panic!("of one table"),
            });
        let (left, right) = (left.location(&SECRET), right.location(&SECRET));
        prop_assert_eq!(left.cmp(&right), expected);
        if expected != Ordering::Equal {
            prop_assert!(!left.as_bytes().starts_with(right.as_bytes()));
        }
        let first = left.as_bytes().first_chunk::<8>().copied().map(u64::from_be_bytes);
        prop_assert!(first.is_some());
    }

    #[test]
    fn a_location_is_in_exactly_one_of_adjoining_ranges(
        at in prop::collection::vec(0..4_u8, 0..4),
        mut cuts in prop::collection::btree_set(prop::collection::vec(0..4_u8, 1..4), 0..4),
    ) {
        let mut start = Bytes::new();
        let mut ranges = Vec::new();
        while let Some(cut) = cuts.pop_first() {
            let end = Bytes::from(cut);
            ranges.push(KeyRange { start: std::mem::replace(&mut start, end.clone()), end: Some(end) });
        }
        ranges.push(KeyRange { start, end: None });
        let at = Location::from_bytes(at.into());
        prop_assert!(KeyRange::ALL.contains(&at));
        prop_assert_eq!(ranges.iter().filter(|range| range.contains(&at)).count(), 1);
    }
}

#[test]
fn a_range_holds_its_start_and_not_its_end() {
    let at = |bytes: &'static [u8]| Location::from_bytes(Bytes::from_static(bytes));
    let range = KeyRange { start: Bytes::from_static(b"b"), end: Some(Bytes::from_static(b"d")) };
    assert!(range.contains(&at(b"b")) && range.contains(&at(b"c\xff")));
    assert!(!range.contains(&at(b"a\xff")) && !range.contains(&at(b"d")));
}

#[test]
fn the_successor_of_a_location_lies_right_behind_it() {
    let here = location(s("a"), Some(n("1")));
    let range = |start: Bytes| KeyRange { start, end: None };
    assert!(!range(here.successor()).contains(&here));
    for behind in [location(s("a"), Some(n("1.1"))), location(s("a"), Some(n("2")))] {
        assert!(range(here.successor()).contains(&behind));
    }
}

proptest! {
    // Rule: page.segments
    #[test]
    fn segments_share_out_every_location(
        count in 1..20_u32,
        keys in prop::collection::vec(".{1,6}", 1..20),
    ) {
        for key in keys {
            let here = location(s(&key), None);
            let holders = (0..count).filter(|n| KeyRange::of_segment(*n, count).contains(&here));
            prop_assert_eq!(holders.count(), 1);
        }
        for number in 1..count {
            let (before, after) =
                (KeyRange::of_segment(number - 1, count), KeyRange::of_segment(number, count));
            prop_assert_eq!(before.end.as_ref(), Some(&after.start));
        }
        prop_assert_eq!(KeyRange::of_segment(0, count).start, Bytes::new());
        prop_assert_eq!(KeyRange::of_segment(count - 1, count).end, None);
    }

    #[test]
    fn what_lies_in_both_ranges_lies_in_their_intersection(
        borders in prop::array::uniform4(prop::collection::vec(any::<u8>(), 0..3)),
        open in prop::array::uniform2(any::<bool>()),
        place in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let [a, b, c, d] = borders.map(Bytes::from);
        let one = KeyRange { start: a, end: (!open[0]).then_some(b) };
        let other = KeyRange { start: c, end: (!open[1]).then_some(d) };
        let place = Location::from_bytes(place.into());
        let in_both = one.contains(&place) && other.contains(&place);
        prop_assert_eq!(one.intersect(&other).contains(&place), in_both);
    }
}

#[test]
fn the_most_segments_are_all_but_equally_wide() {
    let first = KeyRange::of_segment(0, 1_000_000).end.unwrap();
    let last = KeyRange::of_segment(999_999, 1_000_000).start;
    assert_eq!(
        (hex(&first), hex(&last)),
        ("000010c6f7a0b5ee".to_owned(), "ffffef39085f4a13".to_owned())
    );
}

proptest! {
    #[test]
    fn the_key_of_an_item_is_read_back_from_its_location([key, _] in two_keys()) {
        let attribute = |name: &str, value: &KeyValue| KeyAttribute {
            name: name.to_owned(),
            key_type: value.key_type(),
        };
        let schema = KeySchema {
            partition: attribute("pk", &key.partition),
            sort: key.sort.as_ref().map(|sort| attribute("sk", sort)),
        };
        let location = key.location(&SECRET);
        let read = schema.key_at(&location).expect("a key");
        let values = [Some(("pk", key.partition)), key.sort.map(|sort| ("sk", sort))];
        let pairs = values.into_iter().flatten();
        let expected = pairs.map(|(name, value)| (name.to_owned(), value.into_attribute()));
        prop_assert_eq!(read, AttributeMap::from_pairs(expected.collect()).unwrap());

        let whole = location.as_bytes();
        let cut = Location::from_bytes(Bytes::copy_from_slice(&whole[..whole.len() - 1]));
        prop_assert_eq!(schema.key_at(&cut), None);
        prop_assert_eq!(schema.key_at(&Location::from_bytes(location.successor())), None);
    }
}

#[test]
fn bytes_that_no_key_has_are_no_key() {
    let read = |key_type: KeyType, bytes: &[u8]| key_type.decode_ordered(bytes).is_some();
    assert!(read(KeyType::B, &[0xff, 0, 1]) && !read(KeyType::S, &[0xff, 0, 1]));
    assert!(!read(KeyType::B, &[1, 0, 2]) && !read(KeyType::B, &[1]) && !read(KeyType::N, &[4, 4]));
    let (value, rest) = KeyType::B.decode_ordered(&[0, 0xff, 7, 0, 1, 9]).unwrap();
    assert_eq!((value, rest), (b(&[0, 7]), &[9][..]));
}
