//! The members that the bodies of Query and Scan have in common: what is read, which of the items that are
//! read are returned, and what of them. The latter can be said by expressions or in the legacy form.

use serde::de::MapAccess;
use stator_expression::{Condition, KeyExpression, Kind, Projection};
use stator_model::{AttributeMap, KeyRange};
use stator_protocol::{ApiError, Attributes, Entries, Member};

use crate::capacity::Charge;
use crate::condition::ItemCondition;
use crate::constraint::Violations;
use crate::expressions::{PlaceholderMembers, Wording};
use crate::legacy::condition_map::{ConditionMap, ConditionMembers};
use crate::legacy::conditions::ConditionalOperator;
use crate::legacy::{LegacyError, attributes_to_get, check_mixture, filter};
use crate::options::Select;
use crate::page::{Page, Shown, Subject, Wanted};
use crate::projected::worded;
use crate::read::Order;
use crate::table::{NAME_CHARS, NAME_CHARS_LEAST};
use crate::{ReturnConsumedCapacity, TableReference};

/// Common members, as they were read.
#[derive(Default)]
pub(crate) struct PageMembers {
    table_name: Option<String>,
    index_name: Option<String>,
    /// Its bounds are told in words of the operation.
    pub(crate) limit: Option<i32>,
    select: Option<String>,
    exclusive_start_key: Option<Attributes>,
    consistent_read: Option<bool>,
    return_consumed_capacity: Option<String>,
    filter_expression: Option<String>,
    projection_expression: Option<String>,
    placeholders: PlaceholderMembers,
    attributes_to_get: Option<Vec<String>>,
    filter: Option<Entries<ConditionMembers>>,
    conditional_operator: Option<String>,
}

/// The table, and members that are words of the model.
pub(crate) struct PageWords {
    table: TableReference,
    return_capacity: ReturnConsumedCapacity,
    select: Option<Select>,
}

/// The legacy members, once they are known to be words of the model.
pub(crate) struct LegacyWords {
    filter: Option<ConditionMap>,
    operator: Option<ConditionalOperator>,
}

/// What Query has beside them: the condition on keys, in either form.
pub(crate) struct KeyMembers<'a> {
    pub(crate) legacy: bool,
    pub(crate) expression: Option<&'a str>,
}

/// Which items are returned, and what of them.
struct Passing {
    filter: Option<Condition>,
    /// With the name of the parameter that says it.
    projection: (&'static str, Option<Projection>),
    key_condition: Option<KeyExpression>,
}

/// What is asked for, checked by every rule that needs no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) table: TableReference,
    pub(crate) index: Option<String>,
    pub(crate) start: Option<AttributeMap>,
    pub(crate) filter: Option<ItemCondition>,
    limit: Option<usize>,
    consistent: bool,
    return_capacity: ReturnConsumedCapacity,
}

/// What is to be shown of items, as it was asked for.
pub(crate) struct Choice {
    select: Option<Select>,
    projection: (&'static str, Option<Projection>),
    of_index: bool,
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
            "TableName" => member.set(&mut self.table_name),
            "IndexName" => member.set(&mut self.index_name),
            "Limit" => member.set(&mut self.limit),
            "Select" => member.set(&mut self.select),
            "ExclusiveStartKey" => member.set(&mut self.exclusive_start_key),
            "ConsistentRead" => member.set(&mut self.consistent_read),
            "ReturnConsumedCapacity" => member.set(&mut self.return_consumed_capacity),
            "FilterExpression" => member.set(&mut self.filter_expression),
            "ProjectionExpression" => member.set(&mut self.projection_expression),
            "AttributesToGet" => member.set(&mut self.attributes_to_get),
            "QueryFilter" | "ScanFilter" => member.set(&mut self.filter),
            "ConditionalOperator" => member.set(&mut self.conditional_operator),
            _ => self.placeholders.read(name, member),
        }
    }

    /// The table, whose name is checked alone, and the words among the members, checked against the model.
    ///
    /// # Errors
    /// ValidationException for the table's name.
    pub(crate) fn words(&mut self, violations: &mut Violations) -> Result<PageWords, ApiError> {
        let table = TableReference::of_items(self.table_name.take())?;
        let return_capacity =
            violations.choice("returnConsumedCapacity", self.return_consumed_capacity.as_deref());
        let select = violations.choice("select", self.select.as_deref());
        if let Some(index) = &self.index_name {
            violations.length("indexName", index, NAME_CHARS_LEAST, NAME_CHARS);
            violations.name_pattern("indexName", index);
        }
        Ok(PageWords { table, return_capacity: return_capacity.unwrap_or_default(), select })
    }

    /// The legacy members, checked against the model.
    pub(crate) fn legacy_words(
        &mut self,
        filter: FilterName,
        violations: &mut Violations,
    ) -> LegacyWords {
        let attributes = self.attributes_to_get.as_ref();
        attributes_to_get::check_length(attributes, "attributesToGet", violations);
        let operator =
            violations.choice("conditionalOperator", self.conditional_operator.as_deref());
        let conditions = self.filter.take();
        let filter = conditions.map(|given| ConditionMap::read(given, filter.path(), violations));
        LegacyWords { filter, operator }
    }

    /// What is asked for, what of it is to be shown, and the condition on keys that is an expression.
    ///
    /// # Errors
    /// ValidationException.
    pub(crate) fn asked(
        mut self,
        name: FilterName,
        words: PageWords,
        legacy: LegacyWords,
        keys: Option<&KeyMembers<'_>>,
    ) -> Result<(Asked, Choice, Option<KeyExpression>), ApiError> {
        let (index, start) = (self.index_name.take(), self.exclusive_start_key.take());
        let (limit, consistent) = (self.limit, self.consistent_read.unwrap_or(false));
        let passing = self.passing(name, legacy, keys)?;
        let PageWords { table, return_capacity, select } = words;
        let choice = Choice { select, projection: passing.projection, of_index: index.is_some() };
        let asked = Asked {
            table,
            index,
            start: start.map(|Attributes(start)| start).transpose()?,
            filter: passing.filter.map(Into::into),
            limit: limit.and_then(|limit| usize::try_from(limit).ok()),
            consistent,
            return_capacity,
        };
        Ok((asked, choice, passing.key_condition))
    }

    /// What they say, with the condition on keys if the operation has one. Both forms of a thing do not go
    /// together; a Scan checks its filter behind AttributesToGet, a Query before it (observed on the
    /// service).
    fn passing(
        self,
        name: FilterName,
        words: LegacyWords,
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
            let LegacyWords { filter, operator } = words;
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
        words: &LegacyWords,
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

impl Choice {
    /// What is shown. A projection that is missing is told in words of the operation.
    ///
    /// # Errors
    /// ValidationException.
    pub(crate) fn shown(
        self,
        unprojected: impl FnOnce(&'static str) -> ApiError,
    ) -> Result<Shown, ApiError> {
        Shown::new(self.select, self.projection, self.of_index, unprojected)
    }
}

impl Asked {
    /// The page that holds what is asked for in this range.
    pub(crate) fn page(
        self,
        subject: Subject,
        range: KeyRange,
        order: Order,
        shown: Shown,
    ) -> Page {
        Page::new(Wanted {
            subject,
            consistent: self.consistent,
            range,
            order,
            limit: self.limit,
            filter: self.filter,
            shown,
            charge: Charge::new(self.return_capacity, &self.table),
        })
    }
}
