use proptest::prelude::*;

use super::*;

const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// 2026-11-24 02:00 in Tokyo, a Tuesday.
const NOW: Time = Time::from_ms(1_795_453_200_000);

/// A look in the middle of November, of an NX in line.
pub(in crate::decide) fn look_at<'a>(counts: &'a Counts, past: &'a [Past]) -> Look<'a> {
    Look {
        moment: Moment { now: NOW, zone: chrono_tz::Asia::Tokyo },
        series: Series::Nx,
        data_path: DataPath::InlineFailClose,
        rules: ProtectionRules::default(),
        gap_ms_max: 2 * HOUR_MS,
        counts,
        readings: &[],
        past,
    }
}

/// A number of the past, so long ago; ages in milliseconds.
pub(in crate::decide) fn past(component: Component, unit: Unit, ago_ms: i64, milli: i64) -> Past {
    Past { component, measure: Measure { milli, unit }, at: NOW.plus_ms(-ago_ms), is_hour: false }
}

fn port(name: &str) -> Component {
    Component::new(ComponentKind::Traffic, name)
}

/// What two ports of one pair counted.
fn counted(counts: &[(&str, i64)]) -> Counts {
    let ports = counts.iter().map(|(name, _)| Outside::from(*name)).collect();
    Counts {
        numbers: counts.iter().map(|(name, count)| (port(name), Measure::whole(*count, Unit::Count))).collect(),
        groups: vec![(port("A"), ports)],
        words: Vec::new(),
    }
}

/// The counter of a port ten minutes ago, and its rate at this hour of so many weeks.
fn history(name: &str, before: i64, rate: i64, weeks: i64) -> Vec<Past> {
    let mut all = vec![past(port(name), Unit::Count, 10 * MINUTE_MS, before * 1_000)];
    all.extend((1..=weeks).map(|week| past(port(name), Unit::PerSecond, week * 7 * DAY_MS, rate * 1_000)));
    all
}

fn links(names: &[&str]) -> Vec<Reading> {
    let up = |name: &&str| Reading::new(Component::new(ComponentKind::Interface, *name), Condition::Good, "link yes");
    names.iter().map(up).collect()
}

/// The conditions of the unit and of its pair.
fn conditions(judged: &Judged) -> Vec<Condition> {
    judged.readings.iter().map(|reading| reading.condition).collect()
}

fn one(count: i64, past: &[Past]) -> Judged {
    let (counts, readings) = (counted(&[("pether3", count)]), links(&["pether3"]));
    traffic(&Look { readings: &readings, ..look_at(&counts, past) })
}

#[test]
fn a_port_is_held_against_its_own_habits() {
    use Condition::{Blind, Good, Learning, Quiet, Warning};
    // Ten minutes are 600 seconds: a thousand packets a second are usual.
    for (grown, condition) in
        [(600_000, Good), (60_000, Good), (59_999, Warning), (6_000, Warning), (5_999, Blind), (0, Blind)]
    {
        let judged = one(5_000_000 + grown, &history("pether3", 5_000_000, 1_000, 4));
        assert_eq!(judged.readings[1].condition, condition, "{grown}: {judged:?}");
    }
    assert_eq!(conditions(&one(5_600_000, &history("pether3", 5_000_000, 1_000, 1))), [Good, Learning]);
    // What is usually below the floor is quiet, and no blindness; more than that is no harm.
    assert_eq!(conditions(&one(5_000_000, &history("pether3", 5_000_000, 9, 4))), [Quiet, Quiet]);
    assert_eq!(conditions(&one(5_600_000, &history("pether3", 5_000_000, 9, 4))), [Good, Good]);
}

