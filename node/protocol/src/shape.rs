//! Reads a body into typed members, with the service's texts for a JSON value of the wrong kind.
//!
//! A [`Shape`] says what it is made of and what it answers to any other kind of JSON value; the one
//! visitor in here does the rest. Two classes of error are kept apart, because the service checks the
//! kinds of all JSON values of a body (SerializationException) before it looks at any of them
//! (ValidationException):
//! - a wrong kind ends the parse at once, and is answered, unless the rest of the body is not even
//!   JSON: then that is;
//! - an error of a value is noted in the [`Scope`], and the parse goes on with a placeholder.
//!
//! A member that is JSON null is absent, a member that no model has is ignored, and a member that
//! stands twice is refused: with two of them, two readers could disagree about what was asked.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::{ApiError, Found, ValueError};

mod basic;
#[cfg(test)]
mod tests;

pub use basic::{AnyList, AnyMap, Entries, Entry};

/// Something that a body may hold: what it is made of, and its text for anything else.
///
/// Each `from_*` refuses by default. The `Err` of those from scalars is the text of a
/// SerializationException.
pub trait Shape: Sized {
    /// The text for a JSON value of a kind that this is not made of.
    fn mismatch(found: Found) -> String;

    /// From `null`, where it does not mean absence: as an element of a list or map.
    ///
    /// # Errors
    /// If nothing can be made of it; so for the others.
    fn from_null(_scope: &Scope) -> Result<Self, String> {
        Err(Self::mismatch(Found::Null))
    }

    /// From `true` or `false`.
    fn from_boolean(flag: bool) -> Result<Self, String> {
        Err(Self::mismatch(if flag { Found::True } else { Found::False }))
    }

    /// From a number, cut down to a whole one.
    fn from_number(_whole: i64, found: Found) -> Result<Self, String> {
        Err(Self::mismatch(found))
    }

    /// From a string.
    fn from_text(_text: &str, _scope: &Scope) -> Result<Self, String> {
        Err(Self::mismatch(Found::String))
    }

    /// From an array.
    fn from_array<'de, A: SeqAccess<'de>>(_array: A, scope: &Scope) -> Result<Self, A::Error> {
        Err(scope.mismatch(Self::mismatch(Found::Array)))
    }

    /// From an object.
    fn from_object<'de, A: MapAccess<'de>>(_object: A, scope: &Scope) -> Result<Self, A::Error> {
        Err(scope.mismatch(Self::mismatch(Found::Object)))
    }
}

/// What a parse carries along: the first error of each class, and how deep in a value it is.
#[derive(Debug, Default)]
pub struct Scope {
    mismatch: RefCell<Option<String>>,
    value: RefCell<Option<ValueError>>,
    level: Cell<usize>,
    /// The texts of numbers, while somebody wants them.
    numbers: RefCell<Option<Vec<String>>>,
}

impl Scope {
    /// Notes a value of the wrong kind; the parse must end with what this returns.
    pub fn mismatch<E: serde::de::Error>(&self, text: String) -> E {
        self.mismatch.borrow_mut().get_or_insert(text);
        E::custom("wrong kind of JSON value")
    }

    /// Notes an error of a value, unless there is one; the parse goes on.
    pub fn refuse(&self, error: ValueError) {
        self.value.borrow_mut().get_or_insert(error);
    }

    /// Takes the error of a value, if one was noted.
    pub fn take_refusal(&self) -> Option<ValueError> {
        self.value.borrow_mut().take()
    }

    /// From here on the texts of numbers are kept.
    pub(crate) fn keep_numbers(&self) {
        *self.numbers.borrow_mut() = Some(Vec::new());
    }

    /// Notes how a number is written, if that is wanted.
    pub(crate) fn note_number(&self, text: &str) {
        if let Some(numbers) = self.numbers.borrow_mut().as_mut() {
            numbers.push(text.to_owned());
        }
    }

    /// Takes the texts of numbers, of which no more are kept.
    pub(crate) fn take_numbers(&self) -> Vec<String> {
        self.numbers.borrow_mut().take().unwrap_or_default()
    }

    /// Enters a value and returns its level: 1 for an attribute, one more in each list or map.
    pub(crate) fn enter(&self) -> usize {
        self.level.update(|level| level + 1);
        self.level.get()
    }

    /// Leaves the value.
    pub(crate) fn leave(&self) {
        self.level.update(|level| level - 1);
    }
}

/// Reads a whole body.
///
/// # Errors
/// SerializationException: without a message if the body is not JSON, else for the first JSON value
/// of a wrong kind. ValidationException for an error of a value that no shape took for itself.
pub fn parse<T: Shape>(body: &[u8]) -> Result<T, ApiError> {
    let text = std::str::from_utf8(body).map_err(|_| ApiError::unparsable())?;
    let scope = Scope::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let parsed = Read::<T>::new(&scope).deserialize(&mut json);
    let parsed = parsed.and_then(|value| json.end().map(|()| value));
    match (parsed, scope.mismatch.take()) {
        (Ok(value), None) => match scope.take_refusal() {
            None => Ok(value),
            Some(error) => Err(error.into()),
        },
        (_, Some(text)) if is_json(body) => Err(ApiError::serialization(text)),
        (_, _) => Err(ApiError::unparsable()),
    }
}

