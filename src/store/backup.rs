//! Backups: what is known of each, beside its sealed object. Append-only.

use std::collections::BTreeMap;
use std::sync::Arc;

use diesel::dsl::max;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::model::actor::NewAudit;
use crate::model::backup::{Backup, BackupKind, DoubtFound, Grade, SectionCount};
use crate::model::id::{AssetId, BackupId, ObjectId};
use crate::model::limits::LIST_ROWS_MAX;
use crate::model::name::SeatName;
use crate::model::object::SealedObject;
use crate::model::outside::Outside;
use crate::model::redacted::RedactedText;
use crate::model::time::Time;

use super::db::Db;
use super::error::StoreError;
use super::row::{damaged, document, portions, text_option, within, word};
use super::schema::{backup, backup_seen, object as object_table};
use super::{Scoped, Store, audit, backup_event, object, object_text};

/// The sealed object of a new backup.
#[derive(Debug)]
pub enum BackupObject {
    /// One that is new, with its redacted text.
    New(Box<(SealedObject, RedactedText)>),
    /// One that an earlier backup of the seat has: the content did not change.
    Same(ObjectId),
    /// A file that the appliance wrote: it has no text.
    Pushed(Box<SealedObject>),
}

/// Which backups are asked for.
#[derive(Debug, Clone, Default)]
pub struct BackupFilter {
    /// Of these seats, some thousands at most; `None` is every seat of the scope.
    pub seats: Option<Vec<SeatName>>,
    /// Of this grade.
    pub grade: Option<Grade>,
    /// Of these kinds; none is every kind.
    pub kinds: &'static [BackupKind],
    /// So many at most, newest first.
    pub limit: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct Doubts {
    v: u32,
    doubts: Vec<DoubtFound>,
}

#[derive(Serialize, Deserialize)]
struct Sections {
    v: u32,
    sections: Arc<[SectionCount]>,
}

#[derive(Queryable)]
struct Row {
    id: i64,
    kind: String,
    customer: String,
    seat: String,
    asset: i64,
    taken_at: i64,
    grade: String,
    doubts: String,
    change_id: Option<i64>,
    release: Option<String>,
    bytes: i64,
    lines: i64,
    sections: String,
    content: Vec<u8>,
    object: i64,
}

/// A backup and when it was last seen.
type Seen = (Row, i64);

impl Store {
    /// Stores a backup, its object, the object's redacted text and its audit in one transaction. `backup.id` and `backup.object` are not looked
    /// at: the store gives them.
    pub async fn backup_add(
        &self,
        backup: Backup,
        object: BackupObject,
        audit: NewAudit,
    ) -> Result<BackupId, StoreError> {
        let owner = (backup.customer.clone(), backup.seat.clone());
        let facts = match &object {
            BackupObject::New(new) => Some(&new.0.facts),
            BackupObject::Pushed(new) => Some(&new.facts),
            BackupObject::Same(_) => None,
        };
        if facts.is_some_and(|facts| (&facts.customer, &facts.seat) != (&owner.0, &owner.1)) {
            return Err(foreign(&backup));
        }
        let packed = match &object {
            BackupObject::New(new) => Some(object_text::Packed::new(&new.1)?),
            BackupObject::Same(_) | BackupObject::Pushed(_) => None,
        };
        let content = hex::decode(&backup.content).map_err(|_| damaged("backup.content", &backup.content))?;
        let doubts = json(&Doubts { v: 1, doubts: backup.doubts.clone() })?;
        let sections = json(&Sections { v: 1, sections: Arc::clone(&backup.sections) })?;
        let write = move |db: &mut Db| {
            let object = match object {
                BackupObject::New(new) => object::add(db, &new.0)?,
                BackupObject::Pushed(new) => object::add(db, &new)?,
                BackupObject::Same(id) => same_owner(db, id, &backup)?,
            };
            if let Some(packed) = &packed {
                object_text::add(db, object, packed)?;
            }
            let id = diesel::insert_into(backup::table)
                .values((
                    backup::kind.eq(backup.kind.as_str()),
                    backup::customer.eq(backup.customer.as_str()),
                    backup::seat.eq(backup.seat.as_str()),
                    backup::asset_id.eq(backup.asset.0),
                    backup::taken_at.eq(backup.taken_at.as_ms()),
                    backup::grade.eq(backup.grade.as_str()),
                    backup::doubts.eq(&doubts),
                    backup::change_id.eq(backup.change_id.map(u64::cast_signed)),
                    backup::release.eq(text_option(backup.release.as_ref())),
                    backup::bytes.eq(i64::try_from(backup.bytes).unwrap_or(i64::MAX)),
                    backup::lines.eq(i64::try_from(backup.lines).unwrap_or(i64::MAX)),
                    backup::sections.eq(&sections),
                    backup::content.eq(&content),
                    backup::object_id.eq(object.0),
                ))
                .returning(backup::id)
                .get_result(db)?;
            diesel::insert_into(backup_seen::table)
                .values((backup_seen::backup_id.eq(id), backup_seen::seen_at.eq(backup.seen_at.as_ms())))
                .execute(db)?;
            audit::add(db, &audit)?;
            Ok(BackupId(id))
        };
        self.intent(write).await
    }
}

/// Notes that fetches gave what backups hold already. One that cannot be written does not take the others with it; the
/// first such failure is returned. One that is not there was pruned meanwhile.
pub(super) fn seen(db: &mut Db, seen: &[(BackupId, Time)]) -> Result<(), StoreError> {
    let mut result = Ok(());
    for (id, at) in seen {
        let row = diesel::update(backup_seen::table.find(id.0)).set(backup_seen::seen_at.eq(at.as_ms()));
        match db.transaction(|db| row.execute(db).map_err(StoreError::from)) {
            Ok(0) => tracing::warn!(backup = %id, "a backup that was seen again is not there any more"),
            Ok(_) => {}
            Err(error) => result = result.and(Err(error)),
        }
    }
    result
}

fn json(document: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(document).map_err(|error| StoreError::NotWritten { reason: error.to_string() })
}

fn foreign(backup: &Backup) -> StoreError {
    StoreError::Contradiction {
        what: "store a backup",
        expected: format!("an object of {} {}", backup.customer, backup.seat),
        found: "another one's".to_owned(),
    }
}

fn same_owner(db: &mut Db, id: ObjectId, backup: &Backup) -> Result<ObjectId, StoreError> {
    let owner: Option<(String, String)> =
        object_table::table.find(id.0).select((object_table::customer, object_table::seat)).first(db).optional()?;
    let (customer, seat) = owner.ok_or_else(|| StoreError::Unknown(id.to_string()))?;
    if customer == backup.customer.as_str() && seat == backup.seat.as_str() { Ok(id) } else { Err(foreign(backup)) }
}

/// Every backup with when it was last seen.
macro_rules! seen {
    () => {
        backup::table.inner_join(backup_seen::table).select((backup::all_columns, backup_seen::seen_at))
    };
}

impl Scoped {
    /// Backups, newest first.
    pub async fn backup_list(&self, filter: BackupFilter) -> Result<Vec<Backup>, StoreError> {
        let customers = self.customers();
        let read = move |db: &mut Db| {
            let mut query = within!(seen!(), backup::customer, &customers);
            if let Some(seats) = filter.seats {
                query = query.filter(backup::seat.eq_any(seats.into_iter().map(String::from).collect::<Vec<_>>()));
            }
            if let Some(grade) = filter.grade {
                query = query.filter(backup::grade.eq(grade.as_str()));
            }
            if !filter.kinds.is_empty() {
                query = query.filter(backup::kind.eq_any(words(filter.kinds)));
            }
            let limit = filter.limit.unwrap_or(LIST_ROWS_MAX).min(LIST_ROWS_MAX);
            let rows = query.order(backup::id.desc()).limit(limit).load::<Seen>(db)?;
            nouns(db, rows)
        };
        self.store.read(read).await
    }

