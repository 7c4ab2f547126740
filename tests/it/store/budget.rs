//! How large a year of 1,000 appliances at one poll a minute becomes.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use hoshu::model::name::SeatName;
use hoshu::model::outside::Outside;
use hoshu::model::reading::{Component, ComponentKind, Condition, Measure, Tier, Unit};
use hoshu::model::record::{PollRecord, SpanChange};
use hoshu::model::time::Time;
use hoshu::store::Store;

use super::place::{Place, on_both};
use super::world::{opened, poll};

const DAY_MS: i64 = 86_400_000;
/// A debug build takes some ten seconds for a fortnight of two appliances, so that they stand for all. Half-empty pages
/// weigh the more the fewer there are: the figure is too high, never too low.
const APPLIANCES: i64 = 2;
/// One week that is kept to the minute, and one that became hours.
const DAYS: i64 = 14;
/// From the first day to the night on which the first week is older than two weeks.
const UNTIL: i64 = 21;
const READINGS: u32 = 60;
const NUMBERS: u32 = 25;

#[derive(QueryableByName)]
struct Size {
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

/// Bytes of a table with everything that belongs to it, packed as tightly as the database packs; for SQLite those of
/// the whole file.
fn size(place: &Place, table: &str) -> i64 {
    if place.is_sqlite() {
        place.raw("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        i64::try_from(std::fs::metadata(place.file()).unwrap().len()).unwrap()
    } else {
        place.raw(&format!("VACUUM FULL {table}")).unwrap();
        let ask = format!("SELECT pg_total_relation_size('{table}') AS bytes");
        diesel::sql_query(ask).get_result::<Size>(&mut place.pg()).unwrap().bytes
    }
}

/// Bytes that go when rows of a table go.
fn emptied(place: &Place, table: &str, rows: &str) -> i64 {
    let before = size(place, table);
    place.raw(&format!("DELETE FROM {table} WHERE {rows}")).unwrap();
    before - size(place, table)
}

fn component(number: u32) -> Component {
    let kinds = [ComponentKind::Fan, ComponentKind::Disk, ComponentKind::Service, ComponentKind::Interface];
    Component::new(kinds[number as usize % kinds.len()], format!("component {number}"))
}

/// One poll of a unit whose numbers wander, and of whose sixty readings one changes about every two hours.
fn record(seat: &SeatName, at: Time, first: bool, random: &mut u64) -> PollRecord {
    let mut next = || {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(*random >> 33).unwrap()
    };
    let minute = at.as_ms() / 60_000;
    let mut record = poll("tokyo-densan", seat.as_str(), at);
    record.took_ms = 350 + next() % 200;
    if minute % 10 == 0 {
        record.tiers = vec![Tier::Pulse, Tier::Detail];
    }
    let dice = next() % 120;
    record.spans = (0..READINGS)
        .map(|number| {
            let changes = first || (dice == 0 && i64::from(number) == minute % i64::from(READINGS));
            let condition = if next() % 2 == 0 { Condition::Good } else { Condition::Warning };
            if changes {
                opened(component(number), condition, "Status changed, speed 8400 rpm expected", at)
            } else {
                SpanChange::Extend { component: component(number), last_at: at }
            }
        })
        .collect();
    record.samples = (0..NUMBERS)
        .map(|number| {
            let level = i64::from(number) * 100 + (minute / 30) % 7;
            (component(number), Measure::whole(level + next() % 3, Unit::Rpm))
        })
        .collect();
    record.reason = Outside::default();
    record
}

async fn a_year_fits_in_five_gigabytes(place: Place) {
    let start = Time::from_ms(20_000 * DAY_MS);
    let store: Store = place.open();
    let mut random = 7;
    for minute in 0..DAYS * 1_440 {
        for number in 0..APPLIANCES {
            let seat = format!("tokyo-nx{number:04}").parse().unwrap();
            store.observe(record(&seat, start.plus_ms(minute * 60_000), minute == 0, &mut random)).await.unwrap();
        }
    }
    store.flush().await.unwrap();
    while store.housekeeping(start.plus_ms(UNTIL * DAY_MS)).await.unwrap().more {}
    drop(store);

    let unit_day = |bytes: i64, days: i64| bytes / APPLIANCES / days;
    let minutes = unit_day(emptied(&place, "series_chunk", "step = 'minute'"), DAYS / 2);
    let hours = unit_day(emptied(&place, "series_chunk", "step = 'hour'"), DAYS / 2);
    let polls = unit_day(emptied(&place, "poll_day", "day_at > 0"), DAYS);
    let spans = unit_day(emptied(&place, "reading_span", "id > 0"), DAYS);
    assert!([minutes, hours, polls, spans].iter().all(|bytes| *bytes > 0));
    let year = 1_000 * (365 * (polls + spans + hours) + 14 * minutes);
    println!(
        "bytes of a unit and day: polls {polls}, spans {spans}, minutes {minutes}, hours {hours}; a year of 1,000: {:.2} GB",
        f64::from(u32::try_from(year / 1_000_000).unwrap()) / 1_000.0
    );
    assert!(year <= 5_000_000_000, "{year}");
}

on_both! { a_year_fits_in_five_gigabytes }
