//! The bytes that all requests together may hold.
//!
//! Each connection is bounded by itself, but ten thousand clients that send 16 MiB each are not: what
//! a request holds is taken from one budget, and a request that finds it empty is refused at once.
//! Nobody waits for a share, so half-read bodies cannot wait for each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes held, and how many may be.
#[derive(Debug)]
pub(super) struct Budget {
    held: AtomicUsize,
    limit: usize,
}

/// A share of the budget, given back when dropped.
#[derive(Debug)]
pub(super) struct Hold {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        Self { held: AtomicUsize::new(0), limit }
    }

    /// A share of nothing, to be grown.
    pub(super) fn hold(self: &Arc<Self>) -> Hold {
        Hold { budget: Arc::clone(self), bytes: 0 }
    }

    /// Whether anything is left.
    pub(super) fn has_room(&self) -> bool {
        self.held.load(Ordering::Relaxed) < self.limit
    }

    /// Bytes held now.
    #[cfg(test)]
    fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

impl Hold {
    /// Takes `bytes` more, or nothing if they would exceed the limit.
    #[must_use]
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let held = self.budget.held.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        let fits = held.saturating_add(bytes) <= self.budget.limit;
        if !fits {
            self.shrink(bytes);
        }
        fits
    }

    /// Takes `bytes` more even if nothing is left: a reply of what has been done is never refused,
    /// but requests are, until it has been sent.
    pub(super) fn grow_beyond(&mut self, bytes: usize) {
        self.budget.held.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
    }

    /// Gives all back.
    pub(super) fn release(&mut self) {
        self.shrink(self.bytes);
    }

    fn shrink(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.budget.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_end_at_the_limit_and_come_back() {
        let budget = Arc::new(Budget::new(10));
        let mut first = budget.hold();
        let mut second = budget.hold();
        assert!(first.grow(4));
        assert!(second.grow(6));
        assert!(!first.grow(1));
        assert_eq!(budget.held(), 10);
        drop(second);
        assert!(first.grow(6));
        first.grow_beyond(5);
        assert_eq!(budget.held(), 15);
        assert!(!budget.hold().grow(1));
        first.release();
        assert_eq!(budget.held(), 0);
    }
}
