//! The one place that reads the clocks.
//!
//! Everything below the server takes time as a parameter, so that the simulator can own it. The two
//! clocks are kept apart: [`wall`] is what the world calls now and may jump either way; [`monotonic`]
//! never goes backwards and is what durations and deadlines are made of.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stator_model::UnixMillis;

/// Milliseconds since the Unix epoch by the host's wall clock; 0 if the host believes that it is
/// before 1970.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn wall() -> UnixMillis {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    UnixMillis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

/// Time since the process first asked, on the clock that only moves forwards: what deadlines of
/// requests are told in.
pub fn running() -> Duration {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    monotonic().saturating_duration_since(*ORIGIN.get_or_init(monotonic))
}

/// Whole milliseconds since a moment of [`running`].
pub fn millis_since(moment: Duration) -> u64 {
    u64::try_from(running().saturating_sub(moment).as_millis()).unwrap_or(u64::MAX)
}

/// A moment on the clock that only moves forwards.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
pub fn monotonic() -> Instant {
    Instant::now()
}
