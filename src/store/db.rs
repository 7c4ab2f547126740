//! Connections to the two databases.

use std::path::Path;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::error::StoreError;
use super::files;
use crate::model::store_url::StoreUrl;

/// A connection to either database. PostgreSQL stands first: SQLite takes any text as a path.
#[derive(diesel::MultiConnection)]
pub(super) enum Db {
    Pg(PgConnection),
    Sqlite(SqliteConnection),
}

pub(super) type Backend = <Db as Connection>::Backend;

/// What a connection is for; it decides how durable its commits are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A commit survives the loss of power.
    Intent,
    /// A commit survives the end of the process.
    Observation,
    /// Nothing is written.
    Reader,
}

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Connects without looking at what is there. The variants are opened by hand: the enum's own `establish` would
/// make an SQLite file of an address that PostgreSQL does not answer at.
pub(super) fn connect(url: &StoreUrl, role: Role) -> Result<Db, StoreError> {
    match url {
        StoreUrl::Sqlite(path) => {
            let mut db = SqliteConnection::establish(sqlite_path(path)?).map_err(|error| unavailable(&error))?;
            let (synchronous, query_only) = match role {
                Role::Intent => ("FULL", "OFF"),
                Role::Observation => ("NORMAL", "OFF"),
                Role::Reader => ("NORMAL", "ON"),
            };
            // busy_timeout comes first: the statements after it may have to wait for a lock.
            db.batch_execute(&format!(
                "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; \
                 PRAGMA trusted_schema = OFF; PRAGMA secure_delete = FAST; PRAGMA synchronous = {synchronous}; \
                 PRAGMA query_only = {query_only};"
            ))?;
            Ok(Db::Sqlite(db))
        }
        StoreUrl::Postgres(target) => {
            let mut db = PgConnection::establish(&target.conninfo("hoshu")).map_err(|error| unavailable(&error))?;
            db.batch_execute(match role {
                Role::Intent => "SET synchronous_commit = on",
                Role::Observation => "SET synchronous_commit = off",
                Role::Reader => "SET default_transaction_read_only = on",
            })?;
            Ok(Db::Pg(db))
        }
    }
}

fn sqlite_path(path: &Path) -> Result<&str, StoreError> {
    // "file:" and "sqlite:" at the beginning would be read as an address with parameters.
    let text = path.to_str().filter(|text| text.starts_with('/'));
    text.ok_or_else(|| StoreError::Unavailable { reason: "the path of the store is not absolute UTF-8".to_owned() })
}

fn unavailable(error: &ConnectionError) -> StoreError {
    StoreError::Unavailable { reason: error.to_string().lines().next().unwrap_or_default().to_owned() }
}

/// Begins a transaction that writes: SQLite takes its lock at once, so that no reader has to become a writer.
pub(super) fn begin(db: &mut Db) -> QueryResult<()> {
    match db {
        Db::Sqlite(db) => AnsiTransactionManager::begin_transaction_sql(db, "BEGIN IMMEDIATE"),
        Db::Pg(db) => AnsiTransactionManager::begin_transaction(db),
    }
}

/// Ends what [`begin`] began and keeps it.
pub(super) fn commit(db: &mut Db) -> QueryResult<()> {
    <Db as Connection>::TransactionManager::commit_transaction(db)
}

/// Makes the files of an SQLite store, or looks whether only their owner may use them.
pub(super) fn prepare(url: &StoreUrl, create: bool) -> Result<StoreUrl, StoreError> {
    match url {
        StoreUrl::Sqlite(path) => files::prepare(path, create).map(StoreUrl::Sqlite),
        StoreUrl::Postgres(_) => Ok(url.clone()),
    }
}

/// Brings the schema to this version; a schema of a later version is refused.
pub(super) fn migrate(db: &mut Db) -> Result<(), StoreError> {
    let applied = match db {
        Db::Sqlite(db) => db.applied_migrations().map(|list| texts(&list)),
        Db::Pg(db) => db.applied_migrations().map(|list| texts(&list)),
    };
    compare(&applied.map_err(migration_error)?, true)?;
    match db {
        Db::Sqlite(db) => db.run_pending_migrations(SQLITE).map(drop),
        Db::Pg(db) => db.run_pending_migrations(POSTGRES).map(drop),
    }
    .map_err(migration_error)
}

diesel::table! {
    #[sql_name = "__diesel_schema_migrations"]
    applied_migration (version) {
        version -> Text,
    }
}

/// Refuses a schema of another version, without changing anything.
pub(super) fn check_schema(db: &mut Db) -> Result<(), StoreError> {
    let applied: Vec<String> = applied_migration::table.select(applied_migration::version).load(db)?;
    compare(&applied, false)
}

fn compare(applied: &[String], may_be_older: bool) -> Result<(), StoreError> {
    let known = names::<diesel::sqlite::Sqlite>(&SQLITE)?;
    let newest = |list: &[String]| list.iter().max().cloned().unwrap_or_else(|| "empty".to_owned());
    let newer = applied.iter().any(|version| !known.contains(version));
    let older = known.iter().any(|version| !applied.contains(version));
    if newer || (older && !may_be_older) {
        return Err(StoreError::OtherSchema { expected: newest(&known), found: newest(applied) });
    }
    Ok(())
}

fn texts(versions: &[diesel::migration::MigrationVersion<'_>]) -> Vec<String> {
    versions.iter().map(ToString::to_string).collect()
}

fn names<B: diesel::backend::Backend>(source: &EmbeddedMigrations) -> Result<Vec<String>, StoreError> {
    let migrations: Vec<Box<dyn Migration<B>>> = source.migrations().map_err(migration_error)?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants of a boxed error")]
fn migration_error(error: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::NotWritten { reason: format!("the schema cannot be brought to this version: {error}") }
}
