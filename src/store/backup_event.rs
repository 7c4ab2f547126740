//! What was learned of backups after they were taken. Append-only.

use std::collections::HashMap;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::model::actor::NewAudit;
use crate::model::backup_event::{BackupEvent, Learned};
use crate::model::id::BackupId;
use crate::model::outside::Outside;
use crate::model::time::Time;

use super::Store;
use super::db::Db;
use super::error::StoreError;
use super::row::{document, word};
use super::schema::{backup, backup_event};

/// Ids of one question to the database.
const IDS_AT_ONCE: usize = 500;

#[derive(Serialize, Deserialize)]
struct Detail {
    v: u32,
    words: Outside,
}

impl Store {
    /// Writes down what was learned of a backup, with its audit in the same transaction.
    pub async fn backup_event_add(&self, id: BackupId, new: BackupEvent, audit: NewAudit) -> Result<(), StoreError> {
        let detail = Detail { v: 1, words: new.detail };
        let detail = serde_json::to_string(&detail);
        let detail = detail.map_err(|error| StoreError::NotWritten { reason: error.to_string() })?;
        let write = move |db: &mut Db| {
            let known: i64 = backup::table.filter(backup::id.eq(id.0)).count().get_result(db)?;
            if known == 0 {
                return Err(StoreError::Unknown(id.to_string()));
            }
            diesel::insert_into(backup_event::table)
                .values((
                    backup_event::backup_id.eq(id.0),
                    backup_event::at.eq(new.at.as_ms()),
                    backup_event::event.eq(new.event.as_str()),
                    backup_event::detail.eq(&detail),
                ))
                .execute(db)?;
            super::audit::add(db, &audit)
        };
        self.intent(write).await
    }
}

/// What was learned of these backups, oldest first.
pub(super) fn of(db: &mut Db, ids: &[i64]) -> Result<HashMap<i64, Vec<BackupEvent>>, StoreError> {
    let mut all: HashMap<i64, Vec<BackupEvent>> = HashMap::new();
    for ids in ids.chunks(IDS_AT_ONCE) {
        let query = backup_event::table.filter(backup_event::backup_id.eq_any(ids)).order(backup_event::id);
        let columns = (backup_event::backup_id, backup_event::at, backup_event::event, backup_event::detail);
        for (id, at, event, detail) in query.select(columns).load::<(i64, i64, String, String)>(db)? {
            let detail: Detail = document("backup_event.detail", &detail)?;
            all.entry(id).or_default().push(BackupEvent {
                at: Time::from_ms(at),
                event: word("backup_event.event", &event)?,
                detail: detail.words,
            });
        }
    }
    Ok(all)
}

/// The backups of seats whose last word is not that of their grade: fallen ones that count no more, and accepted ones
/// that count.
pub(super) struct Overruled {
    pub(super) fallen: Vec<i64>,
    pub(super) accepted: Vec<i64>,
}

/// Whether they count is decided by what was learned last: a doubt, damage, or a person's word ([`crate::model::backup_event::standing`]).
pub(super) fn overruled(db: &mut Db, seats: &[String]) -> Result<Overruled, StoreError> {
    let words = [Learned::Doubted.as_str(), Learned::Damaged.as_str(), Learned::Accepted.as_str()];
    let query = backup_event::table.inner_join(backup::table).filter(backup::seat.eq_any(seats));
    let query = query.filter(backup_event::event.eq_any(words)).order(backup_event::id);
    let rows: Vec<(i64, String)> = query.select((backup_event::backup_id, backup_event::event)).load(db)?;
    let last: HashMap<i64, String> = rows.into_iter().collect();
    let (accepted, fallen): (Vec<_>, Vec<_>) =
        last.into_iter().partition(|(_, last)| last == Learned::Accepted.as_str());
    let ids = |rows: Vec<(i64, String)>| rows.into_iter().map(|(id, _)| id).collect();
    Ok(Overruled { fallen: ids(fallen), accepted: ids(accepted) })
}
