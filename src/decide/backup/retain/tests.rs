//! The rule against a set of its own making, and what holds for any backups.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use chrono_tz::Asia::Tokyo;
use proptest::prelude::*;

use super::*;
use crate::model::backup::BackupKind;
use crate::model::backup_event::{Standing, Worth};

#[test]
fn a_bundle_stays_for_so_long_and_no_longer() {
    let bundles: Vec<BackupAge> = [0, 10, 20, 1_001]
        .iter()
        .enumerate()
        .map(|(id, day)| backup(i64::try_from(id).unwrap(), (night(*day, 0), night(*day, 0)), Worth::Taken))
        .collect();
    let kept = |days: i64, now: i64| -> Vec<i64> {
        let fates = keep_until(&bundles, days * DAY, Time::from_ms(night(now, 0)));
        fates.into_iter().filter(|fate| fate.kept).map(|fate| fate.id.0).collect()
    };
    assert_eq!(kept(10, 20), [3, 2, 1], "one of the future stays");
    assert_eq!(kept(10, 31), [3]);
    assert!(kept(10, 2_000).is_empty(), "the last one goes too: it is no backup");
}

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// 2026-01-01 00:00 in Tokyo, a Thursday.
const START: i64 = 1_767_193_200_000;
/// After everything that these tests take.
const LATER: Time = Time::from_ms(START + 1_000 * DAY);
const USUAL: Retention = Retention { daily: 14, weekly: 8, monthly: 12 };

fn backup(id: i64, (taken, seen): (i64, i64), worth: Worth) -> BackupAge {
    BackupAge {
        id: BackupId(id),
        kind: BackupKind::Configuration,
        customer: "acme".parse().unwrap(),
        seat: "nx01".parse().unwrap(),
        asset: AssetId(1),
        taken_at: Time::from_ms(taken),
        seen_at: Time::from_ms(seen),
        standing: Standing { worth, accepted: false, verified: false, proved: false },
    }
}

/// So many days after the start, at an hour of the night in Tokyo.
fn night(day: i64, hour: i64) -> i64 {
    START + day * DAY + hour * HOUR
}

fn kept(backups: &[BackupAge], rule: Retention) -> BTreeSet<i64> {
    retain(backups, rule, None, LATER, Tokyo).into_iter().filter(|fate| fate.kept).map(|fate| fate.id.0).collect()
}

fn without(backups: &[BackupAge], rule: Retention) -> Vec<BackupAge> {
    let kept = kept(backups, rule);
    backups.iter().filter(|backup| kept.contains(&backup.id.0)).cloned().collect()
}

/// What should stay, found by walking through the calendar day by day, without a word of the rule's own.
fn expected(backups: &[BackupAge], rule: Retention) -> BTreeSet<i64> {
    let counting = || backups.iter().filter(|backup| backup.standing.counts());
    let Some(newest) = counting().map(|backup| backup.id.0).max() else {
        return backups.iter().map(|backup| backup.id.0).collect();
    };
    let mut days: BTreeMap<NaiveDate, i64> = BTreeMap::new();
    for day in 0..700 {
        let (from, to) = (START + day * DAY, START + (day + 1) * DAY);
        let on = |backup: &&BackupAge| backup.taken_at.as_ms() < to && backup.seen_at.as_ms() >= from;
        if let Some(id) = counting().filter(on).map(|backup| backup.id.0).max() {
            let date = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + chrono::Days::new(day.unsigned_abs());
            days.insert(date, id);
        }
    }
    let mut keep = BTreeSet::from([newest]);
    let mut last = |periods: BTreeMap<(i32, u32), i64>, most: u32| {
        keep.extend(periods.into_values().rev().take(most as usize));
    };
    let grouped = |of: fn(NaiveDate) -> (i32, u32)| {
        let mut periods: BTreeMap<(i32, u32), i64> = BTreeMap::new();
        for (day, id) in &days {
            let newest = periods.entry(of(*day)).or_insert(0);
            *newest = (*newest).max(*id);
        }
        periods
    };
    last(grouped(|day| (day.year(), day.ordinal())), rule.daily);
    last(grouped(|day| (day.iso_week().year(), day.iso_week().week())), rule.weekly);
    last(grouped(|day| (day.year(), day.month())), rule.monthly);
    // What does not count goes when the daily range is used up and does not reach it.
    let daily: Vec<NaiveDate> = days.keys().rev().take(rule.daily as usize).copied().collect();
    let oldest = daily.last().filter(|_| daily.len() == rule.daily as usize);
    let from =
        oldest.map_or(i64::MIN, |day| START + (*day - NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()).num_days() * DAY);
    keep.extend(backups.iter().filter(|one| !one.standing.counts() && one.seen_at.as_ms() >= from).map(|one| one.id.0));
    keep
}

