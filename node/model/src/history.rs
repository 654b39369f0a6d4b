//! What was changed of a table, and when: what replies tell of the past.

use crate::{Billing, UnixMillis};

/// Decreases of provisioned throughput that a table has on a UTC day at any moment.
const DECREASES: u32 = 4;
/// From then on, decreases are so many milliseconds apart.
const BETWEEN_DECREASES: u64 = 60 * 60 * 1000;
const DAY: u64 = 24 * 60 * 60 * 1000;

/// The past of a table's throughput and class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableHistory {
    /// When it was last made on demand; `None` if it never was.
    pub on_demand: Option<UnixMillis>,
    /// When provisioned units last went up.
    pub increase: Option<UnixMillis>,
    /// When provisioned units last went down.
    pub decrease: Option<UnixMillis>,
    /// How often they did on the UTC day of [`decrease`](Self::decrease).
    pub decreases: u32,
    /// When the table's class was last changed.
    pub class: Option<UnixMillis>,
}

impl TableHistory {
    /// Of a table that begins so.
    pub fn new(billing: Billing, now: UnixMillis) -> Self {
        let on_demand = matches!(billing, Billing::PayPerRequest).then_some(now);
        Self { on_demand, ..Self::default() }
    }

    /// The same once billing has changed. A change of the mode is neither an increase nor a decrease;
    /// one unit up and another down is both.
    #[must_use]
    pub fn billed(self, before: Billing, after: Billing, now: UnixMillis) -> Self {
        let mut history = self;
        match (before, after) {
            (Billing::Provisioned { .. }, Billing::PayPerRequest) => history.on_demand = Some(now),
            (
                Billing::Provisioned { read, write },
                Billing::Provisioned { read: to_read, write: to_write },
            ) => {
                if to_read > read || to_write > write {
                    history.increase = Some(now);
                }
                if to_read < read || to_write < write {
                    history.decreases = self.decreases_today(now).saturating_add(1);
                    history.decrease = Some(now);
                }
            }
            (Billing::PayPerRequest, Billing::PayPerRequest | Billing::Provisioned { .. }) => {}
        }
        history
    }

    /// `NumberOfDecreasesToday`, which begins anew with each UTC day.
    pub fn decreases_today(&self, now: UnixMillis) -> u32 {
        let is_today = |decrease: UnixMillis| decrease.0 / DAY == now.0 / DAY;
        if self.decrease.is_some_and(is_today) { self.decreases } else { 0 }
    }

    /// From when on units may go down: four times on a UTC day, then once an hour ("Service, account,
    /// and table quotas", developer guide).
    pub fn next_decrease(&self, now: UnixMillis) -> UnixMillis {
        match self.decrease {
            Some(last) if self.decreases_today(now) >= DECREASES => {
                let tomorrow = (now.0 / DAY + 1) * DAY;
                UnixMillis(tomorrow.min(last.0 + BETWEEN_DECREASES))
            }
            Some(_) | None => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = BETWEEN_DECREASES;
    /// The beginning of a day.
    const TODAY: u64 = 20_000 * DAY;

    fn units(read: u64, write: u64) -> Billing {
        Billing::Provisioned { read, write }
    }

    #[test]
    fn a_mode_that_changes_is_neither_up_nor_down() {
        let history = TableHistory::new(Billing::PayPerRequest, UnixMillis(1));
        assert_eq!(history.on_demand, Some(UnixMillis(1)));
        let same = history.billed(Billing::PayPerRequest, Billing::PayPerRequest, UnixMillis(2));
        assert_eq!(same, history);
        let provisioned = history.billed(Billing::PayPerRequest, units(5, 5), UnixMillis(3));
        assert_eq!(provisioned, history);
        let again = provisioned.billed(units(5, 5), Billing::PayPerRequest, UnixMillis(4));
        assert_eq!(again, TableHistory { on_demand: Some(UnixMillis(4)), ..history });
        assert_eq!(TableHistory::new(units(1, 1), UnixMillis(1)), TableHistory::default());
    }

    #[test]
    fn units_go_up_down_or_both() {
        let check = |to: Billing, up: bool, down: bool| {
            let now = UnixMillis(TODAY);
            let history = TableHistory::default().billed(units(5, 5), to, now);
            assert_eq!(history.increase, up.then_some(now), "{to:?}");
            assert_eq!(history.decrease, down.then_some(now), "{to:?}");
            assert_eq!(history.decreases_today(now), u32::from(down));
        };
        check(units(5, 5), false, false);
        check(units(6, 5), true, false);
        check(units(5, 6), true, false);
        check(units(4, 5), false, true);
        check(units(4, 4), false, true);
        check(units(6, 4), true, true);
    }

    /// The history of a table whose units went down so often, the last time at `last`.
    fn decreased(times: u32, last: u64) -> TableHistory {
        let down =
            |history: TableHistory, _| history.billed(units(5, 5), units(4, 4), UnixMillis(last));
        (0..times).fold(TableHistory::default(), down)
    }

    #[test]
    fn four_decreases_are_free_on_a_day_and_then_one_an_hour() {
        let last = TODAY + 5 * HOUR;
        let next = |times, now| decreased(times, last).next_decrease(UnixMillis(now)).0;
        assert_eq!(next(3, last + 1), last + 1);
        assert_eq!(next(4, last + 1), last + HOUR);
        assert_eq!(next(4, last + HOUR - 1), last + HOUR);
        assert_eq!(next(4, last + HOUR), last + HOUR);
        assert_eq!(next(5, last + 1), last + HOUR);
    }

    #[test]
    fn a_day_begins_anew_at_midnight() {
        let last = TODAY + DAY - 10;
        let history = decreased(4, last);
        assert_eq!(history.next_decrease(UnixMillis(last + 1)).0, TODAY + DAY);
        assert_eq!(history.decreases_today(UnixMillis(TODAY + DAY - 1)), 4);
        let tomorrow = UnixMillis(TODAY + DAY);
        assert_eq!(
            (history.decreases_today(tomorrow), history.next_decrease(tomorrow)),
            (0, tomorrow)
        );
        assert_eq!(history.billed(units(5, 5), units(4, 5), tomorrow).decreases_today(tomorrow), 1);
    }
}
