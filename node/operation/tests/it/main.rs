//! The operations, from a request's body to a reply's, against tables in memory.

mod property;
mod session;
mod world;
