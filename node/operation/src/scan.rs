//! Scan: reads every item of a table, page by page, whole or in segments ("Scan", API reference).
//!
//! Items come in the order of their locations: by the hash of the partition key, then by the sort key. A
//! page ends after `Limit` items, or with the item that makes it 1 MB; it then says where the next begins,
//! even if nothing follows. Nothing keeps still between pages: each item is as of when it was read.

use std::sync::Arc;

use serde::de::MapAccess;
use stator_model::{AttributeMap, KeyRange, TableDescription};
use stator_protocol::{ApiError, Attributes, Found, Scope, Shape, parse, read_members};

use crate::capacity::Charge;
use crate::condition::ItemCondition;
use crate::constraint::Violations;
use crate::page::{Page, Shown, Subject, Wanted};
use crate::page_members::{FilterName, PageMembers};
use crate::read::Order;
use crate::table::{NAME_CHARS, NAME_CHARS_LEAST};
use crate::{ReturnConsumedCapacity, TableReference};

/// The most segments of a table.
const SEGMENTS: i64 = 1_000_000;

/// A body, as it was read.
#[derive(Default)]
struct Members {
    table_name: Option<String>,
    index_name: Option<String>,
    limit: Option<i32>,
    select: Option<String>,
    exclusive_start_key: Option<Attributes>,
    consistent_read: Option<bool>,
    return_consumed_capacity: Option<String>,
    segment: Option<i32>,
    total_segments: Option<i32>,
    page: PageMembers,
}

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("ScanInput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "TableName" => member.set(&mut it.table_name),
            "IndexName" => member.set(&mut it.index_name),
            "Limit" => member.set(&mut it.limit),
            "Select" => member.set(&mut it.select),
            "ExclusiveStartKey" => member.set(&mut it.exclusive_start_key),
            "ConsistentRead" => member.set(&mut it.consistent_read),
            "ReturnConsumedCapacity" => member.set(&mut it.return_consumed_capacity),
            "Segment" => member.set(&mut it.segment),
            "TotalSegments" => member.set(&mut it.total_segments),
            "QueryFilter" => member.ignore(),
            _ => it.page.read(name, member),
        })?;
        Ok(it)
    }
}

/// A Scan request, checked by every rule that needs no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    table: TableReference,
    index: Option<String>,
    limit: Option<usize>,
    filter: Option<ItemCondition>,
    shown: Shown,
    start: Option<AttributeMap>,
    consistent: bool,
    return_capacity: ReturnConsumedCapacity,
    segment: Segment,
}

/// Which part of a table a scan reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    number: u32,
    total: u32,
}

impl Input {
    /// Reads and checks a body. Reads are not enveloped.
    ///
    /// # Errors
    /// SerializationException and ValidationException.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let mut it: Members = parse(body)?;
        let table = TableReference::of_items(it.table_name)?;
        let mut violations = Violations::new();
        let return_capacity =
            violations.choice("returnConsumedCapacity", it.return_consumed_capacity.as_deref());
        let select = violations.choice("select", it.select.as_deref());
        if let Some(index) = &it.index_name {
            violations.length("indexName", index, NAME_CHARS_LEAST, NAME_CHARS);
            violations.name_pattern("indexName", index);
        }
        for (path, number, least, most) in [
            ("limit", it.limit, 1, i64::from(i32::MAX)),
            ("segment", it.segment, 0, SEGMENTS - 1),
            ("totalSegments", it.total_segments, 1, SEGMENTS),
        ] {
            if let Some(number) = number {
                violations.at_least(path, i64::from(number), least);
                violations.at_most(path, i64::from(number), most);
            }
        }
        let words = it.page.words(FilterName::ScanFilter, &mut violations);
        violations.finish()?;
        let passing = it.page.passing(FilterName::ScanFilter, words, None)?;
        let start = it.exclusive_start_key.map(|Attributes(start)| start).transpose()?;
        Ok(Self {
            table,
            filter: passing.filter.map(Into::into),
            shown: Shown::new(
                select,
                passing.projection,
                it.index_name.is_some(),
                ApiError::validation,
            )?,
            index: it.index_name,
            limit: it.limit.and_then(|limit| usize::try_from(limit).ok()),
            start,
            consistent: it.consistent_read.unwrap_or(false),
            return_capacity: return_capacity.unwrap_or_default(),
            segment: segment(it.segment, it.total_segments)?,
        })
    }

    /// The table that the request names.
    pub fn table(&self) -> &TableReference {
        &self.table
    }

    /// Makes this a scan of `table`: projection and filter leave keys whole, and the start is one of its
    /// keys, in the segment that is asked for.
    ///
    /// # Errors
    /// ValidationException.
    pub fn validate(self, table: &Arc<TableDescription>) -> Result<Page, ApiError> {
        let subject = Subject::new(table, self.index.as_deref())?;
        self.shown.check_paths(table)?;
        if let Some(filter) = &self.filter {
            filter.check_paths(table)?;
        }
        let mut range = KeyRange::of_segment(self.segment.number, self.segment.total);
        if let Some(start) = &self.start {
            let start = subject.start(start).map_err(|error| {
                let text = "The provided starting key is invalid";
                let why = error.message().filter(|_| !subject.is_index());
                let text = why.map_or(text.to_owned(), |why| format!("{text}: {why}"));
                ApiError::validation(text)
            })?;
            if !range.contains(&start) {
                let Segment { number, total } = self.segment;
                return Err(ApiError::validation(format!(
                    "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use \
                     ExclusiveStartKey with correct Segment. TotalSegments: {total} Segment: {number}"
                )));
            }
            range = range.behind(&start);
        }
        Ok(Page::new(Wanted {
            subject,
            consistent: self.consistent,
            range,
            order: Order::Ascending,
            limit: self.limit,
            filter: self.filter,
            shown: self.shown,
            charge: Charge::new(self.return_capacity, &self.table),
        }))
    }
}

/// Both parameters or none; numbers within bounds were checked before.
fn segment(number: Option<i32>, total: Option<i32>) -> Result<Segment, ApiError> {
    let (number, total) = match (number, total) {
        (None, None) => (0, 1),
        (Some(number), Some(total)) => (number, total),
        (Some(_), None) => {
            return Err(ApiError::validation(
                "The TotalSegments parameter is required but was not present in the request when \
                 Segment parameter is present",
            ));
        }
        (None, Some(_)) => {
            return Err(ApiError::validation(
                "The Segment parameter is required but was not present in the request when \
                 parameter TotalSegments is present",
            ));
        }
    };
    if number >= total {
        return Err(ApiError::validation(format!(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: \
             Segment: {number} is not less than TotalSegments: {total}"
        )));
    }
    Ok(Segment { number: number.unsigned_abs(), total: total.unsigned_abs() })
}
