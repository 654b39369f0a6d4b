use proptest::prelude::*;

use super::{Timestamp, UnixMillis};

proptest! {
    #[test]
    fn the_next_timestamp_is_later_and_not_before_the_clock(
        bits in 0..u64::MAX, now in 0..1_u64 << 48,
    ) {
        let last = Timestamp::from_bits(bits);
        let next = last.after(UnixMillis(now));
        prop_assert!(next > last);
        prop_assert!(next.millis() >= UnixMillis(now));
        prop_assert!(next.millis() == UnixMillis(now) || next.bits() == bits + 1);
    }
}

#[test]
fn a_standing_clock_counts_and_carries_into_the_next_millisecond() {
    let start = Timestamp::ZERO.after(UnixMillis(5));
    assert_eq!(start.to_string(), "5.0");
    let mut last = start;
    for _ in 0..65_536 {
        last = last.after(UnixMillis(5));
    }
    assert_eq!((last.millis(), last.to_string()), (UnixMillis(6), "6.0".to_owned()));
    assert_eq!(last.after(UnixMillis(3)).to_string(), "6.1", "a clock set back does not matter");
}
