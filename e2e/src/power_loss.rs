//! Power loss on real files: what a disk may hold after it.
//!
//! ```text
//!  real program ──► e2e/power-loss/interpose.c ──► trace ──► Disk, up to a cut ──► Image ──► folder
//!                   (preloaded)                    every change    (what is safe,    (one of the
//!                                                  and sync         what is not)      possible)
//! ```
//!
//! The interposed library records every change to the files of one directory, and every sync, in the
//! order in which they happened. [`Disk`] replays a trace up to a cut and keeps apart what a returned
//! sync vouches for and what it does not; [`Disk::image`] draws, from a seed, one of the states in
//! which a disk may be found if the power fails there. It shares no code with the server, and knows
//! nothing of what the files mean.

mod content;
mod disk;
mod file;
mod image;
mod interposer;
mod names;
mod trace;

pub use disk::{Disk, Faults};
pub use image::{Entry, Image};
pub use interposer::{Interposer, Tracing};
pub use trace::{Operation, Record, Sync, Trace};

#[cfg(test)]
mod tests;
