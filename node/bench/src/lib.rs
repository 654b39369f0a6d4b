//! `stator-bench`: how close the node comes to what the machine can do.
//!
//! A rate says little: it is the machine's as much as the program's. So each figure is the ratio of
//! the node to a *bare* program that does only what cannot be avoided (an HTTP echo of the same bytes,
//! an append and a sync of the same bytes), measured in turns in the same minute on the same core. The
//! node is the release binary, started as a child and driven over its socket; nothing here links it.
//!
//! ```text
//!  cli ─► bench ─► figures::* ─► load ─► http, dynamo      client core
//!                      │
//!                      ├─► process ─► stator-node           server core
//!                      ├─► process ─► stator-bench bare …   server core, in turns
//!                      └─► proc: CPU time, memory, writes   from the process table
//!                  report ◄── rows, samples
//! ```
//!
//! On a machine that others use, a rate or a latency by the wall clock is worthless; CPU time per
//! request holds within some 15 %, and counted system calls are exact. Each figure says which of these
//! it is, and the report says what cannot be trusted.

pub mod bare;
pub mod bench;
pub mod cli;
pub mod clock;
pub mod cores;
pub mod drive;
pub mod dynamo;
pub mod error;
pub mod figure;
pub mod figures;
pub mod http;
pub mod item;
pub mod load;
pub mod machine;
pub mod peers;
pub mod proc;
pub mod process;
pub mod report;
pub mod side;
pub mod stats;
pub mod stock;
pub mod strace;
pub mod versus;
