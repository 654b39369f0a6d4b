//! Union and difference of set values.
//!
//! The members of a set are looked up in sorted order, so that large sets do not cost the product of
//! their lengths, and one set can be taken away from many at the price of sorting it once.

use bytes::Bytes;

use crate::{AttributeValue, Number};

/// Two values are not sets of the same type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not sets of the same type")]
pub struct SetMismatch;

/// The members of a set value, ready to be looked up.
#[derive(Clone, Debug)]
pub struct SetMembers<'a>(Sorted<'a>);

#[derive(Clone, Debug)]
enum Sorted<'a> {
    Strings(Vec<&'a String>),
    Numbers(Vec<&'a Number>),
    Binaries(Vec<&'a Bytes>),
}

impl<'a> SetMembers<'a> {
    /// The members of `set`; `None` if it is no set.
    pub fn of(set: &'a AttributeValue) -> Option<Self> {
        let sorted = match set {
            AttributeValue::Ss(members) => Sorted::Strings(sorted(members)),
            AttributeValue::Ns(members) => Sorted::Numbers(sorted(members)),
            AttributeValue::Bs(members) => Sorted::Binaries(sorted(members)),
            AttributeValue::S(_)
            | AttributeValue::N(_)
            | AttributeValue::B(_)
            | AttributeValue::Bool(_)
            | AttributeValue::Null
            | AttributeValue::L(_)
            | AttributeValue::M(_) => return None,
        };
        Some(Self(sorted))
    }

    /// `set` with these members taken away, in its own order; `None` if no member is left.
    ///
    /// # Errors
    /// If `set` is no set of the same type.
    pub fn taken_from(&self, set: &AttributeValue) -> Result<Option<AttributeValue>, SetMismatch> {
        match (set, &self.0) {
            (AttributeValue::Ss(set), Sorted::Strings(away)) => {
                Ok(without(set, away).map(AttributeValue::Ss))
            }
            (AttributeValue::Ns(set), Sorted::Numbers(away)) => {
                Ok(without(set, away).map(AttributeValue::Ns))
            }
            (AttributeValue::Bs(set), Sorted::Binaries(away)) => {
                Ok(without(set, away).map(AttributeValue::Bs))
            }
            (_, Sorted::Strings(_) | Sorted::Numbers(_) | Sorted::Binaries(_)) => Err(SetMismatch),
        }
    }
}

/// The union of two sets: the members of `set`, then those of `more` that it does not have.
///
/// # Errors
/// If one of the values is no set, or their types differ.
pub fn set_union(
    set: &AttributeValue,
    more: &AttributeValue,
) -> Result<AttributeValue, SetMismatch> {
    match (set, more) {
        (AttributeValue::Ss(set), AttributeValue::Ss(more)) => {
            Ok(AttributeValue::Ss(with(set, more)))
        }
        (AttributeValue::Ns(set), AttributeValue::Ns(more)) => {
            Ok(AttributeValue::Ns(with(set, more)))
        }
        (AttributeValue::Bs(set), AttributeValue::Bs(more)) => {
            Ok(AttributeValue::Bs(with(set, more)))
        }
        _ => Err(SetMismatch),
    }
}

pub(crate) fn sorted<T: Ord>(members: &[T]) -> Vec<&T> {
    let mut members: Vec<&T> = members.iter().collect();
    members.sort_unstable();
    members
}

/// The members of `set` that are not in `away`, which is sorted; `None` if there is none.
fn without<T: Ord + Clone>(set: &[T], away: &[&T]) -> Option<Vec<T>> {
    let rest: Vec<T> =
        set.iter().filter(|member| away.binary_search(member).is_err()).cloned().collect();
    (!rest.is_empty()).then_some(rest)
}

fn with<T: Ord + Clone>(set: &[T], more: &[T]) -> Vec<T> {
    let have = sorted(set);
    let new = more.iter().filter(|member| have.binary_search(member).is_err());
    set.iter().chain(new).cloned().collect()
}

#[cfg(test)]
mod tests;
