//! Eight weeks of one unit: what it counts goes into the series, what is judged comes out of them.

use std::time::{Duration, Instant};

use hoshu::decide::habit::Moment;
use hoshu::decide::protection::{Judged, KINDS, Look, judge, pieces};
use hoshu::model::inventory::DataPath;
use hoshu::model::reading::{Component, ComponentKind, Condition, Counts, Measure, Reading, Unit};
use hoshu::model::series::Series;
use hoshu::model::settings::ProtectionRules;
use hoshu::model::time::Time;
use hoshu::store::Store;

use super::place::{NOW, Place};
use super::world::{house, poll, seat};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Every hour, so that eight weeks are fourteen hundred polls.
const STEP_MS: i64 = HOUR_MS;

/// A unit whose counter is moved by hand.
struct World {
    store: Store,
    now: Time,
    packets: i64,
    queries_ms: u128,
}

impl World {
    /// An hour at a rate, and the poll that ends it.
    async fn step(&mut self, per_s: i64) -> Judged {
        self.now = self.now.plus_ms(STEP_MS);
        self.packets += per_s * STEP_MS / 1_000;
        let port = |name: &str| Component::new(ComponentKind::Traffic, name);
        let counts = Counts {
            numbers: vec![(port("pether3"), Measure::whole(self.packets, Unit::Count))],
            groups: vec![(port("A"), vec!["pether3".into()])],
            words: Vec::new(),
        };
        let link = Component::new(ComponentKind::Interface, "pether3");
        let readings = [Reading::new(link, Condition::Good, "link yes")];
        let (moment, rules) = (Moment { now: self.now, zone: chrono_tz::Asia::Tokyo }, ProtectionRules::default());
        let gap_ms_max = 125 * 60_000;
        let asked = pieces(moment, Series::Nx, &rules, gap_ms_max);
        let began = Instant::now();
        let past = house(&self.store).series_past(&seat("nx01"), &KINDS, asked.hours, asked.days).await.unwrap();
        self.queries_ms += began.elapsed().as_millis();
        let judged = judge(
            &Look {
                moment,
                series: Series::Nx,
                data_path: DataPath::Tap,
                rules,
                gap_ms_max,
                counts: &counts,
                readings: &readings,
                past: &past,
            },
            std::iter::empty(),
        );
        let mut record = poll("acme", "nx01", self.now);
        record.samples.clone_from(&judged.samples);
        self.store.observe(record).await.unwrap();
        self.store.flush().await.unwrap();
        judged
    }

    /// The usual rate at an hour in Tokyo: an office by day, backups on Saturday nights, hardly anything else.
    fn usual(&self) -> i64 {
        let tokyo = self.now.plus_ms(STEP_MS / 2 + 9 * HOUR_MS).as_ms();
        let (hour, weekday) = (tokyo.div_euclid(HOUR_MS).rem_euclid(24), (tokyo.div_euclid(DAY_MS) + 3).rem_euclid(7));
        match (weekday, hour) {
            (0..5, 8..19) => 3_000,
            (5, 1..4) => 800,
            _ => 2,
        }
    }

    async fn usual_until(&mut self, days: i64, keep: &mut Vec<(Time, Condition, Condition)>) {
        let end = NOW.plus_ms(days * DAY_MS);
        while self.now < end {
            let rate = self.usual();
            let judged = self.step(rate).await;
            keep.push((self.now, judged.readings[0].condition, judged.readings[1].condition));
            if self.now.as_ms() % DAY_MS == 0 {
                while self.store.housekeeping(self.now).await.unwrap().more {}
            }
        }
    }
}

