//! The limits of the service, from "Quotas and limits in Amazon DynamoDB" (developer guide).

/// Bytes of an item, attribute names included.
pub const ITEM_BYTES: usize = 409_600;
/// Bytes of a partition key's value (numbers are exempt).
pub const PARTITION_KEY_BYTES: usize = 2_048;
/// Bytes of a sort key's value (numbers are exempt).
pub const SORT_KEY_BYTES: usize = 1_024;
/// Levels of values: the value of an attribute is on the first, what a list or map holds is one further
/// in, so that a value may lie in 31 lists and maps.
pub const NESTING_LEVELS: usize = 32;
/// Bytes of the name of a key attribute.
pub const KEY_NAME_BYTES: usize = 255;
/// Bytes of the name of any other attribute.
pub const ATTRIBUTE_NAME_BYTES: usize = 65_535;
/// Bytes of a request body, after any content encoding is undone.
pub const BODY_BYTES: usize = 16 * 1024 * 1024;
/// Local secondary indexes of a table.
pub const LOCAL_INDEXES: usize = 5;
/// Non-key attributes that one index projects by name. With five local indexes that is also the most of a
/// table, 100.
pub const NON_KEY_ATTRIBUTES: usize = 20;
/// Bytes of an item collection, where there are local indexes: items and entries with one partition key.
pub const COLLECTION_BYTES: u64 = 10 << 30;
/// Tags of a table.
pub const TAGS: usize = 50;
/// Characters of a tag's key, of which there is at least one.
pub const TAG_KEY_CHARS: usize = 128;
/// Characters of a tag's value.
pub const TAG_VALUE_CHARS: usize = 256;
