//! Attribute values and items in their JSON form, read with every rule about them.
//!
//! What the service says of a bad value is a [`ValueError`], one per item: the first one, in the order
//! of the document. Nesting is counted before it is entered, so that recursion ends at the limit
//! whatever the body holds.

use std::collections::HashSet;
use std::hash::Hash;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{IgnoredAny, MapAccess};
use stator_model::item::DuplicateName;
use stator_model::number::NumberError;
use stator_model::{AttributeMap, AttributeValue, Number, limits};

use crate::shape::{Name, Read, duplicate};
use crate::{ApiError, Found, Member, Scope, Shape, read_members};

/// What is wrong with a value, in the service's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// No type.
    #[error(
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
    )]
    Empty,
    /// More than one type.
    #[error(
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the \
         supported datatypes"
    )]
    MoreThanOneType,
    /// An N, or a member of an NS, that is no number: its text.
    #[error("The parameter cannot be converted to a numeric value{}", after_colon(.0))]
    NotANumber(String),
    /// A number with more than 38 significant digits.
    #[error("Attempting to store more than 38 significant digits in a Number")]
    TooManyDigits,
    /// A number too large.
    #[error(
        "Number overflow. Attempting to store a number with magnitude larger than supported range"
    )]
    Overflow,
    /// A number too close to zero.
    #[error(
        "Number underflow. Attempting to store a number with magnitude smaller than supported range"
    )]
    Underflow,
    /// An SS without members.
    #[error("One or more parameter values were invalid: An string set  may not be empty")]
    EmptyStringSet,
    /// An NS without members.
    #[error("One or more parameter values were invalid: An number set  may not be empty")]
    EmptyNumberSet,
    /// A BS without members.
    #[error("One or more parameter values were invalid: Binary sets should not be empty")]
    EmptyBinarySet,
    /// An SS with a member twice: all members.
    #[error(
        "One or more parameter values were invalid: Input collection [{0}] contains duplicates."
    )]
    DuplicateStrings(String),
    /// An NS with a member twice, by value.
    #[error("Input collection contains duplicates")]
    DuplicateNumbers,
    /// A BS with a member twice: all members, in base64.
    #[error(
        "One or more parameter values were invalid: Input collection [{0}]of type BS contains \
         duplicates."
    )]
    DuplicateBinaries(String),
    /// A NULL that is false.
    #[error(
        "One or more parameter values were invalid: Null attribute value types must have the value \
         of true"
    )]
    NullNotTrue,
    /// Lists and maps too deep.
    #[error(
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels \
         beyond supported limit"
    )]
    TooDeep,
    /// An attribute without a name.
    #[error("Empty attribute name")]
    EmptyName,
    /// An attribute name longer than the limit.
    #[error(
        "One or more parameter values were invalid: Attribute name is too long, must be at most \
         65535 bytes"
    )]
    NameTooLong,
}

fn after_colon(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

impl ValueError {
    fn of_number(error: NumberError, text: &str) -> Self {
        match error {
            NumberError::Syntax => Self::NotANumber(text.to_owned()),
            NumberError::TooManyDigits => Self::TooManyDigits,
            NumberError::Overflow => Self::Overflow,
            NumberError::Underflow => Self::Underflow,
        }
    }

    /// Whether operations that envelope their texts envelope this one.
    pub const fn is_enveloped(&self) -> bool {
        match self {
            Self::EmptyStringSet
            | Self::EmptyNumberSet
            | Self::EmptyBinarySet
            | Self::DuplicateStrings(_)
            | Self::DuplicateNumbers
            | Self::DuplicateBinaries(_)
            | Self::NullNotTrue => true,
            Self::Empty
            | Self::MoreThanOneType
            | Self::NotANumber(_)
            | Self::TooManyDigits
            | Self::Overflow
            | Self::Underflow
            | Self::TooDeep
            | Self::EmptyName
            | Self::NameTooLong => false,
        }
    }
}

impl From<ValueError> for ApiError {
    fn from(error: ValueError) -> Self {
        Self::validation(error.to_string())
    }
}

/// The attributes of an item or key, or the first thing that is wrong with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes(pub Result<AttributeMap, ValueError>);

const VALUE_TYPE: &str = "com.amazonaws.dynamodb.v20120810.AttributeValue";

impl Shape for Attributes {
    fn mismatch(found: Found) -> String {
        found.instead_of_map(VALUE_TYPE)
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let map = AttributeMap::from_object(object, scope)?;
        Ok(Self(scope.take_refusal().map_or(Ok(map), Err)))
    }
}

/// The attributes of a key, and how the numbers among them are written. Keys that are the same by value
/// are not always taken for the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenKey {
    /// The attributes.
    pub attributes: Attributes,
    /// The texts of their numbers, sorted: the order of attributes means nothing.
    pub numbers: Vec<String>,
}

