use bytes::Bytes;

use super::{AttributeValue, SetError, check_set};
use crate::{AttributeMap, Number};

fn n(text: &str) -> Number {
    text.parse().unwrap()
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn map(pairs: &[(&str, AttributeValue)]) -> AttributeMap {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    AttributeMap::from_pairs(pairs).unwrap()
}

fn strings(members: &[&str]) -> AttributeValue {
    AttributeValue::Ss(members.iter().map(|&text| text.to_owned()).collect())
}

// Rule: value.sizes
#[test]
fn sizes_follow_the_service() {
    use AttributeValue::{B, Bool, Bs, L, M, N, Ns, Null};
    let b = |length: usize| Bytes::from(vec![7; length]);
    for (value, size) in [
        (s(""), 0),
        (s("äöü"), 6),
        (N(n("-100.5")), 5),
        (B(b(5)), 5),
        (Bool(false), 1),
        (Null, 1),
        (strings(&["a", "bcd"]), 4),
        (Ns(vec![n("1"), n("-42"), n("0")]), 6),
        (Bs(vec![b(2), b(3)]), 5),
        (L(vec![]), 3),
        (L(vec![s("ab"), Null]), 3 + (1 + 2) + (1 + 1)),
        (M(map(&[])), 3),
        (M(map(&[("ä", s("xyz")), ("b", Bool(true))])), 3 + (1 + 2 + 3) + (1 + 1 + 1)),
        (L(vec![L(vec![N(n("7"))])]), 3 + 1 + (3 + 1 + 2)),
    ] {
        assert_eq!(value.size(), size, "{value:?}");
    }
}

#[test]
fn depth_counts_lists_and_maps() {
    use AttributeValue::{L, M, Null};
    let deep = (0..32).fold(Null, |inner, _| L(vec![inner]));
    for (value, depth) in [
        (s("x"), 0),
        (strings(&["x"]), 0),
        (L(vec![]), 1),
        (M(map(&[("a", Null)])), 1),
        (L(vec![Null, M(map(&[("a", L(vec![])), ("b", Null)])), L(vec![])]), 3),
        (deep, 32),
    ] {
        assert_eq!(value.depth(), depth, "{value:?}");
    }
}

// Rule: item.sets-lose-order, mean.equality
#[test]
fn sets_are_equal_in_any_order_and_lists_are_not() {
    use AttributeValue::{Bs, L, Ns};
    assert_eq!(strings(&["a", "b", "c"]), strings(&["c", "a", "b"]));
    assert_ne!(strings(&["a", "b"]), strings(&["a", "b", "c"]));
    assert_ne!(strings(&["a", "b"]), strings(&["a", "c"]));
    assert_eq!(Ns(vec![n("1e3"), n("2")]), Ns(vec![n("2.0"), n("1000")]));
    let (a, b) = (Bytes::from_static(b"a"), Bytes::from_static(b"b"));
    assert_eq!(Bs(vec![a.clone(), b.clone()]), Bs(vec![b, a]));
    assert_ne!(L(vec![s("a"), s("b")]), L(vec![s("b"), s("a")]));
    let nested = |members: &[&str]| AttributeValue::M(map(&[("x", L(vec![strings(members)]))]));
    assert_eq!(nested(&["a", "b"]), nested(&["b", "a"]));
}

#[test]
fn values_of_different_types_are_different() {
    use AttributeValue::{B, Bool, Bs, L, M, N, Ns, Null};
    let values = [
        s("1"),
        N(n("1")),
        B(Bytes::from_static(b"1")),
        Bool(true),
        Null,
        strings(&["1"]),
        Ns(vec![n("1")]),
        Bs(vec![Bytes::from_static(b"1")]),
        L(vec![]),
        M(map(&[])),
    ];
    for (at, left) in values.iter().enumerate() {
        for (other, right) in values.iter().enumerate() {
            assert_eq!(left == right, at == other, "{left:?} {right:?}");
        }
    }
}

#[test]
fn large_sets_compare_without_quadratic_work() {
    // 60,000 members in opposite orders: quadratic work would be 3.6 billion comparisons.
    let rising: Vec<String> = (0..60_000).map(|at| format!("{at:05}")).collect();
    let falling: Vec<String> = rising.iter().rev().cloned().collect();
    assert_eq!(check_set(&rising), Ok(()));
    assert_eq!(AttributeValue::Ss(rising), AttributeValue::Ss(falling));
}

#[test]
fn a_set_has_a_member_and_none_twice() {
    assert_eq!(check_set::<Number>(&[]), Err(SetError::Empty));
    assert_eq!(check_set(&["b", "a"]), Ok(()));
    assert_eq!(check_set(&["b", "a", "b"]), Err(SetError::Duplicate));
    assert_eq!(check_set(&[n("1e3"), n("2"), n("1000.0")]), Err(SetError::Duplicate));
}
