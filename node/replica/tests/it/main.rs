//! The core and the applier, driven by hand: what is answered when, and what a restart finds.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test, and in what tests share, a panic is the report"
)]

mod rig;
mod trio;

mod evaluation;
mod groups;
mod hostile;
mod local_indexes;
mod peers;
mod pressure;
mod restart;
