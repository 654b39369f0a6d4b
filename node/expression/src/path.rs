//! Document paths: which attribute, and which element inside it.

use std::fmt;
use std::sync::Arc;

use stator_model::{AttributeValue, Item};

use crate::{Fault, Placeholders, limits, reserved};

/// A step from a map or list into one of its elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The element of a map with this name.
    Name(Arc<str>),
    /// The element of a list at this place, counted from 0; at most `i32::MAX`.
    Index(u32),
}

/// A document path, with names in place of `#` placeholders ("Referring to item attributes when using
/// expressions", developer guide).
///
/// Names are shared: a text of 4 KB can name one of 64 KB a thousand times by its placeholder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// The attribute of the item.
    pub head: Arc<str>,
    /// The way inside it.
    pub rest: Vec<Step>,
}

impl Path {
    /// The path of an attribute of the item itself.
    pub fn attribute(name: impl Into<Arc<str>>) -> Self {
        Self { head: name.into(), rest: Vec::new() }
    }

    /// How many elements the path has, the first one included.
    pub fn elements(&self) -> usize {
        1 + self.rest.len()
    }

    /// Whether the path leads inside an attribute.
    pub fn is_nested(&self) -> bool {
        !self.rest.is_empty()
    }

    /// The value to which the path leads, if there is one.
    pub fn value_in<'i>(&self, item: &'i Item) -> Option<&'i AttributeValue> {
        self.rest.iter().try_fold(item.get(&self.head)?, |value, step| step.value_in(value))
    }
}

/// The attributes into which some of these paths lead, as often as they do.
pub(crate) fn nested_attributes<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Vec<&'p str> {
    paths.into_iter().filter(|path| path.is_nested()).map(|path| &*path.head).collect()
}

impl Step {
    /// The element of `value` to which the step leads, if there is one.
    pub fn value_in<'i>(&self, value: &'i AttributeValue) -> Option<&'i AttributeValue> {
        match (self, value) {
            (Self::Name(name), AttributeValue::M(map)) => map.get(name),
            (Self::Index(index), AttributeValue::L(list)) => {
                list.get(usize::try_from(*index).ok()?)
            }
            (Self::Name(_) | Self::Index(_), _) => None,
        }
    }
}

impl fmt::Display for Path {
    /// As the service's messages show it: `[a, b, [0]]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.head)?;
        for step in &self.rest {
            match step {
                Step::Name(name) => write!(f, ", {name}")?,
                Step::Index(index) => write!(f, ", [{index}]")?,
            }
        }
        f.write_str("]")
    }
}

/// A name as an expression writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawName<'a> {
    /// The name itself.
    Bare(&'a str),
    /// A placeholder, with its `#`.
    Placeholder(&'a str),
}

/// A step as an expression writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawStep<'a> {
    /// A name behind a point.
    Name(RawName<'a>),
    /// Digits in brackets.
    Index(&'a str),
}

/// A path as an expression writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawPath<'a> {
    /// The first element.
    pub(crate) head: RawName<'a>,
    /// The others.
    pub(crate) rest: Vec<RawStep<'a>>,
}

impl<'a> RawPath<'a> {
    fn names(&self) -> impl Iterator<Item = RawName<'a>> {
        let inner = self.rest.iter().filter_map(|step| match step {
            RawStep::Name(name) => Some(*name),
            RawStep::Index(_) => None,
        });
        std::iter::once(self.head).chain(inner)
    }

    /// Checks that no bare name is a reserved word.
    pub(crate) fn check_reserved(&self) -> Result<(), Fault> {
        let reserved = self.names().find_map(|name| match name {
            RawName::Bare(word) => reserved::is_reserved(word).then_some(word),
            RawName::Placeholder(_) => None,
        });
        reserved.map_or(Ok(()), |word| Err(Fault::Reserved { word: word.to_owned() }))
    }

    /// Checks the number of elements and the range of indexes, then puts names in place of
    /// placeholders, which are used from then on.
    pub(crate) fn resolve(&self, placeholders: &mut Placeholders) -> Result<Path, Fault> {
        let levels = 1 + self.rest.len();
        if levels > limits::PATH_ELEMENTS {
            return Err(Fault::TooManyLevels { levels });
        }
        let head = self.head.resolve(placeholders)?;
        let rest: Result<_, _> = self.rest.iter().map(|step| step.resolve(placeholders)).collect();
        Ok(Path { head, rest: rest? })
    }
}

impl RawName<'_> {
    fn resolve(self, placeholders: &mut Placeholders) -> Result<Arc<str>, Fault> {
        match self {
            Self::Bare(name) => Ok(name.into()),
            Self::Placeholder(token) => placeholders.name(token),
        }
    }
}

impl RawStep<'_> {
    fn resolve(self, placeholders: &mut Placeholders) -> Result<Step, Fault> {
        match self {
            Self::Name(name) => name.resolve(placeholders).map(Step::Name),
            Self::Index(digits) => {
                let index = digits.parse::<i32>().ok().and_then(|index| u32::try_from(index).ok());
                index.map(Step::Index).ok_or_else(|| Fault::IndexRange { index: digits.to_owned() })
            }
        }
    }
}

#[cfg(test)]
mod tests;
