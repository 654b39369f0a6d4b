//! Writing attributes.

use super::reader::{put_blob, put_length};
use super::{DEPTH, tag};
use crate::{AttributeMap, AttributeValue, Number};

/// The bit of a number's first byte that says: negative.
pub(super) const NEGATIVE: u8 = 0x80;
/// The bit of a number's first byte that says: an exponent follows.
pub(super) const HAS_EXPONENT: u8 = 0x40;
/// The bits of a number's first byte that count the bytes of the coefficient.
pub(super) const COEFFICIENT_BYTES: u8 = 0x1f;

/// Appends the attributes of an item or map that lies below `depth` others.
pub(super) fn attributes(map: &AttributeMap, depth: usize, out: &mut Vec<u8>) {
    put_length(map.len(), out);
    for (name, attribute) in map.iter() {
        put_blob(name.as_bytes(), out);
        value(attribute, depth, out);
    }
}

/// Appends a value that lies below `depth` others.
pub(super) fn value(value: &AttributeValue, depth: usize, out: &mut Vec<u8>) {
    match value {
        AttributeValue::S(text) => tagged(tag::S, text.as_bytes(), out),
        AttributeValue::N(decimal) => {
            out.push(tag::N);
            number(decimal, out);
        }
        AttributeValue::B(bytes) => tagged(tag::B, bytes, out),
        AttributeValue::Bool(false) => out.push(tag::FALSE),
        AttributeValue::Bool(true) => out.push(tag::TRUE),
        AttributeValue::Null => out.push(tag::NULL),
        AttributeValue::Ss(set) => {
            begin(tag::SS, set.len(), out);
            set.iter().for_each(|text| put_blob(text.as_bytes(), out));
        }
        AttributeValue::Ns(set) => {
            begin(tag::NS, set.len(), out);
            set.iter().for_each(|decimal| number(decimal, out));
        }
        AttributeValue::Bs(set) => {
            begin(tag::BS, set.len(), out);
            set.iter().for_each(|bytes| put_blob(bytes, out));
        }
        AttributeValue::L(list) => {
            let depth = deeper(depth);
            begin(tag::L, list.len(), out);
            list.iter().for_each(|member| self::value(member, depth, out));
        }
        AttributeValue::M(map) => {
            out.push(tag::M);
            attributes(map, deeper(depth), out);
        }
    }
}

fn tagged(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    put_blob(bytes, out);
}

fn begin(tag: u8, count: usize, out: &mut Vec<u8>) {
    out.push(tag);
    put_length(count, out);
}

fn deeper(depth: usize) -> usize {
    // IMPORTANT: what is written deeper than DEPTH could not be read again.
    assert!(depth < DEPTH, "an item nested twice as deep as allowed is to be written");
    depth + 1
}

fn number(number: &Number, out: &mut Vec<u8>) {
    let (negative, coefficient, exponent) = number.parts();
    let bytes = coefficient.to_be_bytes();
    let significant = bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len());
    let coefficient = bytes.get(significant..).unwrap_or_default();
    let mut head = u8::try_from(coefficient.len()).expect("16 bytes at most");
    if negative {
        head |= NEGATIVE;
    }
    if exponent != 0 {
        head |= HAS_EXPONENT;
    }
    out.push(head);
    if exponent != 0 {
        out.extend_from_slice(&exponent.to_be_bytes());
    }
    out.extend_from_slice(coefficient);
}
