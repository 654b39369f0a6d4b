//! Tags as requests say them ("Tagging restrictions in DynamoDB", developer guide).

use std::collections::HashSet;

use serde::de::MapAccess;
use stator_model::{Tags, limits};
use stator_protocol::{ApiError, Found, Scope, Shape, read_members};

/// A prefix that is the service's own.
const RESERVED: &[u8] = b"aws:";

/// `Tag`.
#[derive(Default)]
pub(crate) struct Tag {
    key: Option<String>,
    value: Option<String>,
}

impl Shape for Tag {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("Tag")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "Key" => member.set(&mut it.key),
            "Value" => member.set(&mut it.value),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

/// The tags, each by a key of its own, as many as a table may have.
///
/// # Errors
/// ValidationException for the first that cannot be.
pub(crate) fn checked(given: Vec<Tag>) -> Result<Tags, ApiError> {
    check_count(given.len())?;
    let pairs: Vec<(String, String)> = given.into_iter().map(pair).collect::<Result<_, _>>()?;
    let mut keys = HashSet::new();
    if let Some((twice, _)) = pairs.iter().find(|(key, _)| !keys.insert(key.as_str())) {
        return Err(ApiError::validation(format!(
            "Duplicate Tag Keys provided as input: Duplicate Tag Key found {twice}"
        )));
    }
    Ok(pairs.into_iter().collect())
}

/// Keys of tags that are to go, as many as a table may have.
///
/// # Errors
/// As [`checked`]; a key may stand twice.
pub(crate) fn checked_keys(keys: &[String]) -> Result<(), ApiError> {
    check_count(keys.len())?;
    keys.iter().try_for_each(|key| check_key(Some(key)))
}

fn check_count(count: usize) -> Result<(), ApiError> {
    if count > limits::TAGS { Err(too_many()) } else { Ok(()) }
}

/// What a client is told whose table would have more tags than a table may have.
pub(crate) fn too_many() -> ApiError {
    ApiError::validation("Number of Tags exceed the current limit for the provided ResourceArn")
}

fn pair(Tag { key, value }: Tag) -> Result<(String, String), ApiError> {
    check_key(key.as_deref())?;
    let is_valid =
        |value: &&str| is_text(value) && value.chars().count() <= limits::TAG_VALUE_CHARS;
    if value.as_deref().filter(is_valid).is_none() {
        let shown = value.as_deref().unwrap_or("null");
        return Err(ApiError::validation(format!(
            "The Tag Value provided is invalid, Value: {shown}"
        )));
    }
    Ok((key.unwrap_or_default(), value.unwrap_or_default()))
}

fn check_key(key: Option<&str>) -> Result<(), ApiError> {
    let is_valid =
        |key: &&str| is_text(key) && (1..=limits::TAG_KEY_CHARS).contains(&key.chars().count());
    let Some(valid) = key.filter(is_valid) else {
        let shown = key.unwrap_or("null");
        return Err(ApiError::validation(format!("The Tag Key provided is invalid, Key: {shown}")));
    };
    let prefix = valid.as_bytes().get(..RESERVED.len());
    if prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(RESERVED)) {
        return Err(ApiError::validation(format!(
            "Tag Key cannot be prefixed with aws:, Key: {valid}"
        )));
    }
    Ok(())
}

/// Letters, digits and spaces of any script, and a few more.
fn is_text(text: &str) -> bool {
    let is_space = |character: char| character.is_whitespace() && !character.is_control();
    text.chars().all(|it| it.is_alphanumeric() || is_space(it) || "+-=._:/@".contains(it))
}
