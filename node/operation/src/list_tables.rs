//! ListTables: names of tables, a page at a time, in the order of their bytes ("ListTables", API
//! reference).

use serde::de::MapAccess;
use stator_protocol::{ApiError, Found, JsonWriter, Scope, Shape, parse, read_members};

use crate::constraint::Violations;
use crate::table::{NAME_CHARS, NAME_CHARS_LEAST};

/// Names on a page, at most and unless the request says less.
const PAGE: usize = 100;

#[derive(Default)]
struct Members {
    exclusive_start_table_name: Option<String>,
    limit: Option<i32>,
}

impl Shape for Members {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("ListTablesInput")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut it = Self::default();
        read_members(object, scope, |name, member| match name {
            "ExclusiveStartTableName" => member.set(&mut it.exclusive_start_table_name),
            "Limit" => member.set(&mut it.limit),
            _ => member.ignore(),
        })?;
        Ok(it)
    }
}

/// A ListTables request, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    start: Option<String>,
    limit: usize,
}

impl Input {
    /// Reads and checks a body.
    ///
    /// # Errors
    /// SerializationException and ValidationException.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let it: Members = parse(body)?;
        let mut violations = Violations::new();
        if let Some(start) = &it.exclusive_start_table_name {
            let path = "exclusiveStartTableName";
            violations.length(path, start, NAME_CHARS_LEAST, NAME_CHARS);
            violations.name_pattern(path, start);
        }
        if let Some(limit) = it.limit {
            violations.at_least("limit", limit.into(), 1);
            violations.at_most("limit", limit.into(), 100);
        }
        violations.finish()?;
        let limit = it.limit.and_then(|limit| usize::try_from(limit).ok());
        Ok(Self { start: it.exclusive_start_table_name, limit: limit.unwrap_or(PAGE) })
    }

    /// The name after which the page begins: it need not be a table's. Empty is before all names.
    pub fn start(&self) -> &str {
        self.start.as_deref().unwrap_or("")
    }

    /// The page, out of the names of all tables that come after [`start`](Input::start), or of all
    /// tables, in byte order. It has a cursor only if there are names after it.
    pub fn reply<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Output {
        let mut rest = names.into_iter().filter(|name| *name > self.start()).fuse();
        let names: Vec<String> = rest.by_ref().take(self.limit).map(str::to_owned).collect();
        let has_more = rest.next().is_some();
        Output { last: names.last().filter(|_| has_more).cloned(), names }
    }
}

/// What ListTables answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    names: Vec<String>,
    last: Option<String>,
}

impl Output {
    /// Writes the body.
    pub fn write_json(&self, writer: &mut JsonWriter) {
        writer.object(|reply| {
            reply.member("TableNames").array(|list| {
                self.names.iter().for_each(|name| list.text(name));
            });
            if let Some(last) = &self.last {
                reply.member("LastEvaluatedTableName").text(last);
            }
        });
    }
}
