//! The vocabulary of DynamoDB: what a value, a number, an item, a key and a table are.
//!
//! Every other crate speaks in these types. Nothing here does I/O, is asynchronous, reads a clock or
//! draws a random number; nothing here knows JSON, disks or Raft. Types are built through checked
//! constructors, so that a value in hand is a valid one.

pub mod binary;
mod build;
pub mod history;
pub mod id;
pub mod index;
pub mod item;
pub mod key;
pub mod limits;
pub mod number;
pub mod rules;
pub mod set;
pub mod settings;
pub mod table;
pub mod time;
pub mod value;

pub use build::{to_item, to_item_of};
pub use history::{TableHistory, Warmth};
pub use id::{
    DescriptionVersion, Epoch, LogIndex, NodeId, PartitionId, ReplicaId, StartNumber, TableId,
    TabletId, Term,
};
pub use index::{IndexEntry, IndexKeyError, IndexLocation, LocalIndex, LocalIndexId, Projection};
pub use item::{AttributeMap, DuplicateName, Item, ItemSize, ItemView, SharedItem};
pub use key::{HashSecret, KeyHash, KeyRange, KeyValue, Location, PrimaryKey, SortRange};
pub use number::{Number, NumberError};
pub use rules::ValueRule;
pub use set::{SetMembers, SetMismatch, set_union};
pub use settings::{OnDemandCaps, TableClass, TableSettings, Tags};
pub use table::{
    Billing, KeyAttribute, KeyError, KeySchema, KeyType, TableDescription, TableStatus,
};
pub use time::{Timestamp, UnixMillis};
pub use value::{AttributeValue, SetError, ValueVisitor, check_set};
