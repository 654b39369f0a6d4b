//! Routes in a cluster of several nodes, through the crate's public surface.

mod cluster;
mod reads;
mod rules;
mod writes;
