//! Decides whether a history is linearizable (Wing, Gong: "Testing and Verifying Concurrent Objects",
//! 1993; with memoisation of what was tried, after Lowe: "Testing for Linearizability", 2017).
//!
//! An operation took effect at one moment between its call and its return. The checker looks for an
//! order of such moments in which a sequential model gives every answer that was seen. Operations
//! without a return may take effect at any time after their call, or never.
//!
//! Nothing here knows what an object is: see [`Model`].

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;

/// A moment of a run: the number of its step. No two things happen in one.
pub type Moment = u64;

/// What a sequential object answers.
pub trait Model {
    /// Where the object stands.
    type State: Clone + Eq + Hash + Debug;
    /// An operation together with the answer that was seen.
    type Operation: Debug;

    /// How the object begins.
    fn initial(&self) -> Self::State;

    /// The state after the operation, if its answer is right in `state`.
    fn step(&self, state: &Self::State, operation: &Self::Operation) -> Option<Self::State>;
}

/// An operation and when it ran.
#[derive(Clone, Debug)]
pub struct Call<O> {
    /// When it was called.
    pub called: Moment,
    /// When it returned; `None` if it did not: then it may have happened, or not.
    pub returned: Option<Moment>,
    /// What was asked and answered.
    pub operation: O,
}

/// How far the search got in the best case, for the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotLinearizable {
    /// The most operations that could be put into an order.
    pub ordered: usize,
    /// The operation that returned first among those that fitted nowhere then.
    pub stuck: usize,
    /// Whether the search was given up: there may be an order all the same.
    pub undecided: bool,
}

/// States that one search looks at, at most. Many operations without a return that leave no trace make more
/// orders than anyone can try.
const STATES: usize = 100_000;

/// Finds an order, or says where there is none.
///
/// # Errors
/// If there is no order.
pub fn check<M: Model>(model: &M, calls: &[Call<M::Operation>]) -> Result<(), NotLinearizable> {
    let mut search = Search::new(model, calls);
    search.run()
}

/// Operations by call time, those that did not return behind all others: they are tried when nothing else
/// fits. A set of them as words of 64 bits.
struct Search<'a, M: Model> {
    model: &'a M,
    calls: Vec<(usize, &'a Call<M::Operation>)>,
    /// How many of them returned.
    returned: usize,
    done: Bits,
    /// Operations that returned and are not ordered yet.
    owed: usize,
    ordered: Vec<(usize, M::State)>,
    tried: HashSet<(Bits, M::State)>,
    best: NotLinearizable,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Bits(Vec<u64>);

impl Bits {
    fn contains(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    fn flip(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word ^= 1 << (at % 64);
        }
    }
}

impl<'a, M: Model> Search<'a, M> {
    fn new(model: &'a M, calls: &'a [Call<M::Operation>]) -> Self {
        let mut sorted: Vec<_> = calls.iter().enumerate().collect();
        sorted.sort_by_key(|(_, call)| (call.returned.is_none(), call.called));
        let returned = sorted.iter().filter(|(_, call)| call.returned.is_some()).count();
        Self {
            model,
            done: Bits(vec![0; sorted.len().div_ceil(64)]),
            owed: returned,
            returned,
            calls: sorted,
            ordered: Vec::new(),
            tried: HashSet::new(),
            best: NotLinearizable { ordered: 0, stuck: 0, undecided: false },
        }
    }

    /// Depth first, without recursion: histories are long.
    fn run(&mut self) -> Result<(), NotLinearizable> {
        let mut state = self.model.initial();
        let mut from = 0;
        loop {
            if self.owed == 0 {
                return Ok(());
            }
            if let Some((at, next)) = self.next_fit(&state, from) {
                if self.tried.len() > STATES {
                    return Err(NotLinearizable { undecided: true, ..self.best });
                }
                self.flip(at);
                let before = std::mem::replace(&mut state, next);
                self.ordered.push((at, before));
                from = 0;
                continue;
            }
            self.note_stuck();
            let Some((at, before)) = self.ordered.pop() else {
                return Err(self.best);
            };
            self.flip(at);
            state = before;
            from = at + 1;
        }
    }

    /// The next operation, from `from` on, that may come now and leads to something new.
    fn next_fit(&mut self, state: &M::State, from: usize) -> Option<(usize, M::State)> {
        // Whatever was called after something else returned cannot come before that.
        let limit = self.first_return();
        let mut at = self.first_open().max(from);
        while let Some((_, call)) = self.calls.get(at) {
            if limit.is_some_and(|limit| call.called > limit) {
                // Calls rise: no further one that returned may come, those that did not may.
                if at >= self.returned {
                    return None;
                }
                at = self.returned;
                continue;
            }
            if self.done.contains(at) {
                at += 1;
                continue;
            }
            if let Some(next) = self.model.step(state, &call.operation) {
                self.done.flip(at);
                let is_new = self.tried.insert((self.done.clone(), next.clone()));
                self.done.flip(at);
                if is_new {
                    return Some((at, next));
                }
            }
            at += 1;
        }
        None
    }

    fn first_open(&self) -> usize {
        let full = self.done.0.iter().take_while(|word| **word == u64::MAX).count();
        full * 64
    }

    /// When the first of those not ordered returned.
    fn first_return(&self) -> Option<Moment> {
        self.open().filter_map(|(_, call)| call.returned).min()
    }

    fn open(&self) -> impl Iterator<Item = &(usize, &'a Call<M::Operation>)> {
        let from = self.first_open();
        let rest = self.calls.iter().enumerate().skip(from);
        rest.filter(|(at, _)| !self.done.contains(*at)).map(|(_, call)| call)
    }

    fn note_stuck(&mut self) {
        if self.ordered.len() >= self.best.ordered {
            let first = self
                .open()
                .filter_map(|(original, call)| Some((call.returned?, *original)))
                .min()
                .map_or(0, |(_, original)| original);
            let ordered = self.ordered.len();
            self.best = NotLinearizable { ordered, stuck: first, undecided: false };
        }
    }

    fn flip(&mut self, at: usize) {
        let returned = self.calls.get(at).is_some_and(|(_, call)| call.returned.is_some());
        if returned {
            if self.done.contains(at) { self.owed += 1 } else { self.owed -= 1 }
        }
        self.done.flip(at);
    }
}

#[cfg(test)]
mod tests;
