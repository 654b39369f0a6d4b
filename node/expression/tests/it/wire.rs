//! Expressions that another node reads mean what they meant, and bytes that mean nothing are refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use prost::Message as _;
use stator_expression::update::{Action, Change, NewValue, Operand};
use stator_expression::wire::{Error, Problem, Program, Reader, Tables, Writer};
use stator_expression::{
    Condition, Kind, Operand as CheckedOperand, Path, Placeholders, Step, Update, limits,
};
use stator_model::rules::ValueRule;
use stator_model::value::SetError;
use stator_model::{AttributeValue, Item};

use crate::model::item_of;
use crate::model::plain::Written;
use crate::model::strategy;
use crate::support::{cases, placeholders};
use crate::update::random;

/// The condition that is read from the bytes of this one.
fn sent_condition(condition: &Condition) -> Result<Condition, Error> {
    let mut writer = Writer::default();
    let program = writer.condition(condition).encode_to_vec();
    let tables = writer.finish().encode_to_vec();
    read_condition(&tables, &program)
}

fn read_condition(tables: &[u8], program: &[u8]) -> Result<Condition, Error> {
    let program = Program::decode(program).expect("a program");
    Reader::new(Tables::decode(tables).expect("tables"))?.condition(&program)
}

fn sent_update(update: &Update) -> Result<Update, Error> {
    let mut writer = Writer::default();
    let program = writer.update(update).encode_to_vec();
    let tables = Tables::decode(&writer.finish().encode_to_vec()[..]).expect("tables");
    Reader::new(tables)?.update(&Program::decode(&program[..]).expect("a program"))
}

/// A program of these words, as it is sent: one field, packed.
fn program(words: &[u32]) -> Program {
    let mut packed = Vec::new();
    for word in words {
        prost::encoding::encode_varint(u64::from(*word), &mut packed);
    }
    let mut bytes = vec![0x0a];
    prost::encoding::encode_varint(packed.len() as u64, &mut bytes);
    bytes.extend(packed);
    Program::decode(&bytes[..]).expect("a program")
}

/// The names `a` and `b`; the values `"x"`, 1 and an empty list.
fn tables() -> Vec<u8> {
    vec![10, 1, b'a', 10, 1, b'b', 18, 3, 1, 1, b'x', 18, 3, 2, 1, 1, 18, 2, 10, 0]
}

