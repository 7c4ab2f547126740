//! Pruning: backups that nothing keeps any more leave with their objects, and a tombstone stays.

use std::collections::BTreeSet;

use diesel::prelude::*;

use crate::model::actor::NewAudit;
use crate::model::backup::{BackupAge, BackupKind, Grade, Tombstone};
use crate::model::backup_event::standing;
use crate::model::id::{AssetId, BackupId};
use crate::model::name::{CustomerName, SeatName};
use crate::model::time::Time;

use super::db::Db;
use super::error::StoreError;
use super::row::{portions, within, word};
use super::schema::{backup, backup_event as event, backup_seen, object, object_text, pruned};
use super::{Scoped, Store, audit, backup as backups, backup_event};

/// Backups of one statement.
const IDS_AT_ONCE: usize = 500;

/// A backup that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doomed {
    /// Which.
    pub id: BackupId,
    /// Why, in words.
    pub reason: String,
}

/// Deletes what belongs to backups in each of some tables, by their column `backup_id`.
macro_rules! delete_of {
    ($db:expr, $ids:expr, $($table:ident),+) => {$(
        diesel::delete($table::table.filter($table::backup_id.eq_any($ids))).execute($db)?;
    )+};
}

type Row = (i64, String, String, String, i64, i64, String, i64);

/// What retention looks at.
macro_rules! rows {
    () => {
        backup::table.inner_join(backup_seen::table).select((
            backup::id,
            backup::kind,
            backup::customer,
            backup::seat,
            backup::asset_id,
            backup::taken_at,
            backup::grade,
            backup_seen::seen_at,
        ))
    };
}

impl Store {
    /// Removes backups of one seat, each with a tombstone, in one transaction with the audit record; `audit.at` is when.
    /// The newest backup of its kind that counts is never among them: the store looks for itself. Returns the files of the depot that
    /// no row names any more, which are the caller's to remove.
    pub async fn backup_prune(
        &self,
        (customer, seat): (CustomerName, SeatName),
        doomed: Vec<Doomed>,
        audit: NewAudit,
    ) -> Result<Vec<String>, StoreError> {
        let write = move |db: &mut Db| {
            let seats = [seat.as_str().to_owned()];
            let last_good = |db: &mut Db| -> Result<BTreeSet<i64>, StoreError> {
                Ok(backups::last_good(db, &seats, BackupKind::BACKUPS)?.into_iter().collect())
            };
            let before = last_good(db)?;
            let mut files = Vec::new();
            for part in doomed.chunks(IDS_AT_ONCE) {
                files.extend(bury(db, (customer.as_str(), seat.as_str()), part, audit.at)?);
            }
            // The last good one of a seat is never deleted, whatever was decided.
            let after = last_good(db)?;
            if before != after {
                let lost: Vec<String> = before.difference(&after).map(|id| BackupId(*id).to_string()).collect();
                return Err(refused(&seat, "backups beside the last good one", lost.join(", ")));
            }
            audit::add(db, &audit)?;
            Ok(files)
        };
        self.intent(write).await
    }
}

fn refused(seat: &SeatName, expected: &str, found: String) -> StoreError {
    StoreError::Contradiction { what: "prune", expected: format!("{expected} of {seat}"), found }
}

