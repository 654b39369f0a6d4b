use std::sync::Arc;

use super::*;
use crate::SharedItem;

fn number(text: &str) -> AttributeValue {
    AttributeValue::N(text.parse().unwrap())
}

fn item() -> Item {
    let list = AttributeValue::L(vec![number("-1.25"), AttributeValue::Null]);
    let mut item = Item::new();
    item.insert("k".to_owned(), AttributeValue::S("v".to_owned()));
    item.insert("l".to_owned(), list);
    item
}

const BYTES: &[u8] = &[2, 1, b'k', 1, 1, b'v', 1, b'l', 10, 2, 2, 0xc1, 0xff, 0xfe, 125, 6];

#[test]
fn the_bytes_of_attributes_and_values_never_change() {
    let mut bytes = Vec::new();
    put_attributes(&item(), &mut bytes);
    assert_eq!(bytes, BYTES);
    assert_eq!(parse_attributes(Bytes::from_static(BYTES)), Ok(item()));

    let mut bytes = Vec::new();
    put_value(&number("42"), &mut bytes);
    assert_eq!(bytes, [2, 0x01, 42]);
    assert_eq!(parse_value(&bytes), Ok(number("42")));
}

#[test]
fn an_item_gives_the_same_bytes_however_it_is_held() {
    let decoded: SharedItem = Arc::new(item());
    let binary: SharedItem = Arc::new(BinaryItem::parse(Bytes::from_static(BYTES)).unwrap());
    assert_eq!(decoded.size(), binary.size());
    for held in [decoded, binary] {
        let mut bytes = Vec::new();
        held.put_binary(&mut bytes);
        assert_eq!(bytes, BYTES);
        assert_eq!(to_item(held.as_ref()), item());
    }
}

#[test]
fn what_is_cut_short_or_goes_on_is_refused() {
    for end in 0..BYTES.len() {
        let error = BinaryItem::parse(Bytes::from_static(&BYTES[..end])).unwrap_err();
        assert_eq!(error.problem, Problem::CutShort);
    }
    let more = [BYTES, &[0]].concat();
    let error = parse_attributes(more.into()).unwrap_err();
    assert_eq!((error.offset, error.problem), (BYTES.len(), Problem::Trailing));
    assert_eq!(parse_value(&[6, 6]).unwrap_err().problem, Problem::Trailing);
}

#[test]
fn a_value_is_read_no_deeper_than_the_stack_is_for() {
    let deep = |levels: usize| [[10, 1].repeat(levels), vec![6]].concat();
    assert!(parse_value(&deep(DEPTH)).is_ok());
    let error = parse_value(&deep(DEPTH + 1)).unwrap_err();
    assert_eq!((error.offset, error.problem), (2 * DEPTH, Problem::Depth));
    assert!(parse_value(&[10, 1].repeat(1 << 20)).is_err());
}
