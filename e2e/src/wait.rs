//! Waiting for a condition, with a limit.

use std::time::Duration;

/// How often a condition is looked at. Short against anything a test waits for, long against the
/// work of looking.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks with `probe` until it yields something, and returns that.
///
/// # Panics
/// After `limit`, with `what`, which says what was waited for.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let found = tokio::time::timeout(limit, async {
        loop {
            if let Some(value) = probe().await {
                return value;
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("waited {limit:?} in vain for {what}"))
}
