//! Random values and conditions, of so few that they meet often.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::plain::{Model, Place, Step, Term, Value, Values};

fn any_text() -> impl Strategy<Value = String> {
    prop::sample::select(&["", "a", "ab", "b", "é", "😀a"][..]).prop_map(str::to_owned)
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    const BYTES: [&[u8]; 5] = [&[], &[1], &[1, 2], &[0x80], &[2, 1, 2]];
    prop::sample::select(&BYTES[..]).prop_map(<[u8]>::to_vec)
}

fn any_name() -> impl Strategy<Value = String> {
    prop::sample::select(&["a", "b", "c"][..]).prop_map(str::to_owned)
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        3 => any_text().prop_map(Value::S),
        3 => (-1..4_i64).prop_map(Value::N),
        2 => any_bytes().prop_map(Value::B),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
        1 => prop::collection::btree_set(any_text(), 1..3).prop_map(Value::Ss),
        1 => prop::collection::btree_set(-1..4_i64, 1..3).prop_map(Value::Ns),
        1 => prop::collection::btree_set(any_bytes(), 1..3).prop_map(Value::Bs),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::L),
            prop::collection::btree_map(any_name(), inner, 0..3).prop_map(Value::M),
        ]
    })
}

pub(crate) fn any_item() -> impl Strategy<Value = Values> {
    prop::collection::btree_map(any_name(), any_value(), 0..4)
        .prop_map(|item| item.into_iter().collect::<BTreeMap<_, _>>())
}

fn any_place() -> impl Strategy<Value = Place> {
    let step = prop_oneof![any_name().prop_map(Step::Name), (0..3_usize).prop_map(Step::Index),];
    (any_name(), prop::collection::vec(step, 0..3)).prop_map(|(head, rest)| Place(head, rest))
}

fn any_term() -> impl Strategy<Value = Term> {
    let flat = prop_oneof![
        4 => any_place().prop_map(Term::At),
        3 => any_value().prop_map(Term::Literal),
    ];
    prop_oneof![
        5 => flat.clone(),
        1 => flat.prop_map(|of| Term::Size(Box::new(of))),
    ]
}

fn any_predicate() -> impl Strategy<Value = Model> {
    let operators = prop::sample::select(&["=", "<>", "<", "<=", ">", ">="][..]);
    let types =
        prop::sample::select(&["S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"][..]);
    prop_oneof![
        4 => (any_term(), operators, any_term()).prop_map(|(l, op, r)| Model::Compare(l, op, r)),
        2 => (any_term(), any_term(), any_term()).prop_map(|(v, l, u)| Model::Between(v, l, u)),
        2 => (any_term(), prop::collection::vec(any_term(), 1..4))
            .prop_map(|(value, options)| Model::In(value, options)),
        1 => any_place().prop_map(Model::Exists),
        1 => any_place().prop_map(Model::NotExists),
        1 => (any_term(), types).prop_map(|(value, name)| Model::HasType(value, name)),
        1 => (any_term(), any_term()).prop_map(|(value, prefix)| Model::BeginsWith(value, prefix)),
        3 => (any_term(), any_term()).prop_map(|(value, element)| Model::Contains(value, element)),
    ]
}

pub(crate) fn any_condition() -> impl Strategy<Value = Model> {
    any_predicate().prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Model::All),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Model::Any),
            inner.prop_map(|part| Model::Not(Box::new(part))),
        ]
    })
}
