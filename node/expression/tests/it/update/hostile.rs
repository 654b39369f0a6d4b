//! Whatever a client writes, there is an update or projection or an error: never a panic, never a full
//! stack.

use proptest::prelude::*;
use stator_expression::{ExpressionError, Fault, Projection, Update};

use super::key;
use crate::support::{cases, item, placeholders};

/// Pieces of updates, and pieces of nothing.
const PIECES: [&str; 44] = [
    "SET",
    "set",
    "REMOVE",
    "ADD",
    "DELETE",
    "SET a =",
    ", b =",
    "a",
    "b.c",
    "l[0]",
    "l[7]",
    "l[99999999999]",
    "#n",
    "#undefined",
    ":v",
    ":n",
    ":l",
    ":s",
    ":undefined",
    "status",
    "size",
    "if_not_exists",
    "list_append",
    "if_not_exists(a,",
    "list_append(l,",
    "foo",
    "(",
    "(",
    ")",
    ")",
    ",",
    ",",
    ".",
    "[",
    "]",
    "=",
    "<>",
    "+",
    "-",
    "#",
    ":",
    "é",
    "0",
    "\u{0}",
];

fn parse(text: &str) -> Result<Update, ExpressionError> {
    let values = r#"{":v": {"S": "x"}, ":n": {"N": "1"}, ":l": {"L": []}, ":s": {"SS": ["x"]}}"#;
    Update::parse(text, &mut placeholders(&[("#n", "n")], &item(values)).expect("placeholders"))
}

/// Whatever comes of the text, it is said in at most a few words more than the text has.
fn try_text(text: &str) -> Result<(), TestCaseError> {
    match parse(text) {
        Ok(update) => {
            let before = r#"{"a": {"S": "x"}, "b": {"M": {"c": {"N": "1"}}}, "l": {"L": []}}"#;
            for before in [None, Some(&item(before))] {
                if let Ok(updated) = update.apply(before, &key()) {
                    updated.updated_old();
                    updated.updated_new();
                }
            }
        }
        Err(error) => prop_assert!(error.to_string().len() < 300 + text.len()),
    }
    let mut names = placeholders(&[("#n", "n")], &item("{}")).expect("placeholders");
    match Projection::parse(text, &mut names) {
        Ok(projection) => drop(projection.project(&key())),
        Err(error) => prop_assert!(error.to_string().len() < 300 + text.len()),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(2_000)))]

    #[test]
    fn token_soup_is_refused_or_means_something(
        clause in prop::sample::select(&["", "SET a = ", "REMOVE ", "ADD a ", "DELETE l "][..]),
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..30),
        blank in prop::sample::select(&["", " ", "\n\t"][..]),
    ) {
        try_text(&format!("{clause}{}", pieces.join(blank)))?;
    }

    #[test]
    fn any_text_is_refused_or_means_something(text in "(SET |REMOVE )?\\PC{0,80}") {
        try_text(&text)?;
    }

    #[test]
    fn deep_and_long_texts_are_refused_or_mean_something(
        opening in prop::collection::vec(
            prop::sample::select(&["(", "if_not_exists(a,", "f(", "list_append(", "a.", "l[0]", "a,"][..]),
            1..4,
        ),
        times in 1..2_000_usize,
        closing in 0..2_000_usize,
    ) {
        let opened: String = opening.iter().cycle().take(times).copied().collect();
        let text = format!("SET a = {opened}:v{}", ")".repeat(closing));
        try_text(&text[..text.len().min(4_096)])?;
    }
}

// Threads have two megabytes where nobody says otherwise; unoptimised, half of that must do.
#[test]
fn the_deepest_updates_need_little_stack() {
    let deep = |opening: &str, times: usize| {
        format!("SET a = {}b{}", opening.repeat(times), ")".repeat(times))
    };
    let texts = [
        deep("if_not_exists(b,", 239),
        deep("if_not_exists(b,(", 210).replace(")", "))"),
        deep("f(", 300),
        deep("f(", 1_000),
        deep("(", 2_000),
    ];
    let parsed = std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(move || {
            let parsed = texts.map(|text| parse(&text));
            let item = item(r#"{"b": {"N": "1"}}"#);
            let applied = parsed[0].as_ref().is_ok_and(|it| it.apply(Some(&item), &key()).is_ok());
            (parsed, applied)
        })
        .expect("a thread")
        .join()
        .expect("no overflow");
    let (parsed, applied) = parsed;
    assert!(applied && parsed[1].is_ok());
    let fault = |at: usize| match &parsed[at] {
        Err(ExpressionError::Invalid { fault, .. }) => Some(fault.clone()),
        Ok(_) | Err(_) => None,
    };
    assert_eq!(fault(2), Some(Fault::UnknownFunction { function: "f".into() }));
    assert_eq!(fault(3), Some(Fault::TooManyOperators { count: 1_000 }));
    assert!(matches!(fault(4), Some(Fault::Syntax { .. })));
}
