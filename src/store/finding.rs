//! Findings as the decision left them: one row each, at most one open per component.

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::model::finding::Finding;
use crate::model::id::FindingId;
use crate::model::limits::LIST_ROWS_MAX;
use crate::model::name::SeatName;
use crate::model::outside::Outside;
use crate::model::time::Time;

use super::Scoped;
use super::db::Db;
use super::error::StoreError;
use super::row::{component, portions, text, time, within, word};
use super::schema::finding;

/// Which findings are asked for.
#[derive(Debug, Clone, Default)]
pub struct FindingFilter {
    /// Only those that have not ended.
    pub open_only: bool,
    /// Of these seats, some thousands at most; `None` is every seat of the scope.
    pub seats: Option<Vec<SeatName>>,
}

#[derive(Queryable)]
struct Row {
    id: i64,
    customer: String,
    seat: String,
    kind: String,
    name: String,
    condition: String,
    said: String,
    state: String,
    since_at: i64,
    hard_at: Option<i64>,
    last_at: i64,
    bad_count: i64,
    good_count: i64,
    ended_at: Option<i64>,
}

impl TryFrom<Row> for Finding {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: Some(FindingId(row.id)),
            customer: word("finding.customer", &row.customer)?,
            seat: word("finding.seat", &row.seat)?,
            component: component("finding.kind", &row.kind, row.name)?,
            condition: word("finding.condition", &row.condition)?,
            said: Outside::from(row.said),
            state: word("finding.state", &row.state)?,
            since: Time::from_ms(row.since_at),
            hard_at: time(row.hard_at),
            last_at: Time::from_ms(row.last_at),
            count: row.bad_count,
            good_count: row.good_count,
            ended_at: time(row.ended_at),
        })
    }
}

/// Writes a finding: over its own row, over the open row of its component, or as a new row. The second case is a
/// finding that was decided twice before its first row was read back.
pub(super) fn put(db: &mut Db, new: &Finding) -> Result<(), StoreError> {
    let (kind, name) = (new.component.kind.as_str(), text(&new.component.name));
    let state = (
        finding::condition.eq(new.condition.as_str()),
        finding::said.eq(text(&new.said)),
        finding::state.eq(new.state.as_str()),
        finding::since_at.eq(new.since.as_ms()),
        finding::hard_at.eq(new.hard_at.map(Time::as_ms)),
        finding::last_at.eq(new.last_at.as_ms()),
        finding::bad_count.eq(new.count),
        finding::good_count.eq(new.good_count),
        finding::ended_at.eq(new.ended_at.map(Time::as_ms)),
    );
    let of_seat = diesel::update(finding::table)
        .filter(finding::customer.eq(new.customer.as_str()))
        .filter(finding::seat.eq(new.seat.as_str()));
    let changed = match new.id {
        Some(id) => of_seat.filter(finding::id.eq(id.0)).set(state.clone()).execute(db)?,
        None => of_seat
            .filter(finding::kind.eq(kind))
            .filter(finding::name.eq(&name))
            .filter(finding::ended_at.is_null())
            .set(state.clone())
            .execute(db)?,
    };
    match new.id {
        Some(id) if changed == 0 => Err(StoreError::Unknown(id.to_string())),
        None if changed == 0 => {
            let owner = (finding::customer.eq(new.customer.as_str()), finding::seat.eq(new.seat.as_str()));
            let key = (owner, finding::kind.eq(kind), finding::name.eq(&name));
            diesel::insert_into(finding::table).values((key, state)).execute(db)?;
            Ok(())
        }
        _ => Ok(()),
    }
}

impl Scoped {
    /// The findings of seats that have not ended; a seat without one is absent.
    pub async fn finding_open(&self, seats: &[SeatName]) -> Result<BTreeMap<SeatName, Vec<Finding>>, StoreError> {
        let (customers, portions) = (self.customers(), portions(seats));
        let read = move |db: &mut Db| {
            let mut open = BTreeMap::<_, Vec<_>>::new();
            for seats in portions {
                let query = within!(finding::table.select(finding::all_columns), finding::customer, &customers);
                let query = query.filter(finding::ended_at.is_null()).filter(finding::seat.eq_any(seats));
                for row in query.order(finding::id).load::<Row>(db)? {
                    let finding = Finding::try_from(row)?;
                    open.entry(finding.seat.clone()).or_default().push(finding);
                }
            }
            Ok(open)
        };
        self.store.read(read).await
    }

    /// Findings, the newest first.
    pub async fn finding_list(&self, filter: FindingFilter) -> Result<Vec<Finding>, StoreError> {
        let customers = self.customers();
        let read = move |db: &mut Db| {
            let mut query = within!(finding::table.select(finding::all_columns), finding::customer, &customers);
            if filter.open_only {
                query = query.filter(finding::ended_at.is_null());
            }
            if let Some(seats) = filter.seats {
                query = query.filter(finding::seat.eq_any(seats.into_iter().map(String::from).collect::<Vec<_>>()));
            }
            let order = (finding::since_at.desc(), finding::id.desc());
            query.order(order).limit(LIST_ROWS_MAX).load::<Row>(db)?.into_iter().map(Finding::try_from).collect()
        };
        self.store.read(read).await
    }
}
