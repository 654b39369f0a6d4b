//! **Items are linearizable.** Every acknowledged write happened at one moment between call and
//! answer, every strongly consistent read and every ALL_OLD saw the write before it; a write that was
//! refused never happened, one without an answer happened once or never. Hence nothing acknowledged is
//! lost, nothing is invented, and an item of a deleted table never reappears in a later life of the
//! name (each life has registers of its own).
//!
//! Eventually consistent reads see a value that was written and not one that was replaced before
//! [`STALE`] ago.
//!
//! Reference: docs/ARCHITECTURE.md, "The life of a write", "The life of a read"; Herlihy and Wing,
//! "Linearizability", 1990.

use std::collections::{BTreeMap, BTreeSet};

use crate::content::WriteNumber;
use crate::history::{Get, History, Outcome, Put, Register, RegisterHistory};
use crate::linear::{Call, Model, Moment, check};
use crate::violation::{Verdict, Violation, ensure};

const NAME: &str = "registers";

/// How far back, in moments, an eventually consistent read may look. With one node there is nothing
/// to lag behind: an acknowledged write is in the only store.
pub const STALE: Moment = 0;

/// Checks every register.
///
/// # Errors
/// The first violation.
pub fn hold(history: &History) -> Verdict {
    history.registers.iter().try_for_each(|(register, calls)| hold_one(*register, calls))
}

fn hold_one(register: Register, history: &RegisterHistory) -> Verdict {
    let calls = prepare(register, history)?;
    check(&Cell, &calls).map_err(|stuck| {
        let call = calls.get(stuck.stuck);
        let seen = format!(
            "{register:?}: no order explains the answers; {} of {} can be ordered, then {call:?} \
             fits nowhere. The register's history: {calls:#?}",
            stuck.ordered,
            calls.len()
        );
        Violation::new(NAME, seen)
    })?;
    eventual_reads_hold(register, history)
}

#[derive(Clone, Debug)]
enum Operation {
    Write { new: Option<WriteNumber>, old: Option<Option<WriteNumber>> },
    Read(Option<WriteNumber>),
}

/// A register of the last write.
struct Cell;

impl Model for Cell {
    type State = Option<WriteNumber>;
    type Operation = Operation;

    fn initial(&self) -> Self::State {
        None
    }

    fn step(&self, state: &Self::State, operation: &Operation) -> Option<Self::State> {
        match operation {
            Operation::Write { new, old } => old.is_none_or(|old| old == *state).then_some(*new),
            Operation::Read(found) => (found == state).then_some(*state),
        }
    }
}

/// The calls that the search has to order. Writes that were refused must not have been seen. Writes
/// without an answer that nobody saw need no place: whatever follows one in an order either replaces
/// it unseen or would have seen it. One that was seen happened before the first that saw it returned.
/// That leaves nothing open but deletes, however many crashes there were, and keeps the search short.
fn prepare(
    register: Register,
    history: &RegisterHistory,
) -> Result<Vec<Call<Operation>>, Violation> {
    let seen = first_seen(history);
    let mut calls = Vec::with_capacity(history.puts.len() + history.gets.len());
    for Call { called, returned, operation } in &history.puts {
        let Put { write, deletes, old, outcome } = operation;
        let seen = seen.get(write).copied();
        let returned = match outcome {
            Outcome::Done => *returned,
            Outcome::NotDone => {
                ensure(seen.is_none(), NAME, || {
                    format!("{register:?}: {write:?} was refused and yet seen at {seen:?}")
                })?;
                continue;
            }
            Outcome::Unknown if *deletes => None,
            Outcome::Unknown => match seen {
                Some(_) => seen,
                None => continue,
            },
        };
        let operation = Operation::Write { new: (!deletes).then_some(*write), old: *old };
        calls.push(Call { called: *called, returned, operation });
    }
    let strong = history.gets.iter().filter(|get| get.operation.consistent);
    calls.extend(strong.map(|Call { called, returned, operation }| Call {
        called: *called,
        returned: *returned,
        operation: Operation::Read(operation.found),
    }));
    Ok(calls)
}

/// By write: when the first that saw it returned.
fn first_seen(history: &RegisterHistory) -> BTreeMap<WriteNumber, Moment> {
    let read = history.gets.iter().map(|get| (get.operation.found, get.returned));
    let replaced = history.puts.iter().map(|put| (put.operation.old.flatten(), put.returned));
    let mut first = BTreeMap::new();
    for (write, returned) in read.chain(replaced) {
        if let (Some(write), Some(returned)) = (write, returned) {
            let earliest = first.entry(write).or_insert(returned);
            *earliest = returned.min(*earliest);
        }
    }
    first
}