fn reader() -> Reader {
    Reader::new(Tables::decode(&tables()[..]).expect("tables")).expect("good tables")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(2_000)))]

    #[test]
    fn a_condition_that_was_sent_holds_for_the_same_items(
        model in strategy::any_condition(),
        items in prop::collection::vec(strategy::any_item(), 1..4),
    ) {
        let Written { text, values } = model.written();
        let mut placeholders = placeholders(&[("#a", "a")], &values).expect("good placeholders");
        if let Ok(condition) = Condition::parse(Kind::Condition, &text, &mut placeholders) {
            let sent = sent_condition(&condition);
            prop_assert_eq!(sent.as_ref(), Ok(&condition), "{}", text);
            for item in items.iter().map(item_of) {
                prop_assert_eq!(sent.as_ref().map(|sent| sent.holds(&item)), Ok(condition.holds(&item)));
            }
        }
    }

    #[test]
    fn an_update_that_was_sent_does_the_same(
        item in random::any_item(),
        actions in random::any_actions(),
    ) {
        let Ok(update) = Update::new(actions) else { return Ok(()) };
        let key = Item::new();
        match sent_update(&update) {
            Ok(sent) => {
                let after = |update: &Update| {
                    update.apply(item.as_ref(), &key).map(stator_expression::Updated::into_after)
                };
                prop_assert_eq!(after(&sent), after(&update));
                prop_assert_eq!(sent, update);
            }
            // Generated with operands of any type, which no text can have.
            Err(Error::Program { problem: Problem::Operands, .. }) => {}
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn any_words_are_refused_or_mean_something_that_can_be_sent(
        words in prop::collection::vec(0..16_u32, 0..40),
    ) {
        let program = program(&words);
        if let Ok(condition) = reader().condition(&program) {
            condition.holds(&Item::new());
            prop_assert_eq!(sent_condition(&condition), Ok(condition));
        }
        if let Ok(update) = reader().update(&program) {
            drop(update.apply(None, &Item::new()));
            prop_assert_eq!(sent_update(&update), Ok(update));
        }
    }

    #[test]
    fn bytes_with_an_error_are_refused_or_mean_something(
        model in strategy::any_condition(),
        at in any::<prop::sample::Index>(),
        bits in 1..=255_u8,
    ) {
        let Written { text, values } = model.written();
        let mut placeholders = placeholders(&[("#a", "a")], &values).expect("good placeholders");
        let Ok(condition) = Condition::parse(Kind::Condition, &text, &mut placeholders) else {
            return Ok(());
        };
        let mut writer = Writer::default();
        let mut program = writer.condition(&condition).encode_to_vec();
        let mut tables = writer.finish().encode_to_vec();
        let split = program.len();
        match at.index(split + tables.len()) {
            at if at < split => program[at] ^= bits,
            at => tables[at - split] ^= bits,
        }
        if let (Ok(tables), Ok(program)) = (Tables::decode(&tables[..]), Program::decode(&program[..]))
            && let Ok(condition) = Reader::new(tables).and_then(|reader| reader.condition(&program))
        {
            condition.holds(&Item::new());
        }
    }
}

#[test]
fn the_bytes_of_expressions_never_change() {
    let text = "(a = :x OR NOT size(b[3].a) BETWEEN :n AND :n OR a IN (:x, b)) AND attribute_exists(a) \
                AND attribute_not_exists(b) AND attribute_type(a, :t) AND begins_with(a, :x) AND \
                contains(a, :n)";
    let values = crate::support::item(r#"{":x":{"S":"x"},":n":{"N":"1"},":t":{"S":"S"}}"#);
    let mut shared = placeholders(&[], &values).expect("good placeholders");
    let condition = Condition::parse(Kind::Condition, text, &mut shared).expect("a condition");
    let mut writer = Writer::default();
    let program = writer.condition(&condition).encode_to_vec();
    let tables = writer.finish().encode_to_vec();
    // A bare name is a name of its own each time that it is written.
    let golden = [
        10, 58, 1, 0, 0, 2, 0, 4, 0, 1, 1, 2, 7, 4, 3, 2, 1, 2, 1, 5, 12, 1, 3, 0, 2, 0, 1, 4, 0,
        6, 2, 14, 3, 1, 5, 0, 7, 1, 6, 0, 8, 1, 7, 0, 9, 8, 1, 8, 0, 2, 0, 10, 1, 9, 0, 2, 1, 11,
        13, 6,
    ];
    assert_eq!(program, golden);
    let names = *b"\n\x01a\n\x01b\n\x01a\n\x01a\n\x01b\n\x01a\n\x01b\n\x01a\n\x01a\n\x01a";
    assert_eq!(tables, [&names[..], &[18, 3, 1, 1, b'x', 18, 3, 2, 1, 1]].concat());
    assert_eq!(read_condition(&tables, &program), Ok(condition));

    let text = "SET a = if_not_exists(b, :n), c = d + :n, e = f - :n, g = list_append(:l, h[1]) REMOVE i \
                ADD j :n DELETE k :s";
    let values = crate::support::item(r#"{":n":{"N":"1"},":l":{"L":[]},":s":{"SS":["x"]}}"#);
    let mut shared = placeholders(&[], &values).expect("good placeholders");
    let update = Update::parse(text, &mut shared).expect("an update");
    let mut writer = Writer::default();
    let program = writer.update(&update).encode_to_vec();
    let golden = [
        10, 44, 2, 0, 3, 0, 0, 4, 1, 0, 1, 2, 0, 2, 0, 5, 3, 0, 1, 4, 0, 2, 0, 6, 5, 0, 2, 1, 1, 6,
        1, 3, 7, 7, 0, 8, 8, 0, 9, 0, 9, 0, 10, 2, 10, 0,
    ];
    assert_eq!(program, golden, "{program:?}");
    let tables = writer.finish();
    assert_eq!(
        Reader::new(tables).and_then(|it| it.update(&Program::decode(&program[..]).unwrap())),
        Ok(update)
    );
}

#[test]
fn what_is_shared_is_sent_once_and_is_shared_again() {
    let long = "n".repeat(limits::NAME_BYTES);
    let value = AttributeValue::S("v".repeat(300_000));
    let mut values = Item::new();
    values.insert(":v".to_owned(), value);
    let names = vec![("#n".to_owned(), long)];
    let mut shared = Placeholders::new(Some(names), Some(values)).expect("good placeholders");
    let conditions = vec!["#n=:v"; 150].join(" OR ");
    let condition =
        Condition::parse(Kind::Condition, &conditions, &mut shared).expect("a condition");
    let update = Update::parse("SET a = :v, b.#n = :v", &mut shared).expect("an update");

    let mut writer = Writer::default();
    let programs = (writer.condition(&condition), writer.update(&update));
    let tables = writer.finish();
    let bytes = tables.encoded_len() + programs.0.encoded_len() + programs.1.encoded_len();
    assert!(bytes < 300_000 + limits::NAME_BYTES + 8 * 300, "{bytes}");

    let reader = Reader::new(tables).expect("good tables");
    let Ok(Condition::Or(parts)) = reader.condition(&programs.0) else { panic!("no OR") };
    let update = reader.update(&programs.1).expect("an update");
    let mut names = BTreeSet::new();
    let mut values = BTreeSet::new();
    for part in &parts {
        let Condition::Compare { left, right, .. } = part else { panic!("{part:?}") };
        let (CheckedOperand::Path(path), CheckedOperand::Value(value)) = (left, right) else {
            panic!("{part:?}")
        };
        names.insert(path.head.as_ptr());
        values.insert(Arc::as_ptr(value));
    }
    for Action { target, change } in update.actions() {
        let Change::Set(NewValue::Operand(Operand::Value(value))) = change else {
            panic!("{change:?}")
        };
        values.insert(Arc::as_ptr(value));
        names.extend(target.rest.iter().map(|step| match step {
            Step::Name(name) => name.as_ptr(),
            Step::Index(_) => panic!("{target:?}"),
        }));
    }
    assert_eq!((parts.len(), names.len(), values.len()), (150, 1, 1));
}

#[test]
fn what_only_legacy_parameters_can_say_is_sent_too() {
    let value = |n: usize| CheckedOperand::Value(Arc::new(AttributeValue::S(n.to_string())));
    let options = (0..2 * limits::IN_OPERANDS).map(value).collect();
    let path = CheckedOperand::Path(Path::attribute("a"));
    let condition = Condition::In { value: path, options };
    assert_eq!(sent_condition(&condition), Ok(condition));

    let list = Change::Add(Arc::new(AttributeValue::L(vec![AttributeValue::Null])));
    let update = Update::new(vec![Action { target: Path::attribute("a"), change: list }]);
    let update = update.expect("an update");
    assert_eq!(sent_update(&update), Ok(update));
    let none = Update::default();
    assert_eq!(sent_update(&none), Ok(none));
}

/// What is wrong with a condition of these words, and where.
fn condition_problem(words: &[u32]) -> (usize, Problem) {
    problem(reader().condition(&program(words)))
}

fn update_problem(words: &[u32]) -> (usize, Problem) {
    problem(reader().update(&program(words)))
}

#[track_caller]
fn problem<T: std::fmt::Debug>(read: Result<T, Error>) -> (usize, Problem) {
    match read {
        Err(Error::Program { at, problem, .. }) => (at, problem),
        other => panic!("{other:?}"),
    }
}

#[test]
fn programs_that_no_expression_has_are_refused_by_the_word() {
    assert_eq!(condition_problem(&[]), (0, Problem::Missing));
    assert_eq!(condition_problem(&[99]), (0, Problem::Operation(99)));
    assert_eq!(condition_problem(&[1, 0]), (1, Problem::CutShort));
    assert_eq!(condition_problem(&[1, 2, 0]), (1, Problem::Number(2)));
    assert_eq!(condition_problem(&[2, 3]), (1, Problem::Number(3)));
    assert_eq!(condition_problem(&[1, 0, 2, 4, 1]), (3, Problem::Number(2)));
    assert_eq!(condition_problem(&[2, 0, 4, 0]), (3, Problem::Missing));
    assert_eq!(condition_problem(&[2, 0, 2, 0, 4, 6]), (5, Problem::Number(6)));
    // A path alone, a predicate too many, two halves of nothing.
    assert_eq!(condition_problem(&[1, 0, 0]), (2, Problem::Missing));
    assert_eq!(condition_problem(&[1, 0, 0, 7, 1, 0, 0, 7]), (7, Problem::LeftOver));
    assert_eq!(condition_problem(&[2, 0, 1, 0, 0, 7]), (5, Problem::LeftOver));
    // Of one, of none, of more than there are.
    assert_eq!(condition_problem(&[1, 0, 0, 7, 13, 1]), (5, Problem::Missing));
    assert_eq!(condition_problem(&[1, 0, 0, 6, 0]), (4, Problem::Missing));
    assert_eq!(condition_problem(&[1, 0, 0, 7, 14, u32::MAX]), (5, Problem::Missing));
    // A value where a path must be, a list in an order, one path twice, a size of a number.
    assert_eq!(condition_problem(&[2, 0, 7]), (2, Problem::Operands));
    assert_eq!(condition_problem(&[1, 0, 0, 2, 2, 4, 2]), (6, Problem::Operands));
    assert_eq!(condition_problem(&[1, 0, 0, 1, 0, 0, 4, 0]), (7, Problem::Operands));
    assert_eq!(condition_problem(&[2, 1, 3, 2, 1, 4, 0]), (6, Problem::Operands));
    // A path of 33 elements.
    let long: Vec<u32> = [1, 0, 32].into_iter().chain([0; 32]).chain([7]).collect();
    assert_eq!(condition_problem(&long), (2, Problem::LongPath));
    let longest: Vec<u32> = [1, 0, 31].into_iter().chain([0; 31]).chain([7]).collect();
    assert!(reader().condition(&program(&longest)).is_ok());

    assert_eq!(update_problem(&[11]), (0, Problem::Operation(11)));
    assert_eq!(update_problem(&[8]), (0, Problem::CutShort));
    assert_eq!(update_problem(&[4, 0, 0]), (0, Problem::Missing));
    assert_eq!(update_problem(&[2, 0, 8, 0, 0]), (2, Problem::LeftOver));
    assert_eq!(update_problem(&[2, 0]), (1, Problem::LeftOver));
    assert_eq!(update_problem(&[2, 0, 2, 1, 5, 0, 0]), (4, Problem::Operands));
    assert_eq!(update_problem(&[2, 1, 2, 2, 7, 0, 0]), (4, Problem::Operands));
    assert_eq!(update_problem(&[9, 0, 0, 0]), (1, Problem::Operands));
    assert_eq!(update_problem(&[10, 2, 0, 0]), (1, Problem::Operands));
    assert_eq!(update_problem(&[8, 0, 0, 8, 0, 0]), (5, Problem::Targets));
    assert_eq!(update_problem(&[8, 0, 1, 1, 8, 0, 1, 2]), (7, Problem::Targets));
}

#[test]
fn names_and_values_that_no_request_has_are_refused() {
    let refused = |tables: &[u8]| {
        Reader::new(Tables::decode(tables).expect("tables")).expect_err("bad tables")
    };
    assert_eq!(refused(&[10, 0]), Error::Name { number: 0, source: ValueRule::EmptyName });
    let mut long = vec![10, 0x80, 0x80, 0x04];
    long.extend([b'n'; 1 << 16]);
    assert_eq!(refused(&long), Error::Name { number: 0, source: ValueRule::LongName });
    let twice = ValueRule::Set(SetError::Duplicate);
    let set = [18, 1, 6, 18, 6, 7, 2, 1, b'a', 1, b'a'];
    assert_eq!(refused(&set), Error::Rule { number: 1, source: twice });
    assert!(matches!(refused(&[18, 2, 1, 5]), Error::Value { number: 0, .. }));
    assert!(matches!(refused(&[18, 0]), Error::Value { number: 0, .. }));
}

// As for texts: threads have two megabytes where nobody says otherwise; unoptimised, half of that must do.
#[test]
fn no_program_needs_much_stack() {
    let towers = |times: usize| {
        let exists = [1, 0, 0, 7];
        let nots: Vec<u32> = exists.into_iter().chain(vec![12; times]).collect();
        let ands: Vec<u32> = exists.into_iter().chain([1, 0, 0, 7, 13, 2].repeat(times)).collect();
        let sizes: Vec<u32> = [1, 0, 0].into_iter().chain(vec![3; times]).collect();
        let elses: Vec<u32> =
            [2, 0].into_iter().chain([3, 0, 0].repeat(times)).chain([4, 1, 0]).collect();
        (nots, ands, sizes, elses)
    };
    let read = move || {
        let (nots, ands, sizes, elses) = towers(1 << 20);
        assert_eq!(condition_problem(&nots), (303, Problem::TooDeep));
        assert_eq!(condition_problem(&ands).1, Problem::TooDeep);
        assert_eq!(condition_problem(&sizes), (4, Problem::Operands));
        assert_eq!(update_problem(&elses).1, Problem::TooDeep);

        let (nots, ands, _, elses) = towers(limits::OPERATORS - 1);
        for words in [nots, ands] {
            let condition = reader().condition(&program(&words)).expect("a condition");
            assert_eq!(sent_condition(&condition), Ok(condition));
        }
        let update = reader().update(&program(&elses)).expect("an update");
        assert_eq!(sent_update(&update), Ok(update));
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(read).expect("a thread");
    thread.join().expect("no overflow");
}
