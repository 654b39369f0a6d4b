//! The core and the applier, driven by hand: what is answered when, and what a restart finds.

mod rig;

mod evaluation;
mod groups;
mod restart;
