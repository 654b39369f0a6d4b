//! Reading attributes: one pass that checks every byte, adds up the size by the service's rule
//! ("DynamoDB item sizes and formats", developer guide) and shows each piece to a visitor.

use super::encode::{COEFFICIENT_BYTES, HAS_EXPONENT, NEGATIVE};
use super::reader::{Malformed, Problem, Reader};
use super::{DEPTH, tag};
use crate::{Number, ValueVisitor};

/// The bytes that a list or map counts for itself.
const CONTAINER: usize = 3;
/// The bytes that a list or map counts for each member.
const MEMBER: usize = 1;

/// Walks over the attributes of an item and returns its size.
pub(super) fn attributes<V: ValueVisitor + ?Sized>(
    reader: &mut Reader<'_>,
    visitor: &mut V,
) -> Result<usize, Malformed> {
    members(reader, visitor, 0, 0)
}

/// Names and values of an item or map; each counts `extra` bytes besides its own.
fn members<V: ValueVisitor + ?Sized>(
    reader: &mut Reader<'_>,
    visitor: &mut V,
    depth: usize,
    extra: usize,
) -> Result<usize, Malformed> {
    let mut size = 0;
    let mut previous: Option<&str> = None;
    for _ in 0..reader.length()? {
        let at = reader.offset();
        let name = reader.text()?;
        if previous.is_some_and(|previous| previous >= name) {
            return Err(reader.malformed_at(at, Problem::NameOrder));
        }
        previous = Some(name);
        visitor.name(name);
        size += extra + name.len() + value(reader, visitor, depth)?;
    }
    Ok(size)
}

/// Walks over a value that lies below `depth` others and returns its size.
pub(super) fn value<V: ValueVisitor + ?Sized>(
    reader: &mut Reader<'_>,
    visitor: &mut V,
    depth: usize,
) -> Result<usize, Malformed> {
    let at = reader.offset();
    match reader.byte()? {
        tag::S => reader.text().map(|text| {
            visitor.string(text);
            text.len()
        }),
        tag::N => number(reader).map(|number| {
            visitor.number(&number);
            number.size()
        }),
        tag::B => reader.blob().map(|bytes| {
            visitor.binary(bytes);
            bytes.len()
        }),
        flag @ (tag::FALSE | tag::TRUE) => {
            visitor.boolean(flag == tag::TRUE);
            Ok(1)
        }
        tag::NULL => {
            visitor.null();
            Ok(1)
        }
        set @ (tag::SS | tag::NS | tag::BS) => elements(reader, visitor, set),
        container @ (tag::L | tag::M) if depth < DEPTH => {
            nested(reader, visitor, container, depth + 1)
        }
        tag::L | tag::M => Err(reader.malformed_at(at, Problem::Depth)),
        unknown => Err(reader.malformed_at(at, Problem::Tag(unknown))),
    }
}

fn nested<V: ValueVisitor + ?Sized>(
    reader: &mut Reader<'_>,
    visitor: &mut V,
    container: u8,
    depth: usize,
) -> Result<usize, Malformed> {
    let mut size = CONTAINER;
    if container == tag::M {
        visitor.begin_map();
        size += members(reader, visitor, depth, MEMBER)?;
    } else {
        let count = reader.length()?;
        visitor.begin_list();
        for _ in 0..count {
            size += MEMBER + value(reader, visitor, depth)?;
        }
    }
    visitor.end();
    Ok(size)
}

fn elements<V: ValueVisitor + ?Sized>(
    reader: &mut Reader<'_>,
    visitor: &mut V,
    set: u8,
) -> Result<usize, Malformed> {
    let at = reader.offset();
    let count = reader.length()?;
    if count == 0 {
        return Err(reader.malformed_at(at, Problem::EmptySet));
    }
    match set {
        tag::SS => visitor.begin_string_set(),
        tag::NS => visitor.begin_number_set(),
        _ => visitor.begin_binary_set(),
    }
    let mut size = 0;
    for _ in 0..count {
        size += element(reader, visitor, set)?;
    }
    visitor.end();
    Ok(size)
}

fn element<V: ValueVisitor + ?Sized>(
    reader: &mut Reader<'_>,
    visitor: &mut V,
    set: u8,
) -> Result<usize, Malformed> {
    Ok(match set {
        tag::SS => {
            let text = reader.text()?;
            visitor.element_string(text);
            text.len()
        }
        tag::NS => {
            let number = number(reader)?;
            visitor.element_number(&number);
            number.size()
        }
        _ => {
            let bytes = reader.blob()?;
            visitor.element_binary(bytes);
            bytes.len()
        }
    })
}

fn number(reader: &mut Reader<'_>) -> Result<Number, Malformed> {
    let at = reader.offset();
    let malformed = reader.malformed_at(at, Problem::Number);
    let head = reader.byte()?;
    let length = usize::from(head & COEFFICIENT_BYTES);
    let spare = head & !(NEGATIVE | HAS_EXPONENT | COEFFICIENT_BYTES);
    let exponent = match head & HAS_EXPONENT {
        0 => 0,
        _ => Some(i16::from_be_bytes(reader.array()?)).filter(|&e| e != 0).ok_or(malformed)?,
    };
    let bytes = reader.bytes(length)?;
    if spare != 0 || length > size_of::<u128>() || bytes.first() == Some(&0) {
        return Err(malformed);
    }
    let coefficient = bytes.iter().fold(0u128, |sum, &byte| (sum << 8) | u128::from(byte));
    Number::from_parts(head & NEGATIVE != 0, coefficient, exponent).ok_or(malformed)
}

/// Looks at nothing: for a pass that only checks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl ValueVisitor for Nobody {
    fn name(&mut self, _name: &str) {}
    fn string(&mut self, _text: &str) {}
    fn number(&mut self, _number: &Number) {}
    fn binary(&mut self, _bytes: &[u8]) {}
    fn boolean(&mut self, _flag: bool) {}
    fn null(&mut self) {}
    fn begin_string_set(&mut self) {}
    fn begin_number_set(&mut self) {}
    fn begin_binary_set(&mut self) {}
    fn element_string(&mut self, _text: &str) {}
    fn element_number(&mut self, _number: &Number) {}
    fn element_binary(&mut self, _bytes: &[u8]) {}
    fn begin_list(&mut self) {}
    fn begin_map(&mut self) {}
    fn end(&mut self) {}
}