impl Shape for WrittenKey {
    fn mismatch(found: Found) -> String {
        Attributes::mismatch(found)
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        scope.keep_numbers();
        let attributes = Attributes::from_object(object, scope)?;
        let mut numbers = scope.take_numbers();
        numbers.sort_unstable();
        Ok(Self { attributes, numbers })
    }
}

/// Values by names that are not those of attributes, such as placeholders. The values that can be read,
/// and the first name whose value cannot, with what is wrong with that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedValues {
    /// The values, in the order of the document; where one is wrong, something that stands for it.
    pub values: Vec<(String, AttributeValue)>,
    /// The first error.
    pub refused: Option<(String, ValueError)>,
}

impl Shape for NamedValues {
    fn mismatch(found: Found) -> String {
        found.instead_of_map(VALUE_TYPE)
    }

    fn from_object<'de, A: MapAccess<'de>>(mut object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        let mut names = HashSet::new();
        while let Some(name) = object.next_key_seed(Name)? {
            if !names.insert(name.to_string()) {
                return Err(scope.mismatch(duplicate(&name)));
            }
            let value = object.next_value_seed(Read::<AttributeValue>::new(scope))?;
            if let (Some(error), None) = (scope.take_refusal(), &it.refused) {
                it.refused = Some((name.to_string(), error));
            }
            it.values.push((name.into_owned(), value));
        }
        Ok(it)
    }
}

impl Shape for AttributeMap {
    fn mismatch(found: Found) -> String {
        found.instead_of_map(VALUE_TYPE)
    }

    fn from_object<'de, A: MapAccess<'de>>(mut object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut pairs = Vec::new();
        while let Some(name) = object.next_key_seed(Name)? {
            if name.is_empty() {
                scope.refuse(ValueError::EmptyName);
            } else if name.len() > limits::ATTRIBUTE_NAME_BYTES {
                scope.refuse(ValueError::NameTooLong);
            }
            let value = object.next_value_seed(Read::<AttributeValue>::new(scope))?;
            pairs.push((name.into_owned(), value));
        }
        Self::from_pairs(pairs).map_err(|DuplicateName(name)| scope.mismatch(duplicate(&name)))
    }
}

impl Shape for AttributeValue {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("AttributeValue")
    }

    fn from_null(scope: &Scope) -> Result<Self, String> {
        // A null among attributes would be an attribute lost in silence if it meant absence.
        scope.refuse(ValueError::Empty);
        Ok(Self::Null)
    }

    fn from_object<'de, A: MapAccess<'de>>(mut object: A, scope: &Scope) -> Result<Self, A::Error> {
        let level = scope.enter();
        let value = if level > limits::NESTING_LEVELS {
            scope.refuse(ValueError::TooDeep);
            while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Self::Null
        } else {
            read_value(object, scope)?
        };
        scope.leave();
        Ok(value)
    }
}

/// Reads the one member of a value.
fn read_value<'de, A: MapAccess<'de>>(
    object: A,
    scope: &Scope,
) -> Result<AttributeValue, A::Error> {
    let mut value: Option<AttributeValue> = None;
    let mut more = false;
    read_members(object, scope, |name, member| {
        let Some(read) = read_typed(name, member, scope)? else {
            return Ok(());
        };
        match &value {
            Some(first) if first.type_name() == read.type_name() => {
                return Err(scope.mismatch(duplicate(name)));
            }
            Some(_) => more = true,
            None => value = Some(read),
        }
        Ok(())
    })?;
    if more {
        scope.refuse(ValueError::MoreThanOneType);
    }
    Ok(value.unwrap_or_else(|| {
        scope.refuse(ValueError::Empty);
        AttributeValue::Null
    }))
}

