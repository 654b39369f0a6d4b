//! Ranges of sort keys: what a key condition asks for, as a range of bytes.
//!
//! The ordered form of values keeps their order and none is a prefix of another, so each comparison is
//! one range of forms: from a form itself, or from the first bytes behind everything that begins with it.

use bytes::Bytes;

use super::{KeyRange, KeyValue, prefix_end};

/// The sort keys that a key condition asks for, all of one type ("Key condition expressions for the Query
/// operation", developer guide).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortRange {
    /// This key.
    Equal(KeyValue),
    /// Those before it.
    Less(KeyValue),
    /// It and those before it.
    AtMost(KeyValue),
    /// Those behind it.
    Greater(KeyValue),
    /// It and those behind it.
    AtLeast(KeyValue),
    /// From the first to the second, both of them included.
    Between(KeyValue, KeyValue),
    /// Those that begin with this string or binary. A number begins with nothing but itself.
    BeginsWith(KeyValue),
}

impl SortRange {
    /// The keys that begin with `prefix` and go on with a value of this range.
    pub fn behind(&self, prefix: &[u8]) -> KeyRange {
        let form = |value: &KeyValue| {
            let mut bytes = prefix.to_vec();
            value.encode_ordered(&mut bytes);
            Bytes::from(bytes)
        };
        let all = KeyRange::of_prefix(prefix);
        match self {
            Self::Equal(value) => KeyRange::of_prefix(&form(value)),
            Self::Less(value) => KeyRange { end: Some(form(value)), ..all },
            Self::AtMost(value) => KeyRange { end: prefix_end(&form(value)), ..all },
            Self::Greater(value) => match prefix_end(&form(value)) {
                Some(start) => KeyRange { start, ..all },
                None => KeyRange { start: form(value), end: Some(form(value)) },
            },
            Self::AtLeast(value) => KeyRange { start: form(value), ..all },
            Self::Between(first, last) => {
                KeyRange { start: form(first), end: prefix_end(&form(last)) }
            }
            Self::BeginsWith(value) => {
                let mut bytes = prefix.to_vec();
                value.encode_beginning(&mut bytes);
                KeyRange::of_prefix(&bytes)
            }
        }
    }

    /// The values that it names.
    pub fn values(&self) -> impl Iterator<Item = &KeyValue> {
        let (first, second) = match self {
            Self::Equal(value)
            | Self::Less(value)
            | Self::AtMost(value)
            | Self::Greater(value)
            | Self::AtLeast(value)
            | Self::BeginsWith(value) => (value, None),
            Self::Between(first, last) => (first, Some(last)),
        };
        std::iter::once(first).chain(second)
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::super::tests::{any_value, compare};
    use super::SortRange;
    use crate::key::{KeyRange, Location};
    use crate::{KeyType, KeyValue};

    type Make = fn(KeyValue, KeyValue) -> SortRange;

    const MAKERS: [Make; 7] = [
        |value, _| SortRange::Equal(value),
        |value, _| SortRange::Less(value),
        |value, _| SortRange::AtMost(value),
        |value, _| SortRange::Greater(value),
        |value, _| SortRange::AtLeast(value),
        SortRange::Between,
        |value, _| SortRange::BeginsWith(value),
    ];

    /// What the comparison says of a value.
    fn holds(range: &SortRange, value: &KeyValue) -> bool {
        let is = |order: Ordering, than: &KeyValue| compare(value, than) == order;
        match range {
            SortRange::Equal(this) => is(Ordering::Equal, this),
            SortRange::Less(than) => is(Ordering::Less, than),
            SortRange::AtMost(most) => !is(Ordering::Greater, most),
            SortRange::Greater(than) => is(Ordering::Greater, than),
            SortRange::AtLeast(least) => !is(Ordering::Less, least),
            SortRange::Between(least, most) => {
                !is(Ordering::Less, least) && !is(Ordering::Greater, most)
            }
            SortRange::BeginsWith(beginning) => match (value, beginning) {
                (KeyValue::S(value), KeyValue::S(beginning)) => value.starts_with(beginning),
                (KeyValue::B(value), KeyValue::B(beginning)) => value.starts_with(beginning),
                _ => is(Ordering::Equal, beginning),
            },
        }
    }

    fn place(prefix: &[u8], value: &KeyValue, tail: &[u8]) -> Location {
        let mut bytes = prefix.to_vec();
        value.encode_ordered(&mut bytes);
        bytes.extend_from_slice(tail);
        Location::from_bytes(bytes.into())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_range_of_bytes_holds_what_the_comparison_says(
            [value, first, second] in prop::sample::select(vec![KeyType::S, KeyType::N, KeyType::B])
                .prop_flat_map(|key_type| [any_value(key_type), any_value(key_type), any_value(key_type)]),
            prefix in prop::collection::vec(prop::sample::select(vec![0, 7, 0xff]), 0..3),
            tail in prop::collection::vec(any::<u8>(), 0..3),
        ) {
            let here = place(&prefix, &value, &tail);
            for make in MAKERS {
                let range = make(first.clone(), second.clone());
                let bytes = range.behind(&prefix);
                prop_assert_eq!(bytes.contains(&here), holds(&range, &value), "{:?}", range);
                let all = KeyRange::of_prefix(&prefix);
                prop_assert_eq!(bytes.intersect(&all), bytes, "nothing of another prefix");
            }
        }
    }

    #[test]
    fn a_range_names_its_values() {
        let value = |text: &str| KeyValue::S(text.to_owned());
        let between = SortRange::Between(value("a"), value("b"));
        assert_eq!(between.values().cloned().collect::<Vec<_>>(), [value("a"), value("b")]);
        assert_eq!(SortRange::Less(value("c")).values().count(), 1);
    }
}
