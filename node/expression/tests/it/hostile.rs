//! Whatever a client writes, there is a condition or an error: never a panic, never a full stack.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use stator_expression::{
    Condition, ExpressionError, Fault, KeyExpression, Kind, Path, Placeholders, Step, Update,
    limits,
};
use stator_model::{Item, KeyAttribute, KeyType};

use crate::support::{cases, item, placeholders};

/// Pieces of conditions, and pieces of nothing.
const PIECES: [&str; 46] = [
    "a",
    "b.c",
    "l[0]",
    "l[99999999999]",
    "#n",
    "#undefined",
    ":v",
    ":n",
    ":l",
    ":undefined",
    "status",
    "size",
    "contains",
    "begins_with",
    "attribute_exists",
    "attribute_type",
    "list_append",
    "foo",
    "(",
    "(",
    "(",
    ")",
    ")",
    ")",
    ",",
    ",",
    ".",
    "[",
    "]",
    "=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "+",
    "-",
    "AND",
    "OR",
    "NOT",
    "IN",
    "BETWEEN",
    "#",
    ":",
    "é",
    "0",
];

fn values() -> Item {
    item(r#"{":v": {"S": "x"}, ":n": {"N": "1"}, ":l": {"L": []}}"#)
}

fn parse(kind: Kind, text: &str) -> Result<Condition, ExpressionError> {
    let mut placeholders = placeholders(&[("#n", "n")], &values()).expect("good placeholders");
    Condition::parse(kind, text, &mut placeholders)
}

/// Whatever comes of the text, it is said in at most a few words more than the text has.
fn try_text(text: &str) -> Result<(), TestCaseError> {
    match parse(Kind::Filter, text) {
        Ok(condition) => {
            let item = item(r#"{"a": {"S": "x"}, "b": {"M": {"c": {"N": "1"}}}, "l": {"L": []}}"#);
            condition.holds(&item);
            condition.attributes();
        }
        Err(error) => prop_assert!(error.to_string().len() < 300 + text.len()),
    }
    let attribute = |name: &str| KeyAttribute { name: name.to_owned(), key_type: KeyType::S };
    let mut placeholders = placeholders(&[("#n", "n")], &values()).expect("good placeholders");
    if let Ok(key) = KeyExpression::parse(text, &mut placeholders).and_then(KeyExpression::restrict)
    {
        drop(key.bind(&attribute("a"), Some(&attribute("n"))));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(2_000)))]

    #[test]
    fn token_soup_is_refused_or_means_something(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40),
        blank in prop::sample::select(&["", " ", "\n\t"][..]),
    ) {
        try_text(&pieces.join(blank))?;
    }

    #[test]
    fn any_text_is_refused_or_means_something(text in "\\PC{0,80}") {
        try_text(&text)?;
    }

    #[test]
    fn deep_and_long_texts_are_refused_or_mean_something(
        opening in prop::collection::vec(
            prop::sample::select(&["(", "NOT ", "NOT (", "size(", "a = (", "a IN (", "a = :v AND ("][..]),
            1..4,
        ),
        times in 1..2_000_usize,
        closing in 0..2_000_usize,
    ) {
        let opened: String = opening.iter().cycle().take(times).copied().collect();
        let text = format!("{opened}a = :v{}", ")".repeat(closing));
        try_text(&text[..text.len().min(4_096)])?;
    }
}

// Threads have two megabytes where nobody says otherwise; unoptimised, half of that must do.
#[test]
fn the_deepest_expressions_need_little_stack() {
    let deep = |opening: &str, times: usize| {
        format!("{}a = :v{}", opening.repeat(times), ")".repeat(times))
    };
    let texts =
        [deep("NOT (", 298), deep("(a = :v AND ", 148), deep("(", 2_000), deep("size(", 600)];
    let parsed = std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(move || texts.map(|text| parse(Kind::Condition, &text)))
        .expect("a thread")
        .join()
        .expect("no overflow");
    assert!(matches!(&parsed[0], Ok(condition) if condition.holds(&item(r#"{"a": {"S": "x"}}"#))));
    assert!(parsed[1].is_ok());
    let fault = |at: usize| match &parsed[at] {
        Err(ExpressionError::Invalid { fault, .. }) => Some(fault.clone()),
        Ok(_) | Err(_) => None,
    };
    assert_eq!(fault(2), Some(Fault::RedundantParentheses));
    assert_eq!(fault(3), Some(Fault::TooManyOperators { count: 601 }));
}

fn names(path: &Path) -> impl Iterator<Item = &Arc<str>> {
    std::iter::once(&path.head).chain(path.rest.iter().filter_map(|step| match step {
        Step::Name(name) => Some(name),
        Step::Index(_) => None,
    }))
}

// A name has up to 64 KB, and a text of 4 KB has room for 1,300 of its placeholders.
#[test]
fn a_name_is_held_once_however_often_the_expressions_of_a_request_say_it() {
    let long = "n".repeat(limits::NAME_BYTES);
    let mut placeholders =
        Placeholders::new(Some(vec![("#n".to_owned(), long)]), None).expect("a good placeholder");
    let path = ["#n"; 32].join(".");
    let update = format!("SET a={path}+{path}");
    let update = Update::parse(&update, &mut placeholders).expect("an update");
    let condition = format!("attribute_exists({path}) OR attribute_exists(#n[0].#n)");
    let condition = Condition::parse(Kind::Condition, &condition, &mut placeholders);
    let Ok(Condition::Or(parts)) = condition else { panic!("{condition:?}") };
    let exist = parts.iter().map(|part| {
        let Condition::Exists(path) = part else { panic!("{part:?}") };
        path
    });
    let said: Vec<_> = update.read().chain(exist).flat_map(names).collect();
    assert_eq!(said.len(), 3 * 32 + 2);
    let places: BTreeSet<*const u8> = said.iter().map(|name| name.as_ptr()).collect();
    assert_eq!(places.len(), 1);
}
