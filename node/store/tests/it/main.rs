//! The store through its public surface: both engines against one model, the hazards of fjall that
//! the store is built around, damage on disk, and the space that dropped tablets give back.

// clippy allows unwrap and indexing in tests, and takes helpers for tests only below `cfg(test)`.
#[cfg(test)]
mod engines;
#[cfg(test)]
mod hazards;
#[cfg(test)]
mod open;
#[cfg(test)]
mod reclaim;
#[cfg(test)]
mod support;
