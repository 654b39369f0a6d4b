//! Numbers: up to 38 significant decimal digits, exact.
//!
//! A [`Number`] is `±coefficient × 10^exponent` in canonical form: the coefficient has no trailing
//! zero, zero is `0 × 10^0` and never negative. Hence equal numbers are equal bit by bit, however
//! they were written. Text comes in through [`FromStr`] in one pass, whatever its length, and leaves
//! through [`Display`](fmt::Display) as plain decimal without an exponent.
//!
//! Source of the rules: "Naming rules and data types", "Number" (developer guide): magnitudes from
//! 1E-130 to 9.9999999999999999999999999999999999999E+125, 38 digits of precision.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

mod arithmetic;
#[cfg(test)]
mod tests;

/// The most significant digits that a number has.
const DIGITS: u32 = 38;
/// The exponent of the first significant digit of the largest numbers.
const MAX_MAGNITUDE: i64 = 125;
/// The exponent of the first significant digit of the smallest numbers that are not zero.
const MIN_MAGNITUDE: i64 = -130;
/// Exponents are cut to this while they are read: beyond what the digits of any text can make up for,
/// and far enough from the end of `i64` to be added to.
const EXPONENT_CAP: i64 = 1 << 56;
/// The most base-100 digits that a number has: 38 digits, the first and last ones halves of a pair.
const PAIRS: usize = 20;

/// A number as DynamoDB has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Number {
    negative: bool,
    coefficient: u128,
    exponent: i16,
}

/// Why a text is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not of the grammar.
    #[error("not a number")]
    Syntax,
    /// More than 38 significant digits.
    #[error("more than 38 significant digits")]
    TooManyDigits,
    /// Magnitude of 1E126 or more.
    #[error("magnitude too large")]
    Overflow,
    /// Magnitude below 1E-130, not zero.
    #[error("magnitude too small")]
    Underflow,
}

impl Number {
    /// Zero, which has no sign.
    pub const ZERO: Self = Self { negative: false, coefficient: 0, exponent: 0 };

    /// The size by the service's rule: one byte, one for every two digits, one for a minus sign.
    ///
    /// Digits are paired from the decimal point to both sides, and pairs of zeros at both ends are
    /// free: 100 and 0.01 have one pair, 120 has two (1 and 20). Zero takes one byte. Observed on the
    /// service; "DynamoDB item sizes and formats" (developer guide) gives the rule approximately.
    pub fn size(&self) -> usize {
        if self.is_zero() {
            return 1;
        }
        let digits = digits(self.coefficient) + u32::from(self.ends_inside_pair());
        1 + digits.div_ceil(2) as usize + usize::from(self.negative)
    }

    /// Appends the order-preserving key form: byte order is numeric order, equal numbers have equal
    /// forms, and no form is a prefix of another's. The form is on disk: it never changes.
    ///
    /// ```text
    /// zero      02
    /// positive  03 │ place of the first pair + 65 │ pairs
    /// negative  01 │ the same, every bit of these bytes turned over
    ///
    /// A pair is a base-100 digit; pairs begin and end at even powers of ten, none at either end is
    /// zero, and a pair's place is its power of 100 (-65 to 62). Each is one byte, 2 × pair + 1, the
    /// last one 2 × pair: the low bit says whether more follow, so that the form ends itself.
    /// ```
    pub fn encode_ordered(&self, out: &mut Vec<u8>) {
        if self.is_zero() {
            out.push(0x02);
            return;
        }
        let flip = if self.negative { 0xff } else { 0x00 };
        out.push(if self.negative { 0x01 } else { 0x03 });
        let place = self.magnitude().div_euclid(2) + 65;
        out.push(u8::try_from(place).expect("a magnitude is at least -130 and at most 125") ^ flip);
        let (pairs, count) = self.pairs_from_the_end();
        for (at, pair) in pairs.iter().enumerate().take(count).rev() {
            out.push((2 * pair + u8::from(at != 0)) ^ flip);
        }
    }

    /// How many of these bytes are the ordered form of the number with which they begin, if they begin with
    /// one: its last pair of digits is the one without the bit that says that more follow.
    pub(crate) fn ordered_len(bytes: &[u8]) -> Option<usize> {
        let flip = match bytes.first()? {
            0x02 => return Some(1),
            0x01 => 0xff,
            0x03 => 0x00,
            _ => return None,
        };
        let last = bytes.get(2..)?.iter().position(|byte| (byte ^ flip) & 1 == 0)?;
        Some(last + 3)
    }

