//! Roll-up and retention, in slices, so that no poll waits long for them.

use diesel::prelude::*;

use crate::model::time::Time;

use super::db::Db;
use super::error::StoreError;
use super::poll::DAY_MS;
use super::schema::{poll_day, reading_span as span, series_chunk};
use super::series::{HOUR, HOUR_MS, MINUTE, merge, roll_up};
use super::series_pack::unpack;

/// Days that numbers are kept to the minute.
const MINUTE_DAYS: i64 = 14;
/// Days that hours, polls and ended spans are kept.
const KEPT_DAYS: i64 = 400;
/// Rows that one slice takes in hand.
const SLICE_ROWS: i64 = 500;

/// What one slice did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Hours of minutes that became part of a day of hours.
    pub rolled_up: usize,
    /// Rows that were older than they are kept.
    pub removed: usize,
    /// Whether there is more to do.
    pub more: bool,
}

/// Does one slice.
pub(super) fn sweep(db: &mut Db, now: Time) -> Result<Swept, StoreError> {
    let today = now.as_ms().div_euclid(DAY_MS) * DAY_MS;
    db.transaction(|db| {
        let rolled_up = roll_up_slice(db, today - MINUTE_DAYS * DAY_MS)?;
        let removed = remove_slice(db, today - KEPT_DAYS * DAY_MS)?;
        let slice = usize::try_from(SLICE_ROWS).unwrap_or(usize::MAX);
        Ok(Swept { rolled_up, removed, more: rolled_up >= slice || removed >= slice })
    })
}

/// Moves the oldest hours of minutes into their days. The day is written and the hours are removed in one
/// transaction, so that each number is counted once.
fn roll_up_slice(db: &mut Db, before: i64) -> Result<usize, StoreError> {
    let oldest: Vec<(String, String, i64, Vec<u8>)> = series_chunk::table
        .filter(series_chunk::step.eq(MINUTE))
        .filter(series_chunk::start_at.lt(before))
        .select((series_chunk::customer, series_chunk::seat, series_chunk::start_at, series_chunk::packed))
        .order((series_chunk::start_at, series_chunk::customer, series_chunk::seat))
        .limit(SLICE_ROWS)
        .load(db)?;
    let count = oldest.len();
    let mut days = std::collections::BTreeMap::<_, Vec<_>>::new();
    for (customer, seat, start, packed) in oldest {
        let day = start.div_euclid(DAY_MS) * DAY_MS;
        days.entry((customer, seat, day)).or_default().push((start, packed));
    }
    for ((customer, seat, day), hours) in days {
        merge(db, (&customer, &seat, HOUR, day), |chunk| {
            for (start, packed) in &hours {
                let hour = u32::try_from((start - day) / HOUR_MS).unwrap_or(0);
                roll_up(chunk, hour, &unpack(packed).unwrap_or_default());
            }
        })?;
        for (start, _) in hours {
            diesel::delete(series_chunk::table.find((&customer, &seat, MINUTE, start))).execute(db)?;
        }
    }
    Ok(count)
}

fn remove_slice(db: &mut Db, before: i64) -> Result<usize, StoreError> {
    let mut removed = 0;
    let old: Vec<(String, String, i64)> = poll_day::table
        .filter(poll_day::day_at.lt(before))
        .select((poll_day::customer, poll_day::seat, poll_day::day_at))
        .limit(SLICE_ROWS)
        .load(db)?;
    for (customer, seat, day) in old {
        removed += diesel::delete(poll_day::table.find((customer, seat, day))).execute(db)?;
    }
    let old: Vec<(String, String, i64)> = series_chunk::table
        .filter(series_chunk::step.eq(HOUR))
        .filter(series_chunk::start_at.lt(before))
        .select((series_chunk::customer, series_chunk::seat, series_chunk::start_at))
        .limit(SLICE_ROWS)
        .load(db)?;
    for (customer, seat, day) in old {
        removed += diesel::delete(series_chunk::table.find((customer, seat, HOUR, day))).execute(db)?;
    }
    let old: Vec<i64> = span::table
        .filter(span::is_open.eq(false))
        .filter(span::last_at.lt(before))
        .select(span::id)
        .limit(SLICE_ROWS)
        .load(db)?;
    removed += diesel::delete(span::table.filter(span::id.eq_any(old))).execute(db)?;
    Ok(removed)
}