    /// One backup.
    pub async fn backup_get(&self, id: BackupId) -> Result<Option<Backup>, StoreError> {
        let customers = self.customers();
        let read = move |db: &mut Db| {
            let query = within!(seen!(), backup::customer, &customers);
            let rows = query.filter(backup::id.eq(id.0)).load::<Seen>(db)?;
            Ok(nouns(db, rows)?.pop())
        };
        self.store.read(read).await
    }

    /// The backups that have an object, oldest first.
    pub async fn backups_of_object(&self, id: ObjectId) -> Result<Vec<BackupId>, StoreError> {
        let customers = self.customers();
        let read = move |db: &mut Db| {
            let query = within!(backup::table.select(backup::id), backup::customer, &customers);
            let ids: Vec<i64> = query.filter(backup::object_id.eq(id.0)).order(backup::id).load(db)?;
            Ok(ids.into_iter().map(BackupId).collect())
        };
        self.store.read(read).await
    }

    /// The newest configuration of each seat that counts; a seat without one is absent.
    pub async fn backup_last_good(&self, seats: &[SeatName]) -> Result<BTreeMap<SeatName, Backup>, StoreError> {
        let (customers, portions) = (self.customers(), portions(seats));
        let read = move |db: &mut Db| {
            let mut last = BTreeMap::new();
            for seats in portions {
                let ids = last_good(db, &seats, BackupKind::CONFIGURATIONS)?;
                let query = within!(seen!(), backup::customer, &customers);
                let rows = query.filter(backup::id.eq_any(ids)).load::<Seen>(db)?;
                last.extend(nouns(db, rows)?.into_iter().map(|backup| (backup.seat.clone(), backup)));
            }
            Ok(last)
        };
        self.store.read(read).await
    }
}

pub(super) fn words(kinds: &[BackupKind]) -> Vec<&'static str> {
    kinds.iter().map(|kind| kind.as_str()).collect()
}

