//! Spans: equal readings of one component as one row.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;

use crate::model::limits::LIST_ROWS_MAX;
use crate::model::name::{CustomerName, SeatName};
use crate::model::outside::Outside;
use crate::model::reading::{Component, Span};
use crate::model::record::SpanChange;
use crate::model::time::Time;

use super::Scoped;
use super::db::Db;
use super::error::StoreError;
use super::row::{component, portions, text, within, word};
use super::schema::reading_span as span;

type Row = (String, String, String, String, String, i64, i64, i64);

/// The columns of [`Row`].
const COLUMNS: (
    span::seat,
    span::kind,
    span::name,
    span::condition,
    span::said,
    span::first_at,
    span::last_at,
    span::polls,
) = (span::seat, span::kind, span::name, span::condition, span::said, span::first_at, span::last_at, span::polls);

/// An open span, and how it grew since it was read.
struct Open {
    id: i64,
    last_at: Option<Time>,
    polls: i64,
}

/// Writes the changes of one seat, in their order. However many polls they come from, each span is updated once.
pub(super) fn change<'a>(
    db: &mut Db,
    customer: &CustomerName,
    seat: &SeatName,
    changes: impl Iterator<Item = &'a SpanChange>,
) -> Result<(), StoreError> {
    let mut changes = changes.peekable();
    if changes.peek().is_none() {
        return Ok(());
    }
    let rows: Vec<(i64, String, String)> = span::table
        .filter(span::customer.eq(customer.as_str()))
        .filter(span::seat.eq(seat.as_str()))
        .filter(span::is_open)
        .select((span::id, span::kind, span::name))
        .load(db)?;
    let mut open: HashMap<(String, String), Open> =
        rows.into_iter().map(|(id, kind, name)| ((kind, name), Open { id, last_at: None, polls: 0 })).collect();
    let mut ended = Vec::new();
    for change in changes {
        match change {
            SpanChange::Extend { component, last_at } => {
                // A component without an open span was lost with an unwritten poll; the next decision opens it again.
                if let Some(open) = open.get_mut(&key(component)) {
                    open.last_at = Some(*last_at);
                    open.polls += 1;
                }
            }
            SpanChange::Open(new) => {
                let key = key(&new.component);
                if let Some(before) = open.remove(&key) {
                    diesel::update(span::table.find(before.id)).set(span::is_open.eq(false)).execute(db)?;
                    ended.push(before);
                }
                let id = insert(db, customer, seat, new)?;
                open.insert(key, Open { id, last_at: None, polls: 0 });
            }
        }
    }
    extend(db, open.into_values().chain(ended))
}

fn key(component: &Component) -> (String, String) {
    (component.kind.as_str().to_owned(), text(&component.name))
}

fn insert(db: &mut Db, customer: &CustomerName, seat: &SeatName, new: &Span) -> Result<i64, StoreError> {
    let id = diesel::insert_into(span::table)
        .values((
            span::customer.eq(customer.as_str()),
            span::seat.eq(seat.as_str()),
            span::kind.eq(new.component.kind.as_str()),
            span::name.eq(text(&new.component.name)),
            span::condition.eq(new.condition.as_str()),
            span::said.eq(text(&new.said)),
            span::first_at.eq(new.first_at.as_ms()),
            span::last_at.eq(new.last_at.as_ms()),
            span::polls.eq(new.polls),
            span::is_open.eq(true),
        ))
        .returning(span::id)
        .get_result(db)?;
    Ok(id)
}

/// Most components of an appliance are read by the same polls, so that a few statements serve them all.
fn extend(db: &mut Db, spans: impl Iterator<Item = Open>) -> Result<(), StoreError> {
    let mut alike = BTreeMap::<(Time, i64), Vec<i64>>::new();
    for open in spans {
        if let Some(last_at) = open.last_at {
            alike.entry((last_at, open.polls)).or_default().push(open.id);
        }
    }
    for ((last_at, polls), ids) in alike {
        diesel::update(span::table.filter(span::id.eq_any(ids)))
            .set((span::last_at.eq(last_at.as_ms()), span::polls.eq(span::polls + polls)))
            .execute(db)?;
    }
    Ok(())
}

impl Scoped {
    /// The open spans of seats: what each component is like now. A seat that was never read is absent.
    pub async fn span_open(&self, seats: &[SeatName]) -> Result<BTreeMap<SeatName, Vec<Span>>, StoreError> {
        let (customers, portions) = (self.customers(), portions(seats));
        let read = move |db: &mut Db| {
            let mut open = BTreeMap::<_, Vec<_>>::new();
            for seats in portions {
                let query = within!(span::table.select(COLUMNS), span::customer, &customers);
                let query = query.filter(span::is_open).filter(span::seat.eq_any(seats));
                for row in query.order((span::kind, span::name)).load::<Row>(db)? {
                    let (seat, span) = noun(row)?;
                    open.entry(seat).or_default().push(span);
                }
            }
            Ok(open)
        };
        self.store.read(read).await
    }

    /// The spans of a seat that touch a stretch of time, oldest first.
    pub async fn span_history(&self, seat: &SeatName, from: Time, to: Time) -> Result<Vec<Span>, StoreError> {
        let (customers, seat) = (self.customers(), seat.as_str().to_owned());
        let read = move |db: &mut Db| {
            let query = within!(span::table.select(COLUMNS), span::customer, &customers);
            let query = query
                .filter(span::seat.eq(seat))
                .filter(span::first_at.le(to.as_ms()))
                .filter(span::last_at.ge(from.as_ms()));
            let rows: Vec<Row> = query.order((span::first_at, span::id)).limit(LIST_ROWS_MAX).load(db)?;
            rows.into_iter().map(|row| noun(row).map(|(_, span)| span)).collect()
        };
        self.store.read(read).await
    }
}

fn noun((seat, kind, name, condition, said, first_at, last_at, polls): Row) -> Result<(SeatName, Span), StoreError> {
    let span = Span {
        component: component("reading_span.kind", &kind, name)?,
        condition: word("reading_span.condition", &condition)?,
        said: Outside::from(said),
        first_at: Time::from_ms(first_at),
        last_at: Time::from_ms(last_at),
        polls,
    };
    Ok((word("reading_span.seat", &seat)?, span))
}
