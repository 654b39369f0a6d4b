use std::collections::BTreeSet;

use bytes::Bytes;
use proptest::prelude::*;

use super::{SetMembers, SetMismatch, set_union};
use crate::{AttributeValue, check_set};

fn strings(members: &[&str]) -> AttributeValue {
    AttributeValue::Ss(members.iter().map(|member| (*member).to_owned()).collect())
}

fn numbers(members: &[&str]) -> AttributeValue {
    AttributeValue::Ns(members.iter().map(|member| member.parse().unwrap()).collect())
}

fn binaries(members: &[&'static str]) -> AttributeValue {
    AttributeValue::Bs(members.iter().map(|member| Bytes::from_static(member.as_bytes())).collect())
}

fn difference(
    set: &AttributeValue,
    away: &AttributeValue,
) -> Result<Option<AttributeValue>, SetMismatch> {
    SetMembers::of(away).expect("a set").taken_from(set)
}

#[test]
fn a_union_has_each_member_once() {
    assert_eq!(set_union(&strings(&["b"]), &strings(&["a", "b"])), Ok(strings(&["a", "b"])));
    assert_eq!(set_union(&numbers(&["1"]), &numbers(&["1.0", "2"])), Ok(numbers(&["1", "2"])));
    assert_eq!(set_union(&binaries(&["x"]), &binaries(&["y"])), Ok(binaries(&["x", "y"])));
}

#[test]
fn a_difference_that_leaves_nothing_is_no_set() {
    assert_eq!(difference(&strings(&["a", "b"]), &strings(&["b", "c"])), Ok(Some(strings(&["a"]))));
    assert_eq!(difference(&numbers(&["100"]), &numbers(&["1e2"])), Ok(None));
    assert_eq!(difference(&binaries(&["x", "y"]), &binaries(&["x"])), Ok(Some(binaries(&["y"]))));
    assert_eq!(difference(&strings(&["", "a"]), &strings(&["a"])), Ok(Some(strings(&[""]))));
}

#[test]
fn other_values_are_no_sets() {
    let text = AttributeValue::S("a".into());
    assert!(SetMembers::of(&text).is_none());
    assert_eq!(set_union(&strings(&["a"]), &text), Err(SetMismatch));
    assert_eq!(set_union(&text, &strings(&["a"])), Err(SetMismatch));
    assert_eq!(set_union(&strings(&["1"]), &numbers(&["1"])), Err(SetMismatch));
    assert_eq!(difference(&numbers(&["1"]), &strings(&["1"])), Err(SetMismatch));
    assert_eq!(difference(&text, &strings(&["a"])), Err(SetMismatch));
}

#[test]
fn large_sets_take_no_square_of_their_size() {
    let many =
        |from: u32| AttributeValue::Ss((from..from + 200_000).map(|n| n.to_string()).collect());
    let Ok(AttributeValue::Ss(all)) = set_union(&many(0), &many(100_000)) else {
        panic!("two sets of strings")
    };
    assert_eq!(all.len(), 300_000);
    let Ok(Some(AttributeValue::Ss(rest))) = difference(&many(0), &many(100_000)) else {
        panic!("two sets of strings")
    };
    assert_eq!(rest.len(), 100_000);
}

fn any_set() -> impl Strategy<Value = BTreeSet<String>> {
    prop::collection::btree_set("[a-f]{0,2}", 1..12)
}

fn value(set: &BTreeSet<String>) -> AttributeValue {
    // Backwards, so that nothing may count on sorted members.
    AttributeValue::Ss(set.iter().rev().cloned().collect())
}

proptest! {
    #[test]
    fn union_and_difference_are_those_of_mathematics(left in any_set(), right in any_set()) {
        let union = set_union(&value(&left), &value(&right)).expect("same type");
        prop_assert_eq!(&union, &value(&left.union(&right).cloned().collect()));
        let AttributeValue::Ss(members) = union else { panic!("a set of strings") };
        prop_assert_eq!(check_set(&members), Ok(()));
        let rest: BTreeSet<String> = left.difference(&right).cloned().collect();
        let expected = (!rest.is_empty()).then(|| value(&rest));
        prop_assert_eq!(difference(&value(&left), &value(&right)), Ok(expected));
    }
}
