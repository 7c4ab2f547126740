//! Sealed objects: small ones in the row, large ones by their path in the depot.

use std::collections::HashMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use crate::model::actor::Act;
use crate::model::id::ObjectId;
use crate::model::object::{ObjectBody, ObjectFacts, ObjectKind, ObjectPlace, SealedObject};
use crate::model::time::Time;

use super::db::Db;
use super::error::StoreError;
use super::row::{damaged, within, word};
use super::schema::object;
use super::{Scoped, audit};

/// Objects of one question to the database.
const IDS_AT_ONCE: usize = 500;

#[derive(Queryable)]
struct Row {
    id: i64,
    customer: String,
    seat: String,
    generation: i64,
    kind: String,
    taken_at: i64,
    nonce: String,
    digest: Vec<u8>,
    bytes: i64,
    path: Option<String>,
    body: Option<Vec<u8>>,
}

/// Writes the row of an object; its file, if it has one, lies in the depot already.
pub(super) fn add(db: &mut Db, new: &SealedObject) -> Result<ObjectId, StoreError> {
    let (path, body) = match &new.body {
        ObjectBody::File(path) => (Some(path), None),
        ObjectBody::Row(body) => (None, Some(body)),
    };
    let facts = &new.facts;
    let id = diesel::insert_into(object::table)
        .values((
            object::customer.eq(facts.customer.as_str()),
            object::seat.eq(facts.seat.as_str()),
            object::generation.eq(i64::from(facts.generation)),
            object::kind.eq(facts.kind.as_str()),
            object::taken_at.eq(facts.taken_at.as_ms()),
            object::nonce.eq(&facts.nonce),
            object::digest.eq(facts.digest.as_slice()),
            object::bytes.eq(i64::try_from(facts.bytes).unwrap_or(i64::MAX)),
            object::path.eq(path),
            object::body.eq(body),
        ))
        .returning(object::id)
        .get_result(db)?;
    Ok(ObjectId(id))
}

/// One object, or why its row cannot be read.
pub type ObjectRead = (ObjectId, Result<SealedObject, StoreError>);

/// The objects after one, in the order of their numbers; a row that cannot be read says why.
pub(super) fn portion(db: &mut Db, after: ObjectId, limit: i64) -> Result<Vec<ObjectRead>, StoreError> {
    let query = object::table.filter(object::id.gt(after.0)).order(object::id).limit(limit);
    let rows: Vec<Row> = query.select(object::all_columns).load(db)?;
    Ok(rows.into_iter().map(|row| (ObjectId(row.id), noun(row))).collect())
}

impl Scoped {
    /// A sealed object with what the row says of it; the depot compares that with the header inside.
    pub async fn object_get(&self, id: ObjectId) -> Result<Option<SealedObject>, StoreError> {
        let customers = self.customers();
        let read = move |db: &mut Db| {
            let query = within!(object::table.select(object::all_columns), object::customer, &customers);
            query.filter(object::id.eq(id.0)).first::<Row>(db).optional()?.map(noun).transpose()
        };
        self.store.read(read).await
    }
}

impl Scoped {
    /// Whether any object lies in the depot.
    pub async fn object_in_depot(&self) -> Result<bool, StoreError> {
        let customers = self.customers();
        let read = move |db: &mut Db| {
            let query = within!(object::table.select(object::id), object::customer, &customers);
            let first: Option<i64> = query.filter(object::path.is_not_null()).first(db).optional()?;
            Ok(first.is_some())
        };
        self.store.read(read).await
    }

    /// Where objects lie, without reading their bytes; one that is not known is absent.
    pub async fn object_places(&self, ids: &[ObjectId]) -> Result<HashMap<ObjectId, ObjectPlace>, StoreError> {
        let customers = self.customers();
        let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
        // A number that is none of bytes is a size that no object has.
        let size = |bytes: i64| u64::try_from(bytes).unwrap_or(u64::MAX);
        let read = move |db: &mut Db| {
            let mut places = HashMap::with_capacity(ids.len());
            for ids in ids.chunks(IDS_AT_ONCE) {
                let held = sql::<Nullable<BigInt>>("CAST(octet_length(body) AS BIGINT)");
                let columns = object::table.select((object::id, object::bytes, object::path, held));
                let query = within!(columns, object::customer, &customers).filter(object::id.eq_any(ids));
                for (id, bytes, path, held) in query.load::<(i64, i64, Option<String>, Option<i64>)>(db)? {
                    let place = ObjectPlace { bytes: size(bytes), path, held: held.map_or(0, size) };
                    places.insert(ObjectId(id), place);
                }
            }
            Ok(places)
        };
        self.store.read(read).await
    }

    /// Whether the audit of the backup or session that brought an object has the digest that its row has now: a row can be
    /// written over, and anybody can seal to a public key.
    pub async fn object_is_recorded(&self, facts: &ObjectFacts) -> Result<bool, StoreError> {
        if !self.scope.sees(&facts.customer) {
            return Ok(false);
        }
        let (seat, at, digest) = (facts.seat.clone(), facts.taken_at, hex::encode(facts.digest));
        let acts: &[Act] = match facts.kind {
            ObjectKind::Configuration => &[Act::BackupTaken],
            ObjectKind::Pushed => &[Act::BackupTaken, Act::BundleTaken],
            ObjectKind::Transcript => &[Act::SessionEnded],
        };
        let read = move |db: &mut Db| audit::has(db, (at, seat.as_str()), acts, "sealed_sha256", &digest);
        self.store.read(read).await
    }
}

fn noun(row: Row) -> Result<SealedObject, StoreError> {
    let broken = |column| damaged(column, &ObjectId(row.id).to_string());
    let body = match (row.path, row.body) {
        (Some(path), None) => ObjectBody::File(path),
        (None, Some(body)) => ObjectBody::Row(body),
        _ => return Err(broken("object.body")),
    };
    let facts = ObjectFacts {
        customer: word("object.customer", &row.customer)?,
        seat: word("object.seat", &row.seat)?,
        generation: u32::try_from(row.generation).map_err(|_| broken("object.generation"))?,
        kind: word("object.kind", &row.kind)?,
        taken_at: Time::from_ms(row.taken_at),
        nonce: row.nonce,
        digest: row.digest.try_into().map_err(|_| broken("object.digest"))?,
        bytes: u64::try_from(row.bytes).map_err(|_| broken("object.bytes"))?,
    };
    Ok(SealedObject { facts, body })
}
