//! The shapes that every API has: strings, booleans, whole numbers, lists.

use std::collections::HashSet;

use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::{Name, Read, Scope, Shape, duplicate};
use crate::Found;

impl Shape for String {
    fn mismatch(found: Found) -> String {
        found.instead_of_scalar("String")
    }

    fn from_text(text: &str, _scope: &Scope) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl Shape for bool {
    fn mismatch(found: Found) -> String {
        match found {
            Found::String => "Unexpected token received from parser".to_owned(),
            Found::Null
            | Found::True
            | Found::False
            | Found::Integer
            | Found::Decimal
            | Found::Array
            | Found::Object => found.instead_of_scalar("Boolean"),
        }
    }

    fn from_boolean(flag: bool) -> Result<Self, String> {
        Ok(flag)
    }
}

impl Shape for i64 {
    fn mismatch(found: Found) -> String {
        found.instead_of_scalar("Long")
    }

    fn from_number(whole: i64, _found: Found) -> Result<Self, String> {
        Ok(whole)
    }
}

impl Shape for i32 {
    fn mismatch(found: Found) -> String {
        found.instead_of_scalar("Integer")
    }

    fn from_number(whole: i64, _found: Found) -> Result<Self, String> {
        let limit = if whole < 0 { Self::MIN } else { Self::MAX };
        Ok(Self::try_from(whole).unwrap_or(limit))
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn mismatch(found: Found) -> String {
        found.instead_of_list()
    }

    fn from_array<'de, A: SeqAccess<'de>>(mut array: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut elements = Self::new();
        while let Some(element) = array.next_element_seed(Read::new(scope))? {
            elements.push(element);
        }
        Ok(elements)
    }
}

/// What a map may hold: [`Entries`] says its name in errors.
pub trait Entry: Shape {
    /// The name of the type in the service's words.
    const JAVA: &'static str;
}

/// The members of a map from names to values, in the order of the document; no name stands twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries<T>(pub Vec<(String, T)>);

impl<T: Entry> Shape for Entries<T> {
    fn mismatch(found: Found) -> String {
        found.instead_of_map(T::JAVA)
    }

    fn from_object<'de, A: MapAccess<'de>>(mut object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut entries: Vec<(String, T)> = Vec::new();
        let mut names = HashSet::new();
        while let Some(name) = object.next_key_seed(Name)? {
            if !names.insert(name.to_string()) {
                return Err(scope.mismatch(duplicate(&name)));
            }
            let value = object.next_value_seed(Read::new(scope))?;
            entries.push((name.into_owned(), value));
        }
        Ok(Self(entries))
    }
}

impl Entry for String {
    const JAVA: &'static str = "java.lang.String";
}

/// A list of which only matters whether it is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnyList {
    /// Whether it has no elements.
    pub is_empty: bool,
}

impl Shape for AnyList {
    fn mismatch(found: Found) -> String {
        found.instead_of_list()
    }

    fn from_array<'de, A: SeqAccess<'de>>(mut array: A, _scope: &Scope) -> Result<Self, A::Error> {
        let mut is_empty = true;
        while array.next_element::<IgnoredAny>()?.is_some() {
            is_empty = false;
        }
        Ok(Self { is_empty })
    }
}

/// A map of which only matters that it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnyMap;

impl Shape for AnyMap {
    fn mismatch(found: Found) -> String {
        found.instead_of_map("java.lang.String")
    }

    fn from_object<'de, A: MapAccess<'de>>(mut object: A, _: &Scope) -> Result<Self, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self)
    }
}
