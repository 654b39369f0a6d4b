//! Writes JSON straight into a buffer.
//!
//! [`JsonWriter`] is two things: a plain JSON writer for the members of a reply, and a
//! [`ValueVisitor`], so that an item is written from whatever form it lies in, without a tree between.
//! Commas are put by remembering one bit: whether a complete value was written last.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stator_model::{ItemView, Number, UnixMillis, ValueVisitor};

/// A JSON document under construction. Memory: the document.
#[derive(Debug, Default)]
pub struct JsonWriter {
    out: Vec<u8>,
    /// Whether a comma must come before the next value or name.
    comma: bool,
    /// The containers of a value that were begun through [`ValueVisitor`], innermost last.
    open: Vec<Container>,
}

#[derive(Clone, Copy, Debug)]
enum Container {
    Array,
    Object,
}

impl JsonWriter {
    /// Begins an empty document.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a document in a buffer, whose content is lost and whose capacity is kept.
    pub fn in_buffer(mut out: Vec<u8>) -> Self {
        out.clear();
        Self { out, comma: false, open: Vec::new() }
    }

    /// The document.
    pub fn into_bytes(self) -> Vec<u8> {
        debug_assert!(self.open.is_empty(), "a container of a value was not ended");
        self.out
    }

    /// Writes an object; `members` writes its members.
    pub fn object(&mut self, members: impl FnOnce(&mut Self)) {
        self.begin(b"{");
        members(self);
        self.finish(b"}");
    }

    /// Writes an array; `elements` writes its elements.
    pub fn array(&mut self, elements: impl FnOnce(&mut Self)) {
        self.begin(b"[");
        elements(self);
        self.finish(b"]");
    }

    /// Writes a member's name; its value must follow.
    pub fn member(&mut self, name: &str) -> &mut Self {
        self.separate();
        self.push_quoted(name);
        self.out.push(b':');
        self.comma = false;
        self
    }

    /// Writes a string.
    pub fn text(&mut self, text: &str) {
        self.separate();
        self.push_quoted(text);
        self.comma = true;
    }

    /// Writes `true` or `false`.
    pub fn flag(&mut self, flag: bool) {
        self.raw(if flag { "true" } else { "false" });
    }

    /// Writes a whole number.
    pub fn integer(&mut self, number: u64) {
        self.raw(&number.to_string());
    }

    /// Writes a double, always with a fraction (`1.0`, `0.5`), as capacities are.
    pub fn double(&mut self, number: f64) {
        debug_assert!(number.is_finite(), "JSON has no other doubles");
        self.raw(&format!("{number:?}"));
    }

    /// Writes a moment: seconds since the Unix epoch, with milliseconds as the fraction.
    pub fn timestamp(&mut self, moment: UnixMillis) {
        self.raw(&format!("{}.{:03}", moment.0 / 1000, moment.0 % 1000));
    }

    /// Writes an item: an object of its attributes.
    pub fn item(&mut self, item: &dyn ItemView) {
        self.begin(b"{");
        item.visit(self);
        self.finish(b"}");
    }

    fn raw(&mut self, literal: &str) {
        self.separate();
        self.out.extend_from_slice(literal.as_bytes());
        self.comma = true;
    }

    fn separate(&mut self) {
        if self.comma {
            self.out.push(b',');
        }
    }

    fn begin(&mut self, opening: &[u8]) {
        self.separate();
        self.out.extend_from_slice(opening);
        self.comma = false;
    }

    fn finish(&mut self, closing: &[u8]) {
        self.out.extend_from_slice(closing);
        self.comma = true;
    }

    fn push_quoted(&mut self, text: &str) {
        self.out.push(b'"');
        let bytes = text.as_bytes();
        if is_clean(bytes) {
            self.out.extend_from_slice(bytes);
        } else {
            push_escaped(&mut self.out, bytes);
        }
        self.out.push(b'"');
    }

    fn push_number(&mut self, number: &Number) {
        // Plain decimal is digits, a point and a sign: nothing to escape. A vector takes all bytes.
        let _ = write!(self.out, "\"{number}\"");
    }

    fn push_base64(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        let start = self.out.len();
        self.out.resize(start + bytes.len().div_ceil(3) * 4, b'=');
        if let Some(space) = self.out.get_mut(start..) {
            let written = STANDARD.encode_slice(bytes, space);
            debug_assert_eq!(written.ok(), Some(bytes.len().div_ceil(3) * 4));
        }
        self.out.push(b'"');
    }
}

/// Whether a byte must be escaped in a JSON string. Bytes of 0x80 and more are parts of characters.
const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn is_clean(bytes: &[u8]) -> bool {
    // Whole chunks without an early exit: the compiler turns each into a few vector instructions.
    bytes.chunks(32).all(|chunk| !chunk.iter().fold(false, |any, &byte| any | needs_escape(byte)))
}

fn push_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    for run in bytes.chunk_by(|left, right| needs_escape(*left) == needs_escape(*right)) {
        if run.first().is_some_and(|&byte| needs_escape(byte)) {
            run.iter().for_each(|&byte| push_escape(out, byte));
        } else {
            out.extend_from_slice(run);
        }
    }
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x0c => out.extend_from_slice(b"\\f"),
        _ => {
            let _ = write!(out, "\\u{byte:04x}");
        }
    }
}

impl ValueVisitor for JsonWriter {
    fn name(&mut self, name: &str) {
        self.member(name);
    }

