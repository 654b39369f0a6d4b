use bytes::Bytes;
use proptest::prelude::*;
use stator_model::{AttributeMap, AttributeValue, Item, ItemView, Number, Timestamp};

use super::*;

/// Levels of lists and maps that are read.
const DEPTH: usize = 2 * stator_model::limits::NESTING_LEVELS;

const HEADER: ItemHeader = ItemHeader {
    timestamp: Timestamp::from_bits(0x0102_0304_0506_0708),
    origin: RegionId(0x0a0b),
    flags: ItemFlags(0),
};

fn number(text: &str) -> Number {
    text.parse().unwrap()
}

fn item<const N: usize>(pairs: [(&str, AttributeValue); N]) -> Item {
    let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    AttributeMap::from_pairs(pairs).unwrap()
}

fn parse(bytes: &[u8]) -> Result<StoredItem, Malformed> {
    StoredItem::parse(Value::from(bytes))
}

/// An item with one attribute `a`, whose value is `value` byte by byte.
fn stored(value: &[u8]) -> Vec<u8> {
    let mut bytes = encode(&Item::new(), HEADER);
    assert_eq!(bytes.pop(), Some(0), "no attributes");
    bytes.extend_from_slice(&[1, 1, b'a']);
    bytes.extend_from_slice(value);
    bytes
}

/// Where the value begins in what [`stored`] makes.
const VALUE: usize = HEADER_BYTES + 3;

#[track_caller]
fn check_golden(value: AttributeValue, bytes: &[u8]) {
    let item = item([("a", value)]);
    let encoded = encode(&item, HEADER);
    assert_eq!(encoded, stored(bytes));
    assert_eq!(parse(&encoded).unwrap().to_item(), item);
}

#[test]
fn the_bytes_of_an_item_never_change() {
    let bytes = encode(&Item::new(), HEADER);
    assert_eq!(bytes, [1, 1, 2, 3, 4, 5, 6, 7, 8, 0x0a, 0x0b, 0, 0]);
    assert_eq!(parse(&bytes).unwrap().header(), HEADER);

    check_golden(AttributeValue::S("h\u{e9}".into()), &[1, 3, b'h', 0xc3, 0xa9]);
    check_golden(AttributeValue::N(number("42")), &[2, 0x01, 42]);
    check_golden(AttributeValue::N(number("0")), &[2, 0x00]);
    check_golden(AttributeValue::N(number("-1.25")), &[2, 0xc1, 0xff, 0xfe, 125]);
    check_golden(AttributeValue::N(number("1E125")), &[2, 0x41, 0, 125, 1]);
    check_golden(AttributeValue::N(number("65537")), &[2, 0x03, 1, 0, 1]);
    check_golden(AttributeValue::B(Bytes::from_static(&[0, 255])), &[3, 2, 0, 255]);
    check_golden(AttributeValue::Bool(false), &[4]);
    check_golden(AttributeValue::Bool(true), &[5]);
    check_golden(AttributeValue::Null, &[6]);
    check_golden(AttributeValue::Ss(vec!["b".into(), String::new()]), &[7, 2, 1, b'b', 0]);
    check_golden(AttributeValue::Ns(vec![number("2"), number("-1")]), &[8, 2, 0x01, 2, 0x81, 1]);
    check_golden(AttributeValue::Bs(vec![Bytes::from_static(&[9])]), &[9, 1, 1, 9]);
    check_golden(
        AttributeValue::L(vec![AttributeValue::Null, AttributeValue::L(vec![])]),
        &[10, 2, 6, 10, 0],
    );
    check_golden(
        AttributeValue::M(item([
            ("y", AttributeValue::Bool(true)),
            ("x", AttributeValue::S(String::new())),
        ])),
        &[11, 2, 1, b'x', 1, 0, 1, b'y', 5],
    );
}

#[track_caller]
fn check_malformed(value: &[u8], offset: usize, problem: Problem) {
    let error = parse(&stored(value)).unwrap_err();
    assert_eq!((error.offset, error.problem), (VALUE + offset, problem));
}

#[test]
fn bytes_that_are_no_item_are_refused_where_they_stop_fitting() {
    check_malformed(&[0], 0, Problem::Tag(0));
    check_malformed(&[12], 0, Problem::Tag(12));
    check_malformed(&[], 0, Problem::CutShort);
    check_malformed(&[1, 2, b'x'], 2, Problem::CutShort);
    check_malformed(&[1, 2, b'x', 0xff], 3, Problem::Text);
    check_malformed(&[1, 0x80, 0], 1, Problem::Integer);
    check_malformed(&[6, 6], 1, Problem::Trailing);
    check_malformed(&[7, 0], 1, Problem::EmptySet);
    check_malformed(&[8, 0xff, 0xff, 0xff, 0xff, 0x0f], 6, Problem::CutShort);
    check_malformed(&[11, 2, 1, b'b', 6, 1, b'b', 6], 5, Problem::NameOrder);
    check_malformed(&[11, 2, 1, b'b', 6, 1, b'a', 6], 5, Problem::NameOrder);
    // Numbers: spare bit, exponent 0 written out, leading zero byte, trailing decimal zero,
    // negative zero, too many bytes, out of range.
    check_malformed(&[2, 0x21, 1], 1, Problem::Number);
    check_malformed(&[2, 0x41, 0, 0, 1], 1, Problem::Number);
    check_malformed(&[2, 0x02, 0, 1], 1, Problem::Number);
    check_malformed(&[2, 0x01, 10], 1, Problem::Number);
    check_malformed(&[2, 0x80], 1, Problem::Number);
    check_malformed(&[&[2, 0x11][..], &[1; 17]].concat(), 1, Problem::Number);
    check_malformed(&[2, 0x41, 0, 126, 1], 1, Problem::Number);

    let mut newer = encode(&Item::new(), HEADER);
    newer[0] = 2;
    assert_eq!(parse(&newer).unwrap_err().problem, Problem::Version(2));
    assert_eq!(parse(&[]).unwrap_err().problem, Problem::CutShort);
}

