//! The audit: append-only records of what persons and Hoshu itself did.

use diesel::prelude::*;

use crate::model::actor::{Act, AuditRecord, NewAudit, Scope};
use crate::model::id::AuditId;
use crate::model::limits::LIST_ROWS_MAX;
use crate::model::time::Time;

use super::db::Db;
use super::error::StoreError;
use super::row::word;
use super::schema::audit;
use super::{Scoped, Store};

/// Writes a record into the transaction of what it records.
pub(super) fn add(db: &mut Db, new: &NewAudit) -> Result<(), StoreError> {
    diesel::insert_into(audit::table)
        .values((
            audit::at.eq(new.at.as_ms()),
            audit::actor.eq(&new.actor),
            audit::proof.eq(new.proof.as_str()),
            audit::act.eq(new.act.as_str()),
            audit::subject.eq(&new.subject),
            audit::detail.eq(&new.detail),
        ))
        .execute(db)?;
    Ok(())
}

/// Whether one of some acts on a subject was recorded at a time with this value in a field of its detail.
pub(super) fn has(
    db: &mut Db,
    (at, subject): (Time, &str),
    acts: &[Act],
    field: &str,
    value: &str,
) -> Result<bool, StoreError> {
    let acts: Vec<_> = acts.iter().map(|act| act.as_str()).collect();
    let records = audit::table
        .filter(audit::at.eq(at.as_ms()))
        .filter(audit::act.eq_any(acts))
        .filter(audit::subject.eq(subject));
    let details: Vec<String> = records.select(audit::detail).load(db)?;
    let says = |detail: &String| {
        let detail: Option<serde_json::Value> = serde_json::from_str(detail).ok();
        detail.is_some_and(|detail| detail.get(field).is_some_and(|known| known == value))
    };
    Ok(details.iter().any(says))
}

impl Store {
    /// Records an act that changes no other row, as the opening of a sealed object.
    pub async fn audit_add(&self, new: NewAudit) -> Result<(), StoreError> {
        self.intent(move |db| add(db, &new)).await
    }
}

impl Scoped {
    /// The newest records, newest first, older than `before`. Records name no customer, so only the house sees them.
    pub async fn audit_list(&self, before: Option<AuditId>, limit: i64) -> Result<Vec<AuditRecord>, StoreError> {
        if self.scope != Scope::House {
            return Ok(Vec::new());
        }
        let before = before.map_or(i64::MAX, |id| id.0);
        let read = move |db: &mut Db| {
            type Row = (i64, i64, String, String, String, String, String);
            let query = audit::table.filter(audit::id.lt(before)).order(audit::id.desc()).limit(limit);
            query.load::<Row>(db)?.into_iter().map(record).collect()
        };
        self.store.read(read).await
    }

    /// Whether some record of an act on a subject says all of this in its detail. Only the house asks.
    pub async fn audit_says(
        &self,
        act: Act,
        subject: &str,
        says: Vec<(&'static str, serde_json::Value)>,
    ) -> Result<bool, StoreError> {
        if self.scope != Scope::House {
            return Ok(false);
        }
        let subject = subject.to_owned();
        let read = move |db: &mut Db| {
            let records = audit::table.filter(audit::act.eq(act.as_str())).filter(audit::subject.eq(subject));
            let newest = records.order(audit::id.desc()).limit(LIST_ROWS_MAX).select(audit::detail);
            let details: Vec<String> = newest.load(db)?;
            let mut details = details.iter().filter_map(|text| serde_json::from_str::<serde_json::Value>(text).ok());
            Ok(details.any(|detail| says.iter().all(|(field, value)| detail.get(field) == Some(value))))
        };
        self.store.read(read).await
    }

    /// The records of one act on one subject at one time. Only the house sees them.
    pub async fn audit_of(&self, act: Act, subject: &str, at: Time) -> Result<Vec<AuditRecord>, StoreError> {
        if self.scope != Scope::House {
            return Ok(Vec::new());
        }
        let subject = subject.to_owned();
        let read = move |db: &mut Db| {
            let query = audit::table.filter(audit::act.eq(act.as_str())).filter(audit::subject.eq(subject));
            query.filter(audit::at.eq(at.as_ms())).order(audit::id).load(db)?.into_iter().map(record).collect()
        };
        self.store.read(read).await
    }
}

fn record(
    (id, at, actor, proof, act, subject, detail): (i64, i64, String, String, String, String, String),
) -> Result<AuditRecord, StoreError> {
    Ok(AuditRecord {
        id: AuditId(id),
        at: Time::from_ms(at),
        actor,
        proof: word("audit.proof", &proof)?,
        act: word("audit.act", &act)?,
        subject,
        detail,
    })
}
