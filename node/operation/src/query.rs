//! Query: reads the items of one partition key, page by page, in the order of their sort keys or against it
//! ("Query", API reference).
//!
//! A page ends after `Limit` items, or with the item that makes it 1 MB; it then says where the next
//! begins, even if nothing follows. Nothing keeps still between pages.

mod conditions;

use std::sync::Arc;

use serde::de::MapAccess;
use stator_expression::KeyExpression;
use stator_model::{AttributeMap, KeyRange, KeySchema, Location, TableDescription};
use stator_protocol::{ApiError, Entries, Found, Scope, Shape, parse, read_members};

use crate::TableReference;
use crate::condition::ItemCondition;
use crate::constraint::{Violations, enveloped};
use crate::legacy::LegacyError;
use crate::legacy::condition_map::{ConditionMap, ConditionMembers};
use crate::legacy::key_conditions::KeyConditions;
use crate::page::{Page, Shown, Subject};
use crate::page_members::{Asked, FilterName, KeyMembers, PageMembers};
use crate::projected::worded;
use crate::read::Order;

use conditions::Conditions;

/// A body, as it was read.
#[derive(Default)]
struct Members {
    scan_index_forward: Option<bool>,
    key_conditions: Option<Entries<ConditionMembers>>,
    key_condition_expression: Option<String>,
    page: PageMembers,
}

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("QueryInput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "ScanIndexForward" => member.set(&mut it.scan_index_forward),
            "KeyConditions" => member.set(&mut it.key_conditions),
            "KeyConditionExpression" => member.set(&mut it.key_condition_expression),
            "ScanFilter" => member.ignore(),
            _ => it.page.read(name, member),
        })?;
        Ok(it)
    }
}

/// A Query request, checked by every rule that needs no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    asked: Asked,
    shown: Shown,
    conditions: Conditions,
    order: Order,
    filtered_by_legacy: bool,
}

impl Input {
    /// Reads and checks a body.
    ///
    /// # Errors
    /// SerializationException and ValidationException.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let mut it: Members = parse(body)?;
        let mut violations = Violations::new();
        let words = it.page.words(&mut violations)?;
        if it.page.limit.is_some_and(|limit| limit < 1) {
            violations.add_unshown("Limit", "have value greater than or equal to 1");
        }
        let filtered_by_legacy = it.page.has_legacy_filter();
        let legacy = it.page.legacy_words(FilterName::QueryFilter, &mut violations);
        let key_conditions = it
            .key_conditions
            .map(|conditions| ConditionMap::read(conditions, "keyConditions", &mut violations));
        violations.finish()?;
        let keys = KeyMembers {
            legacy: key_conditions.is_some(),
            expression: it.key_condition_expression.as_deref(),
        };
        let (asked, choice, key_expression) =
            it.page.asked(FilterName::QueryFilter, words, legacy, Some(&keys))?;
        let conditions = conditions(key_conditions, key_expression)?;
        let forward = it.scan_index_forward.unwrap_or(true);
        Ok(Self {
            asked,
            shown: choice.shown(enveloped)?,
            conditions,
            order: if forward { Order::Ascending } else { Order::Descending },
            filtered_by_legacy,
        })
    }

    /// The table that the request names.
    pub fn table(&self) -> &TableReference {
        &self.asked.table
    }

    /// Makes this a query of `table`: projection and filter leave keys whole, the conditions suit its key,
    /// and the start is one of its keys among those that are asked for.
    ///
    /// # Errors
    /// ValidationException.
    pub fn validate(self, table: &Arc<TableDescription>) -> Result<Page, ApiError> {
        let subject = Subject::new(table, self.asked.index.as_deref())?;
        self.shown.check_paths(table)?;
        if let Some(filter) = &self.asked.filter {
            check_filter(filter, &subject.key_schema(), self.filtered_by_legacy)?;
            filter.check_paths(table)?;
        }
        let keys = self.conditions.bind(&subject.key_schema())?;
        let prefix = subject.prefix(&keys.partition);
        let mut range = match &keys.sort {
            Some(sort) => sort.behind(&prefix),
            None => KeyRange::of_prefix(&prefix),
        };
        if let Some(start) = &self.asked.start {
            let start = start_of(start, &subject)?;
            check_start(&start, &KeyRange::of_prefix(&prefix), &range)?;
            range = match self.order {
                Order::Ascending => range.behind(&start),
                Order::Descending => range.before(&start),
            };
        }
        Ok(self.asked.page(subject, range, self.order, self.shown))
    }
}

/// The condition on keys, in the form that was given.
fn conditions(
    legacy: Option<ConditionMap>,
    expression: Option<KeyExpression>,
) -> Result<Conditions, ApiError> {
    match (legacy, expression) {
        (Some(legacy), _) => KeyConditions::new(legacy).map(Conditions::Legacy).map_err(worded),
        (None, Some(expression)) => {
            let restricted = expression.restrict().map(Conditions::Expression);
            restricted.map_err(|error| ApiError::validation(error.to_string()))
        }
        (None, None) => Err(ApiError::validation(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the \
             request.",
        )),
    }
}

/// What keys must be is said by the condition on them, which decides what is read.
fn check_filter(filter: &ItemCondition, keys: &KeySchema, legacy: bool) -> Result<(), ApiError> {
    let is_key = |name: &&str| keys.attributes().any(|key| key.name == *name);
    match filter.attributes().find(is_key) {
        None => Ok(()),
        Some(key) if legacy => Err(worded(LegacyError::FilterOnKey(key.to_owned()))),
        Some(key) => Err(ApiError::validation(format!(
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: \
             {key}"
        ))),
    }
}

/// The item behind which a page begins. It need not exist.
fn start_of(given: &AttributeMap, subject: &Subject) -> Result<Location, ApiError> {
    if subject.table().key_schema.sort.is_none() {
        // One partition key has one item: there is nothing behind it.
        return Err(outside());
    }
    let start = subject.start(given);
    start.map_err(|_| ApiError::validation("The provided starting key is invalid"))
}

/// Whether the start is among what is asked for.
fn check_start(
    start: &Location,
    of_partition_key: &KeyRange,
    asked: &KeyRange,
) -> Result<(), ApiError> {
    if !of_partition_key.contains(start) {
        return Err(outside());
    }
    if !asked.contains(start) {
        return Err(ApiError::validation(
            "The provided starting key does not match the range key predicate",
        ));
    }
    Ok(())
}

fn outside() -> ApiError {
    ApiError::validation(
        "The provided starting key is outside query boundaries based on provided conditions",
    )
}
