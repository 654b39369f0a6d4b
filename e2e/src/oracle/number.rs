//! Numbers as decimal text, the way the service prints them.

/// The form in which the service returns a number, given any spelling of it that it accepts: no
/// exponent, no plus sign, no zeros that carry nothing, and no negative zero.
///
/// # Panics
/// If the text is not a number.
pub fn canonical(text: &str) -> String {
    let (negative, unsigned) = split_sign(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            (mantissa, exponent.parse::<i32>().expect("an exponent is an integer"))
        }
        None => (unsigned, 0),
    };
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{integer}{fraction}");
    assert!(!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()), "{text:?}");
    let point = i32::try_from(integer.len()).expect("short") + exponent;
    let plain = place_point(&digits, point);
    if negative && plain != "0" { format!("-{plain}") } else { plain }
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// The digits with the decimal point after `point` of them, which may be before the first or after
/// the last; superfluous zeros dropped.
fn place_point(digits: &str, point: i32) -> String {
    let before = usize::try_from(point).unwrap_or(0);
    let integer: String = digits.chars().chain(std::iter::repeat('0')).take(before).collect();
    let lead = usize::try_from(-point).unwrap_or(0);
    let rest = digits.get(before..).unwrap_or_default();
    let fraction = format!("{}{rest}", "0".repeat(lead));
    let integer = match integer.trim_start_matches('0') {
        "" => "0",
        significant => significant,
    };
    match fraction.trim_end_matches('0') {
        "" => integer.to_owned(),
        fraction => format!("{integer}.{fraction}"),
    }
}

/// The size of a number in bytes as the service counts it, from its canonical form: one, and one for
/// every two significant digits of the integer part, and so for the fraction, and one for a minus
/// sign; zeros at both ends do not count, and zero itself takes one.
pub fn number_size(canonical: &str) -> usize {
    let (negative, unsigned) = split_sign(canonical);
    if unsigned == "0" {
        return 1;
    }
    let (integer, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let integer = integer.trim_start_matches('0');
    let (integer, fraction) = match (integer, fraction) {
        (integer, "") => (integer.trim_end_matches('0'), ""),
        ("", fraction) => ("", fraction.trim_start_matches('0')),
        both => both,
    };
    1 + integer.len().div_ceil(2) + fraction.len().div_ceil(2) + usize::from(negative)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_has_one_canonical_form() {
        for (spelling, plain) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("+1", "1"),
            ("007", "7"),
            ("5.", "5"),
            (".5", "0.5"),
            ("1e3", "1000"),
            ("1000E-3", "1"),
            ("-12.3400", "-12.34"),
            ("1.5e-4", "0.00015"),
            ("0.00123e2", "0.123"),
            ("123456e-3", "123.456"),
        ] {
            assert_eq!(canonical(spelling), plain, "{spelling}");
        }
    }

    /// The figures were observed on the service.
    #[test]
    fn sizes_of_numbers_are_those_of_the_service() {
        let long = "1".repeat(38);
        for (number, size) in
            [("0", 1), ("42", 2), ("100", 2), ("1.5", 3), ("100.5", 4), ("-42", 3), (&long, 20)]
        {
            assert_eq!(number_size(number), size, "{number}");
        }
    }
}
