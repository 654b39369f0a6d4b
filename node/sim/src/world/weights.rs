//! Who gets to do how much in one life.

use crate::plan::Plan;
use crate::random::Random;

/// How much each gets to do in one life.
pub(super) struct Weights {
    pub(super) actors: [u64; 8],
    pub(super) clients: u64,
    pub(super) time: u64,
    pub(super) jump: u64,
    pub(super) pressure: u64,
}

impl Weights {
    pub(super) fn drawn(random: &mut Random, plan: &Plan) -> Self {
        Self {
            actors: std::array::from_fn(|_| random.within(1, 12)),
            clients: random.within(1, 8),
            time: random.within(1, 4),
            jump: u64::from(plan.clock_jumps),
            pressure: plan.pressure,
        }
    }

    /// Those of a node that is to come to rest.
    pub(super) fn even() -> Self {
        Self { actors: [4; 8], clients: 4, time: 1, jump: 0, pressure: 0 }
    }
}
