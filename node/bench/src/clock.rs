//! The one place that reads clocks and waits for them.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment on the clock that only moves forwards.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// Time since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

/// Waits until a moment that a schedule names: load comes when it is due, not when a reply lets it.
#[expect(clippy::disallowed_methods, reason = "an open loop is a schedule, not a race")]
pub fn wait_until(moment: Instant) {
    let left = moment.saturating_duration_since(now());
    if !left.is_zero() {
        std::thread::sleep(left);
    }
}

/// Asks again every 5 ms until the answer is yes; `false` if it is not within `limit`.
pub fn poll(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = now() + limit;
    loop {
        if done() {
            return true;
        }
        if now() >= deadline {
            return false;
        }
        wait_until(now() + Duration::from_millis(5));
    }
}

/// The date and time in UTC, to the minute: `2026-11-21 18:20`.
pub fn date_and_time() -> String {
    let minutes = wall().as_secs() / 60;
    let (year, month, day) = civil(minutes / (24 * 60));
    let (hour, minute) = (minutes / 60 % 24, minutes % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}")
}

/// Year, month and day of a day since the epoch: years are counted from March, so that leap days come last.
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_since_the_epoch_are_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_778), (2026, 11, 21));
    }
}