    fn string(&mut self, text: &str) {
        self.begin(b"{\"S\":");
        self.push_quoted(text);
        self.finish(b"}");
    }

    fn number(&mut self, number: &Number) {
        self.begin(b"{\"N\":");
        self.push_number(number);
        self.finish(b"}");
    }

    fn binary(&mut self, bytes: &[u8]) {
        self.begin(b"{\"B\":");
        self.push_base64(bytes);
        self.finish(b"}");
    }

    fn boolean(&mut self, flag: bool) {
        self.raw(if flag { "{\"BOOL\":true}" } else { "{\"BOOL\":false}" });
    }

    fn null(&mut self) {
        self.raw("{\"NULL\":true}");
    }

    fn begin_string_set(&mut self) {
        self.begin(b"{\"SS\":[");
        self.open.push(Container::Array);
    }

    fn begin_number_set(&mut self) {
        self.begin(b"{\"NS\":[");
        self.open.push(Container::Array);
    }

    fn begin_binary_set(&mut self) {
        self.begin(b"{\"BS\":[");
        self.open.push(Container::Array);
    }

    fn element_string(&mut self, text: &str) {
        self.text(text);
    }

    fn element_number(&mut self, number: &Number) {
        self.separate();
        self.push_number(number);
        self.comma = true;
    }

    fn element_binary(&mut self, bytes: &[u8]) {
        self.separate();
        self.push_base64(bytes);
        self.comma = true;
    }

    fn begin_list(&mut self) {
        self.begin(b"{\"L\":[");
        self.open.push(Container::Array);
    }

    fn begin_map(&mut self) {
        self.begin(b"{\"M\":{");
        self.open.push(Container::Object);
    }

    fn end(&mut self) {
        match self.open.pop() {
            Some(Container::Array) => self.finish(b"]}"),
            Some(Container::Object) => self.finish(b"}}"),
            None => debug_assert!(false, "an end without a beginning"),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use stator_model::{AttributeValue, Item};

    use super::*;

    fn json(write: impl FnOnce(&mut JsonWriter)) -> String {
        let mut writer = JsonWriter::new();
        write(&mut writer);
        String::from_utf8(writer.into_bytes()).unwrap()
    }

    #[test]
    fn members_and_elements_are_separated_at_every_level() {
        let document = json(|writer| {
            writer.object(|reply| {
                reply.member("a").integer(1);
                reply.member("b").array(|array| {
                    array.object(|_| {});
                    array.text("x");
                    array.flag(true);
                });
                reply.member("c").object(|inner| inner.member("d").flag(false));
            });
        });
        assert_eq!(document, r#"{"a":1,"b":[{},"x",true],"c":{"d":false}}"#);
    }

    // Rule: wire.doubles, wire.moments
    #[test]
    fn doubles_always_have_a_fraction_and_moments_have_milliseconds() {
        assert_eq!(json(|writer| writer.double(1.0)), "1.0");
        assert_eq!(json(|writer| writer.double(0.5)), "0.5");
        assert_eq!(json(|writer| writer.double(40_000.0)), "40000.0");
        assert_eq!(
            json(|writer| writer.timestamp(UnixMillis(1_700_000_000_007))),
            "1700000000.007"
        );
    }

    #[test]
    fn every_type_of_value_has_its_form() {
        let item = Item::from_pairs(vec![
            ("b".to_owned(), AttributeValue::B(Bytes::from_static(&[0xff, 0, 1, 2]))),
            ("bs".to_owned(), AttributeValue::Bs(vec![Bytes::new(), Bytes::from_static(b"abc")])),
            ("f".to_owned(), AttributeValue::Bool(false)),
            (
                "l".to_owned(),
                AttributeValue::L(vec![
                    AttributeValue::L(vec![]),
                    AttributeValue::Null,
                    AttributeValue::M(Item::new()),
                ]),
            ),
            ("n".to_owned(), AttributeValue::N("-1.50e3".parse().unwrap())),
            ("ns".to_owned(), AttributeValue::Ns(vec![Number::ZERO, "1".parse().unwrap()])),
            ("s".to_owned(), AttributeValue::S("é\"".to_owned())),
            ("ss".to_owned(), AttributeValue::Ss(vec![String::new(), "a".to_owned()])),
            ("t".to_owned(), AttributeValue::Bool(true)),
        ])
        .unwrap();
        assert_eq!(
            json(|writer| writer.item(&item)),
            concat!(
                r#"{"b":{"B":"/wABAg=="},"bs":{"BS":["","YWJj"]},"f":{"BOOL":false},"#,
                r#""l":{"L":[{"L":[]},{"NULL":true},{"M":{}}]},"n":{"N":"-1500"},"#,
                r#""ns":{"NS":["0","1"]},"s":{"S":"é\""},"ss":{"SS":["","a"]},"t":{"BOOL":true}}"#
            )
        );
    }

    #[test]
    fn control_characters_quotes_and_backslashes_are_escaped_wherever_they_stand() {
        for length in [0, 1, 31, 32, 33, 100] {
            for tail in ["", "\"", "\\", "\u{0}", "\n", "\u{1f}", "\u{7f}", "é\u{8}\u{c}\r\t"] {
                let text = format!("{}{tail}{}", "x".repeat(length), "y".repeat(length));
                let document = json(|writer| writer.text(&text));
                assert_eq!(serde_json::from_str::<String>(&document).unwrap(), text);
            }
        }
    }
}
