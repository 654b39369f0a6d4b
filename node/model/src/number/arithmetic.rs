//! Sum and difference of numbers, exact or refused.
//!
//! Nothing is rounded: a result that does not fit 38 digits is an error. The service names it an
//! overflow, too, although the magnitude may be small (observed: 1E50 + 1).

use super::{DIGITS, MAX_MAGNITUDE, MIN_MAGNITUDE, Number, NumberError, digits};

impl Number {
    /// The exact sum.
    ///
    /// # Errors
    /// [`NumberError::Overflow`] if it is too large or has more than 38 significant digits,
    /// [`NumberError::Underflow`] if it is too small.
    pub fn checked_add(&self, other: &Self) -> Result<Self, NumberError> {
        if self.is_zero() {
            return Ok(*other);
        }
        if other.is_zero() {
            return Ok(*self);
        }
        let (high, low) =
            if self.exponent < other.exponent { (other, self) } else { (self, other) };
        let aligned = high.coefficient_at(low.exponent).ok_or(NumberError::Overflow)?;
        let (negative, coefficient) = if high.negative == low.negative {
            (high.negative, aligned.checked_add(low.coefficient).ok_or(NumberError::Overflow)?)
        } else if aligned >= low.coefficient {
            (high.negative, aligned - low.coefficient)
        } else {
            (low.negative, low.coefficient - aligned)
        };
        Self::from_result(negative, coefficient, low.exponent)
    }

    /// The exact difference.
    ///
    /// # Errors
    /// As [`checked_add`](Self::checked_add).
    pub fn checked_sub(&self, other: &Self) -> Result<Self, NumberError> {
        let negated = Self { negative: !other.negative && !other.is_zero(), ..*other };
        self.checked_add(&negated)
    }

    /// What the coefficient would be at this exponent, which is not above the number's own.
    ///
    /// `None` from 2^128 on, which is 3.4 × 10^38: taking a coefficient below 10^38 away leaves more
    /// than 38 digits then, none of them a zero at the end, and adding one leaves no fewer.
    fn coefficient_at(&self, exponent: i16) -> Option<u128> {
        let places = u32::try_from(self.exponent - exponent).ok()?;
        10_u128.checked_pow(places)?.checked_mul(self.coefficient)
    }

    /// Brings the result of a calculation into canonical form.
    fn from_result(negative: bool, coefficient: u128, exponent: i16) -> Result<Self, NumberError> {
        if coefficient == 0 {
            return Ok(Self::ZERO);
        }
        let mut number = Self { negative, coefficient, exponent };
        while number.coefficient.is_multiple_of(10) {
            number.coefficient /= 10;
            number.exponent += 1;
        }
        let magnitude = number.magnitude();
        if magnitude > MAX_MAGNITUDE || digits(number.coefficient) > DIGITS {
            Err(NumberError::Overflow)
        } else if magnitude < MIN_MAGNITUDE {
            Err(NumberError::Underflow)
        } else {
            Ok(number)
        }
    }
}

#[cfg(test)]
mod tests;