/// Reads a member of a value by the type that it names; `None` if it names none, or for null.
fn read_typed<'de, A: MapAccess<'de>>(
    name: &str,
    member: Member<'_, A>,
    scope: &Scope,
) -> Result<Option<AttributeValue>, A::Error> {
    Ok(match name {
        "S" => member.value()?.map(AttributeValue::S),
        "N" => member.value()?.map(AttributeValue::N),
        "B" => member.value()?.map(|Blob(bytes)| AttributeValue::B(bytes)),
        "BOOL" => member.value()?.map(AttributeValue::Bool),
        "NULL" => member.value()?.map(|flag: bool| {
            if !flag {
                scope.refuse(ValueError::NullNotTrue);
            }
            AttributeValue::Null
        }),
        "SS" => member.value()?.map(|set| string_set(set, scope)),
        "NS" => member.value()?.map(|set| number_set(set, scope)),
        "BS" => member.value()?.map(|set| binary_set(set, scope)),
        "L" => member.value()?.map(AttributeValue::L),
        "M" => member.value()?.map(AttributeValue::M),
        _ => {
            member.ignore()?;
            None
        }
    })
}

fn string_set(set: Vec<String>, scope: &Scope) -> AttributeValue {
    if set.is_empty() {
        scope.refuse(ValueError::EmptyStringSet);
    } else if has_duplicates(&set) {
        scope.refuse(ValueError::DuplicateStrings(set.join(", ")));
    }
    AttributeValue::Ss(set)
}

fn number_set(set: Vec<Number>, scope: &Scope) -> AttributeValue {
    if set.is_empty() {
        scope.refuse(ValueError::EmptyNumberSet);
    } else if has_duplicates(&set) {
        scope.refuse(ValueError::DuplicateNumbers);
    }
    AttributeValue::Ns(set)
}

fn binary_set(set: Vec<Blob>, scope: &Scope) -> AttributeValue {
    let set: Vec<Bytes> = set.into_iter().map(|Blob(bytes)| bytes).collect();
    if set.is_empty() {
        scope.refuse(ValueError::EmptyBinarySet);
    } else if has_duplicates(&set) {
        let members: Vec<String> = set.iter().map(|bytes| STANDARD.encode(bytes)).collect();
        scope.refuse(ValueError::DuplicateBinaries(members.join(", ")));
    }
    AttributeValue::Bs(set)
}

fn has_duplicates<T: Eq + Hash>(set: &[T]) -> bool {
    let mut seen = HashSet::with_capacity(set.len());
    !set.iter().all(|member| seen.insert(member))
}

/// On the wire a number is a JSON string; a JSON number is a value of the wrong kind.
impl Shape for Number {
    fn mismatch(found: Found) -> String {
        found.instead_of_scalar("String")
    }

    fn from_text(text: &str, scope: &Scope) -> Result<Self, String> {
        scope.note_number(text);
        Ok(text.parse().unwrap_or_else(|error| {
            scope.refuse(ValueError::of_number(error, text));
            Self::ZERO
        }))
    }
}

/// A binary: strict base64, padded.
struct Blob(Bytes);

impl Shape for Blob {
    fn mismatch(found: Found) -> String {
        match found {
            Found::Array => "Unrecognized collection type class java.nio.ByteBuffer".to_owned(),
            Found::Object => found.instead_of_scalar("ByteBuffer"),
            Found::Null
            | Found::True
            | Found::False
            | Found::Integer
            | Found::Decimal
            | Found::String => "only base-64-encoded strings are convertible to bytes".to_owned(),
        }
    }

    fn from_text(text: &str, _scope: &Scope) -> Result<Self, String> {
        if !text.len().is_multiple_of(4) {
            return Err(format!(
                "Base64 encoded length is expected a multiple of 4 bytes but found: {}",
                text.len()
            ));
        }
        match STANDARD.decode(text) {
            Ok(bytes) => Ok(Self(bytes.into())),
            Err(_) => Err("Invalid last non-pad Base64 character dectected".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
