//! Which tiers of a seat are to be read.

use crate::model::reading::Tier;
use crate::model::settings::Periods;
use crate::model::time::Time;

/// When a tier was last read; `None` when it never was.
pub type ReadAt<'a> = &'a dyn Fn(Tier) -> Option<Time>;

/// When a tier is to be read next. `look_now`: a pulse changed, or a second read is wanted, so detail does not wait.
///
/// A time that lies ahead of `now` comes from a clock that went back, and keeps nothing waiting.
pub fn due_at(tier: Tier, periods: &Periods, read_at: ReadAt<'_>, look_now: bool, now: Time) -> Time {
    match read_at(tier) {
        Some(at) if at <= now && !(look_now && tier == Tier::Detail) => at.plus_ms(periods.of(tier)),
        _ => now,
    }
}

/// The tiers that are due, in their order. However many turns were missed, each is caught up once.
pub fn due(periods: &Periods, read_at: ReadAt<'_>, look_now: bool, now: Time) -> Vec<Tier> {
    Tier::ALL.iter().copied().filter(|tier| due_at(*tier, periods, read_at, look_now, now) <= now).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_ms(100 * 3_600_000);

    fn check(ago_ms: Option<i64>, look_now: bool) -> Vec<Tier> {
        due(&Periods::default(), &|_| ago_ms.map(|ago_ms| NOW.plus_ms(-ago_ms)), look_now, NOW)
    }

    #[test]
    fn each_tier_is_due_after_its_period_and_not_before() {
        for (ago_ms, tiers) in [
            (59_999, &[][..]),
            (60_000, &[Tier::Pulse]),
            (600_000, &[Tier::Pulse, Tier::Detail]),
            (6 * 3_600_000, &[Tier::Pulse, Tier::Detail, Tier::Slow]),
        ] {
            assert_eq!(check(Some(ago_ms), false), tiers, "{ago_ms}");
        }
        assert_eq!(check(None, false), Tier::ALL);
    }

    #[test]
    fn a_changed_pulse_makes_detail_due_at_once_and_nothing_else() {
        assert_eq!(check(Some(1_000), true), [Tier::Detail]);
    }

    #[test]
    fn a_clock_that_went_back_keeps_nothing_waiting() {
        assert_eq!(check(Some(-3_600_000), false), Tier::ALL);
    }
}
