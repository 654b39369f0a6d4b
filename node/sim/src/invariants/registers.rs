//! **Items are linearizable.** Every acknowledged write happened at one moment between call and
//! answer, every strongly consistent read, every item that a write shows and every refusal of a condition
//! saw the writes before it; a write that was refused never happened, one without an answer happened once
//! or never. Hence nothing acknowledged is lost, nothing is invented, no two win what only one can, no
//! condition is refused that held all the while, and an item of a deleted table never reappears in a
//! later life of the name (each life has registers of its own).
//!
//! Eventually consistent reads see values that were written and none that was replaced before
//! [`STALE`] ago.
//!
//! Reference: docs/ARCHITECTURE.md, "The life of a write", "The life of a read"; Herlihy and Wing,
//! "Linearizability", 1990.

use std::collections::{BTreeMap, BTreeSet};

use crate::change::{Change, Condition, Content, Field, Shown};
use crate::content::WriteNumber;
use crate::history::{Get, History, Outcome, Register, RegisterHistory, Write};
use crate::linear::{Call, Model, Moment, check};
use crate::violation::{Verdict, Violation, ensure};

const NAME: &str = "registers";

/// How far back, in moments, an eventually consistent read may look. With one node there is nothing
/// to lag behind: an acknowledged write is in the only store.
pub const STALE: Moment = 0;

/// Checks every register; returns for how many the search was given up.
///
/// # Errors
/// The first violation.
pub fn hold(history: &History) -> Result<u64, Violation> {
    history.registers.iter().try_fold(0, |undecided, (register, calls)| {
        Ok(undecided + u64::from(!is_decided(*register, calls)?))
    })
}

/// Whether it could be told that a register holds.
fn is_decided(register: Register, history: &RegisterHistory) -> Result<bool, Violation> {
    let calls = prepare(register, history)?;
    let is_decided = match check(&Cell, &calls) {
        Ok(()) => true,
        Err(stuck) if stuck.undecided => false,
        Err(stuck) => {
            let call = calls.get(stuck.stuck);
            let seen = format!(
                "{register:?}: no order explains the answers; {} of {} can be ordered, then {call:?} \
                 fits nowhere. The register's history: {calls:#?}",
                stuck.ordered,
                calls.len()
            );
            return Err(Violation::new(NAME, seen));
        }
    };
    eventual_reads_hold(register, history)?;
    Ok(is_decided)
}

#[derive(Clone, Debug)]
enum Operation {
    Write {
        number: WriteNumber,
        change: Change,
        condition: Option<Condition>,
        shown: Shown,
    },
    /// The condition did not hold, perhaps for the item that is shown.
    Refusal {
        condition: Condition,
        item: Option<Option<Content>>,
    },
    Read(Option<Content>),
}

/// An item.
struct Cell;

impl Model for Cell {
    type State = Option<Content>;
    type Operation = Operation;

    fn initial(&self) -> Self::State {
        None
    }

    fn step(&self, state: &Self::State, operation: &Operation) -> Option<Self::State> {
        let before = *state;
        match *operation {
            Operation::Write { number, change, condition, shown } => {
                let after = change.applied(before, number);
                let may = condition.is_none_or(|condition| condition.holds(before));
                (may && shown.fits(change, before, after)).then_some(after)
            }
            Operation::Refusal { condition, item } => {
                let fits = !condition.holds(before) && item.is_none_or(|item| item == before);
                fits.then_some(before)
            }
            Operation::Read(found) => (found == before).then_some(before),
        }
    }
}

