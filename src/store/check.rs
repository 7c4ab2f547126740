//! Looking at every row, in portions, for what a damaged disk or a strange hand leaves. Nothing is changed.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::model::actor::{Act, Scope};
use crate::model::id::{BackupId, ObjectId};
use crate::model::object::ObjectKind;
use crate::model::store_check::{Flaw, StoreProblem};
use crate::model::time::Time;

use super::db::Db;
use super::error::StoreError;
use super::schema::{backup, backup_seen, customer_key, object, object_text, store_meta};
use super::{Scoped, audit, object as objects};

/// Backups of one portion.
const BACKUPS_AT_ONCE: i64 = 500;
/// Objects of one portion: their bodies are in memory, each of less than 64 KiB.
const OBJECTS_AT_ONCE: i64 = 64;
/// What the database says of itself, in lines at most.
const LINES_MAX: usize = 100;

/// A portion of backups that was looked at.
#[derive(Debug, Default)]
pub struct BackupsChecked {
    /// How many there were.
    pub looked: usize,
    /// The last of them; absent when there were none.
    pub last: Option<BackupId>,
    /// What is wrong with them.
    pub problems: Vec<StoreProblem>,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Scoped {
    /// What the database finds wrong with itself. PostgreSQL keeps its references by itself and looks after its files, so
    /// that there is nothing to ask. Only the house asks.
    pub async fn check_database(&self) -> Result<Vec<StoreProblem>, StoreError> {
        if self.scope != Scope::House {
            return Ok(Vec::new());
        }
        let read = move |db: &mut Db| {
            let Db::Sqlite(db) = db else { return Ok(Vec::new()) };
            let problem = |flaw| {
                move |Line { line: detail }: Line| StoreProblem {
                    what: "database".to_owned(),
                    whose: String::new(),
                    place: "the store".into(),
                    flaw,
                    detail,
                    swept: false,
                }
            };
            let own = "SELECT integrity_check AS line FROM pragma_integrity_check";
            let own: Vec<Line> = diesel::sql_query(own).load(db)?;
            let own = own.into_iter().filter(|line| line.line != "ok").map(problem(Flaw::Database));
            // What a backup refers to is told with the backup.
            let references = format!(
                "SELECT \"table\" || ' ' || coalesce(rowid, '') || ': expected a row of ' || parent || ', found none' \
                 AS line FROM pragma_foreign_key_check WHERE NOT (\"table\" = 'backup' AND parent = 'object') \
                 LIMIT {LINES_MAX}"
            );
            let references: Vec<Line> = diesel::sql_query(references).load(db)?;
            Ok(own.chain(references.into_iter().map(problem(Flaw::Reference))).collect())
        };
        self.store.read(read).await
    }

    /// Looks at the backups after one: does each refer to an object of its own customer and seat that has a text, and did
    /// the audit see it taken with this content? Only the house asks.
    pub async fn check_backups(&self, after: BackupId) -> Result<BackupsChecked, StoreError> {
        if self.scope != Scope::House {
            return Ok(BackupsChecked::default());
        }
        let read = move |db: &mut Db| {
            let objects = object::table.left_join(object_text::table);
            let query = backup::table.left_join(backup_seen::table).left_join(objects);
            let query = query.filter(backup::id.gt(after.0)).order(backup::id).limit(BACKUPS_AT_ONCE);
            let rows: Vec<BackupRow> = query
                .select((
                    backup::id,
                    backup::customer,
                    backup::seat,
                    backup::taken_at,
                    backup::content,
                    backup_seen::seen_at.nullable(),
                    (object::customer, object::seat, object::kind).nullable(),
                    object_text::object_id.nullable(),
                ))
                .load(db)?;
            // With a customer's keys go the texts.
            let destroyed = customer_key::table.filter(customer_key::destroyed_at.is_not_null());
            let destroyed: HashSet<String> =
                destroyed.select(customer_key::customer).load::<String>(db)?.into_iter().collect();
            let mut checked =
                BackupsChecked { looked: rows.len(), last: rows.last().map(|row| BackupId(row.0)), problems: vec![] };
            for row in rows {
                checked.problems.extend(backup_problems(db, row, &destroyed)?);
            }
            Ok(checked)
        };
        self.store.read(read).await
    }

    /// The objects after one. Only the house asks.
    pub async fn check_objects(&self, after: ObjectId) -> Result<Vec<objects::ObjectRead>, StoreError> {
        if self.scope != Scope::House {
            return Ok(Vec::new());
        }
        self.store.read(move |db| objects::portion(db, after, OBJECTS_AT_ONCE)).await
    }

    /// When the store was made.
    pub async fn store_made_at(&self) -> Result<Time, StoreError> {
        let read = move |db: &mut Db| {
            let made_at: i64 = store_meta::table.select(store_meta::made_at).first(db)?;
            Ok(Time::from_ms(made_at))
        };
        self.store.read(read).await
    }

    /// Which of some paths of the depot a row names. Only the house asks.
    pub async fn object_paths(&self, paths: Vec<String>) -> Result<HashSet<String>, StoreError> {
        if self.scope != Scope::House {
            return Ok(HashSet::new());
        }
        let read = move |db: &mut Db| {
            let query = object::table.filter(object::path.eq_any(paths)).select(object::path);
            let found: Vec<Option<String>> = query.load(db)?;
            Ok(found.into_iter().flatten().collect())
        };
        self.store.read(read).await
    }
}

type BackupRow = (i64, String, String, i64, Vec<u8>, Option<i64>, Option<(String, String, String)>, Option<i64>);

fn backup_problems(
    db: &mut Db,
    (id, customer, seat, taken_at, content, seen_at, owner, text): BackupRow,
    destroyed: &HashSet<String>,
) -> Result<Vec<StoreProblem>, StoreError> {
    let mut problems = Vec::new();
    let mut tell = |flaw, detail: String| {
        problems.push(StoreProblem {
            what: BackupId(id).to_string(),
            whose: format!("{customer} {seat}"),
            place: "backup".into(),
            flaw,
            detail,
            swept: false,
        });
    };
    if seen_at.is_none() {
        tell(Flaw::Reference, "expected a row in backup_seen, found none: no list shows this backup".to_owned());
    }
    match owner {
        None => tell(Flaw::Reference, "expected its sealed object, found none".to_owned()),
        Some((owner, from, _)) if (&owner, &from) != (&customer, &seat) => {
            tell(Flaw::OtherOwner, format!("expected an object of {customer} {seat}, found one of {owner} {from}"));
        }
        // What an appliance wrote has no text.
        Some((_, _, kind))
            if kind == ObjectKind::Configuration.as_str() && text.is_none() && !destroyed.contains(&customer) =>
        {
            tell(Flaw::NoText, "expected the redacted text of its object, found none".to_owned());
        }
        Some(_) => {}
    }
    let taken = (Time::from_ms(taken_at), seat.as_str());
    if !audit::has(db, taken, &[Act::BackupTaken, Act::BundleTaken], "content", &hex::encode(content))? {
        tell(Flaw::NotRecorded, "expected its content in the audit of its taking, found none".to_owned());
    }
    Ok(problems)
}
