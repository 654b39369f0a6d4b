//! A key condition meets the key of a table or index.

use std::sync::Arc;

use stator_model::{AttributeValue, KeyAttribute, KeyType, KeyValue, limits};

use super::{KeyCondition, KeyQuery, KeyTest, SortRange};

/// Why a key condition does not fit the key of a table or index. None of these texts stands behind
/// "1 validation error detected: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyConditionError {
    /// More than a partition key and a sort key can have.
    #[error("Conditions can be of length 1 or 2 only")]
    TooMany,
    /// An attribute of the key has no condition: the partition key, or the sort key when there is a
    /// second condition.
    #[error("Query condition missed key schema element: {name}")]
    Missed {
        /// The attribute.
        name: String,
    },
    /// A partition key that is asked for anything but equality, or a second condition where there is
    /// no sort key.
    #[error("Query key condition not supported")]
    NotSupported,
    /// A value of another type than the attribute has.
    #[error(
        "One or more parameter values were invalid: Condition parameter type does not match schema \
         type"
    )]
    WrongType,
    /// An empty string or binary, which no key is.
    #[error(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot \
         contain an empty {kind} value. Key: {name}"
    )]
    Empty {
        /// The attribute.
        name: String,
        /// "string" or "binary".
        kind: &'static str,
    },
    /// A longer partition key than there can be.
    #[error(
        "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size \
         limit of2048 bytes"
    )]
    PartitionTooLong,
    /// A longer sort key than there can be.
    #[error(
        "One or more parameter values were invalid: Aggregated size of all range keys has exceeded \
         the size limit of 1024 bytes"
    )]
    SortTooLong,
}

impl KeyCondition {
    /// What the condition says of a key of these attributes.
    ///
    /// # Errors
    /// If it does not say what the partition key is, says anything of other attributes than those, or
    /// compares with values that no such key has. First which attributes there are, then what is
    /// asked, then the values, the partition key's before the sort key's.
    pub fn bind(
        self,
        partition: &KeyAttribute,
        sort: Option<&KeyAttribute>,
    ) -> Result<KeyQuery, KeyConditionError> {
        let missed =
            |attribute: &KeyAttribute| KeyConditionError::Missed { name: attribute.name.clone() };
        let Self { mut tests } = self;
        if tests.len() > 2 {
            return Err(KeyConditionError::TooMany);
        }
        let of_partition = tests.iter().position(|(name, _)| **name == partition.name);
        let (_, of_partition) =
            of_partition.map(|at| tests.swap_remove(at)).ok_or_else(|| missed(partition))?;
        let of_sort = match (tests.pop(), sort) {
            (None, _) => None,
            (Some(_), None) => return Err(KeyConditionError::NotSupported),
            (Some((name, test)), Some(sort)) if *name == sort.name => Some((sort, test)),
            (Some(_), Some(sort)) => return Err(missed(sort)),
        };
        let KeyTest::Equal(value) = of_partition else {
            return Err(KeyConditionError::NotSupported);
        };
        let too_long = KeyConditionError::PartitionTooLong;
        let key = key_value(&value, partition, limits::PARTITION_KEY_BYTES, too_long)?;
        let range = of_sort.map(|(sort, test)| sort_range(test, sort)).transpose()?;
        Ok(KeyQuery { partition: key, sort: range })
    }
}

fn sort_range(
    test: KeyTest<Arc<AttributeValue>>,
    sort: &KeyAttribute,
) -> Result<SortRange, KeyConditionError> {
    if matches!(test, KeyTest::BeginsWith(_)) && sort.key_type == KeyType::N {
        return Err(KeyConditionError::WrongType);
    }
    let too_long = KeyConditionError::SortTooLong;
    test.try_map(|value| key_value(&value, sort, limits::SORT_KEY_BYTES, too_long.clone()))
}

fn key_value(
    value: &AttributeValue,
    attribute: &KeyAttribute,
    limit: usize,
    too_long: KeyConditionError,
) -> Result<KeyValue, KeyConditionError> {
    let key = KeyValue::from_attribute(value)
        .filter(|key| key.key_type() == attribute.key_type)
        .ok_or(KeyConditionError::WrongType)?;
    if key.is_empty() {
        let kind = match attribute.key_type {
            KeyType::S | KeyType::N => "string",
            KeyType::B => "binary",
        };
        return Err(KeyConditionError::Empty { name: attribute.name.clone(), kind });
    }
    if key.fits(limit) { Ok(key) } else { Err(too_long) }
}

impl<V> KeyTest<V> {
    /// The same test of other values.
    fn try_map<W, E>(self, mut map: impl FnMut(V) -> Result<W, E>) -> Result<KeyTest<W>, E> {
        Ok(match self {
            Self::Equal(value) => KeyTest::Equal(map(value)?),
            Self::Less(value) => KeyTest::Less(map(value)?),
            Self::LessOrEqual(value) => KeyTest::LessOrEqual(map(value)?),
            Self::Greater(value) => KeyTest::Greater(map(value)?),
            Self::GreaterOrEqual(value) => KeyTest::GreaterOrEqual(map(value)?),
            Self::Between { lower, upper } => {
                KeyTest::Between { lower: map(lower)?, upper: map(upper)? }
            }
            Self::BeginsWith(prefix) => KeyTest::BeginsWith(map(prefix)?),
        })
    }
}

impl SortRange {
    /// Whether a sort key is in the range. One of another type is in none.
    pub fn contains(&self, key: &KeyValue) -> bool {
        let order = |bound| order(key, bound);
        match self {
            Self::Equal(value) => key == value,
            Self::Less(bound) => order(bound).is_some_and(|order| order.is_lt()),
            Self::LessOrEqual(bound) => order(bound).is_some_and(|order| order.is_le()),
            Self::Greater(bound) => order(bound).is_some_and(|order| order.is_gt()),
            Self::GreaterOrEqual(bound) => order(bound).is_some_and(|order| order.is_ge()),
            Self::Between { lower, upper } => {
                order(lower).is_some_and(|order| order.is_ge())
                    && order(upper).is_some_and(|order| order.is_le())
            }
            Self::BeginsWith(prefix) => begins_with(key, prefix),
        }
    }
}

fn order(left: &KeyValue, right: &KeyValue) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (KeyValue::S(left), KeyValue::S(right)) => Some(left.cmp(right)),
        (KeyValue::N(left), KeyValue::N(right)) => Some(left.cmp(right)),
        (KeyValue::B(left), KeyValue::B(right)) => Some(left.cmp(right)),
        (KeyValue::S(_) | KeyValue::N(_) | KeyValue::B(_), _) => None,
    }
}

fn begins_with(key: &KeyValue, prefix: &KeyValue) -> bool {
    match (key, prefix) {
        (KeyValue::S(key), KeyValue::S(prefix)) => key.starts_with(prefix.as_str()),
        (KeyValue::B(key), KeyValue::B(prefix)) => key.starts_with(prefix),
        (KeyValue::S(_) | KeyValue::N(_) | KeyValue::B(_), _) => false,
    }
}
