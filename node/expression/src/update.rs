//! What an update changes in an item.
//!
//! An [`Update`] is a list of actions on paths that neither overlap nor conflict, whether it was
//! written as an expression or as the older AttributeUpdates: both are applied by the same rules.
//! Every right-hand side is read from the item as it was before, all list indexes mean the list as it
//! was before, and the actions take effect together, so that their order carries no meaning.
//!
//! Source of the rules: "Using update expressions in DynamoDB" (developer guide).

use std::sync::Arc;

use stator_model::AttributeValue;

use crate::path_tree::PathTree;
use crate::{ExpressionError, Kind, Path, path};

mod apply;
mod effect;
mod parse;
mod resolve;

pub use apply::Updated;
pub use effect::UpdateError;

/// Changes that are made to an item together. Without an action it only creates an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    actions: Vec<Action>,
    /// Each path's end is the place of its action.
    targets: PathTree,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What is changed.
    pub target: Path,
    /// How.
    pub change: Change,
}

/// How an element of an item is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It gets this value. Of a list index past the end, the value is appended.
    Set(NewValue),
    /// It is taken away, if it is there.
    Remove,
    /// A number is added to the number that is there, a set is united with the set, a list is appended
    /// to the list; if nothing is there, the value is set. Expressions never add a list:
    /// AttributeUpdates may.
    Add(Arc<AttributeValue>),
    /// The members of this set are taken from the set that is there. A set that is left without
    /// members disappears.
    Delete(Arc<AttributeValue>),
}

/// The right-hand side of a SET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewValue {
    /// A value.
    Operand(Operand),
    /// The sum of two numbers.
    Sum(Operand, Operand),
    /// The difference of two numbers.
    Difference(Operand, Operand),
    /// The elements of two lists.
    ListAppend(Operand, Operand),
}

/// A value, or where it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// What the item has there, which must be something.
    Path(Path),
    /// This value, shared by all places that name one placeholder.
    Value(Arc<AttributeValue>),
    /// What the item has there, or else the other value.
    IfNotExists(Path, Box<Operand>),
}

impl Update {
    /// The update of these actions.
    ///
    /// # Errors
    /// If the targets overlap or conflict, or one has too many elements.
    pub fn new(actions: Vec<Action>) -> Result<Self, ExpressionError> {
        let targets: Vec<&Path> = actions.iter().map(|action| &action.target).collect();
        let targets = PathTree::new(&targets).map_err(|fault| fault.of(Kind::Update))?;
        Ok(Self { actions, targets })
    }

    /// The actions, in the order in which they were written.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// What is changed: each path is an action's target. An update may change no key attribute.
    pub fn written(&self) -> impl ExactSizeIterator<Item = &Path> {
        self.actions.iter().map(|action| &action.target)
    }

    /// What right-hand sides of SET read. ADD and DELETE read what they write.
    pub fn read(&self) -> impl Iterator<Item = &Path> {
        self.actions.iter().flat_map(|action| action.change.operands()).flat_map(Operand::paths)
    }

    /// The attributes into which it reaches, to change or to read something there. They can be no keys;
    /// one may be there twice.
    pub fn nested_attributes(&self) -> Vec<&str> {
        path::nested_attributes(self.written().chain(self.read()))
    }
}

impl Change {
    /// Whether the change can only take something away. Such changes create no item.
    const fn only_clears(&self) -> bool {
        match self {
            Self::Remove | Self::Delete(_) => true,
            Self::Set(_) | Self::Add(_) => false,
        }
    }

    fn operands(&self) -> impl Iterator<Item = &Operand> {
        let (left, right) = match self {
            Self::Set(NewValue::Operand(operand)) => (Some(operand), None),
            Self::Set(
                NewValue::Sum(left, right)
                | NewValue::Difference(left, right)
                | NewValue::ListAppend(left, right),
            ) => (Some(left), Some(right)),
            Self::Remove | Self::Add(_) | Self::Delete(_) => (None, None),
        };
        left.into_iter().chain(right)
    }
}

impl Operand {
    fn paths(&self) -> impl Iterator<Item = &Path> {
        let inner = std::iter::successors(Some(self), |operand| match operand {
            Self::IfNotExists(_, otherwise) => Some(otherwise),
            Self::Path(_) | Self::Value(_) => None,
        });
        inner.filter_map(|operand| match operand {
            Self::Path(path) | Self::IfNotExists(path, _) => Some(path),
            Self::Value(_) => None,
        })
    }
}
