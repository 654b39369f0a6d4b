//! Numbers, values in JSON, and items as they are stored.

use stator_model::{Item, ItemView, Number};
use stator_protocol::JsonWriter;
use stator_store::{ItemHeader, StoredItem, item};

/// Two numbers, with a line break between them.
pub(crate) fn numbers(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (left, right) = text.split_once('\n').unwrap_or((text, "1"));
    let (Ok(left), Ok(right)) = (left.parse::<Number>(), right.parse::<Number>()) else { return };
    for number in [left, right] {
        assert_eq!(number.to_string().parse(), Ok(number), "a number is read as it is shown");
        let (negative, coefficient, exponent) = number.parts();
        assert_eq!(Number::from_parts(negative, coefficient, exponent), Some(number));
        assert!((1..=22).contains(&number.size()), "{} bytes", number.size());
    }
    assert_eq!(ordered(&left).cmp(&ordered(&right)), left.cmp(&right), "forms are in order");
    assert_eq!(left.checked_add(&right), right.checked_add(&left));
    if let Ok(difference) = left.checked_sub(&right) {
        assert_eq!(difference.cmp(&Number::ZERO), left.cmp(&right));
    }
}

fn ordered(number: &Number) -> Vec<u8> {
    let mut form = Vec::new();
    number.encode_ordered(&mut form);
    form
}

/// Attributes in JSON, to the stored form and back.
pub(crate) fn json(input: &[u8]) {
    let Ok(attributes) = stator_protocol::parse::<Item>(input) else { return };
    let shown = shown(&attributes);
    let again = stator_protocol::parse::<Item>(&shown).expect("a reply is JSON that can be read");
    assert_eq!(again, attributes, "attributes are read as they are shown");
    let stored = item::encode(&attributes, ItemHeader::default());
    let stored = StoredItem::parse(stored.into()).expect("what was encoded is well-formed");
    assert_eq!(stored.size(), attributes.size());
    assert_eq!(stored.to_item(), attributes, "attributes are read as they are stored");
    let mut writer = JsonWriter::new();
    writer.item(&stored);
    assert_eq!(writer.into_bytes(), shown, "what is stored shows itself as what was read");
}

fn shown(attributes: &Item) -> Vec<u8> {
    let mut writer = JsonWriter::new();
    writer.item(attributes);
    writer.into_bytes()
}

/// An item in its stored form.
pub(crate) fn stored(input: &[u8]) {
    let Ok(stored) = StoredItem::parse(input.into()) else { return };
    let attributes = stored.to_item();
    // Elements that stand twice in a set are not looked for when an item is read: then it may be shorter.
    let encoded = item::encode(&attributes, stored.header());
    assert!(encoded.len() <= input.len());
    let again = StoredItem::parse(encoded.into()).expect("what was encoded is well-formed");
    assert_eq!(again.to_item(), attributes);
    assert_eq!(again.header(), stored.header());
}

pub(crate) fn number_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "0",
        "-0",
        "1",
        "-1",
        "10",
        "0.1",
        "-0.001",
        "1e10",
        "1E-130",
        "9.9999999999999999999999999999999999999E125",
        "-9.9999999999999999999999999999999999999E+125",
        "12345678901234567890123456789012345678",
        "123456789012345678901234567890123456789",
        "+5",
        ".5",
        "5.",
        "1e",
        "1e400",
        "000000.000100",
        "NaN",
        "0x10",
    ];
    let pairs = texts.iter().zip(texts.iter().cycle().skip(3));
    pairs.map(|(left, right)| format!("{left}\n{right}").into_bytes()).collect()
}

/// These attributes in JSON, as the store encodes them.
pub(crate) fn stored_seeds(items: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let items = items.iter().filter_map(|json| stator_protocol::parse::<Item>(json).ok());
    items.map(|attributes| item::encode(&attributes, ItemHeader::default())).collect()
}
