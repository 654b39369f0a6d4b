//! What clients set on a table and no command's evaluation depends on. Stored and returned.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Settings of a table; the default is what a table has whose creator says nothing of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSettings {
    /// Its class.
    pub class: TableClass,
    /// The most that it may be asked for while it is on demand. None while it is provisioned.
    pub on_demand: OnDemandCaps,
    /// Its tags.
    pub tags: Tags,
}

/// `TableClass`: a matter of price alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TableClass {
    /// `STANDARD`.
    #[default]
    Standard,
    /// `STANDARD_INFREQUENT_ACCESS`.
    InfrequentAccess,
}

impl TableClass {
    /// The class's name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::InfrequentAccess => "STANDARD_INFREQUENT_ACCESS",
        }
    }
}

/// `OnDemandThroughput`: units a second, `None` for as many as there are. Nothing enforces it yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnDemandCaps {
    /// MaxReadRequestUnits, at least 1.
    pub read: Option<u64>,
    /// MaxWriteRequestUnits, at least 1.
    pub write: Option<u64>,
}

/// Tags by their keys, in byte order. A clone shares them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Arc<BTreeMap<String, String>>);

impl Tags {
    /// Key and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These and `others`, whose values win.
    #[must_use]
    pub fn with(&self, others: &Self) -> Self {
        let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        self.iter().chain(others.iter()).map(own).collect()
    }

    /// These without those of `keys`.
    #[must_use]
    pub fn without(&self, keys: &[String]) -> Self {
        let mut left = BTreeMap::clone(&self.0);
        keys.iter().for_each(|key| drop(left.remove(key)));
        Self(Arc::new(left))
    }
}

impl FromIterator<(String, String)> for Tags {
    /// Of two values of one key, the later one stays.
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(Arc::new(pairs.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_tag_that_comes_later_takes_the_place_of_the_earlier_one() {
        let before = tags(&[("b", "1"), ("a", "1")]);
        let after = before.with(&tags(&[("b", "2"), ("B", "3")]));
        assert_eq!(after.iter().collect::<Vec<_>>(), [("B", "3"), ("a", "1"), ("b", "2")]);
        assert_eq!(before, tags(&[("a", "1"), ("b", "1")]));
    }

    #[test]
    fn tags_that_are_not_there_cannot_be_missed() {
        let before = tags(&[("a", "1"), ("b", "")]);
        let after = before.without(&["b".to_owned(), "c".to_owned()]);
        assert_eq!((after.clone(), after.len()), (tags(&[("a", "1")]), 1));
        assert!(after.without(&["a".to_owned()]).is_empty());
    }
}
