//! What waits to be applied: a queue for each keyspace.
//!
//! A commit to a keyspace whose flushes are behind sleeps in the store, whoever makes it, and holds up
//! the commits to every other keyspace. So a keyspace that is behind is skipped until it has drained,
//! and what is for it waits here. How much and how long is bounded: beyond [`Limits`] the keyspace is
//! reported as behind, and leaders refuse writes to it.
//!
//! IMPORTANT: a partition lies in one tablet, hence in one keyspace, hence in one queue, and a queue is
//! skipped as a whole: the entries of a partition keep their order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use stator_model::TabletId;

use super::{Applied, ApplyTask, CommittedEntry};
use crate::entry::Effect;

/// Bytes of entries that one round applies, about: half of a keyspace's memtable, so that a keyspace is
/// looked at again before it has sealed a second one.
const ROUND_BYTES: u64 = 4 << 20;

/// How far a keyspace may be behind before writes to it are refused. It counts as behind until it is
/// below the half of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the oldest entry may wait.
    pub wait: Duration,
    /// Bytes of entries that may wait.
    pub bytes: u64,
}

impl Default for Limits {
    /// A second and 64 MiB: a flush that takes its time is not worth an error, and clients that wait
    /// longer had better be told.
    fn default() -> Self {
        Self { wait: Duration::from_secs(1), bytes: 64 << 20 }
    }
}

/// The queues. See the module.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: BTreeMap<u8, Lane>,
    /// The keyspace whose turn it is.
    next: u8,
    limits: Limits,
}

#[derive(Default)]
struct Lane {
    waiting: VecDeque<Waiting>,
    /// Of all entries in it.
    bytes: u64,
    is_behind: bool,
}

struct Waiting {
    since: Duration,
    task: ApplyTask,
}

impl Lanes {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Puts a task behind those that wait for its keyspace.
    pub(super) fn push(&mut self, task: ApplyTask, now: Duration) {
        let lane = self.lanes.entry(task.tablet().keyspace).or_default();
        lane.bytes += task.bytes();
        lane.waiting.push_back(Waiting { since: now, task });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lanes.values().all(|lane| lane.waiting.is_empty())
    }

    /// Bytes of the entries that wait.
    pub(super) fn bytes(&self) -> u64 {
        self.lanes.values().map(|lane| lane.bytes).sum()
    }

    /// Tasks for one round, from keyspaces that are not to be skipped. Who got nothing because the round
    /// was full is first in the next.
    pub(super) fn take(&mut self, mut skips: impl FnMut(u8) -> bool) -> Vec<ApplyTask> {
        let (mut round, mut budget) = (Vec::new(), ROUND_BYTES);
        let turns = self.lanes.range(self.next..).chain(self.lanes.range(..self.next));
        let waiting = turns.filter(|(_, lane)| !lane.waiting.is_empty());
        let turns: Vec<u8> = waiting.map(|(keyspace, _)| *keyspace).collect();
        for keyspace in turns {
            if budget == 0 {
                self.next = keyspace;
                break;
            }
            if skips(keyspace) {
                continue;
            }
            if let Some(lane) = self.lanes.get_mut(&keyspace) {
                lane.take(&mut budget, &mut round);
            }
        }
        round
    }

    /// The keyspaces that have fallen behind, or caught up, since this was asked last.
    pub(super) fn changes(&mut self, now: Duration) -> Vec<Applied> {
        let limits = self.limits;
        let changed = self.lanes.iter_mut().filter_map(|(&keyspace, lane)| {
            let is_behind = lane.exceeds(if lane.is_behind { limits.half() } else { limits }, now);
            let changed = std::mem::replace(&mut lane.is_behind, is_behind) != is_behind;
            let news = if is_behind {
                Applied::Behind { keyspace }
            } else {
                Applied::CaughtUp { keyspace }
            };
            changed.then_some(news)
        });
        changed.collect()
    }
}

impl Limits {
    fn half(self) -> Self {
        Self { wait: self.wait / 2, bytes: self.bytes / 2 }
    }
}

impl Lane {
    fn take(&mut self, budget: &mut u64, round: &mut Vec<ApplyTask>) {
        while *budget > 0
            && let Some(first) = self.waiting.front_mut()
        {
            let part = first.task.split(budget);
            let Some(task) = part.or_else(|| self.waiting.pop_front().map(|whole| whole.task))
            else {
                return;
            };
            self.bytes -= task.bytes();
            round.push(task);
        }
    }

    fn exceeds(&self, limits: Limits, now: Duration) -> bool {
        let oldest = self.waiting.front().map_or(now, |waiting| waiting.since);
        self.bytes > limits.bytes || now.saturating_sub(oldest) > limits.wait
    }
}

impl ApplyTask {
    fn tablet(&self) -> TabletId {
        match self {
            Self::Open { handle, .. } | Self::Entries { handle, .. } => handle.tablet(),
            Self::Close { tablet, .. } => *tablet,
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Open { .. } | Self::Close { .. } => 0,
            Self::Entries { entries, .. } => entries.iter().map(CommittedEntry::bytes).sum(),
        }
    }

    /// Takes its first entries, as many as the budget has room for and at least one. `None` if that is
    /// all of it.
    fn split(&mut self, budget: &mut u64) -> Option<Self> {
        let Self::Entries { handle, entries } = self else { return None };
        let mut count = 0;
        while *budget > 0
            && let Some(entry) = entries.get(count)
        {
            *budget = budget.saturating_sub(entry.bytes());
            count += 1;
        }
        (count < entries.len()).then(|| Self::Entries {
            handle: Arc::clone(handle),
            entries: entries.drain(..count).collect(),
        })
    }
}

impl CommittedEntry {
    /// What it weighs in memory, about.
    fn bytes(&self) -> u64 {
        let effects = self.writes.iter().flat_map(|writes| &writes.effects);
        let bytes =
            |effect: &Effect| effect.key.len() + effect.value.as_ref().map_or(0, Bytes::len);
        let heap: usize = effects.map(bytes).sum();
        (heap + std::mem::size_of::<Self>()) as u64
    }
}