/// The newest that counts of each customer, seat and kind.
pub(super) fn last_good(db: &mut Db, seats: &[String], kinds: &[BackupKind]) -> Result<Vec<i64>, StoreError> {
    let overruled = backup_event::overruled(db, seats)?;
    let counts = backup::grade.eq(Grade::Taken.as_str()).and(backup::id.ne_all(overruled.fallen));
    let newest = backup::table
        .filter(counts.or(backup::id.eq_any(overruled.accepted)))
        .filter(backup::seat.eq_any(seats))
        .filter(backup::kind.eq_any(words(kinds)))
        .group_by((backup::customer, backup::seat, backup::kind))
        .select(max(backup::id));
    let ids: Vec<Option<i64>> = newest.load(db)?;
    Ok(ids.into_iter().flatten().collect())
}

/// Rows with what was learned of them since.
fn nouns(db: &mut Db, rows: Vec<Seen>) -> Result<Vec<Backup>, StoreError> {
    let ids: Vec<i64> = rows.iter().map(|(row, _)| row.id).collect();
    let mut events = backup_event::of(db, &ids)?;
    let noun = |seen: Seen| {
        let events = events.remove(&seen.0.id).unwrap_or_default();
        Ok(Backup { events, ..noun(seen)? })
    };
    rows.into_iter().map(noun).collect()
}

fn noun((row, seen_at): Seen) -> Result<Backup, StoreError> {
    let size = |column, number: i64| u64::try_from(number).map_err(|_| damaged(column, &number.to_string()));
    Ok(Backup {
        id: Some(BackupId(row.id)),
        kind: word("backup.kind", &row.kind)?,
        customer: word("backup.customer", &row.customer)?,
        seat: word("backup.seat", &row.seat)?,
        asset: AssetId(row.asset),
        taken_at: Time::from_ms(row.taken_at),
        seen_at: Time::from_ms(seen_at),
        grade: word("backup.grade", &row.grade)?,
        doubts: document::<Doubts>("backup.doubts", &row.doubts)?.doubts,
        change_id: row.change_id.map(i64::cast_unsigned),
        release: row.release.map(Outside::from),
        bytes: size("backup.bytes", row.bytes)?,
        lines: size("backup.lines", row.lines)?,
        sections: document::<Sections>("backup.sections", &row.sections)?.sections,
        content: hex::encode(row.content),
        object: ObjectId(row.object),
        events: Vec::new(),
    })
}