/// 400 nights: mostly the same as the night before, at times for weeks; some suspect, some doubted; days 200 to 229
/// give nothing. `each` sees what there is after every night and says what stays of it.
fn simulate(mut each: impl FnMut(Vec<BackupAge>) -> Vec<BackupAge>) -> Vec<BackupAge> {
    let mut chance = 20_261_124_u64;
    let mut draw = move || {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % 100
    };
    let mut backups: Vec<BackupAge> = Vec::new();
    for (id, day) in (1..).zip(0..400) {
        let (draw, hour) = (draw(), if draw() < 50 { 1 } else { 23 });
        let at = night(day, hour);
        // Days 300 to 340: nobody changes anything.
        let changes = if (300..340).contains(&day) { 0 } else { 40 };
        if !(200..230).contains(&day) {
            let good = backups.iter_mut().rev().find(|backup| backup.standing.counts());
            match (draw, good) {
                (90.., _) => backups.push(backup(id, (at, at), Worth::Suspect)),
                (88.., _) => backups.push(backup(id, (at, at), Worth::Doubted)),
                (draw, Some(good)) if draw >= changes => good.seen_at = Time::from_ms(at),
                _ => backups.push(backup(id, (at, at), Worth::Taken)),
            }
        }
        backups = each(backups);
    }
    backups
}

#[test]
fn four_hundred_nights_leave_what_the_calendar_says() {
    for rule in [USUAL, Retention { daily: 1, weekly: 0, monthly: 0 }, Retention { daily: 30, weekly: 20, monthly: 3 }]
    {
        let all = simulate(|backups| {
            assert_eq!(kept(&backups, rule), expected(&backups, rule), "{rule:?}");
            backups
        });
        assert!(all.len() > 100, "{}", all.len());
        // Pruning every night leaves what pruning once at the end leaves: nothing that is wanted then went before.
        let nightly = simulate(|backups| without(&backups, rule));
        assert_eq!(nightly, without(&all, rule), "{rule:?}");
        assert!(nightly.len() < all.len());
    }
}

#[test]
fn days_are_those_of_the_house() {
    // 00:30 and 23:30 of one day in Tokyo are two days of UTC; two days in Tokyo may be one of UTC.
    let backups =
        [backup(1, (night(9, 0), night(9, 0)), Worth::Taken), backup(2, (night(9, 23), night(9, 23)), Worth::Taken)];
    let rule = Retention { daily: 2, weekly: 0, monthly: 0 };
    let kept = |zone| retain(&backups, rule, None, LATER, zone).iter().filter(|fate| fate.kept).count();
    assert_eq!((kept(Tokyo), kept(chrono_tz::UTC)), (1, 2));
}

#[test]
fn every_reason_is_told() {
    let at = |day: i64| (night(day, 2), night(day, 2));
    let mut backups = vec![
        backup(1, at(0), Worth::Suspect),
        backup(2, at(1), Worth::Taken),
        backup(3, at(2), Worth::Taken),
        backup(4, at(40), Worth::Verified),
        backup(5, at(41), Worth::Taken),
        backup(6, at(60), Worth::Doubted),
        backup(7, at(60), Worth::Taken),
        backup(8, at(61), Worth::Taken),
    ];
    backups[2].asset = AssetId(2);
    let rule = Retention { daily: 2, weekly: 2, monthly: 1 };
    let fates = retain(&backups, rule, Some(AssetId(2)), LATER, Tokyo);
    let told: Vec<_> = fates.iter().map(|fate| (fate.id.0, fate.kept, fate.why.as_str())).collect();
    assert_eq!(
        told,
        [
            (8, true, "the newest that counts"),
            (7, true, "the newest of day 2026-03-02"),
            (6, true, "does not count; kept to be looked at while the daily ones reach so far back"),
            (5, true, "the newest of week 2026-W07"),
            (4, false, "the newest of none of the last 2 days, 2 weeks and 1 months"),
            (3, true, "the newest that counts of the hardware in the seat"),
            (2, false, "the newest of none of the last 2 days, 2 weeks and 1 months"),
            (1, false, "suspect, and older than the last 2 days that have a good one"),
        ]
    );
    let young = retain(&backups[..2], USUAL, None, LATER, Tokyo);
    assert!(young.iter().all(|fate| fate.kept), "fourteen days are not used up: the range reaches back for ever");
    let none = retain(&backups[..1], rule, None, LATER, Tokyo);
    assert_eq!((none[0].kept, none[0].why.as_str()), (true, "the seat has none that counts"));
}

