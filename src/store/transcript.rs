//! Sessions that leave a transcript: a row when they begin, another one with the sealed object when they end.

use std::collections::BTreeSet;

use diesel::prelude::*;

use crate::model::actor::NewAudit;
use crate::model::id::{ObjectId, TranscriptId};
use crate::model::limits::LIST_ROWS_MAX;
use crate::model::name::SeatName;
use crate::model::object::SealedObject;
use crate::model::time::Time;
use crate::model::transcript::{SessionBegun, SessionEnded, Transcript};

use super::db::Db;
use super::error::StoreError;
use super::row::{damaged, within, word};
use super::schema::{object as object_table, transcript, transcript_end, transcript_pruned};
use super::{Scoped, Store, audit, object};

/// Transcripts of one statement.
const IDS_AT_ONCE: usize = 500;

/// Which transcripts are asked for.
#[derive(Debug, Clone, Default)]
pub struct TranscriptFilter {
    /// Of these seats, some thousands at most; `None` is every seat of the scope.
    pub seats: Option<Vec<SeatName>>,
    /// Of sessions that began at this time or later.
    pub since: Option<Time>,
    /// Of sessions that began before this time.
    pub before: Option<Time>,
}

type Begun = (i64, String, String, String, String, i64, String);
type Ended = (i64, String, String, i64, i64, i64, bool, i64);

/// Every session with how it ended.
macro_rules! rows {
    () => {
        transcript::table.left_join(transcript_end::table).select((
            transcript::all_columns,
            (
                transcript_end::ended_at,
                transcript_end::outcome,
                transcript_end::detail,
                transcript_end::bytes,
                transcript_end::commands,
                transcript_end::denied,
                transcript_end::cut,
                transcript_end::object_id,
            )
                .nullable(),
        ))
    };
}

impl Store {
    /// Writes that a session begins, with its audit, before anything is said in it.
    pub async fn session_begin(&self, begun: SessionBegun, audit: NewAudit) -> Result<TranscriptId, StoreError> {
        let write = move |db: &mut Db| {
            let id = diesel::insert_into(transcript::table)
                .values((
                    transcript::customer.eq(begun.customer.as_str()),
                    transcript::seat.eq(begun.seat.as_str()),
                    transcript::kind.eq(begun.kind.as_str()),
                    transcript::who.eq(&begun.who),
                    transcript::began_at.eq(begun.at.as_ms()),
                    transcript::process.eq(&begun.process),
                ))
                .returning(transcript::id)
                .get_result(db)?;
            audit::add(db, &audit)?;
            Ok(TranscriptId(id))
        };
        self.intent(write).await
    }

    /// Writes how a session ended, its sealed transcript and its audit in one transaction.
    pub async fn session_end(
        &self,
        id: TranscriptId,
        ended: SessionEnded,
        sealed: SealedObject,
        audit: NewAudit,
    ) -> Result<(), StoreError> {
        let write = move |db: &mut Db| {
            let owner: Option<(String, String)> =
                transcript::table.find(id.0).select((transcript::customer, transcript::seat)).first(db).optional()?;
            let (customer, seat) = owner.ok_or_else(|| StoreError::Unknown(id.to_string()))?;
            if (sealed.facts.customer.as_str(), sealed.facts.seat.as_str()) != (customer.as_str(), seat.as_str()) {
                return Err(StoreError::Contradiction {
                    what: "store a transcript",
                    expected: format!("an object of {customer} {seat}"),
                    found: "another one's".to_owned(),
                });
            }
            let object = object::add(db, &sealed)?;
            diesel::insert_into(transcript_end::table)
                .values((
                    transcript_end::transcript_id.eq(id.0),
                    transcript_end::ended_at.eq(ended.at.as_ms()),
                    transcript_end::outcome.eq(ended.outcome.as_str()),
                    transcript_end::detail.eq(ended.detail.replace('\0', "\u{fffd}")),
                    transcript_end::bytes.eq(i64::try_from(ended.bytes).unwrap_or(i64::MAX)),
                    transcript_end::commands.eq(i64::from(ended.commands)),
                    transcript_end::denied.eq(i64::from(ended.denied)),
                    transcript_end::cut.eq(ended.cut),
                    transcript_end::object_id.eq(object.0),
                ))
                .execute(db)?;
            audit::add(db, &audit)
        };
        self.intent(write).await
    }

    /// Removes transcripts, each with a tombstone, in one transaction with the audit record; `audit.at` is when. Returns
    /// the files of the depot that no row names any more, which are the caller's to remove.
    pub async fn transcript_prune(&self, ids: Vec<TranscriptId>, audit: NewAudit) -> Result<Vec<String>, StoreError> {
        let write = move |db: &mut Db| {
            let mut files = Vec::new();
            for ids in ids.chunks(IDS_AT_ONCE) {
                files.extend(bury(db, &ids.iter().map(|id| id.0).collect::<Vec<_>>(), audit.at)?);
            }
            audit::add(db, &audit)?;
            Ok(files)
        };
        self.intent(write).await
    }
}