/// The calls that the search has to order. Writes that were refused must not have been seen. A write
/// without an answer that left its number where somebody saw it happened before the first that saw it
/// returned. A PutItem that nobody saw needs no place, unless somebody later saw so little of the item that
/// it may have been there unseen: whatever follows it in an order either replaces it or would have seen it.
/// All others stay open: what they leave may be taken away again by parts.
fn prepare(
    register: Register,
    history: &RegisterHistory,
) -> Result<Vec<Call<Operation>>, Violation> {
    let seen = first_seen(history);
    let glanced = history.writes.iter().filter(|call| sees_a_part(&call.operation));
    let glanced = glanced.filter_map(|call| call.returned).max().unwrap_or(0);
    let mut calls = Vec::with_capacity(history.writes.len() + history.gets.len());
    for Call { called, returned, operation } in &history.writes {
        let Write { number, change, condition, outcome } = *operation;
        let seen = seen.get(&number).copied();
        let write = |shown| Operation::Write { number, change, condition, shown };
        let (returned, operation) = match (outcome, condition) {
            (Outcome::Done(shown), _) => (*returned, write(shown)),
            (Outcome::Unknown, _) if seen.is_some() => (seen, write(Shown::Nothing)),
            (Outcome::Unknown, _) if change == Change::Put && *called > glanced => continue,
            (Outcome::Unknown, _) => (None, write(Shown::Nothing)),
            (Outcome::Refused(_) | Outcome::NotDone, condition) => {
                ensure(seen.is_none(), NAME, || {
                    format!("{register:?}: {number:?} was refused and yet seen at {seen:?}")
                })?;
                let (Outcome::Refused(item), Some(condition)) = (outcome, condition) else {
                    continue;
                };
                (*returned, Operation::Refusal { condition, item })
            }
        };
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

/// Whether the answer depends on the item and does not show all of it.
const fn sees_a_part(write: &Write) -> bool {
    match write.outcome {
        Outcome::Refused(item) => item.is_none(),
        Outcome::Done(Shown::FieldOld(_) | Shown::FieldNew(_)) => true,
        Outcome::Done(Shown::Nothing | Shown::Old(_) | Shown::New(_)) => write.condition.is_some(),
        Outcome::NotDone | Outcome::Unknown => false,
    }
}

/// The writes whose numbers are in an item.
fn writes_in(item: Option<Content>) -> impl Iterator<Item = WriteNumber> {
    let item = item.unwrap_or_default();
    [item.put, item.version, item.first].into_iter().flatten()
}

/// The writes whose numbers the answer to this one shows, or proves to be there.
fn writes_seen_by(write: &Write) -> Vec<WriteNumber> {
    let mut seen: Vec<WriteNumber> = match write.outcome {
        Outcome::Refused(item) => writes_in(item.flatten()).collect(),
        Outcome::Done(Shown::FieldOld(value) | Shown::FieldNew(value)) => {
            let holds_numbers = matches!(write.change.field(), Some(Field::Version | Field::First));
            value.filter(|_| holds_numbers).map(WriteNumber).into_iter().collect()
        }
        Outcome::Done(shown) => writes_in(shown.item()).collect(),
        Outcome::NotDone | Outcome::Unknown => Vec::new(),
    };
    if let (Outcome::Done(_), Some(Condition::Version(expected))) = (write.outcome, write.condition)
    {
        seen.extend(expected);
    }
    // A write that shows what it left itself proves nothing that its answer does not.
    seen.retain(|number| *number != write.number);
    seen
}

/// By write: when the first that saw it returned.
fn first_seen(history: &RegisterHistory) -> BTreeMap<WriteNumber, Moment> {
    let read = history.gets.iter().flat_map(|get| {
        writes_in(get.operation.found).map(|number| (number, get.returned)).collect::<Vec<_>>()
    });
    let shown = history.writes.iter().flat_map(|call| {
        let seen = writes_seen_by(&call.operation).into_iter();
        seen.map(|number| (number, call.returned)).collect::<Vec<_>>()
    });
    let mut first = BTreeMap::new();
    for (write, returned) in read.chain(shown) {
        if let Some(returned) = returned {
            let earliest = first.entry(write).or_insert(returned);
            *earliest = returned.min(*earliest);
        }
    }
    first
}

/// What an eventually consistent read saw, taken apart: each part was left by one write, or is absent.
fn eventual_reads_hold(register: Register, history: &RegisterHistory) -> Verdict {
    let eventual = history.gets.iter().filter(|get| !get.operation.consistent);
    for get in eventual {
        let found = get.operation.found;
        let parts = found.into_iter().flat_map(|item| {
            let part = |change, number: Option<WriteNumber>| Some((change, number?));
            let put = part(Change::Put, item.put);
            [put, part(Change::SetVersion, item.version), part(Change::SetFirst, item.first)]
        });
        for (change, number) in parts.flatten() {
            part_holds(register, history, get, (change, Some(number)))?;
        }
        if found.is_none_or(|item| item.put.is_none()) {
            part_holds(register, history, get, (Change::Erase, None))?;
        }
    }
    Ok(())
}

/// The part of an item that this change leaves: of which write it is, and that nothing newer replaced it.
fn part_holds(
    register: Register,
    history: &RegisterHistory,
    Call { called, returned, operation: Get { found, .. } }: &Call<Get>,
    (change, number): (Change, Option<WriteNumber>),
) -> Verdict {
    let may_have_left = |write: &&Call<Write>| {
        let Write { number: of, change: by, outcome, .. } = write.operation;
        let is_it = number.is_none_or(|number| of == number);
        let happened =
            number.is_some() || !matches!(outcome, Outcome::NotDone | Outcome::Refused(_));
        by == change && is_it && happened && Some(write.called) < *returned
    };
    let sources: Vec<&Call<Write>> = history.writes.iter().filter(may_have_left).collect();
    ensure(number.is_none() || !sources.is_empty(), NAME, || {
        format!(
            "{register:?}: at {called} a read found {found:?}; {number:?} is not of a {change:?}"
        )
    })?;
    // Nothing is also what there was at first.
    let at_first = number.is_none().then_some(0);
    // Without an answer it may have happened as late as this read.
    let left_at = |write: &&Call<Write>| match write.operation.outcome {
        Outcome::Done(_) => write.returned.unwrap_or(Moment::MAX),
        Outcome::Refused(_) | Outcome::NotDone | Outcome::Unknown => Moment::MAX,
    };
    let since = sources.iter().map(left_at).chain(at_first).max().unwrap_or(0);
    let newer: BTreeSet<WriteNumber> = history
        .writes
        .iter()
        .filter(|write| matches!(write.operation.outcome, Outcome::Done(_)))
        .filter(|write| replaces(write.operation.change, change) && write.called > since)
        .filter(|write| write.returned.is_some_and(|at| at + STALE < *called))
        .map(|write| write.operation.number)
        .collect();
    ensure(newer.is_empty(), NAME, || {
        format!("{register:?}: at {called} a read found {found:?}, replaced by {newer:?} before")
    })
}

/// Whether one change leaves nothing of what the other left. One that may change nothing at all, such as a
/// REMOVE, is not named: it is answered before others see what it saw.
const fn replaces(newer: Change, older: Change) -> bool {
    match newer {
        Change::Put => true,
        Change::Erase => !matches!(older, Change::Erase),
        Change::SetVersion => matches!(older, Change::SetVersion),
        Change::Add | Change::SetFirst | Change::Remove(_) => false,
    }
}

#[cfg(test)]
mod tests;
