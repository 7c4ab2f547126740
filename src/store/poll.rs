//! Polls as such: the last one of each seat, and how those of the past ended.

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::model::limits::LIST_ROWS_MAX;
use crate::model::name::{CustomerName, SeatName};
use crate::model::outside::Outside;
use crate::model::reading::{Outcome, Tier};
use crate::model::record::{PollLast, PollRecord};
use crate::model::time::Time;

use super::Scoped;
use super::db::Db;
use super::error::StoreError;
use super::poll_pack::{Packed, latency_code, latency_ms, pack, unpack};
use super::row::{damaged, portions, text, time, within, word};
use super::schema::{poll_day, poll_last};

/// Milliseconds of a day.
pub(super) const DAY_MS: i64 = 86_400_000;

/// A poll of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollPoint {
    /// The minute in which it began.
    pub at: Time,
    /// How it ended.
    pub outcome: Outcome,
    /// The tiers that were read in full.
    pub tiers: Vec<Tier>,
    /// How long it took, in milliseconds, to about five in a hundred.
    pub took_ms: i64,
}

type LastRow = (String, String, i64, String, String, i64, Option<i64>, Option<i64>, Option<i64>);

/// Writes the last of the polls of one seat.
pub(super) fn put_last(db: &mut Db, polls: &[PollRecord]) -> Result<(), StoreError> {
    let Some(last) = polls.iter().max_by_key(|poll| poll.at) else { return Ok(()) };
    let read_at = |tier| {
        let read = polls.iter().filter(|poll| poll.tiers.contains(&tier));
        read.map(|poll| poll.at.as_ms()).max()
    };
    let state = (
        poll_last::at.eq(last.at.as_ms()),
        poll_last::outcome.eq(last.outcome.as_str()),
        poll_last::reason.eq(text(&last.reason)),
        poll_last::took_ms.eq(last.took_ms),
        // None leaves the column as it is.
        read_at(Tier::Pulse).map(|at| poll_last::pulse_at.eq(at)),
        read_at(Tier::Detail).map(|at| poll_last::detail_at.eq(at)),
        read_at(Tier::Slow).map(|at| poll_last::slow_at.eq(at)),
    );
    let row = poll_last::table.find((last.customer.as_str(), last.seat.as_str()));
    if diesel::update(row).set(state.clone()).execute(db)? == 0 {
        let key = (poll_last::customer.eq(last.customer.as_str()), poll_last::seat.eq(last.seat.as_str()));
        diesel::insert_into(poll_last::table).values((key, state)).execute(db)?;
    }
    Ok(())
}

/// Adds polls of one seat to their days.
pub(super) fn put_days(
    db: &mut Db,
    customer: &CustomerName,
    seat: &SeatName,
    polls: &[PollRecord],
) -> Result<(), StoreError> {
    let mut days = BTreeMap::<i64, Vec<Packed>>::new();
    for poll in polls {
        let minute = u16::try_from(poll.at.as_ms().rem_euclid(DAY_MS) / 60_000).unwrap_or(0);
        let packed =
            Packed { minute, outcome: poll.outcome, tiers: poll.tiers.clone(), latency: latency_code(poll.took_ms) };
        days.entry(poll.at.as_ms().div_euclid(DAY_MS) * DAY_MS).or_default().push(packed);
    }
    for (day, new) in days {
        let row = poll_day::table.find((customer.as_str(), seat.as_str(), day));
        let known: Option<Vec<u8>> = row.select(poll_day::packed).first(db).optional()?;
        let is_new = known.is_none();
        // A day that cannot be read is begun anew: what is lost is knowledge of one day.
        let mut polls = known.and_then(|known| unpack(&known)).unwrap_or_default();
        polls.extend(new);
        let packed = pack(&polls).map_err(|error| StoreError::NotWritten { reason: error.to_string() })?;
        if is_new {
            let key = (poll_day::customer.eq(customer.as_str()), poll_day::seat.eq(seat.as_str()));
            let row = (key, poll_day::day_at.eq(day), poll_day::packed.eq(packed));
            diesel::insert_into(poll_day::table).values(row).execute(db)?;
        } else {
            diesel::update(row).set(poll_day::packed.eq(packed)).execute(db)?;
        }
    }
    Ok(())
}

impl Scoped {
    /// The last poll of each seat; a seat that was never polled is absent.
    pub async fn poll_last(&self, seats: &[SeatName]) -> Result<BTreeMap<SeatName, PollLast>, StoreError> {
        let (customers, portions) = (self.customers(), portions(seats));
        let read = move |db: &mut Db| {
            let mut last = BTreeMap::new();
            for seats in portions {
                let query = within!(poll_last::table.select(poll_last::all_columns), poll_last::customer, &customers);
                for row in query.filter(poll_last::seat.eq_any(seats)).load::<LastRow>(db)? {
                    let poll = noun(row)?;
                    last.insert(poll.seat.clone(), poll);
                }
            }
            Ok(last)
        };
        self.store.read(read).await
    }

    /// The polls of a seat in a stretch of time, oldest first.
    pub async fn poll_history(&self, seat: &SeatName, from: Time, to: Time) -> Result<Vec<PollPoint>, StoreError> {
        let (customers, seat) = (self.customers(), seat.as_str().to_owned());
        let read = move |db: &mut Db| {
            let query = poll_day::table.select((poll_day::day_at, poll_day::packed));
            let query = within!(query, poll_day::customer, &customers)
                .filter(poll_day::seat.eq(seat))
                .filter(poll_day::day_at.gt(from.as_ms().saturating_sub(DAY_MS)))
                .filter(poll_day::day_at.le(to.as_ms()));
            let rows: Vec<(i64, Vec<u8>)> = query.order(poll_day::day_at).limit(LIST_ROWS_MAX).load(db)?;
            let mut points = Vec::new();
            for (day, packed) in rows {
                for poll in unpack(&packed).ok_or_else(|| damaged("poll_day.packed", &day.to_string()))? {
                    points.push(PollPoint {
                        at: Time::from_ms(day + i64::from(poll.minute) * 60_000),
                        outcome: poll.outcome,
                        tiers: poll.tiers,
                        took_ms: latency_ms(poll.latency),
                    });
                }
            }
            points.retain(|point| from <= point.at && point.at <= to);
            Ok(points)
        };
        self.store.read(read).await
    }
}

fn noun(row: LastRow) -> Result<PollLast, StoreError> {
    let (customer, seat, at, outcome, reason, took_ms, pulse_at, detail_at, slow_at) = row;
    Ok(PollLast {
        customer: word("poll_last.customer", &customer)?,
        seat: word("poll_last.seat", &seat)?,
        at: Time::from_ms(at),
        outcome: word("poll_last.outcome", &outcome)?,
        reason: Outside::from(reason),
        took_ms,
        pulse_at: time(pulse_at),
        detail_at: time(detail_at),
        slow_at: time(slow_at),
    })
}
