//! What clients do to an item, and what it comes to: the model that answers are held against.
//!
//! Small and naive on purpose, and without a line of the node's evaluator: an item is four optional
//! numbers, a change is one `match`. Each change carries the number of its write, so that most of what is
//! found in an item names the write that left it there.

use crate::content::WriteNumber;

/// What an item holds beside its key. Created by an update, it may have no [`put`](Self::put).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Content {
    /// The write that put the item whole.
    pub put: Option<WriteNumber>,
    /// A counter.
    pub hits: Option<u64>,
    /// The write that last set the version.
    pub version: Option<WriteNumber>,
    /// The write that came first.
    pub first: Option<WriteNumber>,
}

/// An attribute that updates touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// [`Content::hits`].
    Hits,
    /// [`Content::version`].
    Version,
    /// [`Content::first`].
    First,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Hits, Self::Version, Self::First];

    /// The attribute's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hits => "hits",
            Self::Version => "version",
            Self::First => "earliest",
        }
    }

    /// What an item has there.
    pub fn of(self, content: Content) -> Option<u64> {
        match self {
            Self::Hits => content.hits,
            Self::Version => content.version.map(|write| write.0),
            Self::First => content.first.map(|write| write.0),
        }
    }
}

/// What a write does. Its number is part of what it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// PutItem: replaces the item.
    Put,
    /// DeleteItem.
    Erase,
    /// `ADD hits :number`.
    Add,
    /// `SET version = :number`.
    SetVersion,
    /// `SET earliest = if_not_exists(earliest, :number)`.
    SetFirst,
    /// `REMOVE` of an attribute.
    Remove(Field),
}

impl Change {
    /// The attribute that an update touches.
    pub const fn field(self) -> Option<Field> {
        match self {
            Self::Put | Self::Erase => None,
            Self::Add => Some(Field::Hits),
            Self::SetVersion => Some(Field::Version),
            Self::SetFirst => Some(Field::First),
            Self::Remove(field) => Some(field),
        }
    }

    /// What the change leaves of an item.
    pub fn applied(self, before: Option<Content>, number: WriteNumber) -> Option<Content> {
        let item = before.unwrap_or_default();
        match self {
            Self::Put => Some(Content { put: Some(number), ..Content::default() }),
            Self::Erase => None,
            Self::Add => Some(Content { hits: Some(item.hits.unwrap_or(0) + number.0), ..item }),
            Self::SetVersion => Some(Content { version: Some(number), ..item }),
            Self::SetFirst => Some(Content { first: item.first.or(Some(number)), ..item }),
            // What only takes away creates nothing.
            Self::Remove(Field::Hits) => before.map(|item| Content { hits: None, ..item }),
            Self::Remove(Field::Version) => before.map(|item| Content { version: None, ..item }),
            Self::Remove(Field::First) => before.map(|item| Content { first: None, ..item }),
        }
    }
}

/// On what a write depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `attribute_not_exists(pk)`.
    Absent,
    /// `attribute_exists(pk)`.
    Present,
    /// `version = :expected`, or `attribute_not_exists(version)`: optimistic locking.
    Version(Option<WriteNumber>),
}

impl Condition {
    /// Whether a write with this condition may be made.
    pub fn holds(self, item: Option<Content>) -> bool {
        match self {
            Self::Absent => item.is_none(),
            Self::Present => item.is_some(),
            Self::Version(expected) => item.and_then(|item| item.version) == expected,
        }
    }
}

/// What a write that was made shows of the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nothing.
    Nothing,
    /// `ALL_OLD`.
    Old(Option<Content>),
    /// `ALL_NEW`.
    New(Option<Content>),
    /// `UPDATED_OLD`: what the touched attribute was.
    FieldOld(Option<u64>),
    /// `UPDATED_NEW`: what it is.
    FieldNew(Option<u64>),
}

impl Shown {
    /// Whether this change of `before` to `after` shows that.
    pub fn fits(self, change: Change, before: Option<Content>, after: Option<Content>) -> bool {
        let touched = |item: Option<Content>| change.field()?.of(item?);
        match self {
            Self::Nothing => true,
            Self::Old(shown) => shown == before,
            Self::New(shown) => shown == after,
            Self::FieldOld(shown) => shown == touched(before),
            Self::FieldNew(shown) => shown == touched(after),
        }
    }

    /// The item, if it is shown whole.
    pub fn item(self) -> Option<Content> {
        match self {
            Self::Old(item) | Self::New(item) => item,
            Self::Nothing | Self::FieldOld(_) | Self::FieldNew(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_what_is_not_there_create_it_unless_they_only_take_away() {
        let number = WriteNumber(7);
        let made = |change: Change| change.applied(None, number);
        assert_eq!(made(Change::Add), Some(Content { hits: Some(7), ..Content::default() }));
        assert_eq!(made(Change::SetVersion).and_then(|item| item.version), Some(number));
        assert_eq!(made(Change::SetFirst).and_then(|item| item.first), Some(number));
        for field in Field::ALL {
            assert_eq!(made(Change::Remove(field)), None);
        }
        assert_eq!(made(Change::Erase), None);
    }

    #[test]
    fn a_condition_on_what_is_not_there_sees_nothing_of_it() {
        assert!(Condition::Absent.holds(None) && !Condition::Present.holds(None));
        assert!(Condition::Version(None).holds(None));
        assert!(!Condition::Version(Some(WriteNumber(1))).holds(None));
        assert!(Condition::Version(None).holds(Some(Content::default())));
    }
}
