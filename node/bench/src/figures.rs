//! The figures, one file each, in the order in which they are measured.

pub mod hot_item;
pub mod memory;
pub mod put_latency;
pub mod put_rate;
pub mod put_syncs;
pub mod read_cpu;
pub mod scan;
pub mod start;
pub mod tables;
pub mod work;

use crate::figure::Figure;

/// All figures.
pub const FIGURES: &[Figure] = &[
    read_cpu::FIGURE,
    put_rate::FIGURE,
    put_latency::FIGURE,
    put_syncs::FIGURE,
    hot_item::FIGURE,
    memory::FIGURE,
    scan::FIGURE,
    start::FIGURE,
    tables::FIGURE,
];
