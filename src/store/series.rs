//! Series: numbers over time, to the minute for two weeks and to the hour after that.

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::model::limits::LIST_ROWS_MAX;
use crate::model::name::{CustomerName, SeatName};
use crate::model::reading::{Component, ComponentKind, Measure, Past, Unit};
use crate::model::record::PollRecord;
use crate::model::time::Time;

use super::Scoped;
use super::db::Db;
use super::error::StoreError;
use super::poll::DAY_MS;
use super::row::{damaged, within};
use super::schema::series_chunk;
use super::series_pack::{Chunk, Key, pack, unpack};

/// Milliseconds of an hour.
pub(super) const HOUR_MS: i64 = 3_600_000;
/// The step of chunks that hold an hour, a slot for each minute.
pub(super) const MINUTE: &str = "minute";
/// The step of chunks that hold a day, three slots for each hour: lowest, mean and highest.
pub(super) const HOUR: &str = "hour";

/// Pieces that one question about the past brings at most.
const PIECES_MAX: i64 = 200;

/// One number, or the numbers of one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeriesPoint {
    /// The minute or hour.
    pub at: Time,
    /// The lowest number.
    pub lowest: Measure,
    /// The mean.
    pub mean: Measure,
    /// The highest number.
    pub highest: Measure,
}

/// Adds the numbers of one seat to their hours. Of two numbers in one minute the later one stays.
pub(super) fn put(
    db: &mut Db,
    customer: &CustomerName,
    seat: &SeatName,
    polls: &[PollRecord],
) -> Result<(), StoreError> {
    let mut hours = BTreeMap::<i64, Vec<&PollRecord>>::new();
    for poll in polls.iter().filter(|poll| !poll.samples.is_empty()) {
        hours.entry(poll.at.as_ms().div_euclid(HOUR_MS) * HOUR_MS).or_default().push(poll);
    }
    for (start, polls) in hours {
        merge(db, (customer.as_str(), seat.as_str(), MINUTE, start), |chunk| {
            for poll in polls {
                let slot = u32::try_from((poll.at.as_ms() - start) / 60_000).unwrap_or(0);
                for (component, measure) in &poll.samples {
                    let key = Key { component: component.clone(), unit: measure.unit };
                    chunk.entry(key).or_default().insert(slot, measure.milli);
                }
            }
        })?;
    }
    Ok(())
}

/// Reads a chunk, lets it grow and writes it back. A chunk that cannot be read is begun anew.
pub(super) fn merge(
    db: &mut Db,
    key: (&str, &str, &str, i64),
    grow: impl FnOnce(&mut Chunk),
) -> Result<(), StoreError> {
    let row = series_chunk::table.find(key);
    let known: Option<Vec<u8>> = row.select(series_chunk::packed).first(db).optional()?;
    let is_new = known.is_none();
    let mut chunk = known.and_then(|known| unpack(&known)).unwrap_or_default();
    grow(&mut chunk);
    let packed = pack(&chunk).map_err(|error| StoreError::NotWritten { reason: error.to_string() })?;
    if is_new {
        let (customer, seat, step, start) = key;
        let key = (series_chunk::customer.eq(customer), series_chunk::seat.eq(seat), series_chunk::step.eq(step));
        let row = (key, series_chunk::start_at.eq(start), series_chunk::packed.eq(packed));
        diesel::insert_into(series_chunk::table).values(row).execute(db)?;
    } else {
        diesel::update(row).set(series_chunk::packed.eq(packed)).execute(db)?;
    }
    Ok(())
}

/// Adds an hour of minutes to a day of hours.
pub(super) fn roll_up(day: &mut Chunk, hour_of_day: u32, minutes: &Chunk) {
    for (key, points) in minutes {
        let (Some(lowest), Some(highest)) = (points.values().min(), points.values().max()) else { continue };
        let sum: i128 = points.values().map(|value| i128::from(*value)).sum();
        let count = i128::try_from(points.len()).unwrap_or(1);
        let mean = i64::try_from(sum / count).unwrap_or(*lowest);
        let slots = day.entry(key.clone()).or_default();
        for (part, value) in (0..).zip([*lowest, mean, *highest]) {
            slots.insert(hour_of_day * 3 + part, value);
        }
    }
}

