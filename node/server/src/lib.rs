//! The storage node as a process: what the `stator-node` binary is made of.
//!
//! Everything here touches the world: sockets, threads, clocks, signals, files. What it carries
//! around is decided elsewhere, in crates that never see any of these. In reading order: [`cli`] and
//! [`process`] (how it starts and stops), [`edge`] (the client port), [`node`] (the threads behind
//! it), [`peer`] (messages between nodes), [`manifests`] (tables from files), [`admin`] and [`metrics`] (what an operator sees),
//! [`clock`] and [`random`] (the only places that read either).

pub mod admin;
pub mod cli;
pub mod clock;
pub mod edge;
mod greeting;
pub mod manifests;
pub mod metrics;
pub mod node;
pub mod peer;
pub mod process;
pub mod random;
