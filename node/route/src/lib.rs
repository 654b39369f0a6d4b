//! Finds the partition that answers a request and the node that leads it, and decides what to do when
//! they do not answer.
//!
//! Requests are state machines without I/O: the server (or the simulator) asks [`WriteRoute::next`] or
//! [`ReadRoute::next`] what to do, does it, and reports what came of it. The rules live here: which
//! partition holds a key, which node is asked, what may be tried again and until when. A write is tried
//! again only where it is known that nothing was done. What another node forwarded is a [`ServedWrite`] or
//! a [`ServedRead`], and is done here or not at all.

mod leaders;
mod read;
mod resolve;
mod serve;
#[cfg(test)]
mod testing;
mod write;

pub use leaders::{Alone, Leaders};
pub use read::{ReadRoute, ReadStep};
pub use serve::{ServedRead, ServedReadStep, ServedWrite, ServedWriteStep};
pub use write::{Attempt, WriteRoute, WriteStep};