    /// The number whose ordered form these bytes are, all of them.
    pub(crate) fn decode_ordered(form: &[u8]) -> Option<Self> {
        let (head, rest) = form.split_first()?;
        let (negative, flip) = match head {
            0x02 => return rest.is_empty().then_some(Self::ZERO),
            0x01 => (true, 0xff),
            0x03 => (false, 0x00),
            _ => return None,
        };
        let (place, pairs) = rest.split_first()?;
        let (last, others) = pairs.split_last()?;
        let pair = |byte: &u8| u128::from((byte ^ flip) >> 1);
        let sum = others
            .iter()
            .try_fold(0_u128, |sum, byte| sum.checked_mul(100)?.checked_add(pair(byte)))?;
        let exponent = 2 * (i16::from(place ^ flip) - 65 - i16::try_from(others.len()).ok()?);
        // A zero at the end is none of the coefficient's, which may have no room for it.
        let last = pair(last);
        let (scale, last, exponent) =
            if last % 10 == 0 { (10, last / 10, exponent + 1) } else { (100, last, exponent) };
        let coefficient = sum.checked_mul(scale)?.checked_add(last)?;
        let number = Self::from_parts(negative, coefficient, exponent)?;
        let mut own = Vec::with_capacity(form.len());
        number.encode_ordered(&mut own);
        (own == form).then_some(number)
    }

    /// The parts, for codecs: negative, coefficient without trailing zeros, exponent of ten.
    pub const fn parts(&self) -> (bool, u128, i16) {
        (self.negative, self.coefficient, self.exponent)
    }

    /// The number with these parts, if they are the canonical parts of a number in range.
    pub fn from_parts(negative: bool, coefficient: u128, exponent: i16) -> Option<Self> {
        let number = Self { negative, coefficient, exponent };
        if coefficient == 0 {
            return (number == Self::ZERO).then_some(number);
        }
        let canonical = !coefficient.is_multiple_of(10) && digits(coefficient) <= DIGITS;
        let in_range = (MIN_MAGNITUDE..=MAX_MAGNITUDE).contains(&number.magnitude());
        (canonical && in_range).then_some(number)
    }

    const fn is_zero(&self) -> bool {
        self.coefficient == 0
    }

    /// The power of ten of the first significant digit. Not for zero.
    fn magnitude(&self) -> i64 {
        i64::from(self.exponent) + i64::from(digits(self.coefficient)) - 1
    }

    /// Whether the last significant digit is the first of its pair, so that a zero stands beside it.
    const fn ends_inside_pair(&self) -> bool {
        self.exponent.rem_euclid(2) == 1
    }

    /// The base-100 digits, last one first, and how many there are.
    fn pairs_from_the_end(&self) -> ([u8; PAIRS], usize) {
        let mut pairs = [0; PAIRS];
        let mut rest = self.coefficient;
        let mut count = 0;
        for slot in &mut pairs {
            if rest == 0 {
                break;
            }
            let halved = count == 0 && self.ends_inside_pair();
            let (base, scale) = if halved { (10, 10) } else { (100, 1) };
            *slot = u8::try_from(rest % base).expect("a remainder of 100 or 10 fits") * scale;
            rest /= base;
            count += 1;
        }
        assert!(rest == 0, "38 digits make at most 20 pairs");
        (pairs, count)
    }

    fn signum(&self) -> i8 {
        match (self.is_zero(), self.negative) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => -1,
        }
    }

    /// Orders by absolute value. Not for zero.
    fn cmp_magnitude(&self, other: &Self) -> Ordering {
        let full =
            |number: &Self| number.coefficient * 10_u128.pow(DIGITS - digits(number.coefficient));
        self.magnitude().cmp(&other.magnitude()).then_with(|| full(self).cmp(&full(other)))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.signum(), other.signum()) {
            (1, 1) => self.cmp_magnitude(other),
            (-1, -1) => other.cmp_magnitude(self),
            (left, right) => left.cmp(&right),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How many decimal digits `coefficient` has. Zero has none.
fn digits(coefficient: u128) -> u32 {
    coefficient.checked_ilog10().map_or(0, |log| log + 1)
}

impl FromStr for Number {
    type Err = NumberError;

    /// Reads `[+-]?(digits[.digits*]|.digits)([eE][+-]?digits)?`, in one pass over the text.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let (negative, rest) = split_sign(text.as_bytes());
        let (mantissa, rest) = Mantissa::read(rest)?;
        mantissa.into_number(negative, read_exponent(rest)?)
    }
}

