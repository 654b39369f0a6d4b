//! The members that the bodies of Query and Scan have in common beyond paging: which of the items that are
//! read are returned, and what of them. Each can be said by an expression or in the legacy form.

use serde::de::MapAccess;
use stator_expression::{Condition, KeyExpression, Kind, Projection};
use stator_protocol::{ApiError, Entries, Member};

use crate::constraint::Violations;
use crate::expressions::{PlaceholderMembers, Wording};
use crate::legacy::condition_map::{ConditionMap, ConditionMembers};
use crate::legacy::conditions::ConditionalOperator;
use crate::legacy::{LegacyError, attributes_to_get, check_mixture, filter};
use crate::projected::worded;

/// Common members, as they were read.
#[derive(Default)]
pub(crate) struct PageMembers {
    filter_expression: Option<String>,
    projection_expression: Option<String>,
    placeholders: PlaceholderMembers,
    attributes_to_get: Option<Vec<String>>,
    filter: Option<Entries<ConditionMembers>>,
    conditional_operator: Option<String>,
}

/// The legacy members, once they are known to be words of the model.
pub(crate) struct PageWords {
    filter: Option<ConditionMap>,
    operator: Option<ConditionalOperator>,
}

/// What Query has beside them: the condition on keys, in either form.
pub(crate) struct KeyMembers<'a> {
    pub(crate) legacy: bool,
    pub(crate) expression: Option<&'a str>,
}

/// Which items are returned, and what of them.
pub(crate) struct Passing {
    pub(crate) filter: Option<Condition>,
    /// With the name of the parameter that says it.
    pub(crate) projection: (&'static str, Option<Projection>),
    pub(crate) key_condition: Option<KeyExpression>,
}

/// What the legacy filter is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FilterName {
    QueryFilter,
    ScanFilter,
}

impl FilterName {
    const fn parameter(self) -> &'static str {
        match self {
            Self::QueryFilter => "QueryFilter",
            Self::ScanFilter => "ScanFilter",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::QueryFilter => "queryFilter",
            Self::ScanFilter => "scanFilter",
        }
    }
}

impl PageMembers {
    /// Reads the member if it is one of these, and skips it if it is not.
    pub(crate) fn read<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        member: Member<'_, A>,
    ) -> Result<(), A::Error> {
        match name {
            "FilterExpression" => member.set(&mut self.filter_expression),
            "ProjectionExpression" => member.set(&mut self.projection_expression),
            "AttributesToGet" => member.set(&mut self.attributes_to_get),
            "QueryFilter" | "ScanFilter" => member.set(&mut self.filter),
            "ConditionalOperator" => member.set(&mut self.conditional_operator),
            _ => self.placeholders.read(name, member),
        }
    }

    /// The legacy members, checked against the model.
    pub(crate) fn words(&mut self, filter: FilterName, violations: &mut Violations) -> PageWords {
        let attributes = self.attributes_to_get.as_ref();
        attributes_to_get::check_length(attributes, "attributesToGet", violations);
        let operator =
            violations.choice("conditionalOperator", self.conditional_operator.as_deref());
        let conditions = self.filter.take();
        let filter = conditions.map(|given| ConditionMap::read(given, filter.path(), violations));
        PageWords { filter, operator }
    }

    /// What they say, with the condition on keys if the operation has one. Both forms of a thing do not go
    /// together; a Scan checks its filter behind AttributesToGet, a Query before it (observed on the
    /// service).
    ///
    /// # Errors
    /// ValidationException.
    pub(crate) fn passing(
        self,
        name: FilterName,
        words: PageWords,
        keys: Option<&KeyMembers<'_>>,
    ) -> Result<Passing, ApiError> {
        self.check_forms(name, &words, keys).map_err(worded)?;
        let given = self.given(keys);
        let mut expressions = self.placeholders.open(Wording::Bare, &given)?;
        let projection = expressions.projection(self.projection_expression.as_deref())?;
        let filter = expressions.condition(Kind::Filter, self.filter_expression.as_deref())?;
        let key_condition = keys.and_then(|keys| keys.expression);
        let key_condition = expressions.key_condition(key_condition)?;
        expressions.finish()?;
        let attributes =
            || self.attributes_to_get.as_deref().map(attributes_to_get::projection).transpose();
        let conditions = || {
            let PageWords { filter, operator } = words;
            let filter = filter.map(|filter| filter::condition(filter, operator)).transpose();
            filter.map(Option::flatten)
        };
        let (legacy_filter, attributes) = match name {
            FilterName::QueryFilter => {
                let filter = conditions().map_err(worded)?;
                (filter, attributes().map_err(worded)?)
            }
            FilterName::ScanFilter => {
                let attributes = attributes().map_err(worded)?;
                (conditions().map_err(worded)?, attributes)
            }
        };
        let projection = match attributes {
            Some(attributes) => (attributes_to_get::PARAMETER, Some(attributes)),
            None => (Kind::Projection.parameter(), projection),
        };
        Ok(Passing { filter: filter.or(legacy_filter), projection, key_condition })
    }

    /// The expressions, each with whether it is given, in the service's order.
    fn given(&self, keys: Option<&KeyMembers<'_>>) -> Vec<(Kind, bool)> {
        let mut given = vec![
            (Kind::Projection, self.projection_expression.is_some()),
            (Kind::Filter, self.filter_expression.is_some()),
        ];
        given.extend(keys.map(|keys| (Kind::KeyCondition, keys.expression.is_some())));
        given
    }

    fn check_forms(
        &self,
        name: FilterName,
        words: &PageWords,
        keys: Option<&KeyMembers<'_>>,
    ) -> Result<(), LegacyError> {
        let both = keys.is_some_and(|keys| keys.legacy && keys.expression.is_some());
        let legacy = [
            (attributes_to_get::PARAMETER, self.attributes_to_get.is_some()),
            (name.parameter(), words.filter.is_some()),
            ("ConditionalOperator", words.operator.is_some()),
            ("KeyConditions", both),
        ];
        check_mixture(&legacy, &self.given(keys))?;
        filter::check_operator(words.operator, words.filter.as_ref())
    }

    /// Whether the filter is said in the legacy form.
    pub(crate) fn has_legacy_filter(&self) -> bool {
        self.filter.is_some()
    }
}