/// Writes tombstones, and removes the rows that they name.
fn bury(db: &mut Db, (customer, seat): (&str, &str), doomed: &[Doomed], at: Time) -> Result<Vec<String>, StoreError> {
    let ids: Vec<i64> = doomed.iter().map(|doomed| doomed.id.0).collect();
    let rows: Vec<Row> = rows!().filter(backup::id.eq_any(&ids)).load(db)?;
    let ages = ages(db, rows)?;
    let objects: Vec<(i64, i64)> =
        backup::table.filter(backup::id.eq_any(&ids)).select((backup::id, backup::object_id)).load(db)?;
    for Doomed { id, reason } in doomed {
        let age = ages.iter().find(|age| age.id == *id).ok_or_else(|| StoreError::Unknown(id.to_string()))?;
        if (age.customer.as_str(), age.seat.as_str()) != (customer, seat) {
            return Err(refused(&age.seat, &format!("backups of {customer} {seat}, and none"), id.to_string()));
        }
        let object = objects.iter().find(|(backup, _)| *backup == id.0).map(|(_, object)| *object);
        diesel::insert_into(pruned::table)
            .values((
                pruned::backup_id.eq(id.0),
                pruned::customer.eq(customer),
                pruned::seat.eq(seat),
                pruned::taken_at.eq(age.taken_at.as_ms()),
                pruned::seen_at.eq(age.seen_at.as_ms()),
                pruned::grade.eq(age.standing.worth.as_str()),
                pruned::object_id.eq(object.unwrap_or_default()),
                pruned::pruned_at.eq(at.as_ms()),
                pruned::reason.eq(reason),
            ))
            .execute(db)?;
    }
    delete_of!(db, &ids, backup_seen, event);
    diesel::delete(backup::table.filter(backup::id.eq_any(&ids))).execute(db)?;
    let objects: BTreeSet<i64> = objects.into_iter().map(|(_, object)| object).collect();
    let mut files = Vec::new();
    for id in objects {
        files.extend(remove_unused(db, id)?);
    }
    Ok(files)
}

/// Removes the row of an object that no backup refers to; returns its file when no other row has it.
fn remove_unused(db: &mut Db, id: i64) -> Result<Option<String>, StoreError> {
    let used: i64 = backup::table.filter(backup::object_id.eq(id)).count().get_result(db)?;
    if used > 0 {
        return Ok(None);
    }
    let path: Option<String> = object::table.find(id).select(object::path).first(db)?;
    diesel::delete(object_text::table.find(id)).execute(db)?;
    diesel::delete(object::table.find(id)).execute(db)?;
    let Some(path) = path else { return Ok(None) };
    let named: i64 = object::table.filter(object::path.eq(&path)).count().get_result(db)?;
    Ok((named == 0).then_some(path))
}

impl Scoped {
    /// Everything of some kinds of some seats, with no more than retention looks at.
    pub async fn backup_ages(
        &self,
        seats: &[SeatName],
        kinds: &'static [BackupKind],
    ) -> Result<Vec<BackupAge>, StoreError> {
        let (customers, portions) = (self.customers(), portions(seats));
        let read = move |db: &mut Db| {
            let mut all = Vec::new();
            for seats in portions {
                let query = within!(rows!(), backup::customer, &customers);
                let rows: Vec<Row> = query
                    .filter(backup::seat.eq_any(seats))
                    .filter(backup::kind.eq_any(backups::words(kinds)))
                    .order(backup::id)
                    .load(db)?;
                all.extend(ages(db, rows)?);
            }
            Ok(all)
        };
        self.store.read(read).await
    }

    /// What is left of a backup that was pruned.
    pub async fn backup_tombstone(&self, id: BackupId) -> Result<Option<Tombstone>, StoreError> {
        let customers = self.customers();
        let read = move |db: &mut Db| {
            let query = pruned::table.select((pruned::pruned_at, pruned::reason));
            let query = within!(query, pruned::customer, &customers).filter(pruned::backup_id.eq(id.0));
            let row: Option<(i64, String)> = query.first(db).optional()?;
            Ok(row.map(|(at, reason)| Tombstone { id, at: Time::from_ms(at), reason }))
        };
        self.store.read(read).await
    }
}

fn ages(db: &mut Db, rows: Vec<Row>) -> Result<Vec<BackupAge>, StoreError> {
    let ids: Vec<i64> = rows.iter().map(|row| row.0).collect();
    let mut events = backup_event::of(db, &ids)?;
    let age = |(id, kind, customer, seat, asset, taken_at, grade, seen_at): Row| {
        let grade: Grade = word("backup.grade", &grade)?;
        let learned = events.remove(&id).unwrap_or_default();
        Ok(BackupAge {
            id: BackupId(id),
            kind: word("backup.kind", &kind)?,
            customer: word("backup.customer", &customer)?,
            seat: word("backup.seat", &seat)?,
            asset: AssetId(asset),
            taken_at: Time::from_ms(taken_at),
            seen_at: Time::from_ms(seen_at),
            standing: standing(grade, learned.iter().map(|event| event.event)),
        })
    };
    rows.into_iter().map(age).collect()
}
