//! Traffic on a node, and what it may be found to hold afterwards: shared by the tests that end a node in
//! some way, do something to its files, and start it again.
//!
//! A [`Load`] writes and notes in a [`History`] what was sent and what was acknowledged; [`compare`] reads
//! every key of a node and holds it against that history.

pub(crate) mod compare;
pub(crate) mod history;
pub(crate) mod load;
pub(crate) mod process;
pub(crate) mod wire;

pub(crate) use compare::{Comparison, compare};
pub(crate) use history::History;
pub(crate) use load::Load;
pub(crate) use process::Process;
pub(crate) use wire::Connection;
