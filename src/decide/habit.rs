//! What is usual for a seat at this weekday and hour, by its own numbers of the last four weeks that have any, of eight: a
//! unit that was blind for a month is known again as soon as it sees.
//!
//! An hour is one of local time at the site: where the clocks are put forward or back, the habits go with them. The
//! middle week counts, not the mean, so that a holiday or an outage among four weeks does not make an hour quiet.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike};
use chrono_tz::Tz;

use crate::model::reading::Past;
use crate::model::time::Time;

/// Weeks that are looked back upon.
const WEEKS: u32 = 8;
/// Of those, the last ones that have numbers and make a habit.
const WEEKS_USED: usize = 4;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A place in time: an instant and the zone of the site.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Now.
    pub now: Time,
    /// The zone of the site.
    pub zone: Tz,
}

/// The pieces of the series that hold what must be known: hours of minutes, and days of hours, by their beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pieces {
    /// Hours that hold minutes.
    pub hours: Vec<Time>,
    /// Days that hold hours.
    pub days: Vec<Time>,
}

fn local(at: Time, zone: Tz) -> DateTime<Tz> {
    zone.from_utc_datetime(&at.utc().naive_utc())
}

impl Moment {
    /// How many weeks ago an instant was this weekday and hour of local time; `None` when it was another one, or is of
    /// the week of today.
    fn weeks_ago(self, at: Time) -> Option<u32> {
        let (now, then) = (local(self.now, self.zone), local(at, self.zone));
        let days = now.date_naive().signed_duration_since(then.date_naive()).num_days();
        let weeks = u32::try_from(days / 7).ok().filter(|weeks| (1..=WEEKS).contains(weeks))?;
        (days % 7 == 0 && now.hour() == then.hour()).then_some(weeks)
    }

    /// The local dates of the same weekday in the last weeks.
    fn dates(self) -> impl Iterator<Item = NaiveDate> {
        let today = local(self.now, self.zone).date_naive();
        (1..=WEEKS).filter_map(move |week| today.checked_sub_days(Days::new(u64::from(week) * 7)))
    }

    /// What is to be read for a judgement: the same hour of the last weeks, and what was counted in the last
    /// `recent_ms`. However much is kept, the number of pieces is bounded.
    pub fn pieces(self, recent_ms: i64) -> Pieces {
        let hour = local(self.now, self.zone).hour();
        let mut hours = Vec::new();
        for date in self.dates() {
            // The hour that clocks skip has no beginning; the one that they repeat has two.
            let begins = NaiveTime::from_hms_opt(hour, 0, 0).map(|time| NaiveDateTime::new(date, time));
            let Some(begins) = begins.map(|begins| self.zone.from_local_datetime(&begins)) else { continue };
            for begin in [begins.earliest(), begins.latest()].into_iter().flatten() {
                // An hour of a zone that is half an hour off lies in two.
                let begin = begin.timestamp_millis();
                hours.extend([begin, begin + HOUR_MS - 1].map(|ms| ms.div_euclid(HOUR_MS) * HOUR_MS));
            }
        }
        let mut days: Vec<i64> = hours.iter().map(|hour| hour.div_euclid(DAY_MS) * DAY_MS).collect();
        let (first, last) =
            (self.now.plus_ms(-recent_ms).as_ms().div_euclid(HOUR_MS), self.now.as_ms().div_euclid(HOUR_MS));
        hours.extend((first..=last).map(|hour| hour * HOUR_MS));
        for list in [&mut hours, &mut days] {
            list.sort_unstable();
            list.dedup();
        }
        let times = |list: Vec<i64>| list.into_iter().map(Time::from_ms).collect();
        Pieces { hours: times(hours), days: times(days) }
    }
}

/// What is usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// So many of the last weeks were seen at this hour, which is too few.
    Learning(u32),
    /// In thousandths of the unit.
    Usual(i64),
}

/// What is usual at this weekday and hour: the middle of the weeks, each of which is the middle of its numbers. Of an
/// even number of weeks the lower middle counts, so that doubt calls nothing a stop.
pub fn habit<'a>(past: impl Iterator<Item = &'a Past>, moment: Moment, weeks_min: u32) -> Habit {
    let mut weeks: [Vec<i64>; WEEKS as usize] = Default::default();
    for one in past {
        let week = moment.weeks_ago(middle_of(one)).and_then(|week| weeks.get_mut(week as usize - 1));
        if let Some(week) = week {
            week.push(one.measure.milli);
        }
    }
    let mut middles: Vec<i64> = weeks.iter_mut().filter_map(|week| middle(week)).take(WEEKS_USED).collect();
    match u32::try_from(middles.len()) {
        Ok(seen) if seen < weeks_min.max(1) => Habit::Learning(seen),
        _ => middle(&mut middles).map_or(Habit::Learning(0), Habit::Usual),
    }
}

/// The largest number of the last weeks at this weekday and hour, in thousandths of its unit.
pub fn rhythm<'a>(past: impl Iterator<Item = &'a Past>, moment: Moment) -> Option<i64> {
    past.filter(|one| moment.weeks_ago(middle_of(one)).is_some()).map(|one| one.measure.milli).max()
}

/// The mean of an hour belongs where most of it lies.
const fn middle_of(one: &Past) -> Time {
    if one.is_hour { one.at.plus_ms(HOUR_MS / 2) } else { one.at }
}

/// The lower middle of some numbers.
fn middle(numbers: &mut [i64]) -> Option<i64> {
    numbers.sort_unstable();
    numbers.get(numbers.len().checked_sub(1)? / 2).copied()
}
