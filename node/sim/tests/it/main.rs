//! Runs by the thousand.

mod crash_points;
mod planted;
mod seeds;
mod short_lives;

/// What an environment variable says; nothing if it is absent.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text:?}")))
}