fn nested(levels: usize) -> Item {
    let innermost = AttributeValue::L(vec![]);
    let value = (1..levels).fold(innermost, |inner, _| AttributeValue::L(vec![inner]));
    item([("a", value)])
}

#[test]
fn what_can_be_written_deep_can_be_read() {
    let deepest = nested(DEPTH);
    assert_eq!(parse(&encode(&deepest, HEADER)).unwrap().to_item(), deepest);
    let bytes = stored(&[&[10, 1].repeat(DEPTH)[..], &[10, 0]].concat());
    let error = parse(&bytes).unwrap_err();
    assert_eq!((error.offset, error.problem), (VALUE + 2 * DEPTH, Problem::Depth));
}

#[test]
#[should_panic(expected = "nested twice as deep")]
fn what_could_not_be_read_is_not_written() {
    encode(&nested(DEPTH + 1), HEADER);
}

/// Strings short enough to collide now and then.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[a-d]{0,3}", "\\PC{0,12}", Just("x".repeat(200))]
}

fn binaries() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from)
}

fn numbers() -> impl Strategy<Value = Number> {
    (any::<bool>(), 0..10u128.pow(38), 0u32..38, -130i32..88).prop_map(
        |(negative, digits, shorter, exponent)| {
            let sign = if negative { "-" } else { "" };
            let text = format!("{sign}{}E{exponent}", digits / 10u128.pow(shorter));
            text.parse().unwrap_or_else(|_| number("7"))
        },
    )
}

fn values() -> impl Strategy<Value = AttributeValue> {
    let leaf = prop_oneof![
        texts().prop_map(AttributeValue::S),
        numbers().prop_map(AttributeValue::N),
        binaries().prop_map(AttributeValue::B),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null),
        prop::collection::btree_set(texts(), 1..4)
            .prop_map(|set| AttributeValue::Ss(set.into_iter().collect())),
        prop::collection::hash_set(numbers(), 1..4)
            .prop_map(|set| AttributeValue::Ns(set.into_iter().collect())),
        prop::collection::btree_set(binaries(), 1..4)
            .prop_map(|set| AttributeValue::Bs(set.into_iter().collect())),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
            maps(inner).prop_map(AttributeValue::M),
        ]
    })
}

fn maps(values: impl Strategy<Value = AttributeValue>) -> impl Strategy<Value = AttributeMap> {
    prop::collection::btree_map(texts(), values, 0..5)
        .prop_map(|map| AttributeMap::from_pairs(map.into_iter().collect()).unwrap())
}

fn headers() -> impl Strategy<Value = ItemHeader> {
    (any::<u64>(), any::<u16>(), any::<u8>()).prop_map(|(bits, region, flags)| ItemHeader {
        timestamp: Timestamp::from_bits(bits),
        origin: RegionId(region),
        flags: ItemFlags(flags),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::cases(128)))]

    #[test]
    fn an_item_comes_back_as_it_was_stored(item in maps(values()), header in headers()) {
        let stored = parse(&encode(&item, header)).unwrap();
        prop_assert_eq!(stored.header(), header);
        prop_assert_eq!(stored.size(), item.size());
        prop_assert_eq!(stored.to_item(), item);
    }

    #[test]
    fn an_item_has_one_encoding(
        item in maps(values()),
        at in any::<prop::sample::Index>(),
        flip in 1u8..,
    ) {
        let bytes = encode(&item, HEADER);
        let mut changed = bytes.clone();
        changed[at.index(bytes.len())] ^= flip;
        // Whatever is accepted is some item, and that item is stored as exactly these bytes.
        if let Ok(stored) = parse(&changed) {
            prop_assert_eq!(encode(&stored.to_item(), stored.header()), changed);
        }
        let cut = &bytes[..at.index(bytes.len())];
        let error = parse(cut).unwrap_err();
        prop_assert!(error.offset <= cut.len());
    }

    #[test]
    fn any_bytes_are_an_item_or_an_error(
        mut bytes in prop::collection::vec(prop_oneof![0u8..14, any::<u8>()], 0..80),
    ) {
        if let Some(version) = bytes.first_mut() {
            *version = VERSION;
        }
        match parse(&bytes) {
            Ok(stored) => {
                let item = stored.to_item();
                prop_assert_eq!(stored.size(), item.size());
                prop_assert_eq!(encode(&item, stored.header()), bytes);
            }
            Err(error) => prop_assert!(error.offset <= bytes.len()),
        }
    }
}