async fn eight_weeks(place: Place) {
    use Condition::{Blind, Good, Learning, Quiet, Warning};
    let began = Instant::now();
    let mut world = World { store: place.open(), now: NOW, packets: 1_000_000, queries_ms: 0 };
    let mut seen = Vec::new();
    world.usual_until(36, &mut seen).await;
    let polls = seen.len() as u128;
    // Nothing was ever blind or a warning, though each evening and night nearly nothing came.
    let alarms: Vec<_> = seen.iter().filter(|one| [one.1, one.2].iter().any(|c| c.wants_attention())).collect();
    assert!(alarms.is_empty(), "{alarms:?}");
    let of = |from: i64, to: i64| {
        let mut counts = std::collections::BTreeMap::<Condition, usize>::new();
        let days = seen.iter().filter(|one| (from * DAY_MS..to * DAY_MS).contains(&one.0.ms_since(NOW)));
        days.for_each(|one| *counts.entry(one.2).or_default() += 1);
        counts
    };
    assert_eq!(of(0, 14).keys().copied().collect::<Vec<_>>(), [Learning], "two weeks are no habit yet");
    let known = of(15, 36);
    assert_eq!(known.keys().copied().collect::<Vec<_>>(), [Good, Quiet], "then it is known: {known:?}");
    assert!(known[&Quiet] > known[&Good], "an office sleeps more than it works");

    // Wednesday, ten in the morning: the mirror port is moved. A trickle goes on, as a switch sends one.
    let tokyo = |world: &World| world.now.plus_ms(9 * HOUR_MS).as_ms().rem_euclid(DAY_MS);
    while tokyo(&world) != 10 * HOUR_MS {
        let rate = world.usual();
        world.step(rate).await;
    }
    let mut blind = Vec::new();
    for _ in 0..6 {
        blind.push(world.step(1).await.readings[1].condition);
    }
    assert_eq!(blind, [Blind; 6]);
    // At night it is quiet, which is not good; the next morning it is blind again, and so three weeks later: nobody gets
    // used to nothing.
    let mut later = Vec::new();
    for _ in 0..21 * 24 {
        let hour = tokyo(&world) / HOUR_MS;
        let judged = world.step(1).await;
        assert!(judged.readings.iter().all(|one| !one.condition.is_good()), "{:?} {judged:?}", world.now);
        if (9..18).contains(&hour) {
            later.push(judged.readings[1].condition);
        }
        if world.now.as_ms() % DAY_MS == 0 {
            world.store.housekeeping(world.now).await.unwrap();
        }
    }
    assert!(later.iter().filter(|one| **one == Blind).count() > 100, "{later:?}");
    assert!(!later.contains(&Warning));
    // Traffic that comes back is good at once where the hour is known.
    while world.usual() < 3_000 || tokyo(&world) / HOUR_MS != 11 {
        world.step(1).await;
    }
    let back = world.step(3_000).await;
    assert_eq!([back.readings[0].condition, back.readings[1].condition], [Good, Good], "{back:?}");
    let (took, each) = (began.elapsed(), world.queries_ms / polls);
    assert!(took < Duration::from_secs(30), "{took:?}, {each} ms for each question");
    assert!(each < 20, "{each} ms for each question");
}

/// A unit that has less from week to week is followed, down to the floor; what stops at once is not.
async fn slow_decline(place: Place) {
    let mut world = World { store: place.open(), now: NOW, packets: 0, queries_ms: 0 };
    let mut conditions = std::collections::BTreeSet::new();
    for week in 0..8 {
        // One hour of each week is enough: only its own weekday and hour counts.
        let rate = 4_000 >> week;
        world.now = NOW.plus_ms(week * 7 * DAY_MS);
        for _ in 0..2 {
            conditions.insert(world.step(rate).await.readings[1].condition);
        }
    }
    assert_eq!(conditions.into_iter().collect::<Vec<_>>(), [Condition::Good, Condition::Learning]);
    world.now = NOW.plus_ms(8 * 7 * DAY_MS);
    world.step(0).await;
    assert_eq!(world.step(0).await.readings[1].condition, Condition::Blind);
}

#[tokio::test]
async fn eight_weeks_on_sqlite() {
    eight_weeks(Place::sqlite()).await;
}

#[tokio::test]
async fn eight_weeks_on_postgresql() {
    if let Some(place) = Place::postgres() {
        eight_weeks(place).await;
    }
}

#[tokio::test]
async fn a_slow_decline_is_followed_and_a_stop_is_not() {
    slow_decline(Place::sqlite()).await;
    if let Some(place) = Place::postgres() {
        slow_decline(place).await;
    }
}
