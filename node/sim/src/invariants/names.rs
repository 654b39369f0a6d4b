//! **A table's name is linearizable.** CREATING, ACTIVE, DELETING, gone: in this order, once for each
//! life, and whoever asks after an answer finds what it said. Two lives never share an id or overlap.
//!
//! Reference: stator-catalog (`decide.rs`), stator-replica (`Output::settled`).

use std::collections::BTreeSet;

use stator_model::{TableId, TableStatus};

use crate::history::{History, NameOperation};
use crate::linear::{Call, Model, check};
use crate::violation::{Verdict, Violation, ensure};

const NAME: &str = "names";

/// Checks every name.
///
/// # Errors
/// The first violation.
pub fn hold(history: &History) -> Verdict {
    let mut ids = BTreeSet::new();
    for (name, calls) in &history.names {
        for call in calls {
            if let NameOperation::Created(id) = call.operation {
                ensure(ids.insert(id), NAME, || format!("{id} is the id of two tables"))?;
            }
        }
        let calls = prepare(calls);
        check(&Name, &calls).map_err(|stuck| {
            let call = calls.get(stuck.stuck);
            let seen = format!(
                "{name:?}: no order explains the answers; {} of {} can be ordered, then {call:?} \
                 fits nowhere. The name's history: {calls:#?}",
                stuck.ordered,
                calls.len()
            );
            Violation::new(NAME, seen)
        })?;
    }
    Ok(())
}

/// What is known of a name. The way from CREATING to ACTIVE and from DELETING to nothing is the
/// node's own, so a state says what it may have become by itself until somebody looks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    Nothing,
    /// CREATING, or ACTIVE by now; known to be ACTIVE if `active`.
    Exists {
        id: TableId,
        active: bool,
    },
    /// DELETING, or gone by now.
    Leaving {
        id: TableId,
    },
}

struct Name;

impl Model for Name {
    type State = State;
    type Operation = NameOperation;

    fn initial(&self) -> State {
        State::Nothing
    }

    fn step(&self, state: &State, operation: &NameOperation) -> Option<State> {
        match (operation, state) {
            (NameOperation::Created(id), State::Nothing | State::Leaving { .. }) => {
                Some(State::Exists { id: *id, active: false })
            }
            (NameOperation::Deleted(of), State::Exists { id, .. } | State::Leaving { id }) => {
                of.is_none_or(|of| of == *id).then_some(State::Leaving { id: *id })
            }
            (NameOperation::DeleteRefused, State::Exists { active: false, .. })
            | (
                NameOperation::CreateRefused | NameOperation::Found(None),
                State::Exists { .. } | State::Leaving { .. },
            ) => Some(state.clone()),
            (NameOperation::Found(Some(found)), State::Exists { .. } | State::Leaving { .. }) => {
                found_as(state, *found)
            }
            (NameOperation::Missing, State::Nothing | State::Leaving { .. }) => {
                Some(State::Nothing)
            }
            (NameOperation::Created(_) | NameOperation::Missing, State::Exists { .. })
            | (
                NameOperation::Deleted(_)
                | NameOperation::DeleteRefused
                | NameOperation::CreateRefused
                | NameOperation::Found(_),
                State::Nothing,
            )
            | (NameOperation::DeleteRefused, State::Exists { .. } | State::Leaving { .. }) => None,
        }
    }
}

fn found_as(state: &State, (found, status): (TableId, TableStatus)) -> Option<State> {
    match (state, status) {
        (State::Exists { id, active: false }, TableStatus::Creating) if *id == found => {
            Some(state.clone())
        }
        (State::Exists { id, .. }, TableStatus::Active) if *id == found => {
            Some(State::Exists { id: found, active: true })
        }
        (State::Leaving { id }, TableStatus::Deleting) if *id == found => Some(state.clone()),
        (State::Exists { .. } | State::Leaving { .. } | State::Nothing, _) => None,
    }
}

/// A CreateTable without an answer whose table nobody ever saw may still have taken the name for a
/// while; it stays open. One whose table was seen happened before that.
fn prepare(calls: &[Call<NameOperation>]) -> Vec<Call<NameOperation>> {
    let mut prepared = calls.to_vec();
    for call in &mut prepared {
        let (None, NameOperation::Created(id)) = (call.returned, &call.operation) else { continue };
        let shows = |other: &&Call<NameOperation>| match &other.operation {
            NameOperation::Found(Some((found, _))) | NameOperation::Deleted(Some(found)) => {
                found == id
            }
            NameOperation::Created(_)
            | NameOperation::CreateRefused
            | NameOperation::Deleted(None)
            | NameOperation::DeleteRefused
            | NameOperation::Found(None)
            | NameOperation::Missing => false,
        };
        call.returned = calls.iter().filter(shows).filter_map(|other| other.returned).min();
    }
    prepared
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: TableId = TableId::from_bytes([1; 16]);
    const B: TableId = TableId::from_bytes([2; 16]);

    /// One after the other.
    fn holds(operations: &[NameOperation]) -> bool {
        let mut history = History::default();
        for (operation, at) in operations.iter().zip(0_u64..) {
            history.name("t", at * 2, Some(at * 2 + 1), operation.clone());
        }
        hold(&history).is_ok()
    }

    fn found(id: TableId, status: TableStatus) -> NameOperation {
        NameOperation::Found(Some((id, status)))
    }

    #[test]
    fn a_life_goes_one_way() {
        use NameOperation::{Created, Deleted, Missing};
        let whole = [
            Missing,
            Created(A),
            found(A, TableStatus::Creating),
            found(A, TableStatus::Active),
            Deleted(Some(A)),
            found(A, TableStatus::Deleting),
            Missing,
            Created(B),
        ];
        assert!(holds(&whole));
        for turned in [
            vec![Created(A), Missing],
            vec![Created(A), found(A, TableStatus::Active), found(A, TableStatus::Creating)],
            vec![Created(A), Deleted(Some(A)), found(A, TableStatus::Active)],
            vec![Created(A), Deleted(Some(A)), Missing, found(A, TableStatus::Deleting)],
            vec![Created(A), found(B, TableStatus::Active)],
            vec![Created(A), Created(B)],
            vec![Created(A), Deleted(Some(A)), Missing, Created(A)],
        ] {
            assert!(!holds(&turned), "{turned:?}");
        }
    }

    #[test]
    fn a_refusal_is_the_sight_of_a_table() {
        use NameOperation::{CreateRefused, Created, Missing};
        assert!(holds(&[Created(A), CreateRefused]));
        assert!(!holds(&[CreateRefused]));
        assert!(!holds(&[Created(A), CreateRefused, Missing]));
    }

    #[test]
    fn an_unanswered_creation_may_have_happened() {
        let mut history = History::default();
        history.name("t", 1, None, NameOperation::Created(A));
        history.name("t", 3, Some(4), NameOperation::Missing);
        history.name("t", 5, Some(6), found(A, TableStatus::Active));
        assert_eq!(hold(&history), Ok(()));
        history.name("t", 7, Some(8), NameOperation::Missing);
        assert!(hold(&history).is_err());
    }
}
