//! What was changed of a table, and when: what replies tell of the past.

use crate::{Billing, UnixMillis};

/// Decreases of provisioned throughput that a table has on a UTC day at any moment.
const DECREASES: u32 = 4;
/// From then on, decreases are so many milliseconds apart.
const BETWEEN_DECREASES: u64 = 60 * 60 * 1000;
const DAY: u64 = 24 * 60 * 60 * 1000;

/// Units a second that a table is ready for at once (`WarmThroughput`). They never become fewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Warmth {
    /// ReadUnitsPerSecond.
    pub read: u64,
    /// WriteUnitsPerSecond.
    pub write: u64,
}

impl Warmth {
    /// Of a table that is on demand, or once was ("DynamoDB on-demand capacity mode", developer guide).
    const ON_DEMAND: Self = Self { read: 12_000, write: 4_000 };

    /// Of a table that begins so.
    pub const fn initial(billing: Billing) -> Self {
        match billing {
            Billing::Provisioned { read, write } => Self { read, write },
            Billing::PayPerRequest => Self::ON_DEMAND,
        }
    }

    /// The larger of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { read: self.read.max(other.read), write: self.write.max(other.write) }
    }
}

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
    /// What the table was made ready for, or needed once, beyond what its billing says now.
    pub warm: Option<Warmth>,
}

impl TableHistory {
    /// Of a table that begins so.
    pub fn new(billing: Billing, now: UnixMillis) -> Self {
        let on_demand = matches!(billing, Billing::PayPerRequest).then_some(now);
        Self { on_demand, ..Self::default() }
    }

    /// What the table is ready for while it is paid for so.
    pub fn warmth(&self, billing: Billing) -> Warmth {
        let once = self.on_demand.map_or(Warmth::default(), |_| Warmth::ON_DEMAND);
        self.warm.unwrap_or_default().max(once).max(Warmth::initial(billing))
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
        let reached = self.warmth(before);
        if history.warmth(after).max(reached) != history.warmth(after) {
            history.warm = Some(reached);
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
    fn a_table_stays_ready_for_the_most_that_it_was_ever_ready_for() {
        let now = UnixMillis(TODAY);
        let warmth = |read, write| Warmth { read, write };
        let one = TableHistory::new(units(1, 1), now);
        assert_eq!(one.warmth(units(1, 1)), warmth(1, 1));
        let three = one.billed(units(1, 1), units(3, 3), now);
        assert_eq!((three.warmth(units(3, 3)), three.warm), (warmth(3, 3), None));
        let less = three.billed(units(3, 3), units(1, 2), now);
        assert_eq!(less.warmth(units(1, 2)), warmth(3, 3));
        let mixed = less.billed(units(1, 2), units(2, 9), now);
        assert_eq!(mixed.warmth(units(2, 9)), warmth(3, 9));
        let on_demand = mixed.billed(units(2, 9), Billing::PayPerRequest, now);
        assert_eq!(on_demand.warmth(Billing::PayPerRequest), warmth(12_000, 4_000));
        let back = on_demand.billed(Billing::PayPerRequest, units(1, 1), now);
        assert_eq!(back.warmth(units(1, 1)), warmth(12_000, 4_000));
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

    // Rule: table.update-decreases
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
