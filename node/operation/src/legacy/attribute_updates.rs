//! `AttributeUpdates`: what an UpdateItem changes.
//!
//! Each attribute is put, added to, or deleted from, by the rules of an UpdateExpression; what ADD can do
//! more is to append to a list.

use std::sync::Arc;

use serde::de::MapAccess;
use stator_expression::update::{Action, Change, NewValue, Operand};
use stator_expression::{Path, Update};
use stator_model::AttributeValue;
use stator_protocol::{Entries, Entry, Found, Scope, Shape, ValueError, read_members};

use super::LegacyError;
use super::error::check_name;
use crate::constraint::Violations;
use crate::options::Choice;

/// `AttributeAction`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum AttributeAction {
    Add,
    Delete,
    #[default]
    Put,
}

impl Choice for AttributeAction {
    const WORDS: &'static [(&'static str, Self)] =
        &[("ADD", Self::Add), ("DELETE", Self::Delete), ("PUT", Self::Put)];
}

/// `AttributeValueUpdate`, as it was read.
#[derive(Default)]
pub(crate) struct AttributeUpdate {
    action: Option<String>,
    value: Option<AttributeValue>,
    /// What is wrong with the value.
    refused: Option<ValueError>,
}

impl Entry for AttributeUpdate {
    const JAVA: &'static str = "com.amazonaws.dynamodb.v20120810.AttributeValueUpdate";
}

impl Shape for AttributeUpdate {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("AttributeValueUpdate")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "Action" => member.set(&mut it.action),
            "Value" => member.set(&mut it.value),
            _ => member.ignore(),
        })?;
        it.refused = scope.take_refusal();
        Ok(it)
    }
}

/// The actions must be words of the model.
pub(crate) fn check_words(updates: Option<&Entries<AttributeUpdate>>, violations: &mut Violations) {
    for (name, update) in updates.iter().flat_map(|Entries(updates)| updates) {
        let path = format!("attributeUpdates.{name}.member.action");
        let _: Option<AttributeAction> = violations.choice(path, update.action.as_deref());
    }
}

/// The update that these are. Of no attribute, it only creates an item.
///
/// # Errors
/// For the first attribute that has one: its value, then whether the value suits the action.
pub(crate) fn update(Entries(updates): Entries<AttributeUpdate>) -> Result<Update, LegacyError> {
    let actions = updates.into_iter().map(|(name, update)| {
        check_name(&name)?;
        Ok(Action { target: Path::attribute(name), change: update.change()? })
    });
    let actions = actions.collect::<Result<Vec<_>, LegacyError>>()?;
    Ok(Update::new(actions).expect("the names of a map are attributes apart from each other"))
}

impl AttributeUpdate {
    fn change(self) -> Result<Change, LegacyError> {
        if let Some(error) = self.refused {
            return Err(error.into());
        }
        let action = self.action.as_deref().and_then(AttributeAction::named).unwrap_or_default();
        match (action, self.value) {
            (AttributeAction::Delete, None) => Ok(Change::Remove),
            (AttributeAction::Add | AttributeAction::Put, None) => Err(LegacyError::NothingToPut),
            (AttributeAction::Put, Some(value)) => {
                Ok(Change::Set(NewValue::Operand(Operand::Value(Arc::new(value)))))
            }
            (AttributeAction::Add, Some(value)) => {
                check_type("ADD action", &value, &["N", "SS", "NS", "BS", "L"])?;
                Ok(Change::Add(Arc::new(value)))
            }
            (AttributeAction::Delete, Some(value)) => {
                check_type("DELETE action with value", &value, &["SS", "NS", "BS"])?;
                Ok(Change::Delete(Arc::new(value)))
            }
        }
    }
}

fn check_type(
    action: &'static str,
    value: &AttributeValue,
    types: &[&str],
) -> Result<(), LegacyError> {
    let type_name = value.type_name();
    if types.contains(&type_name) {
        Ok(())
    } else {
        Err(LegacyError::ActionType { action, type_name })
    }
}
