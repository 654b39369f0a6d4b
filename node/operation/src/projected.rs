//! What of an item a read returns.

use std::sync::Arc;

use stator_expression::Projection;
use stator_model::{SharedItem, to_item_of};

/// What a read with this projection returns of an item: a part of it, which may be empty, or all. What was
/// read and is charged is the whole item.
pub(crate) fn projected(projection: Option<&Projection>, item: SharedItem) -> SharedItem {
    let Some(projection) = projection else { return item };
    let names: Vec<&str> = projection.attributes().collect();
    let named = to_item_of(item.as_ref(), &|name| names.binary_search(&name).is_ok());
    Arc::new(projection.project(&named))
}
