//! Random tables, keys and items. Key values come from small pools, so that operations meet.

use std::cmp::Ordering;

use aws_sdk_dynamodb::types::AttributeValue;

use super::condition::order;
use super::number::canonical;
use super::range::{COMPARATORS, Range};
use super::table::LocalIndex;
use super::value::{Item, Value, to_sdk};
use crate::client::KeyAttribute;
use crate::random::Random;

/// The deepest container that is drawn; the service's limit is 32.
const DEPTH: u32 = 3;

/// Draws what a client might send.
#[derive(Debug)]
pub struct Draw<'a> {
    random: &'a mut Random,
}

impl<'a> Draw<'a> {
    /// Draws from this generator.
    pub const fn new(random: &'a mut Random) -> Self {
        Self { random }
    }

    /// A value for a key attribute of this type, one of a few dozen, some of which differ in one
    /// byte, contain one another, or sort unlike their text.
    ///
    /// # Panics
    /// If no key may have the type.
    pub fn key_value(&mut self, attribute: KeyAttribute) -> Value {
        match attribute.kind {
            'S' => Value::S(self.key_text()),
            'N' => Value::N(self.key_number()),
            'B' => Value::B(self.key_bytes()),
            other => panic!("no key has the type {other}"),
        }
    }

    fn key_text(&mut self) -> String {
        let base = *self.random.pick(&[
            "a",
            "aa",
            "ab",
            "b",
            "\u{0}",
            "\u{0}\u{0}",
            "ä",
            "\u{10ffff}",
            "user#",
        ]);
        match self.random.below(4) {
            0 => base.to_owned(),
            1 => format!("{base}\u{0}"),
            2 => base.repeat(40),
            _ => format!("{base}{}", self.random.below(10)),
        }
    }

    fn key_number(&mut self) -> String {
        let exponent = *self.random.pick(&[-130, -40, -3, 0, 0, 0, 2, 38, 125]);
        let sign = if self.random.one_in(3) { "-" } else { "" };
        canonical(&format!("{sign}{}e{exponent}", self.random.below(10)))
    }

    fn key_bytes(&mut self) -> Vec<u8> {
        let byte = *self.random.pick(&[0_u8, 1, 0x7f, 0x80, 0xfe, 0xff]);
        vec![byte; 1 + self.random.index(4)]
    }

    /// Attributes beside the key, of all ten types; now and then large ones, around the sizes where
    /// capacity is rounded up.
    pub fn attributes(&mut self) -> Item {
        let mut item = Item::new();
        for at in 0..self.random.below(6) {
            item.insert(format!("attribute-{at}"), self.value(0));
        }
        // What updates count, collect and append to.
        if self.random.one_in(2) {
            item.insert("count".to_owned(), self.small_number());
        }
        if self.random.one_in(3) {
            let list = Value::L((0..self.random.below(4)).map(|_| self.small_number()).collect());
            let map = Item::from([("m0".to_owned(), list), ("m1".to_owned(), self.value(1))]);
            item.insert("nested".to_owned(), Value::M(map));
        }
        if self.random.one_in(4) {
            let near = *self.random.pick(&[1024, 2048, 4096, 20_000]);
            let length = near - 200 + self.random.index(400);
            item.insert("pad".to_owned(), Value::S("p".repeat(length)));
        }
        item
    }

    /// Keys of some of these indexes, so that the item is in them.
    pub fn index_keys(&mut self, indexes: &[LocalIndex]) -> Item {
        let mut keys = Item::new();
        for index in indexes {
            if !self.random.one_in(3) {
                keys.insert(index.sort_key.name.to_owned(), self.key_value(index.sort_key));
            }
        }
        keys
    }

    /// What may be asked of a sort key of this type.
    pub fn range(&mut self, attribute: KeyAttribute) -> Range {
        let (first, second) = (self.key_value(attribute), self.key_value(attribute));
        match self.random.below(8) {
            0..5 => Range::Compare(self.random.pick(&COMPARATORS).0, first),
            5 if attribute.kind != 'N' => Range::BeginsWith(self.beginning(first)),
            _ if order(&first, &second).is_some_and(Ordering::is_gt) => {
                Range::Between(second, first)
            }
            _ => Range::Between(first, second),
        }
    }

