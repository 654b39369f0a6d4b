//! Moments as texts of the service tell them.

use std::fmt;

use stator_model::UnixMillis;

const DAYS: [&str; 7] =
    ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAY_SECONDS: u64 = 24 * 60 * 60;

/// `Thursday, October 8, 2026 at 11:20:48 PM Coordinated Universal Time`.
pub(crate) struct LongForm(pub(crate) UnixMillis);

impl fmt::Display for LongForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.0 / 1000;
        let (days, of_day) = (seconds / DAY_SECONDS, seconds % DAY_SECONDS);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        let (year, month, day) = civil(days);
        let half = if hour < 12 { "AM" } else { "PM" };
        let hour = (hour + 11) % 12 + 1;
        let weekday = name(&DAYS, days % 7);
        let month = name(&MONTHS, month);
        write!(
            f,
            "{weekday}, {month} {day}, {year} at {hour}:{minute:02}:{second:02} {half} Coordinated \
             Universal Time"
        )
    }
}

fn name(names: &[&'static str], at: u64) -> &'static str {
    usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or_default()
}

/// Year, month counted from 0, and day of the month, so many days after 1970-01-01 (H. Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms"). Years begin in March there, so that the leap day is
/// the last one.
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12;
    let next_year = if month < 2 { 1 } else { 0 };
    (era * 400 + year_of_era + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_in_full() {
        let check = |millis, expected: &str| {
            let expected = format!("{expected} Coordinated Universal Time");
            assert_eq!(LongForm(UnixMillis(millis)).to_string(), expected);
        };
        check(0, "Thursday, January 1, 1970 at 12:00:00 AM");
        check(951_825_599_999, "Tuesday, February 29, 2000 at 11:59:59 AM");
        check(951_825_600_000, "Tuesday, February 29, 2000 at 12:00:00 PM");
        check(951_868_800_000, "Wednesday, March 1, 2000 at 12:00:00 AM");
        check(1_791_501_648_000, "Thursday, October 8, 2026 at 11:20:48 PM");
        check(4_107_542_399_000, "Sunday, February 28, 2100 at 11:59:59 PM");
        check(4_107_542_400_000, "Monday, March 1, 2100 at 12:00:00 AM");
    }
}
