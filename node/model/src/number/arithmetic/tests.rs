use std::str::FromStr as _;

use bigdecimal::{BigDecimal, Signed as _, Zero as _};
use proptest::prelude::*;

use crate::{Number, NumberError};

fn number(text: &str) -> Number {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The sum is as written, whatever the order, and taking one away again leads back.
fn check(left: &str, right: &str, expected: Result<&str, NumberError>) {
    let (left, right) = (number(left), number(right));
    let expected = expected.map(number);
    assert_eq!(left.checked_add(&right), expected, "{left} + {right}");
    assert_eq!(right.checked_add(&left), expected, "{right} + {left}");
    if let Ok(sum) = expected {
        assert_eq!(sum.checked_sub(&right), Ok(left), "{sum} - {right}");
    }
}

#[test]
fn sums_are_exact() {
    check("1", "2", Ok("3"));
    check("0", "0", Ok("0"));
    check("0", "-7.5", Ok("-7.5"));
    check("5", "-5", Ok("0"));
    check("0.1", "0.2", Ok("0.3"));
    check("5", "5", Ok("10"));
    check("99", "1", Ok("100"));
    check("0.99", "0.01", Ok("1"));
    check("-1", "10000000000000000000000", Ok("9999999999999999999999"));
    check("1", "10000000000000000000000", Ok("10000000000000000000001"));
    check("1e125", "-1e125", Ok("0"));
    check("1e-130", "1e-130", Ok("2e-130"));
}

// Rule: value.number-arithmetic
#[test]
fn a_sum_of_39_digits_overflows_and_one_of_38_does_not() {
    let nines = "9".repeat(38);
    check("1e37", "1", Ok("10000000000000000000000000000000000001"));
    check("1e38", "1", Err(NumberError::Overflow));
    check("1e38", "-1", Ok(&nines));
    check("2e38", "-1", Err(NumberError::Overflow));
    check("1e39", "-1", Err(NumberError::Overflow));
    check(&nines, "1", Ok("1e38"));
    check(&nines, "2", Err(NumberError::Overflow));
    check(&nines, "11", Ok("100000000000000000000000000000000000010"));
    check(&nines, &nines, Err(NumberError::Overflow));
    check("5e38", "-1", Err(NumberError::Overflow));
    check("1e50", "1", Err(NumberError::Overflow));
    check("1e125", "1e-130", Err(NumberError::Overflow));
    check("-1e125", "1e-130", Err(NumberError::Overflow));
}

#[test]
fn results_out_of_range_are_refused() {
    check("9e125", "9e125", Err(NumberError::Overflow));
    check("-9e125", "-1e125", Err(NumberError::Overflow));
    check("9e125", "9e124", Ok("9.9e125"));
    check("1.1e-130", "-1e-130", Err(NumberError::Underflow));
    check("-1.1e-130", "1e-130", Err(NumberError::Underflow));
    check("2e-130", "-1e-130", Ok("1e-130"));
}

#[test]
fn taking_zero_away_changes_nothing_and_zero_has_no_sign() {
    assert_eq!(number("7").checked_sub(&Number::ZERO), Ok(number("7")));
    assert_eq!(Number::ZERO.checked_sub(&number("7")), Ok(number("-7")));
    assert_eq!(Number::ZERO.checked_sub(&Number::ZERO), Ok(Number::ZERO));
    assert_eq!(number("-7").checked_sub(&number("-7")), Ok(Number::ZERO));
}

/// The verdict on an exact result, by plain arithmetic on bigdecimal's digits.
fn oracle(value: &BigDecimal) -> Result<Number, NumberError> {
    let value = value.normalized();
    if value.is_zero() {
        return Ok(Number::ZERO);
    }
    let (coefficient, scale) = value.as_bigint_and_exponent();
    let count = i64::try_from(coefficient.abs().to_string().len()).expect("short");
    match count - scale - 1 {
        126.. => Err(NumberError::Overflow),
        ..-130 => Err(NumberError::Underflow),
        _ if count > 38 => Err(NumberError::Overflow),
        _ => Ok(number(&format!("{coefficient}e{}", -scale))),
    }
}

/// Any number, small magnitudes, powers of ten and their neighbours often.
fn any_number() -> impl Strategy<Value = Number> {
    let coefficient = prop_oneof![
        0..100_u128,
        0..10_u128.pow(38),
        (0..38_u32, 0..3_u128).prop_map(|(power, step)| (10_u128.pow(power) + step).max(1) - 1),
        (0..100_u128).prop_map(|below| 10_u128.pow(38) - 1 - below),
    ];
    let exponent = prop_oneof![-40..=40_i16, -167..=125_i16];
    (any::<bool>(), coefficient, exponent).prop_filter_map(
        "in range",
        |(negative, digits, exponent)| {
            let sign = if negative { "-" } else { "" };
            format!("{sign}{digits}e{exponent}").parse().ok()
        },
    )
}

proptest! {
    #[test]
    fn arithmetic_agrees_with_bigdecimal(left in any_number(), right in any_number()) {
        let big = |number: &Number| BigDecimal::from_str(&number.to_string()).expect("a number");
        prop_assert_eq!(left.checked_add(&right), oracle(&(big(&left) + big(&right))));
        prop_assert_eq!(left.checked_sub(&right), oracle(&(big(&left) - big(&right))));
    }

    #[test]
    fn arithmetic_of_neighbours_agrees_with_bigdecimal(
        left in any_number(),
        coefficient in 1..10_u128.pow(38),
        places in 0..=40_i16,
        negative in any::<bool>(),
    ) {
        let sign = if negative { "-" } else { "" };
        let text = format!("{sign}{coefficient}e{}", left.parts().2 - places);
        if let Ok(right) = text.parse::<Number>() {
            let big = |number: &Number| BigDecimal::from_str(&number.to_string()).expect("a number");
            prop_assert_eq!(left.checked_add(&right), oracle(&(big(&left) + big(&right))));
        }
    }
}