#[test]
fn one_night_of_a_wrong_clock_costs_no_backup() {
    // Every second night brings something else; once the clock is ten years ahead, and on the next day all is well.
    let nights = (1..).zip((0..200).step_by(2));
    let mut backups: Vec<BackupAge> =
        nights.map(|(id, day)| backup(id, (night(day, 2), night(day + 1, 2)), Worth::Taken)).collect();
    let now = Time::from_ms(night(200, 3));
    let kept = |backups: &[BackupAge]| -> BTreeSet<i64> {
        let fates = retain(backups, USUAL, None, now, Tokyo);
        fates.into_iter().filter(|fate| fate.kept).map(|fate| fate.id.0).collect()
    };
    let before = kept(&backups);
    assert!(before.len() > 15, "{before:?}");
    backups[98].seen_at = Time::from_ms(night(3_650, 2));
    let seen = kept(&backups);
    assert!(seen.is_superset(&before), "{before:?} {seen:?}");
    backups[98].taken_at = backups[98].seen_at;
    let taken = kept(&backups);
    assert!(taken.is_superset(&before), "{before:?} {taken:?}");
}

fn any_backups() -> impl Strategy<Value = Vec<BackupAge>> {
    let one = (0..400_i64, 0..24_i64, 0..90_i64, proptest::sample::select(Worth::ALL), 1..3_i64);
    proptest::collection::vec(one, 0..40).prop_map(|list| {
        let backups = list.into_iter().zip(1..).map(|((day, hour, more, worth, asset), id)| {
            let at = night(day, hour);
            BackupAge { asset: AssetId(asset), ..backup(id, (at, at + more * DAY / 2), worth) }
        });
        backups.collect()
    })
}

fn any_rule() -> impl Strategy<Value = Retention> {
    (1..20_u32, 0..10_u32, 0..14_u32).prop_map(|(daily, weekly, monthly)| Retention { daily, weekly, monthly })
}

proptest! {
    #[test]
    fn it_is_what_the_calendar_says(backups in any_backups(), rule in any_rule()) {
        prop_assert_eq!(kept(&backups, rule), expected(&backups, rule));
    }

    #[test]
    fn the_last_good_one_stays(backups in any_backups(), rule in any_rule(), sitting in 1..3_i64) {
        let fates = retain(&backups, rule, Some(AssetId(sitting)), LATER, Tokyo);
        let kept = |id: BackupId| fates.iter().any(|fate| fate.id == id && fate.kept);
        let good = || backups.iter().filter(|backup| backup.standing.counts());
        for last in [good().next_back(), good().rfind(|backup| backup.asset == AssetId(sitting))].into_iter().flatten() {
            prop_assert!(kept(last.id));
        }
        prop_assert!(good().next().is_some() || fates.iter().all(|fate| fate.kept));
    }

    #[test]
    fn a_second_time_prunes_nothing(backups in any_backups(), rule in any_rule()) {
        let once = without(&backups, rule);
        prop_assert_eq!(without(&once, rule), once);
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(backups in any_backups().prop_shuffle(), rule in any_rule()) {
        let mut sorted = backups.clone();
        sorted.sort_by_key(|backup| backup.id);
        prop_assert_eq!(retain(&backups, rule, None, LATER, Tokyo), retain(&sorted, rule, None, LATER, Tokyo));
    }

    #[test]
    fn what_is_of_the_future_takes_nobodys_place(backups in any_backups(), rule in any_rule(), day in 0..450_i64, ahead in 1..4_000_i64, worth in proptest::sample::select(Worth::ALL), (taken, at) in (any::<bool>(), 0..40_usize), sitting in 1..3_i64) {
        let now = Time::from_ms(night(day, 12));
        let kept = |backups: &[BackupAge]| -> BTreeSet<i64> {
            let fates = retain(backups, rule, Some(AssetId(sitting)), now, Tokyo);
            fates.into_iter().filter(|fate| fate.kept).map(|fate| fate.id.0).collect()
        };
        let future = night(day + ahead, 0);
        let wrong = backup(1_000, (if taken { future } else { night(day - 20, 0) }, future), worth);
        let mut more = backups.clone();
        // It may be the newest, or have others after it.
        more.insert(at.min(more.len()), wrong);
        for (backup, id) in more.iter_mut().zip(1..) {
            backup.id = BackupId(id);
        }
        let place = i64::try_from(at.min(backups.len())).unwrap() + 1;
        let moved: BTreeSet<i64> = kept(&backups).into_iter().map(|id| if id < place { id } else { id + 1 }).collect();
        let with = kept(&more);
        prop_assert!(with.contains(&place) && with.is_superset(&moved), "{:?} {:?}", moved, with);
    }

    #[test]
    fn a_longer_rule_keeps_all_that_a_shorter_one_keeps(backups in any_backups(), rule in any_rule()) {
        let longer = Retention { daily: rule.daily + 1, weekly: rule.weekly + 1, monthly: rule.monthly + 1 };
        prop_assert!(kept(&backups, rule).is_subset(&kept(&backups, longer)));
    }
}
