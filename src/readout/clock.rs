//! Times as an appliance prints them: local, without a zone.

use chrono::{Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;

use crate::model::time::Time;

/// A time that an appliance printed, in its own zone. It is compared with other times of the same appliance, and with
/// ours only when its zone is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApplianceTime(NaiveDateTime);

impl ApplianceTime {
    /// Reads `2025/12/15 08:52:18`, `2019-07-12T22:03:00` and the same with a fraction of a second.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (date, time) = text.split_once(['T', ' '])?;
        Self::from_parts(date, time)
    }

    /// Reads a date and a time that were printed apart.
    pub fn from_parts(date: &str, time: &str) -> Option<Self> {
        let time = time.trim();
        let whole = time.split_once('.').map_or(time, |(whole, _)| whole);
        let time = NaiveTime::parse_from_str(whole, "%H:%M:%S").ok()?;
        Some(Self(date_of(date.trim())?.and_time(time)))
    }

    /// The same instant on a clock that is known to show UTC.
    pub fn of_utc(time: Time) -> Self {
        Self(time.utc().naive_utc())
    }

    /// Milliseconds from `earlier` to this time; negative when `earlier` is later.
    pub fn ms_since(self, earlier: Self) -> i64 {
        self.0.signed_duration_since(earlier.0).num_milliseconds()
    }

    /// Whole days from this time's day to `day`; negative when the day is past.
    pub(super) fn days_until(self, day: NaiveDate) -> i64 {
        day.signed_duration_since(self.0.date()).num_days()
    }

    /// How far the appliance's clock is ahead of ours, in milliseconds, when its zone is known.
    pub(super) fn ahead_ms(self, zone: Zone, now: Time) -> Option<i64> {
        let utc = match zone {
            Zone::Offset(seconds) => self.0.checked_sub_signed(Duration::seconds(seconds))?,
            Zone::Named(tz) => tz.from_local_datetime(&self.0).earliest()?.naive_utc(),
        };
        Some(utc.and_utc().timestamp_millis().saturating_sub(now.as_ms()))
    }

    /// What can be said without a zone. Every zone is a multiple of 15 minutes away from UTC, so what remains beyond
    /// such a multiple is a fault of the clock, and the least that it can be.
    pub(super) fn ahead_at_least_ms(self, now: Time) -> i64 {
        const QUARTER: i64 = 15 * 60 * 1000;
        let ahead = self.0.and_utc().timestamp_millis().saturating_sub(now.as_ms()).rem_euclid(QUARTER);
        if ahead > QUARTER / 2 { ahead - QUARTER } else { ahead }
    }
}

/// A calendar day as the appliance prints it: `2027/3/31`, `2012-02-03`.
pub(super) fn date_of(text: &str) -> Option<NaiveDate> {
    let mut parts = text.split(['/', '-']);
    let mut number = |width: usize| {
        let part = parts.next()?;
        let plain = !part.is_empty() && part.len() <= width && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse::<u32>().ok()).flatten()
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    if parts.next().is_some() || year < 1970 {
        return None;
    }
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

/// A zone that could be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// Seconds east of UTC.
    Offset(i64),
    /// A zone of the tz database.
    Named(Tz),
}

impl Zone {
    /// Understands `UTC`, `Etc UTC` and names such as `Asia Southeast Seoul`: area, region, city. The region is the
    /// appliance's own; area and city name the zone in the tz database (`Asia/Seoul`).
    pub(super) fn of_name(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let area = words.next()?;
        let city = words.next_back().unwrap_or(area);
        if matches!(city, "UTC" | "GMT") {
            return Some(Self::Offset(0));
        }
        let name = if area == city { area.to_owned() } else { format!("{area}/{city}") };
        name.parse().ok().map(Self::Named)
    }

    /// Understands `+0900`, `+09:00`, `-0700 (UTC minus 7 hours)`.
    pub(super) fn of_offset(text: &str) -> Option<Self> {
        let word = text.split_whitespace().next()?;
        let (sign, digits) = match word.split_at_checked(1)? {
            ("+", digits) => (1, digits),
            ("-", digits) => (-1, digits),
            _ => return None,
        };
        let digits = digits.replace(':', "");
        if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number = digits.parse::<i64>().ok()?;
        Some(Self::Offset(sign * ((number / 100) * 3600 + (number % 100) * 60)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn time(text: &str) -> ApplianceTime {
        ApplianceTime::parse(text).expect("a time")
    }

    #[test]
    fn the_printed_forms_are_the_same_time() {
        assert_eq!(time("2025/12/15 08:52:18"), time("2025-12-15T08:52:18"));
        assert_eq!(time("2016/12/08 18:32:58.112"), time("2016/12/08 18:32:58"));
        for text in ["", "2025/12/15", "2025/13/15 08:52:18", "15/12/2025 08:52:18", "2025/12/15 08:52", "never"] {
            assert_eq!(ApplianceTime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn zones_are_understood_by_offset_or_by_area_and_city() {
        let now = Time::from_ms(1_795_453_200_000); // 2026-11-23 17:00 UTC
        let tokyo = time("2026/11/24 02:00:05");
        for zone in [Zone::of_name("Asia East Tokyo"), Zone::of_offset("+0900 (UTC plus 9 hours)")] {
            assert_eq!(tokyo.ahead_ms(zone.expect("a zone"), now), Some(5_000));
        }
        assert_eq!(Zone::of_name("Etc UTC"), Some(Zone::Offset(0)));
        assert_eq!(Zone::of_name("America North United_States Pacific"), None);
        assert_eq!(Zone::of_offset("0900"), None);
    }

    #[test]
    fn without_a_zone_only_the_part_below_a_quarter_of_an_hour_is_known() {
        let now = Time::from_ms(1_795_453_200_000);
        assert_eq!(time("2026/11/24 02:00:05").ahead_at_least_ms(now), 5_000);
        assert_eq!(time("2026/11/23 16:59:55").ahead_at_least_ms(now), -5_000);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,40}") {
            let _ = (ApplianceTime::parse(&text), Zone::of_name(&text), Zone::of_offset(&text), date_of(&text));
        }
    }
}
