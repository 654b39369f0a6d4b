//! AWS JSON 1.0 as DynamoDB speaks it: requests in, replies and errors out.
//!
//! Owns the error catalogue, the JSON form of values, the texts for a JSON value of the wrong kind,
//! and what the head of a request must look like. Bytes come in and go out; this crate never opens a
//! socket, never knows a table, never verifies a signature. It keeps nothing between requests.
//!
//! Bodies are untrusted: nothing here panics on them, recursion is bounded by the nesting limit of
//! values, and memory by the size of the body.

pub mod error;
pub mod found;
pub mod head;
pub mod reply;
pub mod shape;
pub mod value;
pub mod writer;

pub use error::{ApiError, ErrorCode};
pub use found::Found;
pub use head::{ContentType, Credentials, Service, Target};
pub use shape::{
    AnyList, AnyMap, Entries, Entry, Member, Scope, Shape, is_json, parse, read_members,
};
pub use value::{Attributes, NamedValues, ValueError, WrittenKey};
pub use writer::JsonWriter;
