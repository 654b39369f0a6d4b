//! A node that is killed again and again before it has lived for a second, and so before the store is
//! synced by the clock.

use stator_sim::{Plan, run};

/// Bytes of a segment. A life fills one or two.
const SEGMENT: u64 = 64 * 1024;
/// The segments that a start lets pass, and those that the life after it may have filled.
const MOST: u64 = 4 + 2;

#[test]
fn the_log_stays_short_over_many_short_lives() {
    let mut longest = 0;
    for seed in 0..5 {
        let plan = Plan {
            lives: 100,
            steps: 1_000,
            clients: 6,
            large: u64::MAX,
            segment_bytes: SEGMENT,
            first_segment_bytes: SEGMENT,
            persist_every: 600_000,
            // A hundred deaths leave so many updates without an answer that the search for an order of
            // them would not end; this is about the log.
            updates: 0,
            conditions: 0,
            ..Plan::drawn(2_000_000 + seed)
        };
        let summary = run(&plan).unwrap_or_else(|failure| panic!("{failure}"));
        assert!(summary.answered > 100, "{summary:#?}");
        longest = longest.max(summary.longest_log);
    }
    println!("the longest log kept {longest} bytes");
    assert!(longest <= MOST * SEGMENT, "a log kept {longest} bytes in segments of {SEGMENT}");
}