    /// Some of the beginning of a key, mostly all of it.
    fn beginning(&mut self, key: Value) -> Value {
        match (&key, self.random.one_in(3)) {
            (Value::S(text), true) => Value::S(text.chars().take(1).collect()),
            (Value::B(bytes), true) => Value::B(bytes.iter().copied().take(1).collect()),
            (_, _) => key,
        }
    }

    /// A value of any type.
    pub fn any_value(&mut self) -> Value {
        self.value(1)
    }

    /// A number with few digits, of which sums can be stored.
    pub fn small_number(&mut self) -> Value {
        let sign = if self.random.one_in(3) { "-" } else { "" };
        let exponent = *self.random.pick(&[-3, 0, 0, 2]);
        Value::N(canonical(&format!("{sign}{}e{exponent}", self.random.below(1000))))
    }

    fn value(&mut self, depth: u32) -> Value {
        let kinds = if depth < DEPTH { 10 } else { 8 };
        match self.random.below(kinds) {
            0 => Value::S(self.text()),
            1 => Value::N(self.number()),
            2 => Value::B(self.bytes()),
            3 => Value::Bool(self.random.one_in(2)),
            4 => Value::Null,
            5 => Value::Ss(self.members(Self::text)),
            6 => Value::Ns(self.members(Self::number)),
            7 => Value::Bs(self.members(Self::bytes)),
            8 => Value::L(self.list(depth)),
            _ => Value::M(self.map(depth)),
        }
    }

    fn members<T: Ord>(
        &mut self,
        mut draw: impl FnMut(&mut Self) -> T,
    ) -> std::collections::BTreeSet<T> {
        (0..=self.random.below(4)).map(|_| draw(self)).collect()
    }

    fn list(&mut self, depth: u32) -> Vec<Value> {
        (0..self.random.below(4)).map(|_| self.value(depth + 1)).collect()
    }

    fn map(&mut self, depth: u32) -> Item {
        (0..self.random.below(4)).map(|at| (format!("m{at}"), self.value(depth + 1))).collect()
    }

    fn text(&mut self) -> String {
        let alphabet = ["a", "z", "\"", "\\", "\n", "\u{0}", "/", "é", "\u{2028}", "😀", "{", "]"];
        (0..self.random.below(12)).map(|_| *self.random.pick(&alphabet)).collect()
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.random.below(12)).map(|_| self.random.next().to_le_bytes()).map(|b| b[0]).collect()
    }

    /// Any number that the service can hold, in canonical form: up to 38 digits, exponents to both
    /// ends of the range.
    fn number(&mut self) -> String {
        let count = 1 + self.random.index(38);
        let digits: String = (0..count).map(|_| char::from(b'0' + self.digit())).collect();
        let digits = format!("1{}", digits.get(1..).unwrap_or_default());
        let length = i32::try_from(count).expect("at most 38");
        // The first digit stands for 10^(exponent + length - 1), the last for 10^exponent.
        let exponent = match self.random.below(8) {
            0 => -130,
            1 => 125 - (length - 1),
            2..4 => 0,
            _ => -i32::try_from(self.random.below(40)).expect("small"),
        };
        let sign = if self.random.one_in(3) { "-" } else { "" };
        canonical(&format!("{sign}{digits}e{exponent}"))
    }

    fn digit(&mut self) -> u8 {
        u8::try_from(self.random.below(10)).expect("one digit")
    }

    /// The item as a client sends it, its numbers spelt in ways that a client may choose.
    pub fn spelt(&mut self, item: &Item) -> std::collections::HashMap<String, AttributeValue> {
        let mut sent = to_sdk(item);
        for value in sent.values_mut() {
            if let AttributeValue::N(number) = value {
                *number = self.spelling(number);
            }
        }
        sent
    }

    fn spelling(&mut self, number: &str) -> String {
        let (sign, unsigned) = match number.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", number),
        };
        match self.random.below(5) {
            0 => format!("{sign}00{unsigned}"),
            1 if unsigned.contains('.') => format!("{sign}{unsigned}00"),
            1 => format!("{sign}{unsigned}.0"),
            2 => format!("{sign}{unsigned}e0"),
            3 if sign.is_empty() => format!("+{unsigned}E+0"),
            _ => number.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spelling_means_the_number_it_spells() {
        let mut random = Random::new(1);
        let mut draw = Draw::new(&mut random);
        for _ in 0..1000 {
            let number = draw.number();
            assert_eq!(canonical(&draw.spelling(&number)), number);
        }
    }
}
