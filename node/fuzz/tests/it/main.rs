//! Every target on what is known of it, and on changes of that: a few seconds of what `.ci/fuzz` does for
//! an hour.

use stator_fuzz::engine::Engine;
use stator_fuzz::{Meter, TARGETS, Target, corpus, seeds};

/// Changed inputs of each target, times `STATOR_CASES`.
const CHANGES: u64 = 2_000;
/// Long inputs of each target, times `STATOR_CASES`.
const LONG: u64 = 4;
const LONG_BYTES: usize = 64 << 10;

/// A number in the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn known(target: &Target) -> Vec<Vec<u8>> {
    let mut inputs = seeds::of(target).expect("the test data can be read");
    assert!(!inputs.is_empty(), "{} has seeds", target.name);
    inputs.extend(corpus::load(target).expect("the corpus can be read"));
    inputs
}

#[test]
fn known_inputs_and_changes_of_them_break_no_target_and_no_bound() {
    let cases = number("STATOR_CASES").unwrap_or(1);
    let seed = number("STATOR_SEED").unwrap_or_else(|| fastrand::u64(..));
    for target in TARGETS {
        let mut engine = Engine::new(target, known(target), seed);
        let mut done = engine.replay();
        for _ in 0..CHANGES * cases {
            done = done.and_then(|()| engine.change());
        }
        for _ in 0..LONG * cases {
            done = done.and_then(|()| engine.stretch(LONG_BYTES));
        }
        if let Err(failure) = done {
            panic!("STATOR_SEED={seed}: {failure}");
        }
        let (inputs, fullest) = (engine.meter().inputs(), engine.meter().fullest());
        println!("{}: {inputs} inputs, at most {fullest:.2} of the memory allowed", target.name);
    }
}

/// Projections of 4 KB, each of paths that share nothing, for as many tables as a batch may name: 112 MB
/// were held for a body of 416 KB, when every element of a path had a B-tree's node.
#[test]
fn a_batch_of_long_projections_takes_memory_in_proportion_to_its_body() {
    let path = |number: u32| format!("x{number}{}", ".a".repeat(31));
    let projection = (10..72).map(path).collect::<Vec<_>>().join(",");
    let tables = (100..200).map(|number| {
        let keys = r#"[{"pk":{"S":"p"}}]"#;
        format!(r#""table-{number}":{{"Keys":{keys},"ProjectionExpression":"{projection}"}}"#)
    });
    let tables = tables.collect::<Vec<_>>().join(",");
    let body = format!("BatchGetItem\n{{\"RequestItems\":{{{tables}}}}}");
    let target = Target::find("read-requests").expect("it is there");
    assert_eq!(Meter::new(target).run(body.as_bytes()), Ok(()), "{} bytes", body.len());
}

#[test]
fn targets_have_names_of_their_own() {
    for target in TARGETS {
        let found = Target::find(target.name).expect("it is there");
        assert!(std::ptr::eq(found, target), "{} stands twice", target.name);
    }
}
