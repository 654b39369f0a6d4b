//! The operations, from a request's body to a reply's, against tables in memory.

mod compatibility;
mod legacy;
mod property;
mod session;
mod wire;
mod world;
