//! Local indexes in the record of their table.

use stator_model::{LocalIndexId, Projection};

use super::table::v1::KeyAttribute;
use super::table::{attribute, attribute_message};

/// A local index.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LocalIndex {
    #[prost(uint32, tag = "1")]
    id: u32,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, optional, tag = "3")]
    sort_key: Option<KeyAttribute>,
    /// 1 all, 2 keys only, 3 include.
    #[prost(uint32, tag = "4")]
    projection: u32,
    /// With 3.
    #[prost(string, repeated, tag = "5")]
    included: Vec<String>,
}

pub(super) fn message(index: &stator_model::LocalIndex) -> LocalIndex {
    let (projection, included) = match &index.projection {
        Projection::All => (1, Vec::new()),
        Projection::KeysOnly => (2, Vec::new()),
        Projection::Include(names) => (3, names.clone()),
    };
    LocalIndex {
        id: u32::from(index.id.0),
        name: index.name.clone(),
        sort_key: Some(attribute_message(&index.sort)),
        projection,
        included,
    }
}

/// `None` if it cannot be.
pub(super) fn index(message: LocalIndex) -> Option<stator_model::LocalIndex> {
    let projection = match message.projection {
        1 => Projection::All,
        2 => Projection::KeysOnly,
        3 => Projection::Include(message.included),
        _ => return None,
    };
    let id = LocalIndexId(u8::try_from(message.id).ok()?);
    let sort = attribute(message.sort_key?)?;
    Some(stator_model::LocalIndex { id, name: message.name, sort, projection })
        .filter(|index| !index.name.is_empty())
}
