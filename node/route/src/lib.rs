//! Finds the partition that answers a request, and decides what to do when it does not.
//!
//! Requests are state machines without I/O: the server (or the simulator) asks [`WriteRoute::next`] or
//! [`ReadRoute::next`] what to do, does it, and reports what came of it. The rules live here: which
//! partition holds a key, what may be tried again and until when. A write is tried again only where it
//! is known that nothing was done.

mod read;
mod resolve;
#[cfg(test)]
mod testing;
mod write;

pub use read::{ReadRoute, ReadStep};
pub use write::{Attempt, WriteRoute, WriteStep};
