//! The last event of a seat that reached whoever watches (SOC, SIEM), from a file that they write.
//!
//! A seat that nobody hears of any more may be quiet, or mute: it finds, and nobody is told. Only what the unit itself says
//! of its newest alert tells one from the other.

use std::collections::BTreeMap;

use chrono::DateTime;

use crate::decide::habit::rhythm;
use crate::decide::protection::{Judged, Look};
use crate::model::limits::{HEARD_LINE_BYTES_MAX, HEARD_LINES_MAX};
use crate::model::reading::{Component, ComponentKind, Condition, Measure, Reading, Unit};
use crate::model::time::{Time, show_duration};

/// Clocks that differ by less than this are one clock.
const FUTURE_MS_MAX: i64 = 5 * 60_000;
/// So much newer the unit's own alert must be than what was heard: events take their time.
const LATE_MS_MAX: i64 = 3_600_000;

/// The component.
pub fn component() -> Component {
    Component::only(ComponentKind::LastEvent)
}

/// The component under which the age of the newest alert on the unit itself is counted, where something asks for it.
pub fn on_unit() -> Component {
    Component::new(ComponentKind::LastEvent, "on the unit")
}

/// When something was last heard, by the name that the file uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    by_name: BTreeMap<String, Time>,
    /// Lines that were not understood, or beyond the limits.
    pub refused: usize,
}

#[derive(serde::Deserialize)]
struct Line {
    #[serde(alias = "hostname", alias = "host", alias = "name")]
    seat: String,
    #[serde(alias = "at", alias = "timestamp")]
    time: serde_json::Value,
}

impl Heard {
    /// Reads lines of JSON (`{"seat": …, "time": …}`) or CSV (`seat,time`); of several lines of one name the latest counts.
    /// A first line without a time is a head.
    pub fn read(text: &str) -> Self {
        let mut heard = Self::default();
        for (number, line) in text.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
            if number >= HEARD_LINES_MAX {
                heard.refused += 1;
                break;
            }
            match understood(line) {
                Some((name, at)) => {
                    let known = heard.by_name.entry(name).or_insert(at);
                    *known = at.max(*known);
                }
                None if number == 0 && !line.starts_with('{') => {}
                None => heard.refused += 1,
            }
        }
        heard
    }

    /// When something was last heard of a name. Upper and lower case are the same.
    pub fn of(&self, name: &str) -> Option<Time> {
        self.by_name.get(&name.to_lowercase()).copied()
    }
}

fn understood(line: &str) -> Option<(String, Time)> {
    if line.len() > HEARD_LINE_BYTES_MAX {
        return None;
    }
    let (name, time) = if line.starts_with('{') {
        let line: Line = serde_json::from_str(line).ok()?;
        let time = line.time.as_str().map_or_else(|| line.time.to_string(), str::to_owned);
        (line.seat, time)
    } else {
        let mut cells = line.split(',').map(|cell| cell.trim().trim_matches('"'));
        (cells.next()?.to_owned(), cells.next()?.to_owned())
    };
    (!name.is_empty()).then_some(())?;
    Some((name.to_lowercase(), time_of(&time)?))
}

/// A time with its zone (RFC 3339), or seconds or milliseconds since 1970. A time without a zone is refused: it would be
/// off by hours.
fn time_of(text: &str) -> Option<Time> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = text.parse::<i64>().ok()?;
        return match text.len() {
            9..=10 => Some(Time::from_ms(number * 1_000)),
            12..=13 => Some(Time::from_ms(number)),
            _ => None,
        };
    }
    DateTime::parse_from_rfc3339(text).ok().map(|time| Time::from_ms(time.timestamp_millis()))
}

