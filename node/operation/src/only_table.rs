//! Bodies that name a table and say nothing else: of DescribeTable, DeleteTable and their like.

use std::marker::PhantomData;

use serde::de::MapAccess;
use stator_protocol::{ApiError, Found, Scope, Shape, parse, read_members};

use crate::TableReference;

/// Which operation's body it is.
pub(crate) trait Named {
    /// The name of its structure in the model, which errors show.
    const INPUT: &'static str;
}

/// A body, as it was read.
struct Members<N> {
    table_name: Option<String>,
    of: PhantomData<N>,
}

impl<N: Named> Shape for Members<N> {
    fn mismatch(found: Found) -> String {
        found.instead_of_element(N::INPUT)
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut table_name = None;
        read_members(object, scope, |name, member| match name {
            "TableName" => member.set(&mut table_name),
            _ => member.ignore(),
        })?;
        Ok(Self { table_name, of: PhantomData })
    }
}

/// The table that a body names.
///
/// # Errors
/// SerializationException and ValidationException.
pub(crate) fn only_table<N: Named>(body: &[u8]) -> Result<TableReference, ApiError> {
    let it: Members<N> = parse(body)?;
    TableReference::of_tables(it.table_name)
}