/// The sign, and what follows it.
fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        Some(_) | None => (false, text),
    }
}

/// The exponent behind the mantissa, 0 if there is none. Cut to [`EXPONENT_CAP`].
fn read_exponent(text: &[u8]) -> Result<i64, NumberError> {
    let Some((mark, rest)) = text.split_first() else { return Ok(0) };
    let (negative, digits) = split_sign(rest);
    if !matches!(mark, b'e' | b'E') || digits.is_empty() {
        return Err(NumberError::Syntax);
    }
    let mut exponent = 0_i64;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return Err(NumberError::Syntax);
        }
        exponent = (exponent * 10 + i64::from(byte - b'0')).min(EXPONENT_CAP);
    }
    Ok(if negative { -exponent } else { exponent })
}

/// The digits of a number while they are read.
#[derive(Default)]
struct Mantissa {
    /// The significant digits up to the last that is not zero; without meaning past 38 of them.
    coefficient: u128,
    /// How many those are.
    significant: i64,
    /// Zeros that follow them: significant only if another digit follows.
    zeros: i64,
    /// Digits behind the point.
    fraction: i64,
}

impl Mantissa {
    /// Reads digits with at most one point among them; at least one digit. Returns the rest too.
    fn read(text: &[u8]) -> Result<(Self, &[u8]), NumberError> {
        let mut mantissa = Self::default();
        let mut point = false;
        let mut any = false;
        let mut rest = text;
        while let Some((&byte, after)) = rest.split_first() {
            match byte {
                b'0'..=b'9' => {
                    mantissa.push(byte - b'0');
                    mantissa.fraction += i64::from(point);
                    any = true;
                }
                b'.' if !point => point = true,
                _ => break,
            }
            rest = after;
        }
        if any { Ok((mantissa, rest)) } else { Err(NumberError::Syntax) }
    }

    fn push(&mut self, digit: u8) {
        if digit == 0 {
            self.zeros += i64::from(self.significant > 0);
            return;
        }
        let step = self.zeros + 1;
        self.significant += step;
        self.zeros = 0;
        if self.significant <= i64::from(DIGITS) {
            let shift = u32::try_from(step).expect("no longer than the significant digits");
            self.coefficient = self.coefficient * 10_u128.pow(shift) + u128::from(digit);
        }
    }

    /// Checks the range first, then the digits, as the service does.
    fn into_number(self, negative: bool, exponent: i64) -> Result<Number, NumberError> {
        let last_place = exponent - self.fraction;
        if self.significant == 0 {
            // The service looks at a zero's written scale: it refuses 0e126 and takes 0.0e126.
            let overflows = last_place > MAX_MAGNITUDE;
            return if overflows { Err(NumberError::Overflow) } else { Ok(Number::ZERO) };
        }
        let exponent = last_place + self.zeros;
        let magnitude = exponent + self.significant - 1;
        if magnitude > MAX_MAGNITUDE {
            Err(NumberError::Overflow)
        } else if magnitude < MIN_MAGNITUDE {
            Err(NumberError::Underflow)
        } else if self.significant > i64::from(DIGITS) {
            Err(NumberError::TooManyDigits)
        } else {
            let exponent =
                i16::try_from(exponent).expect("between -167 and 125 by the checks above");
            Ok(Number { negative, coefficient: self.coefficient, exponent })
        }
    }
}

impl fmt::Display for Number {
    /// Plain decimal: no exponent, no plus sign, no zeros at either end but the one before a point.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        let places = usize::from(self.exponent.unsigned_abs());
        if self.exponent >= 0 {
            return write!(f, "{sign}{}{:0>places$}", self.coefficient, "");
        }
        let (integer, fraction) = match 10_u128.checked_pow(u32::from(self.exponent.unsigned_abs()))
        {
            Some(one) => (self.coefficient / one, self.coefficient % one),
            None => (0, self.coefficient),
        };
        write!(f, "{sign}{integer}.{fraction:0>places$}")
    }
}