/// How old the last event may be: so long as the seat is silent at times at this weekday and hour, twice over; and in any
/// case `silent_after_ms`. `last` is `None` when the file has no line of the seat.
pub fn last_event(look: &Look<'_>, last: Option<Time>, silent_after_ms: i64) -> Judged {
    let Some(last) = last else {
        let reading = Reading::new(component(), Condition::Learning, "no event of it is in the file");
        return Judged { readings: vec![reading], samples: Vec::new() };
    };
    let age_ms = look.moment.now.ms_since(last);
    if age_ms < -FUTURE_MS_MAX {
        let reading = Reading::new(component(), Condition::Malformed, "its last event is later than our clock");
        return Judged { readings: vec![reading], samples: Vec::new() };
    }
    let age_ms = age_ms.max(0);
    let age = Measure::whole(age_ms / 1_000, Unit::Seconds);
    let own = look.past.iter().filter(|one| one.component == component() && one.measure.unit == Unit::Seconds);
    let usual_ms = rhythm(own, look.moment).unwrap_or(0);
    let limit_ms = usual_ms.saturating_mul(2).max(silent_after_ms);
    let newer_on_unit =
        look.counts.of(&on_unit()).filter(|unit| unit.unit == Unit::Seconds && unit.milli < age_ms - LATE_MS_MAX);
    let (condition, said) = match newer_on_unit {
        _ if age_ms <= limit_ms => (Condition::Good, "heard".to_owned()),
        Some(_) => (Condition::Mute, "the unit has newer alerts than the last event that was heard".to_owned()),
        None => (Condition::Warning, format!("silent for longer than {}", show_duration(limit_ms))),
    };
    // A silence that was told is not learnt from.
    let samples = (condition == Condition::Good).then(|| (component(), age)).into_iter().collect();
    Judged { readings: vec![Reading::new(component(), condition, said).with(age)], samples }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decide::protection::tests::{look_at, past};
    use crate::model::reading::Counts;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;

    #[test]
    fn lines_of_both_kinds_are_read_and_the_latest_counts() {
        let text = "seat,time\nacme-nx01,2026-11-24T02:00:00+09:00\nACME-NX01,2026-11-24T03:00:00+09:00,alert\n\
                    {\"hostname\": \"nx02\", \"time\": 1795453200}\n{\"seat\": \"nx03\", \"time\": \"1795453200000\"}\n\
                    nx04,2026-11-24 02:00:00\n{\"seat\": 3}\n,2026-11-24T02:00:00Z\n";
        let heard = Heard::read(text);
        assert_eq!(heard.of("acme-nx01"), Some(Time::from_ms(1_795_453_200_000 + HOUR)));
        assert_eq!(heard.of("NX02"), Some(Time::from_ms(1_795_453_200_000)));
        assert_eq!(heard.of("nx03"), heard.of("nx02"));
        assert_eq!((heard.of("nx04"), heard.refused), (None, 3), "a time without a zone is none");
        let long = format!("nx01,2026-11-24T02:00:00Z,{}", "x".repeat(HEARD_LINE_BYTES_MAX));
        assert_eq!(Heard::read(&long).of("nx01"), None);
    }

    #[test]
    fn what_is_silent_for_longer_than_it_ever_was_is_a_warning_and_with_newer_alerts_mute() {
        let counts = Counts::default();
        let judge = |age_ms: i64, past: &[_], counts: &Counts| {
            let look = look_at(counts, past);
            let judged = last_event(&look, Some(look.moment.now.plus_ms(-age_ms)), DAY);
            (judged.readings[0].condition, judged.samples.len())
        };
        assert_eq!(judge(DAY, &[], &counts), (Condition::Good, 1));
        assert_eq!(judge(DAY + 1, &[], &counts), (Condition::Warning, 0));
        assert_eq!(judge(-10 * 60_000, &[], &counts), (Condition::Malformed, 0));
        // A seat that is silent over each weekend may be so for twice as long.
        let weekend: Vec<_> = [7, 14].map(|days| past(component(), Unit::Seconds, days * DAY, 2 * DAY)).into();
        assert_eq!(judge(4 * DAY, &weekend, &counts), (Condition::Good, 1));
        assert_eq!(judge(4 * DAY + 1, &weekend, &counts), (Condition::Warning, 0));
        let alert = |age_ms: i64| Counts {
            numbers: vec![(on_unit(), Measure { milli: age_ms, unit: Unit::Seconds })],
            ..Counts::default()
        };
        assert_eq!(judge(2 * DAY, &[], &alert(HOUR)), (Condition::Mute, 0));
        assert_eq!(judge(2 * DAY, &[], &alert(2 * DAY - HOUR)), (Condition::Warning, 0), "events take their time");
        assert_eq!(judge(2 * HOUR, &[], &alert(0)), (Condition::Good, 1), "not yet too old");
        let look = look_at(&counts, &[]);
        assert_eq!(last_event(&look, None, DAY).readings[0].condition, Condition::Learning);
    }

    proptest! {
        #[test]
        fn any_file_is_survived(text in "[-a-z0-9,:\"{}TZ+ \n]{0,200}") {
            drop(Heard::read(&text));
        }
    }
}
