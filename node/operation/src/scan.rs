//! Scan: reads every item of a table, page by page, whole or in segments ("Scan", API reference).
//!
//! Items come in the order of their locations: by the hash of the partition key, then by the sort key. A
//! page ends after `Limit` items, or with the item that makes it 1 MB; it then says where the next begins,
//! even if nothing follows. Nothing keeps still between pages: each item is as of when it was read.

use std::sync::Arc;

use serde::de::MapAccess;
use stator_model::{KeyRange, TableDescription};
use stator_protocol::{ApiError, Found, Scope, Shape, parse, read_members};

use crate::TableReference;
use crate::constraint::Violations;
use crate::page::{Page, Shown, Subject};
use crate::page_members::{Asked, FilterName, PageMembers};
use crate::read::Order;

/// The most segments of a table.
const SEGMENTS: i64 = 1_000_000;

/// A body, as it was read.
#[derive(Default)]
struct Members {
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
    asked: Asked,
    shown: Shown,
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
        let mut violations = Violations::new();
        let words = it.page.words(&mut violations)?;
        for (path, number, least, most) in [
            ("limit", it.page.limit, 1, i64::from(i32::MAX)),
            ("segment", it.segment, 0, SEGMENTS - 1),
            ("totalSegments", it.total_segments, 1, SEGMENTS),
        ] {
            if let Some(number) = number {
                violations.at_least(path, i64::from(number), least);
                violations.at_most(path, i64::from(number), most);
            }
        }
        let legacy = it.page.legacy_words(FilterName::ScanFilter, &mut violations);
        violations.finish()?;
        let (asked, choice, _) = it.page.asked(FilterName::ScanFilter, words, legacy, None)?;
        Ok(Self {
            asked,
            shown: choice.shown(ApiError::validation)?,
            segment: segment(it.segment, it.total_segments)?,
        })
    }

    /// The table that the request names.
    pub fn table(&self) -> &TableReference {
        &self.asked.table
    }

    /// Makes this a scan of `table`: projection and filter leave keys whole, and the start is one of its
    /// keys, in the segment that is asked for.
    ///
    /// # Errors
    /// ValidationException.
    pub fn validate(self, table: &Arc<TableDescription>) -> Result<Page, ApiError> {
        let subject = Subject::new(table, self.asked.index.as_deref())?;
        self.shown.check_paths(table)?;
        if let Some(filter) = &self.asked.filter {
            filter.check_paths(table)?;
        }
        let mut range = KeyRange::of_segment(self.segment.number, self.segment.total);
        if let Some(start) = &self.asked.start {
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
        Ok(self.asked.page(subject, range, Order::Ascending, self.shown))
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
