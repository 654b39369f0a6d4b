//! What of an item a read returns.

use std::sync::Arc;

use stator_expression::Projection;
use stator_model::{SharedItem, pick};

/// What a read with this projection returns of an item: a part of it, which may be empty, or all. What was
/// read and is charged is the whole item.
pub(crate) fn projected(projection: Option<&Projection>, item: SharedItem) -> SharedItem {
    let Some(projection) = projection else { return item };
    let names: Vec<&str> = projection.attributes().collect();
    Arc::new(projection.project(&pick(item.as_ref(), &names)))
}