/// Whether a body is one JSON document. The service finds out before it looks at the target and the
/// credentials; a server that likes to read a good body once asks only when those are in error.
pub fn is_json(body: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(body) else {
        return false;
    };
    let mut json = serde_json::Deserializer::from_str(text);
    // Skipping does not recurse, so that no depth is too deep.
    json.deserialize_ignored_any(IgnoredAny).and_then(|_| json.end()).is_ok()
}

/// Reads the members of an object: `each` is given the name and decides what becomes of the value.
///
/// # Errors
/// Those of the members.
pub fn read_members<'de, A: MapAccess<'de>>(
    mut object: A,
    scope: &Scope,
    mut each: impl FnMut(&str, Member<'_, A>) -> Result<(), A::Error>,
) -> Result<(), A::Error> {
    while let Some(name) = object.next_key_seed(Name)? {
        each(&name, Member { object: &mut object, scope, name: &name })?;
    }
    Ok(())
}

/// A member of an object whose name was read and whose value was not.
pub struct Member<'a, A> {
    object: &'a mut A,
    scope: &'a Scope,
    name: &'a str,
}

impl<'de, A: MapAccess<'de>> Member<'_, A> {
    /// The value; `None` for null.
    ///
    /// # Errors
    /// Those of the value.
    pub fn value<T: Shape>(self) -> Result<Option<T>, A::Error> {
        self.object.next_value_seed(Nullable(Read::new(self.scope)))
    }

    /// Sets `slot` to the value, unless it is null.
    ///
    /// # Errors
    /// Those of the value; if the slot is set already.
    pub fn set<T: Shape>(self, slot: &mut Option<T>) -> Result<(), A::Error> {
        let (scope, name) = (self.scope, self.name);
        match self.value()? {
            Some(_) if slot.is_some() => Err(scope.mismatch(duplicate(name))),
            Some(value) => {
                *slot = Some(value);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Notes the name in `present` if it is one of `names` and its value is not null; skips the value.
    ///
    /// # Errors
    /// If it is not JSON.
    pub fn note(
        self,
        names: &[&'static str],
        present: &mut Vec<&'static str>,
    ) -> Result<(), A::Error> {
        let known = names.iter().find(|name| **name == self.name);
        match (known, self.object.next_value::<Option<IgnoredAny>>()?) {
            (Some(name), Some(_)) if !present.contains(name) => present.push(name),
            (_, _) => {}
        }
        Ok(())
    }

    /// Skips the value.
    ///
    /// # Errors
    /// If it is not JSON.
    pub fn ignore(self) -> Result<(), A::Error> {
        self.object.next_value::<IgnoredAny>().map(|_| ())
    }
}

/// The text for a member that stands twice. Ours: the service takes one of the two.
pub(crate) fn duplicate(name: &str) -> String {
    format!("Duplicate field '{name}'")
}

/// Reads a [`Shape`].
pub(crate) struct Read<'a, T> {
    scope: &'a Scope,
    shape: PhantomData<T>,
}

impl<'a, T> Read<'a, T> {
    pub(crate) fn new(scope: &'a Scope) -> Self {
        Self { scope, shape: PhantomData }
    }

    fn settle<E: serde::de::Error>(&self, made: Result<T, String>) -> Result<T, E> {
        made.map_err(|text| self.scope.mismatch(text))
    }
}

impl<'de, T: Shape> DeserializeSeed<'de> for Read<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Shape> Visitor<'de> for Read<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<T, E> {
        self.settle(T::from_null(self.scope))
    }

    fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<T, E> {
        self.settle(T::from_boolean(flag))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<T, E> {
        self.settle(T::from_number(number, Found::Integer))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<T, E> {
        let whole = i64::try_from(number).unwrap_or(i64::MAX);
        self.settle(T::from_number(whole, Found::Integer))
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the service cuts fractions off; saturates"
    )]
    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<T, E> {
        self.settle(T::from_number(number as i64, Found::Decimal))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        self.settle(T::from_text(text, self.scope))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<T, A::Error> {
        T::from_array(array, self.scope)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        T::from_object(object, self.scope)
    }
}

/// Reads a [`Shape`], or null.
struct Nullable<'a, T>(Read<'a, T>);

impl<'de, T: Shape> DeserializeSeed<'de> for Nullable<'_, T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, T: Shape> Visitor<'de> for Nullable<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        self.0.deserialize(deserializer).map(Some)
    }
}

/// Reads the name of a member, without a copy where it has no escapes.
pub(crate) struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