fn eventual_reads_hold(register: Register, history: &RegisterHistory) -> Verdict {
    let eventual = history.gets.iter().filter(|get| !get.operation.consistent);
    for Call { called, returned, operation: Get { found, .. } } in eventual {
        let may_have_left = |put: &&Call<Put>| match found {
            Some(write) => put.operation.write == *write,
            None => put.operation.deletes && put.operation.outcome != Outcome::NotDone,
        };
        let mut sources: Vec<&Call<Put>> = history.puts.iter().filter(may_have_left).collect();
        sources.retain(|put| Some(put.called) < *returned);
        ensure(found.is_none() || !sources.is_empty(), NAME, || {
            format!("{register:?}: at {called} a read found {found:?}, which nobody had written")
        })?;
        // Nothing is also what there was at first.
        let at_first = found.is_none().then_some(0);
        // Without an answer it may have happened as late as this read.
        let left_at = |put: &&Call<Put>| match put.operation.outcome {
            Outcome::Done => put.returned.unwrap_or(Moment::MAX),
            Outcome::NotDone | Outcome::Unknown => Moment::MAX,
        };
        let since = sources.iter().map(left_at).chain(at_first).max().unwrap_or(0);
        let newer: BTreeSet<WriteNumber> = history
            .puts
            .iter()
            .filter(|put| put.operation.outcome == Outcome::Done && put.called > since)
            .filter(|put| put.returned.is_some_and(|at| at + STALE < *called))
            .map(|put| put.operation.write)
            .collect();
        ensure(newer.is_empty(), NAME, || {
            format!(
                "{register:?}: at {called} a read found {found:?}, replaced by {newer:?} before"
            )
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use stator_model::TableId;

    use super::*;
    use crate::content::KeyNumber;

    const PLACE: Register = Register { table: TableId::from_bytes([1; 16]), key: KeyNumber(1) };

    fn put(history: &mut History, called: Moment, outcome: Outcome, write: u64) {
        let returned = (outcome != Outcome::Unknown).then_some(called + 1);
        let put = Put { write: WriteNumber(write), deletes: false, old: None, outcome };
        history.put(PLACE, called, returned, put);
    }

    fn delete(history: &mut History, called: Moment, outcome: Outcome) {
        let returned = (outcome != Outcome::Unknown).then_some(called + 1);
        let put = Put { write: WriteNumber(1000 + called), deletes: true, old: None, outcome };
        history.put(PLACE, called, returned, put);
    }

    fn get(history: &mut History, called: Moment, consistent: bool, found: Option<u64>) {
        let get = Get { consistent, found: found.map(WriteNumber) };
        history.get(PLACE, called, called + 1, get);
    }

    #[test]
    fn an_acknowledged_write_that_is_gone_is_found() {
        for consistent in [true, false] {
            let mut history = History::default();
            put(&mut history, 1, Outcome::Done, 7);
            get(&mut history, 5, consistent, Some(7));
            assert_eq!(hold(&history), Ok(()));
            get(&mut history, 9, consistent, None);
            assert!(hold(&history).is_err());
        }
    }

    #[test]
    fn a_refused_write_that_is_seen_is_found() {
        let mut history = History::default();
        put(&mut history, 1, Outcome::NotDone, 7);
        get(&mut history, 5, true, None);
        assert_eq!(hold(&history), Ok(()));
        get(&mut history, 9, true, Some(7));
        assert!(hold(&history).is_err());
    }

    #[test]
    fn an_unknown_write_may_happen_once_at_any_time() {
        let mut history = History::default();
        put(&mut history, 1, Outcome::Unknown, 7);
        get(&mut history, 5, true, None);
        get(&mut history, 9, true, Some(7));
        put(&mut history, 11, Outcome::Done, 8);
        get(&mut history, 15, false, Some(8));
        assert_eq!(hold(&history), Ok(()));
        get(&mut history, 19, true, Some(7));
        assert!(hold(&history).is_err());
    }

    #[test]
    fn a_value_that_nobody_wrote_is_found() {
        for consistent in [true, false] {
            let mut history = History::default();
            get(&mut history, 5, consistent, Some(3));
            assert!(hold(&history).is_err());
        }
    }

    #[test]
    fn the_value_that_a_write_replaced_counts_as_a_read() {
        let mut history = History::default();
        put(&mut history, 1, Outcome::Done, 7);
        put(&mut history, 5, Outcome::Done, 8);
        let old = Some(Some(WriteNumber(7)));
        let swap = Put { write: WriteNumber(9), deletes: false, old, outcome: Outcome::Done };
        history.put(PLACE, 9, Some(10), swap);
        assert!(hold(&history).is_err());
    }

    #[test]
    fn a_deleted_item_that_is_seen_again_is_found() {
        for consistent in [true, false] {
            let mut history = History::default();
            put(&mut history, 1, Outcome::Done, 7);
            delete(&mut history, 5, Outcome::Done);
            get(&mut history, 9, consistent, None);
            assert_eq!(hold(&history), Ok(()));
            get(&mut history, 13, consistent, Some(7));
            assert!(hold(&history).is_err());
        }
    }

    #[test]
    fn an_unknown_delete_may_explain_an_absence_once() {
        for consistent in [true, false] {
            let mut history = History::default();
            put(&mut history, 1, Outcome::Done, 7);
            delete(&mut history, 5, Outcome::Unknown);
            get(&mut history, 9, consistent, Some(7));
            get(&mut history, 13, consistent, None);
            assert_eq!(hold(&history), Ok(()));
        }
        let mut history = History::default();
        put(&mut history, 1, Outcome::Done, 7);
        delete(&mut history, 5, Outcome::Unknown);
        get(&mut history, 9, true, None);
        put(&mut history, 11, Outcome::Done, 8);
        get(&mut history, 15, true, None);
        assert!(hold(&history).is_err());
    }
}
