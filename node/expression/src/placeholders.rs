//! What the placeholders of a request stand for.
//!
//! One of these is made for a request and goes through all of its expressions, so that in the end it
//! knows which placeholders none of them used.

use std::sync::Arc;

use stator_model::{AttributeMap, AttributeValue};

use crate::error::Parameter;
use crate::token::is_word_byte;
use crate::{ExpressionError, Fault, limits};

/// The `#` and `:` placeholders of a request ("Expression attribute names (aliases) in DynamoDB",
/// "Using expression attribute values in DynamoDB", developer guide).
#[derive(Clone, Debug, Default)]
pub struct Placeholders {
    /// Expressions share them, as they do values: a text of 4 KB can name one a thousand times.
    names: Vec<Definition<Arc<str>>>,
    values: Vec<Definition<Arc<AttributeValue>>>,
}

/// What a placeholder stands for. Sorted by token.
#[derive(Clone, Debug)]
struct Definition<T> {
    /// With its `#` or `:`.
    token: String,
    meaning: T,
    used: bool,
}

impl Placeholders {
    /// The placeholders of ExpressionAttributeNames and ExpressionAttributeValues. Of a name that is
    /// defined twice the last definition counts.
    ///
    /// # Errors
    /// If a parameter is there and empty, a placeholder is not well formed, or stands for a name that
    /// no attribute may have, or if names and values together are too large. Names are checked before
    /// values.
    pub fn new(
        names: Option<Vec<(String, String)>>,
        values: Option<AttributeMap>,
    ) -> Result<Self, ExpressionError> {
        let shared = |(token, name): (String, String)| (token, Arc::from(name));
        let names = names.map(|names| names.into_iter().map(shared).collect());
        let names: Vec<Definition<Arc<str>>> = definitions(names, '#', Parameter::Names)?;
        let room = limits::SUBSTITUTION_BYTES;
        let room = room_after(room, &names, |name| name.len())
            .ok_or(ExpressionError::TooMuchSubstituted(Parameter::Names))?;
        for Definition { token, meaning, .. } in &names {
            if meaning.is_empty() {
                return Err(ExpressionError::EmptyName { key: token.clone() });
            }
            if meaning.len() > limits::NAME_BYTES {
                return Err(ExpressionError::LongName { key: token.clone() });
            }
        }
        let shared = |(token, value)| (token, Arc::new(value));
        let values = values.map(|values| values.into_iter().map(shared).collect());
        let values = definitions(values, ':', Parameter::Values)?;
        room_after(room, &values, |value| value.size())
            .ok_or(ExpressionError::TooMuchSubstituted(Parameter::Values))?;
        Ok(Self { names, values })
    }

    /// The name for which `token`, with its `#`, stands. The placeholder is used from then on.
    pub(crate) fn name(&mut self, token: &str) -> Result<Arc<str>, Fault> {
        let name = find(&mut self.names, token).map(Arc::clone);
        name.ok_or_else(|| Fault::UndefinedName { name: token.to_owned() })
    }

    /// The value for which `token`, with its `:`, stands. The placeholder is used from then on.
    pub(crate) fn value(&mut self, token: &str) -> Result<Arc<AttributeValue>, Fault> {
        let value = find(&mut self.values, token).map(Arc::clone);
        value.ok_or_else(|| Fault::UndefinedValue { name: token.to_owned() })
    }

    /// To be called when all expressions of the request are parsed.
    ///
    /// # Errors
    /// If a placeholder was not used by any of them; names are reported before values.
    pub fn finish(self) -> Result<(), ExpressionError> {
        check_used(self.names, Parameter::Names)?;
        check_used(self.values, Parameter::Values)
    }
}

fn definitions<T>(
    pairs: Option<Vec<(String, T)>>,
    sigil: char,
    parameter: Parameter,
) -> Result<Vec<Definition<T>>, ExpressionError> {
    let Some(mut pairs) = pairs else { return Ok(Vec::new()) };
    if pairs.is_empty() {
        return Err(ExpressionError::NoPlaceholders(parameter));
    }
    if let Some((key, _)) = pairs.iter().find(|(key, _)| !is_placeholder(key, sigil)) {
        return Err(ExpressionError::PlaceholderSyntax { parameter, key: key.clone() });
    }
    // The sort keeps the order of equals: turned over, the last definition comes first and stays.
    pairs.reverse();
    pairs.sort_by(|left, right| left.0.cmp(&right.0));
    pairs.dedup_by(|later, earlier| later.0 == earlier.0);
    let definition = |(token, meaning)| Definition { token, meaning, used: false };
    Ok(pairs.into_iter().map(definition).collect())
}

/// How many bytes are left of `room`, if there are as many as these definitions have.
fn room_after<T>(
    room: usize,
    definitions: &[Definition<T>],
    size: fn(&T) -> usize,
) -> Option<usize> {
    definitions.iter().try_fold(room, |room, definition| {
        room.checked_sub(definition.token.len().saturating_add(size(&definition.meaning)))
    })
}

fn is_placeholder(key: &str, sigil: char) -> bool {
    let word = key.strip_prefix(sigil).unwrap_or_default();
    !word.is_empty() && word.bytes().all(is_word_byte) && key.len() <= limits::PLACEHOLDER_BYTES
}

fn find<'d, T>(definitions: &'d mut [Definition<T>], token: &str) -> Option<&'d T> {
    let at = definitions.binary_search_by(|have| have.token.as_str().cmp(token)).ok()?;
    let definition = definitions.get_mut(at)?;
    definition.used = true;
    Some(&definition.meaning)
}

fn check_used<T>(
    definitions: Vec<Definition<T>>,
    parameter: Parameter,
) -> Result<(), ExpressionError> {
    let unused = definitions.into_iter().filter(|definition| !definition.used);
    let keys: Vec<_> = unused.map(|definition| definition.token).collect();
    if keys.is_empty() { Ok(()) } else { Err(ExpressionError::Unused { parameter, keys }) }
}

#[cfg(test)]
mod tests;
