use super::*;

/// A register that begins empty.
struct Register;

#[derive(Clone, Debug)]
enum Op {
    Write(u64),
    Read(u64),
}

impl Model for Register {
    type State = u64;
    type Operation = Op;

    fn initial(&self) -> u64 {
        0
    }

    fn step(&self, state: &u64, operation: &Op) -> Option<u64> {
        match operation {
            Op::Write(value) => Some(*value),
            Op::Read(value) => (value == state).then_some(*state),
        }
    }
}

fn write(called: Moment, returned: Moment, value: u64) -> Call<Op> {
    Call { called, returned: Some(returned), operation: Op::Write(value) }
}

fn read(called: Moment, returned: Moment, value: u64) -> Call<Op> {
    Call { called, returned: Some(returned), operation: Op::Read(value) }
}

fn lost(called: Moment, value: u64) -> Call<Op> {
    Call { called, returned: None, operation: Op::Write(value) }
}

fn is_linearizable(calls: &[Call<Op>]) -> bool {
    check(&Register, calls).is_ok()
}

#[test]
fn one_after_the_other_must_be_seen() {
    assert!(is_linearizable(&[write(1, 2, 7), read(3, 4, 7)]));
    assert!(!is_linearizable(&[write(1, 2, 7), read(3, 4, 0)]));
    assert!(!is_linearizable(&[read(3, 4, 9)]));
}

#[test]
fn concurrent_operations_may_come_in_either_order() {
    assert!(is_linearizable(&[write(1, 9, 7), read(3, 4, 0), read(5, 6, 7)]));
    assert!(!is_linearizable(&[write(1, 9, 7), read(3, 4, 7), read(5, 6, 0)]));
    assert!(is_linearizable(&[write(1, 9, 7), write(2, 8, 8), read(10, 11, 7)]));
    assert!(is_linearizable(&[write(1, 9, 7), write(2, 8, 8), read(10, 11, 8)]));
}

#[test]
fn an_unanswered_write_may_happen_late_or_never_but_not_twice() {
    assert!(is_linearizable(&[lost(1, 7), read(2, 3, 0), read(4, 5, 7)]));
    assert!(is_linearizable(&[lost(1, 7), read(2, 3, 0)]));
    assert!(!is_linearizable(&[lost(1, 7), read(2, 3, 7), write(4, 5, 8), read(6, 7, 7)]));
}

#[test]
fn the_operation_that_fits_nowhere_is_named() {
    let calls = [write(1, 2, 7), write(3, 4, 8), read(5, 6, 7), read(7, 8, 8)];
    assert_eq!(
        check(&Register, &calls),
        Err(NotLinearizable { ordered: 2, stuck: 2, undecided: false })
    );
}

#[test]
fn a_search_with_too_many_orders_is_given_up() {
    let mut calls: Vec<Call<Op>> = (1..40).map(|value| lost(1, value)).collect();
    calls.push(read(3, 4, 99));
    assert!(check(&Register, &calls).is_err_and(|stuck| stuck.undecided));
    calls.push(write(1, 2, 99));
    assert!(is_linearizable(&calls));
}

/// Every order is tried: the plainest checker there is.
fn by_trying_all(calls: &[Call<Op>], done: &mut Vec<bool>, state: u64) -> bool {
    let open = |at: &usize| !done[*at];
    if (0..calls.len()).filter(open).all(|at| calls[at].returned.is_none()) {
        return true;
    }
    let limit = (0..calls.len()).filter(open).filter_map(|at| calls[at].returned).min();
    let fits: Vec<usize> = (0..calls.len())
        .filter(open)
        .filter(|at| limit.is_none_or(|limit| calls[*at].called < limit))
        .collect();
    fits.into_iter().any(|at| {
        Register.step(&state, &calls[at].operation).is_some_and(|next| {
            done[at] = true;
            let found = by_trying_all(calls, done, next);
            done[at] = false;
            found
        })
    })
}

#[test]
fn agrees_with_trying_all_orders() {
    let mut random = crate::random::Random::new(1);
    let mut verdicts = [0, 0];
    for _ in 0..3_000 {
        let calls: Vec<Call<Op>> = (0..random.within(1, 7))
            .map(|value| {
                let called = random.below(40) * 2;
                let returned = called + 1 + random.below(12) * 2;
                match random.below(5) {
                    0 | 1 => write(called, returned, value + 1),
                    2 => lost(called, value + 1),
                    _ => read(called, returned, random.below(6)),
                }
            })
            .collect();
        let expected = by_trying_all(&calls, &mut vec![false; calls.len()], 0);
        assert_eq!(is_linearizable(&calls), expected, "{calls:#?}");
        verdicts[usize::from(expected)] += 1;
    }
    assert!(verdicts.iter().all(|count| *count > 300), "{verdicts:?}");
}
