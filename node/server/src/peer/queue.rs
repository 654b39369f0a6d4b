//! What waits to be sent to one node on one lane: bounded by bytes and by time.
//!
//! Whoever sends never waits. While the stream is down nothing is kept: what Raft sends it sends again, and a
//! request that is forwarded has a deadline. What waited too long is dropped where it stands, because a
//! message that comes late is work for the other side and of no use to it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use super::{LaneLimits, NotSent};
use crate::clock;

/// Bytes that are handed to the socket at once.
const BATCH_BYTES: usize = 256 * 1024;

/// The queue. See the module.
#[derive(Debug)]
pub(super) struct Queue {
    limits: LaneLimits,
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    open: bool,
    waiting: VecDeque<(Duration, Bytes)>,
    bytes: usize,
    /// Messages dropped because they waited too long.
    late: u64,
}

impl State {
    fn pop(&mut self) -> Option<Bytes> {
        let (_, message) = self.waiting.pop_front()?;
        self.bytes -= message.len();
        Some(message)
    }

    fn drop_late(&mut self, now: Duration, age: Duration) {
        while let Some((since, _)) = self.waiting.front()
            && now.saturating_sub(*since) > age
        {
            self.pop();
            self.late += 1;
        }
    }
}

impl Queue {
    pub(super) fn new(limits: LaneLimits) -> Self {
        Self { limits, state: Mutex::default(), news: Notify::new() }
    }

    /// From here on messages are taken.
    pub(super) fn open(&self) {
        self.state().open = true;
    }

    /// The stream is gone, and what waited for it.
    pub(super) fn close(&self) {
        let late = self.state().late;
        *self.state() = State { late, ..State::default() };
    }

    /// Queues a message, or says why not.
    pub(super) fn push(&self, message: Bytes) -> Result<(), NotSent> {
        if message.len() > self.limits.message_bytes {
            return Err(NotSent::TooLong);
        }
        let now = clock::running();
        let mut state = self.state();
        if !state.open {
            return Err(NotSent::Down);
        }
        state.drop_late(now, self.limits.queue_time);
        if state.bytes + message.len() > self.limits.queue_bytes {
            return Err(NotSent::Full);
        }
        state.bytes += message.len();
        state.waiting.push_back((now, message));
        drop(state);
        self.news.notify_one();
        Ok(())
    }

    /// The next messages, at least one; waits for it.
    pub(super) async fn next(&self, batch: &mut Vec<Bytes>) {
        loop {
            if self.take(batch) {
                return;
            }
            self.news.notified().await;
        }
    }

    /// How many messages were dropped because they waited too long.
    pub(super) fn late(&self) -> u64 {
        self.state().late
    }

    fn take(&self, batch: &mut Vec<Bytes>) -> bool {
        let mut state = self.state();
        state.drop_late(clock::running(), self.limits.queue_time);
        let mut taken = 0;
        while taken < BATCH_BYTES
            && let Some(message) = state.pop()
        {
            taken += message.len();
            batch.push(message);
        }
        !batch.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::Queue;
    use crate::peer::{LaneLimits, NotSent};

    fn queue(queue_time: Duration) -> Queue {
        let queue = Queue::new(LaneLimits {
            message_bytes: 10,
            queue_bytes: 25,
            queue_time,
            inbound_bytes: 100,
        });
        queue.open();
        queue
    }

    fn message(length: usize) -> Bytes {
        vec![7; length].into()
    }

    fn taken(queue: &Queue) -> Vec<usize> {
        let mut batch = Vec::new();
        queue.take(&mut batch);
        batch.iter().map(Bytes::len).collect()
    }

    #[test]
    fn bytes_are_bounded() {
        let queue = queue(Duration::from_secs(1_000));
        assert_eq!(queue.push(message(11)), Err(NotSent::TooLong));
        assert_eq!(queue.push(message(10)), Ok(()));
        assert_eq!(queue.push(message(10)), Ok(()));
        assert_eq!(queue.push(message(6)), Err(NotSent::Full));
        assert_eq!(queue.push(message(5)), Ok(()));
        assert_eq!(taken(&queue), [10, 10, 5]);
        assert_eq!(queue.push(message(10)), Ok(()), "there is room again");
    }

    #[test]
    fn what_waited_too_long_is_dropped() {
        let queue = queue(Duration::ZERO);
        assert_eq!(queue.push(message(10)), Ok(()));
        let pushed = crate::clock::running();
        while crate::clock::running() <= pushed {}
        assert!(taken(&queue).is_empty());
        assert_eq!(queue.late(), 1);
    }

    #[test]
    fn nothing_is_kept_for_a_node_that_is_down() {
        let queue = queue(Duration::from_secs(1_000));
        assert_eq!(queue.push(message(1)), Ok(()));
        queue.close();
        assert_eq!(queue.push(message(1)), Err(NotSent::Down));
        queue.open();
        assert!(taken(&queue).is_empty());
    }
}