#[test]
fn what_cannot_be_compared_is_unknown_and_never_nothing() {
    let judge = |count: i64, past: &[Past]| {
        let judged = one(count, past);
        let reading = judged.readings[1].clone();
        (reading.condition, reading.said.as_data().to_owned(), judged.samples.len())
    };
    let usual = history("pether3", 5_000_000, 1_000, 4);
    let first = judge(0, &usual[1..]);
    assert_eq!(first, (Condition::Learning, "first look: nothing to compare with yet".to_owned(), 1));
    let anew = judge(4_999_999, &usual);
    assert_eq!((anew.0, anew.2), (Condition::Learning, 1), "a reboot, or a counter that wrapped: {anew:?}");
    assert!(anew.1.starts_with("the counter began anew"), "{anew:?}");
    let mut late = usual.clone();
    late[0].at = NOW.plus_ms(-2 * HOUR_MS - 1);
    assert_eq!(judge(5_600_000, &late).1, "nothing was counted in the last 2h 0m");
    late[0].at = NOW.plus_ms(-4 * MINUTE_MS);
    assert_eq!(judge(5_600_000, &late).1, "too little time since the last look");
    late[0].is_hour = true;
    assert_eq!(judge(5_600_000, &late).0, Condition::Learning, "the mean of an hour is no counter");
    // After the reboot the next number is held against the one after it.
    let mut after = usual;
    after.push(past(port("pether3"), Unit::Count, 5 * MINUTE_MS, 1_000));
    assert_eq!(judge(300_000, &after).0, Condition::Good);
}

