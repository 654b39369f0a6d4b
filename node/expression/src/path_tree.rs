//! Paths that neither overlap nor conflict, as one tree.
//!
//! Projections and updates name parts of an item by such paths. As a tree they are followed together:
//! one walk over the item serves all of them, list elements come in ascending order, and each element
//! of the item is met at most once. The checks are symbolic, nothing depends on an item.

use std::collections::BTreeMap;
use std::sync::Arc;

use stator_model::{AttributeMap, AttributeValue};

use crate::{Fault, Path, Step, limits};

/// Elements, ordered, and what lies behind each. They are only walked through, and most have one member:
/// a B-tree would take half a kilobyte for each.
pub(crate) type Branches<K> = Vec<(K, Node)>;

/// Paths by their first element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PathTree(Branches<Arc<str>>);

/// What lies behind the beginning of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// A path ends here: which one it was of those given.
    End(usize),
    /// Paths lead on into a map.
    Map(Branches<Arc<str>>),
    /// Paths lead on into a list.
    List(Branches<u32>),
}

impl PathTree {
    /// The tree of these paths.
    ///
    /// # Errors
    /// If a path has too many elements; if paths overlap, or else if they conflict: the first path that
    /// does so with an earlier one, and the earliest of those.
    pub(crate) fn new(paths: &[&Path]) -> Result<Self, Fault> {
        let mut seen = Seen::default();
        let mut conflict = None;
        for (at, path) in paths.iter().enumerate() {
            // Trees are walked by recursion.
            let levels = path.elements();
            if levels > limits::PATH_ELEMENTS {
                return Err(Fault::TooManyLevels { levels });
            }
            match seen.add(path, at) {
                Ok(()) => {}
                Err(Clash::Overlap(earlier)) => {
                    let (one, two) = shown(paths, earlier, at);
                    return Err(Fault::PathsOverlap { one, two });
                }
                Err(Clash::Conflict(earlier)) => conflict = conflict.or(Some((earlier, at))),
            }
        }
        if let Some((earlier, at)) = conflict {
            let (one, two) = shown(paths, earlier, at);
            return Err(Fault::PathsConflict { one, two });
        }
        Ok(Self(branches(seen.names)))
    }

    /// The tree of attributes of the item itself. A name may stand twice.
    pub(crate) fn of_attributes<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let ends = names.into_iter().enumerate().map(|(at, name)| (name, Node::End(at)));
        let ends: BTreeMap<_, _> = ends.collect();
        Self(ends.into_iter().map(|(name, end)| (name.into(), end)).collect())
    }

    /// The first elements, ordered, and what lies behind each.
    pub(crate) fn names(&self) -> &[(Arc<str>, Node)] {
        &self.0
    }

    /// The first elements behind which paths lead on.
    pub(crate) fn nested_names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|(name, node)| match node {
            Node::End(_) => None,
            Node::Map(_) | Node::List(_) => Some(&**name),
        })
    }

    /// What the paths lead to in `item`, in the structure of the item.
    ///
    /// Elements of a list move together, in their order. A path that leads nowhere leaves nothing
    /// behind, neither an empty map nor an empty list.
    pub(crate) fn project(&self, item: &AttributeMap) -> AttributeMap {
        project_map(item, &self.0)
    }
}

/// Two of the paths as messages show them.
fn shown(paths: &[&Path], one: usize, two: usize) -> (String, String) {
    let show = |at: usize| paths.get(at).map(ToString::to_string).unwrap_or_default();
    (show(one), show(two))
}

fn project_map(map: &AttributeMap, names: &[(Arc<str>, Node)]) -> AttributeMap {
    let found = names.iter().filter_map(|(name, node)| {
        let value = project_value(map.get(name)?, node)?;
        Some((String::from(&**name), value))
    });
    found.collect::<BTreeMap<_, _>>().into()
}

fn project_value(value: &AttributeValue, node: &Node) -> Option<AttributeValue> {
    match (node, value) {
        (Node::End(_), value) => Some(value.clone()),
        (Node::Map(names), AttributeValue::M(map)) => {
            let found = project_map(map, names);
            (!found.is_empty()).then_some(AttributeValue::M(found))
        }
        (Node::List(indexes), AttributeValue::L(list)) => {
            let found: Vec<AttributeValue> = indexes
                .iter()
                .filter_map(|(index, node)| {
                    project_value(list.get(usize::try_from(*index).ok()?)?, node)
                })
                .collect();
            (!found.is_empty()).then_some(AttributeValue::L(found))
        }
        (Node::Map(_) | Node::List(_), _) => None,
    }
}

/// How a path clashes with an earlier one, which is the earliest of those with which it does.
#[derive(Debug)]
enum Clash {
    /// They are the same, or one leads through the other.
    Overlap(usize),
    /// One takes an element for a map, the other for a list.
    Conflict(usize),
}

/// The paths given so far, clashing ones among them, and for each element who was there first.
#[derive(Debug, Default)]
struct Seen {
    /// The first path that leads to this element or through it.
    first: usize,
    /// The path that ends here.
    end: Option<usize>,
    /// The first path that leads on by a name.
    first_name: Option<usize>,
    names: BTreeMap<Arc<str>, Seen>,
    /// The first path that leads on by an index.
    first_index: Option<usize>,
    indexes: BTreeMap<u32, Seen>,
}

impl Seen {
    fn add(&mut self, path: &Path, at: usize) -> Result<(), Clash> {
        let mut here = self.name(&path.head, at);
        let mut conflict: Option<usize> = None;
        for step in &path.rest {
            if let Some(earlier) = here.end {
                return Err(Clash::Overlap(earlier));
            }
            let (other, next) = match step {
                Step::Name(name) => (here.first_index, here.name(name, at)),
                Step::Index(index) => (here.first_name, here.index(*index, at)),
            };
            conflict = conflict.or(other);
            here = next;
        }
        if here.first != at {
            return Err(Clash::Overlap(here.first));
        }
        here.end = Some(at);
        conflict.map_or(Ok(()), |earlier| Err(Clash::Conflict(earlier)))
    }

    fn name(&mut self, name: &Arc<str>, at: usize) -> &mut Self {
        self.first_name.get_or_insert(at);
        self.names.entry(Arc::clone(name)).or_insert_with(|| Self { first: at, ..Self::default() })
    }

    fn index(&mut self, index: u32, at: usize) -> &mut Self {
        self.first_index.get_or_insert(at);
        self.indexes.entry(index).or_insert_with(|| Self { first: at, ..Self::default() })
    }
}

impl From<Seen> for Node {
    /// Of an element without clashes: one path ends here, or all lead on in the same way.
    fn from(seen: Seen) -> Self {
        match seen.end {
            Some(path) => Self::End(path),
            None if seen.indexes.is_empty() => Self::Map(branches(seen.names)),
            None => Self::List(branches(seen.indexes)),
        }
    }
}

fn branches<K>(seen: BTreeMap<K, Seen>) -> Branches<K> {
    let mut branches = Vec::with_capacity(seen.len());
    branches.extend(seen.into_iter().map(|(element, seen)| (element, seen.into())));
    branches
}

#[cfg(test)]
mod tests;
