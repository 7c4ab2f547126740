//! How long backups are kept.
//!
//! A backup stands for every day from when it was fetched to when a fetch last gave the same. Of each of the last days,
//! weeks and months *that have a backup that counts*, the newest such backup is kept: a month of silence uses nothing up.
//!
//! A period keeps its place and its newest backup however often older ones are pruned, and later backups only add
//! periods at the end. So pruning each day leaves just what pruning once at the end would leave, as long as nobody
//! changes what a backup is worth in between.
//!
//! A clock that was wrong once says when a backup was taken or seen, for as long as the backup is there. One that is
//! of the future stays and fills no period, so that it takes nobody's place: nobody knows which days it stands for.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, TimeZone};
use chrono_tz::Tz;

use crate::model::backup::BackupAge;
use crate::model::id::{AssetId, BackupId};
use crate::model::inventory::Retention;
use crate::model::time::{Time, show_duration};

/// What becomes of one backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// The backup.
    pub id: BackupId,
    /// Whether it stays.
    pub kept: bool,
    /// Why, in words.
    pub why: String,
}

/// The number of the period that a day is in: periods that follow each other have numbers that do.
type Number = fn(NaiveDate) -> i64;
/// What people call the period that a day is in.
type Name = fn(NaiveDate) -> String;

/// The three lengths of period. The first day of the first year is a Monday, so that weeks are those of ISO 8601.
const SCALES: [(Number, Name); 3] = [
    (|day| i64::from(day.num_days_from_ce()), |day| format!("day {day}")),
    (|day| i64::from(day.num_days_from_ce() - 1).div_euclid(7), |day| format!("week {}", day.format("%G-W%V"))),
    (|day| i64::from(day.year()) * 12 + i64::from(day.month0()), |day| format!("month {}", day.format("%Y-%m"))),
];

/// The last periods that have a backup that counts: each by its number with the newest backup that covers it.
type Last = BTreeMap<i64, BackupId>;

/// Says of each backup of one seat whether it stays at `now`, the newest first. `sitting` is the hardware in the seat
/// now, `zone` the one in which days begin. A later backup has a higher id.
pub fn retain(backups: &[BackupAge], rule: Retention, sitting: Option<AssetId>, now: Time, zone: Tz) -> Vec<Fate> {
    let of_future = |backup: &BackupAge| backup.taken_at.max(backup.seen_at) > now;
    let counting = backups.iter().filter(|backup| backup.standing.counts() && !of_future(backup));
    let counting: Vec<&BackupAge> = counting.collect();
    let newest = counting.iter().map(|backup| backup.id).max();
    let of_sitting = counting.iter().filter(|backup| Some(backup.asset) == sitting).map(|backup| backup.id).max();
    let lengths = [rule.daily.max(1), rule.weekly, rule.monthly];
    let mut last = SCALES.into_iter().zip(lengths).map(|((number, _), length)| last(&counting, length, number, zone));
    let last: [Last; 3] = std::array::from_fn(|_| last.next().unwrap_or_default());
    let [days, ..] = &last;
    // A range that is not used up yet reaches back for ever.
    let full = days.len() >= usize::try_from(rule.daily.max(1)).unwrap_or(usize::MAX);
    let reach = days.keys().next().filter(|_| full);
    let fate = |backup: &BackupAge| {
        let (first_day, last_day) = (day(backup.taken_at, zone), day(backup.seen_at.max(backup.taken_at), zone));
        let kept = if of_future(backup) {
            Some("taken or last seen in the future: the clock is or was wrong".to_owned())
        } else if newest.is_none() {
            Some("the seat has none that counts".to_owned())
        } else if !backup.standing.counts() {
            let within = reach.is_none_or(|reach| i64::from(last_day.num_days_from_ce()) >= *reach);
            within.then(|| "does not count; kept to be looked at while the daily ones reach so far back".to_owned())
        } else if Some(backup.id) == newest {
            Some("the newest that counts".to_owned())
        } else if Some(backup.id) == of_sitting {
            Some("the newest that counts of the hardware in the seat".to_owned())
        } else {
            stands_for(backup.id, (first_day, last_day), &last)
        };
        let why = kept.clone().unwrap_or_else(|| {
            if backup.standing.counts() {
                let Retention { daily, weekly, monthly } = rule;
                format!("the newest of none of the last {daily} days, {weekly} weeks and {monthly} months")
            } else {
                format!("{}, and older than the last {} days that have a good one", backup.standing, rule.daily)
            }
        });
        Fate { id: backup.id, kept: kept.is_some(), why }
    };
    let mut fates: Vec<Fate> = backups.iter().map(fate).collect();
    fates.sort_by_key(|fate| std::cmp::Reverse(fate.id));
    fates
}

/// Says of each log bundle whether it stays: for so long after it was taken, and no longer. It holds what passed through an
/// appliance, and nothing depends on it.
pub fn keep_until(bundles: &[BackupAge], keep_ms: i64, now: Time) -> Vec<Fate> {
    let fate = |bundle: &BackupAge| {
        let kept = now.ms_since(bundle.taken_at) <= keep_ms;
        let why = if bundle.taken_at > now {
            "taken in the future: the clock is or was wrong".to_owned()
        } else {
            format!("{} than {}", if kept { "not older" } else { "older" }, show_duration(keep_ms))
        };
        Fate { id: bundle.id, kept, why }
    };
    let mut fates: Vec<Fate> = bundles.iter().map(fate).collect();
    fates.sort_by_key(|fate| std::cmp::Reverse(fate.id));
    fates
}

/// The last periods that a backup covers; more of them than `length` from one backup cannot be among the last.
fn last(counting: &[&BackupAge], length: u32, number: Number, zone: Tz) -> Last {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let mut last = Last::new();
    for backup in counting {
        let (from, to) = (number(day(backup.taken_at, zone)), number(day(backup.seen_at.max(backup.taken_at), zone)));
        for period in (from..=to).rev().take(length) {
            let newest = last.entry(period).or_insert(backup.id);
            *newest = backup.id.max(*newest);
        }
        while last.len() > length {
            last.pop_first();
        }
    }
    last
}

/// The latest period of the shortest length that keeps a backup.
fn stands_for(id: BackupId, (first, last_day): (NaiveDate, NaiveDate), last: &[Last; 3]) -> Option<String> {
    SCALES.iter().zip(last).find_map(|((number, name), periods)| {
        let (period, _) = periods.iter().rev().find(|(_, newest)| **newest == id)?;
        let days = last_day.iter_days().rev().take_while(|day| *day >= first);
        let mut days = days.filter(|day| number(*day) == *period);
        Some(format!("the newest of {}", name(days.next()?)))
    })
}

fn day(time: Time, zone: Tz) -> NaiveDate {
    zone.from_utc_datetime(&time.utc().naive_utc()).date_naive()
}

#[cfg(test)]
mod tests;
