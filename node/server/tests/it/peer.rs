//! The peer transport between several nodes in this process, over real sockets.

mod certificates;
mod hostile;
mod links;
mod rig;