#[test]
fn one_silent_port_of_a_pair_is_a_warning_and_two_are_blind() {
    use Condition::{Blind, Good, Learning, Missing, Quiet, Warning};
    let usual = |first: i64, second: i64| {
        [history("pether3", 1_000_000, first, 4), history("pether4", 1_000_000, second, 4)].concat()
    };
    let judge = |counts: &[(&str, i64)], past: &[Past]| {
        let (counts, readings) = (counted(counts), links(&["pether3", "pether4"]));
        let judged = traffic(&Look { readings: &readings, ..look_at(&counts, past) });
        (conditions(&judged)[1], judged)
    };
    let (all, none) = (1_600_000, 1_000_000);
    let (condition, judged) = judge(&[("pether3", all), ("pether4", none)], &usual(1_000, 1_000));
    assert_eq!(condition, Warning, "{judged:?}");
    assert!(judged.readings[1].said.as_data().starts_with("nothing arrives at pether4: less than 1 %"), "{judged:?}");
    let learnt = |judged: &Judged| {
        let rates = judged.samples.iter().filter(|(_, measure)| measure.unit == Unit::PerSecond);
        rates.map(|(component, _)| component.name.as_data().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(learnt(&judged), ["pether3"], "nobody gets used to nothing");
    let (condition, judged) = judge(&[("pether3", none), ("pether4", none)], &usual(1_000, 1_000));
    assert_eq!((condition, learnt(&judged).len()), (Blind, 0));
    // A port that was never used asks for nothing, but the other one is not good for that.
    assert_eq!(judge(&[("pether3", none), ("pether4", none)], &usual(1_000, 0)).0, Blind);
    assert_eq!(judge(&[("pether3", all), ("pether4", none)], &usual(1_000, 0)).0, Good);
    assert_eq!(judge(&[("pether3", none), ("pether4", none)], &usual(0, 0)).0, Quiet);
    assert_eq!(judge(&[("pether3", all), ("pether4", all)], &history("pether3", none, 1_000, 4)).0, Learning);
    // A port whose counter was not read.
    let mut counts = counted(&[("pether3", all), ("pether4", all)]);
    counts.numbers.pop();
    assert_eq!(conditions(&traffic(&look_at(&counts, &usual(1_000, 1_000))))[1], Missing);
}

#[test]
fn nothing_at_all_is_blind_without_any_history_but_not_without_a_link() {
    use Condition::{Blind, Learning};
    let still = |ages: &[i64]| -> Vec<Past> {
        ages.iter().map(|minutes| past(port("pether3"), Unit::Count, minutes * MINUTE_MS, 7_000)).collect()
    };
    let judge = |past: &[Past], links: &[Reading]| {
        let counts = counted(&[("pether3", 7)]);
        conditions(&traffic(&Look { readings: links, ..look_at(&counts, past) }))[0]
    };
    let up = links(&["pether3"]);
    assert_eq!(judge(&still(&[10, 20, 30]), &up), Blind);
    assert_eq!(judge(&still(&[10, 20, 29]), &up), Learning, "not long enough");
    assert_eq!(judge(&still(&[30]), &up), Learning, "not often enough");
    assert_eq!(judge(&still(&[10, 20, 30]), &[]), Learning, "the link is another finding");
    let mut moved = still(&[10, 20, 30]);
    moved[2].measure.milli = 6_000;
    assert_eq!(judge(&moved, &up), Learning);
}

#[test]
fn agents_are_judged_by_habit_and_none_at_all_without() {
    use Condition::{Blind, Good, Learning, Quiet, Warning};
    let agents = |name: &str| Component::new(ComponentKind::Agents, name);
    let judge = |numbers: [(&str, i64); 3], past: &[Past]| {
        let numbers = numbers.map(|(name, number)| (agents(name), Measure::whole(number, Unit::Count))).into();
        let counts = Counts { numbers, ..Counts::default() };
        let judged = super::agents(&look_at(&counts, past));
        (conditions(&judged), judged.samples.len())
    };
    let usual = |name: &str, number: i64| {
        (1..=4).map(|week| past(agents(name), Unit::Count, week * 7 * DAY_MS, number * 1_000)).collect::<Vec<_>>()
    };
    let all = [("total", 900), ("seen-1h", 700), ("seen-24h", 850)];
    assert_eq!(judge(all, &[]), (vec![Good, Learning, Learning], 2));
    let habits = [usual("seen-1h", 700), usual("seen-24h", 850)].concat();
    assert_eq!(judge(all, &habits), (vec![Good; 3], 2));
    assert_eq!(judge([("total", 900), ("seen-1h", 60), ("seen-24h", 850)], &habits).0, [Good, Warning, Good]);
    assert_eq!(judge([("total", 900), ("seen-1h", 6), ("seen-24h", 850)], &habits), (vec![Good, Blind, Good], 1));
    assert_eq!(judge([("total", 900), ("seen-1h", 0), ("seen-24h", 0)], &[]), (vec![Blind, Learning, Learning], 0));
    assert_eq!(judge([("total", 900), ("seen-1h", 0), ("seen-24h", 850)], &usual("seen-1h", 3)).0[1], Quiet);
    assert_eq!(judge([("total", 4), ("seen-1h", 0), ("seen-24h", 0)], &[]).0[0], Learning, "too few to tell");
    assert_eq!(super::agents(&look_at(&Counts::default(), &[])), Judged::default(), "nobody asked for them");
}

#[test]
fn a_few_mails_are_waited_for_before_their_absence_is_told() {
    let component = Component::new(ComponentKind::Mail, "analysed");
    let counts = Counts { numbers: vec![(component.clone(), Measure::whole(500, Unit::Count))], ..Counts::default() };
    let judge = |minutes: &[i64]| {
        let mut history: Vec<Past> =
            (1..=4).map(|week| past(component.clone(), Unit::PerHour, week * 7 * DAY_MS, 24_000)).collect();
        let trail = minutes.iter().map(|ago| past(component.clone(), Unit::Count, ago * MINUTE_MS, 500_000));
        history.extend(trail);
        let judged = mail(&Look { series: Series::Ex, ..look_at(&counts, &history) });
        judged.readings[0].condition
    };
    // Twenty-four an hour: twenty are to be expected in fifty minutes.
    assert_eq!(judge(&[10, 20, 30, 40]), Condition::Learning);
    assert_eq!(judge(&[10, 20, 30, 40, 50]), Condition::Blind);
}

#[test]
fn the_files_say_how_a_pair_should_stand() {
    use Condition::{Unprotected, Warning};
    let told = |data_path: DataPath, pairs: &[(&str, &str, &str)]| {
        let words = pairs.iter().flat_map(|(pair, mode, safe)| {
            let component = Component::new(ComponentKind::PortPair, *pair);
            [
                (component.clone(), "op_mode".to_owned(), Outside::from(*mode)),
                (component, "fail-safe".to_owned(), Outside::from(*safe)),
            ]
        });
        let counts = Counts { words: words.collect(), ..Counts::default() };
        let readings = in_line(&Look { data_path, ..look_at(&counts, &[]) });
        readings.iter().map(|one| (one.component.name.as_data().to_owned(), one.condition)).collect::<Vec<_>>()
    };
    let of = |pair: &str, condition| (pair.to_owned(), condition);
    let (close, open) = (DataPath::InlineFailClose, DataPath::InlineFailOpen);
    assert!(told(close, &[("A", "block", "close"), ("B", "monitor", "close")]).is_empty());
    assert_eq!(
        told(close, &[("A", "tap", "close"), ("B", "tap", "close")]),
        [of("A", Unprotected), of("B", Unprotected)]
    );
    assert_eq!(told(close, &[("A", "block", "close"), ("B", "tap", "close")]), [of("B", Warning)]);
    assert_eq!(told(open, &[("A", "block", "close"), ("B", "Block", "open")]), [of("A", Warning)]);
    assert_eq!(told(DataPath::Tap, &[("A", "tap", "close"), ("B", "block", "open")]), [of("B", Warning)]);
    // Bypass is told by the appliance itself, and a word that nobody knows as well.
    assert!(told(close, &[("A", "bypass", "close"), ("B", "sideways", "close")]).is_empty());
    assert!(told(DataPath::MailMta, &[("A", "tap", "close")]).is_empty());
}

/// Numbers of the past at every half hour of nine weeks, as a function of the local time gives them.
fn weeks(moment: Moment, rate: impl Fn(Time) -> Option<i64>) -> Vec<Past> {
    let times = (1..9 * 7 * 24 * 2).map(|turn| moment.now.plus_ms(-turn * 30 * MINUTE_MS));
    let point = |at: Time| {
        let measure = Measure { milli: rate(at)?, unit: Unit::PerSecond };
        Some(Past { component: port("pether3"), measure, at, is_hour: false })
    };
    times.filter_map(point).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the past was, a unit at which nothing arrives is good in nothing.
    #[test]
    fn nothing_is_never_good(
        rates in proptest::collection::vec((0_i64..5, prop_oneof![0_i64..20_000, 0_i64..3_000_000]), 0..30),
        still in proptest::collection::vec(1_i64..200, 0..12),
        linked in any::<bool>(),
    ) {
        let mut past: Vec<Past> = still.iter().map(|ago| past(port("pether3"), Unit::Count, ago * MINUTE_MS, 7_000)).collect();
        past.extend(rates.iter().map(|(week, milli)| super::tests::past(port("pether3"), Unit::PerSecond, week * 7 * DAY_MS, *milli)));
        let counts = counted(&[("pether3", 7)]);
        let readings = if linked { links(&["pether3"]) } else { Vec::new() };
        let judged = traffic(&Look { readings: &readings, ..look_at(&counts, &past) });
        prop_assert!(judged.readings.iter().all(|reading| !reading.condition.is_good()), "{judged:?}");
    }

    /// A counter that is smaller than before is neither nothing nor good.
    #[test]
    fn a_counter_that_began_anew_says_nothing(before in 1_i64..i64::from(u32::MAX), part in 0.0_f64..1.0) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a part of it")]
        let after = (before as f64 * part) as i64;
        let judged = one(after.min(before - 1), &history("pether3", before, 1_000, 4));
        prop_assert_eq!(conditions(&judged), [Condition::Learning; 2]);
    }

    /// The pieces that are asked for hold every number of the hours that count, in every zone and at every change of
    /// the clocks, and are few.
    #[test]
    fn the_pieces_hold_what_counts(hours in 0_i64..24 * 800, place in any::<proptest::sample::Index>()) {
        let zone = *place.get(&chrono_tz::TZ_VARIANTS);
        let moment = Moment { now: NOW.plus_ms(hours * HOUR_MS + 17 * MINUTE_MS), zone };
        let asked = pieces(moment, Series::Ex, &ProtectionRules::default(), 2 * HOUR_MS);
        prop_assert!(asked.hours.len() + asked.days.len() <= 80, "{asked:?}");
        let all = weeks(moment, |at| Some(at.as_ms().rem_euclid(1_000_003)));
        let held = |one: &&Past| asked.hours.iter().any(|hour| (0..HOUR_MS).contains(&one.at.ms_since(*hour)));
        let some: Vec<Past> = all.iter().filter(held).cloned().collect();
        prop_assert_eq!(habit(some.iter(), moment, 1), habit(all.iter(), moment, 1));
        let in_days = |one: &&Past| asked.days.iter().any(|day| (0..DAY_MS).contains(&one.at.ms_since(*day)));
        let days: Vec<Past> = all.iter().filter(in_days).cloned().collect();
        prop_assert_eq!(habit(days.iter(), moment, 1), habit(all.iter(), moment, 1));
    }

    /// One week of four may be anything: a holiday, an outage, a test of load.
    #[test]
    fn one_strange_week_moves_no_habit(strange in 1_i64..=4, milli in 0_i64..100_000_000_000) {
        let rates = (1..=4).map(|week| if week == strange { milli } else { 1_000_000 + week });
        let all: Vec<Past> = rates.zip(1..).map(|(rate, week)| past(port("x"), Unit::PerSecond, week * 7 * DAY_MS, rate)).collect();
        let Habit::Usual(usual) = habit(all.iter(), look_at(&Counts::default(), &[]).moment, 2) else { panic!("known") };
        prop_assert!((1_000_001..=1_000_004).contains(&usual), "{usual}");
    }
}

#[test]
fn an_hour_is_one_of_local_time_where_the_clocks_change() {
    // Berlin went back on 2026-10-25: ten o'clock was 08:00 UTC before and is 09:00 UTC since.
    let zone = chrono_tz::Europe::Berlin;
    let at = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().map(|at| Time::from_ms(at.timestamp_millis()));
    let moment = Moment { now: at("2026-11-03T09:30:00Z").expect("a time"), zone };
    // Busy from ten to eleven local time, and only then.
    let busy = |time: Time| {
        let begins = at("2026-10-25T01:00:00Z").expect("a time");
        let hour = if time < begins { 8 } else { 9 };
        Some(if time.as_ms().div_euclid(HOUR_MS).rem_euclid(24) == hour { 1_000_000 } else { 1_000 })
    };
    assert_eq!(habit(weeks(moment, busy).iter(), moment, 2), Habit::Usual(1_000_000));
    let later = Moment { now: moment.now.plus_ms(HOUR_MS), zone };
    assert_eq!(habit(weeks(later, busy).iter(), later, 2), Habit::Usual(1_000));
    // The hour that the clocks skip (2027-03-28, two o'clock) has no number of its own, and breaks nothing.
    let skipped = Moment { now: at("2027-04-04T00:30:00Z").expect("a time"), zone };
    assert_eq!(habit(weeks(skipped, |_| Some(7)).iter(), skipped, 3), Habit::Usual(7));
    assert_eq!(
        habit(weeks(skipped, |at| (skipped.now.ms_since(at) < 30 * DAY_MS).then_some(7)).iter(), skipped, 4),
        Habit::Learning(3)
    );
    // Weeks without polls are weeks less, not weeks of nothing.
    let gaps = |time: Time| (moment.now.ms_since(time) < 8 * DAY_MS).then_some(1_000_000);
    assert_eq!(habit(weeks(moment, gaps).iter(), moment, 2), Habit::Learning(1));
}

#[test]
fn what_says_nothing_alone_is_counted_and_is_no_reading() {
    let agents = |name: &str| Component::new(ComponentKind::Agents, name);
    let number = |milli| Measure { milli, unit: Unit::Count };
    let age = Measure { milli: 7_200_000, unit: Unit::Seconds };
    let alert = Component::only(ComponentKind::LastAlert);
    let disk = Reading::new(Component::new(ComponentKind::Disk, "0"), Condition::Good, "Online").with(number(1));
    let lost = Reading::new(agents("total"), Condition::Missing, "");
    let newest = Reading::new(alert, Condition::Good, "").with(age);
    let seen = Reading::new(agents("seen-24h"), Condition::Good, "").with(number(5_000));
    let mut readings = vec![disk.clone(), seen, lost.clone(), newest.clone()];
    let mut counts = Counts::default();
    count(&mut readings, &mut counts);
    assert_eq!(readings, [disk, lost, newest], "what was not told stays, and the age is shown as well");
    assert_eq!((counts.of(&agents("seen-24h")), counts.of(&on_unit())), (Some(number(5_000)), Some(age)));
    assert_eq!(counts.numbers.len(), 2);
}

#[test]
fn agents_that_are_not_told_any_more_are_missing() {
    let known = [Component::only(ComponentKind::Agents), Component::new(ComponentKind::Agents, "seen-24h")];
    let judged = judge(&Look { series: Series::Hx, ..look_at(&Counts::default(), &[]) }, known.iter());
    assert_eq!(conditions(&judged), [Condition::Missing; 2]);
}
