use proptest::prelude::*;
use stator_model::Item;

use super::*;
use crate::{JsonWriter, parse};

fn read(json: &str) -> Result<AttributeValue, ApiError> {
    parse::<AttributeValue>(json.as_bytes())
}

#[track_caller]
fn reads(json: &str, expected: &AttributeValue) {
    assert_eq!(read(json).as_ref(), Ok(expected));
}

#[track_caller]
fn invalid(json: &str, text: &str) {
    assert_eq!(read(json), Err(ApiError::validation(text.to_owned())));
}

#[track_caller]
fn wrong_kind(json: &str, text: &str) {
    assert_eq!(read(json), Err(ApiError::serialization(text.to_owned())));
}

fn number(text: &str) -> Number {
    text.parse().unwrap()
}

#[test]
fn every_type_is_read() {
    reads(r#"{"S":""}"#, &AttributeValue::S(String::new()));
    reads(r#"{"S":"\u00e9\n"}"#, &AttributeValue::S("é\n".to_owned()));
    reads(r#"{"N":"1.0e3"}"#, &AttributeValue::N(number("1000")));
    reads(r#"{"B":"/wA="}"#, &AttributeValue::B(Bytes::from_static(&[0xff, 0])));
    reads(r#"{"B":""}"#, &AttributeValue::B(Bytes::new()));
    reads(r#"{"BOOL":false}"#, &AttributeValue::Bool(false));
    reads(r#"{"NULL":true}"#, &AttributeValue::Null);
    reads(r#"{"SS":["b","a",""]}"#, &AttributeValue::Ss(["b", "a", ""].map(str::to_owned).into()));
    reads(r#"{"NS":["1","10"]}"#, &AttributeValue::Ns(vec![number("1"), number("10")]));
    reads(r#"{"BS":["","AA=="]}"#, &AttributeValue::Bs(vec![Bytes::new(), vec![0].into()]));
    reads(r#"{"L":[]}"#, &AttributeValue::L(vec![]));
    let map = AttributeMap::from_pairs(vec![
        ("a".to_owned(), AttributeValue::Null),
        ("b".to_owned(), AttributeValue::L(vec![AttributeValue::Bool(true)])),
    ]);
    reads(
        r#"{"M":{"b":{"L":[{"BOOL":true}]},"a":{"NULL":true}}}"#,
        &AttributeValue::M(map.unwrap()),
    );
}

#[test]
fn a_value_has_exactly_one_type_unknown_members_and_nulls_not_counted() {
    let empty =
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
    let more = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of \
                the supported datatypes";
    invalid("{}", empty);
    invalid(r#"{"S":null}"#, empty);
    invalid(r#"{"X":"a"}"#, empty);
    invalid(r#"{"s":"a"}"#, empty);
    invalid(r#"{"L":[null]}"#, empty);
    invalid(r#"{"M":{"a":null}}"#, empty);
    invalid(r#"{"S":"a","N":"1"}"#, more);
    invalid(r#"{"L":[],"M":{}}"#, more);
    reads(r#"{"S":"a","N":null,"X":[{}]}"#, &AttributeValue::S("a".to_owned()));
    wrong_kind(r#"{"S":"a","S":"a"}"#, "Duplicate field 'S'");
    wrong_kind(r#"{"M":{"a":{"S":"a"},"a":{"S":"a"}}}"#, "Duplicate field 'a'");
}

#[test]
fn numbers_are_refused_by_their_fault() {
    let not = "The parameter cannot be converted to a numeric value";
    let digits = "Attempting to store more than 38 significant digits in a Number";
    let overflow =
        "Number overflow. Attempting to store a number with magnitude larger than supported range";
    let underflow = "Number underflow. Attempting to store a number with magnitude smaller than supported range";
    invalid(r#"{"N":"abc"}"#, &format!("{not}: abc"));
    invalid(r#"{"N":" 1"}"#, &format!("{not}:  1"));
    invalid(r#"{"N":""}"#, not);
    invalid(r#"{"NS":["1","x"]}"#, &format!("{not}: x"));
    reads(&format!(r#"{{"N":"{}"}}"#, "9".repeat(38)), &AttributeValue::N(number(&"9".repeat(38))));
    invalid(&format!(r#"{{"N":"{}"}}"#, "9".repeat(39)), digits);
    reads(r#"{"N":"9.9e125"}"#, &AttributeValue::N(number("9.9e125")));
    invalid(r#"{"N":"1e126"}"#, overflow);
    reads(r#"{"N":"1e-130"}"#, &AttributeValue::N(number("1e-130")));
    invalid(r#"{"N":"1e-131"}"#, underflow);
}

#[test]
fn sets_have_members_and_none_twice() {
    let one = "One or more parameter values were invalid: ";
    invalid(r#"{"SS":[]}"#, &format!("{one}An string set  may not be empty"));
    invalid(r#"{"NS":[]}"#, &format!("{one}An number set  may not be empty"));
    invalid(r#"{"BS":[]}"#, &format!("{one}Binary sets should not be empty"));
    invalid(
        r#"{"SS":["b","a","b"]}"#,
        &format!("{one}Input collection [b, a, b] contains duplicates."),
    );
    invalid(r#"{"NS":["1","2","1.0"]}"#, "Input collection contains duplicates");
    invalid(
        r#"{"BS":["AA==","AA=="]}"#,
        &format!("{one}Input collection [AA==, AA==]of type BS contains duplicates."),
    );
}

#[test]
fn null_must_be_true() {
    invalid(
        r#"{"NULL":false}"#,
        "One or more parameter values were invalid: Null attribute value types must have the value \
         of true",
    );
}

// Rule: value.names
#[test]
fn names_have_1_to_65535_bytes() {
    let map = |name: &str| format!(r#"{{"M":{{"{name}":{{"S":""}}}}}}"#);
    invalid(&map(""), "Empty attribute name");
    assert!(read(&map(&"n".repeat(65_535))).is_ok());
    assert!(read(&map(&"n".repeat(65_536))).unwrap_err().message().unwrap().contains("too long"));
}

#[test]
fn values_of_the_wrong_kind_are_serialization_errors() {
    wrong_kind(r#"{"S":1}"#, "NUMBER_VALUE cannot be converted to String");
    wrong_kind(r#"{"N":1}"#, "NUMBER_VALUE cannot be converted to String");
    wrong_kind(r#"{"N":1.5}"#, "DECIMAL_VALUE cannot be converted to String");
    wrong_kind(r#"{"NS":[1]}"#, "NUMBER_VALUE cannot be converted to String");
    wrong_kind(r#"{"BOOL":"true"}"#, "Unexpected token received from parser");
    wrong_kind(r#"{"NULL":1}"#, "NUMBER_VALUE cannot be converted to Boolean");
    wrong_kind(r#"{"L":{}}"#, "Start of structure or map found where not expected");
    wrong_kind(r#"{"L":"a"}"#, "Unexpected field type");
    wrong_kind(r#"{"L":["a"]}"#, "Unexpected value type in payload");
    wrong_kind(
        r#"{"L":[[]]}"#,
        "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.AttributeValue",
    );
    wrong_kind(r#"{"M":{"a":5}}"#, "Unexpected value type in payload");
    wrong_kind(
        r#"{"M":[]}"#,
        "Unrecognized collection type java.util.Map<java.lang.String, \
         com.amazonaws.dynamodb.v20120810.AttributeValue>",
    );
}

// Rule: wire.base64
#[test]
fn base64_is_strict() {
    let last = "Invalid last non-pad Base64 character dectected";
    wrong_kind(r#"{"B":5}"#, "only base-64-encoded strings are convertible to bytes");
    wrong_kind(r#"{"B":{}}"#, "Start of structure or map found where not expected");
    wrong_kind(r#"{"B":[]}"#, "Unrecognized collection type class java.nio.ByteBuffer");
    wrong_kind(
        r#"{"B":"23456"}"#,
        "Base64 encoded length is expected a multiple of 4 bytes but found: 5",
    );
    wrong_kind(r#"{"B":"=+/="}"#, last);
    wrong_kind(r#"{"B":"+/+="}"#, last);
    wrong_kind(r#"{"B":"AAA-"}"#, last);
    wrong_kind(
        r#"{"BS":["AA==","AA="]}"#,
        "Base64 encoded length is expected a multiple of 4 bytes but found: 3",
    );
}

#[test]
fn an_error_of_a_value_does_not_hide_a_wrong_kind_after_it_nor_the_first_error_before_it() {
    wrong_kind(
        r#"{"L":[{"N":"abc"},{"NS":[]},{"S":5}]}"#,
        "NUMBER_VALUE cannot be converted to String",
    );
    invalid(
        r#"{"L":[{"N":"abc"},{"NS":[]},{}]}"#,
        "The parameter cannot be converted to a numeric value: abc",
    );
    assert_eq!(read(r#"{"L":[{"N":"abc"},{"S":"#), Err(ApiError::unparsable()));
}

// Rule: value.depth
#[test]
fn the_32nd_level_is_the_last() {
    let lists = |count: usize, leaf: &str| {
        format!("{}{leaf}{}", r#"{"L":["#.repeat(count), "]}".repeat(count))
    };
    let maps = |count: usize, leaf: &str| {
        format!("{}{leaf}{}", r#"{"M":{"n":"#.repeat(count), "}}".repeat(count))
    };
    let text = "Nesting Levels have exceeded supported limits: Attributes in the item have nested \
                levels beyond supported limit";
    let leaf = r#"{"S":"leaf"}"#;
    assert!(read(&lists(31, leaf)).is_ok());
    assert!(read(&maps(31, leaf)).is_ok());
    assert!(read(&lists(31, r#"{"L":[]}"#)).is_ok());
    invalid(&lists(32, leaf), text);
    invalid(&maps(32, leaf), text);
    invalid(&maps(100_000, leaf), text);
    // Siblings do not add up.
    assert!(read(&format!(r#"{{"L":[{}]}}"#, [leaf; 100].join(","))).is_ok());
}

fn any_number() -> impl Strategy<Value = Number> {
    (any::<bool>(), 0_u128..10_u128.pow(38), -130_i32..=125).prop_filter_map(
        "not a number of the service",
        |(negative, coefficient, exponent)| {
            let sign = if negative { "-" } else { "" };
            format!("{sign}{coefficient}e{exponent}").parse().ok()
        },
    )
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,20}", "[a-z\"\\\\\u{0}-\u{1f}é]{0,40}"]
}

fn any_bytes() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from)
}

fn set<T: Eq + Hash + Clone + std::fmt::Debug>(
    members: impl Strategy<Value = T>,
) -> impl Strategy<Value = Vec<T>> {
    prop::collection::hash_set(members, 1..5).prop_map(|set| set.into_iter().collect())
}

fn any_map(value: impl Strategy<Value = AttributeValue>) -> impl Strategy<Value = AttributeMap> {
    let pairs = prop::collection::hash_map(any_text(), value, 0..5);
    pairs.prop_map(|pairs| {
        let named = pairs.into_iter().filter(|(name, _)| !name.is_empty());
        AttributeMap::from_pairs(named.collect()).unwrap()
    })
}

fn any_value() -> impl Strategy<Value = AttributeValue> {
    let leaf = prop_oneof![
        any_text().prop_map(AttributeValue::S),
        any_number().prop_map(AttributeValue::N),
        any_bytes().prop_map(AttributeValue::B),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null),
        set(any_text()).prop_map(AttributeValue::Ss),
        set(any_number()).prop_map(AttributeValue::Ns),
        set(any_bytes()).prop_map(AttributeValue::Bs),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(AttributeValue::L),
            any_map(inner).prop_map(AttributeValue::M),
        ]
    })
}

fn written(item: &Item) -> Vec<u8> {
    let mut writer = JsonWriter::new();
    writer.item(item);
    writer.into_bytes()
}

#[test]
fn the_first_of_named_values_that_is_wrong_is_named() {
    let read = |json: &str| parse::<NamedValues>(json.as_bytes());
    let named = read(r#"{":b":{"S":"x"},":a":{"SS":[]},":c":{"N":"x"}}"#).unwrap();
    assert_eq!(named.values.len(), 3);
    assert_eq!(named.values[0], (":b".to_owned(), AttributeValue::S("x".to_owned())));
    assert_eq!(named.refused, Some((":a".to_owned(), ValueError::EmptyStringSet)));
    assert_eq!(read(r#"{":a":{"BOOL":true}}"#).unwrap().refused, None);
    assert!(read(r#"{":a":{"BOOL":true},":a":{"BOOL":true}}"#).is_err());
    assert!(read(r#"{":a":7}"#).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_written_is_read_back(item in any_map(any_value())) {
        let json = written(&item);
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&json).is_ok());
        prop_assert_eq!(parse::<Attributes>(&json), Ok(Attributes(Ok(item))));
    }

    #[test]
    fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse::<Attributes>(&bytes);
    }

    #[test]
    fn no_damage_to_a_body_is_a_panic(
        item in any_map(any_value()),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut json = written(&item);
        let part = &json[..cut.index(json.len())];
        let found = parse::<Attributes>(part);
        prop_assert_eq!(found, Err(ApiError::unparsable()), "a part of an object is not JSON");
        for (at, byte) in damage {
            let at = at.index(json.len());
            json[at] = byte;
        }
        let _ = parse::<Attributes>(&json);
    }
}
