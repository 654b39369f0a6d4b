//! The expressions of a request, from its members to their meanings.
//!
//! All expressions of a request share its placeholders, and each placeholder must be used by one of them.
//! The service checks, in this order: names, values, the expressions one after the other, and last what
//! was not used.

use serde::de::MapAccess;
use stator_expression::{
    Condition, ExpressionError, KeyExpression, Kind, Placeholders, Projection, Update,
};
use stator_model::AttributeMap;
use stator_protocol::{ApiError, Entries, Member, NamedValues};

use crate::constraint::enveloped;

/// `ExpressionAttributeNames` and `ExpressionAttributeValues`, as they were read.
#[derive(Default)]
pub(crate) struct PlaceholderMembers {
    names: Option<Entries<String>>,
    values: Option<NamedValues>,
}

/// How an operation words what is wrong with its expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wording {
    /// As it is: reads.
    Bare,
    /// In the form of a model constraint: writes of one item.
    Enveloped,
}

impl Wording {
    /// A text of the family that is enveloped where anything is.
    pub(crate) fn refuse(self, text: impl Into<String>) -> ApiError {
        match self {
            Self::Bare => ApiError::validation(text.into()),
            Self::Enveloped => enveloped(text.into()),
        }
    }

    fn expression(self, error: &ExpressionError) -> ApiError {
        let wording = if error.is_enveloped() { self } else { Self::Bare };
        wording.refuse(error.to_string())
    }
}

impl PlaceholderMembers {
    /// Reads the member if it is one of these, and skips it if it is not.
    pub(crate) fn read<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        member: Member<'_, A>,
    ) -> Result<(), A::Error> {
        match name {
            "ExpressionAttributeNames" => member.set(&mut self.names),
            "ExpressionAttributeValues" => member.set(&mut self.values),
            _ => member.ignore(),
        }
    }

    /// The projection of a read that can have no other expression.
    ///
    /// # Errors
    /// ValidationException.
    pub(crate) fn only_projection(
        self,
        text: Option<&str>,
    ) -> Result<Option<Projection>, ApiError> {
        let mut expressions = self.open(Wording::Bare, &[(Kind::Projection, text.is_some())])?;
        let projection = expressions.projection(text)?;
        expressions.finish()?;
        Ok(projection)
    }

    /// The names, as they were given.
    pub(crate) fn names(&self) -> Option<&Entries<String>> {
        self.names.as_ref()
    }

    /// Begins with a request's expressions. `given` are those that the operation has, and whether the
    /// request gives them.
    ///
    /// # Errors
    /// ValidationException: placeholders without an expression that could use them, and those that are
    /// wrong in themselves.
    pub(crate) fn open(
        self,
        wording: Wording,
        given: &[(Kind, bool)],
    ) -> Result<Expressions, ApiError> {
        if self.names.is_some() && !given.iter().any(|(_, given)| *given) {
            let text = "ExpressionAttributeNames can only be specified when using expressions";
            return Err(wording.refuse(text));
        }
        let names = self.names.map(|Entries(names)| names);
        let Some(NamedValues { values, refused }) = self.values else {
            return Expressions::new(wording, names, None);
        };
        check_use_of_values(wording, given)?;
        let values = AttributeMap::from_pairs(values).expect("no name stands twice");
        let expressions = Expressions::new(wording, names, Some(values))?;
        match refused {
            None => Ok(expressions),
            Some((key, error)) => {
                let wording = if error.is_enveloped() { wording } else { Wording::Bare };
                Err(wording.refuse(format!(
                    "ExpressionAttributeValues contains invalid value: {error} for key {key}"
                )))
            }
        }
    }
}

/// Values need an expression that can hold values: any but a projection.
fn check_use_of_values(wording: Wording, given: &[(Kind, bool)]) -> Result<(), ApiError> {
    let holders = || given.iter().filter(|(kind, _)| *kind != Kind::Projection);
    if holders().any(|(_, given)| *given) {
        return Ok(());
    }
    let parameters: Vec<&str> = holders().map(|(kind, _)| kind.parameter()).collect();
    let are = if parameters.len() == 1 { "is" } else { "are" };
    Err(wording.refuse(format!(
        "ExpressionAttributeValues can only be specified when using expressions: {} {are} null",
        parameters.join(" and ")
    )))
}

/// The expressions of a request, while they are read one after the other.
#[must_use]
pub(crate) struct Expressions {
    placeholders: Placeholders,
    wording: Wording,
}

impl Expressions {
    fn new(
        wording: Wording,
        names: Option<Vec<(String, String)>>,
        values: Option<AttributeMap>,
    ) -> Result<Self, ApiError> {
        let placeholders = Placeholders::new(names, values);
        let placeholders = placeholders.map_err(|error| wording.expression(&error))?;
        Ok(Self { placeholders, wording })
    }

    /// The condition or filter, if there is one.
    ///
    /// # Errors
    /// ValidationException; so for the others.
    pub(crate) fn condition(
        &mut self,
        kind: Kind,
        text: Option<&str>,
    ) -> Result<Option<Condition>, ApiError> {
        self.parse(text, |text, placeholders| Condition::parse(kind, text, placeholders))
    }

    /// The key condition, if there is one. What else is wrong with it is told once all expressions are
    /// parsed.
    pub(crate) fn key_condition(
        &mut self,
        text: Option<&str>,
    ) -> Result<Option<KeyExpression>, ApiError> {
        self.parse(text, KeyExpression::parse)
    }

    /// The projection, if there is one.
    pub(crate) fn projection(
        &mut self,
        text: Option<&str>,
    ) -> Result<Option<Projection>, ApiError> {
        self.parse(text, Projection::parse)
    }

    /// The update, if there is one.
    pub(crate) fn update(&mut self, text: Option<&str>) -> Result<Option<Update>, ApiError> {
        self.parse(text, Update::parse)
    }

    fn parse<T>(
        &mut self,
        text: Option<&str>,
        parse: impl FnOnce(&str, &mut Placeholders) -> Result<T, ExpressionError>,
    ) -> Result<Option<T>, ApiError> {
        let parsed = text.map(|text| parse(text, &mut self.placeholders)).transpose();
        parsed.map_err(|error| self.wording.expression(&error))
    }

    /// Ends it: all of them were read.
    ///
    /// # Errors
    /// ValidationException: placeholders that none of them uses.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        self.placeholders.finish().map_err(|error| self.wording.expression(&error))
    }
}
