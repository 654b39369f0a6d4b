//! The names and values that the expressions of a command share.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use bytes::Bytes;
use stator_model::{AttributeValue, binary, rules};

use super::Error;

/// The names and values of a command's expressions, each once.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Tables {
    /// Names of attributes and of elements of maps.
    #[prost(string, repeated, tag = "1")]
    names: Vec<String>,
    /// Values in their binary form.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    values: Vec<Bytes>,
}

/// Writes the expressions of one command. What they share is known by where it lies, so that nothing is
/// compared.
#[derive(Default)]
pub struct Writer<'e> {
    names: Numbered<'e, str>,
    values: Numbered<'e, AttributeValue>,
}

/// Things by their addresses. They are borrowed for as long, so that no two have the same.
struct Numbered<'e, T: ?Sized> {
    things: Vec<&'e T>,
    numbers: HashMap<*const u8, u32>,
}

impl<T: ?Sized> Default for Numbered<'_, T> {
    fn default() -> Self {
        Self { things: Vec::new(), numbers: HashMap::new() }
    }
}

impl<'e, T: ?Sized> Numbered<'e, T> {
    fn number(&mut self, thing: &'e Arc<T>) -> u32 {
        let next = u32::try_from(self.things.len()).expect("a request names fewer than 4 billion");
        match self.numbers.entry(Arc::as_ptr(thing).cast()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.things.push(thing);
                *new.insert(next)
            }
        }
    }
}

impl<'e> Writer<'e> {
    /// The number of a name.
    pub(super) fn name(&mut self, name: &'e Arc<str>) -> u32 {
        self.names.number(name)
    }

    /// The number of a value.
    pub(super) fn value(&mut self, value: &'e Arc<AttributeValue>) -> u32 {
        self.values.number(value)
    }

    /// What the expressions that were written share.
    pub fn finish(self) -> Tables {
        let bytes = |value: &AttributeValue| {
            let mut bytes = Vec::with_capacity(value.size() + 8);
            binary::put_value(value, &mut bytes);
            bytes.into()
        };
        Tables {
            names: self.names.things.into_iter().map(str::to_owned).collect(),
            values: self.values.things.into_iter().map(bytes).collect(),
        }
    }
}

/// Reads the expressions of one command.
#[derive(Clone, Debug)]
pub struct Reader {
    names: Vec<Arc<str>>,
    values: Vec<Arc<AttributeValue>>,
}

impl Reader {
    /// Looks at the names and values, as if a request had brought them.
    ///
    /// # Errors
    /// If there is one that no request can have.
    pub fn new(tables: Tables) -> Result<Self, Error> {
        let name = |(number, name): (usize, String)| {
            rules::check_name(&name).map_err(|source| Error::Name { number, source })?;
            Ok(name.into())
        };
        let value = |(number, bytes): (usize, Bytes)| {
            let value = binary::parse_value(&bytes);
            let value = value.map_err(|source| Error::Value { number, source })?;
            value.check().map_err(|source| Error::Rule { number, source })?;
            Ok(Arc::new(value))
        };
        Ok(Self {
            names: tables.names.into_iter().enumerate().map(name).collect::<Result<_, _>>()?,
            values: tables.values.into_iter().enumerate().map(value).collect::<Result<_, _>>()?,
        })
    }

    /// The name of this number.
    pub(super) fn name(&self, number: u32) -> Option<&Arc<str>> {
        self.names.get(usize::try_from(number).ok()?)
    }

    /// The value of this number.
    pub(super) fn value(&self, number: u32) -> Option<&Arc<AttributeValue>> {
        self.values.get(usize::try_from(number).ok()?)
    }
}
