//! Random updates of random items, against the naive model, and as text.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use stator_expression::update::{Action, Change, NewValue, Operand};
use stator_expression::{Path, Placeholders, Projection, Step, Update};
use stator_model::{AttributeMap, AttributeValue, Item};

use super::{key, naive};
use crate::support::cases;

fn any_number() -> impl Strategy<Value = AttributeValue> {
    let text = prop::sample::select(vec!["0", "1", "-1", "2.5", "9e125", "-9e125", "1e-130"]);
    text.prop_map(|text| AttributeValue::N(text.parse().expect("a number")))
}

fn any_set() -> impl Strategy<Value = AttributeValue> {
    let members = prop::collection::btree_set(prop::sample::select(vec!["1", "2", "3"]), 1..4);
    (members, any::<bool>()).prop_map(|(members, numbers)| {
        let members = members.into_iter();
        if numbers {
            AttributeValue::Ns(members.map(|text| text.parse().expect("a number")).collect())
        } else {
            AttributeValue::Ss(members.map(str::to_owned).collect())
        }
    })
}

fn any_value() -> impl Strategy<Value = AttributeValue> {
    let leaf = prop_oneof![
        2 => any_number(),
        2 => any_set(),
        1 => "[xy]?".prop_map(AttributeValue::S),
        1 => Just(AttributeValue::Null),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(AttributeValue::L),
            any_map(inner).prop_map(AttributeValue::M),
        ]
    })
}

fn any_map(value: impl Strategy<Value = AttributeValue>) -> impl Strategy<Value = AttributeMap> {
    prop::collection::btree_map("[abc]", value, 0..4).prop_map(AttributeMap::from)
}

pub(crate) fn any_item() -> impl Strategy<Value = Option<Item>> {
    prop::option::weighted(0.9, any_map(any_value()))
}

fn any_path() -> impl Strategy<Value = Path> {
    let step = prop_oneof![
        "[abc]".prop_map(|name| Step::Name(name.into())),
        (0..6_u32).prop_map(Step::Index),
        (0..2_u32).prop_map(Step::Index),
    ];
    ("[abcd]", prop::collection::vec(step, 0..4))
        .prop_map(|(head, rest)| Path { head: head.into(), rest })
}

fn shared(
    value: impl Strategy<Value = AttributeValue>,
) -> impl Strategy<Value = Arc<AttributeValue>> {
    value.prop_map(Arc::new)
}

fn any_operand(value: BoxedStrategy<AttributeValue>) -> impl Strategy<Value = Operand> {
    let leaf =
        prop_oneof![any_path().prop_map(Operand::Path), shared(value).prop_map(Operand::Value)];
    leaf.prop_recursive(2, 3, 1, |inner| {
        (any_path(), inner).prop_map(|(path, inner)| Operand::IfNotExists(path, Box::new(inner)))
    })
}

fn any_new_value() -> impl Strategy<Value = NewValue> {
    let number = || any_operand(any_number().boxed());
    let list = || {
        any_operand(prop::collection::vec(any_value(), 0..3).prop_map(AttributeValue::L).boxed())
    };
    prop_oneof![
        3 => any_operand(any_value().boxed()).prop_map(NewValue::Operand),
        1 => (number(), number()).prop_map(|(left, right)| NewValue::Sum(left, right)),
        1 => (number(), number()).prop_map(|(left, right)| NewValue::Difference(left, right)),
        1 => (list(), list()).prop_map(|(left, right)| NewValue::ListAppend(left, right)),
    ]
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => any_new_value().prop_map(Change::Set),
        3 => Just(Change::Remove),
        2 => shared(prop_oneof![any_number(), any_set()]).prop_map(Change::Add),
        2 => shared(any_set()).prop_map(Change::Delete),
    ]
}

/// Actions in the order of their clauses, of which the targets may clash.
pub(crate) fn any_actions() -> impl Strategy<Value = Vec<Action>> {
    let action = (any_path(), any_change()).prop_map(|(target, change)| Action { target, change });
    prop::collection::vec(action, 1..6).prop_map(|mut actions| {
        actions.sort_by_key(|action| clause(&action.change));
        actions
    })
}

const fn clause(change: &Change) -> &'static str {
    match change {
        Change::Set(_) => "SET",
        Change::Remove => "REMOVE",
        Change::Add(_) => "ADD",
        Change::Delete(_) => "DELETE",
    }
}

