//! Instants in milliseconds of UTC, and how people read them.

use std::fmt;

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// An instant, in milliseconds since 1970-01-01 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(i64);

impl Time {
    /// The instant of so many milliseconds.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970-01-01 00:00 UTC.
    pub const fn as_ms(self) -> i64 {
        self.0
    }

    /// The instant so many milliseconds later.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this instant; negative when `earlier` is later.
    pub const fn ms_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The instant as a date of UTC; the nearest representable one at the ends of the calendar.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// `2026-11-24 02:00 JST`: the form that people read, in the zone that they work in.
    pub fn show(self, zone: Tz) -> String {
        zone.from_utc_datetime(&self.utc().naive_utc()).format("%Y-%m-%d %H:%M %Z").to_string()
    }

    /// The calendar day in `zone`, as `yyyy-mm-dd`.
    pub fn day(self, zone: Tz) -> String {
        zone.from_utc_datetime(&self.utc().naive_utc()).format("%Y-%m-%d").to_string()
    }
}

impl fmt::Display for Time {
    /// `2026-11-23T17:00:00.000Z`: the form of logs and JSON readers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.utc().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
    }
}

/// A length of time as people say it: `45s`, `12m`, `3h 20m`, `5d 4h`.
pub fn show_duration(ms: i64) -> String {
    let seconds = ms / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m"),
        3600..86_400 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_in_the_zone_of_the_reader() {
        let time = Time::from_ms(1_795_453_200_000);
        assert_eq!(time.to_string(), "2026-11-23T17:00:00.000Z");
        assert_eq!(time.show(chrono_tz::Asia::Tokyo), "2026-11-24 02:00 JST");
        assert_eq!(time.day(chrono_tz::Asia::Tokyo), "2026-11-24");
    }

    #[test]
    fn durations_have_two_units_at_most() {
        assert_eq!(show_duration(59_999), "59s");
        assert_eq!(show_duration(3_600_000 + 20 * 60_000), "1h 20m");
        assert_eq!(show_duration(5 * 86_400_000 + 4 * 3_600_000), "5d 4h");
    }
}