impl Scoped {
    /// The numbers of some kinds of component in single pieces of the past: hours of minutes and days of hours, each named
    /// by its beginning. A piece that is not there says nothing, and neither does one that cannot be read: it is begun
    /// anew when it is written next.
    pub async fn series_past(
        &self,
        seat: &SeatName,
        kinds: &[ComponentKind],
        hours: Vec<Time>,
        days: Vec<Time>,
    ) -> Result<Vec<Past>, StoreError> {
        let (customers, seat, kinds) = (self.customers(), seat.as_str().to_owned(), kinds.to_vec());
        let starts = |times: Vec<Time>| times.into_iter().map(Time::as_ms).collect::<Vec<_>>();
        let (hours, days) = (starts(hours), starts(days));
        let read = move |db: &mut Db| {
            let query = series_chunk::table.select((series_chunk::step, series_chunk::start_at, series_chunk::packed));
            let minutes = series_chunk::step.eq(MINUTE).and(series_chunk::start_at.eq_any(hours));
            let means = series_chunk::step.eq(HOUR).and(series_chunk::start_at.eq_any(days));
            let query = within!(query, series_chunk::customer, &customers)
                .filter(series_chunk::seat.eq(seat))
                .filter(minutes.or(means));
            let rows: Vec<(String, i64, Vec<u8>)> = query.limit(PIECES_MAX).load(db)?;
            let mut past = Vec::new();
            for (step, start, packed) in rows {
                for (key, slots) in unpack(&packed).unwrap_or_default() {
                    if !kinds.contains(&key.component.kind) {
                        continue;
                    }
                    past.extend(shown(&step, start, &slots, key.unit).into_iter().map(|point| Past {
                        component: key.component.clone(),
                        measure: point.mean,
                        at: point.at,
                        is_hour: step == HOUR,
                    }));
                }
            }
            Ok(past)
        };
        self.store.read(read).await
    }

    /// The numbers of one component in a stretch of time, oldest first: minutes as far as they are kept, hours
    /// before them.
    pub async fn series(
        &self,
        seat: &SeatName,
        component: Component,
        unit: Unit,
        from: Time,
        to: Time,
    ) -> Result<Vec<SeriesPoint>, StoreError> {
        let (customers, seat) = (self.customers(), seat.as_str().to_owned());
        let read = move |db: &mut Db| {
            let query = series_chunk::table.select((series_chunk::step, series_chunk::start_at, series_chunk::packed));
            let query = within!(query, series_chunk::customer, &customers)
                .filter(series_chunk::seat.eq(seat))
                .filter(series_chunk::start_at.gt(from.as_ms().saturating_sub(DAY_MS)))
                .filter(series_chunk::start_at.le(to.as_ms()));
            let rows: Vec<(String, i64, Vec<u8>)> = query.limit(LIST_ROWS_MAX).load(db)?;
            let key = Key { component, unit };
            let mut points = Vec::new();
            for (step, start, packed) in rows {
                let chunk = unpack(&packed).ok_or_else(|| damaged("series_chunk.packed", &start.to_string()))?;
                if let Some(slots) = chunk.get(&key) {
                    points.extend(shown(&step, start, slots, unit));
                }
            }
            points.retain(|point| from <= point.at && point.at <= to);
            points.sort_by_key(|point| point.at);
            Ok(points)
        };
        self.store.read(read).await
    }
}

fn shown(step: &str, start: i64, slots: &BTreeMap<u32, i64>, unit: Unit) -> Vec<SeriesPoint> {
    let measure = |milli| Measure { milli, unit };
    if step == MINUTE {
        let point = |(slot, value): (&u32, &i64)| {
            let (at, value) = (Time::from_ms(start + i64::from(*slot) * 60_000), measure(*value));
            SeriesPoint { at, lowest: value, mean: value, highest: value }
        };
        return slots.iter().map(point).collect();
    }
    let part = |hour: u32, part: u32| slots.get(&(hour * 3 + part)).copied().map(measure);
    let point = |hour| {
        let at = Time::from_ms(start + i64::from(hour) * HOUR_MS);
        Some(SeriesPoint { at, lowest: part(hour, 0)?, mean: part(hour, 1)?, highest: part(hour, 2)? })
    };
    (0..24).filter_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_its_lowest_mean_and_highest() {
        let key = Key { component: Component::new(ComponentKind::Fan, "1"), unit: Unit::Rpm };
        let minutes = Chunk::from([(key.clone(), BTreeMap::from([(0, 1_000), (1, 3_000), (59, 8_000)]))]);
        let mut day = Chunk::new();
        roll_up(&mut day, 23, &minutes);
        let points = shown(HOUR, 0, &day[&key], Unit::Rpm);
        assert_eq!(points.len(), 1);
        assert_eq!(points[0].at, Time::from_ms(23 * HOUR_MS));
        let values = [points[0].lowest, points[0].mean, points[0].highest].map(|measure| measure.milli);
        assert_eq!(values, [1_000, 4_000, 8_000]);
    }
}