/// Writes actions as text, every name and value as a placeholder.
#[derive(Default)]
struct Writer {
    names: BTreeMap<String, String>,
    values: BTreeMap<String, AttributeValue>,
}

impl Writer {
    fn update(&mut self, actions: &[Action]) -> String {
        let clauses: Vec<String> = actions
            .chunk_by(|left, right| clause(&left.change) == clause(&right.change))
            .map(|actions| {
                let written: Vec<_> = actions.iter().map(|action| self.action(action)).collect();
                let keyword = actions.first().map_or("", |action| clause(&action.change));
                format!("{keyword} {}", written.join(", "))
            })
            .collect();
        clauses.join(" ")
    }

    fn action(&mut self, Action { target, change }: &Action) -> String {
        let target = self.path(target);
        match change {
            Change::Set(value) => format!("{target} = {}", self.new_value(value)),
            Change::Remove => target,
            Change::Add(value) | Change::Delete(value) => format!("{target} {}", self.value(value)),
        }
    }

    fn new_value(&mut self, value: &NewValue) -> String {
        match value {
            NewValue::Operand(only) => self.operand(only),
            NewValue::Sum(left, right) => {
                format!("{} + {}", self.operand(left), self.operand(right))
            }
            NewValue::Difference(left, right) => {
                format!("({}-({}))", self.operand(left), self.operand(right))
            }
            NewValue::ListAppend(left, right) => {
                format!("list_append({}, {})", self.operand(left), self.operand(right))
            }
        }
    }

    fn operand(&mut self, operand: &Operand) -> String {
        match operand {
            Operand::Path(path) => self.path(path),
            Operand::Value(value) => self.value(value),
            Operand::IfNotExists(path, otherwise) => {
                format!("if_not_exists({}, {})", self.path(path), self.operand(otherwise))
            }
        }
    }

    fn path(&mut self, path: &Path) -> String {
        let mut text = self.name(&path.head);
        for step in &path.rest {
            text += &match step {
                Step::Name(name) => format!(".{}", self.name(name)),
                Step::Index(index) => format!("[{index}]"),
            };
        }
        text
    }

    fn name(&mut self, name: &str) -> String {
        let token = format!("#n_{name}");
        self.names.insert(token.clone(), name.to_owned());
        token
    }

    fn value(&mut self, value: &AttributeValue) -> String {
        let token = format!(":v{}", self.values.len());
        self.values.insert(token.clone(), value.clone());
        token
    }

    fn placeholders(self) -> Placeholders {
        let names = (!self.names.is_empty()).then(|| self.names.into_iter().collect());
        let values = (!self.values.is_empty()).then(|| self.values.into());
        Placeholders::new(names, values).expect("good placeholders")
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(4_000)))]

    #[test]
    fn an_update_does_what_the_naive_one_does(item in any_item(), actions in any_actions()) {
        let Ok(update) = Update::new(actions.clone()) else { return Ok(()) };
        let expected = naive::apply(&actions, item.as_ref(), &key());
        match update.apply(item.as_ref(), &key()) {
            Ok(updated) => {
                let touched = |item: Option<&Item>| naive::project(item?, update.written());
                prop_assert_eq!(updated.updated_old(), touched(item.as_ref()));
                prop_assert_eq!(updated.updated_new(), touched(updated.after()));
                prop_assert_eq!(updated.is_unchanged(), updated.after() == item.as_ref());
                prop_assert_eq!(Ok(updated.into_after()), expected);
            }
            Err(error) => prop_assert_eq!(Err(error), expected),
        }
    }

    #[test]
    fn an_update_means_what_is_written(actions in any_actions()) {
        let mut writer = Writer::default();
        let text = writer.update(&actions);
        let mut placeholders = writer.placeholders();
        let parsed = Update::parse(&text, &mut placeholders);
        let built = Update::new(actions);
        prop_assert_eq!(&parsed, &built, "{}", text);
        if parsed.is_ok() {
            prop_assert_eq!(placeholders.finish(), Ok(()));
        }
    }

    #[test]
    fn a_projection_is_the_naive_one(item in any_item(), paths in prop::collection::vec(any_path(), 1..5)) {
        let mut writer = Writer::default();
        let text: Vec<_> = paths.iter().map(|path| writer.path(path)).collect();
        if let Ok(projection) = Projection::parse(&text.join(","), &mut writer.placeholders()) {
            let item = item.unwrap_or_default();
            let projected = Some(projection.project(&item)).filter(|item| !item.is_empty());
            prop_assert_eq!(projected, naive::project(&item, paths.iter()));
        }
    }
}
