//! The service's rules about values, for values that did not come in through its API: another node sends
//! them, and a node takes no more from another than from a client.

use crate::value::SetError;
use crate::{AttributeMap, AttributeValue, check_set, limits};

/// Why no request can have had a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueRule {
    /// An attribute without a name.
    #[error("an attribute name is empty")]
    EmptyName,
    /// A name longer than [`limits::ATTRIBUTE_NAME_BYTES`].
    #[error("an attribute name is too long")]
    LongName,
    /// Deeper than [`limits::NESTING_LEVELS`].
    #[error("lists and maps are nested too deeply")]
    TooDeep,
    /// A set without members, or with one twice.
    #[error("a set is none")]
    Set(#[from] SetError),
}

impl AttributeValue {
    /// Checks that a request may have this value ("Naming rules and data types", developer guide). Takes
    /// stack in proportion to the value's depth, no more than to the limit.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self) -> Result<(), ValueRule> {
        check_value(self, limits::NESTING_LEVELS)
    }
}

impl AttributeMap {
    /// Checks that a request may have these attributes.
    ///
    /// # Errors
    /// As [`AttributeValue::check`].
    pub fn check(&self) -> Result<(), ValueRule> {
        check_map(self, limits::NESTING_LEVELS)
    }
}

/// Checks that an attribute may have this name.
///
/// # Errors
/// If it is empty or too long.
pub fn check_name(name: &str) -> Result<(), ValueRule> {
    match name.len() {
        0 => Err(ValueRule::EmptyName),
        1..=limits::ATTRIBUTE_NAME_BYTES => Ok(()),
        _ => Err(ValueRule::LongName),
    }
}

/// `levels` counts the value's own.
fn check_value(value: &AttributeValue, levels: usize) -> Result<(), ValueRule> {
    let below = levels.checked_sub(1).ok_or(ValueRule::TooDeep)?;
    match value {
        AttributeValue::S(_)
        | AttributeValue::N(_)
        | AttributeValue::B(_)
        | AttributeValue::Bool(_)
        | AttributeValue::Null => Ok(()),
        AttributeValue::Ss(set) => Ok(check_set(set)?),
        AttributeValue::Ns(set) => Ok(check_set(set)?),
        AttributeValue::Bs(set) => Ok(check_set(set)?),
        AttributeValue::L(list) => list.iter().try_for_each(|member| check_value(member, below)),
        AttributeValue::M(map) => check_map(map, below),
    }
}

fn check_map(map: &AttributeMap, levels: usize) -> Result<(), ValueRule> {
    map.iter().try_for_each(|(name, value)| {
        check_name(name)?;
        check_value(value, levels)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> AttributeValue {
        (1..levels).fold(AttributeValue::Null, |inner, _| AttributeValue::L(vec![inner]))
    }

    fn map(name: String, value: AttributeValue) -> AttributeMap {
        AttributeMap::from_pairs(vec![(name, value)]).unwrap()
    }

    #[test]
    fn levels_are_counted_as_requests_count_them() {
        assert_eq!(nested(32).check(), Ok(()));
        assert_eq!(nested(33).check(), Err(ValueRule::TooDeep));
        assert_eq!(map("a".to_owned(), nested(32)).check(), Ok(()));
        let inside = AttributeValue::M(map("a".to_owned(), nested(32)));
        assert_eq!(inside.check(), Err(ValueRule::TooDeep));
    }

    #[test]
    fn names_and_sets_are_looked_at_at_every_level() {
        let twice = AttributeValue::Ss(vec!["a".to_owned(), "a".to_owned()]);
        let set = Err(ValueRule::Set(SetError::Duplicate));
        assert_eq!(map("a".to_owned(), AttributeValue::L(vec![twice])).check(), set);
        let inside = |name: String| AttributeValue::M(map(name, AttributeValue::Null)).check();
        assert_eq!(inside(String::new()), Err(ValueRule::EmptyName));
        assert_eq!(inside("n".repeat(limits::ATTRIBUTE_NAME_BYTES)), Ok(()));
        assert_eq!(inside("n".repeat(limits::ATTRIBUTE_NAME_BYTES + 1)), Err(ValueRule::LongName));
    }
}