fn bury(db: &mut Db, ids: &[i64], at: Time) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(Begun, Option<Ended>)> = rows!().filter(transcript::id.eq_any(ids)).load(db)?;
    let mut objects = BTreeSet::new();
    for ((id, customer, seat, _, who, began_at, _), ended) in rows {
        let object = ended.map(|ended| ended.7);
        objects.extend(object);
        diesel::insert_into(transcript_pruned::table)
            .values((
                transcript_pruned::transcript_id.eq(id),
                transcript_pruned::customer.eq(customer),
                transcript_pruned::seat.eq(seat),
                transcript_pruned::who.eq(who),
                transcript_pruned::began_at.eq(began_at),
                transcript_pruned::object_id.eq(object),
                transcript_pruned::pruned_at.eq(at.as_ms()),
            ))
            .execute(db)?;
    }
    diesel::delete(transcript_end::table.filter(transcript_end::transcript_id.eq_any(ids))).execute(db)?;
    diesel::delete(transcript::table.filter(transcript::id.eq_any(ids))).execute(db)?;
    let mut files = Vec::new();
    for id in objects {
        let path: Option<String> = object_table::table.find(id).select(object_table::path).first(db)?;
        diesel::delete(object_table::table.find(id)).execute(db)?;
        files.extend(path);
    }
    Ok(files)
}

impl Scoped {
    /// Sessions that left a transcript, or should have, the newest first.
    pub async fn transcript_list(&self, filter: TranscriptFilter) -> Result<Vec<Transcript>, StoreError> {
        let customers = self.customers();
        let read = move |db: &mut Db| {
            let mut query = within!(rows!(), transcript::customer, &customers);
            if let Some(seats) = filter.seats {
                query = query.filter(transcript::seat.eq_any(seats.into_iter().map(String::from).collect::<Vec<_>>()));
            }
            if let Some(since) = filter.since {
                query = query.filter(transcript::began_at.ge(since.as_ms()));
            }
            if let Some(before) = filter.before {
                query = query.filter(transcript::began_at.lt(before.as_ms()));
            }
            let rows = query.order(transcript::id.desc()).limit(LIST_ROWS_MAX).load::<(Begun, Option<Ended>)>(db)?;
            rows.into_iter().map(noun).collect()
        };
        self.store.read(read).await
    }

    /// One session.
    pub async fn transcript_get(&self, id: TranscriptId) -> Result<Option<Transcript>, StoreError> {
        let customers = self.customers();
        let read = move |db: &mut Db| {
            let query = within!(rows!(), transcript::customer, &customers).filter(transcript::id.eq(id.0));
            query.first::<(Begun, Option<Ended>)>(db).optional()?.map(noun).transpose()
        };
        self.store.read(read).await
    }

    /// When a transcript was pruned.
    pub async fn transcript_pruned_at(&self, id: TranscriptId) -> Result<Option<Time>, StoreError> {
        let customers = self.customers();
        let read = move |db: &mut Db| {
            let query = transcript_pruned::table.select(transcript_pruned::pruned_at);
            let query = within!(query, transcript_pruned::customer, &customers);
            let at: Option<i64> = query.filter(transcript_pruned::transcript_id.eq(id.0)).first(db).optional()?;
            Ok(at.map(Time::from_ms))
        };
        self.store.read(read).await
    }
}

fn noun(
    ((id, customer, seat, kind, who, began_at, process), ended): (Begun, Option<Ended>),
) -> Result<Transcript, StoreError> {
    let begun = SessionBegun {
        customer: word("transcript.customer", &customer)?,
        seat: word("transcript.seat", &seat)?,
        kind: word("transcript.kind", &kind)?,
        who,
        at: Time::from_ms(began_at),
        process,
    };
    let ended = ended.map(end).transpose()?;
    Ok(Transcript { id: TranscriptId(id), begun, ended })
}

fn end(
    (at, outcome, detail, bytes, commands, denied, cut, object): Ended,
) -> Result<(SessionEnded, ObjectId), StoreError> {
    let count = |column, number: i64| u32::try_from(number).map_err(|_| damaged(column, &number.to_string()));
    let ended = SessionEnded {
        at: Time::from_ms(at),
        outcome: word("transcript_end.outcome", &outcome)?,
        detail,
        bytes: u64::try_from(bytes).map_err(|_| damaged("transcript_end.bytes", &bytes.to_string()))?,
        commands: count("transcript_end.commands", commands)?,
        denied: count("transcript_end.denied", denied)?,
        cut,
    };
    Ok((ended, ObjectId(object)))
}
