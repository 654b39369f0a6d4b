use stator_model::{AttributeMap, AttributeValue, Number};

use super::{Comparator, Condition, Operand};
use crate::{Kind, Path, Placeholders};

const COMPARATORS: [Comparator; 6] = [
    Comparator::Equal,
    Comparator::NotEqual,
    Comparator::Less,
    Comparator::LessOrEqual,
    Comparator::Greater,
    Comparator::GreaterOrEqual,
];

fn values() -> AttributeMap {
    AttributeMap::from_pairs(vec![(":v".to_owned(), text("v"))]).unwrap()
}

fn parse(expression: &str) -> Condition {
    let names = vec![("#n".to_owned(), "n.m".to_owned())];
    let mut placeholders = Placeholders::new(Some(names), Some(values())).unwrap();
    Condition::parse(Kind::Condition, expression, &mut placeholders).unwrap()
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: i64) -> Operand {
    Operand::Value(AttributeValue::N(number.to_string().parse::<Number>().unwrap()).into())
}

fn attribute(name: &str) -> Operand {
    Operand::Path(Path::attribute(name))
}

#[test]
fn the_attributes_of_a_condition_are_all_that_it_looks_at() {
    let condition = parse(
        "z.y[1] = :v AND (NOT size(x) BETWEEN #n AND w OR contains(v, u) AND begins_with(:v, t)) \
         AND s IN (r, :v, x) AND attribute_exists(q.p) AND attribute_not_exists(o) AND z <> :v",
    );
    let names = ["n.m", "o", "q", "r", "s", "t", "u", "v", "w", "x", "z"];
    assert_eq!(condition.attributes(), names);
    let has_type = Condition::HasType { value: attribute("a"), type_name: "S" };
    assert_eq!(has_type.attributes(), ["a"]);
    assert_eq!(parse(":v = :v").attributes(), [] as [&str; 0]);
}

#[test]
fn a_condition_tells_which_attributes_it_looks_into() {
    let condition = parse(
        "z.y[1] = :v AND (NOT size(x[0]) BETWEEN #n AND w.w OR contains(v, u.u) AND begins_with(:v, t.n)) \
         AND s IN (r.s, :v, z.x) AND attribute_exists(q.p) AND attribute_not_exists(o) AND NOT \
         attribute_not_exists(p.o)",
    );
    assert_eq!(condition.nested_attributes(), ["z", "x", "w", "u", "t", "r", "z", "q", "p"]);
}

#[test]
fn a_condition_needs_no_other_attributes_than_it_names() {
    let condition = parse("a = :v OR NOT attribute_exists(b.c)");
    let mut item = AttributeMap::new();
    item.insert("b".to_owned(), text("x"));
    item.insert("d".to_owned(), text("v"));
    let alone: Vec<_> = item
        .iter()
        .filter(|(name, _)| condition.attributes().contains(name))
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    assert_eq!(condition.holds(&item), condition.holds(&AttributeMap::from_pairs(alone).unwrap()));
}

// The legacy parameters say the same things in other words: NOT_CONTAINS, NULL, NE, a list of values.
#[test]
fn conditions_can_be_put_together_from_parts() {
    let mut item = AttributeMap::new();
    item.insert("a".to_owned(), AttributeValue::Ss(vec!["x".to_owned(), "y".to_owned()]));
    let contains = |element: &str| Condition::Contains {
        value: attribute("a"),
        element: Operand::Value(text(element).into()),
    };
    let not = |condition| Condition::Not(Box::new(condition));
    assert!(contains("x").holds(&item) && !not(contains("x")).holds(&item));
    assert!(not(contains("z")).holds(&item));
    let absent = Condition::NotExists(Path::attribute("b"));
    assert!(Condition::And(vec![absent.clone(), not(contains("z"))]).holds(&item));
    assert!(!Condition::Or(vec![not(absent), contains("z")]).holds(&item));
    assert!(Condition::And(Vec::new()).holds(&item) && !Condition::Or(Vec::new()).holds(&item));
    let size = Operand::Size(Box::new(attribute("a")));
    let two = Condition::In { value: size, options: vec![number(1), number(2)] };
    assert!(two.holds(&item));
}

#[test]
fn a_reversed_comparator_says_the_same_of_operands_that_have_changed_places() {
    let item = AttributeMap::new();
    for comparator in COMPARATORS {
        for (left, right) in [(1, 2), (2, 1), (1, 1)] {
            let holds = |left, comparator, right| {
                Condition::Compare { left: number(left), comparator, right: number(right) }
                    .holds(&item)
            };
            assert_eq!(
                holds(left, comparator, right),
                holds(right, comparator.reversed(), left),
                "{left} {} {right}",
                comparator.symbol()
            );
        }
    }
}

#[test]
fn a_value_that_is_named_often_is_there_once() {
    let condition = parse("a IN (:v, :v, :v) OR :v = b");
    let Condition::Or(parts) = condition else { panic!("{condition:?}") };
    let [Condition::In { options, .. }, Condition::Compare { left: Operand::Value(value), .. }] =
        parts.as_slice()
    else {
        panic!("{parts:?}")
    };
    assert_eq!(std::sync::Arc::strong_count(value), options.len() + 1);
}

#[test]
fn sizes_are_exact_numbers() {
    for length in [0, 1, 9, 10, 11, 100, 1_000, 1_010, 65_536, 400_000] {
        let mut item = AttributeMap::new();
        item.insert("a".to_owned(), text(&"x".repeat(length)));
        let size = Operand::Size(Box::new(attribute("a")));
        let length = i64::try_from(length).unwrap();
        let equal =
            Condition::Compare { left: size, comparator: Comparator::Equal, right: number(length) };
        assert!(equal.holds(&item), "{length}");
    }
}
