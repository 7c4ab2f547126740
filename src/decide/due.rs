//! Which tiers of a seat are to be read.

use crate::model::reading::Tier;
use crate::model::settings::Periods;
use crate::model::time::Time;

/// When the tiers of a seat were last begun in an open session, whether or not they were read in full: a tier that
/// can never be read in full is not asked for more often than another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Last {
    /// The pulse.
    pub pulse_at: Option<Time>,
    /// The detail tier.
    pub detail_at: Option<Time>,
    /// The slow tier.
    pub slow_at: Option<Time>,
}

impl Last {
    /// When a tier was last begun.
    pub const fn of(&self, tier: Tier) -> Option<Time> {
        match tier {
            Tier::Pulse => self.pulse_at,
            Tier::Detail => self.detail_at,
            Tier::Slow => self.slow_at,
        }
    }
}

/// When a tier is to be read next. `look_now`: a pulse changed, or a second read is wanted, so detail does not wait.
///
/// A time that lies ahead of `now` comes from a clock that went back, and keeps nothing waiting.
pub fn due_at(tier: Tier, periods: &Periods, last: &Last, look_now: bool, now: Time) -> Time {
    match last.of(tier) {
        Some(at) if at <= now && !(look_now && tier == Tier::Detail) => at.plus_ms(periods.of(tier)),
        _ => now,
    }
}

/// The tiers that are due, in their order. However many turns were missed, each is caught up once.
pub fn due(periods: &Periods, last: &Last, look_now: bool, now: Time) -> Vec<Tier> {
    Tier::ALL.iter().copied().filter(|tier| due_at(*tier, periods, last, look_now, now) <= now).collect()
}

/// Whether what a tier said is too old to be shown as it was: three turns were missed, or it was never read.
pub fn is_stale(tier: Tier, periods: &Periods, read_at: Option<Time>, now: Time) -> bool {
    read_at.is_none_or(|at| now.ms_since(at) > periods.of(tier).saturating_mul(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_ms(100 * 3_600_000);

    fn last(ago_ms: i64) -> Last {
        let at = Some(NOW.plus_ms(-ago_ms));
        Last { pulse_at: at, detail_at: at, slow_at: at }
    }

    fn check(last: &Last, look_now: bool) -> Vec<Tier> {
        due(&Periods::default(), last, look_now, NOW)
    }

    #[test]
    fn each_tier_is_due_after_its_period_and_not_before() {
        for (ago_ms, tiers) in [
            (59_999, &[][..]),
            (60_000, &[Tier::Pulse]),
            (600_000, &[Tier::Pulse, Tier::Detail]),
            (6 * 3_600_000, &[Tier::Pulse, Tier::Detail, Tier::Slow]),
        ] {
            assert_eq!(check(&last(ago_ms), false), tiers, "{ago_ms}");
        }
        assert_eq!(check(&Last::default(), false), Tier::ALL);
    }

    #[test]
    fn a_changed_pulse_makes_detail_due_at_once_and_nothing_else() {
        assert_eq!(check(&last(1_000), true), [Tier::Detail]);
    }

    #[test]
    fn a_clock_that_went_back_keeps_nothing_waiting() {
        assert_eq!(check(&last(-3_600_000), false), Tier::ALL);
    }

    #[test]
    fn three_missed_turns_make_an_answer_stale() {
        let periods = Periods::default();
        assert!(!is_stale(Tier::Pulse, &periods, Some(NOW.plus_ms(-180_000)), NOW));
        assert!(is_stale(Tier::Pulse, &periods, Some(NOW.plus_ms(-180_001)), NOW));
        assert!(is_stale(Tier::Slow, &periods, None, NOW));
    }
}
