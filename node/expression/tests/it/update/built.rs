//! Updates that are put together without a text, as AttributeUpdates are.

use std::sync::Arc;

use stator_expression::update::{Action, Change, NewValue, Operand, Update, UpdateError};
use stator_expression::{ExpressionError, Fault, Path, Step};
use stator_model::{AttributeValue, Item, ItemSize};

use super::key;
use crate::support::{item, placeholders, shown};

fn action(name: &str, change: Change) -> Action {
    Action { target: Path::attribute(name), change }
}

fn put(value: AttributeValue) -> Change {
    Change::Set(NewValue::Operand(Operand::Value(Arc::new(value))))
}

fn list(texts: &[&str]) -> AttributeValue {
    AttributeValue::L(texts.iter().map(|text| AttributeValue::S((*text).to_owned())).collect())
}

fn after(update: &Update, before: Option<&Item>) -> Result<Option<String>, UpdateError> {
    Ok(update.apply(before, &key())?.after().map(shown))
}

#[test]
fn an_update_without_actions_creates_the_key_alone() {
    let update = Update::default();
    assert_eq!(Update::new(Vec::new()), Ok(update.clone()));
    assert_eq!(after(&update, None), Ok(Some(r#"{"pk":{"S":"k"}}"#.into())));
    let before = item(r#"{"pk": {"S": "k"}, "a": {"S": "x"}}"#);
    let updated = update.apply(Some(&before), &key()).unwrap();
    assert!(updated.is_unchanged());
    assert_eq!((updated.updated_old(), updated.updated_new()), (None, None));
    assert!(!update.apply(None, &key()).unwrap().is_unchanged());
}

#[test]
fn names_of_attributes_are_no_paths() {
    let actions = vec![action("a.b", put(list(&["x"]))), action("a", Change::Remove)];
    let before = item(r#"{"a": {"M": {"b": {"S": "old"}}}}"#);
    let update = Update::new(actions).unwrap();
    assert_eq!(after(&update, Some(&before)), Ok(Some(r#"{"a.b":{"L":[{"S":"x"}]}}"#.into())));
}

#[test]
fn a_list_can_be_added_to_a_list() {
    let update = Update::new(vec![action("a", Change::Add(Arc::new(list(&["y"]))))]).unwrap();
    let both = r#"{"a":{"L":[{"S":"x"},{"S":"y"}]}}"#.to_owned();
    assert_eq!(after(&update, Some(&item(r#"{"a": {"L": [{"S": "x"}]}}"#))), Ok(Some(both)));
    let new = r#"{"a":{"L":[{"S":"y"}]},"pk":{"S":"k"}}"#.to_owned();
    assert_eq!(after(&update, None), Ok(Some(new)));
    let set = item(r#"{"a": {"SS": ["x"]}}"#);
    assert_eq!(after(&update, Some(&set)), Err(UpdateError::OperandType));
}

#[test]
fn deleting_what_is_no_set_is_an_error_and_no_panic() {
    let away = Change::Delete(Arc::new(AttributeValue::S("x".into())));
    let update = Update::new(vec![action("a", away)]).unwrap();
    let before = item(r#"{"a": {"S": "x"}}"#);
    assert_eq!(after(&update, Some(&before)), Err(UpdateError::OperandType));
    assert_eq!(after(&update, None), Ok(None));
}

#[test]
fn targets_that_clash_or_lie_too_deep_make_no_update() {
    let twice = vec![action("a", Change::Remove), action("a", Change::Remove)];
    let Err(ExpressionError::Invalid { fault, .. }) = Update::new(twice) else { panic!("a clash") };
    assert_eq!(fault, Fault::PathsOverlap { one: "[a]".into(), two: "[a]".into() });
    let deep = Path { head: "a".into(), rest: vec![Step::Index(0); 100_000] };
    let deep = vec![Action { target: deep, change: Change::Remove }];
    let Err(ExpressionError::Invalid { fault, .. }) = Update::new(deep) else { panic!("too deep") };
    assert_eq!(fault, Fault::TooManyLevels { levels: 100_001 });
}

#[test]
fn an_update_tells_what_it_writes_and_what_it_reads() {
    let text = "SET a.b = if_not_exists(c.d, if_not_exists(e[0], f)) - g, h = list_append(i, :l) \
                REMOVE j ADD k :n DELETE l.m :s";
    let values = item(r#"{":l": {"L": []}, ":n": {"N": "1"}, ":s": {"SS": ["x"]}}"#);
    let update = Update::parse(text, &mut placeholders(&[], &values).unwrap()).unwrap();
    let shown = |path: &Path| path.to_string();
    let written: Vec<_> = update.written().map(shown).collect();
    assert_eq!(written, ["[a, b]", "[h]", "[j]", "[k]", "[l, m]"]);
    let read: Vec<_> = update.read().map(shown).collect();
    assert_eq!(read, ["[c, d]", "[e, [0]]", "[f]", "[g]", "[i]"]);
    assert_eq!(update.actions().len(), 5);
}

#[test]
fn the_gauged_size_counts_actions_when_they_amount_to_more_than_the_key() {
    let gauged = |text: &str, before: &str| {
        let values = item(r#"{":n": {"N": "1"}, ":s": {"SS": ["x"]}}"#);
        let update = Update::parse(text, &mut placeholders(&[], &values).unwrap()).unwrap();
        let before = item(before);
        update.apply(Some(&before), &key()).unwrap().gauged_size(&key())
    };
    // Without the key of 3 bytes, but 3 more for the request: the actions come on top.
    assert_eq!(gauged("SET a = :n", r#"{"pk": {"S": "k"}}"#), ItemSize(3 + 3 + 19));
    assert_eq!(gauged("REMOVE a", r#"{"pk": {"S": "k"}, "b": {"S": "xyz"}}"#), ItemSize(4 + 3 + 2));
    let all = "SET a = :n ADD b :n DELETE c :s REMOVE d, e";
    assert_eq!(gauged(all, r#"{"pk": {"S": "k"}}"#), ItemSize(6 + 3 + 3 * 19 + 2 * 2));
}
