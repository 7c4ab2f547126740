//! Generations: each accepted load of the inventory, whole and compressed.

use diesel::prelude::*;

use crate::model::actor::{NewAudit, Scope};
use crate::model::id::GenerationId;
use crate::model::limits::GENERATION_BYTES_MAX;
use crate::model::time::Time;

use super::db::Db;
use super::error::StoreError;
use super::row::damaged;
use super::schema::generation;
use super::{Scoped, Store, audit};

/// One accepted load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Its number.
    pub number: GenerationId,
    /// SHA-256 over all files, in hex.
    pub digest: String,
    /// When it was accepted.
    pub at: Time,
    /// By whom.
    pub by: String,
}

impl Store {
    /// Accepts a load: `files` is its whole text. The newest generation with the same digest is kept as it is.
    pub async fn generation_add(
        &self,
        digest: String,
        files: String,
        audit: NewAudit,
    ) -> Result<GenerationId, StoreError> {
        let packed = zstd::bulk::compress(files.as_bytes(), 9);
        let packed = packed.map_err(|error| StoreError::NotWritten { reason: error.to_string() })?;
        let write = move |db: &mut Db| {
            let newest: Option<(i64, String)> = generation::table
                .select((generation::number, generation::digest))
                .order(generation::number.desc())
                .first(db)
                .optional()?;
            if let Some((number, known)) = newest
                && known == digest
            {
                return Ok(GenerationId(number));
            }
            let number = diesel::insert_into(generation::table)
                .values((
                    generation::digest.eq(&digest),
                    generation::accepted_at.eq(audit.at.as_ms()),
                    generation::accepted_by.eq(&audit.actor),
                    generation::files.eq(&packed),
                ))
                .returning(generation::number)
                .get_result(db)?;
            audit::add(db, &audit)?;
            Ok(GenerationId(number))
        };
        self.intent(write).await
    }
}

impl Scoped {
    /// The newest generations, newest first. They hold every customer, so only the house sees them.
    pub async fn generation_list(&self, limit: i64) -> Result<Vec<Generation>, StoreError> {
        if self.scope != Scope::House {
            return Ok(Vec::new());
        }
        let read = move |db: &mut Db| {
            let rows: Vec<(i64, String, i64, String)> = generation::table
                .select((generation::number, generation::digest, generation::accepted_at, generation::accepted_by))
                .order(generation::number.desc())
                .limit(limit)
                .load(db)?;
            Ok(rows.into_iter().map(read_row).collect())
        };
        self.store.read(read).await
    }

    /// The generation that was accepted last.
    pub async fn generation_latest(&self) -> Result<Option<Generation>, StoreError> {
        Ok(self.generation_list(1).await?.pop())
    }

    /// The files of a generation, as they were accepted.
    pub async fn generation_files(&self, number: GenerationId) -> Result<Option<String>, StoreError> {
        if self.scope != Scope::House {
            return Ok(None);
        }
        let read = move |db: &mut Db| {
            let packed: Option<Vec<u8>> =
                generation::table.find(number.0).select(generation::files).first(db).optional()?;
            let broken = || damaged("generation.files", &number.to_string());
            let Some(packed) = packed else { return Ok(None) };
            let files = zstd::bulk::decompress(&packed, GENERATION_BYTES_MAX).map_err(|_| broken())?;
            String::from_utf8(files).map(Some).map_err(|_| broken())
        };
        self.store.read(read).await
    }
}

fn read_row((number, digest, at, by): (i64, String, i64, String)) -> Generation {
    Generation { number: GenerationId(number), digest, at: Time::from_ms(at), by }
}
