//! Every reader of bytes that nobody vouches for, under a fuzzer: request bodies, expressions, numbers,
//! items, records on disk, manifests, request heads.
//!
//! A [`Target`] feeds an input to one of them through its public surface and asserts what must hold of
//! whatever comes out. A [`Meter`] runs targets and holds each input to bounds: memory in proportion to
//! its length, time in proportion to what other inputs took. Whatever is exceeded is a [`Finding`], and
//! so is a panic.
//!
//! Three engines use the targets. The test of this crate replays what is saved under `corpus/`, and
//! changes of it, on every run of the tests. `stator-fuzz stretch` makes inputs long, which shows what
//! grows faster than they do. `.ci/fuzz` builds the targets with libFuzzer, on the stable toolchain, and is
//! guided by coverage.
//!
//! To be read in this order: [`target`], [`meter`], [`seeds`], [`corpus`], [`mutate`], [`engine`], [`cli`]. Nothing
//! here is a part of a server, and nothing else may depend on it: it brings an allocator that counts.

pub mod cli;
pub mod corpus;
pub mod engine;
pub mod meter;
pub mod mutate;
pub mod seeds;
pub mod target;
mod targets;
#[expect(dead_code, reason = "sessions of the operations' own tests need more of it")]
#[path = "../../operation/tests/it/world.rs"]
mod world;

pub use meter::{Finding, Meter};
pub use target::{TARGETS, Target};
