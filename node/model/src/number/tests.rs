use std::cmp::Ordering;
use std::str::FromStr as _;

use bigdecimal::{BigDecimal, Signed as _, Zero as _};
use proptest::prelude::*;

use super::{Number, NumberError};

fn number(text: &str) -> Number {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn encoded(number: &Number) -> Vec<u8> {
    let mut out = Vec::new();
    number.encode_ordered(&mut out);
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

// Rule: value.number-grammar, value.number-output
#[test]
fn every_spelling_of_the_grammar_is_read() {
    for (text, shown) in [
        ("0", "0"),
        ("-0", "0"),
        ("+0.000", "0"),
        ("-0e5", "0"),
        ("5.", "5"),
        (".5", "0.5"),
        ("-.5e1", "-5"),
        ("5.e1", "50"),
        ("+007.50", "7.5"),
        ("1e3", "1000"),
        ("1E+3", "1000"),
        ("1e-3", "0.001"),
        ("1e00000000000000000000000000000000003", "1000"),
        ("123.456e1", "1234.56"),
        ("123.456e-3", "0.123456"),
        ("100.5", "100.5"),
        ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
        ("1234567890123456789.0123456789012345678", "1234567890123456789.0123456789012345678"),
        ("-0.99999999999999999999999999999999999999", "-0.99999999999999999999999999999999999999"),
    ] {
        assert_eq!(number(text).to_string(), shown, "{text}");
    }
}

// Rule: value.number-grammar
#[test]
fn what_is_not_of_the_grammar_is_refused() {
    for text in [
        "", " ", "+", "-", ".", "+.", "e5", ".e5", "1e", "1e+", "1e1.5", "1e1e1", "1 ", " 1",
        "1_0", "1,0", "0x1", "--1", "+-1", "1..2", "1.2.3", "NaN", "Infinity", "inf", "١",
        "1\u{0}", "1e5 ", "1-", "1f",
    ] {
        assert_eq!(text.parse::<Number>(), Err(NumberError::Syntax), "{text:?}");
    }
}

#[test]
fn range_is_checked_before_digits() {
    let check = |text: &str, expected: Result<(), NumberError>| {
        assert_eq!(text.parse::<Number>().map(|_| ()), expected, "{text}");
    };
    check("9.9999999999999999999999999999999999999e125", Ok(()));
    check("9.99999999999999999999999999999999999999e125", Err(NumberError::TooManyDigits));
    check("1e126", Err(NumberError::Overflow));
    check("-10e125", Err(NumberError::Overflow));
    check("1e-130", Ok(()));
    check("1.2345678901234567890123456789012345678e-130", Ok(()));
    check("-0.1e-129", Ok(()));
    check("9.9e-131", Err(NumberError::Underflow));
    check("0.9e-130", Err(NumberError::Underflow));
    check("123456789012345678901234567890123456789", Err(NumberError::TooManyDigits));
    check("1234567890123456789012345678901234567800000", Ok(()));
    check("0.00000123456789012345678901234567890123456780000", Ok(()));
    check("100000000000000000000000000000000000001", Err(NumberError::TooManyDigits));
    check("123456789012345678901234567890123456789e100", Err(NumberError::Overflow));
    check("123456789012345678901234567890123456789e-200", Err(NumberError::Underflow));
}

// Rule: value.number-zero-scale
#[test]
fn a_zero_overflows_by_its_written_scale() {
    for text in ["0e126", "-0e126", "00.e126", "0.0e127", "0e99999999999999999999999"] {
        assert_eq!(text.parse::<Number>(), Err(NumberError::Overflow), "{text}");
    }
    for text in ["0e125", "0.0e126", "0e-131", "0e-99999999999999999999999", "0.000e128"] {
        assert_eq!(text.parse::<Number>(), Ok(Number::ZERO), "{text}");
    }
}

// Rule: value.sizes
#[test]
fn sizes_follow_the_pairs_from_the_point() {
    for (text, size) in [
        ("0", 1),
        ("-0", 1),
        ("1", 2),
        ("42", 2),
        ("100", 2),
        ("120", 3),
        ("1200", 2),
        ("1.5", 3),
        ("100.5", 4),
        ("-42", 3),
        ("0.1", 2),
        ("0.01", 2),
        ("0.012", 3),
        ("0.0012", 2),
        ("123", 3),
        ("12.34", 3),
        ("1.234", 4),
        ("12345678901234567890123456789012345678", 20),
        ("1234567890123456789012345678901234567.8", 21),
        ("-1.2345678901234567890123456789012345678", 22),
        ("1e125", 2),
        ("1e-130", 2),
    ] {
        assert_eq!(number(text).size(), size, "{text}");
    }
}

#[test]
fn hostile_texts_take_bounded_work() {
    let million = 1_000_000;
    let nines = "9".repeat(million);
    let zeros = "0".repeat(million);
    let cases = [
        (nines.clone(), Err(NumberError::Overflow)),
        (format!("0.{nines}"), Err(NumberError::TooManyDigits)),
        (format!("1e{nines}"), Err(NumberError::Overflow)),
        (format!("1e-{nines}"), Err(NumberError::Underflow)),
        (format!("1e{zeros}7"), Ok("10000000")),
        (format!("{zeros}7"), Ok("7")),
        (format!("7.{zeros}"), Ok("7")),
        (format!("0.{zeros}7e1000001"), Ok("7")),
        (format!("7{zeros}e-1000000"), Ok("7")),
        (format!("7{zeros}7e-1000000"), Err(NumberError::TooManyDigits)),
        (format!("0.{zeros}e{nines}"), Err(NumberError::Overflow)),
        (format!("0e-{nines}"), Ok("0")),
        (format!("{nines}x"), Err(NumberError::Syntax)),
    ];
    for (text, expected) in cases {
        let head = text.get(..12).unwrap_or("");
        assert_eq!(Number::from_str(&text), expected.map(number), "{head}...");
    }
}

#[test]
fn key_forms_are_golden() {
    for (text, form) in [
        ("0", "02"),
        ("1", "034102"),
        ("-1", "01befd"),
        ("9", "034112"),
        ("10", "034114"),
        ("99", "0341c6"),
        ("100", "034202"),
        ("120", "03420328"),
        ("-120", "01bdfcd7"),
        ("0.5", "034064"),
        ("-0.05", "01bff5"),
        ("123.45", "0342032f5a"),
        ("1e125", "037f14"),
        ("1e-130", "030002"),
        ("-9.9e125", "018039"),
        ("12345678901234567890123456789012345678", "03531945719db51945719db51945719db51945719c"),
    ] {
        assert_eq!(hex(&encoded(&number(text))), form, "{text}");
    }
}

#[test]
fn parts_that_are_not_canonical_are_refused() {
    for (negative, coefficient, exponent) in [
        (true, 0, 0),
        (false, 0, 1),
        (false, 10, 0),
        (false, 10_u128.pow(38) + 1, 0),
        (false, u128::MAX, 0),
        (false, 1, 126),
        (false, 11, 125),
        (false, 1, -131),
        (true, 1, i16::MAX),
        (true, 1, i16::MIN),
    ] {
        assert_eq!(
            Number::from_parts(negative, coefficient, exponent),
            None,
            "{coefficient}e{exponent}"
        );
    }
    assert_eq!(Number::from_parts(false, 0, 0), Some(Number::ZERO));
    assert_eq!(Number::from_parts(true, 12, -131), Some(number("-1.2e-130")));
}

/// Any number, small magnitudes and near neighbours often.
fn any_number() -> impl Strategy<Value = Number> {
    let coefficient = prop_oneof![0..100_u128, 0..1_000_000_u128, 0..10_u128.pow(38)];
    let exponent = prop_oneof![-3..=3_i16, -167..=125_i16];
    (any::<bool>(), coefficient, exponent).prop_filter_map(
        "in range",
        |(negative, coefficient, exponent)| {
            let sign = if negative { "-" } else { "" };
            format!("{sign}{coefficient}e{exponent}").parse().ok()
        },
    )
}

/// The verdict of the rules, by plain arithmetic on bigdecimal's digits.
fn oracle(text: &str) -> Result<BigDecimal, NumberError> {
    let value = BigDecimal::from_str(text).map_err(|_| NumberError::Syntax)?.normalized();
    if value.is_zero() {
        return Ok(value);
    }
    let (digits, scale) = value.as_bigint_and_exponent();
    let count = i64::try_from(digits.abs().to_string().len()).expect("short");
    match count - scale - 1 {
        126.. => Err(NumberError::Overflow),
        ..-130 => Err(NumberError::Underflow),
        _ if count > 38 => Err(NumberError::TooManyDigits),
        _ => Ok(value),
    }
}

proptest! {
    #[test]
    fn reading_agrees_with_bigdecimal(
        text in "[+-]?([0-9]{1,45}(\\.[0-9]{0,45})?|\\.[0-9]{1,45})([eE][+-]?1?[0-9]{1,2})?",
    ) {
        let expected = oracle(&text);
        let read = text.parse::<Number>();
        if expected == Ok(BigDecimal::zero()) && read == Err(NumberError::Overflow) {
            return Ok(()); // The zero rule has its own test.
        }
        prop_assert_eq!(read.map(|number| oracle(&number.to_string())), expected.map(Ok));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-+.eE0-9 a]{0,12}|\\PC{0,12}") {
        if let Ok(number) = text.parse::<Number>() {
            prop_assert_eq!(Ok(BigDecimal::from_str(&number.to_string())), oracle(&text).map(Ok));
        }
    }

    #[test]
    fn what_is_shown_reads_back_the_same(number in any_number()) {
        let shown = number.to_string();
        prop_assert_eq!(shown.parse(), Ok(number));
        prop_assert!(!shown.contains(['e', 'E', '+']));
        let (integer, fraction) = shown.split_once('.').unwrap_or((&shown, "1"));
        prop_assert!(!fraction.ends_with('0'), "{}", shown);
        let integer = integer.trim_start_matches('-');
        prop_assert!(integer == "0" || !integer.starts_with('0'), "{}", shown);
        let (negative, coefficient, exponent) = number.parts();
        prop_assert_eq!(Number::from_parts(negative, coefficient, exponent), Some(number));
    }

    // Rule: value.sort-order
    #[test]
    fn order_agrees_with_bigdecimal_and_with_the_key_form(left in any_number(), right in any_number()) {
        let big = |number: &Number| BigDecimal::from_str(&number.to_string()).expect("a number");
        let expected = big(&left).cmp(&big(&right));
        prop_assert_eq!(left.cmp(&right), expected);
        prop_assert_eq!(left == right, expected == Ordering::Equal);
        let (left, right) = (encoded(&left), encoded(&right));
        prop_assert_eq!(left.cmp(&right), expected);
        if expected != Ordering::Equal {
            prop_assert!(!left.starts_with(&right) && !right.starts_with(&left));
        }
    }

    #[test]
    fn neighbours_keep_their_order(number in any_number(), step in -2..=2_i8) {
        let (negative, coefficient, exponent) = number.parts();
        let stepped = coefficient.saturating_add_signed(i128::from(step));
        let sign = if negative { "-" } else { "" };
        if let Ok(other) = format!("{sign}{stepped}e{exponent}").parse::<Number>() {
            let expected = if negative { coefficient.cmp(&stepped) } else { stepped.cmp(&coefficient) };
            prop_assert_eq!(other.cmp(&number), expected);
            prop_assert_eq!(encoded(&other).cmp(&encoded(&number)), expected);
        }
    }

    #[test]
    fn size_counts_the_pairs_of_the_shown_text(number in any_number()) {
        let shown = number.to_string();
        let digits = shown.trim_start_matches('-');
        let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let padded = format!(
            "{}{integer}{fraction}{}",
            "0".repeat(integer.len() % 2),
            "0".repeat(fraction.len() % 2),
        );
        let pairs: Vec<&[u8]> = padded.as_bytes().chunks(2).collect();
        let first = pairs.iter().position(|pair| *pair != b"00");
        let last = pairs.iter().rposition(|pair| *pair != b"00");
        let count = first.zip(last).map_or(0, |(first, last)| last - first + 1);
        prop_assert_eq!(number.size(), 1 + count + usize::from(shown.starts_with('-')));
    }
}

proptest! {
    #[test]
    fn a_number_is_read_back_from_its_ordered_form(number in any_number()) {
        prop_assert_eq!(Number::decode_ordered(&encoded(&number)), Some(number));
    }

    #[test]
    fn bytes_are_the_ordered_form_of_one_number_or_of_none(
        head in 0..5_u8,
        rest in prop::collection::vec(any::<u8>(), 0..24),
    ) {
        let bytes = [vec![head], rest].concat();
        if let Some(number) = Number::decode_ordered(&bytes) {
            prop_assert_eq!(encoded(&number), bytes);
        }
    }
}

#[test]
fn the_longest_numbers_are_read_back_from_their_ordered_form() {
    let nines = "9".repeat(38);
    for text in
        [format!("{nines}e87"), format!("-{nines}e-130"), format!("{nines}e-1"), "0".to_owned()]
    {
        let number = number(&text);
        assert_eq!(Number::decode_ordered(&encoded(&number)), Some(number), "{text}");
    }
    for none in [&[][..], &[2, 0], &[3], &[3, 65], &[3, 65, 3], &[3, 65, 0], &[3, 65, 0xff, 2]] {
        assert_eq!(Number::decode_ordered(none), None, "{none:?}");
    }
}
